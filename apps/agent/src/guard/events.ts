// SPDX-License-Identifier: Apache-2.0
// What the guard seals (docs/formats/event.md, 7.6).

import { rfc3339, toSeconds } from '@sealwatch/base/time'
import {
  classify,
  clip,
  draftOf,
  type EventDraft,
  type GuardAllowed,
  type GuardAudit,
  type GuardEvent,
  type GuardIncident,
  type GuardProcess,
  type GuardProtection,
  type GuardRefused,
  type GuardResponse,
  type GuardState,
  type OcsfProcess,
  type SeverityName,
  severities,
} from '@sealwatch/contract'
import type { GuardStep } from '@sealwatch/contract/guard-config'
import { metadataOf, type RecordContext, unixMs } from '../observe/context.ts'
import { type Enrichment, enriched } from '../observe/enrichment.ts'
import { imageOf } from '../observe/file.ts'
import { actorProcess, rememberedProcess } from '../observe/process.ts'
import type { ProcessTable } from '../observe/process-table.ts'
import { describe, errnoName } from '../observe/said.ts'
import type { Task, TaskRef } from '../sources/observation.ts'
import { type Aim, keyOf, nameOf, type ProtectedProcess, saidOf } from './act.ts'
import type { Allowed } from './allowance.ts'
import type { Incident, IncidentNews, Row } from './incident.ts'
import type { Suspect } from './plan.ts'
import { isAtLeast, techniqueNumber, ways } from './ways.ts'

export type GuardContext = RecordContext & {
  readonly processes: ProcessTable
  readonly userName: (uid: number) => string | undefined
  readonly enrichment: Pick<Enrichment, 'process'>
}

type Draft = EventDraft<GuardEvent>
const detailUnitsMax = 96

const incidentKinds = {
  opened: { code: 'guard_incident_opened', activity: 'create', status: { status_id: 1, status: 'New' } },
  updated: { code: 'guard_incident_updated', activity: 'update', status: { status_id: 2, status: 'In Progress' } },
  closed: { code: 'guard_incident_closed', activity: 'close', status: { status_id: 4, status: 'Resolved' } },
} as const

/** What else is said of an incident: the steps that are on, and since when no agent is there (CLOCK_BOOTTIME). */
export type Around = { readonly answers: readonly GuardStep[]; readonly agentAwayNs: bigint | undefined }

/** `timeNs`: CLOCK_BOOTTIME of the news itself. */
export function incidentRecord(timeNs: bigint, news: IncidentNews, context: GuardContext, around?: Around): Draft {
  const { incident, actor } = news
  const { code, activity, status } = incidentKinds[news.kind]
  const { id, aim, way, severity, openedNs, lastNs } = incident
  const { process, user } = actorOf(actor, context)
  const target = targetOf(aim, context)
  const isBy = keyOf(actor) === keyOf(incident.by)
  const by = isBy ? process : actorOf(incident.by, context).process
  const did = `${describe(by)} ${ways[way].did} ${saidOf(aim)}${target === undefined ? '' : `, ${describe(target)}`}`
  const last = isBy ? '' : `; last ${describe(process)} ${ways[news.did].did} it`
  return record(code, timeNs, context, {
    ...classify('finding', activity),
    ...severities[severity],
    ...status,
    is_alert: news.kind !== 'closed',
    by: id,
    isInContainer: process.container !== undefined,
    message: `${incident.rehearsal === undefined ? '' : 'in a drill, '}${did}${actsOf(incident)}${last}${news.kind === 'closed' ? `; over: ${closeTexts[news.cause]}` : ''}`,
    actor: { process, user },
    finding_info: {
      uid: id,
      title: aim === 'machine' ? 'Somebody weakens what protects the machine' : `Somebody reaches for ${nameOf(aim)}`,
      attacks: [ways[way].attack],
      first_seen_time: unixMs(openedNs, context),
      last_seen_time: unixMs(lastNs, context),
    },
    ...(target && { evidences: [{ process: target, data: { protected: nameOf(aim) } }] }),
    unmapped: {
      guard_incident: {
        ...incidentOf(incident, news.fresh, context),
        ...('isGraver' in news && news.isGraver && { graver: true as const }),
        ...(around && { answers: around.answers }),
        ...(around?.agentAwayNs !== undefined && {
          agent_away: rfc3339(around.agentAwayNs + context.bootOffsetNs),
        }),
        ...(news.kind === 'closed' && { cause: news.cause }),
      },
    },
  })
}

const closeTexts = {
  quiet: 'nothing came for half a minute',
  gone: 'whoever did it is gone',
  room: 'others needed its place',
  stopping: 'the guard stops',
} as const

function actsOf({ acts, actors, moreActors, reached }: Incident): string {
  const denied = [...reached.values()].reduce((sum, way) => sum + way.denied, 0)
  const how = denied === 0 ? '' : denied === acts ? '; it was denied' : `; ${denied} of them were denied`
  const count = actors.length + moreActors
  const who = count === 1 ? '' : ` by ${count} processes`
  return acts === 1 ? how : `; ${acts} acts in all${who}: ${[...reached.keys()].join(', ')}${how}`
}

