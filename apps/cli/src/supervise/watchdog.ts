// SPDX-License-Identifier: Apache-2.0

import type { Clock, Log } from '@sealwatch/base'
import { type HeardPart, type PartFinding, supervisionLimits } from '@sealwatch/contract'
import type { AgentLine, NewFinding } from './agent-line.ts'
import { moveOut } from './freezer.ts'
import { type Held, heldOf, isTraced, tracerOf } from './look.ts'
import { oomKills } from './out-of-memory.ts'
import type { PartEnd, RunningPart } from './part.ts'
import { keepRank, type Rank } from './rank.ts'
import { isAlive, signalTask, type Task, taskOf } from './task.ts'

export type Watchdog = {
  /** A part ended, and lives again. */
  ended(end: PartEnd): void
  /** The agent says that it is connected, and says nothing. */
  partSilent(part: HeardPart): void
  /** Looks at all parts, twice a second, until the signal fires. */
  run(signal: AbortSignal): Promise<void>
}

export type WatchdogOptions = {
  readonly parts: readonly RunningPart[]
  /** The supervisor itself. */
  readonly self: Task
  /** What it is to have of the machine. */
  readonly rank: Rank | undefined
  /** Of the whole machine: who put a part into a group without memory has taken it out of the one that we know. A test gives its own. */
  readonly countOomKills?: () => number
  readonly line: Pick<AgentLine, 'tell' | 'look'>
  /** What is done about a part that somebody traces: it is ended and begins anew without them, but of a service they are; or it is left to them. */
  readonly traced: 'kill' | 'leave'
  readonly clock: Clock
  readonly log: Log
}

/** Each thread of each part, every so many looks; else the first one alone. */
const threadsEveryLooks = 10
/** Whoever is ended lets go within so many looks, on a machine that has much to do, too. */
const dyingLooks = 10
/** Who is put last again and again is put back each time, and that is told once within it. */
const demotedWithinMs = 60_000
/** A part that is stopped more often than this within a minute begins anew under another pid. */
const continuedMax = 10
const continuedWithinMs = 60_000

