// SPDX-License-Identifier: Apache-2.0

import { randomBytes } from 'node:crypto'
import { canonicalize, type Log, rfc3339 } from '@sealwatch/base'
import type { Side } from '@sealwatch/contract'
import type { OpenedRules } from '@sealwatch/detect/open-judge'
import type { ReputationConfig } from '@sealwatch/detect/reputation'
import type { RequestContext } from '@sealwatch/detect/request'
import type { ExceptedReason, ExceptionOf } from '@sealwatch/detect/verdict'
import { type Authorised, actBy } from '../access/index.ts'
import { actEvent, type Recorded, type RecordOptions, recordAct } from '../identity/index.ts'
import type { Ledgers } from '../ingest/index.ts'
import type { Tx } from '../store/index.ts'
import { checkedException, type WantedException } from './checked-exception.ts'
import { ruleError } from './errors.ts'
import { endingAct, exceptionAct } from './exception-acts.ts'
import {
  createExceptionJudge,
  type ExceptedRule,
  type ExceptionRow,
  isMeant,
  exceptionLimits as limits,
  type Selection,
} from './exception-form.ts'
import { vouchedExceptions } from './exception-vouching.ts'
import { createRequestExceptionJudge, type RequestMatter, titleOf } from './requests/exception.ts'
import type { RulesReader } from './rulebook.ts'

export type ExceptionRecord = ExceptionRow & {
  /** Matches that made no alert for it since then: it was made, or the server started, whichever was later. */
  readonly excepted: number
  readonly exceptedSince: string
  readonly state: 'standing' | 'ending'
}

/** What exceptions are about: matches of rules over events, or what requests are judged by. */
export type ExceptionKind = 'events' | 'requests'

/** What a tenant wants no alert of, until a moment: its own matter, and an act in its ledger. */
export type Exceptions = {
  /** That are not over, oldest first. */
  list(by: Authorised<'rule:read'>, kind: ExceptionKind): Promise<ExceptionRecord[]>
  /** Throws RULE_UNKNOWN, EXCEPTION_INVALID, EXCEPTIONS_TOO_MANY. It counts once its line is in the ledger. */
  add(
    by: Authorised<'rule:except'>,
    wanted: WantedException,
  ): Promise<{ readonly exception: ExceptionRecord; readonly recorded: Recorded }>
  /** Throws EXCEPTION_UNKNOWN. */
  remove(by: Authorised<'rule:except'>, id: string, kind: ExceptionKind): Promise<Recorded>
  /** Whether no alert is made of a match; counts it. */
  excepts(tenant: string, rule: ExceptedRule, event: { readonly type_uid: number }, side: Side): boolean
  /** Which exception a piece of evidence against a request does not count for; undefined: none is about it. */
  ofRequest(tenant: string, asked: Pick<RequestContext, 'method' | 'path' | 'route'>): ExceptionOf | undefined
  /** Counts what did not count of a request. */
  noteExcepted(tenant: string, excepted: readonly Pick<ExceptedReason, 'exception'>[]): void
  /** Whether there is just this exception. */
  has(tenant: string, matter: RequestMatter): boolean
  /** Of all tenants, that are not over; and matches that made no alert for one, since the start. */
  readonly counts: { readonly standing: number; readonly ending: number; readonly excepted: number }
  /** Tells of those that are about to end, until the signal fires. */
  run(signal: AbortSignal): Promise<void>
  /** Of a tenant whose ledger is open. */
  load(tenant: string): Promise<void>
  forgetTenant(tenant: string): void
}

export type ExceptionsOptions = RecordOptions & {
  readonly rules: RulesReader
  readonly requestRules: Pick<OpenedRules, 'ruleIds'>
  readonly feedPlan?: Pick<ReputationConfig, 'feeds'> | undefined
  readonly ledgers: Pick<Ledgers, 'get'>
  readonly log: Log
}

type Standing = {
  readonly row: ExceptionRow
  readonly judge: ReturnType<typeof createExceptionJudge>
  readonly ofRequests: ReturnType<typeof createRequestExceptionJudge> | undefined
  readonly endMs: number
  /** Since when `excepted` is counted. */
  readonly sinceTime: string
  excepted: number
  isTold: boolean
}
const lookEveryMs = 60_000

