// SPDX-License-Identifier: Apache-2.0

import { type Admin, withAdmin } from '../admin.ts'
import { cliError } from '../errors.ts'
import { readJsonFile } from '../json-file.ts'
import { dataFlag, fileOf, type Place, startAdvice } from '../place.ts'
import { leftoversOf } from '../supervise/leftovers.ts'
import { readInstance, readSupervisor } from '../supervise/record.ts'
import { isAlive } from '../supervise/task.ts'
import { counted, duration, toSecond } from '../terminal.ts'
import {
  type AgentStatus,
  type BaselineStatus,
  cannotPrevent,
  type GuardStatus,
  type SensorStatus,
  type ServerStatus,
} from './types.ts'

/** What `status --json` prints; docs/reference/status.md describes every member. */
export type InstanceStatus = {
  readonly version: string
  readonly data: string
  readonly run: string
  readonly port: number
  /** HOST:PORT of the server elsewhere that this machine has joined; null: the server is here. */
  readonly joined: string | null
  readonly pid: number
  readonly started: string
  readonly phase: string
  readonly parts: readonly PartStatus[]
  readonly sensor: AgentStatus['sensor']
  readonly agent: {
    readonly state: string
    readonly hostId: string | null
    readonly trouble: AgentStatus['trouble']
    readonly health: string
    readonly hardening: AgentStatus['hardening']
    readonly gaps: number
    readonly baseline: BaselineStatus | null
  } | null
  readonly guard: GuardStatus | null
  readonly queue: readonly QueueStatus[]
  /** null while the server does not answer. */
  readonly server: ServerStatus | null
  readonly warnings: readonly string[]
}

export type PartStatus = {
  readonly name: string
  /** null between two lives. */
  readonly pid: number | null
  readonly uptimeMs: number
  readonly restarts: number
  readonly lastExit: string | null
}

export type QueueStatus = {
  readonly tenant: string
  readonly chain: string
  readonly writer: 'agent' | 'guard'
  readonly toSeal: number
  readonly sealed: number
  readonly acknowledged: number
  /** Sealed and not acknowledged. */
  readonly depth: number
}

/** Throws CLI_NOT_RUNNING, or CLI_NEEDS_ROOT where the records of the running instance are not for this user. */
export async function gatherStatus(place: Place, uid: number, nowMs: number): Promise<InstanceStatus> {
  const attempted = `asking the instance on ${place.data}`
  const [instance, supervisor] = await Promise.all([readInstance(place), readSupervisor(place)])
  if (instance === undefined || supervisor === undefined || !isAlive(supervisor.task))
    throw await notRunning(place, attempted)
  if (uid !== 0) throw cliError('CLI_NEEDS_ROOT', { attempted })
  const joined = instance.joined ?? null
  const [agent, server] = await Promise.all([
    readJsonFile<AgentStatus>(fileOf.agentStatus(place)),
    joined === null ? withAdmin(place, attempted, statusOf).catch(() => null) : null,
  ])
  const parts = supervisor.parts.map((part) => ({
    name: part.name,
    pid: part.task?.pid ?? null,
    uptimeMs: part.task === undefined ? 0 : nowMs - part.startedMs,
    restarts: part.restarts,
    lastExit: part.lastExit ?? null,
  }))
  const status = {
    version: instance.version,
    data: place.data,
    run: place.run,
    port: instance.port,
    joined,
    pid: supervisor.task.pid,
    started: supervisor.started,
    phase: supervisor.phase === 'ready' && server === null && joined === null ? 'starting' : supervisor.phase,
    parts,
    sensor: agent?.sensor ?? null,
    agent: agent === undefined ? null : agentOf(agent),
    guard: agent?.guard ?? null,
    queue: (agent?.chains ?? []).map(({ tenant, chain, writer, toSeal, nextSeq, acknowledged }) => ({
      tenant,
      chain,
      writer: writer ?? ('agent' as const),
      toSeal,
      sealed: nextSeq,
      acknowledged,
      depth: nextSeq - acknowledged,
    })),
    server,
  }
  return { ...status, warnings: warningsOf(status) }
}

