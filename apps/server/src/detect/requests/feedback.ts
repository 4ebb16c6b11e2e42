// SPDX-License-Identifier: Apache-2.0

import { rfc3339 } from '@sealwatch/base'
import { parseLine, sha256 } from '@sealwatch/ledger'
import { type Authorised, actBy } from '../../access/index.ts'
import { type Recorded, type RecordOptions, recordAct } from '../../identity/index.ts'
import type { Ledgers } from '../../ingest/index.ts'
import type { Tables, Tx } from '../../store/index.ts'
import { ruleError } from '../errors.ts'
import type { FeedbackRow } from './suggestions.ts'
import { threatCode } from './threat-event.ts'

/** `right`: it was an attack. */
export type FeedbackWord = FeedbackRow['word']

/** What people said of threats that were told: whether they were any. */
export type RequestFeedback = {
  /** Of the alert at a place of the tenant's ledger; who says something else later is believed. Throws THREAT_UNKNOWN. */
  give(
    by: Authorised<'threat:feedback'>,
    leaf: number,
    said: { readonly word: FeedbackWord; readonly reason: string },
  ): Promise<Recorded>
  /** Of threats of later days than this one (UTC): how many had which score, and the newest of them. */
  after(
    tenant: string,
    day: string,
  ): Promise<{
    readonly counts: readonly (Pick<FeedbackRow, 'word' | 'score'> & { readonly times: number })[]
    readonly newest: readonly FeedbackRow[]
  }>
}

export const feedbackLimits = {
  keptMax: 10_000,
  /** That are read with their reasons: all of them would keep the thread that answers everybody for half a second. */
  newestMax: 1_000,
  reasonCharsMax: 500,
} as const

export function createRequestFeedback(
  options: RecordOptions & { readonly ledgers: Pick<Ledgers, 'get'> },
): RequestFeedback {
  const { store, ledgers } = options

  /** What the alert says. Others than the server say what they like in their lines. */
  async function threatAt(tenant: string, leaf: number, attempted: string): Promise<ThreatSaid> {
    const ledger = ledgers.get(tenant)
    const [found] = leaf < ledger.size ? await ledger.readChecked(leaf, 1) : []
    const line = found && parseLine(sha256, found.line, attempted).line
    const event =
      line !== undefined && line.chain === ledger.chain && 'event' in line ? (line.event as AlertSaid) : undefined
    const threat = event?.metadata?.event_code === threatCode ? event.evidences?.[0]?.data : undefined
    if (threat === undefined) throw ruleError('THREAT_UNKNOWN', { attempted, received: `${leaf}` })
    return { ...threat, day: new Date(event?.time ?? 0).toISOString().slice(0, 10) }
  }

  return {
    give: async (by, leaf, { word, reason }) => {
      const { tenant } = by
      const attempted = `telling what became of the threat at ${leaf}`
      const threat = await threatAt(tenant, leaf, attempted)
      const said = word === 'right' ? 'an attack' : 'a false alarm'
      const act = {
        code: 'request_feedback_given',
        component: 'detect',
        tenant,
        by: actBy(by),
        verb: 'update' as const,
        severity: 'low' as const,
        message: `the threat in the line ${leaf} was ${said}`,
        entity: { type: 'Request Threat', uid: `${tenant}/${leaf}` },
        details: { request_feedback: word, request_feedback_of: leaf, change_cause: reason },
      }
      return recordAct(options, act, async (tx, timeNs) => {
        const row = {
          word,
          day: threat.day,
          score: threat.score,
          threat: JSON.stringify({ method: threat.method, route: threat.route, reasons: threat.reasons }),
          told_at: rfc3339(timeNs),
          told_by: act.by.name,
        }
        await tx
          .insertInto('request_feedback')
          .values({ tenant, leaf_index: leaf, ...row })
          .onConflict((conflict) => conflict.columns(['tenant', 'leaf_index']).doUpdateSet(row))
          .execute()
        await keepNewest(tx, tenant)
      })
    },
    after: async (tenant, day) => {
      const given = () => store.db.selectFrom('request_feedback').where('tenant', '=', tenant).where('day', '>', day)
      const newest = given().selectAll().orderBy('leaf_index', 'desc').limit(feedbackLimits.newestMax)
      const counts = given()
        .select(({ fn }) => ['word', 'score', fn.countAll<number>().as('times')])
        .groupBy(['word', 'score'])
      return { counts: await counts.execute(), newest: await newest.execute() }
    },
  }
}

type ThreatSaid = Pick<Tables['request_feedback'], 'score' | 'day'> & {
  readonly method?: string
  readonly route?: string
  readonly reasons: readonly object[]
}
type AlertSaid = {
  readonly metadata?: { readonly event_code?: string }
  readonly time?: number
  readonly evidences?: readonly { readonly data?: ThreatSaid }[]
}

async function keepNewest(tx: Tx, tenant: string): Promise<void> {
  const oldest = await tx
    .selectFrom('request_feedback')
    .select('leaf_index')
    .where('tenant', '=', tenant)
    .orderBy('leaf_index', 'desc')
    .offset(feedbackLimits.keptMax)
    .limit(1)
    .executeTakeFirst()
  if (oldest === undefined) return
  await tx
    .deleteFrom('request_feedback')
    .where('tenant', '=', tenant)
    .where('leaf_index', '<=', oldest.leaf_index)
    .execute()
}
