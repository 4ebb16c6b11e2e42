// SPDX-License-Identifier: Apache-2.0

import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { canonicalize, isSealwatchError, messageOf, openBootClock, rfc3339 } from '@sealwatch/base'
import type { ApiClient, Operations } from '@sealwatch/contract/api'
import type { KeyTheftReport, PlayedAttack, ServedRequests } from '@sealwatch/ledger'
import { withApi } from '../../api.ts'
import type { Context } from '../../command.ts'
import { readJsonFile } from '../../json-file.ts'
import { fileOf, type Place } from '../../place.ts'
import { counted } from '../../terminal.ts'
import { drillFailure } from '../failures.ts'
import { alreadyReported, holdOn } from '../frame.ts'
import { lasting } from '../lasting.ts'
import { refused } from '../server.ts'
import { createSteps, type Note, type Steps } from '../steps.ts'
import { clusterTenant, followGuard, type GuardLines, membersOf } from './guard-lines.ts'
import { play, ready, type Stage } from './play.ts'
import { type Clients, type Decoy, lookAt, startClients, startDecoy, until } from './processes.ts'
import { tenantsOfDecoy } from './protocol.ts'
import { attackLine, heading, servedLine } from './show.ts'
import { type AttackWay, attackWays } from './ways.ts'

export type KeyTheftPlan = {
  readonly tenant: string
  /** How long an attack may take to be answered. */
  readonly patienceMs: number
}
export type PlayedDrill = {
  readonly report: KeyTheftReport
  /** What was signed. */
  readonly text: string
  readonly envelope: Operations['reportDrill']['answer']['envelope']
  readonly ledger: Operations['reportDrill']['answer']['ledger']
}

const folderPrefix = 'drill-key-theft-'
const roomBytesMin = 64 * 1024 * 1024
/** Until the guard has been told to answer in earnest: the server tells the agent, which tells it. */
const rehearsalMsMax = 60_000
/** Clients alone, before the first attack. */
const quietMs = 2_000
const failedShareMax = 0.001
/** Of a way that the guard cuts short: another two are started for each. */
const triesMax = 10

/** What the agent of this machine says of its guard. */
type AgentSays = {
  readonly hostId?: string
  readonly guard?: {
    readonly connected: boolean
    readonly mode: string
    readonly tier: string
    readonly kill: string
    readonly hands: {
      readonly connected: boolean
      readonly orderUntil: string | null
      readonly refused: string | null
    } | null
  } | null
}

/**
 * Runs the drill from its refusals to its signed report. What fails within is in the report; thrown is what kept it from beginning,
 * CLI_DRILL_REFUSED among it, or from being reported.
 */
export async function runKeyTheft({ tenant, patienceMs }: KeyTheftPlan, context: Context): Promise<PlayedDrill> {
  const { io, place } = context
  const attempted = 'running the drill key-theft'
  if (io.uid !== 0)
    throw refused('a user who is not root', 'Attackers need its rights: sudo ./sealwatch drill key-theft')
  return await withApi({ io: { ...io, stop: io.kill }, place, tenant, server: undefined }, attempted, async (api) => {
    const { deployment } = await api.call('getStatus')
    const host = await checkHere(place)
    const { run, abandoned } = await api.call('beginDrill', { body: { drill: 'key-theft' } })
    const steps = createSteps(context)
    const over = new AbortController()
    const holding = holdOn(api, run, { io }, over.signal)
    const started = rfc3339(io.clock.nowNs())
    const played: Played = { attacks: [], requests: null, decoy: 'none' }
    try {
      await carryOut({ ...{ api, run, host, tenant, patienceMs, steps, played, context }, left: abandoned.length })
      const { failure, steps: done } = steps.seen()
      const report: KeyTheftReport = {
        ...{ v: 1, drill: 'key-theft', run, tenant, deployment, version: io.version, host, ...played },
        ...{ started, finished: rfc3339(io.clock.nowNs()), failure, steps: done },
        outcome: failure === null ? 'passed' : 'failed',
      }
      return await reportOn(lasting(api, io.clock, io.kill), report, steps)
    } finally {
      over.abort()
      await holding
    }
  })
}

type Played = { attacks: PlayedAttack[]; requests: ServedRequests | null; decoy: string }
type Going = {
  readonly api: ApiClient
  readonly run: string
  readonly host: string
  readonly tenant: string
  readonly patienceMs: number
  readonly left: number
  readonly steps: Steps
  readonly played: Played
  readonly context: Context
}

