// SPDX-License-Identifier: Apache-2.0

import type { Clock } from '@sealwatch/base'
import { signerError } from './errors.ts'

export type Deadline = {
  readonly clock: Clock
  readonly ms: number
  readonly signal: AbortSignal
  /** What is done and with whom: "signing with arn:…". */
  readonly attempted: string
}

/** Runs `work` until the deadline, which throws SIGNER_UNAVAILABLE, or until the signal, whose reason it throws. */
export async function within<T>(deadline: Deadline, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const { clock, ms, signal, attempted } = deadline
  signal.throwIfAborted()
  const done = new AbortController()
  const stop = new AbortController()
  const { promise: ended, reject } = Promise.withResolvers<never>()
  const end = (reason: unknown) => {
    stop.abort(reason)
    reject(reason)
  }
  // Taken off again below: the caller's signal may live as long as the program.
  const onAbort = () => end(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  const timer = clock.sleep(ms, done.signal).then(() => {
    if (!done.signal.aborted)
      end(signerError('SIGNER_UNAVAILABLE', { attempted, received: `no answer within ${ms} ms` }))
  })
  try {
    return await Promise.race([work(stop.signal), ended])
  } finally {
    signal.removeEventListener('abort', onAbort)
    done.abort()
    await timer
  }
}
