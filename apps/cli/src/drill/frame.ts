// SPDX-License-Identifier: Apache-2.0

import { statfs } from 'node:fs/promises'
import { isSealwatchError, messageOf, rfc3339 } from '@sealwatch/base'
import { type ApiClient, ApiProblem, type Operations } from '@sealwatch/contract/api'
import type { DrillReport, RowDrillReport } from '@sealwatch/ledger'
import { type ApiPlace, withApi } from '../api.ts'
import type { Context } from '../command.ts'
import { toSecond } from '../terminal.ts'
import { clearLeftovers, standDown } from './decoy-service.ts'
import { type DrillBounds, type Drilling, drilled } from './drilled.ts'
import { drillFailure } from './failures.ts'
import { askUntilThere, lasting } from './lasting.ts'
import { reportTextOf } from './report-text.ts'
import type { AlertSource } from './rule.ts'
import { checkSafety, metricsAt } from './server.ts'

/** The service of the drill's tenant. */
export const decoyName = 'drill-decoy'
/** The server lets others in when it has not heard of us for twenty seconds. */
const holdEveryMs = 5_000

export type DrillPlan = {
  readonly name: RowDrillReport['drill']
  readonly tenant: string
  readonly bounds: DrillBounds
  readonly alertSource: AlertSource
  readonly work: (of: Drilling) => Promise<void>
}
export type Drilled = {
  readonly report: DrillReport
  /** What was signed. */
  readonly text: string
  readonly envelope: Operations['reportDrill']['answer']['envelope']
  readonly ledger: Operations['reportDrill']['answer']['ledger']
}

/**
 * Runs a drill from its refusals to its signed report. What fails within is in the report; thrown is what kept it from
 * beginning, CLI_DRILL_REFUSED among it, or from being reported.
 */
export async function runDrill(plan: DrillPlan, context: Context): Promise<Drilled> {
  const { io, place } = context
  const attempted = `running the drill ${plan.name}`
  const { tenant } = plan
  // The first signal ends the drill, which still puts its decoy away and reports; the second ends that.
  const at: ApiPlace = { io: { ...io, stop: io.kill }, place, tenant, server: undefined }
  return await withApi({ ...at, tenant: undefined }, attempted, (root) =>
    withApi(at, attempted, async (ofTenant) => {
      const server = await checkSafety(root, ofTenant, { tenant, producer: decoyName, room: await statfs(place.data) })
      await makeTenant(lasting(root, io.clock, io.kill), tenant)
      const { run, abandoned } = await ofTenant.call('beginDrill', { body: { drill: plan.name } })
      const api = lasting(ofTenant, io.clock, io.kill)
      const startedAt = rfc3339(io.clock.nowNs())
      const metrics = () => askUntilThere(() => metricsAt(root), io.clock, io.kill)
      const of = drilled({ ...plan, api, server, metrics, producer: decoyName, startedAt }, context)
      const over = new AbortController()
      const holding = holdOn(ofTenant, run, of, over.signal)
      try {
        await carryOut(of, plan, abandoned)
        return await reportOn(of, plan, run, context)
      } finally {
        over.abort()
        await holding
      }
    }),
  )
}

async function makeTenant(root: ApiClient, name: string): Promise<void> {
  try {
    await root.call('createTenant', { body: { name } })
  } catch (error) {
    if (!(error instanceof ApiProblem) || !['TENANT_EXISTS', 'TENANT_NAME_TAKEN'].includes(error.problem.code))
      throw error
  }
}

/** A server that does not answer for a while is asked again; nobody else begins meanwhile, for nobody can. */
export async function holdOn(
  api: ApiClient,
  run: string,
  { io }: Pick<Drilling, 'io'>,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await io.clock.sleep(holdEveryMs, signal)
    if (!signal.aborted) await api.call('holdDrill', { params: { run } }).catch(() => undefined)
  }
}

type Abandoned = Operations['beginDrill']['answer']['abandoned']

/** What it throws is noted by its step already. */
async function carryOut(of: Drilling, plan: DrillPlan, abandoned: Abandoned): Promise<void> {
  try {
    await of.step('leftovers', async (note) => {
      for (const { drill, begun_at, begun_by } of abandoned)
        note(`the drill ${drill}, begun by ${begun_by} at ${toSecond(begun_at)}, was cut off: it is ended now`)
      const found = await clearLeftovers(of)
      found.forEach(note)
      if (abandoned.length + found.length === 0) note('no drill was left unfinished')
    })
    await of.step('readiness', (note) => checkReadiness(of, note))
    await plan.work(of)
  } catch (error) {
    if (of.seen().failure === null) await of.step('the drill', () => Promise.reject(error)).catch(() => undefined)
  } finally {
    await standDown(of)
  }
}

/** What the drill is to show is there at all. Nothing was sent yet. */
async function checkReadiness(of: Drilling, note: (line: string) => void): Promise<void> {
  const { strict, off } = await of.api.call('getStrictSignatures')
  if (!strict)
    throw drillFailure('DRILL_STRICT_OFF', {
      attempted: 'looking whether strict mode is on',
      received: `strict mode is off for ${of.tenant}, since ${off?.since ?? 'its start'}`,
    })
  note(`strict mode is on for ${of.tenant}`)
  note(await of.alertSource.check())
}

async function reportOn(of: Drilling, plan: DrillPlan, run: string, { io }: Context): Promise<Drilled> {
  const { server, tenant, producer, startedAt: started } = of
  const seen = of.seen()
  const outcome = seen.failure === null ? ('passed' as const) : ('failed' as const)
  const finished = rfc3339(io.clock.nowNs())
  const report: RowDrillReport = {
    v: 1,
    drill: plan.name,
    run,
    tenant,
    producer,
    deployment: server.deployment,
    version: io.version,
    started,
    finished,
    outcome,
    ...seen,
  }
  const text = reportTextOf(report)
  try {
    const { envelope, ledger } = await of.api.call('reportDrill', { params: { run }, body: { outcome, report: text } })
    return { report, text, envelope, ledger }
  } catch (error) {
    const known = await alreadyReported(of, run, text, error)
    if (known !== undefined) return { report, text, ...known }
    const why = isSealwatchError(error) ? error.message : messageOf(error)
    of.warn(`the drill ${outcome}, and could not be reported: ${why}; the next drill ends it`)
    throw error
  }
}

/** The answer was lost, and the report was not. */
export async function alreadyReported(
  { api, tenant }: Pick<Drilling, 'api' | 'tenant'>,
  run: string,
  text: string,
  error: unknown,
) {
  if (!(error instanceof ApiProblem) || error.problem.code !== 'DRILL_UNKNOWN') return undefined
  const kept = await api.call('getDrill', { params: { run } })
  if (kept.report !== text || kept.envelope === null) return undefined
  return { envelope: kept.envelope, ledger: { tenant, leaf_index: null } }
}
