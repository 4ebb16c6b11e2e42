// SPDX-License-Identifier: Apache-2.0

/** Where in an event people stand, and which members of such an object are personal (docs/formats/event.md, 6). */
const people = [
  'actor/user',
  'actor/process/user',
  'actor/process/parent_process/user',
  'process/user',
  'process/parent_process/user',
  'file/owner',
  'actor/process/file/owner',
  'process/file/owner',
  'evidences/*/process/user',
  'evidences/*/process/parent_process/user',
  'evidences/*/process/file/owner',
  'evidences/*/file/owner',
].map((path) => path.split('/'))
const personalMembers = ['name', 'full_name', 'display_name', 'email_addr']

export const commitmentForm = /^commit:[0-9a-f]{64}$/

/** The personal values of one line, beside it: JSON pointer into the line -> what its commitment commits to. */
export type Side = Readonly<Record<string, { readonly salt: string; readonly value: string }>>

/** JSON pointers (RFC 6901) into the line whose `event` is given: to be replaced by commitments there. */
export function personalPointers(event: object): readonly string[] {
  return people.flatMap((path) => pointersAt(event, path, '/event'))
}

/** Is the attribute at this path, e.g. ['actor', 'user', 'name'], of the class personal? */
export function isPersonal(path: readonly string[]): boolean {
  const [holder, member] = path.slice(-2)
  return (holder === 'user' || holder === 'owner') && personalMembers.includes(member ?? '')
}

type Holder = Readonly<Record<string, unknown>>

function pointersAt(value: unknown, path: readonly string[], pointer: string): readonly string[] {
  if (typeof value !== 'object' || value === null) return []
  const [step, ...rest] = path
  if (step === undefined)
    return personalMembers.flatMap((name) =>
      typeof (value as Holder)[name] === 'string' ? [`${pointer}/${name}`] : [],
    )
  if (step !== '*') return pointersAt((value as Holder)[step], rest, `${pointer}/${step}`)
  return Object.keys(value).flatMap((index) => pointersAt((value as Holder)[index], rest, `${pointer}/${index}`))
}
