// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { counted } from './sensor-state.ts'

test('the counts of a site are of one moment, the last at which the sensor told them', () => {
  const rows = (sent: string, sealed: string) =>
    counted([], { sites: { exec: ['13300', '2', sent, sealed, '0'] } }).map((site) => [site.sent, site.sealed])
  assert.deepEqual(rows('13298', '13300'), [['13298', '13298']])
  assert.deepEqual(rows('13298', '13290'), [['13298', '13290']], 'frames that were lost are seen')
  assert.deepEqual(rows('99999999999999999998', '99999999999999999999'), [
    ['99999999999999999998', '99999999999999999998'],
  ])
  assert.deepEqual(rows('x', '3'), [[null, '3']])
})
