// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { likenessOf } from './alike.ts'
import { typeUidOf } from './classes.ts'

type Change = { rule?: string; uid?: string; type_uid?: number; host?: string; severity_id?: number; pid?: number }

function finding({
  rule = 'r1',
  uid = 'boot:1:inc_0123456789abcdef',
  type_uid,
  host = 'h',
  severity_id = 4,
  pid = 7,
}: Change = {}) {
  return {
    ...{ class_uid: 2004, activity_id: 1, severity_id, device: { uid: host } },
    actor: { process: { uid: `${pid}:1` } },
    evidences: [{ process: { uid: '9:1' } }],
    finding_info: {
      analytic: { uid: rule },
      related_events: [{ uid, type_uid: type_uid ?? typeUidOf('finding', 'create') }],
    },
  }
}

test('RIM-2 alerts of one incident of a host are one, whatever rule fired and however grave it became; nothing else is', () => {
  const one = likenessOf(finding())
  const graver = { rule: 'r2', severity_id: 5, pid: 8, type_uid: typeUidOf('finding', 'update') }
  assert.equal(likenessOf(finding({ ...graver, uid: 'boot:2:inc_0123456789abcdef' })), one)
  const others: Change[] = [
    { uid: 'boot:1:inc_fedcba9876543210' },
    { host: 'other' },
    { uid: 'boot:1:inc_0123456789abcdef:kill:failed' },
    { type_uid: 100_701 },
  ]
  for (const other of others) assert.notEqual(likenessOf(finding(other)), one, JSON.stringify(other))
  assert.equal(likenessOf({ class_uid: 1007 }), undefined)
})

test('DET-3 attacks of one kind upon one route are one alert, whatever their scores; those upon another route are another', () => {
  const threat = (score: number, route?: string) =>
    likenessOf({
      ...{
        class_uid: 2004,
        activity_id: 1,
        severity_id: 5,
        message: `An attack: sql injection, score ${score} of 100`,
      },
      finding_info: { analytic: { uid: 'request_threat' } },
      evidences: [{ data: { score, ...(route !== undefined && { route }) } }],
    })
  assert.equal(threat(99, '/search'), threat(97, '/search'))
  assert.equal(threat(99), threat(97))
  assert.equal(new Set([threat(99, '/search'), threat(99, '/login'), threat(99)]).size, 3)
})
