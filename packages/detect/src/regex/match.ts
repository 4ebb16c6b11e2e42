// SPDX-License-Identifier: Apache-2.0

import { ruleLimits } from '../limits.ts'
import { type Automaton, deterministic, type State } from './deterministic.ts'
import { literalsOf } from './literals.ts'
import { type CharSet, type Node, parseRegex, type RegexFlags, RegexSyntaxError } from './parse.ts'

export type Regex = {
  readonly matches: (text: string) => boolean
  /** The lower case of every text that matches has one of these in it. */
  readonly literals: readonly string[]
}

/**
 * Does the expression match anywhere in a text? All alternatives advance together through the text (Thompson, 1968),
 * so a text of n characters costs at most n times the number of states, whatever the expression: events are hostile
 * input, and a backtracking engine can be stopped with the right kilobyte.
 */
export function compileRegex(source: string, flags: RegexFlags): Regex {
  const parsed = parseRegex(source, flags)
  const automaton = automatonOf(parsed.node, parsed.flags)
  const [remembered, eachTime] = [deterministic(automaton), matcherOf(automaton)]
  return { matches: (text) => remembered(text) ?? eachTime(text), literals: literalsOf(parsed.node) }
}

function automatonOf(root: Node, flags: RegexFlags): Automaton {
  const states: State[] = [{ kind: 'match' }]
  const holds = assertions(flags.multiline)
  let nodes = 0

  const put = (state: State): number => states.push(state) - 1

  /** The state from which `node` and then `next` is read. */
  const before = (next: number, node: Node): number => {
    nodes += 1
    if (nodes > ruleLimits.regexStatesMax)
      throw new RegexSyntaxError(`more than ${ruleLimits.regexStatesMax} states; lower the counts in {n,m}`)
    switch (node.kind) {
      case 'chars':
        return put({ kind: 'chars', has: membership(node.set, flags.ignoreCase), next })
      case 'assert':
        return put({ kind: 'assert', holds: holds[node.what], next })
      case 'sequence':
        return node.nodes.reduceRight(before, next)
      case 'choice':
        return put({ kind: 'fork', ways: node.nodes.map((inner) => before(next, inner)) })
      case 'repeat':
        return beforeRepeat(next, node)
    }
  }

  const beforeRepeat = (next: number, { node, min, max }: Extract<Node, { kind: 'repeat' }>): number => {
    let start = next
    if (max === Number.POSITIVE_INFINITY) {
      const ways = [next]
      start = put({ kind: 'fork', ways })
      ways.push(before(start, node))
    } else
      for (let count = min; count < max; count += 1) start = put({ kind: 'fork', ways: [next, before(start, node)] })
    for (let count = 0; count < min; count += 1) start = before(start, node)
    return start
  }

  const start = before(0, root)
  return { states, start }
}

/** States that read a character: in a list, and by state the position in the text at which it was last come by. */
type Reached = { readonly list: number[]; readonly visited: Int32Array }

/** Keeps its scratch room between calls, for it runs often; it calls nobody who could call it. */
function matcherOf({ states, start }: Automaton): (text: string) => boolean {
  const room = (): Reached => ({ list: [], visited: new Int32Array(states.length) })
  const rooms = [room(), room()] as const
  const open: number[] = []

  /** Adds what can be reached from a state without reading a character; true when the match is among it. */
  const reach = (from: number, text: string, at: number, { list, visited }: Reached): boolean => {
    open.push(from)
    for (let index = open.pop(); index !== undefined; index = open.pop()) {
      if (visited[index] === at) continue
      visited[index] = at
      const state = states[index] as State
      if (state.kind === 'chars') list.push(index)
      else if (state.kind === 'fork') open.push(...state.ways)
      else if (state.kind === 'assert') {
        if (state.holds(text, at)) open.push(state.next)
      } else {
        open.length = 0
        return true
      }
    }
    return false
  }

  return (text) => {
    for (const { visited } of rooms) visited.fill(-1)
    let [now, next] = rooms
    now.list.length = 0
    for (let at = 0; at <= text.length; at += 1) {
      // A match may begin anywhere, so the start joins at every character.
      if (reach(start, text, at, now)) return true
      if (at === text.length) return false
      const unit = text.charCodeAt(at)
      next.list.length = 0
      for (const index of now.list) {
        const state = states[index] as Extract<State, { kind: 'chars' }>
        if (state.has(unit) && reach(state.next, text, at + 1, next)) return true
      }
      ;[now, next] = [next, now]
    }
    return false
  }
}

function membership({ negated, ranges }: CharSet, ignoreCase: boolean): (unit: number) => boolean {
  const within = (unit: number) => ranges.some(([low, high]) => unit >= low && unit <= high)
  const folded = (unit: number) => within(unit) || within(otherCase(unit))
  const has = (unit: number) => (ignoreCase ? folded(unit) : within(unit)) !== negated
  const ascii = Uint8Array.from({ length: 128 }, (_, unit) => Number(has(unit)))
  return (unit) => (unit < 128 ? ascii[unit] === 1 : has(unit))
}

/** As ECMAScript has it: what is not ASCII is never the other case of what is. */
function otherCase(unit: number): number {
  const char = String.fromCharCode(unit)
  const lower = char.toLowerCase()
  const other = lower === char ? char.toUpperCase() : lower
  return other.length === 1 && other.charCodeAt(0) < 0x80 === unit < 0x80 ? other.charCodeAt(0) : unit
}

function assertions(multiline: boolean) {
  const isBreak = (unit: number) => unit === 0x0a || unit === 0x0d || unit === 0x2028 || unit === 0x2029
  const isWord = (unit: number) => /\w/.test(String.fromCharCode(unit))
  const boundary = (text: string, at: number) => {
    const before = at > 0 && isWord(text.charCodeAt(at - 1))
    return before !== (at < text.length && isWord(text.charCodeAt(at)))
  }
  return {
    start: (text: string, at: number) => at === 0 || (multiline && isBreak(text.charCodeAt(at - 1))),
    end: (text: string, at: number) => at === text.length || (multiline && isBreak(text.charCodeAt(at))),
    boundary,
    no_boundary: (text: string, at: number) => !boundary(text, at),
  }
}
