// SPDX-License-Identifier: Apache-2.0

import type { Duplex } from 'node:stream'
import type { Clock, Log } from '@sealwatch/base'
import type { Health } from '@sealwatch/base/health'
import {
  type BaselineCheck,
  type HarmedPart,
  type HeardPart,
  type SupervisorSays,
  supervisionLimits,
} from '@sealwatch/contract'
import type { AgentEnd } from './carriage/agent-end.ts'
import type { Baseline } from './integrity/baseline.ts'
import type { Journal } from './journal/journal.ts'
import type { RecordContext } from './observe/context.ts'
import { baselineChecked, partFound, partMissed } from './observe/lifecycle.ts'
import type { SensorHarm, SensorReport, Site } from './sources/observation.ts'
import type { SensorConnection } from './sources/sensor-socket.ts'
import { openSupervisorLine } from './sources/supervisor-line.ts'
import type { WatchState } from './watch.ts'

export type SupervisionOptions = {
  /** Undefined: something else keeps us alive, systemd for one, and says nothing. */
  readonly socket: Duplex | undefined
  readonly supervisorPid: number
  /** The agent's own. */
  readonly pid: number
  /** What somebody took out of its chains since it was asked last. */
  readonly lost: () => readonly string[]
  /** Undefined: this machine has none. */
  readonly guard: Pick<AgentEnd, 'heard' | 'state'> | undefined
  /** Of the machine's tenant. */
  readonly journal: Pick<Journal, 'add' | 'flushed'>
  readonly context: () => RecordContext
  readonly baseline: Baseline
  /** Of what the next look at the files has to know no more. Unix milliseconds. */
  readonly forgetBefore: (ms: number) => Promise<void>
  readonly health: Health
  readonly clock: Clock
  readonly log: Log
}

export type Supervision = {
  /** The same connections; when something comes it is noted. */
  heard(connections: AsyncIterable<SensorConnection>): AsyncIterable<SensorConnection>
  /** The same, but that a sensor that is silent is not there, and sites that are blind are not attached. */
  seen(watch: WatchState): WatchState
  run(signal: AbortSignal): Promise<void>
}

const stepMs = 500
/** A change is told within this time. */
const lookSlackMs = 60_000
/** Longer between two steps, and we did not run ourselves: nobody is blamed for that. */
const awakeStepMsMax = 2 * stepMs
/** A sensor that has nothing to tell says so every five seconds. */
const sensorSilentMs = 12_000
/** A guard says each two seconds that it lives; one that ended is back within a second, but for a machine that has no time. */
const guardSilentMs = { connected: 12_000, away: 30_000 } as const
const blindReason = 'attached, and does not see what it must'
const failedOpen =
  'what policies deny of files and programs was let go: the process that refuses it was ended, or did not answer for a second'
const harmTexts: Readonly<Record<SensorHarm, string>> = {
  pin: 'what it has pinned was removed or replaced',
  memory: 'what it shares with its programs was overwritten, and was put right',
  counters: 'a counter of its programs went back',
  programs: 'the programs that it took over were not its own; they were detached',
  covered:
    'something was mounted over, or above, what our parts find each other by or keep (or the mount it lay in was taken away); the log of the sensor names the path, the mount event who did it',
  detached: 'a program of it was detached from its cgroup, and saw and refused nothing; it was attached again',
}
const supervisorSilentMs = 16 * supervisionLimits.lookEveryMs

