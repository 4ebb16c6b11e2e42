// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { isOwnUser, ownUsers } from './own-users.ts'

test('POL-2 RIM-1 agent and sensor take the same users for those of our programs', () => {
  const header = readFileSync(new URL('../../sensor/maps.h', import.meta.url), 'utf8')
  const bound = (name: string) => Number(new RegExp(`^#define POLICY_SPARED_${name} (\\d+)`, 'm').exec(header)?.[1])
  assert.deepEqual(ownUsers, { first: bound('FIRST'), last: bound('LAST') })
  const around = [ownUsers.first - 1, ownUsers.first, ownUsers.last, ownUsers.last + 1]
  assert.deepEqual(around.map(isOwnUser), [false, true, true, false])
})
