// SPDX-License-Identifier: Apache-2.0
// What thresholds come to on requests that were judged.

export type Judging = {
  readonly mode: 'observe' | 'block'
  readonly thresholds: { readonly observe: number; readonly challenge: number; readonly block: number }
}

/** How many requests services are told to do it with; of a threat there is an alert, whatever else is done. */
export type Effect = { readonly threats: number; readonly challenged: number; readonly blocked: number }

/** `scores`: how many requests had each score, from 0 to 100. */
export function effectOf(scores: readonly number[], { mode, thresholds }: Judging): Effect {
  const from = (score: number) => scores.slice(score).reduce((sum, count) => sum + count, 0)
  const { observe, challenge, block } = thresholds
  const isDone = mode === 'block'
  return {
    threats: from(observe),
    challenged: isDone ? from(challenge) - from(block) : 0,
    blocked: isDone ? from(block) : 0,
  }
}

/** As people write them; undefined: scores from 1 to 100 that rise are wanted. */
export function thresholdsIn(
  texts: {
    readonly [name in keyof Judging['thresholds']]: string
  },
): Judging['thresholds'] | undefined {
  const [observe, challenge, block] = [texts.observe, texts.challenge, texts.block].map((text) =>
    /^\s*\d{1,3}\s*$/.test(text) ? Number(text) : Number.NaN,
  ) as [number, number, number]
  return 1 <= observe && observe <= challenge && challenge <= block && block <= 100
    ? { observe, challenge, block }
    : undefined
}
