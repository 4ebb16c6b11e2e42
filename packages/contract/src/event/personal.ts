// SPDX-License-Identifier: Apache-2.0

import { classOf, pointersOf, valueAt } from './fields.ts'

export const commitmentForm = /^commit:[0-9a-f]{64}$/

/** The personal values of one line, beside it: JSON pointer into the line -> what its commitment commits to. */
export type Side = Readonly<Record<string, { readonly salt: string; readonly value: string }>>

/** JSON pointers (RFC 6901) into the line whose `event` is given: to be replaced by commitments there. */
export const personalPointers = (event: object): readonly string[] => pointersOf('personal', event, '/event')

/** Is the attribute at this path, e.g. ['actor', 'user', 'name'], of the class personal? */
export const isPersonal = (path: readonly string[]): boolean => classOf(path) === 'personal'

/**
 * Whose a value beside a line is, within its tenant: `name:<account name>` where the line's side tells the name, else
 * `uid:<device>/<user id>`, else `line`: nobody's who could be named, erased with the line's own key. One person is
 * one subject on every host where the account has the same name (docs/formats/line.md, 4.5).
 */
export function subjectOf(line: object, side: Side, pointer: string): string {
  const holder = pointer.slice(0, pointer.lastIndexOf('/'))
  const name = Object.hasOwn(side, `${holder}/name`) ? side[`${holder}/name`]?.value : undefined
  if (name !== undefined) return `name:${name}`
  const uid = valueAt(line, `${holder}/uid`)
  const device = valueAt(line, '/event/device/uid')
  return typeof uid === 'string' && typeof device === 'string' ? `uid:${device}/${uid}` : 'line'
}
