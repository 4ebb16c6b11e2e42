// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ErrorTable, errorsOf } from '@sealwatch/base'
import { accessErrors, gateErrors, signInErrors } from '../../access/index.ts'
import { identityErrors } from '../../identity/index.ts'
import { policyErrors } from '../../policies/index.ts'
import { tenantErrors } from '../../tenants/index.ts'
import { apiErrors } from '../errors.ts'
import { Explained, httpErrors, problemOf, retryAfterOf } from './problems.ts'

const tables: readonly ErrorTable[] = [
  accessErrors,
  gateErrors,
  signInErrors,
  identityErrors,
  policyErrors,
  tenantErrors,
  apiErrors,
  httpErrors,
]
const all = tables.flatMap((table) =>
  Object.keys(table).map((code) => ({
    code,
    error: errorsOf(table)(code, { attempted: 'a planted attempt', received: 'a planted value', advice: 'planted' }),
  })),
)

test('DET-5: whoever is denied hears one of the safe messages and a request id, whatever denied it', () => {
  const safe = [
    'Invalid credentials',
    'Access denied',
    'Request blocked for security reasons',
    'Action violates security policy',
    'Security incident being handled',
  ]
  const denied = all.flatMap(({ code, error }) =>
    [error, new Explained(error, { current: 'planted' })].map((one) => ({ code, problem: problemOf(one, 'req_1') })),
  )
  const found = denied.filter(({ problem }) => problem.status === 401 || problem.status === 403)
  assert.ok(found.length > 20)
  for (const { code, problem } of found) {
    assert.ok(safe.includes(problem.title), `${code}: ${problem.title}`)
    assert.deepEqual(Object.keys(problem).sort(), ['code', 'request_id', 'status', 'title', 'type'], code)
    assert.ok(!JSON.stringify(problem).includes('planted'), code)
  }
  for (const problem of [problemOf(new Error('planted'), 'req_1'), problemOf('planted', 'req_1')])
    assert.deepEqual([problem.title, JSON.stringify(problem).includes('planted')], ['Internal error', false])
})

test('root hears why it is denied, and what to do; of our own faults it does not', () => {
  const error = errorsOf(gateErrors)('ACCESS_DENIED', { attempted: 'asking', advice: 'planted' })
  const { rule, advice, status } = problemOf(error, 'req_1', undefined, true)
  assert.deepEqual([rule, advice, status], [gateErrors.ACCESS_DENIED.rule, 'planted', 403])
  assert.equal(problemOf(new Error('planted'), 'req_1', undefined, true).rule, undefined)
})

test('with every 429 comes how long to wait, and with nothing else', () => {
  for (const { code, error } of all) {
    const problem = problemOf(error, 'req_1')
    assert.deepEqual(retryAfterOf(error, problem), problem.status === 429 ? { 'retry-after': '60' } : {}, code)
  }
  const rate = (waitMs: number) => {
    const error = errorsOf(httpErrors)('RATE_EXCEEDED', { attempted: 'asking', waitMs })
    return retryAfterOf(error, problemOf(error, 'req_1'))['retry-after']
  }
  assert.deepEqual([0.2, 1, 1_000, 1_001, 61_000].map(rate), ['1', '1', '1', '2', '61'])
})
