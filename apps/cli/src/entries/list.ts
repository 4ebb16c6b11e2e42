// SPDX-License-Identifier: Apache-2.0

import { isSealwatchError } from '@sealwatch/base'
import type { Entry } from '@sealwatch/contract'
import { type Admin, withAdmin } from '../admin.ts'
import type { Context } from '../command.ts'
import type { Io } from '../io.ts'
import { counted, progressLine, safeJson } from '../terminal.ts'
import { type ReadEntry, readEntry } from './entry.ts'

type Listing = {
  readonly attempted: string
  readonly follow: boolean
  readonly call: (admin: Admin, signal: AbortSignal) => AsyncIterable<Entry>
  /** What is printed now that it is there, each of it one of those that `newest` counts. */
  readonly render: (entry: ReadEntry) => readonly string[]
  /** What is printed at the end, of what `render` kept. */
  readonly rest?: () => readonly string[]
  /** Only so many, the newest; 0: all, as they come. */
  readonly newest?: number
}

const progressEveryMs = 100
const retryMs = 250
const retriesMax = 120

/** Prints entries as they come; resolves with how many. A follower outlives restarts of the server. */
export async function printEntries({ io, place, json }: Context, listing: Listing): Promise<number> {
  const { attempted, follow, call, render, rest = () => [], newest = 0 } = listing
  const kept: string[] = []
  using progress = follow || !io.errTty ? noProgress : progressOf(io, attempted, io.outTty && newest === 0)
  let printed = 0
  let lastLeaf = -1n

  function print(texts: readonly string[]): void {
    if (newest === 0) for (const text of texts) io.out(text)
    else kept.splice(0, kept.push(...texts) - newest)
  }
  function end(): number {
    progress.end()
    if (!json) print(rest())
    for (const text of kept) io.out(text)
    return printed
  }
  for (let retries = 0; ; retries++) {
    try {
      await withAdmin(place, attempted, async (admin) => {
        for await (const entry of call(admin, io.stop)) {
          retries = 0
          // After a reconnect the list begins again.
          if (entry.leafIndex <= lastLeaf) continue
          lastLeaf = entry.leafIndex
          const read = readEntry(entry)
          progress.reached(printed + 1, read.leafIndex)
          print(json ? [`${safeJson(read.event)}\n`] : render(read))
          printed += 1
        }
      })
      if (!follow || io.stop.aborted) return end()
    } catch (error) {
      if (io.stop.aborted) return end()
      const isGone = isSealwatchError(error) && (error.kind === 'unavailable' || error.kind === 'fatal')
      if (!follow || !isGone || printed === 0 || retries >= retriesMax) throw error
    }
    await io.clock.sleep(retryMs, io.stop)
  }
}

type Reached = Disposable & { reached(printed: number, leaf: number): void; end(): void }

const noProgress: Reached = { reached: () => undefined, end: () => undefined, [Symbol.dispose]: () => undefined }

/** How far a long list is, for whoever watches; `isHere`: the list stands on the same terminal, which it has to itself once it begins. */
function progressOf(io: Io, attempted: string, isHere: boolean): Reached {
  const line = progressLine(io)
  let shownMs = Number.NEGATIVE_INFINITY
  let isOver = false
  function end(): void {
    if (!isOver) line.end()
    isOver = true
  }
  line.show(`${attempted} …`)
  return {
    reached: (printed, leaf) => {
      const nowMs = io.clock.nowMs()
      if (isHere) end()
      else if (nowMs - shownMs >= progressEveryMs) {
        shownMs = nowMs
        line.show(`${attempted}: ${counted(printed, 'line')}, to leaf ${leaf}`)
      }
    },
    end,
    [Symbol.dispose]: end,
  }
}
