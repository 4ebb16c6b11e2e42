// SPDX-License-Identifier: Apache-2.0

import { isWordByte } from './bytes.ts'
import { instructionSteps, type Meter } from './dfa.ts'
import type { Instruction, Program } from './program.ts'
import type { Assertion } from './syntax.ts'

/** Where each group begins and ends, -1 where it took no part: group n at 2n and 2n + 1, the whole match first. */
export type Captures = number[]

/** What an instruction costs on one of many ways, each of which has groups of its own. */
const threadSteps = 3 * instructionSteps

type Threads = { readonly at: number[]; readonly kept: Captures[] }

/**
 * The groups of the match that a backtracking engine would find at a place, in linear time: all ways advance together, those that are
 * preferred first (Pike). Undefined when there is none, or when the meter ran out.
 */
export function createCaptures({ code, start }: Program, groups: number) {
  // Kept between calls; what a mark says of one call is never said of another.
  const marks = new Int32Array(code.length)
  let mark = 0
  return (text: string, from: number, meter: Meter): Captures | undefined => {
    if (mark > 0x7000_0000) {
      marks.fill(0)
      mark = 0
    }
    const base = mark + 1 - from
    mark = base + text.length + 1
    return capturesIn({ code, start, slots: 2 * (groups + 1), marks, base }, text, from, meter)
  }
}

type Search = {
  readonly code: readonly Instruction[]
  readonly start: number
  readonly slots: number
  readonly marks: Int32Array
  readonly base: number
}

function capturesIn(
  { code, start, slots, marks, base }: Search,
  text: string,
  from: number,
  meter: Meter,
): Captures | undefined {
  let now: Threads = { at: [], kept: [] }
  let next: Threads = { at: [], kept: [] }
  let best: Captures | undefined
  let end = from

  const openAt: number[] = []
  const openKept: Captures[] = []
  const open = (at: number, kept: Captures): void => {
    openAt.push(at)
    openKept.push(kept)
  }

  /** Adds what is reached from `seed` without reading, in order of preference. */
  const add = (threads: Threads, seed: number, seedKept: Captures, position: number): void => {
    open(seed, seedKept)
    for (let at = openAt.pop(); at !== undefined; at = openAt.pop()) {
      const kept = openKept.pop() as Captures
      if (marks[at] === base + position) continue
      marks[at] = base + position
      meter.steps -= threadSteps
      const instruction = code[at] as Instruction
      if (instruction.op === 'fork') {
        open(instruction.second, kept)
        open(instruction.first, kept)
      } else if (instruction.op === 'save') {
        const changed = kept.slice()
        changed[instruction.slot] = position
        open(instruction.next, changed)
      } else if (instruction.op === 'assert') {
        if (holdsAt(instruction.what, text, position)) open(instruction.next, kept)
      } else {
        threads.at.push(at)
        threads.kept.push(kept)
      }
    }
  }

  /** Reads one byte on all ways; a way that matched cuts off those that are less preferred. */
  const advance = (position: number): void => {
    const unit = position < text.length ? text.charCodeAt(position) : -1
    for (let i = 0; i < now.at.length; i += 1) {
      const instruction = code[now.at[i] as number] as Instruction
      const kept = now.kept[i] as Captures
      if (instruction.op === 'match') {
        best = kept
        end = position
        return
      }
      if (instruction.op === 'byte' && unit >= 0 && instruction.set[unit] === 1)
        add(next, instruction.next, kept, position + 1)
    }
  }

  const begun = new Array<number>(slots).fill(-1)
  begun[0] = from
  add(now, start, begun, from)
  for (let position = from; position <= text.length && now.at.length > 0 && meter.steps >= 0; position += 1) {
    next.at.length = 0
    next.kept.length = 0
    advance(position)
    ;[now, next] = [next, now]
  }
  if (meter.steps < 0 || best === undefined) return undefined
  const found = best.slice()
  found[1] = end
  return found
}

export function holdsAt(what: Assertion, text: string, at: number): boolean {
  switch (what) {
    case 'text-start':
      return at === 0
    case 'text-end':
      return at === text.length
    case 'line-start':
      return at === 0 || (text.charCodeAt(at - 1) === 0x0a && at < text.length)
    case 'line-end':
      return at === text.length || text.charCodeAt(at) === 0x0a
    case 'boundary':
      return isWord(text, at - 1) !== isWord(text, at)
    case 'no-boundary':
      return isWord(text, at - 1) === isWord(text, at)
  }
}

const isWord = (text: string, at: number) => at >= 0 && at < text.length && isWordByte(text.charCodeAt(at))
