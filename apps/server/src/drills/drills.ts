// SPDX-License-Identifier: Apache-2.0

import { randomUUID } from 'node:crypto'
import { canonicalize, rfc3339, toSeconds } from '@sealwatch/base'
import type { Rehearsal } from '@sealwatch/contract/guard-config'
import type { DsseEnvelope } from '@sealwatch/keys'
import {
  type DrillName,
  type DrillOutcome,
  type DrillStatement,
  type Ledger,
  openDrillText,
  sha256,
} from '@sealwatch/ledger'
import { type Authorised, actBy } from '../access/index.ts'
import type { Rehearsals } from '../fleet/index.ts'
import { identityError, type Recorded, type RecordOptions, recordAct } from '../identity/index.ts'
import type { Tables, Tx } from '../store/index.ts'
import { drillRunError } from './errors.ts'
import { drillLimits } from './limits.ts'
import { proveSent } from './prove.ts'
import { proveAttacks } from './prove-attacks.ts'

export type DrillRun = Tables['drill_runs']
export type BegunDrill = {
  readonly run: string
  readonly heldUntil: string
  /** Drills of this tenant that nobody ended. They are over now, and their decoys are still as they left them. */
  readonly abandoned: readonly DrillRun[]
  readonly recorded: Recorded
}
export type ReportedDrill = {
  readonly envelope: DsseEnvelope
  readonly statementDigest: string
  readonly recorded: Recorded
}

export type PlayedAt = Pick<Rehearsal, 'name' | 'decoy' | 'runner'> & { readonly host: string }
export type Rehearsing = { readonly until: string; readonly recorded: Recorded }

/** Drills are carried out from outside; one runs in a tenant at a time, and the deployment signs and records what it reports. */
export type Drills = {
  /** Throws DRILL_RUNNING, AUDIT_NOT_RECORDED. */
  begin(by: Authorised<'drill:run'>, drill: DrillName): Promise<BegunDrill>
  /** It is still going on: nobody else begins one until the time that is returned. Throws DRILL_UNKNOWN. */
  hold(by: Authorised<'drill:run'>, run: string): Promise<string>
  /**
   * Has the guard of a host answer what the drill does to its decoy in earnest, for some minutes: also where it only says what it would do.
   * Throws DRILL_UNKNOWN, REHEARSAL_REFUSED, HOST_UNKNOWN, AUDIT_NOT_RECORDED.
   */
  rehearse(by: Authorised<'host:configure'>, run: string, played: PlayedAt): Promise<Rehearsing>
  /** The drill is over. Throws DRILL_UNKNOWN, what `openDrillText` throws, DRILL_UNPROVEN, AUDIT_NOT_RECORDED, and what the signer throws. */
  report(
    by: Authorised<'drill:run'>,
    run: string,
    told: { readonly outcome: DrillOutcome; readonly report: string },
  ): Promise<ReportedDrill>
  /** Newest first. */
  list(by: Authorised<'drill:read'>): Promise<DrillRun[]>
  /** Throws DRILL_UNKNOWN. */
  get(by: Authorised<'drill:read'>, run: string): Promise<DrillRun>
}

