// SPDX-License-Identifier: Apache-2.0
// The guard's work: what the sensor tells is judged, becomes incidents, is answered and told.

import type { Log } from '@sealwatch/base'
import { rfc3339, toSeconds } from '@sealwatch/base/time'
import type { EventDraft, GuardAudit, GuardEvent } from '@sealwatch/contract'
import { type GuardOrders, type GuardStep, guardSteps } from '@sealwatch/contract/guard-config'
import type { Done } from '@sealwatch/protect/protocol'
import { judgedAct } from '../carriage/guard-word.ts'
import { carriageLimits, type Judged, type JudgedAct } from '../carriage/messages.ts'
import { type SensorMessage, type Task, targetOf } from '../sources/observation.ts'
import { type Act, type Aim, keyOf, nameOf, type ProcessKey, saidOf } from './act.ts'
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
import { isKernel, judge } from './judge.ts'
import { type KeyFile, keyFilesOf, mayRead } from './key-files.ts'
import { createMeasuredLast } from './measured-last.ts'
import { type MeasureStep, plan, type Step, spareReason, stepKey } from './plan.ts'
import type { Processes } from './processes.ts'
import type { Change, Registered, Registry } from './registry.ts'
import { inEarnest, playedKin, rehearsalOf } from './rehearsal.ts'
import { runsNode } from './runtime-flags.ts'
import { queuedPrefix, type ServiceLine } from './service-line.ts'
import { isAtLeast, isPreventable, techniqueNumber } from './ways.ts'

export type GuardingOptions = {
  readonly registry: Registry
  readonly processes: Pick<Processes, 'handles' | 'inGroup'>
  readonly orders: () => GuardOrders
  /** Unix time by which allowances end: no clock that is set back prolongs one (forward-time.ts). */
  readonly allowedNowMs: () => number
  /** Since when no agent takes what is sealed, CLOCK_BOOTTIME; undefined: one does. */
  readonly agentAwayNs: () => bigint | undefined
  /** Whether this kernel can refuse what the guard has denied. */
  readonly canPrevent: () => boolean
  /** Of the machine's own mount namespace: inode number. */
  readonly hostMntNs: number
  /** Key files of Sealwatch's own parts. */
  readonly ownKeyFiles: readonly KeyFile[]
  readonly seal: (draft: EventDraft<GuardEvent>) => void
  readonly context: () => GuardContext
  /** Fills what the context knows of whoever acted; does not take long. */
  readonly prepare: (messages: readonly SensorMessage[]) => Promise<void>
  readonly audit: (registered: Registered) => Promise<readonly GuardAudit[]>
  readonly services: () => Pick<ServiceLine, 'threaten' | 'forget'>
  readonly hands: Pick<HandsClient, 'command'>
  /** Parts of Sealwatch whose work it is to look at others, and who keeps them alive: by `keyOf`. */
  readonly ours: () => ReadonlySet<string>
  /** So far what concerns protected processes is judged: who hears of it as well need not tell it a second time. */
  readonly onJudged: (judged: Judged) => void
  readonly newId: () => string
  /** CLOCK_BOOTTIME. */
  readonly bootNs: () => bigint
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
  /** Paths of key files, and of what protected processes run. */
  readonly keeps: ReadonlySet<string>
  /** Acts judged, and looks around among them that opened nothing. */
  readonly counts: { readonly acts: number; readonly lookedAround: number }
}

type Observed = Exclude<SensorMessage, { kind: 'hello' | 'report' }>
type Start = Extract<Observed, { kind: 'exec' }>
type Answering = {
  readonly ordered: Set<string>
  /** How often. */
  readonly measured: Map<MeasureStep, number>
  readonly incident: Incident
  /** Of the act for which steps were ordered last. */
  readonly actNs: bigint
}
/** Incidents whose answers may still come after they were closed. */
const answeringMax = 512
/** Starts of whose environment the sensor had no room for all. */
const cutStartsMax = 256
/** In one incident: who cannot be kept from reading does not have keys changed for ever. */
const measuredMax = 8

