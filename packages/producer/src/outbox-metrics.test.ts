// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { createOutboxMetrics } from './outbox-metrics.ts'

const hasPromtool = spawnSync('promtool', ['--version']).status === 0

test('ING-6 ING-7 a service shows how long its oldest row waits, once there is something to tell', () => {
  const metrics = createOutboxMetrics()
  assert.doesNotMatch(metrics.text(), /^sealwatch_outbox_oldest_seconds/m, 'what nobody knows is not 0')
  const sent = { admitted: 10, duplicate: 1, quarantined: 2, parked: 0 }
  const depth = { rows: 7, oldestSeconds: 301.5, parkedSubmissions: 1, parkedRows: 3 }
  metrics.take({ ...depth, sent, failures: 4, leading: true })
  const text = metrics.text()
  for (const line of [
    'sealwatch_outbox_rows 7',
    'sealwatch_outbox_oldest_seconds 301.5',
    'sealwatch_outbox_parked_rows 3',
    'sealwatch_outbox_failures 4',
    'sealwatch_outbox_leading 1',
    'sealwatch_outbox_sent_rows_total{outcome="quarantined"} 2',
  ])
    assert.ok(text.split('\n').includes(line), line)
  if (!hasPromtool) return
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' })
  assert.equal(status, 0, `${stdout}${stderr}`)
})