export function createWatchdog({
  parts,
  self,
  rank: ownRank,
  countOomKills = oomKills,
  line,
  traced,
  clock,
  log,
}: WatchdogOptions): Watchdog {
  const continued = new Map<number, number[]>()
  /** By pid of the part: who is left to what they do is told once, and who was ended has until then to die. */
  const tracers = new Map<number, { readonly tracerPid: number; readonly sinceLook: number }>()
  /** When it was told last, by pid and what was found. */
  const demoted = new Map<string, number>()
  /** Whose threads were all given what they are to have: some may have begun before the part was. */
  const settled = new Set([self.pid])
  /** At so many looks their processes were dead, and nobody had told us. */
  const dead = new Map<number, number>()
  let looks = 0
  let ownTracerPid = 0
  /** At the look before the last one, and at that: of a death between these two we may not have been told yet. */
  let oomKillsSeen = [countOomKills(), countOomKills()] as const

  function tell(part: string, found: PartFinding['found'], rest: Pick<NewFinding, 'pid'> & Partial<NewFinding>): void {
    const finding: NewFinding = {
      timeMs: clock.nowMs(),
      part,
      found,
      remedy: 'killed',
      detail: '',
      tookMs: 0,
      outOfMemory: false,
      bySupervisor: false,
      tracer: null,
      ...rest,
    }
    log.critical(`a part was found ${found}`, { ...finding })
    line.tell(finding)
  }

  function remedy(part: RunningPart, task: Task, held: Held): void {
    if (held.by === 'tracer') untrace(part, task, held)
    else if (held.by === 'freezer') freeFrom(part, task, held)
    else goOn(part, task, held.shown)
  }

  /** Whoever froze it may do so again to what is thawed; another life of it begins where we are. */
  function freeFrom(part: RunningPart, { pid }: Task, { shown: detail }: Held): void {
    moveOut(pid)
    part.restart('SIGKILL')
    tell(part.state().name, 'stopped', { pid, remedy: 'killed', detail })
  }

  function goOn(part: RunningPart, task: Task, detail: string): void {
    const nowMs = clock.nowMs()
    const times = (continued.get(task.pid) ?? []).filter((time) => nowMs - time < continuedWithinMs)
    const isTooOften = times.length >= continuedMax
    if (isTooOften) part.restart('SIGKILL')
    else signalTask(task, 'SIGCONT')
    continued.set(task.pid, [...times, nowMs])
    tell(part.state().name, 'stopped', { pid: task.pid, remedy: isTooOften ? 'killed' : 'continued', detail })
  }

  function untrace(part: RunningPart, task: Task, { tracerPid, shown: detail }: Held): void {
    const before = tracers.get(task.pid)
    const isKnown = before?.tracerPid === tracerPid
    const sinceLook = isKnown ? before.sinceLook : looks
    tracers.set(task.pid, { tracerPid, sinceLook })
    const isPatient = traced === 'leave' || (part.isService && looks - sinceLook < dyingLooks)
    if (isKnown && isPatient) return
    const tracer = tracerOf(tracerPid)
    const remedy = traced === 'leave' ? 'left' : isPatient && endTracer(tracerPid) ? 'freed' : 'killed'
    if (remedy === 'killed') part.restart('SIGKILL')
    tell(part.state().name, 'traced', { pid: task.pid, remedy, detail, tracer })
  }

  /** Whether it was there to be ended; where the part is held all the same, that begins anew. */
  function endTracer(pid: number): boolean {
    const tracer = pid === self.pid ? undefined : taskOf(pid)
    return tracer !== undefined && signalTask(tracer, 'SIGKILL')
  }

  /** The end of a process is told to whoever traces it first, and to us once they have taken note of it, or are gone. */
  function isWithheld(part: RunningPart, task: Task): boolean {
    if (isAlive(task)) return false
    const times = (dead.get(task.pid) ?? 0) + 1
    dead.set(task.pid, times)
    // Where nobody traces it, it has threads that are still to end: of one that has much memory the first is dead long before the last.
    return isTraced(task) ? times > 1 || part.isKilled() : times > dyingLooks
  }

  function keepTurn(part: string, { pid }: Task, wanted: Rank | undefined): void {
    const all = looks % threadsEveryLooks === 0
    const found = wanted && keepRank(pid, wanted, all)
    const isFirst = all && !settled.has(pid)
    if (all) settled.add(pid)
    if (found === undefined || isFirst) return
    const nowMs = clock.nowMs()
    for (const [key, toldMs] of demoted) if (nowMs - toldMs >= demotedWithinMs) demoted.delete(key)
    const key = `${pid} ${found.shown}`
    if (demoted.has(key)) return
    demoted.set(key, nowMs)
    const { shown, refused } = found
    const detail = refused === undefined ? shown : `${shown}: ${refused}`
    tell(part, 'demoted', { pid, remedy: refused === undefined ? 'restored' : 'left', detail })
  }

  /** We can neither end who traces us nor begin anew. */
  function lookAtOurselves(): void {
    const held = heldOf(self, false)
    const tracerPid = held?.by === 'tracer' ? held.tracerPid : 0
    if (held !== undefined && tracerPid !== 0 && tracerPid !== ownTracerPid)
      tell('supervisor', 'traced', { pid: self.pid, remedy: 'left', detail: held.shown, tracer: tracerOf(tracerPid) })
    ownTracerPid = tracerPid
  }

  function look(): void {
    looks += 1
    oomKillsSeen = [oomKillsSeen[1], countOomKills()]
    lookAtOurselves()
    keepTurn('supervisor', self, ownRank)
    for (const part of parts) {
      const { task } = part.state()
      if (task !== undefined && isWithheld(part, task)) part.withheld()
      if (task !== undefined) keepTurn(part.state().name, task, part.rank())
      const held = task && heldOf(task, looks % threadsEveryLooks === 0)
      if (task === undefined || held === undefined) continue
      if (!part.isKilled()) remedy(part, task, held)
      // Who is kept frozen is not ended either.
      else if (held.by === 'freezer') moveOut(task.pid)
    }
    const pids = new Set([self.pid, ...parts.map((part) => part.state().task?.pid)])
    for (const known of [continued, tracers, dead, settled])
      for (const pid of known.keys()) if (!pids.has(pid)) known.delete(pid)
    if (line.look()) silent('agent')
  }

  function silent(name: string): void {
    const part = parts.find((one) => one.state().name === name)
    const task = part?.state().task
    if (part === undefined || task === undefined || part.isKilled()) return
    part.restart('SIGKILL')
    tell(name, 'silent', { pid: task.pid, detail: 'it does not answer' })
  }

  return {
    ended({ name, pid, lastExit, tookMs, bySupervisor }) {
      const outOfMemory = lastExit === 'SIGKILL' && countOomKills() > oomKillsSeen[0]
      tell(name, 'ended', { pid, remedy: 'restarted', detail: lastExit, tookMs, outOfMemory, bySupervisor })
    },
    partSilent: silent,
    run: async (signal) => {
      while (!signal.aborted) {
        await clock.sleep(supervisionLimits.lookEveryMs, signal)
        if (!signal.aborted) look()
      }
    },
  }
}
