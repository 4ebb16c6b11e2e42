// SPDX-License-Identifier: Apache-2.0
// What the live feed says, and when to come again after it ended (docs/api.md, Feed).

export type FeedFrame = {
  readonly type: 'alert' | 'event' | 'head'
  /** Where to go on after it. */
  readonly cursor: number
}
export type FeedState = 'none' | 'connecting' | 'live' | 'away'

const types = ['alert', 'event', 'head'] as const

/** Undefined for what this page does not know: a newer server may say more. */
export function frameOf(text: string): FeedFrame | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const { type: told, cursor } = value as { readonly type?: unknown; readonly cursor?: unknown }
  const type = types.find((one) => one === told)
  return type === undefined || !Number.isSafeInteger(cursor) ? undefined : { type, cursor: cursor as number }
}

const leastMs = 500
const mostMs = 30_000

/** Longer each time, and never at the same moment as everybody else: `share` is of [0, 1). */
export const waitBefore = (attempt: number, share: number): number =>
  Math.min(mostMs, leastMs * 2 ** Math.min(attempt, 10)) * (0.5 + share / 2)

/** Its session or token ended; it may not listen any more. */
const [credentialsEnded, accessEnded] = [4401, 4403]

/** After a feed closed: come again, ask who one is, or leave it. */
export const afterClose = (code: number): 'again' | 'session' | 'over' =>
  code === credentialsEnded ? 'session' : code === accessEnded ? 'over' : 'again'
