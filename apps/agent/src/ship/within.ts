// SPDX-License-Identifier: Apache-2.0

import type { Clock } from '@sealwatch/base'

/** Runs `work` under a signal that fires with `signal` or after `ms`, whichever comes first. */
export async function within<T>(
  clock: Clock,
  ms: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = new AbortController()
  const done = new AbortController()
  const timer = clock.sleep(ms, done.signal).then(() => late.abort())
  try {
    return await work(AbortSignal.any([signal, late.signal]))
  } finally {
    done.abort()
    await timer
  }
}
