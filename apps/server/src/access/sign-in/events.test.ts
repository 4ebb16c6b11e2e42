// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loginFailed } from './events.ts'

const device = { uid: 's', hostname: 's', type_id: 0, type: 'Unknown', os: { name: 'x', type_id: 200, type: 'x' } }

test('DET-5: a token that is not valid is told as one, with where it came from and how often', () => {
  const told = (cause: string, times: number) => {
    const matter = { personId: undefined, cause, source: '192.0.2.7', requestId: 'r', times }
    return (loginFailed({ device, version: '0' }, 1n, matter) as { event: { message: string } }).event.message
  }
  assert.equal(told('API_TOKEN_UNKNOWN', 1), 'an API token that is not valid was presented from 192.0.2.7')
  assert.equal(told('API_TOKEN_UNKNOWN', 29), 'an API token that is not valid was presented from 192.0.2.7, 29 times')
  assert.equal(told('LOGIN_FOREIGN', 2), 'somebody could not sign in (LOGIN_FOREIGN), 2 times')
})
