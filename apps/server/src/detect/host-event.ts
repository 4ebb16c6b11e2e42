// SPDX-License-Identifier: Apache-2.0

import type { Clock, JsonObject } from '@sealwatch/base'
import { parseRfc3339 } from '@sealwatch/base'
import type { LeafRef, Side } from '@sealwatch/contract'
import { type FindingContext, findingFor, type Match, type RuleHead, type Together } from '@sealwatch/detect'
import { type Body, type Leaf, type Ledger, parseLine, sha256 } from '@sealwatch/ledger'
import { marksOfFills } from '../ingest/index.ts'
import { across, type Store } from '../store/index.ts'

export type HostEventOptions = {
  readonly ledger: Ledger
  readonly store: Store
  /** Personal values are looked up in the index, which must therefore be ahead. */
  readonly indexed: { waitFor(tenant: string, leaf: number, signal: AbortSignal): Promise<void> }
  /** Opens the sealed personal values of a line; canonical JSON, or '' where all of them were erased. */
  readonly openSide: (tenant: string, leafHash: string, sealed: Uint8Array) => Promise<string>
  readonly clock: Clock
  readonly signal: AbortSignal
}

/** An event of a host with what lies beside its line. */
export type HostEvent = {
  readonly event: FindingContext['event']
  readonly side: Side
  readonly leaf: LeafRef
  /** Unix nanoseconds; a host that says that it is later than now is not believed. */
  readonly timeNs: bigint
}
/** A finding as its line says it, and the event that it is told of by. */
export type Found = { readonly rule: string; readonly body: Body; readonly event: JsonObject }

/** The event of a leaf, if it is one of a host: what the server writes itself are judgements already. */
export function eventIn(
  { ledger, clock }: HostEventOptions,
  { index, line: bytes }: Leaf,
): Omit<HostEvent, 'side'> | undefined {
  const { tenant } = ledger
  const { line, hash } = parseLine(sha256, bytes, `judging leaf ${index} of ${tenant}`)
  if (!('event' in line) || line.chain === ledger.chain || typeof line.event.type_uid !== 'number') return undefined
  return {
    event: line.event as unknown as FindingContext['event'],
    leaf: { tenant, chain: line.chain, seq: line.seq, leaf_index: index, leaf_hash: hash.toHex() },
    timeNs: timeOf(line.time, clock),
  }
}

/** When a line was written, at the latest now. */
export function timeOf(time: string, clock: Clock): bigint {
  const [saidNs, nowNs] = [parseRfc3339(time) ?? 0n, clock.nowNs()]
  return saidNs < nowNs ? saidNs : nowNs
}

export async function sideOf(
  { store, indexed, openSide, signal, ledger: { tenant } }: HostEventOptions,
  { leaf_index, leaf_hash }: LeafRef,
): Promise<Side> {
  await indexed.waitFor(tenant, leaf_index + 1, signal)
  const row = await store.index
    .selectFrom('side_values')
    .select('sealed')
    .where('tenant', '=', tenant)
    .where('leaf_index', '=', leaf_index)
    .executeTakeFirst()
  const opened = row === undefined ? '' : await openSide(tenant, leaf_hash, row.sealed)
  return opened === '' ? {} : (JSON.parse(opened) as Side)
}

/** `together`: the leaves that a correlation rests on beside this one. */
export async function findingsFor(
  { store, clock }: HostEventOptions,
  { event, side, leaf }: HostEvent,
  matches: readonly (Match<RuleHead> & { readonly together?: Together })[],
): Promise<readonly Found[]> {
  if (matches.length === 0) return []
  const { tenant, leaf_index, chain } = leaf
  // The index is that far by now.
  const mark = (await marksOfFills(store.index, tenant, leaf_index, leaf_index + 1)).get(leaf_index)
  const host = await hostOf(store, tenant, chain)
  return matches.map((match) => {
    const { together } = match
    const finding = findingFor(match, { event, side, leaf, host, createdMs: clock.nowMs(), mark, together }).event
    return {
      rule: match.rule.id,
      body: { event: finding as unknown as JsonObject },
      event: event as unknown as JsonObject,
    }
  })
}

/** Whose chain it is, if any host's. */
const hostOf = ({ db }: Store, tenant: string, chain: string): Promise<FindingContext['host']> =>
  across(db, 'cluster')
    .selectFrom('chains')
    .innerJoin('hosts', 'hosts.host_id', 'chains.host_id')
    .select(['hosts.host_id as uid', 'hosts.hostname'])
    .where('chains.chain', '=', chain)
    .where('chains.tenant', '=', tenant)
    .executeTakeFirst()