/** Seals what the supervisor finds about our parts, and notices when it, or the sensor, says nothing any more. */
export function supervision(options: SupervisionOptions): Supervision {
  const { socket, supervisorPid, pid, lost, guard, journal, context, baseline, health, clock, log } = options
  const counts = new Map<string, { readonly labels: readonly string[]; count: number }>()
  /** Of time in which we ran. */
  let nowMs = 0
  /** Since when we wait for the sensor to say something. */
  let askedMs: number | undefined
  let lookedMs = 0
  const silent = { sensor: false, supervisor: false, guard: false }
  let guardHeard = { count: 0, atMs: 0 }
  let blind: readonly Site[] = []
  let harms: readonly SensorHarm[] = []
  let isOrderly = false
  let isSealing = false

  health.metrics.counter(
    {
      name: 'sealwatch_part_findings_total',
      help: 'Times that a part was harmed, since the start',
      labels: ['part', 'found'],
    },
    () => Array.from(counts.values(), ({ labels, count }) => [labels, count] as const),
  )
  function count(part: string, found: HarmedPart['found']): void {
    const key = `${part} ${found}`
    const row = counts.get(key) ?? { labels: [part, found], count: 0 }
    row.count += 1
    counts.set(key, row)
  }

  const bootNs = (unixMs: number) => BigInt(unixMs) * 1_000_000n - context().bootOffsetNs

  function miss(part: string, pid: number, found: HarmedPart['found'], detail: string): void {
    log.critical(`a part was found ${found}`, { part, pid, detail })
    count(part, found)
    journal.add(partMissed(bootNs(clock.nowMs()), { part, pid, found, detail }, context()))
  }

  /** What was told while it looked is told to the next look as well. */
  async function sealCheck(said: BaselineCheck): Promise<void> {
    if (isSealing) return
    const check = baseline.judge(said)
    if (check !== undefined) {
      isSealing = true
      journal.add(baselineChecked(bootNs(check.endedMs), check, context()))
      await journal.flushed()
      await baseline.keep(check)
      await options.forgetBefore(check.beganMs - lookSlackMs)
      isSealing = false
    }
    line?.say({ kind: 'baseline_sealed', digest: said.digest, endedMs: said.endedMs })
  }

  async function take(says: SupervisorSays): Promise<void> {
    lookedMs = nowMs
    if (says.kind === 'stopping') isOrderly = true
    if (says.kind === 'look') line?.say({ kind: 'alive', number: says.number })
    if (says.kind === 'baseline') await sealCheck(says)
    if (says.kind !== 'finding') return
    count(says.part, says.found)
    journal.add(partFound(bootNs(says.timeMs), says, context()))
    await journal.flushed()
    line?.say({ kind: 'sealed', id: says.id })
  }

  const line =
    socket &&
    openSupervisorLine(socket, {
      said: (says) => void take(says),
      ended: () => isOrderly || miss('supervisor', supervisorPid, 'ended', 'its end of the line was closed'),
    })

  function look(): void {
    for (const detail of lost()) miss('agent', pid, 'altered', detail)
    const isSensorSilent = askedMs !== undefined && nowMs - askedMs >= sensorSilentMs
    if (isSensorSilent && !silent.sensor) missSilent('sensor', 0)
    const isGuardSilent = guard !== undefined && isQuiet(guard)
    if (isGuardSilent && !silent.guard) {
      if (guard.state !== undefined) missSilent('guard', guard.state.pid)
      else if (!isOrderly) miss('guard', 0, 'away', 'nobody answers where it listens')
    }
    const isSupervisorSilent = line?.isOpen === true && nowMs - lookedMs >= supervisorSilentMs
    if (isSupervisorSilent && !silent.supervisor)
      miss('supervisor', supervisorPid, 'silent', 'it does not look any more')
    Object.assign(silent, { sensor: isSensorSilent, supervisor: isSupervisorSilent, guard: isGuardSilent })
  }

  /** The supervisor knows its pid, ends it, and has that sealed. */
  function missSilent(part: HeardPart, pid: number): void {
    if (line !== undefined && !silent.supervisor) line.say({ kind: 'part_silent', part })
    else miss(part, pid, 'silent', 'it is connected and sends nothing')
  }

  function isQuiet({ heard, state }: Pick<AgentEnd, 'heard' | 'state'>): boolean {
    if (heard !== guardHeard.count) guardHeard = { count: heard, atMs: nowMs }
    return nowMs - guardHeard.atMs >= (state === undefined ? guardSilentMs.away : guardSilentMs.connected)
  }

  function note({ blind: now = [], harms: done = [] }: SensorReport): void {
    const lost = now.filter((site) => !blind.includes(site))
    const unseeing = lost.filter((site) => site !== 'file_policy')
    if (unseeing.length > 0) miss('sensor', 0, 'blinded', `${blindReason}: ${unseeing.join(', ')}`)
    if (lost.includes('file_policy')) miss('sensor', 0, 'blinded', failedOpen)
    for (const harm of done.filter((one) => !harms.includes(one))) miss('sensor', 0, 'altered', harmTexts[harm])
    blind = now
    harms = done
  }

  async function* heardOne(connection: SensorConnection): SensorConnection & AsyncGenerator {
    try {
      // Another life of the sensor may see what the one before did not.
      blind = []
      harms = []
      askedMs = nowMs
      for await (const messages of connection) {
        // While these are worked on the sensor may well wait for us.
        askedMs = undefined
        for (const message of messages) if (message.kind === 'report') note(message)
        yield messages
        askedMs = nowMs
      }
    } finally {
      askedMs = undefined
    }
  }

  return {
    heard: async function* heard(connections) {
      for await (const connection of connections) yield heardOne(connection)
    },
    seen: (watch) => {
      const connected = watch.connected && !silent.sensor
      if (watch.hello === undefined || blind.length === 0) return { ...watch, connected }
      const closed = Object.fromEntries(blind.map((site) => [site, { ok: false, reason: blindReason }]))
      return { ...watch, connected, hello: { ...watch.hello, attached: { ...watch.hello.attached, ...closed } } }
    },
    run: async (signal) => {
      let lastNs = clock.monotonicNs()
      while (!signal.aborted) {
        await clock.sleep(stepMs, signal)
        const ns = clock.monotonicNs()
        nowMs += Math.min(Number(ns - lastNs) / 1e6, awakeStepMsMax)
        lastNs = ns
        if (!signal.aborted) look()
      }
      line?.close()
    },
  }
}
