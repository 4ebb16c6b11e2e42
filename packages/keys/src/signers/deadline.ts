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
  const over = new AbortController()
  const either = AbortSignal.any([signal, over.signal])
  const { promise: ended, reject } = Promise.withResolvers<never>()
  either.addEventListener('abort', () => reject(either.reason), { once: true })
  const received = `no answer within ${ms} ms`
  const timer = clock.sleep(ms, done.signal).then(() => {
    if (!done.signal.aborted) over.abort(signerError('SIGNER_UNAVAILABLE', { attempted, received }))
  })
  try {
    return await Promise.race([work(either), ended])
  } finally {
    done.abort()
    await timer
  }
}
