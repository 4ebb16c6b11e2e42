// SPDX-License-Identifier: Apache-2.0

import type { TestContext } from 'node:test'

const stacks = new WeakMap<TestContext, (() => unknown)[]>()

/** Like t.after, but the last thing begun is the first one ended. */
export function atEnd(t: TestContext, end: () => unknown): void {
  const stack = stacks.get(t)
  if (stack !== undefined) {
    stack.push(end)
    return
  }
  const ends = [end]
  stacks.set(t, ends)
  t.after(async () => {
    for (const next of ends.toReversed()) await next()
  })
}
