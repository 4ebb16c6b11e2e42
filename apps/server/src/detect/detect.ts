// SPDX-License-Identifier: Apache-2.0

import type { JsonObject } from '@sealwatch/base'
import type { Side } from '@sealwatch/contract'
import { matchesOf, type Ruleset } from '@sealwatch/detect'
import { eventFromIn, type Leaf } from '@sealwatch/ledger'
import type { Outbox, Tx } from '../store/index.ts'
import { type Correlating, type CorrelatingOptions, openCorrelating } from './correlating.ts'
import type { ExceptedRule } from './exception-form.ts'
import type { Exceptions } from './exceptions.ts'
import type { Glances } from './glances.ts'
import { eventIn, type Found, findingsFor, sideOf } from './host-event.ts'
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

export type DetectOptions = Omit<CorrelatingOptions, 'isExcepted'> & {
  readonly outbox: Outbox
  readonly rules: RulesReader
  readonly exceptions: Pick<Exceptions, 'excepts'>
  readonly glances: Pick<Glances, 'take' | 'forget'>
  /** Takes note of an event of a host that some rule may fire for; what it demands is durable when it resolves. */
  readonly heed?: (event: JsonObject) => Promise<void>
  readonly herald: Herald
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
  /** Whether a match counts for nothing; that it did not is counted. */
  function isExcepted(rule: ExceptedRule, event: { readonly type_uid: number }, side: Side): boolean {
    const is = options.exceptions.excepts(tenant, rule, event, side)
    if (is) tally.add(rule.id, 'excepted')
    return is
  }
  const correlating = await openCorrelating({ ...options, isExcepted })

  async function save(findings: readonly Found[]): Promise<void> {
    // A finding is written down once, and what was counted with it; that there was none can be found again.
    if (findings.length === 0 && tally.isEmpty && clock.monotonicNs() - savedNs < saveEveryNs) return
    const write = findings.length > 0 ? store.transaction : store.derived
    await write(async (tx) => {
      for (const { rule, body, event } of findings) {
        tally.add(rule, 'fired')
        await outbox.enqueue(tx, tenant, body)
        await herald.tell(tx, { tenant, event, finding: (body as { readonly event: JsonObject }).event })
      }
      await tally.write(tx)
      if (correlating.isChanged) await correlating.save(tx)
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
    await correlating.use(ruleset)
    const { next, suspects } = await lookFrom(options, ruleset, position)
    if (next === position) return false
    for (let from = 0; from === 0 || from < suspects.length; from += suspectsAtOnce) {
      const some = suspects.slice(from, from + suspectsAtOnce)
      const findings: Found[] = []
      const isLast = from + suspectsAtOnce >= suspects.length
      for (const leaf of some)
        findings.push(...(await findingsOf({ ...options, isExcepted }, ruleset, correlating, leaf)))
      if (isLast) findings.push(...(await correlating.pass(next)))
      if (signal.aborted) break
      position = isLast ? next : (some.at(-1) as Leaf).index + 1
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

async function findingsOf(
  options: DetectOptions & Pick<CorrelatingOptions, 'isExcepted'>,
  ruleset: Ruleset,
  correlating: Correlating,
  leaf: Leaf,
): Promise<readonly Found[]> {
  const found = eventIn(options, leaf)
  if (found === undefined) return []
  await options.heed?.(found.event as unknown as JsonObject)
  const side = await sideOf(options, found.leaf)
  const all = matchesOf(ruleset, found.event, side)
  const matches = all.filter(({ rule }) => !options.isExcepted(rule, found.event, side))
  const told = matches.filter(({ rule }) => !ruleset.silent.has(rule.id))
  const findings = await findingsFor(options, { ...found, side }, told)
  return [...findings, ...(await correlating.feed({ ...found, side }, matches))]
}
