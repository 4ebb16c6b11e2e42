// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLog, systemClock } from '@sealwatch/base'
import { createHealth } from '@sealwatch/base/health'
import { addCertificateHealth } from './health.ts'

test('/healthz tells of a certificate that is not renewed, and is critical once one has ended', () => {
  let nowMs = Date.UTC(2026, 10, 21)
  const clock = { ...systemClock, nowMs: () => nowMs }
  const log = createLog('test', () => undefined, clock.nowMs)
  const health = createHealth({ component: 'test', version: '1', clock, log })
  const expiresAtMs = nowMs + 1_000
  let failure: { readonly sinceMs: number; readonly reason: string } | null = null
  addCertificateHealth(health, clock, () => ({ agents: { expiresAtMs, failure }, api: undefined }))
  const { status: before, certificates } = health.liveness() as Record<string, unknown>
  const good = { door: 'agents', expiresAt: '2026-11-21T00:00:01.000Z', failingSince: null, problem: null }
  assert.deepEqual([before, certificates], ['ok', { level: 'ok', doors: [good] }])
  failure = { sinceMs: nowMs, reason: 'no memory' }
  const doors = [{ ...good, failingSince: '2026-11-21T00:00:00.000Z', problem: 'no memory' }]
  const told = () => {
    const { status, certificates } = health.liveness() as Record<string, unknown>
    return [status, certificates]
  }
  assert.deepEqual(told(), ['warning', { level: 'warning', doors }])
  nowMs = expiresAtMs
  assert.deepEqual(told(), ['critical', { level: 'critical', doors }])
  assert.match(health.metrics.text(), /sealwatch_certificate_expiry_time_seconds\{door="agents"\} 1795219201/)
})
