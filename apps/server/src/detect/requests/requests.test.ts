// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLog, systemClock } from '@sealwatch/base'
import { createHealth } from '@sealwatch/base/health'
import { createBehaviour } from '@sealwatch/detect/behaviour'
import { openRequestModel, openRequestRules } from '@sealwatch/detect/open-judge'
import { createRequests } from './requests.ts'

const log = createLog('test', () => undefined, systemClock.nowMs)
const requestRules = openRequestRules()
/** Nothing is judged here, so nothing is recorded. */
const unused = undefined as never

function shown(modelFolder?: string, rules: Partial<typeof requestRules> = {}): Record<string, unknown> {
  const requests = createRequests({
    requestRules: { ...requestRules, ...rules },
    requestModel: openRequestModel(modelFolder),
    reputation: undefined,
    habits: { ...createBehaviour({ seed: [1, 2, 3, 4], usersMax: 1, tenantsMax: 1 }), learn: unused, lost: undefined },
    settings: unused,
    exceptions: unused,
    scores: unused,
    verdicts: unused,
    store: unused,
    outbox: unused,
    voice: unused,
    clock: systemClock,
    log,
  })
  const health = createHealth({ component: 'test', version: '1', clock: systemClock, log })
  requests.addHealth(health)
  return (health.liveness() as { requests: Record<string, unknown> }).requests
}

test('DET-1 /healthz names the model that judges requests', () => {
  const { level, model, without_model, absent } = shown()
  assert.match(String(model), /^[0-9a-f]{64}$/)
  assert.deepEqual([level, without_model, absent], ['ok', null, ['reputation']])
})

test('DET-1 /healthz warns where requests are judged without a model, and says why', () => {
  const { level, model, without_model, absent } = shown('/nonexistent')
  assert.match(String(without_model), /^MODEL_UNREADABLE .*ENOENT/)
  assert.deepEqual([level, model, absent], ['warning', null, ['model', 'reputation']])
})

test('DET-1 /healthz warns of a rule that is wrong, and tells of one that is not run for it asks another service', () => {
  const one = { file: 'a.conf', line: 3, id: 910100, reason: 'the operator @geoLookup' }
  const told = ({ level, not_run, wrong, wrong_first }: Record<string, unknown>) => [level, not_run, wrong, wrong_first]
  assert.deepEqual(told(shown(undefined, { notRun: [one] })), ['ok', 1, 0, []])
  assert.deepEqual(told(shown(undefined, { problems: [{ ...one, reason: 'the operator @rxx' }] })), [
    ...['warning', 0, 1],
    ['a.conf:3: the operator @rxx'],
  ])
})
