// SPDX-License-Identifier: Apache-2.0

import type { Log } from '@sealwatch/base'
import type { Side } from '@sealwatch/contract'
import { createCorrelations, type Fired, type Held, type Match, type Ruleset, reasonsOf } from '@sealwatch/detect'
import { parseLine, sha256 } from '@sealwatch/ledger'
import type { Tx } from '../store/index.ts'
import type { ExceptedRule } from './exception-form.ts'
import {
  eventIn,
  type Found,
  findingsFor,
  type HostEvent,
  type HostEventOptions,
  sideOf,
  timeOf,
} from './host-event.ts'

export type CorrelatingOptions = HostEventOptions & {
  readonly log: Log
  /** Of a correlation whose tenant wants no alert of it. */
  readonly isExcepted: (rule: ExceptedRule, event: { readonly type_uid: number }, side: Side) => boolean
}

/**
 * What correlations hold of a tenant's events. It is kept as the leaves that are held, in the transaction that keeps the findings
 * and the cursor, and read again from the ledger: so nothing is found twice or forgotten, wherever the server stops, and no
 * personal value lies where it could not be erased.
 */
export type Correlating = {
  /** From now on by these rules; what is held for correlations that are still there stays. */
  use(ruleset: Ruleset): Promise<void>
  /** What fires with this event, for which these rules did. */
  feed(found: HostEvent, matches: readonly Match[]): Promise<readonly Found[]>
  /** What fires because the time of all leaves below `next` is over. */
  pass(next: number): Promise<readonly Found[]>
  /** Whether anything is held otherwise than it was when it was saved last. */
  readonly isChanged: boolean
  save(tx: Tx): Promise<void>
}

export async function openCorrelating(options: CorrelatingOptions): Promise<Correlating> {
  const { ledger, store, clock, log } = options
  const { tenant } = ledger
  const row = await store.db.selectFrom('correlations').select('held').where('tenant', '=', tenant).executeTakeFirst()
  let ruleset: Ruleset | undefined
  let correlations = createCorrelations([])
  let heldBefore = JSON.parse(row?.held ?? '[]') as readonly Held[]
  let isChanged = false
  let forgotten = 0

  async function eventAt(index: number): Promise<Omit<HostEvent, 'side'> | undefined> {
    const [leaf] = await ledger.read(index, 1)
    return leaf && eventIn(options, leaf)
  }

  async function holdAgain(held: Held): Promise<void> {
    const events = await Promise.all(held.leaves.map(eventAt))
    const [newest] = events
    if (newest === undefined) return
    const side = await sideOf(options, newest.leaf)
    correlations.hold(
      held,
      { ...newest, side },
      events.flatMap((one) => one?.leaf ?? []),
    )
  }

  async function findingsBy(fired: readonly Fired[], now?: HostEvent): Promise<readonly Found[]> {
    isChanged ||= fired.length > 0
    const found: Found[] = []
    for (const one of fired) {
      const { correlation, leaves, leavesInAll, firstNs } = one
      const index = leaves[0]?.leaf_index as number
      const rested = index === now?.leaf.leaf_index ? now : await eventAt(index)
      if (rested === undefined || ruleset?.silent.has(correlation.id)) continue
      const newest = { ...rested, side: rested === now ? now.side : await sideOf(options, rested.leaf) }
      if (options.isExcepted(correlation, newest.event, newest.side)) continue
      const reasons = reasonsOf(one, newest.event, newest.side)
      const together = { leaves, leavesInAll, firstMs: Number(firstNs / 1_000_000n) }
      found.push(...(await findingsFor(options, newest, [{ rule: correlation, reasons, together }])))
    }
    return found
  }

  return {
    async use(next) {
      if (next === ruleset) return
      if (ruleset !== undefined) heldBefore = correlations.held
      isChanged ||= ruleset !== undefined
      ruleset = next
      correlations = createCorrelations(next.correlations)
      const isThere = new Set(next.correlations.map(({ id }) => id))
      for (const held of heldBefore) if (isThere.has(held.correlation)) await holdAgain(held)
    },
    async feed(found, matches) {
      const { event, side, timeNs, leaf } = found
      const fired = matches.flatMap(({ rule }) => correlations.feed({ ruleId: rule.id, event, side, timeNs, leaf }))
      isChanged ||= (ruleset?.correlations.length ?? 0) > 0 && matches.length > 0
      return findingsBy(fired, found)
    },
    async pass(next) {
      if (!correlations.isWaiting) return []
      const [leaf] = await ledger.read(next - 1, 1)
      if (leaf === undefined) return []
      const { line } = parseLine(sha256, leaf.line, `reading the time of leaf ${leaf.index} of ${tenant}`)
      return findingsBy(correlations.advance(timeOf(line.time, clock)))
    },
    get isChanged() {
      return isChanged
    },
    async save(tx) {
      const held = JSON.stringify(correlations.held)
      await tx
        .insertInto('correlations')
        .values({ tenant, held })
        .onConflict((conflict) => conflict.column('tenant').doUpdateSet({ held }))
        .execute()
      isChanged = false
      if (correlations.forgotten > forgotten)
        log.warn('correlations forgot what they held: there is no room for as many groups', {
          tenant,
          groups: correlations.forgotten - forgotten,
        })
      forgotten = correlations.forgotten
    },
  }
}
