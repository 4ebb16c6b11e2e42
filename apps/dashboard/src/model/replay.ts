// SPDX-License-Identifier: Apache-2.0
// What a replay did, or would do, added up page by page.

import type { Operations } from '@sealwatch/contract/api'

export type Outcome = Operations['replayQuarantine']['answer']['items'][number]
type Sum = { readonly items: number; readonly rows: number }
/** What stays for one cause, with the words of the first and where it is. */
export type Stays = Sum & {
  readonly outcome: Outcome['outcome']
  readonly reason: string | null
  readonly detail: string
  readonly leaf: number
}
export type Told = {
  readonly seen: number
  readonly comesIn: Sum
  /** In the ledger already, by whoever was before. */
  readonly already: Sum
  readonly stays: readonly Stays[]
}

export const nothingTold: Told = {
  seen: 0,
  comesIn: { items: 0, rows: 0 },
  already: { items: 0, rows: 0 },
  stays: [],
}

const added = ({ items, rows }: Sum, { lines }: Outcome): Sum => ({ items: items + 1, rows: rows + lines })
/** Details name keys and times: of so many causes each is told alone, the rest by what became of them. */
const staysMax = 20

export function toldWith(told: Told, outcomes: readonly Outcome[]): Told {
  let { comesIn, already, stays } = told
  for (const one of outcomes)
    if (one.outcome === 'admitted') comesIn = added(comesIn, one)
    else if (one.outcome === 'already') already = added(already, one)
    else stays = staysWith(stays, one)
  return { seen: told.seen + outcomes.length, comesIn, already, stays }
}

function staysWith(stays: readonly Stays[], one: Outcome): readonly Stays[] {
  const { outcome, reason, detail, lines, leaf_index: leaf } = one
  const isSame = (other: Stays) => other.outcome === outcome && other.reason === reason
  const at = stays.findIndex((other) => isSame(other) && other.detail === detail)
  const near = at === -1 && stays.length >= staysMax ? stays.findIndex(isSame) : at
  if (near === -1) return [...stays, { outcome, reason, detail, leaf, items: 1, rows: lines }]
  return stays.map((other, i) => (i === near ? { ...other, ...added(other, one) } : other))
}

/** Why it stays, and what would bring it in. */
export const stayWords: Readonly<Record<Stays['outcome'], string>> = {
  admitted: '',
  already: '',
  waiting: 'Its key does not count as of its receipt: repair the registry, then replay again',
  release: 'Without a signature that holds it comes in by two people alone: open it, and ask for its release',
  taken: 'Other rows came in under the id of these: they never can, and stay as evidence',
  altered: 'Its bytes are gone or were changed on disk: restore them from a backup',
}
