// SPDX-License-Identifier: Apache-2.0

import {
  type BaselineCheck,
  classify,
  draftOf,
  type EventDraft,
  type HarmedPart,
  type LifecycleEvent,
  type PartFinding,
  severities,
} from '@sealwatch/contract'
import type { SensorHello } from '../sources/observation.ts'
import { metadataOf, productOf, type RecordContext, unixMs } from './context.ts'
import { blindSpotsOf } from './modes.ts'

/** `timeNs` is CLOCK_BOOTTIME throughout. These records belong into the tenant `cluster`, those of parts into the machine's. */
type AgentMoment = { readonly timeNs: bigint; readonly pid: number }

const success = { status_id: 1, status: 'Success' } as const
const failure = { status_id: 2, status: 'Failure' } as const

export function agentStarted({ timeNs, pid }: AgentMoment, context: RecordContext): EventDraft<LifecycleEvent> {
  return record('agent', 'agent_started', timeNs, context, {
    ...classify('lifecycle', 'start'),
    ...severities.informational,
    ...success,
    message: `the agent started as pid ${pid}`,
    unmapped: { pid },
  })
}

export function agentStopped(
  { timeNs, pid, cause }: AgentMoment & { readonly cause: string },
  context: RecordContext,
): EventDraft<LifecycleEvent> {
  return record('agent', 'agent_stopped', timeNs, context, {
    ...classify('lifecycle', 'stop'),
    ...severities.low,
    ...success,
    message: `the agent (pid ${pid}) stops: ${cause}`,
    unmapped: { pid, cause },
  })
}

/** The first frame of a sensor's connection. A site that failed to attach is an eye that is closed: grave. */
export function sensorAttached(hello: SensorHello, context: RecordContext): EventDraft<LifecycleEvent> {
  const { timeNs, era, kernel, fresh, adopted, modes, attached } = hello
  const unseen = blindSpotsOf(modes)
  const wanted = Object.entries(attached).filter(([, { ok, reason }]) => ok || reason !== '')
  const closed = wanted.filter(([, { ok }]) => !ok)
  const count = wanted.length
  const isWhole = closed.length === 0 && unseen.length === 0
  const by =
    unseen.length === 0
      ? ''
      : `, processes by ${modes.process}, files by ${modes.file}, the network by ${modes.network}`
  const state = `${count - closed.length} of ${count} sites attached${by}`
  return record('sensor', 'sensor_attached', timeNs, context, {
    ...classify('lifecycle', 'start'),
    ...(isWhole ? severities.informational : severities.high),
    ...(closed.length === 0 ? success : failure),
    status_detail: closed.length === 0 ? state : `${state}; not: ${closed.map(([site]) => site).join(', ')}`,
    message: `the sensor ${adopted ? 'started and took over the programs' : fresh ? 'started' : 'reconnected'}: ${state}`,
    unmapped: {
      sensor: {
        era,
        kernel,
        fresh,
        ...(adopted && { adopted }),
        modes,
        ...(unseen.length > 0 && { unseen }),
        sites: attached,
      },
    },
  })
}

type SensorEnd = { readonly timeNs: bigint; readonly cause: string; readonly isTold: boolean }

/** `isTold`: to watch what the server has just told it, which is in order. */
export function sensorLost({ timeNs, cause, isTold }: SensorEnd, context: RecordContext): EventDraft<LifecycleEvent> {
  return record('sensor', 'sensor_lost', timeNs, context, {
    ...classify('lifecycle', 'stop'),
    ...(isTold ? severities.low : severities.high),
    ...(isTold ? success : failure),
    message: `the connection to the sensor ended: ${cause}`,
    unmapped: { cause },
  })
}

/** What the supervisor found about a part of ours. */
export function partFound(timeNs: bigint, found: PartFinding, context: RecordContext): EventDraft<LifecycleEvent> {
  const { part: name, pid, remedy, detail, tookMs, outOfMemory, bySupervisor, tracer, untold } = found
  const said = partTexts[found.found]
  const who = tracer === null ? '' : ` by ${tracer.path ?? tracer.name} (pid ${tracer.pid})`
  const why = outOfMemory ? ', as memory ran out' : bySupervisor ? ', by the supervisor' : ''
  const part = {
    name,
    pid,
    found: found.found,
    remedy,
    detail,
    took_ms: tookMs,
    out_of_memory: outOfMemory,
    by_supervisor: bySupervisor,
    ...(tracer && {
      tracer: {
        pid: tracer.pid,
        name: tracer.name,
        ...(tracer.path !== null && { path: tracer.path }),
        ...(tracer.uid !== null && { uid: String(tracer.uid) }),
      },
    }),
    ...(untold > 0 && { untold }),
  }
  return harmed(
    `part_${found.found}`,
    timeNs,
    context,
    part,
    `the ${name} (pid ${pid}) ${said}${who}: ${detail}${why}; ${remedy}`,
  )
}

