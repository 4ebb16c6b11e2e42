// SPDX-License-Identifier: Apache-2.0

import type { Clock, JsonObject } from '@sealwatch/base'
import type { Side } from '@sealwatch/contract'
import { evaluate, type FindingContext, findingFor, type Ruleset } from '@sealwatch/detect'
import { type Body, eventFromIn, type Leaf, type Ledger, parseLine, sha256 } from '@sealwatch/ledger'
import { marksOfFills } from '../ingest/index.ts'
import { across, type Outbox, type Store, type Tx } from '../store/index.ts'
import type { Glances } from './glances.ts'
import { createRuleTally } from './rule-counts.ts'
import type { RulesReader } from './rulebook.ts'

/** Hears of each alert within the transaction that keeps it, with the event on which it rests; rung once it is kept. */
export type Herald = {
  tell(
    tx: Tx,
    told: { readonly tenant: string; readonly event: JsonObject; readonly finding: JsonObject },
  ): Promise<void>
  ring(): void
}
type Found = { readonly rule: string; readonly body: Body; readonly event: JsonObject }

export type DetectOptions = {
  readonly ledger: Ledger
  readonly store: Store
  readonly outbox: Outbox
  /** Personal values are looked up in the index, which must therefore be ahead. */
  readonly indexed: { waitFor(tenant: string, leaf: number, signal: AbortSignal): Promise<void> }
  /** Opens the sealed personal values of a line; canonical JSON, or '' where all of them were erased. */
  readonly openSide: (tenant: string, leafHash: string, sealed: Uint8Array) => Promise<string>
  readonly rules: RulesReader
  readonly glances: Pick<Glances, 'take' | 'forget'>
  /** Takes note of an event of a host that some rule may fire for; what it demands is durable when it resolves. */
  readonly heed?: (event: JsonObject) => Promise<void>
  readonly herald: Herald
  readonly clock: Clock
  readonly signal: AbortSignal
}

const batchMax = 2048
/** So long others wait at most: the same thread acknowledges batches. */
const sliceNs = 1_000_000n
const linesPerLook = 64
/** What they are found to be is told before the next ones are judged: where alerts come in thousands, the first need not wait. */
const suspectsAtOnce = 128
/** After a crash the lines of so long are looked at again, where no rule fired. */
const saveEveryNs = 1_000_000_000n

/**
 * Follows a tenant's ledger and judges every event of a host, until the signal fires. Findings and cursor are saved in
 * one transaction; the findings themselves enter the ledger through the outbox, each of them once.
 */
export async function detect(options: DetectOptions): Promise<void> {
  const { ledger, store, outbox, rules, glances, herald, clock, signal } = options
  const { tenant } = ledger
  const saved = await store.db
    .selectFrom('cursors')
    .select('position')
    .where('follower', '=', 'detect')
    .where('tenant', '=', tenant)
    .executeTakeFirst()
  let position = saved?.position ?? 0
  let savedNs = clock.monotonicNs()
  const tally = createRuleTally(tenant, clock.nowMs)

  async function save(findings: readonly Found[]): Promise<void> {
    // A finding is written down once; that there was none can be found again.
    if (findings.length === 0 && clock.monotonicNs() - savedNs < saveEveryNs) return
    const write = findings.length > 0 ? store.transaction : store.derived
    await write(async (tx) => {
      for (const { rule, body, event } of findings) {
        tally.add(rule, 'fired')
        await outbox.enqueue(tx, tenant, body)
        await herald.tell(tx, { tenant, event, finding: (body as { readonly event: JsonObject }).event })
      }
      await tally.write(tx)
      const cursor = { follower: 'detect', tenant, position, side_position: 0 }
      await tx
        .insertInto('cursors')
        .values(cursor)
        .onConflict((conflict) => conflict.columns(['follower', 'tenant']).doUpdateSet({ position }))
        .execute()
    })
    savedNs = clock.monotonicNs()
    if (findings.length === 0) return
    outbox.ring()
    herald.ring()
  }

  /** One turn is judged by one ruleset, which nobody keeps beyond it. False: there was nothing to judge. */
  async function turn(ruleset: Ruleset): Promise<boolean> {
    const { next, suspects } = await lookFrom(options, ruleset, position)
    if (next === position) return false
    for (let from = 0; from === 0 || from < suspects.length; from += suspectsAtOnce) {
      const some = suspects.slice(from, from + suspectsAtOnce)
      const findings: Found[] = []
      for (const leaf of some) findings.push(...(await findingsOf(options, ruleset, leaf, clock.nowMs())))
      if (signal.aborted) break
      position = from + suspectsAtOnce < suspects.length ? (some.at(-1) as Leaf).index + 1 : next
      await save(findings)
    }
    return true
  }

  while (!signal.aborted) if (!(await turn(rules.ruleset))) await ledger.waitFor(position, signal)
  glances.forget(tenant)
}