const agentOf = ({ state, hostId, trouble, health, hardening, gaps, baseline = null }: AgentStatus) => ({
  state,
  hostId,
  trouble,
  health,
  hardening,
  gaps,
  baseline,
})

async function notRunning(place: Place, attempted: string) {
  const left = await leftoversOf(place)
  const [flag, parts] = [dataFlag(place), left.join(', ')]
  if (left.length === 0) return cliError('CLI_NOT_RUNNING', { attempted, advice: startAdvice(place) })
  return cliError('CLI_NOT_RUNNING', {
    attempted,
    received: `one whose supervisor was killed, and whose ${parts} ${left.length === 1 ? 'runs' : 'run'} on alone`,
    advice: `Begin anew, which ends them first: sudo ./sealwatch up --detach${flag}; or only end them: sudo ./sealwatch down${flag}`,
  })
}

const statusOf = async (admin: Admin) => JSON.parse((await admin.getStatus({})).status) as ServerStatus

/** What a person should look at, worst first. */
export function warningsOf(status: Omit<InstanceStatus, 'warnings'>): string[] {
  const { joined, parts, server, agent, sensor } = status
  const lost = Object.entries(sensor?.sites ?? {}).filter(([, site]) => BigInt(site.dropped) > 0n)
  const shed = Object.entries(sensor?.sites ?? {}).filter(([, site]) => BigInt(site.shed) > 0n)
  const blind = Object.entries(sensor?.sites ?? {}).filter(([, site]) => !site.attached && site.reason !== '')
  return [
    ...(server?.breakGlass ?? []).map(breakGlassWarning),
    ...(server?.hosts ?? []).flatMap((host) => [...hostWarning(host), ...driftWarning(host)]),
    ...(server?.strictOff ?? []).map(
      ({ tenant, endsAt }) =>
        `strict signatures are off in ${tenant} until ${toSecond(endsAt)}: sealwatch strict status --tenant ${tenant}`,
    ),
    ...trustStoreWarning(server?.trustStore),
    ...caWarning(server?.ca),
    ...wrongRulesWarning(server?.wrongRules),
    ...(server?.notifications?.failing ?? []).map(channelWarning),
    ...(server?.judgingAhead ? [aheadWarning(server.judgingAhead)] : []),
    ...parts.filter((part) => part.pid === null).map((part) => `the ${part.name} is not running (${part.lastExit})`),
    ...(server?.integrity ?? []).flatMap(({ tenant, problem }) =>
      problem === undefined
        ? []
        : [
            `the ledger of ${tenant} was altered on the disk at leaf ${problem.leaf}: ${problem.text}; keep it as evidence`,
          ],
    ),
    ...(server?.signing?.problem ? [`the root ledger is not countersigned: ${server.signing.problem}`] : []),
    ...(server?.signing?.quorum === 'below' ? ['too few witnesses cosigned the root ledger (below quorum)'] : []),
    ...(server?.signing?.witnesses ?? []).flatMap(({ name, failing }) =>
      failing === null ? [] : [`the witness ${name} gives no cosignature: ${failing}`],
    ),
    ...(server === null && joined === null ? [silentWarning(parts)] : []),
    ...(agent?.state === 'registered' ? [] : [connectionWarning(agent)]),
    ...(sensor?.connected === true ? [] : ['the sensor is not connected: what happens now is an unknown interval']),
    ...(sensor === null || sensor.unseen.length === 0 ? [] : [modeWarning(sensor)]),
    ...guardWarnings(status.guard),
    ...blind.map(([name, site]) => `the sensor site ${name} is not attached (${site.reason})`),
    ...lost.map(
      ([name, site]) =>
        `the sensor site ${name} dropped ${counted(Number(site.dropped), 'event')}, counted in the ledger`,
    ),
    ...shed.map(
      ([name, site]) =>
        `of the sensor site ${name} ${counted(Number(site.shed), 'informational event')} were shed, counted in the ledger`,
    ),
    ...quarantineWarning(server?.quarantine ?? []),
    ...Object.entries({ server, agent }).flatMap(([name, of]) =>
      (of?.hardening?.missing ?? []).map(
        ({ measure, reason }) => `the ${name} runs without ${measure} (${reason}): docs/privileges.md`,
      ),
    ),
  ]
}

