// SPDX-License-Identifier: Apache-2.0

/** Where one can be. The build serves the same page at each path; the program reads where it is. */
export type Place = {
  readonly path: string
  readonly name: string
  readonly icon: Icon
  /** The key that leads there, after `g`. */
  readonly key: string
  /** Of the group `cluster`: shown in the tenant of that name alone, whose matters they are. */
  readonly group: Group
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
export type Group = 'watch' | 'prove' | 'access' | 'cluster' | 'own'

export const groups: Readonly<Record<Group, string>> = {
  watch: 'Watch',
  prove: 'Prove',
  access: 'Access',
  cluster: 'Deployment',
  own: 'You',
}

export const places = [
  { path: '/live', name: 'Live', icon: 'live', key: 'l', group: 'watch' },
  { path: '/events', name: 'Events', icon: 'list', key: 'e', group: 'watch' },
  { path: '/hosts', name: 'Hosts', icon: 'host', key: 'h', group: 'watch' },
  { path: '/policies', name: 'Policies', icon: 'policy', key: 'o', group: 'watch' },
  { path: '/ledger', name: 'Ledger', icon: 'ledger', key: 'b', group: 'prove' },
  { path: '/audit', name: 'Audit', icon: 'audit', key: 'a', group: 'prove' },
  { path: '/people', name: 'People', icon: 'people', key: 'p', group: 'access' },
  { path: '/roles', name: 'Roles', icon: 'roles', key: 'r', group: 'access' },
  { path: '/tokens', name: 'API tokens', icon: 'key', key: 'k', group: 'access' },
  { path: '/tenants', name: 'Tenants', icon: 'tenants', key: 'n', group: 'cluster' },
  { path: '/sessions', name: 'Sessions', icon: 'person', key: 's', group: 'own' },
] as const satisfies readonly Place[]

export type Path = (typeof places)[number]['path']

export const home: Path = '/live'
/** All that the page is served at. */
export const paths: readonly string[] = ['/', ...places.map(({ path }) => path)]
export const placeAt = (path: string): (typeof places)[number] | undefined =>
  places.find((place) => place.path === (path === '/' ? home : path))
export const leads: ReadonlyMap<string, string> = new Map(places.map(({ key, path }) => [key, path]))

/** Those that lead somewhere in a tenant. */
export const placesIn = (tenant: string): readonly Place[] =>
  places.filter(({ group }) => group !== 'cluster' || tenant === 'cluster')