/** The leaves from `from` up to `next` that some rule may fire for; as many as there were a look at, or are read at once. */
async function lookFrom(
  options: DetectOptions,
  ruleset: Ruleset,
  from: number,
): Promise<{ next: number; suspects: readonly Leaf[] }> {
  const { ledger, glances } = options
  const glance = glances.take(ledger.tenant, from, ruleset)
  if (glance === undefined) {
    const leaves = await ledger.read(from, batchMax)
    return { next: from + leaves.length, suspects: await suspectsIn(options, ruleset, leaves) }
  }
  const suspects = await Promise.all(glance.suspects.map((leaf) => ledger.read(leaf, 1)))
  return { next: glance.next, suspects: suspects.flat() }
}

/** The leaves that some rule may fire for, found in slices; nearly all others are passed over unread. */
async function suspectsIn({ clock }: DetectOptions, ruleset: Ruleset, leaves: readonly Leaf[]): Promise<Leaf[]> {
  const suspects: Leaf[] = []
  let untilNs = clock.monotonicNs() + sliceNs
  for (const [i, leaf] of leaves.entries()) {
    const from = eventFromIn(leaf.line, 0)
    if (from < 0 || ruleset.mayFire(leaf.line, from)) suspects.push(leaf)
    if (i % linesPerLook !== 0 || clock.monotonicNs() < untilNs) continue
    await clock.sleep(0)
    untilNs = clock.monotonicNs() + sliceNs
  }
  return suspects
}

async function sideOf(
  { store, indexed, openSide, signal, ledger: { tenant } }: DetectOptions,
  index: number,
  leafHash: string,
): Promise<Side> {
  await indexed.waitFor(tenant, index + 1, signal)
  const row = await store.index
    .selectFrom('side_values')
    .select('sealed')
    .where('tenant', '=', tenant)
    .where('leaf_index', '=', index)
    .executeTakeFirst()
  const opened = row === undefined ? '' : await openSide(tenant, leafHash, row.sealed)
  return opened === '' ? {} : (JSON.parse(opened) as Side)
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

async function findingsOf(options: DetectOptions, ruleset: Ruleset, leaf: Leaf, nowMs: number): Promise<Found[]> {
  const { ledger } = options
  const { tenant } = ledger
  const { line, hash } = parseLine(sha256, leaf.line, `judging leaf ${leaf.index} of ${tenant}`)
  // What the server writes itself are judgements already.
  if (!('event' in line) || line.chain === ledger.chain || typeof line.event.type_uid !== 'number') return []
  await options.heed?.(line.event as JsonObject)
  const leafHash = hash.toHex()
  const side = await sideOf(options, leaf.index, leafHash)
  const event = line.event as unknown as FindingContext['event']
  const matches = evaluate(ruleset, event, side)
  if (matches.length === 0) return []
  // The index is that far by now.
  const mark = (await marksOfFills(options.store.index, tenant, leaf.index, leaf.index + 1)).get(leaf.index)
  const host = await hostOf(options.store, tenant, line.chain)
  const ref = { tenant, chain: line.chain, seq: line.seq, leaf_index: leaf.index, leaf_hash: leafHash }
  return matches.map((match) => {
    const finding = findingFor(match, { event, side, leaf: ref, host, createdMs: nowMs, mark }).event
    return { rule: match.rule.id, body: { event: finding as unknown as JsonObject }, event: line.event as JsonObject }
  })
}
