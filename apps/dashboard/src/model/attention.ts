// SPDX-License-Identifier: Apache-2.0
// Whether somebody sits there: only what a person does keeps a session from idling away (docs/sign-in.md, Sessions).

/** What was done longer ago than this, and was not told since, is not worth telling: the page or the machine slept. */
const freshMs = 60_000

export type Attention = {
  /** A person did something. */
  noticed(): void
  /** Once after each such time: whether the next request tells of a person. */
  told(): boolean
}

/** Whoever opens the page is there. */
export function createAttention(nowMs: () => number): Attention {
  let actedMs: number | undefined = nowMs()
  return {
    noticed: () => {
      actedMs = nowMs()
    },
    told: () => {
      const isHere = actedMs !== undefined && nowMs() - actedMs < freshMs
      actedMs = undefined
      return isHere
    },
  }
}
