// SPDX-License-Identifier: Apache-2.0

import type { Side } from '@sealwatch/contract'
import { isPersonal } from '@sealwatch/contract'

import { isView, type Scalar, viewed } from './views.ts'

export type { Scalar }

/**
 * One place of an event that rules look at. `*` in a path stands for every element of an array; a last step that begins with #
 * for what a value is otherwise known as (views.ts).
 */
export type Attribute = {
  readonly path: readonly string[]
  readonly slot: number
  readonly personal: boolean
  /** JSON pointer into the line; undefined where the path has a * or a view, which lead to several. */
  readonly pointer: string | undefined
  /** Whose values these are views of. */
  readonly of: Attribute | undefined
}

/** Hands out one slot for each distinct path, so that an event is read once for all rules. */
export type AttributeTable = {
  attribute(path: readonly string[]): Attribute
  /** All that were asked for, in the order of their slots. */
  readonly all: readonly Attribute[]
}

export function createAttributeTable(): AttributeTable {
  const known = new Map<string, Attribute>()
  const attribute = (path: readonly string[]): Attribute => {
    const key = path.join('/')
    const of = isView(path.at(-1)) ? attribute(path.slice(0, -1)) : undefined
    const pointer = of === undefined && !path.includes('*') ? `/event/${key}` : undefined
    const found = known.get(key) ?? { path, slot: known.size, personal: isPersonal(path), pointer, of }
    known.set(key, found)
    return found
  }
  return {
    attribute,
    get all() {
      return [...known.values()]
    },
  }
}

export type Found = {
  /** JSON pointer into the line. */
  readonly pointer: string
  /** As the line has it: of a personal value, the commitment. */
  readonly sealed: Scalar
  readonly text: string
  readonly lower: string
}

/** What an event has at an attribute; null members count as absent. */
export type Reading = (attribute: Attribute) => readonly Found[]

export function readingOf(event: object, side: Side): Reading {
  const slots: (readonly Found[])[] = []
  return (attribute) => {
    slots[attribute.slot] ??= find(event, attribute, side, 0)
    return slots[attribute.slot] as readonly Found[]
  }
}

/** `value`: what the event has at the first `steps` members of the path, before any `*`. */
export function find(value: unknown, attribute: Attribute, side: Side, steps: number): readonly Found[] {
  const { path, personal, pointer } = attribute
  const at = (pointer: string, value: Scalar) => foundAt(pointer, value, personal ? side[pointer]?.value : undefined)
  if (pointer !== undefined) {
    let inner = value
    for (let depth = steps; depth < path.length && inner !== undefined; depth += 1)
      inner = memberOf(inner, path[depth] as string)
    return isScalar(inner) ? [at(pointer, inner)] : nothing
  }
  const found: Found[] = []
  const visit = (value: unknown, depth: number, pointer: string): void => {
    const step = path[depth]
    if (step === undefined) {
      if (isScalar(value)) found.push(at(pointer, value))
    } else if (isView(step)) {
      for (const seen of isScalar(value) ? viewed(step, value) : []) found.push(foundAt(pointer, seen, undefined))
    } else if (step === '*') {
      for (const [index, inner] of Array.isArray(value) ? value.entries() : [])
        visit(inner, depth + 1, `${pointer}/${index}`)
    } else {
      const inner = memberOf(value, step)
      if (inner !== undefined) visit(inner, depth + 1, `${pointer}/${step}`)
    }
  }
  visit(value, steps, ['/event', ...path.slice(0, steps)].join('/'))
  return found
}

const nothing: readonly Found[] = []

function memberOf(value: unknown, name: string): unknown {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value) && Object.hasOwn(value, name)
  return isObject ? (value as Readonly<Record<string, unknown>>)[name] : undefined
}

function foundAt(pointer: string, sealed: Scalar, opened: string | undefined): Found {
  const text = opened ?? String(sealed)
  return { pointer, sealed, text, lower: text.toLowerCase() }
}

function isScalar(value: unknown): value is Scalar {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
}