export function createExceptions(options: ExceptionsOptions): Exceptions {
  const { store, outbox, voice, rules, requestRules, clock, log } = options
  const byTenant = new Map<string, Standing[]>()
  let excepted = 0

  const enter = (row: ExceptionRow) => {
    const standing = standingOf(row, rfc3339(clock.nowNs()))
    const others = (byTenant.get(row.tenant) ?? []).filter((one) => one.row.exception_id !== row.exception_id)
    byTenant.set(row.tenant, [...others, standing])
    return standing
  }
  const leave = (tenant: string, id: string) =>
    byTenant.set(
      tenant,
      (byTenant.get(tenant) ?? []).filter(({ row }) => row.exception_id !== id),
    )
  const standingIn = (tenant: string) => (byTenant.get(tenant) ?? []).filter(({ endMs }) => clock.nowMs() < endMs)
  const known = () => ({
    ruleset: rules.ruleset,
    requestRuleIds: requestRules.ruleIds,
    feeds: (options.feedPlan?.feeds ?? []).map(({ name }) => name),
    nowMs: clock.nowMs(),
  })
  const recordOf = ({ row, endMs, excepted: times, sinceTime }: Standing): ExceptionRecord => ({
    ...row,
    excepted: times,
    exceptedSince: sinceTime,
    state: endMs - clock.nowMs() <= limits.endingMs ? 'ending' : 'standing',
  })

  async function checkRoom(tx: Tx, tenant: string, attempted: string): Promise<void> {
    const now = rfc3339(clock.nowNs())
    await tx.deleteFrom('rule_exceptions').where('tenant', '=', tenant).where('expires_at', '<=', now).execute()
    const { count } = await tx
      .selectFrom('rule_exceptions')
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .where('tenant', '=', tenant)
      .executeTakeFirstOrThrow()
    if (count >= limits.standingMax) throw ruleError('EXCEPTIONS_TOO_MANY', { attempted, received: `${count}` })
  }

  /** Line and mark are one transaction: it is told once. */
  async function tellEnding(standing: Standing): Promise<void> {
    const { tenant, exception_id, expires_at } = standing.row
    const event = actEvent(voice, endingAct(standing.row, clock.nowNs()))
    await store.transaction(async (tx) => {
      await tx
        .updateTable('rule_exceptions')
        .set({ ending_told: 1 })
        .where('tenant', '=', tenant)
        .where('exception_id', '=', exception_id)
        .execute()
      await outbox.enqueue(tx, tenant, event)
    })
    standing.isTold = true
    outbox.ring()
    log.warn('an exception from a rule is about to end', { tenant, exception: exception_id, expires_at })
  }

  return {
    list: async ({ tenant }, kind) =>
      standingIn(tenant)
        .filter(({ row }) => kindOf(row) === kind)
        .map(recordOf),
    add: async (by, wanted) => {
      const { tenant } = by
      const of = 'request' in wanted ? titleOf(wanted.request) : (wanted.ruleId ?? wanted.tag)
      const attempted = `excepting matches of ${of}`
      const row: ExceptionRow = {
        tenant,
        exception_id: `exc_${randomBytes(10).toString('hex')}`,
        ...checkedException(wanted, known(), attempted),
        reason: wanted.reason,
        owner: actBy(by).name,
        created_at: rfc3339(clock.nowNs()),
        ending_told: 0,
      }
      const recorded = await recordAct(
        options,
        exceptionAct(by, row, 'added'),
        async (tx) => {
          await checkRoom(tx, tenant, attempted)
          await tx.insertInto('rule_exceptions').values(row).execute()
        },
        {
          given: async (db) => {
            const kept = await db
              .selectFrom('rule_exceptions')
              .select('exception_id')
              .where('tenant', '=', tenant)
              .where('exception_id', '=', row.exception_id)
              .executeTakeFirst()
            if (kept !== undefined) enter(row)
          },
        },
      )
      return { exception: recordOf(standingOf(row, row.created_at)), recorded }
    },
    remove: async (by, id, kind) => {
      const { tenant } = by
      const found = standingIn(tenant).find(({ row }) => row.exception_id === id && kindOf(row) === kind)
      const attempted = `removing the exception ${id}`
      if (found === undefined) throw ruleError('EXCEPTION_UNKNOWN', { attempted, received: id })
      return recordAct(
        options,
        exceptionAct(by, found.row, 'removed'),
        async (tx) => {
          await tx.deleteFrom('rule_exceptions').where('tenant', '=', tenant).where('exception_id', '=', id).execute()
        },
        { taken: () => void leave(tenant, id) },
      )
    },
    excepts: (tenant, rule, event, side) => {
      const found = standingIn(tenant).find(
        ({ row, judge }) => isMeant(rule, { ruleId: row.rule_id, tag: row.tag }) && judge(rule, event, side),
      )
      if (found === undefined) return false
      found.excepted += 1
      excepted += 1
      return true
    },
    ofRequest: (tenant, asked) => {
      const about = standingIn(tenant).filter(({ ofRequests }) => ofRequests?.isAbout(asked) === true)
      if (about.length === 0) return undefined
      return (evidence) => about.find(({ ofRequests }) => ofRequests?.excepts(evidence) === true)?.row.exception_id
    },
    noteExcepted: (tenant, reasons) => {
      for (const { exception } of reasons)
        for (const standing of byTenant.get(tenant) ?? [])
          if (standing.row.exception_id === exception) standing.excepted += 1
    },
    has: (tenant, matter) => standingIn(tenant).some(({ row }) => row.request === canonicalize(matter)),
    get counts() {
      const all = [...byTenant.keys()].flatMap(standingIn)
      return { standing: all.length, ending: all.filter((one) => recordOf(one).state === 'ending').length, excepted }
    },
    run: async (signal) => {
      while (!signal.aborted) {
        for (const tenant of byTenant.keys())
          for (const one of standingIn(tenant))
            if (!one.isTold && recordOf(one).state === 'ending') await tellEnding(one)
        await clock.sleep(lookEveryMs, signal)
      }
    },
    load: async (tenant) => {
      const rows = await store.db
        .selectFrom('rule_exceptions')
        .selectAll()
        .where('tenant', '=', tenant)
        .where('expires_at', '>', rfc3339(clock.nowNs()))
        .orderBy('created_at')
        .execute()
      for (const row of await vouchedExceptions(options, tenant, rows)) enter(row)
    },
    forgetTenant: (tenant) => void byTenant.delete(tenant),
  }
}

const kindOf = ({ request }: ExceptionRow): ExceptionKind => (request === null ? 'events' : 'requests')

const standingOf = (row: ExceptionRow, sinceTime: string): Standing => ({
  row,
  sinceTime,
  judge: createExceptionJudge(JSON.parse(row.selection) as Selection),
  ofRequests: row.request === null ? undefined : createRequestExceptionJudge(JSON.parse(row.request) as RequestMatter),
  endMs: Date.parse(row.expires_at),
  excepted: 0,
  isTold: row.ending_told === 1,
})
