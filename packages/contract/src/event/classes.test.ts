// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { capabilities, capabilitiesIn } from './capabilities.ts'
import { classify, typeUidOf } from './classes.ts'

test('type_uid is class_uid * 100 + activity_id', () => {
  assert.equal(typeUidOf('file', 'open'), 100_114)
  assert.deepEqual(classify('memory', 'read'), {
    activity_id: 7,
    activity_name: 'Read',
    category_uid: 1,
    category_name: 'System Activity',
    class_uid: 1004,
    class_name: 'Memory Activity',
    type_uid: 100_407,
    type_name: 'Memory Activity: Read',
  })
})

test('an activity OCSF does not know is named by us and typed as Other', () => {
  const { activity_id, activity_name, type_uid, type_name } = classify('log', 'gap')
  assert.deepEqual([activity_id, activity_name, type_uid, type_name], [99, 'Gap', 100_899, 'Event Log Activity: Other'])
})

test('every capability has a bit of its own', () => {
  const bits = Object.values(capabilities)
  assert.equal(new Set(bits).size, bits.length)
  assert.deepEqual(capabilitiesIn(capabilities.actorImage | capabilities.arguments), ['actorImage', 'arguments'])
})