/** Whether there is a guard that could be shown at all. Nothing is changed by it. */
async function checkHere(place: Place): Promise<string> {
  const { bavail, bsize } = await statfs(place.run)
  if (bavail * bsize < roomBytesMin)
    throw refused(`${Math.floor((bavail * bsize) / 1024 ** 2)} MiB free in ${place.run}`)
  const { hostId, guard } = (await readJsonFile<AgentSays>(fileOf.agentStatus(place))) ?? {}
  if (hostId === undefined)
    throw refused('no agent that has enrolled', 'Start it, and wait until it has: sudo ./sealwatch up')
  if (guard?.connected !== true) throw refused('no guard that the agent hears', 'Look why: sudo ./sealwatch status')
  if (guard.mode !== 'on')
    throw refused(
      `a guard that is ${guard.mode}`,
      'Switch it on: SEALWATCH_GUARD_MODE in the environment of `sealwatch up`, guard.json, and groups of hosts say so',
    )
  return hostId
}

/** What it throws is noted by its step already. */
async function carryOut(of: Going): Promise<void> {
  const { context, steps, tenant, run } = of
  const { io, place } = context
  try {
    await using all = new AsyncDisposableStack()
    await steps.step('leftovers', (note) => clearFolders(of, note))
    const dir = await mkdtemp(join(place.run, folderPrefix))
    all.defer(() => rm(dir, { recursive: true, force: true }))
    const clients = all.use(
      await startClients({ dir, socket: join(dir, 'decoy.sock'), tenants: tenantsOfDecoy }, io.env),
    )
    const lines = all.use(followGuard([tenant, clusterTenant], { io, place }))
    const name = `drill-${randomBytes(4).toString('hex')}`
    const runner = process.pid
    const decoy = await steps.step('decoy', async (note) => {
      steps.progress('the decoy makes its keys')
      const made = all.use(await startDecoy({ dir, name, guard: fileOf.guardProtectSocket(place), runner }, io.env))
      of.played.decoy = `${name} (pid ${made.pid})`
      note(`a key holder with a master key of its own and the keys of ${tenantsOfDecoy} tenants: ${of.played.decoy}`)
      if (made.audit.length > 0) note(`what the guard found wrong with it: ${made.audit.join(', ')}`)
      return made
    })
    await steps.step('permission', (note) => permit(of, { name, decoy, runner, lines }, note))
    clients.go()
    const bootNs = openBootClock()
    const stage = {
      ...{ io, dir, run, decoy, clients, runner, bootNs, patienceMs: of.patienceMs },
      lines: () => lines.of(tenant),
    }
    await attack(of, stage)
  } catch (error) {
    if (steps.seen().failure === null) await steps.step('the drill', () => Promise.reject(error)).catch(() => undefined)
  }
}

async function clearFolders({ context: { place }, left }: Going, note: Note): Promise<void> {
  const found = (await readdir(place.run)).filter((name) => name.startsWith(folderPrefix))
  for (const name of found) await rm(join(place.run, name), { recursive: true, force: true })
  note(left + found.length === 0 ? 'no drill was left unfinished' : 'a drill that was cut off is ended now')
}

type Permitted = { readonly name: string; readonly decoy: Decoy; readonly runner: number; readonly lines: GuardLines }

/** Has the guard answer in earnest, upon this decoy alone; resolves when it does. */
async function permit(of: Going, { name, decoy, runner, lines }: Permitted, note: Note): Promise<void> {
  const { api, run, host, context, steps } = of
  const { io, place } = context
  const body = {
    ...{ host, name },
    decoy: { pid: decoy.pid, start_ns: decoy.start_ns },
    runner: { pid: runner, start_ns: lookAt(runner)?.start_ns ?? '0' },
  }
  const { until: end } = await api.call('rehearseDrill', { params: { run }, body })
  steps.progress('the server signs it, and the agent brings it to the guard')
  const state = () =>
    lines
      .of(clusterTenant)
      .map(({ event }) => membersOf(membersOf(event.unmapped).guard_state))
      .at(-1)
  const isTold = () => Array.isArray(state()?.rehearses) && JSON.stringify(state()?.rehearses).includes(`"${run}"`)
  if (!(await until(isTold, rehearsalMsMax, { clock: io.clock, stop: io.stop })))
    throw drillFailure('DRILL_GUARD_IDLE', {
      attempted: 'waiting for the guard',
      received: `it was not told to answer this drill in earnest within ${rehearsalMsMax / 1000} s`,
    })
  note(`until ${end} the guard ends who attacks this decoy and was started by this drill: nobody else`)
  const { guard } = (await readJsonFile<AgentSays>(fileOf.agentStatus(place))) ?? {}
  for (const one of shortcomings(guard)) note(one)
}

