// SPDX-License-Identifier: Apache-2.0

import { type ByteSet, union } from './bytes.ts'
import { holdsAt } from './captures.ts'
import { instructionSteps, type Meter } from './dfa.ts'
import type { Instruction, Program } from './program.ts'

/** From where to where a match goes. */
export type Span = readonly [from: number, to: number]

/**
 * Where the match lies that a backtracking engine would find, in linear time: all ways advance together, those that are preferred
 * first (Pike), each with the place where it began. Undefined when there is none from `from` on, or when the meter ran out.
 */
export function createSpans({ code, start }: Program) {
  // Kept between calls; what a mark says of one place is never said of another.
  const marks = new Int32Array(code.length)
  let mark = 0
  const begins = bytesThatBegin(code, start)
  let [now, next] = [newThreads(code.length), newThreads(code.length)]
  const open: number[] = []

  /** Adds what is reached from `seed` without reading, in order of preference. */
  const add = (threads: Threads, seed: number, begun: number, text: string, place: number): number => {
    let steps = 0
    open.push(seed)
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      if (marks[at] === mark) continue
      marks[at] = mark
      steps += instructionSteps
      const instruction = code[at] as Instruction
      if (instruction.op === 'fork') open.push(instruction.second, instruction.first)
      else if (instruction.op === 'byte' || instruction.op === 'match') {
        threads.at[threads.count] = at
        threads.begun[threads.count] = begun
        threads.count += 1
      } else if (instruction.op === 'save' || holdsAt(instruction.what, text, place)) open.push(instruction.next)
    }
    return steps
  }

  return (text: string, from: number, meter: Meter): Span | undefined => {
    let best: Span | undefined
    if (mark > 0x4000_0000) {
      marks.fill(0)
      mark = 0
    }
    now.count = 0
    mark += 1
    for (let place = from; place <= text.length && meter.steps >= 0; place += 1) {
      const unit = place < text.length ? text.charCodeAt(place) : -1
      // What leads here from the byte before bears the same mark, and is preferred.
      if (best === undefined && (begins === undefined || begins[unit] === 1))
        meter.steps -= add(now, start, place, text, place)
      if (now.count === 0 && best !== undefined) break
      mark += 1
      next.count = 0
      for (let i = 0; i < now.count; i += 1) {
        const instruction = code[now.at[i] as number] as Instruction
        const begun = now.begun[i] as number
        if (instruction.op === 'match') {
          // It cuts off the ways that are less preferred.
          best = [begun, place]
          break
        }
        if (instruction.op === 'byte' && unit >= 0 && instruction.set[unit] === 1)
          meter.steps -= add(next, instruction.next, begun, text, place + 1)
      }
      ;[now, next] = [next, now]
    }
    return meter.steps < 0 ? undefined : best
  }
}

/** Undefined where a match may be empty. */
function bytesThatBegin(code: readonly Instruction[], start: number): ByteSet | undefined {
  const sets: ByteSet[] = []
  const known = new Set([start])
  for (const at of known) {
    const instruction = code[at] as Instruction
    if (instruction.op === 'match') return undefined
    if (instruction.op === 'byte') sets.push(instruction.set)
    else if (instruction.op === 'fork') known.add(instruction.first).add(instruction.second)
    else known.add(instruction.next)
  }
  return union(...sets)
}

type Threads = { readonly at: Int32Array; readonly begun: Int32Array; count: number }

const newThreads = (count: number): Threads => ({ at: new Int32Array(count), begun: new Int32Array(count), count: 0 })
