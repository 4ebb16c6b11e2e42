// SPDX-License-Identifier: Apache-2.0

import type { Clock } from '@sealwatch/base'

/** Where a walk rests so that others have their turn: of what it has looked at since the last call. */
export type Rest = (stubs: number, bytes: number, signal: AbortSignal) => Promise<void>

type Slice = { readonly workedMs: number; readonly stubs: number; readonly bytes: number }

/** Whoever comes meanwhile waits no longer for it. */
const sliceMs = 5
/** Of the time. */
const share = 0.1
/** Under load work takes longer, for it waits for others: the two million items and 50 GB of a tenant still take less than an hour. */
const due = { perStubMs: 1.1, perMegabyteMs: 15 }

export function createRest(clock: Pick<Clock, 'monotonicNs' | 'sleep'>): Rest {
  let sinceNs = clock.monotonicNs()
  let [stubs, bytes] = [0, 0]
  return async (moreStubs, moreBytes, signal) => {
    stubs += moreStubs
    bytes += moreBytes
    const workedMs = Number(clock.monotonicNs() - sinceNs) / 1e6
    if (workedMs < sliceMs) return
    await clock.sleep(restMsOf({ workedMs, stubs, bytes }), signal)
    sinceNs = clock.monotonicNs()
    stubs = 0
    bytes = 0
  }
}

/** A tenth of the time is the walk's; more where it would be late, and half of it at most. */
export function restMsOf({ workedMs, stubs, bytes }: Slice): number {
  const dueMs = stubs * due.perStubMs + (bytes / 1e6) * due.perMegabyteMs
  return Math.max(workedMs, Math.min((workedMs * (1 - share)) / share, dueMs - workedMs))
}