/** What the agent itself notices: `part` does not speak any more, or its end of the line is gone. */
export function partMissed(
  timeNs: bigint,
  { part: name, pid, found, detail }: Pick<HarmedPart, 'pid' | 'found' | 'detail'> & { readonly part: string },
  context: RecordContext,
): EventDraft<LifecycleEvent> {
  const part = {
    name,
    pid,
    found,
    remedy: 'none',
    detail,
    took_ms: 0,
    out_of_memory: false,
    by_supervisor: false,
  } as const
  return harmed(
    `part_${found}`,
    timeNs,
    context,
    part,
    `the ${name}${pid === 0 ? '' : ` (pid ${pid})`} ${partTexts[found]}: ${detail}`,
  )
}

const partTexts = {
  ended: 'ended',
  stopped: 'was stopped',
  traced: 'was traced',
  silent: 'does not answer',
  demoted: 'was put behind others',
  blinded: 'was blinded',
  altered: 'was altered',
  away: 'cannot be reached',
} as const satisfies Record<HarmedPart['found'], string>

function harmed(
  code: string,
  timeNs: bigint,
  context: RecordContext,
  part: HarmedPart,
  message: string,
): EventDraft<LifecycleEvent> {
  // What the supervisor ended it told of before, and what asked to end itself is no harm.
  const isOrderly = part.found === 'ended' && (part.by_supervisor || part.detail === 'exit 0')
  return record('agent', code, timeNs, context, {
    ...classify('lifecycle', part.remedy === 'restarted' ? 'restart' : 'harm'),
    ...(isOrderly
      ? severities.low
      : ['traced', 'blinded', 'altered'].includes(part.found)
        ? severities.critical
        : severities.high),
    ...(isOrderly ? success : failure),
    message,
    unmapped: { part },
  })
}

/** A look at the machine's files; `isAltered`: held against other rows than were sealed before. */
export function baselineChecked(
  timeNs: bigint,
  check: BaselineCheck & { readonly isAltered: boolean },
  context: RecordContext,
): EventDraft<LifecycleEvent> {
  const { digest, against, rows, unread, added, removed, changed, untold, names, isAltered } = check
  const isHarm = isAltered || (untold ?? 0) > 0
  const differ = `${added} added, ${removed} removed, ${changed} changed`
  const told = untold === null ? 'nobody knows what of it was told' : `${untold} of the watched otherwise than was told`
  return record('agent', against === null ? 'baseline_made' : 'baseline_checked', timeNs, context, {
    ...classify('lifecycle', isHarm ? 'harm' : 'update'),
    ...(isAltered ? severities.critical : isHarm ? severities.high : severities.informational),
    ...(isHarm ? failure : success),
    message:
      against === null
        ? `a baseline of ${rows} names was made`
        : `${rows} names were held against the baseline: ${differ}, ${told}${isAltered ? '; the baseline is not the one that was sealed' : ''}`,
    unmapped: {
      baseline: {
        digest,
        ...(against !== null && { against }),
        ...{ rows, unread, added, removed, changed },
        ...(untold !== null && { untold }),
        ...(names.length > 0 && { names }),
        is_altered: isAltered,
      },
    },
  })
}

type Told = {
  readonly version: number
  readonly digest: string
  readonly groups: readonly { readonly name: string; readonly version: number }[]
}

/** What the server told this host is in force. */
export function configApplied(timeNs: bigint, told: Told, context: RecordContext): EventDraft<LifecycleEvent> {
  const { version, groups } = told
  const of = groups.map((group) => `${group.name} ${group.version}`).join(', ')
  return record('agent', 'config_applied', timeNs, context, {
    ...classify('lifecycle', 'update'),
    ...severities.informational,
    ...success,
    message: `version ${version} of the host's configuration is in force, of ${of || 'no group'}`,
    unmapped: { host_config: told },
  })
}

/** A configuration that came was not taken. */
export function configRefused(
  timeNs: bigint,
  { version, why }: { readonly version: number; readonly why: string },
  context: RecordContext,
): EventDraft<LifecycleEvent> {
  return record('agent', 'config_refused', timeNs, context, {
    ...classify('lifecycle', 'update'),
    ...severities.high,
    ...failure,
    message: `a configuration of the host was not taken: ${why}`,
    unmapped: { host_config: { version }, cause: why },
  })
}

/** The server was not heard since: what was in force before is so again. */
export function configRolledBack(
  timeNs: bigint,
  { from, to }: { readonly from: number; readonly to: number },
  context: RecordContext,
): EventDraft<LifecycleEvent> {
  const before = to === 0 ? 'none is in force' : `version ${to} is in force again`
  return record('agent', 'config_rolled_back', timeNs, context, {
    ...classify('lifecycle', 'update'),
    ...severities.high,
    ...failure,
    message: `version ${from} of the host's configuration was taken back, for the server was not heard since: ${before}`,
    unmapped: { host_config: { version: to, from } },
  })
}

type Said = Omit<LifecycleEvent, 'time' | 'metadata' | 'device' | 'actor' | 'app'>

function record(
  component: 'agent' | 'sensor',
  code: string,
  timeNs: bigint,
  context: RecordContext,
  said: Said,
): EventDraft<LifecycleEvent> {
  const event = {
    ...said,
    time: unixMs(timeNs, context),
    metadata: metadataOf({ code, component, timeNs, by: code }, context),
    device: context.device,
    actor: { app_name: `sealwatch-${component}` },
    app: productOf(component, context.version),
  }
  return draftOf(event, timeNs + context.bootOffsetNs)
}
