// SPDX-License-Identifier: Apache-2.0

import { randomBytes } from 'node:crypto'
import { type Log, rfc3339, rfc3339From, toSeconds } from '@sealwatch/base'
import type { Side } from '@sealwatch/contract'
import { type Authorised, actBy } from '../access/index.ts'
import { actEvent, type Recorded, type RecordOptions, recordAct } from '../identity/index.ts'
import type { Ledgers } from '../ingest/index.ts'
import type { Tx } from '../store/index.ts'
import { ruleError } from './errors.ts'
import {
  compileException,
  createExceptionJudge,
  digestOf,
  type ExceptedRule,
  type ExceptionRow,
  isMeant,
  exceptionLimits as limits,
  type Selection,
} from './exception-form.ts'
import { exceptionCodes, vouchedExceptions } from './exception-vouching.ts'
import type { RulesReader } from './rulebook.ts'

export type ExceptionRecord = ExceptionRow & {
  /** Matches that made no alert for it, since the server started. */
  readonly excepted: number
  readonly state: 'standing' | 'ending'
}

export type WantedException = {
  readonly ruleId?: string | undefined
  readonly tag?: string | undefined
  readonly selection: Selection
  readonly reason: string
  /** As people give it. */
  readonly expiresAt: string
}

/** Matches of rules that a tenant wants no alert of, until a moment: its own matter, and an act in its ledger. */
export type Exceptions = {
  /** That are not over, oldest first. */
  list(by: Authorised<'rule:read'>): Promise<ExceptionRecord[]>
  /** Throws RULE_UNKNOWN, EXCEPTION_INVALID, EXCEPTIONS_TOO_MANY. It counts once its line is in the ledger. */
  add(
    by: Authorised<'rule:except'>,
    wanted: WantedException,
  ): Promise<{ readonly exception: ExceptionRecord; readonly recorded: Recorded }>
  /** Throws EXCEPTION_UNKNOWN. */
  remove(by: Authorised<'rule:except'>, id: string): Promise<Recorded>
  /** Whether no alert is made of a match; counts it. */
  excepts(tenant: string, rule: ExceptedRule, event: { readonly type_uid: number }, side: Side): boolean
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
  readonly ledgers: Pick<Ledgers, 'get'>
  readonly log: Log
}

type Standing = {
  readonly row: ExceptionRow
  readonly judge: ReturnType<typeof createExceptionJudge>
  readonly endMs: number
  excepted: number
  isTold: boolean
}
const lookEveryMs = 60_000

export function createExceptions(options: ExceptionsOptions): Exceptions {
  const { store, outbox, voice, rules, clock, log } = options
  const byTenant = new Map<string, Standing[]>()
  let excepted = 0

  const enter = (row: ExceptionRow) => {
    const standing = standingOf(row)
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
  const recordOf = ({ row, endMs, excepted: times }: Standing): ExceptionRecord => ({
    ...row,
    excepted: times,
    state: endMs - clock.nowMs() <= limits.endingMs ? 'ending' : 'standing',
  })

  function check({ ruleId, tag, selection, expiresAt }: WantedException, attempted: string): string {
    const invalid = (received: string) => ruleError('EXCEPTION_INVALID', { attempted, received })
    if ((ruleId === undefined) === (tag === undefined)) throw invalid('a rule and a tag, or neither')
    const { rules: single, correlations } = rules.ruleset
    const meant = [...single, ...correlations].filter((rule: ExceptedRule) =>
      isMeant(rule, { ruleId: ruleId ?? null, tag: tag ?? null }),
    )
    if (meant.length === 0) throw ruleError('RULE_UNKNOWN', { attempted, received: ruleId ?? tag })
    if (selection !== null) for (const rule of meant) compileException(rule, selection)
    const expires = rfc3339From(expiresAt)
    const aheadMs = Date.parse(expires ?? '') - clock.nowMs()
    if (expires === undefined || !(aheadMs > 0 && aheadMs <= limits.daysMax * 86_400_000))
      throw invalid(`an end that is not ahead, or more than ${limits.daysMax} days`)
    return expires
  }

  const actOf = (by: Authorised, row: ExceptionRow, what: 'added' | 'removed') => ({
    code: exceptionCodes[what],
    component: 'detect',
    tenant: by.tenant,
    by: actBy(by),
    verb: what === 'added' ? ('create' as const) : ('delete' as const),
    severity: 'medium' as const,
    message: `the exception ${row.exception_id} from ${row.rule_id ?? row.tag} was ${what}${what === 'added' ? `: until ${toSeconds(row.expires_at)}` : ''}`,
    entity: { type: 'Rule Exception', uid: `${by.tenant}/${row.exception_id}` },
    // What its selection names may be a person: the ledger has its digest.
    details: {
      rule_exception: row.exception_id,
      rule_exception_of: row.rule_id ?? row.tag,
      rule_exception_digest: digestOf(row),
      expires_at: row.expires_at,
      change_cause: row.reason,
    },
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
    const { tenant, exception_id, rule_id, tag, expires_at, owner } = standing.row
    const event = actEvent(voice, {
      code: 'rule_exception_ending',
      component: 'detect',
      tenant,
      timeNs: clock.nowNs(),
      by: { name: 'server:rules', requestId: exception_id },
      verb: 'update',
      severity: 'low',
      message: `the exception ${exception_id} of ${owner} from ${rule_id ?? tag} ends at ${toSeconds(expires_at)}: what it kept quiet is alerted of then`,
      entity: { type: 'Rule Exception', uid: `${tenant}/${exception_id}` },
      details: { rule_exception: exception_id, rule_exception_of: rule_id ?? tag, expires_at },
    })
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
    list: async ({ tenant }) => standingIn(tenant).map(recordOf),
    add: async (by, wanted) => {
      const { tenant } = by
      const attempted = `excepting matches of ${wanted.ruleId ?? wanted.tag}`
      const expires_at = check(wanted, attempted)
      const row: ExceptionRow = {
        tenant,
        exception_id: `exc_${randomBytes(10).toString('hex')}`,
        rule_id: wanted.ruleId ?? null,
        tag: wanted.tag ?? null,
        selection: JSON.stringify(wanted.selection),
        reason: wanted.reason,
        owner: actBy(by).name,
        created_at: rfc3339(clock.nowNs()),
        expires_at,
        ending_told: 0,
      }
      const recorded = await recordAct(
        options,
        actOf(by, row, 'added'),
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
      return { exception: recordOf(standingOf(row)), recorded }
    },
    remove: async (by, id) => {
      const { tenant } = by
      const found = standingIn(tenant).find(({ row }) => row.exception_id === id)
      const attempted = `removing the exception ${id}`
      if (found === undefined) throw ruleError('EXCEPTION_UNKNOWN', { attempted, received: id })
      return recordAct(
        options,
        actOf(by, found.row, 'removed'),
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

const standingOf = (row: ExceptionRow): Standing => ({
  row,
  judge: createExceptionJudge(JSON.parse(row.selection) as Selection),
  endMs: Date.parse(row.expires_at),
  excepted: 0,
  isTold: row.ending_told === 1,
})