/** What cannot be shown here, and why. */
function shortcomings(guard: AgentSays['guard']): string[] {
  if (guard === undefined || guard === null) return []
  const { tier, kill, hands } = guard
  return [
    ...(tier === 'events'
      ? []
      : [`the guard sees by ${tier}: most ways are seen late or not at all (docs/kernels.md)`]),
    ...(kill === 'off' ? ['responses.kill is off: attackers live on'] : []),
    ...(hands?.connected === true ? [] : ['the hands are away: nobody ends attackers']),
    ...(hands?.connected === true && hands.orderUntil === null
      ? [
          `the hands have no standing order${hands.refused === null ? '' : ` (${hands.refused})`}: nobody ends attackers`,
        ]
      : []),
  ]
}

async function attack(of: Going, stage: Stage): Promise<void> {
  const { steps, played, context } = of
  const { io, json } = context
  const quiet = await steps.step('quiet', async (note) => {
    steps.progress('clients ask the decoy, and nobody attacks')
    await io.clock.sleep(quietMs, io.stop)
    const told = await stage.clients.tell()
    note(`${counted(told.total, 'request')}, ${told.failed} failed${told.failed > 0 ? `: ${told.why}` : ''}`)
    return told.us
  })
  const us: number[] = []
  await steps.step('attacks', async (note) => {
    if (!json) steps.say(heading(io))
    for (const [i, way] of attackWays.entries()) {
      if (io.stop.aborted) break
      steps.progress(`${i + 1} of ${attackWays.length}: ${way.does} …`)
      const one = await goneOnce(way, stage, us)
      played.attacks.push(one)
      steps.say(attackLine(io, one))
    }
    const { attacks } = played
    played.requests = servedOf(quiet, us, attacks)
    note(
      `${attacks.filter(({ outcome }) => outcome === 'passed').length} of ${attackWays.length} ways seen and answered in full`,
    )
    note(servedLine(played.requests))
    const missed = attacks.find(({ outcome }) => outcome === 'failed')
    if (missed !== undefined)
      throw drillFailure('DRILL_ATTACK_MISSED', {
        attempted: 'attacking the decoy',
        received: attacks
          .flatMap(({ way, missed: why }) => (why.length === 0 ? [] : [`${way}: ${why.join(', ')}`]))
          .join('; '),
      })
    const { total, failed } = played.requests
    if (failed > total * failedShareMax)
      throw drillFailure('DRILL_REQUESTS_FAILED', {
        attempted: 'attacking the decoy',
        received: `${failed} of ${total} failed`,
      })
  })
}

async function goneOnce(way: AttackWay, stage: Stage, us: number[]): Promise<PlayedAttack> {
  for (let i = 0; i < triesMax; i += 1) {
    const one = await tried(way, stage, us)
    if (one !== undefined) return one
  }
  throw drillFailure('DRILL_ATTACK_MISSED', {
    attempted: 'attacking the decoy',
    received: `${way.way}: the guard was quicker each of ${triesMax} times`,
  })
}

async function tried(way: AttackWay, stage: Stage, us: number[]): Promise<PlayedAttack | undefined> {
  await using attackers = await ready(way, stage)
  const { clients } = stage
  const telling: Clients = {
    ...clients,
    tell: async () => {
      const told = await clients.tell()
      us.push(...told.us)
      return told
    },
  }
  return await play(way, attackers, { ...stage, clients: telling })
}

const at = (sorted: readonly number[], share: number) => sorted[Math.floor(share * (sorted.length - 1))] ?? 0

function servedOf(quiet: readonly number[], us: readonly number[], attacks: readonly PlayedAttack[]): ServedRequests {
  const [before, during] = [quiet, us].map((all) => all.toSorted((a, b) => a - b)) as [number[], number[]]
  return {
    total: attacks.reduce((sum, { requests }) => sum + requests, 0),
    failed: attacks.reduce((sum, { requests_failed }) => sum + requests_failed, 0),
    ...{ p50_us: at(during, 0.5), p99_us: at(during, 0.99) },
    ...{ quiet_p50_us: at(before, 0.5), quiet_p99_us: at(before, 0.99) },
  }
}

async function reportOn(api: ApiClient, report: KeyTheftReport, steps: Steps): Promise<PlayedDrill> {
  const { run, outcome, tenant } = report
  const text = canonicalize(report)
  try {
    const { envelope, ledger } = await api.call('reportDrill', { params: { run }, body: { outcome, report: text } })
    return { report, text, envelope, ledger }
  } catch (error) {
    const known = await alreadyReported({ api, tenant }, run, text, error)
    if (known !== undefined) return { report, text, ...known }
    const why = isSealwatchError(error) ? error.message : messageOf(error)
    steps.warn(`the drill ${outcome}, and could not be reported: ${why}; the next drill ends it`)
    throw error
  }
}