export function createDrills(
  options: RecordOptions & {
    /** Of the root ledger: the deployment that signs. */
    readonly origin: string
    readonly sign: (statement: DrillStatement) => Promise<DsseEnvelope>
    /** Of the tenant's ledger, in leaves. */
    readonly sizeOf: (tenant: string) => number
    readonly ledgerOf: (tenant: string) => Pick<Ledger, 'readChecked'>
    readonly rehearsals: Pick<Rehearsals, 'begin' | 'end'>
    readonly indexed: { waitFor(tenant: string, leaf: number): Promise<void> }
  },
): Drills {
  const { store, clock, origin, sign, sizeOf, indexed, ledgerOf, rehearsals } = options
  const { db } = store
  const heldFrom = (nowNs: bigint) => rfc3339(nowNs + drillLimits.heldNs)

  async function mine(by: Authorised, run: string, attempted: string): Promise<DrillRun> {
    const row = await rowOf(by.tenant, run)
    if (row === undefined || row.ended_at !== null || row.begun_by !== actBy(by).name)
      throw drillRunError('DRILL_UNKNOWN', { attempted, received: run })
    return row
  }

  const rowOf = (tenant: string, run: string) =>
    db.selectFrom('drill_runs').selectAll().where('tenant', '=', tenant).where('run', '=', run).executeTakeFirst()

  const openIn = (from: Pick<Tx, 'selectFrom'>, tenant: string) =>
    from.selectFrom('drill_runs').selectAll().where('tenant', '=', tenant).where('ended_at', 'is', null).execute()

  function refuseWhereOneRuns(open: readonly DrillRun[], drill: string): void {
    const held = open.find((row) => row.held_until > rfc3339(clock.nowNs()))
    if (held === undefined) return
    const received = `${held.drill} of ${held.begun_by}, until ${held.held_until} at least`
    throw drillRunError('DRILL_RUNNING', { attempted: `beginning the drill ${drill}`, received })
  }

  async function abandon(by: Authorised, row: DrillRun): Promise<void> {
    const { drill, run, begun_at, begun_by } = row
    const message = `the drill ${drill}, begun by ${begun_by} at ${begun_at}, was abandoned: nobody ended it`
    const act = actOf(by, row, 'drill_abandoned', message, { name: drill, outcome: 'abandoned' })
    await recordAct(options, act, (tx, timeNs) =>
      end(tx, by.tenant, run, { ended_at: rfc3339(timeNs), outcome: 'abandoned' }),
    )
    rehearsals.end(by.tenant, run)
  }

  async function checkHost(tenant: string, host: string, attempted: string): Promise<void> {
    const found = await db
      .selectFrom('hosts')
      .select('host_id')
      .where('tenant', '=', tenant)
      .where('host_id', '=', host)
      .where('revoked_at', 'is', null)
      .executeTakeFirst()
    if (found === undefined) throw identityError('HOST_UNKNOWN', { attempted, received: host })
  }

  return {
    begin: async (by, drill) => {
      const { tenant } = by
      const open = await openIn(db, tenant)
      refuseWhereOneRuns(open, drill)
      for (const row of open) await abandon(by, row)
      const run = randomUUID()
      let heldUntil = ''
      const act = actOf(by, { run }, 'drill_begun', `the drill ${drill} began`, { name: drill })
      const recorded = await recordAct(options, act, async (tx, timeNs) => {
        refuseWhereOneRuns(await openIn(tx, tenant), drill)
        heldUntil = heldFrom(timeNs)
        const begun = { begun_at: rfc3339(timeNs), begun_by: actBy(by).name, held_until: heldUntil }
        await tx
          .insertInto('drill_runs')
          .values({ tenant, run, drill, ...begun })
          .execute()
        await prune(tx, tenant)
      })
      return { run, heldUntil, abandoned: open, recorded }
    },
    hold: async (by, run) => {
      const { tenant } = await mine(by, run, `holding the drill ${run}`)
      const held_until = heldFrom(clock.nowNs())
      await store.transaction((tx) =>
        tx
          .updateTable('drill_runs')
          .set({ held_until })
          .where('tenant', '=', tenant)
          .where('run', '=', run)
          .where('ended_at', 'is', null)
          .execute(),
      )
      return held_until
    },
    rehearse: async (by, run, { host, name, decoy, runner }) => {
      const attempted = `having a guard answer the drill ${run} in earnest`
      const row = await mine(by, run, attempted)
      const { drill, tenant } = row
      const refused = (received: string) => drillRunError('REHEARSAL_REFUSED', { attempted, received })
      if (drill !== 'key-theft') throw refused(`the drill ${drill}`)
      if (decoy.pid === runner.pid || decoy.pid === 1 || runner.pid === 1)
        throw refused(`decoy ${decoy.pid}, runner ${runner.pid}`)
      await checkHost(tenant, host, attempted)
      const until = rfc3339(clock.nowNs() + drillLimits.rehearsalNs)
      const rehearsal = { id: run, name, decoy, runner, until, by: actBy(by).name }
      const message = `the guard of ${host} answers the drill ${drill} in earnest until ${toSeconds(until)}, upon its decoy alone`
      // In the ledger before any host is told.
      const recorded = await recordAct(
        options,
        actOf(by, row, 'drill_rehearsal', message, { name: drill, host, rehearsal }),
        async () => undefined,
      )
      if (!rehearsals.begin({ tenant, hostId: host }, rehearsal)) throw refused(`a fifth one on ${host}`)
      return { until, recorded }
    },
    report: async (by, run, { outcome, report }) => {
      const attempted = `reporting the drill ${run}`
      const row = await mine(by, run, attempted)
      const { drill, tenant } = row
      const opened = openDrillText(report, { drill, outcome, run, tenant }, attempted)
      if (outcome === 'passed') {
        await indexed.waitFor(tenant, sizeOf(tenant))
        if (opened.drill === 'key-theft') await proveAttacks(ledgerOf(tenant), sizeOf(tenant), opened, attempted)
        else await proveSent(store, opened, Date.parse(row.begun_at), attempted)
      }
      const digest = hashOf(report)
      const time = rfc3339(clock.nowNs())
      const name = actBy(by).name
      const statement: DrillStatement = { by: name, digest, drill, origin, outcome, run, tenant, time, v: 1 }
      // Signed first: whoever is told that it is reported can read it in the ledger.
      const envelope = await sign(statement)
      const statementDigest = hashOf(canonicalize(statement))
      const recorded = await recordAct(
        options,
        actOf(by, row, 'drill_reported', `the drill ${drill} ${outcome}`, {
          name: drill,
          outcome,
          report: digest,
          statement: statementDigest,
          envelope,
        }),
        (tx, timeNs) =>
          end(tx, tenant, run, {
            ended_at: rfc3339(timeNs),
            outcome,
            report,
            envelope: JSON.stringify(envelope),
          }),
      )
      rehearsals.end(tenant, run)
      return { envelope, statementDigest, recorded }
    },
    list: ({ tenant }) =>
      db
        .selectFrom('drill_runs')
        .selectAll()
        .where('tenant', '=', tenant)
        .orderBy('begun_at', 'desc')
        .limit(drillLimits.runs)
        .execute(),
    get: async ({ tenant }, run) => {
      const row = await rowOf(tenant, run)
      if (row === undefined) throw drillRunError('DRILL_UNKNOWN', { attempted: 'reading a drill', received: run })
      return row
    },
  }
}

