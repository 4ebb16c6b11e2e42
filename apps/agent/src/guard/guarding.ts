// SPDX-License-Identifier: Apache-2.0
// The guard's work: what the sensor tells is judged, becomes incidents, is answered and told.

import type { Clock, Log } from '@sealwatch/base'
import type { EventDraft, GuardAudit, GuardEvent } from '@sealwatch/contract'
import type { GuardOrders, GuardStep } from '@sealwatch/contract/guard-config'
import type { Done } from '@sealwatch/protect/protocol'
import type { Observation, SensorMessage } from '../sources/observation.ts'
import { type Act, keyOf, nameOf, type ProcessKey } from './act.ts'
import { allowanceOf, createAllowedTally } from './allowance.ts'
import { createCodeBaseline } from './code-baseline.ts'
import {
  allowedRecord,
  type GuardContext,
  incidentRecord,
  protectedRecord,
  type ResponseNews,
  responseRecord,
  unprotectedRecord,
} from './events.ts'
import type { HandsClient, HandsResult } from './hands-client.ts'
import { createIncidents, type Incident, type IncidentNews } from './incident.ts'
import { isKernel, judge, runsNode } from './judge.ts'
import { plan, type Step, spareReason, stepKey } from './plan.ts'
import type { Processes } from './processes.ts'
import type { Change, Registered, Registry } from './registry.ts'
import { queuedPrefix, type ServiceLine } from './service-line.ts'
import { isAtLeast, techniqueNumber } from './ways.ts'

export type GuardingOptions = {
  readonly registry: Registry
  readonly processes: Pick<Processes, 'handles' | 'inGroup'>
  readonly orders: () => GuardOrders
  /** Of the machine's own mount namespace: inode number. */
  readonly hostMntNs: number
  readonly seal: (draft: EventDraft<GuardEvent>) => void
  readonly context: () => GuardContext
  /** Fills what the context knows of whoever acted; does not take long. */
  readonly prepare: (messages: readonly SensorMessage[]) => Promise<void>
  readonly audit: (registered: Registered) => Promise<readonly GuardAudit[]>
  readonly services: () => Pick<ServiceLine, 'threaten' | 'forget'>
  readonly hands: Pick<HandsClient, 'command'>
  /** Parts of Sealwatch whose work it is to look at others, and who keeps them alive: by `keyOf`. */
  readonly ours: () => ReadonlySet<string>
  readonly newId: () => string
  /** CLOCK_BOOTTIME. */
  readonly bootNs: () => bigint
  readonly clock: Clock
  readonly log: Log
}

export type Guarding = {
  /** What one read of the sensor's socket brought. */
  take(messages: readonly SensorMessage[]): Promise<void>
  /** What the registry learned elsewhere. */
  changed(changes: readonly Change[]): void
  /** All that runs now: who is above what is protected, and which actors have ended. */
  look(processes: readonly (ProcessKey & { readonly ppid: number })[]): void
  /** A service says what it did. */
  done(registered: Registered, done: Done, tookMs: number): void
  /** Once a second. */
  tick(): void
  /** The guard stops: what is open is told as it is. */
  end(): void
  readonly incidents: number
  /** Acts judged, and looks around among them that opened nothing. */
  readonly counts: { readonly acts: number; readonly lookedAround: number }
}

type Answering = { readonly ordered: Set<string>; readonly incident: Incident; readonly actNs: bigint }
/** Incidents whose answers may still come after they were closed. */
const answeringMax = 512

