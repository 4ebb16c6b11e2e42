// SPDX-License-Identifier: Apache-2.0

import { type Clock, clientOf, createRate } from '@sealwatch/base'
import type { FailedLogins } from './sign-in/failed-logins.ts'

/**
 * API tokens that were presented and are nobody's. They have 256 random bits, so that a limit does not make them harder to
 * guess: it bounds the work, and what is recorded says who tries.
 */
export type Guesses = {
  /** Takes note of one; returns 0, or for how many milliseconds this address had better not come again. */
  note(guess: { readonly cause: string; readonly source: string; readonly requestId: string }): number
}

const ofAddress = { perSecond: 0.5, burst: 30, keysMax: 10_000 } as const

export function createGuesses({
  clock,
  failed,
}: {
  readonly clock: Clock
  readonly failed: Pick<FailedLogins, 'note'>
}): Guesses {
  const rate = createRate(clock, ofAddress)
  return {
    note: (guess) => {
      failed.note({ ...guess, personId: undefined })
      return rate.take(clientOf(guess.source))
    },
  }
}
