// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { usageOf } from '../help.ts'
import { hostRevoke } from './host.ts'
import { groupsNamed, hostConfigAssign } from './host-config.ts'

test('a host is taken out of all groups by none, and by nothing between quotes', () => {
  assert.deepEqual(['none', '', ' ', 'base, web'].map(groupsNamed), [[], [], [], ['base', 'web']])
})

test('the usage of a command shows the options without which it does nothing', () => {
  assert.equal(usageOf(hostConfigAssign), 'host config assign HOST GROUPS --cause TEXT [OPTIONS]')
  assert.equal(usageOf(hostRevoke), 'host revoke HOST --cause TEXT [OPTIONS]')
})
