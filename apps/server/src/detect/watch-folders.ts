// SPDX-License-Identifier: Apache-2.0

import { type FSWatcher, watch } from 'node:fs'
import { type Clock, createBell, type Disk, isSealwatchError, type SealwatchError } from '@sealwatch/base'
import { type FolderLook, lookInto, type ReadFile, readFiles } from './read-folder.ts'
import type { Rulebook } from './rulebook.ts'

/** A folder, and why what was read of it before counts still. */
export type FolderState = { readonly dir: string; readonly problem: SealwatchError | undefined }

export type FolderWatch = {
  readonly folders: readonly FolderState[]
  /** Has the rulebook hold what lies in the folders. Never rejects for what is there. */
  look(): Promise<void>
  /** Looks whenever something there changes, until the signal fires; `onLook` before, and after each look. */
  run(signal: AbortSignal, onLook: () => Promise<void>): Promise<void>
  /** Has all of it read anew. */
  ring(): void
}

export type WatchOptions = {
  readonly dirs: readonly string[]
  readonly book: Rulebook
  readonly disk: Pick<Disk, 'readAt'>
  readonly clock: Clock
}

export const watchTimes = {
  /** A file is met half-written, a checkout half-way: it is read once nothing has changed for so long. */
  settleMs: 500,
  /** What changes for ever is read all the same after so many of these. */
  settlingsMax: 20,
  /** Where nobody tells of changes: a file system over the network, a kernel out of watches. */
  lookEveryMs: 10_000,
} as const
const watchedMax = 512

type Known = { readonly state: FolderState; readonly look?: FolderLook; readonly files: readonly ReadFile[] }

export function watchFolders({ dirs, book, disk, clock }: WatchOptions): FolderWatch {
  const bell = createBell()
  const watchers = new Map<string, FSWatcher>()
  let known: readonly Known[] = dirs.map((dir) => ({ state: { dir, problem: undefined }, files: [] }))
  let taken: string | undefined
  let isStirred = false
  let isForced = false

  function stir(): void {
    isStirred = true
    bell.ring()
  }

  async function looks(): Promise<readonly (FolderLook | SealwatchError)[]> {
    return Promise.all(dirs.map((dir) => lookInto(dir).catch(problemOf)))
  }

  async function settled(signal: AbortSignal): Promise<readonly (FolderLook | SealwatchError)[]> {
    let found = await looks()
    for (let i = 0; i < watchTimes.settlingsMax && !signal.aborted && markOf(found) !== taken; i += 1) {
      await clock.sleep(watchTimes.settleMs, signal)
      const before = markOf(found)
      found = await looks()
      if (markOf(found) === before) break
    }
    return found
  }

  async function take(found: readonly (FolderLook | SealwatchError)[]): Promise<void> {
    const mark = markOf(found)
    if (mark === taken && !isForced) return
    isForced = false
    known = await Promise.all(found.map((one, i) => readKnown(one, known[i] as Known)))
    await book.take(known.flatMap(({ files }) => files))
    taken = mark
    follow(known.flatMap(({ look }) => look?.folders ?? []))
  }

  async function readKnown(found: FolderLook | SealwatchError, before: Known): Promise<Known> {
    const { dir } = before.state
    try {
      if (isSealwatchError(found)) throw found
      return { state: { dir, problem: undefined }, look: found, files: await readFiles(found, disk) }
    } catch (error) {
      return { ...before, state: { dir, problem: problemOf(error) } }
    }
  }

  function follow(folders: readonly string[]): void {
    const wanted = new Set(folders.slice(0, watchedMax))
    for (const [path, watcher] of watchers) if (!wanted.has(path)) drop(path, watcher)
    for (const path of wanted) {
      if (watchers.has(path)) continue
      try {
        const watcher = watch(path, { persistent: false }, stir)
        watcher.on('error', () => drop(path, watcher))
        watchers.set(path, watcher)
      } catch {
        // The slow look finds what changes there.
      }
    }
  }

  function drop(path: string, watcher: FSWatcher): void {
    watchers.delete(path)
    watcher.close()
  }

  return {
    get folders() {
      return known.map(({ state }) => state)
    },
    ring: () => {
      isForced = true
      stir()
    },
    look: async () => take(await looks()),
    run: async (signal, onLook) => {
      try {
        for (;;) {
          await onLook()
          if (!isStirred) await somethingOr(watchTimes.lookEveryMs, signal)
          if (signal.aborted) return
          isStirred = false
          await take(await settled(signal))
        }
      } finally {
        follow([])
      }
    },
  }

  async function somethingOr(ms: number, signal: AbortSignal): Promise<void> {
    const over = new AbortController()
    const until = AbortSignal.any([signal, over.signal])
    await Promise.race([bell.wait(until), clock.sleep(ms, until)])
    over.abort()
  }
}

function problemOf(error: unknown): SealwatchError {
  if (isSealwatchError(error) && error.kind !== 'fatal') return error
  throw error
}

const markOf = (found: readonly (FolderLook | SealwatchError)[]): string =>
  found.map((one) => (isSealwatchError(one) ? String(one.received) : one.mark)).join(' ')
