// SPDX-License-Identifier: Apache-2.0

import { statSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, createRate } from '@sealwatch/base'
import type { InstalledPackage } from '../../observe/dpkg.ts'
import type { FileRef } from '../observation.ts'
import { isListed, type PackageLists, readPackageLists } from './package-lists.ts'
import { remember } from './remember.ts'

/** What is to be known of a file to ask whose it is. */
export type NamedFile = Pick<FileRef, 'path' | 'ino' | 'mode' | 'unlinked'>

export type PackageLookups = {
  /** null: no package has a file there; undefined: not known. `mntNs` null: as the sensor itself sees it. */
  of(file: NamedFile, mntNs: number | null): InstalledPackage | null | undefined
  /** Begins to look; undefined when nothing is to be waited for. Never rejects. */
  look(file: NamedFile, mntNs: number | null): Promise<void> | undefined
  /** MD5 of what a package brought to that path, by its own list; undefined: not known. Never rejects. */
  shippedMd5(path: string): Promise<string | undefined>
}

export const packageLimits = {
  answersMax: 2_048,
  /** What dpkg keeps is looked at for changes, and read again, at most so often. */
  changeEveryMs: 5_000,
  buildEveryMs: 30_000,
  perSecondMax: 100,
} as const

const bufferBytes = 64 * 1024
const systemRoots = { dpkg: '/var/lib/dpkg', root: '/' }

export function createPackages(clock: Clock, roots = systemRoots, ownMntNs = mountNamespace()): PackageLookups {
  const limits = packageLimits
  const answers = new Map<string, InstalledPackage | null>()
  const underWay = new Map<string, Promise<void>>()
  const looks = createRate(clock, { perSecond: limits.perSecondMax, burst: limits.perSecondMax, keysMax: 1 })
  const buffer = Buffer.allocUnsafeSlow(bufferBytes)
  let lists: PackageLists | undefined
  let triedStamp: string | undefined
  let lookedAtMs = Number.NEGATIVE_INFINITY
  let builtAtMs = Number.NEGATIVE_INFINITY
  let turn: Promise<void> = Promise.resolve()

  /** One after the other, for they share the buffer. What fails, dpkg at work or not there, leaves things unknown. */
  function inTurn(work: () => Promise<void>): Promise<void> {
    turn = turn.then(work).catch(() => undefined)
    return turn
  }

  async function refresh(): Promise<void> {
    const stamp = await stampOf(roots.dpkg)
    if (stamp === triedStamp) return
    lists = undefined
    answers.clear()
    if (stamp === undefined || clock.nowMs() - builtAtMs < limits.buildEveryMs) return
    builtAtMs = clock.nowMs()
    triedStamp = stamp
    const read = await readPackageLists(roots.dpkg, roots.root, buffer)
    if ((await stampOf(roots.dpkg)) === stamp) lists = read
  }

  async function find(path: string): Promise<void> {
    const from = lists
    const owner = await from?.ownerOf(path)
    if (owner !== undefined && from === lists) remember(answers, path, owner, limits.answersMax)
  }

  const canKnow = ({ path, mode, unlinked }: NamedFile, mntNs: number | null) =>
    (mntNs ?? ownMntNs) === ownMntNs && (mode & 0o170000) === 0o100000 && !unlinked && isListed(path)

  return {
    of: (file, mntNs) => (canKnow(file, mntNs) ? answers.get(file.path) : undefined),
    async shippedMd5(path) {
      const from = lists
      if (from === undefined || !isListed(path) || looks.take('') > 0) return undefined
      let md5: string | undefined
      await inTurn(async () => {
        md5 = await from.shippedMd5(path)
      })
      return from === lists ? md5 : undefined
    },
    look(file, mntNs) {
      if (!canKnow(file, mntNs)) return undefined
      if (clock.nowMs() - lookedAtMs >= limits.changeEveryMs) {
        lookedAtMs = clock.nowMs()
        void inTurn(refresh)
      }
      const { path } = file
      if (lists === undefined || answers.has(path)) return undefined
      const begun = underWay.get(path)
      if (begun !== undefined) return begun
      if (looks.take('') > 0) return undefined
      const looking = inTurn(() => find(path)).finally(() => underWay.delete(path))
      underWay.set(path, looking)
      return looking
    },
  }
}

/** dpkg writes a new status file with each of its steps. */
async function stampOf(dpkg: string): Promise<string | undefined> {
  try {
    const { ino, mtimeNs, size } = await stat(join(dpkg, 'status'), { bigint: true })
    return `${ino}:${mtimeNs}:${size}`
  } catch {
    return undefined
  }
}

function mountNamespace(): number {
  return statSync('/proc/self/ns/mnt').ino
}
