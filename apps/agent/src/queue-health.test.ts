// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLog, systemClock } from '@sealwatch/base'
import { createHealth } from '@sealwatch/base/health'
import { createShedTally } from './journal/shed-tally.ts'
import { queueLevelAt, watchQueue } from './queue-health.ts'

test('AGT-5: warning above 500, critical above 2,000, and back only when it has eased', () => {
  for (const [depth, before, level] of [
    [500, 'ok', 'ok'],
    [501, 'ok', 'warning'],
    [401, 'warning', 'warning'],
    [400, 'warning', 'ok'],
    [2_000, 'warning', 'warning'],
    [2_001, 'ok', 'critical'],
    [1_601, 'critical', 'critical'],
    [1_600, 'critical', 'warning'],
    [0, 'critical', 'ok'],
  ] as const)
    assert.equal(queueLevelAt(depth, before), level, `${depth} after ${before}`)
})

test('AGT-5: what waits is on /healthz and in the metrics, and each change is told once; so is what was shed', () => {
  const told: string[] = []
  let ms = 0
  const clock = { ...systemClock, nowMs: () => ms }
  const log = createLog(
    'test',
    (line) => {
      const { level, msg, events = '' } = JSON.parse(line) as Record<string, string>
      told.push(`${level}: ${msg} ${events}`.trim())
    },
    clock.nowMs,
  )
  const health = createHealth({ component: 'test', version: '1', clock, log })
  const tally = createShedTally()
  const chains = {
    own: { tenant: 'own', toSeal: 3, toAcknowledge: 4 },
    cluster: { tenant: 'cluster', toSeal: 0, toAcknowledge: 1 },
  }
  const queue = watchQueue({
    health,
    chains: () => Object.values(chains),
    tally,
    limits: { maxQueueDepth: 4_000 },
    clock,
    log,
  })
  const shown = () => health.liveness() as { status: string; queue_depth: object }
  const shed = (count: number) => {
    for (let i = 0; i < count; i += 1) tally.count({ kind: 'exit', site: 'exit', era: 'e', timeNs: 1n })
    queue.look()
  }

  queue.look()
  assert.deepEqual(shown().queue_depth, {
    ...{ level: 'ok', depth: 8, to_seal: 3, to_acknowledge: 5, max_queue_depth: 4_000, shed: 0, shed_by: [] },
  })
  chains.own.toAcknowledge = 600
  queue.look()
  chains.own.toSeal = 1_900
  assert.equal(shown().status, 'critical')
  shed(2)
  shed(5)
  ms += 60_000
  shed(0)
  const text = health.metrics.text()
  for (const line of [
    'sealwatch_agent_queue_depth 2501',
    'sealwatch_agent_queue_to_seal{tenant="own"} 1900',
    'sealwatch_agent_queue_to_acknowledge{tenant="own"} 600',
    'sealwatch_agent_events_shed_total{event_code="exit",site="exit"} 7',
  ])
    assert.ok(text.includes(line), line)
  Object.assign(chains.own, { toSeal: 0, toAcknowledge: 0 })
  queue.look()
  assert.deepEqual(told, [
    'warn: events wait on this host',
    'critical: events pile up on this host',
    'warn: informational events were shed 2',
    'warn: informational events were shed 5',
    'info: fewer events wait on this host',
  ])
})
