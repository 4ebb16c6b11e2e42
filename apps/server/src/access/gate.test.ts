// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Action, actionNames, actions, grantableActions, standingRoles } from './actions.ts'
import { type CustomRole, faultsIn } from './cedar.ts'
import { createGate, type Denial } from './gate.ts'
import type { Principal } from './principal.ts'

const person = (id: string): Principal => ({ kind: 'person', id, session: 's' })
const machine = (tenant: string, may: readonly string[]): Principal => ({
  kind: 'machine',
  id: 'tok_1',
  tenant,
  actions: may,
})

function gateOf(options: {
  roles?: Record<string, string[]>
  custom?: Record<string, CustomRole[]>
  state?: Record<string, 'active' | 'suspended'>
}) {
  const { roles = {}, custom = {}, state = { cluster: 'active', acme: 'active', zeta: 'active' } } = options
  const denials: Denial[] = []
  const gate = createGate({
    rolesOf: ({ id }, tenant) => roles[`${id} ${tenant}`] ?? [],
    customRolesOf: (tenant) => custom[tenant] ?? [],
    stateOf: (tenant) => state[tenant],
    onDenied: (denial) => denials.push(denial),
  })
  return { gate, denials, roles, custom, state }
}

test('POL-3: each standing role may in its tenant what the table says, and nothing anywhere else', () => {
  const roles = Object.fromEntries(standingRoles.map((role) => [`${role} acme`, [role]]))
  const { gate } = gateOf({ roles })
  for (const role of standingRoles) {
    for (const action of actionNames) {
      const { of, roles: may } = actions[action]
      const isDue = of === 'tenant' && role !== 'cluster_admin' && (may as readonly string[]).includes(role)
      assert.equal(gate.mayDo(person(role), action, 'acme'), isDue, `${role} ${action} in acme`)
      for (const tenant of ['zeta', 'cluster', 'nowhere']) assert.equal(gate.mayDo(person(role), action, tenant), false)
    }
  }
})

test('POL-3: a cluster admin is one in the tenant cluster, and reads no other tenant', () => {
  const { gate } = gateOf({ roles: { 'usr_a cluster': ['cluster_admin'] } })
  assert.ok(gate.mayDo(person('usr_a'), 'tenant:create', 'cluster'))
  assert.ok(gate.mayDo(person('usr_a'), 'member:grant', 'cluster'))
  assert.ok(!gate.mayDo(person('usr_a'), 'break-glass:open', 'cluster'))
  for (const action of actionNames) assert.ok(!gate.mayDo(person('usr_a'), action, 'acme'), action)
})

test("a deployment's matter is none of a tenant, whoever asks", () => {
  const { gate } = gateOf({ roles: { 'usr_a acme': [...standingRoles] } })
  for (const name of actionNames.filter((action) => actions[action].of === 'deployment')) {
    assert.ok(!gate.mayDo(person('usr_a'), name, 'acme'), name)
    assert.ok(!gate.mayDo({ kind: 'operator', id: 'root' }, name, 'acme'), name)
    assert.ok(gate.mayDo({ kind: 'operator', id: 'root' }, name, 'cluster'), name)
  }
})

test('a token does what it was made for, in its tenant', () => {
  const { gate } = gateOf({ roles: { 'tok_1 acme': ['tenant_admin'] } })
  const token = machine('acme', ['alert:list', 'tenant:create', 'agent:report'])
  assert.deepEqual(
    actionNames.filter((action) => gate.mayDo(token, action, 'acme')),
    ['alert:list'],
  )
  for (const tenant of ['zeta', 'cluster'])
    for (const action of actionNames) assert.ok(!gate.mayDo(token, action, tenant), `${action} in ${tenant}`)
})

test('a host reports to its tenant and to the cluster, and does nothing else', () => {
  const { gate } = gateOf({})
  const agent: Principal = { kind: 'agent', id: 'h1', tenant: 'acme' }
  for (const action of actionNames) {
    assert.equal(gate.mayDo(agent, action, 'acme'), action === 'agent:report')
    assert.equal(gate.mayDo(agent, action, 'zeta'), false)
  }
  assert.ok(gate.mayDo(agent, 'agent:report', 'cluster'))
  // The same question, of a host of another tenant.
  const other: Principal = { kind: 'agent', id: 'h2', tenant: 'zeta' }
  assert.deepEqual(
    [gate.mayDo(other, 'agent:report', 'acme'), gate.mayDo(other, 'agent:report', 'zeta')],
    [false, true],
  )
})

test('a service brings rows to its tenant, and does nothing else', () => {
  const { gate, state } = gateOf({})
  const service: Principal = { kind: 'service', id: 'crt_1', tenant: 'acme', service: 'billing' }
  for (const action of actionNames) {
    assert.equal(gate.mayDo(service, action, 'acme'), action === 'rows:write')
    for (const tenant of ['zeta', 'cluster']) assert.equal(gate.mayDo(service, action, tenant), false)
  }
  state.acme = 'suspended'
  gate.changed('acme')
  assert.equal(gate.mayDo(service, 'rows:write', 'acme'), false)
})

test('a custom role is its actions, of its tenant, and a change of it counts at once', () => {
  const custom: Record<string, CustomRole[]> = {
    acme: [{ name: 'oncall', actions: ['alert:list', 'tenant:erase' as Action] }],
  }
  const { gate } = gateOf({ roles: { 'usr_a acme': ['custom/oncall'], 'usr_a zeta': ['custom/oncall'] }, custom })
  assert.deepEqual(
    actionNames.filter((action) => gate.mayDo(person('usr_a'), action, 'acme')),
    ['alert:list'],
  )
  assert.ok(!gate.mayDo(person('usr_a'), 'alert:list', 'zeta'))
  custom.acme = [{ name: 'oncall', actions: ['host:list'] }]
  gate.changed('acme')
  assert.deepEqual(
    actionNames.filter((action) => gate.mayDo(person('usr_a'), action, 'acme')),
    ['host:list'],
  )
})

test('in a suspended tenant nobody acts but root, and its hosts stay in touch; an unknown one has nobody', () => {
  const { gate, state } = gateOf({ roles: { 'usr_a acme': ['tenant_admin'] } })
  assert.ok(gate.mayDo(person('usr_a'), 'alert:list', 'acme'))
  state.acme = 'suspended'
  gate.changed('acme')
  assert.ok(!gate.mayDo(person('usr_a'), 'alert:list', 'acme'))
  assert.ok(gate.mayDo({ kind: 'operator', id: 'root' }, 'alert:list', 'acme'))
  assert.ok(gate.mayDo({ kind: 'agent', id: 'h1', tenant: 'acme' }, 'agent:report', 'acme'))
  assert.ok(!gate.mayDo({ kind: 'operator', id: 'root' }, 'alert:list', 'nowhere'))
  assert.ok(!gate.mayDo({ kind: 'agent', id: 'h1', tenant: 'nowhere' }, 'agent:report', 'nowhere'))
})

test('POL-1: a denial is thrown, and told', () => {
  const { gate, denials } = gateOf({})
  const at = { tenant: 'acme', requestId: 'req_1' }
  assert.throws(() => gate.authorise(person('usr_a'), 'alert:list', at), { code: 'ACCESS_DENIED', kind: 'denied' })
  assert.deepEqual(denials, [{ principal: person('usr_a'), action: 'alert:list', ...at }])
})

test('Cedar finds nothing wrong with the policies of any tenant', () => {
  for (const tenant of ['cluster', 'acme'])
    assert.deepEqual(faultsIn(tenant, [{ name: 'all', actions: grantableActions }]), [])
})