export function createGuarding(options: GuardingOptions): Guarding {
  const { registry, processes, orders, hostMntNs, seal, context, hands, bootNs, clock, log } = options
  const incidents = createIncidents(options.newId)
  const allowed = createAllowedTally()
  const baseline = createCodeBaseline(runsNode)
  const answering = new Map<string, Answering>()
  const orderedNs = new Map<string, bigint>()
  let parents: ReadonlyMap<number, number> = new Map()

  const judging = {
    protectedAt: (process: ProcessKey) => registry.at(process)?.process,
    protectedNow: (pid: number) => registry.now(pid)?.process,
    protectedProgram: (path: string) => registry.program(path)?.process,
    protectedInGroup: (path: string) => {
      const pid = processes.inGroup(path, registry.all)
      return pid === undefined ? undefined : registry.now(pid)?.process
    },
    isOurs: (process: ProcessKey) => options.ours().has(keyOf(process)),
    handles: processes.handles,
    isUsualCode: baseline.isUsual,
  }

  async function take(messages: readonly SensorMessage[]): Promise<void> {
    const observed = messages.filter((message) => message.kind !== 'hello' && message.kind !== 'report')
    // What is known of whoever acted is worth a moment; that it is told is worth more.
    await options.prepare(observed)
    for (const observation of observed) takeOne(observation as Observation)
  }

  function takeOne(observation: Observation): void {
    const now = context()
    now.processes.learn(observation)
    if (observation.kind !== 'exit') changed(registry.learn(observation))
    const act = orders().mode === 'off' ? undefined : judge(observation, { ...judging, processes: now.processes })
    if (act !== undefined) takeAct(act, now)
    if (observation.kind !== 'exit') return
    // Until now it was protected.
    changed(registry.learn(observation))
    incidents.gone(observation.actor)
  }

  function takeAct(act: Act, now: GuardContext): void {
    const { allow } = orders()
    const allowance = allowanceOf(act, { allow, nowMs: clock.nowMs(), hostMntNs })
    if (allowance === undefined) {
      for (const news of incidents.take(act, bootNs()))
        if (news.kind === 'joined') answer(news.incident, act.timeNs)
        else tell(news, act.timeNs, now)
      return
    }
    const first = allowed.take(allowance, act, bootNs())
    if (first !== undefined) seal(allowedRecord(bootNs(), first, now))
  }

  /** Done first, told then: each counts in milliseconds. */
  function tell(news: IncidentNews, actNs: bigint, now: GuardContext): void {
    if (news.kind !== 'closed') answer(news.incident, actNs)
    seal(incidentRecord(bootNs(), news, now))
    if (news.kind === 'closed') return
    const { incident } = news
    if (news.kind === 'opened') log.critical('somebody reaches for a protected process', summaryOf(incident))
  }

  function answer(incident: Incident, actNs: bigint): void {
    const known = answering.get(incident.id) ?? { ordered: new Set<string>(), incident, actNs }
    answering.set(incident.id, { ...known, incident })
    if (answering.size > answeringMax) answering.delete(answering.keys().next().value as string)
    const { ordered } = known
    const isFirst = ordered.size === 0
    const steps = plan(incident, { orders: orders(), ordered, isCooling, spare })
    for (const step of steps) ordered.add(stepKey(step))
    for (const step of steps) if (step.step === 'kill') kill(incident, step, actNs)
    const measures = steps.filter(({ step }) => step !== 'kill')
    if (measures.length > 0 || (isFirst && isAtLeast(incident.severity, 'medium'))) order(incident, measures, actNs)
    if (isFirst) ordered.add('told')
  }

  function isCooling(step: GuardStep, name: string): boolean {
    const last = orderedNs.get(`${step} ${name}`)
    return last !== undefined && bootNs() - last < BigInt(orders().cooldownSeconds) * 1_000_000_000n
  }

  function spare(process: ProcessKey): string | undefined {
    return spareReason(process, {
      isOurs: judging.isOurs,
      isProtected: (one) => registry.at(one) !== undefined,
      isAbove: ({ pid }) => abovePids().has(pid),
      isKernel: (one) => {
        const task = context().processes.find(one)?.task
        return isKernel(task ?? { pid: one.pid, ppid: parents.get(one.pid) ?? 0, exe: null })
      },
    })
  }

  /** Whoever is an ancestor of something protected, as it was at the last look. */
  function abovePids(): ReadonlySet<number> {
    const above = new Set<number>()
    for (const { process } of registry.all)
      for (let pid = parents.get(process.pid); pid !== undefined && pid > 0 && !above.has(pid); pid = parents.get(pid))
        above.add(pid)
    return above
  }

  function kill(incident: Incident, step: Step, actNs: bigint): void {
    const { suspect, tree = false, mode, spared } = step
    if (suspect === undefined) return
    const news = {
      incident: incident.id,
      aim: incident.aim,
      step: 'kill',
      suspect,
      ...(tree && { tree: true as const }),
    } as const
    if (spared !== undefined) {
      respond({ ...news, state: 'spared', detail: spared }, actNs)
      return
    }
    if (mode === 'dry-run') {
      respond({ ...news, state: 'dry_run' }, actNs)
      return
    }
    const { pid, startNs } = suspect
    const why = `${incident.way} upon ${nameOf(incident.aim)}`
    const command = { pid, startNs, protects: nameOf(incident.aim), incident: incident.id, why }
    const orderedNs = bootNs()
    hands
      .command({ ...command, step: tree ? 'kill_tree' : 'kill' })
      .then((result) => respond({ ...news, ...outcomeOf(result, orderedNs) }, actNs))
      .catch((error: unknown) => log.error('what became of a kill is not known', { error }))
  }

  /** Services of that name hear of the threat, with what they are to do; a step that is on trial is told alone. */
  function order(incident: Incident, steps: readonly Step[], actNs: bigint): void {
    const { id, aim, severity, way } = incident
    const wanted = steps.flatMap(({ step, mode }) => (mode === 'on' && step !== 'kill' ? [step] : []))
    const threat = { incident: id, severity, way, technique: techniqueNumber(way) }
    const heard = registry.all
      .filter(({ by, process }) => by === 'self' && (aim === 'machine' || process.name === aim.name))
      .map((registered) => {
        const can = wanted.filter((step) => registered.process.steps.includes(step))
        return { can, isThere: options.services().threaten(registered, threat, can) }
      })
    for (const { step, mode } of steps) {
      const news = { incident: id, aim, step }
      orderedNs.set(`${step} ${nameOf(aim)}`, bootNs())
      const able = heard.filter(({ can }) => can.some((one) => one === step))
      if (mode === 'dry-run') respond({ ...news, state: 'dry_run' }, actNs)
      else if (able.length === 0)
        respond({ ...news, state: 'failed', detail: 'no service of that name can do it' }, actNs)
      else if (able.some(({ isThere }) => isThere)) respond({ ...news, state: 'ordered' }, actNs)
      else respond({ ...news, state: 'queued', detail: 'the service is not connected' }, actNs)
    }
  }

  function respond(news: ResponseNews, actNs: bigint): void {
    const nowNs = bootNs()
    const since_act_ms = Math.max(0, Number((nowNs - actNs) / 1_000_000n))
    // Behind the line of its incident: that it is told waits for nothing.
    queueMicrotask(() => seal(responseRecord(nowNs, { ...news, since_act_ms }, context())))
  }

  function changed(changes: readonly Change[]): void {
    for (const change of changes) {
      const { registered } = change
      if (change.kind === 'unprotected') {
        options.services().forget(registered.process)
        seal(unprotectedRecord(bootNs(), registered, change.cause, context()))
        continue
      }
      options
        .audit(registered)
        .then((audit) => seal(protectedRecord(bootNs(), registered, audit, context())))
        .catch((error: unknown) => log.error('a process that is protected could not be looked at', { error }))
    }
  }

  return {
    take,
    changed,
    look(all) {
      parents = new Map(all.map(({ pid, ppid }) => [pid, ppid]))
      if (incidents.size === 0) return
      const alive = new Set(all.map(keyOf))
      for (const { actors, readers } of incidents.open)
        for (const one of [...actors, ...readers]) if (!alive.has(keyOf(one))) incidents.gone(one)
    },
    done({ process }, { done: step, incident: id, ok, detail }, tookMs) {
      const { actNs, incident } = answering.get(id) ?? {}
      const state = ok ? 'done' : detail?.startsWith(queuedPrefix) === true ? 'queued' : 'failed'
      const news = { incident: id, aim: incident?.aim ?? process, step, state, took_ms: tookMs } as const
      respond({ ...news, ...(detail !== undefined && { detail }) }, actNs ?? bootNs())
    },
    tick() {
      const now = context()
      for (const news of incidents.tick(bootNs())) tell(news, news.incident.lastNs, now)
      for (const due of allowed.tick(bootNs())) seal(allowedRecord(bootNs(), due, now))
    },
    end() {
      const now = context()
      for (const news of incidents.end()) tell(news, news.incident.lastNs, now)
    },
    get incidents() {
      return incidents.size
    },
    get counts() {
      return { acts: incidents.taken, lookedAround: incidents.lookedAround }
    },
  }
}

const summaryOf = ({ id, aim, way, severity, actors }: Incident) => ({
  ...{ incident: id, protected: nameOf(aim), way, severity },
  ...(actors[0] && { actor_pid: actors[0].pid, actor_exe: actors[0].exe }),
})

function outcomeOf(result: HandsResult, orderedNs: bigint) {
  if ('refused' in result) {
    const { code, received } = result.refused
    const state = code === 'HANDS_AWAY' ? 'failed' : 'refused'
    return { state, detail: `${code}${received === null ? '' : `: ${received}`}`.slice(0, detailUnitsMax) } as const
  }
  const { killed, spared, left, signalled_ns } = result.done
  const rest = [spared > 0 && `${spared} spared`, left > 0 && `${left} left`].filter((one) => one !== false)
  const took_ms = Math.max(0, Number((BigInt(signalled_ns) - orderedNs) / 1_000_000n))
  return { state: 'done', detail: [`${killed} killed`, ...rest].join(', '), took_ms } as const
}
const detailUnitsMax = 256
