// SPDX-License-Identifier: Apache-2.0

import { canonicalize } from '@sealwatch/base'
import type { Side } from '@sealwatch/contract'
import { sideOfFinding } from '@sealwatch/detect'
import type { Authorised } from '../../access/index.ts'
import type { ApiPorts } from '../ports.ts'
import { entryAt } from './entries.ts'
import { type Entry, findingClass, isObject } from './entry.ts'

/** The opened personal values of a line, as canonical JSON; '' where there are none, or none any more. */
export async function sideOf(ports: ApiPorts, by: Authorised<'event:reveal'>, entry: Entry): Promise<string> {
  const own = await openAt(ports, by.tenant, entry.leaf)
  return own === '' && entry.own ? await sideOfEvidence(ports, by, entry) : own
}

/** The same of whatever stands at a leaf. */
export async function sideAt(ports: ApiPorts, by: Authorised<'event:reveal'>, leaf: number): Promise<string> {
  const side = await openAt(ports, by.tenant, leaf)
  if (side !== '') return side
  const own = await ports.indexDb
    .selectFrom('own_entries')
    .select('leaf_index')
    .where('tenant', '=', by.tenant)
    .where('leaf_index', '=', leaf)
    .executeTakeFirst()
  const entry = own && (await entryAt(ports, by, leaf))
  return entry === undefined ? '' : await sideOfEvidence(ports, by, entry)
}

async function openAt({ indexDb, ledgers, openSide }: ApiPorts, tenant: string, leaf: number): Promise<string> {
  const row = await indexDb
    .selectFrom('side_values')
    .select('sealed')
    .where('tenant', '=', tenant)
    .where('leaf_index', '=', leaf)
    .executeTakeFirst()
  return row === undefined ? '' : await openSide(tenant, leafHashAt(ledgers.get(tenant), leaf), row.sealed)
}

/**
 * A finding of ours carries commitments of the event it rests on, whose values are kept there alone. What was sealed as
 * an event of that class may be of any form: it then rests on nothing.
 */
async function sideOfEvidence(ports: ApiPorts, by: Authorised<'event:reveal'>, finding: Entry): Promise<string> {
  if (finding.classUid !== findingClass || finding.event === undefined) return ''
  const [leaf] = leavesOf(finding.event, ports.ledgers.get(by.tenant).size)
  const evidence = leaf === undefined ? undefined : await entryAt(ports, by, leaf)
  if (evidence?.event === undefined) return ''
  const side = await openAt(ports, by.tenant, evidence.leaf)
  return side === '' ? '' : canonicalize(sideOfFinding(evidence.event, JSON.parse(side) as Side, finding.event))
}

/** The leaves before `size` that an event says it rests on, whatever its form. */
export function leavesOf(event: { readonly unmapped?: unknown }, size: number): number[] {
  const { leaves } = isObject(event.unmapped) ? event.unmapped : {}
  if (!Array.isArray(leaves)) return []
  const indices = leaves.map((leaf) => (isObject(leaf) ? leaf.leaf_index : undefined))
  return indices.filter(
    (index): index is number => Number.isSafeInteger(index) && (index as number) >= 0 && (index as number) < size,
  )
}

export const leafHashAt = (ledger: ReturnType<ApiPorts['ledgers']['get']>, leaf: number): string =>
  ledger.leafHashes(leaf, leaf + 1)[0]?.toHex() ?? ''
