// SPDX-License-Identifier: Apache-2.0

import type { Clock } from '@sealwatch/base'
import {
  addTally,
  type CountedReason,
  count,
  countedReasons,
  newScores,
  newTally,
  type ScoreCounts,
  type Tally,
  type Verdict,
} from '@sealwatch/detect/verdict'
import type { Authorised } from '../../access/index.ts'
import { isNotKept, type Store, type Tx } from '../../store/index.ts'

export type Scores = {
  /** Of which there is anything (UTC). */
  readonly days: number
  /** How many requests had each score, from 0 to 100. */
  readonly scores: ScoreCounts
  /** The most frequent first. */
  readonly reasons: readonly CountedReason[]
}

/** Which scores the requests of each tenant had, by day: of who asked and what for, nothing. */
export type ScoreBook = {
  /** Written down within a minute; what is not when the server is killed is lost. */
  count(tenant: string, verdict: Pick<Verdict, 'score' | 'threat' | 'reasons'>): void
  /** Over so many days, this one included. */
  read(by: Authorised<'threat:read'>, days: number): Promise<Scores>
  run(signal: AbortSignal): Promise<void>
  forgetTenant(tenant: string): void
}

export const scoreLimits = { daysKept: 30, reasonsShown: 50 } as const
const writeEveryMs = 60_000
const dayMs = 86_400_000
const dayOf = (ms: number) => new Date(ms).toISOString().slice(0, 10)
/** The last day that is not one of so many, this one included. */
export const dayBefore = (nowMs: number, days: number) => dayOf(nowMs - days * dayMs)

export function createScoreBook({ store, clock }: { readonly store: Store; readonly clock: Clock }): ScoreBook {
  /** What is not written down yet, by tenant and day. Of reasons there are no more than rules, feeds and features. */
  let pages = new Map<string, Map<string, Tally>>()

  function pageOf(tenant: string, day: string): Tally {
    const days = pages.get(tenant) ?? new Map<string, Tally>()
    pages.set(tenant, days)
    const page = days.get(day) ?? newTally()
    days.set(day, page)
    return page
  }

  async function write(): Promise<void> {
    if (pages.size === 0) return
    const written = pages
    pages = new Map()
    try {
      await store.transaction(async (tx) => {
        for (const [tenant, days] of written) {
          for (const [day, page] of days) await writePage(tx, { tenant, day }, page)
          await prune(tx, tenant, dayBefore(clock.nowMs(), scoreLimits.daysKept))
        }
      })
    } catch (error) {
      if (!isNotKept(error)) throw error
      for (const [tenant, days] of written) for (const [day, page] of days) addTally(pageOf(tenant, day), page)
    }
  }

  return {
    count: (tenant, verdict) => count(pageOf(tenant, dayOf(clock.nowMs())), verdict),
    read: async ({ tenant }, days) => {
      await write()
      const since = dayBefore(clock.nowMs(), days)
      const rows = await store.db
        .selectFrom('request_scores')
        .selectAll()
        .where('tenant', '=', tenant)
        .where('day', '>', since)
        .execute()
      const scores = newScores()
      for (const { score, requests } of rows) scores[score] = (scores[score] ?? 0) + requests
      const reasons = await store.db
        .selectFrom('request_reasons')
        .select(({ fn }) => ['detector', 'id', fn.sum<number>('threats').as('threats')])
        .where('tenant', '=', tenant)
        .where('day', '>', since)
        .groupBy(['detector', 'id'])
        .orderBy('threats', 'desc')
        .limit(scoreLimits.reasonsShown)
        .execute()
      return { days: new Set(rows.map(({ day }) => day)).size, scores, reasons }
    },
    run: async (signal) => {
      while (!signal.aborted) {
        await clock.sleep(writeEveryMs, signal)
        await write()
      }
    },
    forgetTenant: (tenant) => void pages.delete(tenant),
  }
}

async function writePage(tx: Tx, of: { readonly tenant: string; readonly day: string }, page: Tally): Promise<void> {
  for (const [score, requests] of page.scores.entries())
    if (requests > 0)
      await tx
        .insertInto('request_scores')
        .values({ ...of, score, requests })
        .onConflict((conflict) =>
          conflict
            .columns(['tenant', 'day', 'score'])
            .doUpdateSet((at) => ({ requests: at('request_scores.requests', '+', requests) })),
        )
        .execute()
  for (const reason of countedReasons(page))
    await tx
      .insertInto('request_reasons')
      .values({ ...of, ...reason })
      .onConflict((conflict) =>
        conflict
          .columns(['tenant', 'day', 'detector', 'id'])
          .doUpdateSet((at) => ({ threats: at('request_reasons.threats', '+', reason.threats) })),
      )
      .execute()
}

async function prune(tx: Tx, tenant: string, before: string): Promise<void> {
  for (const table of ['request_scores', 'request_reasons'] as const)
    await tx.deleteFrom(table).where('tenant', '=', tenant).where('day', '<=', before).execute()
}
