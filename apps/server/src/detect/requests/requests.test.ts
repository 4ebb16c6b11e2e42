// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createLog, systemClock } from '@sealwatch/base'
import { createHealth } from '@sealwatch/base/health'
import { createBehaviour } from '@sealwatch/detect/behaviour'
import { openRequestModel } from '@sealwatch/detect/open-judge'
import { readRequestRules } from './request-rules.ts'
import { createRequests } from './requests.ts'

const log = createLog('test', () => undefined, systemClock.nowMs)
const requestRules = readRequestRules('')
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
  const dir = mkdtempSync(join(tmpdir(), 'sealwatch-rules-'))
  try {
    const own = join(dir, 'a.conf')
    writeFileSync(own, 'SecRule ARGS "@rx a" "id:1,phase:2"\n\nSecRule ARGS "@rxx a" "id:2,phase:2"\n')
    const why = `${own}:3: rule 2: the operator @rxx`
    assert.deepEqual(told(shown(undefined, readRequestRules(dir))), ['warning', 0, 1, [why]])
  } finally {
    rmSync(dir, { recursive: true })
  }
})

test('DET-1 without a folder of rules that is gone the basic rules judge alone, and /healthz warns of it', () => {
  const { level, rules, wrong, wrong_first } = shown(undefined, readRequestRules('/nonexistent/crs'))
  assert.deepEqual([level, rules, wrong], ['warning', requestRules.rules, 1])
  assert.match(String(wrong_first), /^\/nonexistent\/crs: .*ENOENT.*; the basic rules judge alone/)
})
