// SPDX-License-Identifier: Apache-2.0

/** Where one can be. The build serves the same page at each path; the program reads where it is. */
export type Place = {
  readonly path: string
  readonly name: string
  readonly icon: Icon
  /** The key that leads there, after `g`. */
  readonly key: string
  readonly group: Group
}
export type Icon = 'people' | 'roles' | 'key' | 'person'
export type Group = 'access' | 'own'

export const groups: Readonly<Record<Group, string>> = { access: 'Access', own: 'You' }

export const places = [
  { path: '/people', name: 'People', icon: 'people', key: 'p', group: 'access' },
  { path: '/roles', name: 'Roles', icon: 'roles', key: 'r', group: 'access' },
  { path: '/tokens', name: 'API tokens', icon: 'key', key: 'k', group: 'access' },
  { path: '/sessions', name: 'Sessions', icon: 'person', key: 's', group: 'own' },
] as const satisfies readonly Place[]

export type Path = (typeof places)[number]['path']

export const home: Path = '/people'
/** All that the page is served at. */
export const paths: readonly string[] = ['/', ...places.map(({ path }) => path)]
export const placeAt = (path: string): (typeof places)[number] | undefined =>
  places.find((place) => place.path === (path === '/' ? home : path))
export const leads: ReadonlyMap<string, string> = new Map(places.map(({ key, path }) => [key, path]))
