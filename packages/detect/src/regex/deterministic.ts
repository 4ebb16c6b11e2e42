// SPDX-License-Identifier: Apache-2.0

import { ruleLimits } from '../limits.ts'
import type { Spend } from './budget.ts'

/** A state of the automaton; `next` and `ways` are indexes of states. An assertion looks at what stands on either side, and no farther. */
export type State =
  | { readonly kind: 'chars'; readonly has: (unit: number) => boolean; readonly next: number }
  | { readonly kind: 'assert'; readonly holds: (text: string, at: number) => boolean; readonly next: number }
  | { readonly kind: 'fork'; readonly ways: readonly number[] }
  | { readonly kind: 'match' }
export type Automaton = { readonly states: readonly State[]; readonly start: number }

const [asciiEnd, textEnd, width] = [0x80, 0x80, 0x81]
const [unknown, matched, unmatched, undecided] = [0, -1, -2, -3]

/** What stands before that an assertion can tell apart, by a text of that kind. */
const before = { start: '', break: '\n', word: 'a', other: ' ' } as const
type Before = keyof typeof before

/** Which states are alive before a character; `to`: by ASCII character, and at the end, which row comes next. */
type Row = { readonly before: Before; readonly alive: readonly number[]; readonly to: Int8Array }

/**
 * The same answer with one look into a table for each character: which states are alive together is found out the first time
 * (Cox, 2007). Undefined for texts that are not ASCII, and where there are more such sets than are kept.
 */
export function deterministic({ states, start }: Automaton, spend: Spend): (text: string) => boolean | undefined {
  const rows: Row[] = []
  const byKey = new Map<string, number>()

  const rowOf = (kind: Before, alive: readonly number[]): number => {
    const key = `${kind} ${alive.join()}`
    const known = byKey.get(key)
    if (known !== undefined) return known
    if (rows.length >= ruleLimits.regexRowsMax) return undecided
    byKey.set(key, rows.length)
    return rows.push({ before: kind, alive, to: new Int8Array(width) }) - 1
  }

  /** Rows are written down one higher, for 0 is unknown, and in a byte each. */
  const step = ({ before: kind, alive, to }: Row, unit: number): number => {
    const behind = unit === textEnd ? '' : String.fromCharCode(unit)
    // More than what is alive are reached, and each of them is looked at once.
    spend(states.length)
    const reading = closure(states, alive, before[kind] + behind, before[kind].length)
    if (reading === undefined) to[unit] = matched
    else if (unit === textEnd) to[unit] = unmatched
    else {
      const next = new Set([start])
      for (const state of reading) if (state.has(unit)) next.add(state.next)
      const row = rowOf(
        kindOf(unit),
        [...next].sort((one, other) => one - other),
      )
      to[unit] = row === undecided ? undecided : row + 1
    }
    return to[unit] as number
  }

  rowOf('start', [start])
  return (text) => {
    spend(text.length)
    let row = rows[0] as Row
    for (let at = 0; at < text.length; at += 1) {
      const unit = text.charCodeAt(at)
      if (unit >= asciiEnd) return undefined
      const known = row.to[unit] as number
      const next = known === unknown ? step(row, unit) : known
      if (next === matched) return true
      if (next === undecided) return undefined
      row = rows[next - 1] as Row
    }
    const known = row.to[textEnd] as number
    return (known === unknown ? step(row, textEnd) : known) === matched
  }
}

type Reading = Extract<State, { kind: 'chars' }>

/** What reads a character, of all that is reached without reading one; undefined: a match is. */
function closure(
  states: readonly State[],
  from: readonly number[],
  text: string,
  at: number,
): readonly Reading[] | undefined {
  const reading: Reading[] = []
  const open = [...from]
  const seen = new Set<number>()
  for (let index = open.pop(); index !== undefined; index = open.pop()) {
    if (seen.has(index)) continue
    seen.add(index)
    const state = states[index] as State
    if (state.kind === 'match') return undefined
    if (state.kind === 'chars') reading.push(state)
    else if (state.kind === 'fork') open.push(...state.ways)
    else if (state.holds(text, at)) open.push(state.next)
  }
  return reading
}

function kindOf(unit: number): Before {
  if (unit === 0x0a || unit === 0x0d) return 'break'
  return /\w/.test(String.fromCharCode(unit)) ? 'word' : 'other'
}
