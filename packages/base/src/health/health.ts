// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import process from 'node:process'
import type { Clock } from '../clock.ts'
import { messageOf } from '../errors.ts'
import type { JsonObject } from '../json.ts'
import type { Log } from '../log.ts'
import { createMetrics, type Metrics } from './metrics.ts'

/** A part that this service needs, and how to ask it whether it works. */
export type Probe = {
  /** Lower-case words; /readyz and the metrics name the part so. */
  readonly name: string
  /** Resolves when the part works, with what is worth showing; rejects when it does not. Neither may hold a secret. */
  readonly check: (signal: AbortSignal) => Promise<JsonObject | undefined>
  /** Whether this service is of no use without the part: then /readyz answers 503. Default true. */
  readonly required?: boolean
  /** How long an answer is good for; default 10 s. */
  readonly everyMs?: number
  /** Default 2 s. A check that takes longer counts as failed until it answers. */
  readonly deadlineMs?: number
}

export type PartResult = {
  readonly status: 'ready' | 'degraded'
  readonly required: boolean
  /** When it was asked. */
  readonly time: string
  readonly reason?: string
  readonly detail?: JsonObject
}

export const levels = ['ok', 'warning', 'critical'] as const
export type Level = (typeof levels)[number]

export type Readiness = {
  readonly status: 'ready' | 'degraded'
  /** False when a required part fails. */
  readonly serves: boolean
  readonly parts: Readonly<Record<string, PartResult>>
}

/** What a service tells of itself (docs/reference/health.md). */
export type Health = {
  /** Adds a part to /readyz. */
  probe(probe: Probe): void
  /** Adds a member to /healthz; a member with a `level` counts in the whole's status. */
  show(name: string, read: () => JsonObject & { readonly level?: Level }): void
  /** Adds a member to /healthz that is one word. */
  tell(name: string, value: string | (() => string)): void
  readonly metrics: Metrics
  liveness(): JsonObject
  readiness(): Promise<Readiness>
}

const everyMsDefault = 10_000
const deadlineMsDefault = 2_000
const partsMax = 64
const partForm = /^[a-z0-9]+(?:[-_:][a-z0-9]+)*$/
const reasonCharsMax = 500

export function createHealth(options: {
  readonly component: string
  readonly version: string
  readonly clock: Clock
  readonly log: Log
}): Health {
  const { component, version, clock, log } = options
  const metrics = createMetrics()
  const probes = new Map<string, { ask(): Promise<PartResult>; last: PartResult | undefined }>()
  const members = new Map<string, () => JsonObject & { readonly level?: Level }>()
  const told = new Map<string, string | (() => string)>()
  const startedMs = clock.nowMs()
  addProcessMetrics(metrics, component, version, startedMs)
  metrics.gauge(
    { name: 'sealwatch_part_ready', help: '1 where the part answered well when asked last', labels: ['part'] },
    () => [...probes].flatMap(([name, { last }]) => (last ? [[[name], last.status === 'ready' ? 1 : 0]] : [])),
  )

  function probe(given: Probe): void {
    const { name, check, required = true, everyMs = everyMsDefault, deadlineMs = deadlineMsDefault } = given
    assert(partForm.test(name) && !probes.has(name) && probes.size < partsMax, `the part ${name}`)
    let asked: { atMs: number; result: Promise<PartResult> } | undefined
    let running = 0

    async function run(): Promise<PartResult> {
      const time = new Date(clock.nowMs()).toISOString()
      const over = new AbortController()
      const answer = ask(time, over.signal)
      const late = async (): Promise<PartResult> => {
        await clock.sleep(deadlineMs, over.signal)
        return over.signal.aborted
          ? await answer
          : { status: 'degraded', required, time, reason: `no answer within ${deadlineMs} ms` }
      }
      try {
        return tell(await Promise.race([answer, late()]))
      } finally {
        over.abort()
      }
    }

    async function ask(time: string, signal: AbortSignal): Promise<PartResult> {
      running += 1
      try {
        const detail = await check(signal)
        return { status: 'ready', required, time, ...(detail && { detail }) }
      } catch (error) {
        return { status: 'degraded', required, time, reason: reasonOf(error) }
      } finally {
        running -= 1
      }
    }

    function tell(result: PartResult): PartResult {
      const before = entry.last?.status
      entry.last = result
      if (result.status === 'degraded' && before !== 'degraded')
        log.error('a part does not work', { part: name, required, reason: result.reason })
      if (result.status === 'ready' && before === 'degraded') log.info('a part works again', { part: name })
      return result
    }

    const entry = {
      last: undefined as PartResult | undefined,
      ask(): Promise<PartResult> {
        const nowMs = clock.nowMs()
        const isFresh = asked !== undefined && Math.abs(nowMs - asked.atMs) < everyMs
        // A part that hangs is not asked again before it has answered: checks do not pile up.
        if (asked !== undefined && (isFresh || running > 0)) return asked.result
        asked = { atMs: nowMs, result: run() }
        return asked.result
      },
    }
    probes.set(name, entry)
  }

  return {
    metrics,
    probe,
    show(name, read) {
      assert(!members.has(name) && members.size < partsMax, `the member ${name}`)
      members.set(name, read)
    },
    tell(name, value) {
      assert(!told.has(name) && told.size < partsMax, `the member ${name}`)
      told.set(name, value)
    },
    liveness() {
      const shown = [...members].map(([name, read]) => [name, read()] as const)
      const worst = Math.max(0, ...shown.map(([, { level }]) => levels.indexOf(level ?? 'ok')))
      const nowMs = clock.nowMs()
      return {
        status: levels[worst] as Level,
        component,
        version,
        time: new Date(nowMs).toISOString(),
        uptime_ms: nowMs - startedMs,
        ...Object.fromEntries([...told].map(([name, value]) => [name, typeof value === 'string' ? value : value()])),
        ...Object.fromEntries(shown),
      }
    },
    async readiness() {
      const asked = [...probes].map(async ([name, entry]) => [name, await entry.ask()] as const)
      const parts = Object.fromEntries(await Promise.all(asked))
      const failing = Object.values(parts).filter(({ status }) => status === 'degraded')
      const serves = !failing.some(({ required }) => required)
      return { status: failing.length === 0 ? 'ready' : 'degraded', serves, parts }
    },
  }
}

const reasonOf = (error: unknown) => messageOf(error).slice(0, reasonCharsMax)

function addProcessMetrics(metrics: Metrics, component: string, version: string, startedMs: number): void {
  metrics.gauge({ name: 'sealwatch_build_info', help: 'The running program', labels: ['component', 'version'] }, () => [
    [[component, version], 1],
  ])
  metrics.gauge({ name: 'process_start_time_seconds', help: 'Unix time of the start' }, () => startedMs / 1000)
  metrics.gauge({ name: 'process_resident_memory_bytes', help: 'Memory in use' }, () => process.memoryUsage.rss())
  metrics.counter({ name: 'process_cpu_seconds_total', help: 'User and system time' }, () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1e6
  })
}
