// SPDX-License-Identifier: Apache-2.0

import type { Clock, Log } from '@sealwatch/base'
import { type Health, type Level, levels } from '@sealwatch/base/health'
import type { QueueLimits } from './journal/journal.ts'
import type { ShedTally } from './journal/shed-tally.ts'

/** AGT-5: events and heads that the server does not have, of all chains. */
export const queueThresholds = { warning: 500, critical: 2_000 } as const
/** A level is left when the depth has fallen to so much of its threshold: at the edge nothing flutters. */
const easedTo = 0.8

/** The level for a depth, after `before`: above a threshold it begins. */
export function queueLevelAt(depth: number, before: Level): Level {
  const isAbove = (level: 'warning' | 'critical') =>
    depth > queueThresholds[level] * (levels.indexOf(before) >= levels.indexOf(level) ? easedTo : 1)
  return isAbove('critical') ? 'critical' : isAbove('warning') ? 'warning' : 'ok'
}

/** Of one chain: what waits to be sealed, and what is sealed and not acknowledged by the server. */
export type QueueOfChain = { readonly tenant: string; readonly toSeal: number; readonly toAcknowledge: number }

const everyMs = 1_000
const shedToldEveryMs = 60_000

/** Shows how much waits on this host: on /healthz as `queue_depth`, as metrics, and in the log when its level changes. */
export function watchQueue(options: {
  readonly health: Health
  readonly chains: () => readonly QueueOfChain[]
  readonly tally: ShedTally
  readonly limits: Pick<QueueLimits, 'maxQueueDepth'>
  readonly clock: Clock
  readonly log: Log
}): { look(): void; watch(signal: AbortSignal): Promise<void> } {
  const { health, chains, tally, limits, clock, log } = options
  let level: Level = 'ok'
  let told = { shed: 0, atMs: Number.NEGATIVE_INFINITY }

  const depthNow = () => {
    const sum = (count: (chain: QueueOfChain) => number) => chains().reduce((total, chain) => total + count(chain), 0)
    const [toSeal, toAcknowledge] = [sum((chain) => chain.toSeal), sum((chain) => chain.toAcknowledge)]
    return { depth: toSeal + toAcknowledge, to_seal: toSeal, to_acknowledge: toAcknowledge }
  }

  function judge(): Level {
    const before = level
    const now = depthNow()
    level = queueLevelAt(now.depth, before)
    if (level === before) return level
    const fields = { ...now, runbook: 'docs/runbooks/agent-queue.md' }
    if (level === 'critical') log.critical('events pile up on this host', fields)
    else if (level === 'warning' && before === 'ok') log.warn('events wait on this host', fields)
    else log.info('fewer events wait on this host', fields)
    return level
  }

  function look(): void {
    judge()
    if (tally.total === told.shed || clock.nowMs() - told.atMs < shedToldEveryMs) return
    log.warn('informational events were shed', {
      events: tally.total - told.shed,
      since_start: tally.total,
      runbook: 'docs/runbooks/agent-queue.md',
    })
    told = { shed: tally.total, atMs: clock.nowMs() }
  }

  health.show('queue_depth', () => ({
    level: judge(),
    ...depthNow(),
    max_queue_depth: limits.maxQueueDepth,
    shed: tally.total,
    shed_by: tally.totals.map(({ kind, site, count }) => ({ event_code: kind, site, events: count })),
  }))
  const { metrics } = health
  const perChain = (read: (chain: QueueOfChain) => number) => () =>
    chains().map((chain) => [[chain.tenant], read(chain)] as const)
  const labels = ['tenant']
  metrics.gauge(
    { name: 'sealwatch_agent_queue_to_seal', help: 'Events that wait to be sealed', labels },
    perChain(({ toSeal }) => toSeal),
  )
  metrics.gauge(
    { name: 'sealwatch_agent_queue_to_acknowledge', help: 'Lines sealed and not acknowledged by the server', labels },
    perChain(({ toAcknowledge }) => toAcknowledge),
  )
  metrics.gauge({ name: 'sealwatch_agent_queue_depth', help: 'Both, of all chains' }, () => depthNow().depth)
  metrics.counter(
    { name: 'sealwatch_agent_events_shed_total', help: 'Left out before sealing', labels: ['event_code', 'site'] },
    () => tally.totals.map(({ kind, site, count }) => [[kind, site], count] as const),
  )

  return {
    look,
    watch: async (signal) => {
      while (!signal.aborted) {
        look()
        await clock.sleep(everyMs, signal)
      }
    },
  }
}