/** Where it is held back on purpose, the loudest of all. */
function guardWarnings(guard: GuardStatus | null): string[] {
  if (guard === null) return []
  const refused = guard.refused === null ? [] : [`the guard does not take what the server told it: ${guard.refused}`]
  if (!guard.connected) return ['the guard cannot be reached: what it sealed waits on its disk', ...refused]
  const { mode, kill, prevent, preventsNothing, hands } = guard
  const isWithoutOrder = hands?.connected === true && kill === 'on' && hands.orderUntil === null
  return [
    ...(mode === 'on' ? [] : [heldBack[mode]]),
    ...(prevent === 'on' && preventsNothing !== null
      ? [`who reaches for what is protected is to be refused, and is only told of: ${cannotPrevent}`]
      : []),
    ...(hands?.connected === false ? ['the hands cannot be reached: nobody is ended'] : []),
    ...(isWithoutOrder ? ['the hands have no standing order that counts: nobody is ended'] : []),
    ...refused,
  ]
}

const heldBack = {
  observe: 'the GUARD ONLY OBSERVES: whoever reaches for the keys in memory is told of, and nothing is done',
  off: 'the GUARD IS OFF: nobody sees who reaches for the keys in memory',
} as const

const modeWarning = ({ modes, unseen }: SensorStatus): string =>
  `processes are watched by ${modes.process}, files by ${modes.file}, the network by ${modes.network} (docs/fallbacks.md): nobody sees ${unseen.join('; ')}`

/** What drills leave there is evidence of a drill, and nobody's rows. */
const tenantOfDrills = 'drill'

/** The command is of the tenant that has most of it. */
function quarantineWarning(waiting: NonNullable<ServerStatus['quarantine']>): string[] {
  const [most, ...others] = waiting
    .filter(({ tenant }) => tenant !== tenantOfDrills)
    .toSorted((one, other) => other.rows - one.rows)
  if (most === undefined) return []
  const rows = others.reduce((sum, one) => sum + one.rows, most.rows)
  const tenants = counted(others.length + 1, 'tenant')
  const see = `sealwatch quarantine status --tenant ${most.tenant}`
  return [`${counted(rows, 'row')} of ${tenants} ${rows === 1 ? 'waits' : 'wait'} in quarantine: ${see}`]
}

function connectionWarning(agent: InstanceStatus['agent']): string {
  if (agent?.trouble?.refuses)
    return `the server does not take this host, whose events wait in its queue: ${agent.trouble.text}`
  const why = agent?.trouble ? ` (${agent.trouble.text})` : ''
  return `the agent is ${agent?.state ?? 'silent'}: events wait in its queue${why}`
}

/** As docs/runbooks/trust-store-bad.md has it. */
function trustStoreWarning(file: ServerStatus['trustStore']): string[] {
  if (!file || file.problem === null) return []
  const since = file.since === null ? '' : ` since ${toSecond(file.since)}`
  return [`the trust-store file ${file.path} is not taken${since}, what counted before still does: ${file.problem}`]
}

