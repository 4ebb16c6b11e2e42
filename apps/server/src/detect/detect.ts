// SPDX-License-Identifier: Apache-2.0

import { type Clock, follow, type JsonObject } from '@sealwatch/base'
import type { Side } from '@sealwatch/contract'
import { evaluate, type FindingContext, findingFor, type Ruleset } from '@sealwatch/detect'
import { type Body, type Leaf, type Ledger, parseLine, sha256 } from '@sealwatch/ledger'
import { leafFeed } from '../ingest/index.ts'
import type { Outbox, Store } from '../store/index.ts'

export type DetectOptions = {
  readonly ledger: Ledger
  readonly store: Store
  readonly outbox: Outbox
  /** Personal values are looked up in the index, which must therefore be ahead. */
  readonly indexed: { waitFor(tenant: string, leaf: number, signal: AbortSignal): Promise<void> }
  /** Opens the sealed personal values of a line; canonical JSON, or '' where all of them were erased. */
  readonly openSide: (tenant: string, leafHash: string, sealed: Uint8Array) => Promise<string>
  readonly ruleset: Ruleset
  readonly clock: Clock
  readonly signal: AbortSignal
}

const batchMax = 256

/**
 * Follows a tenant's ledger and judges every event of a host, until the signal fires. Findings and cursor are saved in
 * one transaction; the findings themselves enter the ledger through the outbox, each of them once.
 */
export async function detect(options: DetectOptions): Promise<void> {
  const { ledger, store, outbox, indexed, clock, signal } = options
  const { tenant } = ledger
  const saved = await store.db
    .selectFrom('cursors')
    .select('position')
    .where('follower', '=', 'detect')
    .where('tenant', '=', tenant)
    .executeTakeFirst()
  await follow({
    name: `detect ${tenant}`,
    feed: leafFeed(ledger),
    cursor: saved?.position ?? 0,
    batchMax,
    signal,
    handle: async (leaves, next) => {
      await indexed.waitFor(tenant, next, signal)
      if (signal.aborted) return
      const sides = await sidesOf(options, leaves, next)
      const findings: Body[] = []
      for (const leaf of leaves) findings.push(...(await findingsOf(options, leaf, sides, clock.nowMs())))
      // A finding is written down once; that there was none can be found again.
      const write = findings.length > 0 ? store.transaction : store.derived
      await write(async (tx) => {
        for (const body of findings) await outbox.enqueue(tx, tenant, body)
        const cursor = { follower: 'detect', tenant, position: next, side_position: 0 }
        await tx
          .insertInto('cursors')
          .values(cursor)
          .onConflict((conflict) => conflict.columns(['follower', 'tenant']).doUpdateSet({ position: next }))
          .execute()
      })
      if (findings.length > 0) outbox.ring()
    },
  })
}

async function sidesOf(
  { store, ledger: { tenant } }: DetectOptions,
  leaves: readonly Leaf[],
  next: number,
): Promise<Map<number, Uint8Array>> {
  const rows = await store.db
    .selectFrom('side_values')
    .select(['leaf_index', 'sealed'])
    .where('tenant', '=', tenant)
    .where('leaf_index', '>=', leaves[0]?.index ?? next)
    .where('leaf_index', '<', next)
    .execute()
  return new Map(rows.map(({ leaf_index, sealed }) => [leaf_index, sealed]))
}

async function findingsOf(
  { ledger, ruleset, openSide }: DetectOptions,
  leaf: Leaf,
  sides: ReadonlyMap<number, Uint8Array>,
  nowMs: number,
): Promise<Body[]> {
  const { tenant } = ledger
  const { line, hash } = parseLine(sha256, leaf.line, `judging leaf ${leaf.index} of ${tenant}`)
  // What the server writes itself are judgements already.
  if (!('event' in line) || line.chain === ledger.chain || typeof line.event.type_uid !== 'number') return []
  const leafHash = hash.toHex()
  const sealed = sides.get(leaf.index)
  const opened = sealed === undefined ? '' : await openSide(tenant, leafHash, sealed)
  const side = opened === '' ? {} : (JSON.parse(opened) as Side)
  const event = line.event as unknown as FindingContext['event']
  const ref = { tenant, chain: line.chain, seq: line.seq, leaf_index: leaf.index, leaf_hash: leafHash }
  return evaluate(ruleset, event, side).map((match) => {
    const finding = findingFor(match, { event, side, leaf: ref, createdMs: nowMs }).event
    return { event: finding as unknown as JsonObject }
  })
}
