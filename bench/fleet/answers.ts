// SPDX-License-Identifier: Apache-2.0

import { systemClock as clock, createBell } from '@sealwatch/base'
import type { ShipResponse } from '@sealwatch/contract'

export type Answered = Pick<ShipResponse, 'chain' | 'outcome'>

/** The server's answers in their order, each as much later than it came as `afterMs` says when it comes. */
export async function* delayed<A extends Answered>(
  answers: AsyncIterable<A>,
  afterMs: () => number,
  onAnswer: (answer: A) => void,
): AsyncGenerator<A> {
  const came: { readonly answer: A; readonly dueMs: number }[] = []
  const changed = createBell()
  const forever = new AbortController().signal
  let end: { readonly error?: unknown } | undefined
  const read = async () => {
    for await (const answer of answers) {
      came.push({ answer, dueMs: performance.now() + afterMs() })
      changed.ring()
    }
  }
  const reading = read().then(
    () => {
      end = {}
      changed.ring()
    },
    (error: unknown) => {
      end = { error }
      changed.ring()
    },
  )
  for (;;) {
    const next = came.shift()
    if (next !== undefined) {
      const waitMs = next.dueMs - performance.now()
      if (waitMs > 0) await clock.sleep(waitMs)
      onAnswer(next.answer)
      yield next.answer
    } else if (end === undefined) await changed.wait(forever)
    else break
  }
  await reading
  if (end.error !== undefined) throw end.error
}
