// SPDX-License-Identifier: Apache-2.0

import type { ByteSet } from './bytes.ts'
import { type Assertion, type Node, RegexSyntaxError } from './syntax.ts'

/** An instruction of the automaton; `next`, `first` and `second` are indexes of instructions, `first` is preferred. */
export type Instruction =
  | { readonly op: 'byte'; readonly set: ByteSet; readonly next: number }
  | { readonly op: 'fork'; first: number; second: number }
  | { readonly op: 'assert'; readonly what: Assertion; readonly next: number }
  | { readonly op: 'save'; readonly slot: number; readonly next: number }
  | { readonly op: 'match' }

export type Program = { readonly code: readonly Instruction[]; readonly start: number; readonly asserts: boolean }

export const instructionsMax = 60_000

/** Built from its end: each part knows what follows it. `saves`: whether groups are kept. */
export function programOf(root: Node, saves: boolean): Program {
  const code: Instruction[] = [{ op: 'match' }]
  let asserts = false

  const put = (instruction: Instruction): number => {
    if (code.length >= instructionsMax)
      throw new RegexSyntaxError(`more than ${instructionsMax} instructions; lower the counts in {n,m}`)
    return code.push(instruction) - 1
  }

  const before = (next: number, node: Node): number => {
    switch (node.kind) {
      case 'set':
        return put({ op: 'byte', set: node.set, next })
      case 'assert':
        asserts = true
        return put({ op: 'assert', what: node.what, next })
      case 'sequence':
        return node.nodes.reduceRight(before, next)
      case 'choice':
        return node.nodes
          .map((way) => before(next, way))
          .reduceRight((second, first) => put({ op: 'fork', first, second }))
      case 'group': {
        if (!saves) return before(next, node.node)
        const end = put({ op: 'save', slot: 2 * node.index + 1, next })
        return put({ op: 'save', slot: 2 * node.index, next: before(end, node.node) })
      }
      case 'repeat':
        return beforeRepeat(next, node)
      case 'look':
      case 'again':
        throw new RegexSyntaxError('look-around and back-references, which no automaton decides')
    }
  }

  const beforeRepeat = (next: number, { node, min, max, lazy }: Extract<Node, { kind: 'repeat' }>): number => {
    let start = next
    const optional = (inner: (next: number) => number) => {
      const fork: Extract<Instruction, { op: 'fork' }> = { op: 'fork', first: next, second: next }
      const at = put(fork)
      const body = inner(at)
      if (lazy) fork.second = body
      else fork.first = body
      return at
    }
    if (max === Number.POSITIVE_INFINITY) start = optional((loop) => before(loop, node))
    else
      for (let count = min; count < max; count += 1) {
        const following = start
        start = optional(() => before(following, node))
      }
    for (let count = 0; count < min; count += 1) start = before(start, node)
    return start
  }

  const start = before(0, root)
  return { code, start, asserts }
}