function incidentOf(incident: Incident, fresh: readonly Row[], context: GuardContext): GuardIncident {
  const { id, aim, way, openedNs, lastNs, acts, actors, moreActors, readers, reached, moreRows, rehearsal } = incident
  const at = (ns: bigint) => rfc3339(ns + context.bootOffsetNs)
  const rows = [...reached].map(([name, { count, bytes, refused, denied, firstNs, lastNs: untilNs }]) => [
    name,
    {
      ...{ count, ...(bytes > 0 && { bytes }), ...(refused > 0 && { refused }), ...(denied > 0 && { denied }) },
      ...{ first: at(firstNs), last: at(untilNs) },
    },
  ])
  return {
    ...{
      incident: id,
      name: nameOf(aim),
      way,
      technique: techniqueNumber(way),
      opened: at(openedNs),
      last: at(lastNs),
    },
    ...{ acts, actors: actors.length + moreActors },
    ...(readers.length > 0 && { readers: readers.map((reader) => processOf(reader, context)) }),
    reached: Object.fromEntries(rows) as GuardIncident['reached'],
    rows: fresh.map(({ timeNs, way: by, actor, times, bytes, error, prevention, detail }) => ({
      ...{ time: at(timeNs), way: by, by: `${actor.pid}:${actor.startNs}`, times },
      ...(bytes > 0 && { bytes }),
      ...(error !== 0 && { error: errnoName(error) }),
      ...(prevention !== undefined && { prevention }),
      ...(detail !== '' && { detail: clip(detail, detailUnitsMax) }),
    })),
    ...(moreRows > 0 && { more_rows: moreRows }),
    ...(rehearsal !== undefined && { rehearsal }),
  }
}

export type ResponseNews = Omit<GuardResponse, 'name' | 'suspect'> & { readonly aim: Aim; readonly suspect?: Suspect }

const responseTexts: Readonly<Record<GuardResponse['state'], string>> = {
  ordered: 'is ordered',
  dry_run: 'would be ordered: it is on trial',
  spared: 'is not ordered',
  resting: 'rests',
  queued: 'waits',
  done: 'is done',
  refused: 'was refused',
  failed: 'failed',
}

/** What was done against an attempt, or why it was not. */
export function responseRecord(timeNs: bigint, news: ResponseNews, context: GuardContext): Draft {
  const { aim, suspect, ...rest } = news
  const { incident, step, state, detail } = rest
  const isFailure = state === 'failed' || state === 'refused' || state === 'queued'
  const whom = suspect && processOf(suspect, context)
  const what =
    whom === undefined ? `${step} for ${saidOf(aim)}` : `to ${step} ${whom.path ?? whom.name} (pid ${whom.pid})`
  return record('guard_response', timeNs, context, {
    ...classify('finding', 'respond'),
    ...(isFailure ? severities.high : severities.low),
    by: `${incident}:${step}:${state}${whom === undefined ? '' : `:${whom.pid}`}`,
    message: `${what} ${responseTexts[state]}${detail === undefined ? '' : `: ${detail}`}`,
    finding_info: { uid: incident, title: `A response for ${saidOf(aim)}` },
    unmapped: { guard_response: { name: nameOf(aim), ...rest, ...(whom && { suspect: whom }) } },
  })
}

export type Protection = { readonly process: ProtectedProcess; readonly by: string; readonly id: string }

/** A process is protected from now on, with what is wrong with it already. */
export function protectedRecord(
  timeNs: bigint,
  { process, by, id }: Protection,
  audit: readonly GuardAudit[],
  context: GuardContext,
): Draft {
  const target = targetOf(process, context)
  const gravest = audit.reduce<SeverityName>(
    (worst, { severity }) => (isAtLeast(severity, worst) ? severity : worst),
    'informational',
  )
  const found = audit.length === 0 ? '' : `; already wrong: ${audit.map(({ finding }) => finding).join(', ')}`
  const { name, steps } = process
  return protection('guard_protected', timeNs, context, {
    ...{ severity: gravest, target, id },
    message: `${target === undefined ? name : describe(target)} is protected as ${name}${found}`,
    said: { name, by, id, steps, ...(audit.length > 0 && { audit }) },
  })
}

export function unprotectedRecord(
  timeNs: bigint,
  { process, by, id }: Protection,
  cause: 'ended' | 'other_program' | 'config',
  context: GuardContext,
): Draft {
  const target = targetOf(process, context)
  const { name } = process
  return protection('guard_unprotected', timeNs, context, {
    ...{ severity: 'informational', target, id },
    message: `${target === undefined ? name : describe(target)} is not protected as ${name} any more: ${unprotectedTexts[cause]}`,
    said: { name, by, id, cause },
  })
}

const unprotectedTexts = {
  ended: 'it has ended',
  other_program: 'it runs another program',
  config: 'nothing says so any more',
} as const

type Said = {
  readonly severity: SeverityName
  readonly target: OcsfProcess | undefined
  readonly id: string
  readonly message: string
  readonly said: GuardProtection
}

