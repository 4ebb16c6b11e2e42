// SPDX-License-Identifier: Apache-2.0

import { createHash } from 'node:crypto'
import { type BigIntStats, constants } from 'node:fs'
import { type FileHandle, lstat, open } from 'node:fs/promises'
import { type Clock, createRate } from '@sealwatch/base'
import type { ImageFacts } from '../../observe/enrichment.ts'
import type { FileRef, Observation } from '../observation.ts'
import { remember } from './remember.ts'

export type Exec = Extract<Observation, { kind: 'exec' }>

export type ImageLookups = {
  of(file: FileRef, timeNs: bigint): ImageFacts | undefined
  /** Begins to look whether a hash is known of the image as it is now; undefined when nothing is to be waited for. Never rejects. */
  look(exec: Exec): Promise<void> | undefined
}

export const imageLimits = {
  imagesMax: 2_048,
  /** A larger image has no hash. */
  bytesMax: 256 * 1024 * 1024,
  /** About a tenth of a core. */
  bytesPerSecondMax: 32 * 1024 * 1024,
  checksPerSecondMax: 400,
  /** Images that wait for their turn: one is read at a time. */
  waitingMax: 64,
} as const

type Version = Pick<BigIntStats, 'size' | 'mtimeNs' | 'ctimeNs'>
type Known = Version & {
  readonly sha256: string
  /** ctime by CLOCK_BOOTTIME. */
  readonly changedNs: bigint
  /** It was found unchanged after an exec at this time of CLOCK_BOOTTIME. */
  readonly checkedNs: bigint
}

/** Of <linux/magic.h>, what cannot keep a reader waiting for ever: ext, xfs, tmpfs, overlay, f2fs, squashfs, erofs, zfs, btrfs. */
const localFileSystems = new Set([
  ...[0xef53, 0x58465342, 0x01021994, 0x794c7630, 0xf2f52010, 0x73717368, 0xe0f5e1e2, 0x2fc12fc1, 0x9123683e],
])
const regular = 0o100000
const formatMask = 0o170000
/** /proc/uptime and the clock of ctime go in ticks of up to 10 ms each. */
const ticksNs = 20_000_000n
const chunkBytes = 256 * 1024
/** No lease and no pipe keeps us waiting, and no link leads elsewhere: the kernel's path has none. */
const openFlags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW | constants.O_NOCTTY

export function createImageHashes(clock: Clock, bootNs: () => bigint): ImageLookups {
  const limits = imageLimits
  const images = new Map<string, Known>()
  const underWay = new Map<string, Promise<void>>()
  const checks = createRate(clock, {
    perSecond: limits.checksPerSecondMax,
    burst: limits.checksPerSecondMax,
    keysMax: 1,
  })
  const reads = createRate(clock, { perSecond: limits.bytesPerSecondMax, burst: limits.bytesMax, keysMax: 1 })
  const buffer = Buffer.allocUnsafeSlow(chunkBytes)
  let turn: Promise<unknown> = Promise.resolve()
  let waiting = 0

  async function check({ file, timeNs }: Exec): Promise<void> {
    const key = keyOf(file)
    const now = await versionAt(file)
    if (now === undefined) return
    const known = images.get(key)
    if (known && isSame(known, now)) {
      remember(images, key, { ...known, checkedNs: timeNs }, limits.imagesMax)
      return
    }
    const sha256 = await inTurn(() => hashOf(file, now))
    if (sha256 === undefined) return
    const changedNs = now.ctimeNs - (clock.nowNs() - bootNs())
    const { size, mtimeNs, ctimeNs } = now
    remember(images, key, { sha256, size, mtimeNs, ctimeNs, changedNs, checkedNs: timeNs }, limits.imagesMax)
  }

  async function inTurn(hash: () => Promise<string | undefined>): Promise<string | undefined> {
    if (waiting >= limits.waitingMax) return undefined
    waiting += 1
    const mine = turn.then(hash)
    turn = mine.catch(() => undefined)
    return mine.finally(() => {
      waiting -= 1
    })
  }

  async function hashOf(file: FileRef, version: BigIntStats): Promise<string | undefined> {
    const bytes = Number(version.size)
    if (bytes > limits.bytesMax || reads.take('', bytes) > 0) return undefined
    const handle = await open(file.path, openFlags)
    try {
      const before = await handle.stat({ bigint: true })
      if (!isObject(before, file) || !isSame(before, version)) return undefined
      const sha256 = await digestOf(handle, bytes, buffer)
      return isSame(await handle.stat({ bigint: true }), version) ? sha256 : undefined
    } finally {
      await handle.close()
    }
  }

  return {
    of(file, timeNs) {
      const known = images.get(keyOf(file))
      if (known === undefined) return undefined
      return { sha256: known.sha256, isProven: known.changedNs + ticksNs <= timeNs && timeNs <= known.checkedNs }
    },
    look(exec) {
      const { file } = exec
      const isReadable = file.path.startsWith('/') && !file.unlinked && localFileSystems.has(file.fsMagic >>> 0)
      if (!isReadable || (file.mode & formatMask) !== regular) return undefined
      const key = keyOf(file)
      const begun = underWay.get(key)
      if (begun !== undefined) return begun
      if (checks.take('') > 0) return undefined
      // A file that is gone, closed to us, or another by now has no hash: that is the answer.
      const looking = check(exec)
        .catch(() => undefined)
        .finally(() => underWay.delete(key))
      underWay.set(key, looking)
      return looking
    },
  }
}

/** The file at the path, if it is the very object that the kernel named. */
async function versionAt(file: FileRef): Promise<BigIntStats | undefined> {
  const found = await lstat(file.path, { bigint: true })
  return isObject(found, file) ? found : undefined
}

async function digestOf(handle: FileHandle, bytes: number, buffer: Buffer): Promise<string | undefined> {
  const hash = createHash('sha256')
  let left = bytes
  for (;;) {
    const { bytesRead } = await handle.read(buffer, 0, buffer.length)
    if (bytesRead === 0) return left === 0 ? hash.digest('hex') : undefined
    left -= bytesRead
    if (left < 0) return undefined
    hash.update(buffer.subarray(0, bytesRead))
  }
}

function isObject(found: BigIntStats, { dev, ino }: FileRef): boolean {
  // makedev(3) there, the kernel's dev_t here.
  const major = ((found.dev >> 8n) & 0xfffn) | ((found.dev >> 32n) & ~0xfffn)
  const minor = (found.dev & 0xffn) | ((found.dev >> 12n) & ~0xffn)
  return found.isFile() && found.ino === ino && ((major << 20n) | minor) === BigInt(dev >>> 0)
}

function isSame(one: Version, other: Version): boolean {
  return one.size === other.size && one.mtimeNs === other.mtimeNs && one.ctimeNs === other.ctimeNs
}

function keyOf({ dev, ino }: FileRef): string {
  return `${dev}:${ino}`
}
