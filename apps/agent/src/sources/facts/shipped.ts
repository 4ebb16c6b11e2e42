// SPDX-License-Identifier: Apache-2.0

import { createHash } from 'node:crypto'
import { type BigIntStats, constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { type Clock, createRate } from '@sealwatch/base'
import type { Observation } from '../observation.ts'
import { remember } from './remember.ts'

export type Change = Extract<Observation, { kind: 'file_change' }>

export type ShippedLookups = {
  /** Whether the change left what the package brought to that path; undefined: not known. */
  of(change: Change): boolean | undefined
  /** Begins to look; undefined when nothing is to be waited for. Never rejects. */
  look(change: Change): Promise<void> | undefined
}

export const shippedLimits = {
  answersMax: 256,
  /** Of a larger file it is not known. */
  bytesMax: 64 * 1024 * 1024,
  bytesPerSecondMax: 64 * 1024 * 1024,
} as const

/** Changes that leave content of which it is a question whose it is. */
const changes: readonly string[] = ['create', 'write', 'truncate', 'rename', 'link']
/** No lease and no pipe keeps us waiting, and no link leads elsewhere. */
const openFlags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW | constants.O_NOCTTY
const chunkBytes = 256 * 1024

/** The path at which a change left something; null: nowhere that is known. */
export function leftAt({ change, path, to }: Change): string | null {
  return changes.includes(change) ? (change === 'rename' ? to : path) : null
}

export function createShipped(clock: Clock, shippedMd5: (path: string) => Promise<string | undefined>): ShippedLookups {
  const answers = new Map<string, boolean>()
  const { bytesMax, bytesPerSecondMax, answersMax } = shippedLimits
  const reads = createRate(clock, { perSecond: bytesPerSecondMax, burst: bytesMax, keysMax: 1 })
  const keyOf = ({ dev, ino, timeNs }: Change) => `${dev}:${ino}:${timeNs}`

  async function compare(change: Change, path: string): Promise<void> {
    const expected = await shippedMd5(path)
    if (expected === undefined || change.after === null) return
    if (reads.take('', Number(change.after.size)) > 0) return
    const found = await digestsOf(path, change)
    if (found !== undefined) remember(answers, keyOf(change), found === expected, answersMax)
  }

  return {
    of: (change) => answers.get(keyOf(change)),
    look(change) {
      const path = leftAt(change)
      const { after } = change
      if (path === null || after === null || (after.mode & 0o170000) !== 0o100000 || after.size > bytesMax)
        return undefined
      return compare(change, path).catch(() => undefined)
    },
  }
}

/** MD5 of the very content that the change left; undefined: it is another by now, or closed to our user. */
async function digestsOf(path: string, { dev, ino, after }: Change): Promise<string | undefined> {
  const handle = await open(path, openFlags)
  try {
    const before = await handle.stat({ bigint: true })
    if (!isObject(before, dev, ino) || before.size !== after?.size) return undefined
    const { md5, sha256 } = await readDigests(handle, Number(before.size))
    if (after.sha256 !== null) return after.sha256 === sha256 ? md5 : undefined
    const now = await handle.stat({ bigint: true })
    return now.ctimeNs === before.ctimeNs ? md5 : undefined
  } finally {
    await handle.close()
  }
}

async function readDigests(handle: FileHandle, bytes: number) {
  const hashes = { md5: createHash('md5'), sha256: createHash('sha256') }
  const buffer = Buffer.allocUnsafe(Math.min(bytes + 1, chunkBytes))
  for (let left = bytes; left >= 0; ) {
    const { bytesRead } = await handle.read(buffer, 0, buffer.length)
    if (bytesRead === 0) break
    left -= bytesRead
    for (const hash of Object.values(hashes)) hash.update(buffer.subarray(0, bytesRead))
  }
  return { md5: hashes.md5.digest('hex'), sha256: hashes.sha256.digest('hex') }
}

function isObject(found: BigIntStats, dev: number, ino: bigint): boolean {
  // makedev(3) there, the kernel's dev_t here.
  const major = ((found.dev >> 8n) & 0xfffn) | ((found.dev >> 32n) & ~0xfffn)
  const minor = (found.dev & 0xffn) | ((found.dev >> 12n) & ~0xffn)
  return found.isFile() && found.ino === ino && ((major << 20n) | minor) === BigInt(dev >>> 0)
}