export function createGuarding(options: GuardingOptions): Guarding {
  const { registry, processes, orders, hostMntNs, seal, context, hands, bootNs, log } = options
  const incidents = createIncidents(options.newId)
  const allowed = createAllowedTally()
  const baseline = createCodeBaseline(runsNode)
  const answering = new Map<string, Answering>()
  const measuredLast = createMeasuredLast()
  /** Incidents, open or over, of which a step waits until it has rested: who came again at once has the new keys. */
  const resting = new Set<string>()
  const cutStarts = new Map<string, Start>()
  let parents: ReadonlyMap<number, number> = new Map()
  let lookedAt: unknown
  let kept: { readonly of: unknown; readonly paths: ReadonlySet<string> } = { of: undefined, paths: new Set() }

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
    keysKeptFrom: (task: Task, watched: string) => {
      const keys = [...options.ownKeyFiles, ...keyFilesOf(registry.entries)].filter(({ path }) => path === watched)
      const name = registry.at(task)?.process.name
      if (keys.some((key) => mayRead(key, task, hostMntNs) || (name !== undefined && key.of.includes(name))))
        return undefined
      return keys[0] && aimOf(keys[0].of)
    },
    codeOf: (watched: string) => {
      const entry = registry.entries.find(({ code }) => code?.includes(watched))
      return entry && aimOf([entry.name])
    },
  }
  /** Where it does not run, whatever it is that will. */
  const aimOf = (names: readonly string[]): Aim =>
    registry.all.find(({ process }) => names.includes(process.name))?.process ?? 'machine'

  async function take(messages: readonly SensorMessage[]): Promise<void> {
    const observed = messages.filter(
      (message): message is Observed => message.kind !== 'hello' && message.kind !== 'report',
    )
    // What is known of whoever acted is worth a moment; that it is told is worth more.
    await options.prepare(observed)
    const acts: JudgedAct[] = []
    let [untilNs, concerns] = [0n, false]
    for (const observation of observed) {
      const by = takeOne(observation)
      // The agent is told nothing of what it finds, and waits for no word on it.
      if (observation.site === 'examiner') continue
      if (by !== undefined) acts.push(judgedAct(observation, by))
      concerns ||= by !== undefined || isAimed(observation) || isOfKept(observation)
      const lastNs = observation.again?.lastNs ?? observation.timeNs
      if (lastNs > untilNs) untilNs = lastNs
    }
    if (concerns) options.onJudged({ untilNs: String(untilNs), acts: acts.slice(0, carriageLimits.judgedMax) })
  }

  function isAimed(observation: Observed): boolean {
    const target = targetOf(observation)
    return target !== undefined && registry.at(target) !== undefined
  }

  /** As they are told the agent, which waits for what is judged of them. */
  function keeps(): ReadonlySet<string> {
    const { entries } = registry
    if (kept.of !== entries) {
      const keys = [...options.ownKeyFiles, ...keyFilesOf(entries)].map(({ path }) => path)
      kept = {
        of: entries,
        paths: new Set([...keys, ...entries.flatMap(({ exe = [], code = [] }) => [exe, code].flat())]),
      }
    }
    return kept.paths
  }
  const isOfKept = (observation: Observed) =>
    (observation.kind === 'file_open' || observation.kind === 'file_change') && keeps().has(observation.watched)

  /** Returns the id of the incident, or of the allowance, that tells it. */
  function takeOne(observation: Observed): string | undefined {
    const now = context()
    now.processes.learn(observation)
    if (observation.kind !== 'exit') changed(registry.learn(observation))
    const seen = withAllVariables(observation)
    const act = orders().mode === 'off' ? undefined : judge(seen, { ...judging, processes: now.processes })
    const by = act === undefined || isSeenAgain(observation, act) ? undefined : takeAct(act, now)
    if (observation.kind !== 'exit') return by
    // Until now it was protected.
    changed(registry.learn(observation))
    incidents.gone(observation.actor)
    return by
  }

  /** A start of whose environment the sensor looked through a part is judged a second time, once the examiner has looked through all of it. */
  function withAllVariables(observation: Observed): Observed {
    if (observation.kind !== 'exec' && observation.kind !== 'examined') return observation
    const key = keyOf(observation.actor)
    const start = cutStarts.get(key)
    cutStarts.delete(key)
    if (observation.kind === 'examined') {
      const { variables, optionsHarmless } = observation
      const { optionsHarmless: _, ...given } = start ?? {}
      return start === undefined
        ? observation
        : ({ ...given, variables, ...(optionsHarmless && { optionsHarmless }) } as Start)
    }
    const registered = registry.at(observation.actor)
    if (registered === undefined || !observation.variablesCut) return observation
    cutStarts.set(key, observation)
    if (cutStarts.size > cutStartsMax) cutStarts.delete(cutStarts.keys().next().value as string)
    options
      .audit(registered)
      .catch((error: unknown) => log.error('an environment could not be looked through', { error }))
    return observation
  }

  /** The examiner finds later what was told as it was done. */
  const isSeenAgain = ({ site }: Observed, act: Act) => site === 'examiner' && incidents.has(act)

  function takeAct(act: Act, now: GuardContext): string | undefined {
    const { allow, mode, prevent } = orders()
    const allowance = allowanceOf(act, { allow, nowMs: options.allowedNowMs(), hostMntNs, userName: now.userName })
    if (allowance === undefined) {
      const played = playedBy(act, now)
      const isTrial = mode === 'on' && prevent === 'dry-run' && act.error === 0 && isPreventable(act.way)
      const told: Act = isTrial && options.canPrevent() ? { ...act, prevention: 'dry_run' } : act
      for (const news of incidents.take(told, bootNs(), played))
        if (news.kind === 'joined') answer(news.incident, act.timeNs)
        else tell(news, act.timeNs, now)
      // What concerns all of the machine has no incident of somebody who is protected, and rules of its own.
      return act.aim === 'machine' ? undefined : incidents.of(act, played)
    }
    const first = allowed.take(allowance, act, bootNs())
    if (first !== undefined) seal(allowedRecord(bootNs(), first, now))
    return allowance.id
  }

  function playedBy(act: Act, { processes: known }: GuardContext) {
    const rehearsal = rehearsalOf(act, {
      rehearsals: orders().rehearsals,
      nowMs: options.allowedNowMs(),
      isSelf: (process) => registry.at(process)?.by === 'self',
      ancestorsOf: (process) => known.find(process)?.ancestors,
    })
    return rehearsal && { id: rehearsal.id, kin: playedKin(act.actor, rehearsal) }
  }

  /** Done first, told then: each counts in milliseconds. */
  function tell(news: IncidentNews, actNs: bigint, now: GuardContext): void {
    if (news.kind !== 'closed') answer(news.incident, actNs)
    seal(incidentRecord(bootNs(), news, now, { answers: answersOf(orders()), agentAwayNs: options.agentAwayNs() }))
    if (news.kind === 'closed') return
    const { incident } = news
    if (news.kind === 'opened') log.critical('somebody reaches for a protected process', summaryOf(incident))
  }

  /** `isOver`: nobody acts any more, and nobody is ended; what rested until now is done. */
  function answer(incident: Incident, actNs: bigint, isOver = false): void {
    const before = answering.get(incident.id)
    const known = before ?? { ordered: new Set<string>(), measured: new Map(), incident, actNs }
    answering.set(incident.id, { ...known, incident })
    if (answering.size > answeringMax) answering.delete(answering.keys().next().value as string)
    const { ordered, measured } = known
    const isFirst = ordered.size === 0
    // A service that hears of it weighs how grave it is, and who is at it.
    const isMore =
      before?.incident.severity !== incident.severity || before.incident.suspects.length < incident.suspects.length
    const isPlayed = incident.rehearsal !== undefined
    const planned = plan(incident, {
      orders: isPlayed ? inEarnest(orders()) : orders(),
      ordered,
      // A drill is answered once: what it plays goes on on purpose.
      isDueAgain: (step) => !isPlayed && (measured.get(step) ?? 0) < measuredMax && isReadSince(incident, step),
      isCooling: (step, name) => !isPlayed && isCooling(step, name),
      // What began before anybody looked is the machine's own.
      mntNsOf: (process) => context().processes.find(process)?.task?.mntNs ?? hostMntNs,
      spare,
    })
    const steps = planned.filter(({ step, rests }) => rests !== true && !(isOver && step === 'kill'))
    rest(incident, planned, ordered, actNs)
    for (const step of steps) ordered.add(stepKey(step))
    for (const { step } of steps) ordered.delete(restsKey(step))
    for (const step of steps) if (step.step === 'kill') kill(incident, step, actNs)
    const measures = steps.filter(({ step }) => step !== 'kill')
    if (measures.length > 0) answering.set(incident.id, { ...known, incident, actNs })
    if (measures.length > 0 || (isMore && isAtLeast(incident.severity, 'medium')))
      order(incident, measures, actNs, measured)
    if (isFirst) ordered.add('told')
  }

  function rest({ id, aim }: Incident, planned: readonly Step[], ordered: Set<string>, actNs: bigint): void {
    const rested = planned.filter(({ rests }) => rests === true)
    if (rested.length > 0) resting.add(id)
    else resting.delete(id)
    for (const { step } of rested) {
      const key = restsKey(step)
      if (ordered.has(key)) continue
      ordered.add(key)
      const untilNs = (measuredLast.of(step, nameOf(aim))?.orderedNs ?? 0n) + cooldownNs()
      const until = toSeconds(rfc3339(untilNs + context().bootOffsetNs))
      respond({ incident: id, aim, step, state: 'resting', detail: `until ${until}, then it is ordered` }, actNs)
    }
  }

  /** Whoever joined, or went on, has what the service took after the last order. */
  function isReadSince({ aim, readNs }: Incident, step: MeasureStep): boolean {
    const { orderedNs, answeredNs } = measuredLast.of(step, nameOf(aim)) ?? {}
    if (readNs === undefined || orderedNs === undefined || answeredNs === undefined) return false
    return answeredNs >= orderedNs && readNs > answeredNs
  }

  function isCooling(step: GuardStep, name: string): boolean {
    const last = measuredLast.of(step, name)
    return last !== undefined && bootNs() - last.orderedNs < cooldownNs()
  }

  const cooldownNs = () => BigInt(orders().cooldownSeconds) * 1_000_000_000n

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
    const why = `${incident.way} upon ${saidOf(incident.aim)}`
    const frees = incident.aim === 'machine' ? {} : { frees: incident.aim }
    const command = { pid, startNs, protects: nameOf(incident.aim), ...frees, incident: incident.id, why }
    const orderedNs = bootNs()
    hands
      .command({ ...command, step: tree ? 'kill_tree' : 'kill' })
      .then((result) => respond({ ...news, ...outcomeOf(result, orderedNs) }, actNs))
      .catch((error: unknown) => log.error('what became of a kill is not known', { error }))
  }

  /** Services of that name hear of the threat, with what they are to do; a step that is on trial is told alone. */
  function order(incident: Incident, steps: readonly Step[], actNs: bigint, measured: Map<MeasureStep, number>): void {
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
      if (step === 'kill') continue
      const again = againText(measured, step)
      const news = { incident: id, aim, step, ...(again !== '' && { detail: again }) }
      const [name, nowNs] = [nameOf(aim), bootNs()]
      measuredLast.ordered(step, name, nowNs)
      const able = heard.filter(({ can }) => can.some((one) => one === step))
      if (mode === 'dry-run' || able.length === 0) measuredLast.answered(step, name, nowNs)
      if (mode === 'dry-run') respond({ ...news, state: 'dry_run' }, actNs)
      else if (able.length === 0)
        respond({ ...news, state: 'failed', detail: 'no service of that name can do it' }, actNs)
      else if (able.some(({ isThere }) => isThere)) respond({ ...news, state: 'ordered' }, actNs)
      else respond({ ...news, state: 'queued', detail: 'the service is not connected' }, actNs)
    }
  }

  /** For the timeline: why it is ordered once more, and that it will not be again; counts it. */
  function againText(measured: Map<MeasureStep, number>, step: MeasureStep): string {
    const times = (measured.get(step) ?? 0) + 1
    measured.set(step, times)
    if (times === 1) return ''
    const last = times === measuredMax ? ', and the last time in this incident' : ''
    return `again, ${times} times by now: keys were read after it was done${last}`
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
      if (all !== lookedAt) parents = new Map(all.map(({ pid, ppid }) => [pid, ppid]))
      lookedAt = all
      if (incidents.size === 0) return
      const alive = new Set(all.map(keyOf))
      for (const { actors, readers } of incidents.open)
        for (const one of [...actors, ...readers]) if (!alive.has(keyOf(one))) incidents.gone(one)
    },
    done({ process }, { done: step, incident: id, number, ok, detail }, tookMs) {
      const { actNs, incident, measured } = answering.get(id) ?? {}
      const state = ok ? 'done' : detail?.startsWith(queuedPrefix) === true ? 'queued' : 'failed'
      const news = { incident: id, aim: incident?.aim ?? process, step, state, took_ms: tookMs } as const
      measuredLast.answered(step, nameOf(news.aim), bootNs())
      // A service of before may answer what it remembers.
      const isUnsure = ok && number === undefined && (measured?.get(step) ?? 0) > 1
      const told = isUnsure ? [detail, unsureText].filter((text) => text !== undefined).join('; ') : detail
      respond({ ...news, ...(told !== undefined && { detail: told }) }, actNs ?? bootNs())
    },
    tick() {
      const now = context()
      for (const news of incidents.tick(bootNs())) tell(news, news.incident.lastNs, now)
      // What rested may be due by now.
      if (incidents.size > 0)
        for (const incident of incidents.open) if (answering.has(incident.id)) answer(incident, incident.lastNs)
      for (const id of resting) {
        const known = answering.get(id)
        if (known === undefined) resting.delete(id)
        else answer(known.incident, known.actNs, true)
      }
      for (const due of allowed.tick(bootNs())) seal(allowedRecord(bootNs(), due, now))
    },
    end() {
      const now = context()
      for (const news of incidents.end()) tell(news, news.incident.lastNs, now)
    },
    get incidents() {
      return incidents.size
    },
    get keeps() {
      return keeps()
    },
    get counts() {
      return { acts: incidents.taken, lookedAround: incidents.lookedAround }
    },
  }
}