/** As docs/runbooks/ca.md has it. */
export function caWarning(ca: ServerStatus['ca']): string[] {
  if (ca === undefined) return []
  const ends = ca.state === 'ended' ? 'ended' : 'ends'
  return [
    ...(ca.problem === null ? [] : [`the CA in the file is not taken, the one in use stays: ${ca.problem}`]),
    ...(ca.state === 'good' ? [] : [`the CA ${ca.subject} ${ends} at ${toSecond(ca.endsAt)}: docs/runbooks/ca.md`]),
  ]
}

export const channelWarning = ({ tenant, name, since, problem }: FailingChannel): string =>
  `the notification channel ${name} of ${tenant} takes no messages since ${toSecond(since)} (${problem}): docs/runbooks/notification-failed.md`
type FailingChannel = NonNullable<ServerStatus['notifications']>['failing'][number]

/** As docs/runbooks/clock-set-back.md has it. */
const wrongRulesShown = 5

function wrongRulesWarning(
  { count, first }: NonNullable<ServerStatus['wrongRules']> = { count: 0, first: [] },
): string[] {
  const shown = first.slice(0, wrongRulesShown)
  const told = shown.map((what) => `a rule is not in force as it stands: ${what}: docs/runbooks/rule-left-out.md`)
  return count > shown.length ? [...told, `${count - shown.length} more rules are not in force as they stand`] : told
}

function aheadWarning({ keys, latest }: NonNullable<ServerStatus['judgingAhead']>): string {
  const rows = `rows under ${counted(keys, 'key')} that ended ahead of the clock are judged as of then`
  return `${rows}, the last at ${toSecond(latest.until)} (${latest.keyId} of ${latest.tenant}): was the clock set back?`
}

/** As docs/runbooks/host-blind.md has them. */
function driftWarning({ hostname, configDrifts }: NonNullable<InstanceStatus['server']>['hosts'][number]): string[] {
  return configDrifts
    ? [`the host ${hostname} has another configuration than it is to have: docs/runbooks/host-config.md`]
    : []
}

/** Incidents by which a host is no less to be relied on. */
const ownWarnings: Readonly<Record<string, (hostname: string) => string>> = {
  stopped: (hostname) => `the host ${hostname} was stopped, and nobody watches it: docs/runbooks/host-blind.md`,
  certificate_ending: (hostname) =>
    `the certificate of the host ${hostname} ends soon and is not renewed: docs/runbooks/certificate.md`,
  policy_not_enforced: (hostname) =>
    `the host ${hostname} does not enforce a policy that it is to enforce: docs/runbooks/policy-denial.md`,
}

function hostWarning({ hostname, presence }: NonNullable<InstanceStatus['server']>['hosts'][number]): string[] {
  const incidents = presence?.incidents ?? []
  const warnings = incidents.flatMap((incident) => ownWarnings[incident]?.(hostname) ?? [])
  const grave = incidents.filter((incident) => ownWarnings[incident] === undefined)
  if (grave.length === 0) return warnings
  return [...warnings, `the host ${hostname} cannot be relied on (${grave.join(', ')}): docs/runbooks/host-blind.md`]
}

function silentWarning(parts: InstanceStatus['parts']): string {
  const said = 'the server does not answer on its control socket'
  const part = parts.find(({ name }) => name === 'server')
  if (part === undefined || part.pid === null) return said
  const again =
    part.restarts === 0 ? '' : `, after it ended ${counted(part.restarts, 'time')} (${part.lastExit}): its log says why`
  return `${said}; it was started ${duration(part.uptimeMs)} ago${again}`
}

function breakGlassWarning(row: NonNullable<ServerStatus['breakGlass']>[number]): string {
  const { id, personId, reason, openedAt, usedAt, endsAt } = row
  const used =
    usedAt === null
      ? 'nobody came by it'
      : `used at ${toSecond(usedAt)} by ${personId}, ends by ${endsAt === null ? '?' : toSecond(endsAt)}`
  return `BREAK-GLASS access was opened at ${toSecond(openedAt)} (${reason}), ${used}: sealwatch break-glass acknowledge ${id}`
}
