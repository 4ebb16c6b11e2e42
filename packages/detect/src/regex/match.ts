// SPDX-License-Identifier: Apache-2.0

import { ruleLimits } from '../limits.ts'
import { type RegexBudget, type Spend, spendingFrom } from './budget.ts'
import { type Automaton, deterministic, type State } from './deterministic.ts'
import { literalsOf } from './literals.ts'
import { membership } from './membership.ts'
import { type CharSet, type Node, parseRegex, type RegexFlags, RegexSyntaxError } from './parse.ts'

export type Regex = {
  readonly matches: (text: string) => boolean
  /** The lower case of every text that matches has one of these in it. */
  readonly literals: readonly string[]
}

/**
 * Does the expression match anywhere in a text? All alternatives advance together through the text (Thompson, 1968),
 * so a text of n characters costs at most n times the number of states, whatever the expression: events are hostile
 * input, and a backtracking engine can be stopped with the right kilobyte. `budget`: `matches` throws RegexStepsError beyond it.
 */
export function compileRegex(source: string, flags: RegexFlags, budget?: RegexBudget): Regex {
  const parsed = parseRegex(source, flags)
  const automaton = automatonOf(parsed.node, parsed.flags, budget)
  const spend = spendingFrom(budget)
  const [remembered, eachTime] = [deterministic(automaton, spend), matcherOf(automaton, spend)]
  return { matches: (text) => remembered(text) ?? eachTime(text), literals: literalsOf(parsed.node) }
}

function automatonOf(root: Node, flags: RegexFlags, budget: RegexBudget | undefined): Automaton {
  const states: State[] = [{ kind: 'match' }]
  const holds = assertions(flags.multiline)
  const statesMax = Math.min(ruleLimits.regexStatesMax, budget?.states ?? Number.POSITIVE_INFINITY)
  const members = new Map<CharSet, ReturnType<typeof membership>>()
  let nodes = 0

  const membersOf = (set: CharSet) => {
    const known = members.get(set) ?? membership(set, flags.ignoreCase)
    members.set(set, known)
    return known
  }

  const put = (state: State): number => states.push(state) - 1

  /** The state from which `node` and then `next` is read. */
  const before = (next: number, node: Node): number => {
    nodes += 1
    if (nodes > statesMax)
      throw new RegexSyntaxError(
        `more than ${statesMax} states${budget ? ', which are left for it' : ''}; lower the counts in {n,m}`,
      )
    switch (node.kind) {
      case 'chars':
        return put({ kind: 'chars', has: membersOf(node.set), next })
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
  if (budget) budget.states -= nodes
  return { states, start }
}

/** States that read a character: in a list, and by state the position in the text at which it was last come by. */
type Reached = { readonly list: number[]; readonly visited: Int32Array }

/** Keeps its scratch room between calls, for it runs often; it calls nobody who could call it. */
function matcherOf({ states, start }: Automaton, spend: Spend): (text: string) => boolean {
  const room = (): Reached => ({ list: [], visited: new Int32Array(states.length) })
  const rooms = [room(), room()] as const
  const open: number[] = []
  let steps = 0

  /** Adds what can be reached from a state without reading a character; true when the match is among it. */
  const reach = (from: number, text: string, at: number, { list, visited }: Reached): boolean => {
    open.push(from)
    for (let index = open.pop(); index !== undefined; index = open.pop()) {
      steps += 1
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
    steps = 0
    let [now, next] = rooms
    now.list.length = 0
    for (let at = 0; at <= text.length; at += 1) {
      // A match may begin anywhere, so the start joins at every character.
      if (reach(start, text, at, now)) return true
      if (at === text.length) return false
      const unit = text.charCodeAt(at)
      next.list.length = 0
      spend(steps + now.list.length)
      steps = 0
      for (const index of now.list) {
        const state = states[index] as Extract<State, { kind: 'chars' }>
        if (state.has(unit) && reach(state.next, text, at + 1, next)) return true
      }
      ;[now, next] = [next, now]
    }
    return false
  }
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
