// SPDX-License-Identifier: Apache-2.0

import type { Operations } from '@sealwatch/contract/api'

type Action = Operations['getSession']['answer']['actions'][number]

/** Where one can be. The build serves the same page at each path; the program reads where it is. */
export type Place = {
  readonly path: string
  readonly name: string
  readonly icon: Icon
  /** The key that leads there, after `g`. */
  readonly key: string
  readonly group: Group
  /** Without which there is nothing to be seen there. */
  readonly needs?: Action
}
export type Icon =
  | 'live'
  | 'list'
  | 'host'
  | 'policy'
  | 'tenants'
  | 'ledger'
  | 'audit'
  | 'people'
  | 'roles'
  | 'key'
  | 'person'
  | 'accounts'
  | 'warn'
  | 'incident'
  | 'quarantine'
  | 'bell'
export type Group = 'watch' | 'prove' | 'access' | 'cluster' | 'own'

export const groups: Readonly<Record<Group, string>> = {
  watch: 'Watch',
  prove: 'Prove',
  access: 'Access',
  cluster: 'Deployment',
  own: 'You',
}

export const places = [
  { path: '/live', name: 'Live', icon: 'live', key: 'l', group: 'watch', needs: 'alert:list' },
  { path: '/incidents', name: 'Incidents', icon: 'incident', key: 'i', group: 'watch', needs: 'incident:read' },
  { path: '/events', name: 'Events', icon: 'list', key: 'e', group: 'watch', needs: 'event:list' },
  { path: '/hosts', name: 'Hosts', icon: 'host', key: 'h', group: 'watch', needs: 'host:list' },
  { path: '/policies', name: 'Policies', icon: 'policy', key: 'o', group: 'watch', needs: 'policy:read' },
  { path: '/requests', name: 'Requests', icon: 'warn', key: 'w', group: 'watch', needs: 'threat:read' },
  {
    path: '/notifications',
    name: 'Notifications',
    icon: 'bell',
    key: 'm',
    group: 'watch',
    needs: 'notification:read',
  },
  { path: '/quarantine', name: 'Quarantine', icon: 'quarantine', key: 'q', group: 'watch', needs: 'quarantine:read' },
  { path: '/ledger', name: 'Ledger', icon: 'ledger', key: 'b', group: 'prove', needs: 'ledger:read' },
  { path: '/audit', name: 'Audit', icon: 'audit', key: 'a', group: 'prove', needs: 'audit:list' },
  { path: '/people', name: 'People', icon: 'people', key: 'p', group: 'access', needs: 'member:list' },
  { path: '/roles', name: 'Roles', icon: 'roles', key: 'r', group: 'access', needs: 'role:list' },
  { path: '/tokens', name: 'API tokens', icon: 'key', key: 'k', group: 'access', needs: 'token:list' },
  { path: '/tenants', name: 'Tenants', icon: 'tenants', key: 'n', group: 'cluster', needs: 'tenant:list' },
  { path: '/accounts', name: 'Accounts', icon: 'accounts', key: 'c', group: 'cluster', needs: 'person:list' },
  { path: '/break-glass', name: 'Break-glass', icon: 'warn', key: 'x', group: 'cluster', needs: 'deployment:read' },
  { path: '/sessions', name: 'Sessions', icon: 'person', key: 's', group: 'own' },
] as const satisfies readonly Place[]

export type Path = (typeof places)[number]['path']

/** All that the page is served at. */
export const paths: readonly string[] = ['/', ...places.map(({ path }) => path)]
export const placeAt = (path: string): (typeof places)[number] | undefined =>
  places.find((place) => place.path === path)

/** Those where whoever may these things has something to see: the first is where they begin. */
export const placesFor = (actions: readonly Action[]): readonly (typeof places)[number][] =>
  places.filter((place: Place) => place.needs === undefined || actions.includes(place.needs))
