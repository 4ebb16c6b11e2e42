// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { policyStandingsMax } from '@sealwatch/contract'
import { policiesOf } from './in-force.ts'
import { standingsOf } from './standing.ts'

const device = { uid: 'a'.repeat(32), hostname: 'web-1' }
const told = (id: string, document: object) => ({
  id,
  version: 3,
  digest: '',
  document: JSON.stringify({
    ...{ type: 'network', name: id, enabled: true, mode: 'enforce', default: 'allow', rules: [] },
    ...document,
  }),
})

test('POL-2 of each policy is told by which means it is followed, and why not by the one that it asks for', () => {
  const inForce = policiesOf(
    {
      policies: [
        told('ports', {}),
        told('watched', { mode: 'observe' }),
        told('databases', { hosts: ['db-*'] }),
        told('webs', { hosts: ['web-?'] }),
        told('mine', { hosts: [device.uid] }),
        told('newer', { teleport: true }),
      ],
    },
    device,
  )
  assert.deepEqual(
    inForce.policies.map(({ id }) => id),
    ['ports', 'watched', 'webs', 'mine'],
  )
  const rows = standingsOf(inForce, ({ id }) => (id === 'webs' ? 'no_room' : undefined)).map(
    ({ policy, version, means, hindrance }) => [policy, version, means, hindrance],
  )
  assert.deepEqual(rows, [
    ['webs', 3, 'told', 'no_room'],
    ['newer', 3, 'none', 'strange'],
    ['ports', 3, 'kernel', ''],
    ['watched', 3, 'told', ''],
    ['mine', 3, 'kernel', ''],
    ['databases', 3, 'none', 'other_hosts'],
  ])
})

test('POL-2 of more policies than there is room to tell, those are told that are not followed as they ask', () => {
  const many = Array.from({ length: policyStandingsMax + 9 }, (_, at) => told(`p${at}`, {}))
  const last = `p${policyStandingsMax + 8}`
  const standings = standingsOf(policiesOf({ policies: many }, device), ({ id }) =>
    id === last ? 'not_attached' : undefined,
  )
  assert.deepEqual([standings.length, standings[0]?.policy], [policyStandingsMax, last])
})
