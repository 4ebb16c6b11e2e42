// SPDX-License-Identifier: Apache-2.0

import { comparePaths, type Facts, type Row } from './row.ts'

export type Difference =
  | { readonly what: 'added'; readonly path: Buffer; readonly after: Facts }
  | { readonly what: 'removed'; readonly path: Buffer; readonly before: Facts }
  | {
      readonly what: 'changed'
      readonly path: Buffer
      readonly facts: readonly (keyof Facts)[]
      readonly before: Facts
      readonly after: Facts
    }

/** Two walks in one order, side by side; neither is kept. */
export async function* differences(
  before: AsyncIterable<Row>,
  after: AsyncIterable<Row>,
  ignored: ReadonlySet<keyof Facts>,
): AsyncGenerator<Difference> {
  const befores = before[Symbol.asyncIterator]()
  const afters = after[Symbol.asyncIterator]()
  try {
    let one = await befores.next()
    let other = await afters.next()
    while (!one.done || !other.done) {
      const order = one.done ? 1 : other.done ? -1 : comparePaths(one.value.path, other.value.path)
      const difference = between(order > 0 ? undefined : one.value, order < 0 ? undefined : other.value, ignored)
      if (difference !== undefined) yield difference
      if (order <= 0) one = await befores.next()
      if (order >= 0) other = await afters.next()
    }
  } finally {
    // Where one of them fails, the other is not left as it stands.
    await Promise.all([befores.return?.(), afters.return?.()])
  }
}

function between(before: Row | undefined, after: Row | undefined, ignored: ReadonlySet<keyof Facts>) {
  if (before === undefined) return after && ({ what: 'added', path: after.path, after: after.facts } as const)
  if (after === undefined) return { what: 'removed', path: before.path, before: before.facts } as const
  const facts = changed(before.facts, after.facts).filter((fact) => !ignored.has(fact))
  if (facts.length === 0) return undefined
  return { what: 'changed', path: after.path, facts, before: before.facts, after: after.facts } as const
}

function changed(before: Facts, after: Facts): (keyof Facts)[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]) as ReadonlySet<keyof Facts>
  return [...names].filter((name) => before[name] !== after[name])
}
