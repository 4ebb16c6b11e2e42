// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { objectOf } from './entry.ts'
import { askedFor, nameOrNothing, verdictOf } from './verdict.ts'

const reason = { detector: 'rules', id: '942100', what: 'rule 942100: SQL injection', where: 'ARGS_GET:q', weight: 5.4 }
const event = {
  actor: { user: { uid: 'token:tok_1' } },
  message: 'An attack on a service: sql injection, score 97 of 100',
  metadata: { event_code: 'request_threat' },
  finding_info: {},
  evidences: [
    {
      data: {
        ...{ type: 'sql_injection', score: 97, confidence: 0.97, method: 'GET', route: '/search' },
        ...{ recommended_action: 'block', action: 'observe', reasons: [reason] },
      },
    },
  ],
}
const line = (told: unknown, source: 'server' | 'host' = 'server') =>
  ({ source, line: { chain: 'c', seq: 0, time: '', event: told } }) as Parameters<typeof verdictOf>[0]

test('DET-3 an alert of a request says of what kind, how sure, which route, what was done, who asked and why', () => {
  assert.deepEqual(verdictOf(line(event)), {
    ...{ kind: 'sql injection', score: 97, confidence: 0.97, method: 'GET', route: '/search' },
    ...{ worth: 'block', told: 'observe', by: 'token:tok_1', reasons: [{ ...reason, matched: undefined }] },
  })
  assert.equal(objectOf(line(event), 'An attack on a service: sql injection'), 'GET /search, score 97 of 100')
  assert.equal(askedFor({ ...event, metadata: {} }), undefined)
})

test('DET-3 what a host sealed, and what is of another form, is no verdict and stops none', () => {
  assert.equal(verdictOf(line(event, 'host')), undefined)
  assert.equal(verdictOf(line({ ...event, metadata: { event_code: 'finding' } })), undefined)
  fc.assert(
    fc.property(fc.jsonValue(), (data) => {
      const bent = verdictOf(line({ ...event, evidences: [{ data }] }))
      assert.ok(Array.isArray(bent?.reasons))
    }),
    { seed: 1, numRuns: 200 },
  )
})

test('DET-1 what is redacted, or a pattern to exceptions, is not put into one', () => {
  assert.deepEqual(['/search', '/a*', 'ARGS_GET:s…', undefined].map(nameOrNothing), ['/search', '', '', ''])
})