function protection(
  code: 'guard_protected' | 'guard_unprotected',
  timeNs: bigint,
  context: GuardContext,
  { severity, target, id, message, said }: Said,
): Draft {
  return record(code, timeNs, context, {
    ...classify('finding', code === 'guard_protected' ? 'protect' : 'unprotect'),
    ...severities[severity],
    ...{ by: `${code}:${id}`, message },
    finding_info: { uid: id, title: `What protects ${said.name}` },
    ...(target && { evidences: [{ process: target, data: { protected: said.name } }] }),
    unmapped: { guard_protection: said },
  })
}

/** What the guard is told to do, and what sees for it; a guard that is not on is grave. */
export function stateRecord(timeNs: bigint, state: GuardState, context: GuardContext): Draft {
  const { mode, prevents_nothing, by, tier, before, rehearses = [] } = state
  const isWeaker = mode !== 'on' || tier === 'none' || prevents_nothing !== undefined
  const drills = rehearses.map(
    ({ id, until, by: whom }) => `; it answers the drill ${id} of ${whom} in earnest until ${toSeconds(until)}`,
  )
  const unable = prevents_nothing === undefined ? '' : `; it is to deny and cannot: ${prevents_nothing}`
  const was = before === undefined || before === mode ? '' : `, and was ${before}`
  return record('guard_mode', timeNs, context, {
    ...classify('finding', 'guard'),
    ...(isWeaker ? severities.high : severities.informational),
    by: 'guard_mode',
    message: `the guard is ${mode} by ${by}${was}; it sees by ${tier}${unable}${drills.join('')}`,
    finding_info: { uid: `guard_mode:${mode}`, title: 'What the guard does' },
    unmapped: { guard_state: state },
  })
}

/** What the server is said to have told the guard, and it did not take: `version` goes on. */
export function refusedRecord(timeNs: bigint, refused: GuardRefused, context: GuardContext): Draft {
  const { code, received, version } = refused
  return record('guard_config_refused', timeNs, context, {
    ...classify('finding', 'guard'),
    ...severities.medium,
    by: `guard_config_refused:${code}`,
    message: `the guard did not take a configuration${received === undefined ? '' : ` (${received})`}: ${code}; version ${version} goes on`,
    finding_info: { uid: `guard_config_refused:${code}`, title: 'A configuration of the guard was refused' },
    unmapped: { guard_refused: refused },
  })
}

/** What an allowance let somebody do. */
export function allowedRecord(timeNs: bigint, { allowance, act, times }: Allowed, context: GuardContext): Draft {
  const { process, user } = actorOf(act.actor, context)
  const { id, by, why, until } = allowance
  const name = nameOf(act.aim)
  const said = saidOf(act.aim)
  return record('guard_allowed', timeNs, context, {
    ...classify('finding', 'allow'),
    ...severities.informational,
    ...{
      status_id: 3,
      status: 'Suppressed',
      by: `guard_allowed:${id}`,
      isInContainer: process.container !== undefined,
    },
    message: `${describe(process)} ${ways[act.way].did} ${said}, which ${id} allows until ${toSeconds(until)}: ${why}`,
    actor: { process, user },
    finding_info: {
      uid: `guard_allowed:${id}`,
      title: `Allowed to reach for ${said}`,
      attacks: [ways[act.way].attack],
    },
    unmapped: { guard_allowed: { id, by, why, until, name, way: act.way, times } satisfies GuardAllowed },
  })
}

function actorOf(task: Task, context: GuardContext) {
  const process = enriched(actorProcess(task, context), context.enrichment.process(task))
  const name = context.userName(task.uid)
  return { process, user: { uid: String(task.uid), ...(name !== undefined && { name }) } }
}

function targetOf(aim: Aim, context: GuardContext): OcsfProcess | undefined {
  if (aim === 'machine') return undefined
  const { pid, startNs, comm, exe } = aim
  const known = rememberedProcess({ pid, startNs, comm }, context)
  return { ...(exe !== null && { file: imageOf(exe) }), ...known }
}

function processOf({ pid, startNs, comm, ...rest }: TaskRef | Suspect, context: GuardContext): GuardProcess {
  const path = ('exe' in rest ? rest.exe : null) ?? context.processes.find({ pid, startNs })?.exe ?? null
  return { pid, uid: `${pid}:${startNs}`, name: comm, ...(path !== null && { path }) }
}

type Members = Omit<GuardEvent, 'time' | 'metadata' | 'device' | 'actor'> & {
  readonly actor?: GuardEvent['actor']
  /** Tells records of one instant apart. */
  readonly by: string
  readonly isInContainer?: boolean
}

function record(code: string, timeNs: bigint, context: GuardContext, members: Members): Draft {
  const { by, isInContainer = false, actor = { app_name: 'sealwatch-guard' }, ...rest } = members
  const event: GuardEvent = {
    ...rest,
    time: unixMs(timeNs, context),
    metadata: metadataOf({ code, component: 'guard', timeNs, by, container: isInContainer }, context),
    device: context.device,
    actor,
  }
  return draftOf(event, timeNs + context.bootOffsetNs)
}