const actOf = (
  by: Authorised,
  { run }: Pick<DrillRun, 'run'>,
  code: string,
  message: string,
  drill: Readonly<Record<string, unknown>>,
) => ({
  code,
  component: 'drills',
  tenant: by.tenant,
  by: actBy(by),
  verb: code === 'drill_begun' ? ('create' as const) : ('update' as const),
  severity: 'low' as const,
  message,
  entity: { type: 'Drill', uid: run },
  details: { drill },
})

/** Throws DRILL_UNKNOWN where it was ended meanwhile. */
async function end(tx: Tx, tenant: string, run: string, set: Partial<DrillRun>): Promise<void> {
  const { numUpdatedRows } = await tx
    .updateTable('drill_runs')
    .set(set)
    .where('tenant', '=', tenant)
    .where('run', '=', run)
    .where('ended_at', 'is', null)
    .executeTakeFirstOrThrow()
  if (numUpdatedRows === 0n) throw drillRunError('DRILL_UNKNOWN', { attempted: 'ending a drill', received: run })
}

/** What is told of in the ledger stays there; of what is kept beside it the newest are enough. */
async function prune(tx: Tx, tenant: string): Promise<void> {
  const newest = (max: number) =>
    tx.selectFrom('drill_runs').select('run').where('tenant', '=', tenant).orderBy('begun_at', 'desc').limit(max)
  await tx
    .deleteFrom('drill_runs')
    .where('tenant', '=', tenant)
    .where('run', 'not in', newest(drillLimits.runs))
    .execute()
  await tx
    .updateTable('drill_runs')
    .set({ report: null })
    .where('tenant', '=', tenant)
    .where('run', 'not in', newest(drillLimits.reports))
    .execute()
}

const hashOf = (text: string) => sha256(Buffer.from(text)).toHex()