const restsKey = (step: GuardStep) => `${step} rests`

const answersOf = ({ mode, responses }: GuardOrders): readonly GuardStep[] =>
  mode === 'on' ? guardSteps.filter((step) => responses[step] === 'on') : []

const summaryOf = ({ id, aim, way, severity, actors }: Incident) => ({
  ...{ incident: id, protected: nameOf(aim), way, severity },
  ...(actors[0] && { actor_pid: actors[0].pid, actor_exe: actors[0].exe }),
})

function outcomeOf(result: HandsResult, orderedNs: bigint) {
  if ('refused' in result) {
    const { code, received } = result.refused
    if (code === 'TARGET_GONE') return { state: 'done', detail: 'it had ended' } as const
    const state = code === 'HANDS_AWAY' ? 'failed' : 'refused'
    return { state, detail: `${code}${received === null ? '' : `: ${received}`}`.slice(0, detailUnitsMax) } as const
  }
  const { killed, spared, left, freed, signalled_ns } = result.done
  const rest = [
    spared > 0 && `${spared} spared`,
    left > 0 && `${left} left`,
    freed && 'what is protected goes on',
  ].filter((one) => one !== false)
  const took_ms = Math.max(0, Number((BigInt(signalled_ns) - orderedNs) / 1_000_000n))
  const came = killed === 0 ? 'it had ended' : `${killed} killed`
  return { state: 'done', detail: [came, ...rest].join(', '), took_ms } as const
}
const detailUnitsMax = 256
const unsureText = 'it answered without the number of the order: whether it did it again nobody knows'
