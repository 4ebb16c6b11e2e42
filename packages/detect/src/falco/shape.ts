// SPDX-License-Identifier: Apache-2.0

import { nearest } from '@sealwatch/contract/nearest'
import { falcoLimits, ruleLimits } from '../limits.ts'
import type { Fault, Path } from '../sigma/source.ts'

/** A mapping of a rule file, and where it stands. Its scalars are texts, as they are written. */
export type Shape = {
  readonly members: Readonly<Record<string, unknown>>
  readonly at: Path
  readonly fault: Fault
}

/** Throws SealwatchError, as do all here: for another form, and for what looks like a slip of the pen. */
export function shapeOf(value: unknown, at: Path, known: readonly string[], fault: Fault): Shape {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw fault('FALCO_SHAPE', at, { received: value, advice: `Write members: ${known.join(', ')}` })
  const members = value as Shape['members']
  const count = Object.keys(members).length
  if (count > falcoLimits.membersMax)
    throw fault('RULE_TOO_MANY', at, { received: `${count} of ${falcoLimits.membersMax} members` })
  for (const name of Object.keys(members)) {
    const meant = known.includes(name) ? undefined : nearest(name, known)
    if (meant) throw fault('FALCO_SHAPE', [...at, name], { received: name, advice: `Write ${meant}` })
  }
  return { members, at, fault }
}

export const has = ({ members }: Shape, name: string): boolean =>
  Object.hasOwn(members, name) && members[name] !== null && members[name] !== ''

export function wrong({ members, at, fault }: Shape, name: string, advice: string): Error {
  return fault('FALCO_SHAPE', name in members ? [...at, name] : at, { received: members[name], advice })
}

export function textIn(shape: Shape, name: string): string {
  const text = shape.members[name]
  if (typeof text === 'string' && text.trim() !== '') return text.trim()
  throw wrong(shape, name, `Add ${name}, as text`)
}

export function flagIn(shape: Shape, name: string): boolean {
  const text = textIn(shape, name).toLowerCase()
  if (text === 'true' || text === 'false') return text === 'true'
  throw wrong(shape, name, 'Write true or false')
}

export function textsIn(shape: Shape, name: string): readonly string[] {
  const list = shape.members[name]
  if (isTexts(list)) return list
  throw wrong(shape, name, `Write ${name} as a list of texts`)
}

export function listIn(shape: Shape, name: string): readonly unknown[] {
  const list = shape.members[name]
  if (!Array.isArray(list)) throw wrong(shape, name, `Write ${name} as a list`)
  if (list.length <= ruleLimits.valuesMax) return list
  throw shape.fault('RULE_TOO_MANY', [...shape.at, name], { received: `${list.length} of ${ruleLimits.valuesMax}` })
}

export function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}
