// SPDX-License-Identifier: Apache-2.0

import type { Json, JsonObject } from '@sealwatch/base/json'
import type { Entry } from '@sealwatch/contract'
import { isObject } from './member.ts'

/** An entry of the ledger as a person or a program reads it: the OCSF event, and where its proof is. */
export type ReadEntry = {
  readonly leafIndex: number
  readonly tenant: string
  readonly chain: string
  /**
   * With personal values in place of their commitments, and `unmapped.ledger` naming the leaf. A host in an attacker's
   * hands may have sealed anything: what is not of an event's form stays as it is.
   */
  readonly event: Json
  /** Why it failed verification, though it was admitted; '': it did not. */
  readonly mark: string
}

type SealedLine = { readonly chain: string; readonly seq: number; readonly time: string; readonly event?: Json }
type Side = Readonly<Record<string, { readonly value: string }>>

export function readEntry({ tenant, leafIndex, line, side, mark }: Entry): ReadEntry {
  const sealed = JSON.parse(Buffer.from(line).toString('utf8')) as SealedLine
  const values = side.length === 0 ? {} : (JSON.parse(Buffer.from(side).toString('utf8')) as Side)
  const { chain, seq, time, event = {} } = (reveal(sealed as unknown as Json, '', values) ?? {}) as SealedLine
  const at = { tenant, leaf_index: Number(leafIndex), chain, seq, time }
  const ledger = mark === '' ? at : { ...at, unverified: mark }
  return { tenant, leafIndex: Number(leafIndex), chain, event: withLedger(event, ledger), mark }
}

function withLedger(event: Json, ledger: JsonObject): Json {
  if (!isObject(event)) return event
  const { unmapped = {} } = event
  return isObject(unmapped) ? { ...event, unmapped: { ...unmapped, ledger } } : event
}

/** Puts each value where its JSON pointer leads. */
function reveal(value: Json, pointer: string, side: Side): Json {
  const own = side[pointer]?.value
  if (own !== undefined) return own
  if (Array.isArray(value)) return value.map((item, i) => reveal(item as Json, `${pointer}/${i}`, side))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([member, inner]) => [
      member,
      reveal(inner as Json, `${pointer}/${escaped(member)}`, side),
    ]),
  )
}

const escaped = (member: string) => member.replaceAll('~', '~0').replaceAll('/', '~1')
