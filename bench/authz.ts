// SPDX-License-Identifier: Apache-2.0

import { isAuthorized } from '@cedar-policy/cedar-wasm/nodejs'
import { createGate, grantableActions, type Principal } from '../apps/server/src/access/index.ts'
import { compareAll, type Figure } from './figure.ts'

const tenantsCount = 1_000
const customRolesCount = 500
const people = 2_000
const cachedAsks = 400_000
const uncachedAsks = 4_000

const tenantName = (i: number) => `tenant-${i % tenantsCount}`
const person = (i: number): Principal => ({ kind: 'person', id: `usr_${i}`, session: 's' })

/** Decisions of the gate over a thousand tenants of whom half have a role of their own. */
export async function* benchAuthz(runs = 5): AsyncGenerator<Figure> {
  const custom = (tenant: string) =>
    Number(tenant.slice('tenant-'.length)) < customRolesCount
      ? [{ name: 'oncall', actions: ['alert:list', 'event:list'] as const }]
      : []
  const gate = createGate({
    rolesOf: ({ id }) => (Number(id.slice(4)) % 2 === 0 ? ['viewer'] : ['custom/oncall']),
    customRolesOf: custom,
    stateOf: () => 'active',
    onDenied: () => undefined,
  })
  const ask = (who: number, tenant: number) =>
    gate.mayDo(person(who), grantableActions[who % grantableActions.length] ?? 'alert:list', tenantName(tenant))
  for (let i = 0; i < Math.max(people, tenantsCount); i += 1) ask(i, i)

  const known = new Map(Array.from({ length: people }, (_, i) => [`${i} ${tenantName(i)}`, i % 2 === 0]))
  let fresh = people
  yield* compareAll({
    name: 'authz.cached',
    unit: 'decisions/s',
    runs,
    ours: async () => {
      for (let i = 0; i < cachedAsks; i += 1) ask(i % people, i % people)
      return cachedAsks
    },
    peers: [
      {
        name: 'a Map of strings',
        work: async () => {
          for (let i = 0; i < cachedAsks; i += 1) known.get(`${i % people} ${tenantName(i)}`)
          return cachedAsks
        },
      },
    ],
  })
  const text = `permit (principal in Sealwatch::Role::"t/viewer", action in [${grantableActions
    .map((name) => `Sealwatch::Action::"${name}"`)
    .join(', ')}], resource == Sealwatch::Tenant::"t");`
  yield* compareAll({
    name: 'authz.uncached',
    unit: 'decisions/s',
    runs,
    ours: async () => {
      for (let i = 0; i < uncachedAsks; i += 1) ask(fresh++, i)
      return uncachedAsks
    },
    peers: [
      {
        name: 'Cedar with one policy, parsed at each question',
        work: async () => {
          for (let i = 0; i < uncachedAsks; i += 1) askCedar(text, fresh++)
          return uncachedAsks
        },
      },
    ],
  })
}

function askCedar(text: string, who: number): void {
  const principal = { type: 'Sealwatch::Person', id: `usr_${who}` }
  const resource = { type: 'Sealwatch::Tenant', id: 't' }
  isAuthorized({
    principal,
    action: { type: 'Sealwatch::Action', id: 'alert:list' },
    resource,
    context: {},
    policies: { staticPolicies: { viewer: text } },
    entities: [
      { uid: principal, attrs: {}, parents: [{ type: 'Sealwatch::Role', id: 't/viewer' }] },
      { uid: resource, attrs: {}, parents: [] },
    ],
  })
}
