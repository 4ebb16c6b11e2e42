// SPDX-License-Identifier: Apache-2.0

import { type ByteSet, isWordByte } from './bytes.ts'
import type { Instruction, Program } from './program.ts'
import { type Assertion, regexLimits } from './syntax.ts'

/**
 * What evaluation may still cost: whoever runs expressions over hostile text hands one over for all of them. A step is a
 * nanosecond or two: a byte that is read where the way is known, which whoever hands over the text counts.
 */
export type Meter = {
  steps: number
  /** Texts that an expression was not decided for. */
  missed?: number
}

/** Of finding out a way: what each instruction costs that is looked at. */
export const instructionSteps = 12

/** States are made as texts ask for them; when there is no more room, all are forgotten and made anew. */
const { dfaCellsMax, dfaPlacesMax } = regexLimits

/** What stood before: the text's beginning, a line feed, a word byte, another byte. */
const [atStart, afterLine, afterWord, afterOther] = [0, 1, 2, 3]
const starts = 4
const [unknown, matched] = [0, 1]
const firstState = 2

export type Scan = {
  /** Whether there is a match; undefined when the meter ran out before that was known. */
  test(text: string, meter: Meter): boolean | undefined
  /** No match begins before this place. */
  startIn(text: string, meter: Meter): number
}

/**
 * A deterministic automaton that is made while it runs (Thompson, 1968; Cox, 2010): a byte costs one look into a table,
 * or, the first time, as many steps as the expression has places. Its room is bounded, and so are its steps.
 */
export function createDfa(program: Program): Scan {
  const { code, asserts } = program
  const classes = classesOf(program)
  const width = classes.count + 1
  const end = classes.count
  const statesMax = Math.max(starts + 2, Math.floor(dfaCellsMax / width))
  let table = new Uint16Array(0)
  let states: State[] = []
  let byKey = new Map<string, number>()
  let ids = 0
  const startSteps: (Step | undefined)[] = []
  const marks = new Int32Array(code.length)
  let mark = 0
  const open: number[] = []

  /** Where reading a byte of a class leads from the instructions in `seeds`. */
  const stepFrom = (seeds: ArrayLike<number>, kind: number, cls: number, meter: Meter): Step => {
    const next: number[] = []
    const byte = cls === end ? -1 : (classes.sample[cls] as number)
    mark += 1
    for (let i = 0; i < seeds.length; i += 1) open.push(seeds[i] as number)
    let found = false
    while (open.length > 0) {
      const at = open.pop() as number
      if (marks[at] === mark) continue
      marks[at] = mark
      meter.steps -= instructionSteps
      const instruction = code[at] as Instruction
      if (instruction.op === 'byte') {
        if (byte >= 0 && instruction.set[byte] === 1) next.push(instruction.next)
      } else if (instruction.op === 'fork') open.push(instruction.second, instruction.first)
      else if (instruction.op === 'match') found = true
      else if (instruction.op === 'save' || holds(instruction.what, kind, byte)) open.push(instruction.next)
    }
    return { found, next }
  }

  const startStep = (kind: number, cls: number, meter: Meter): Step => {
    const at = kind * width + cls
    startSteps[at] ??= stepFrom([program.start], kind, cls, meter)
    return startSteps[at]
  }

  const stateOf = (kind: number, next: readonly number[]): number => {
    const sorted = Int32Array.from(new Set(next)).sort()
    const key = `${kind} ${sorted.join()}`
    const known = byKey.get(key)
    if (known !== undefined) return known
    const state = states.length
    ids += sorted.length
    states.push({ kind, ids: sorted })
    byKey.set(key, state)
    if ((state + 1) * width > table.length) {
      const grown = new Uint16Array(Math.min(statesMax, Math.max(16, 2 * states.length)) * width)
      grown.set(table)
      table = grown
    }
    return state
  }

  const forget = (): void => {
    table = new Uint16Array(0)
    byKey = new Map()
    // The two numbers that are no states stand for two that are never reached.
    states = []
    ids = 0
    const none = new Int32Array()
    for (let i = 0; i < firstState; i += 1) states.push({ kind: afterOther, ids: none })
    for (let kind = atStart; kind <= afterOther; kind += 1) stateOf(kind, [])
  }

  /** From one row of the table to another: that of a state is its number, times the width. */
  const transition = (row: number, cls: number, meter: Meter): number => {
    const { kind, ids: seeds } = states[row / width] as State
    const own = stepFrom(seeds, kind, cls, meter)
    const begun = startStep(kind, cls, meter)
    let target = matched * width
    if (!own.found && !begun.found) {
      const after = cls === end ? afterOther : kindAfter(classes.sample[cls] as number)
      const isFull = states.length >= statesMax - 1 || ids > dfaPlacesMax
      if (isFull) forget()
      target = width * stateOf(asserts ? after : afterOther, [...own.next, ...begun.next])
      if (isFull) return target
    }
    table[row + cls] = target
    return target
  }

  const [matchedRow, startsEnd] = [matched * width, (firstState + starts) * width]
  const firstRow = (firstState + (asserts ? atStart : afterOther)) * width
  forget()
  return {
    test(text, meter) {
      const { of } = classes
      let rows = table
      let row = firstRow
      for (let at = 0; at < text.length; at += 1) {
        const cls = of[text.charCodeAt(at)] as number
        const known = rows[row + cls] as number
        if (known === unknown) {
          row = transition(row, cls, meter)
          rows = table
          if (meter.steps < 0) return undefined
        } else row = known
        if (row === matchedRow) return true
      }
      const known = rows[row + end] as number
      return (known === unknown ? transition(row, end, meter) : known) === matchedRow
    },
    startIn(text, meter) {
      let row = firstRow
      let from = 0
      for (let at = 0; at < text.length && row !== matchedRow; at += 1) {
        const cls = classes.of[text.charCodeAt(at)] as number
        if (row < startsEnd) from = at
        row = (table[row + cls] as number) || transition(row, cls, meter)
      }
      return row < startsEnd && row !== matchedRow ? text.length : from
    },
  }
}

type State = { readonly kind: number; readonly ids: Int32Array }
type Step = { readonly found: boolean; readonly next: readonly number[] }

const kindAfter = (byte: number): number => (byte === 0x0a ? afterLine : isWordByte(byte) ? afterWord : afterOther)

/** `byte`: that follows; -1 at the end. */
function holds(what: Assertion, kind: number, byte: number): boolean {
  switch (what) {
    case 'text-start':
      return kind === atStart
    case 'text-end':
      return byte < 0
    case 'line-start':
      return kind === atStart || (kind === afterLine && byte >= 0)
    case 'line-end':
      return byte < 0 || byte === 0x0a
    case 'boundary':
      return (kind === afterWord) !== isWordByte(byte)
    case 'no-boundary':
      return (kind === afterWord) === isWordByte(byte)
  }
}

/** Bytes that no set and no assertion tells apart are one class. */
function classesOf({ code, asserts }: Program): { of: Uint8Array; sample: number[]; count: number } {
  const sets = new Set<ByteSet>()
  for (const instruction of code) if (instruction.op === 'byte') sets.add(instruction.set)
  const of = Uint8Array.from({ length: 256 }, (_, byte) => (asserts ? kindAfter(byte) : 0))
  let count = renumber(of, () => 0)
  for (const set of sets) count = renumber(of, (byte) => set[byte] as number)
  const sample: number[] = []
  for (let byte = 255; byte >= 0; byte -= 1) sample[of[byte] as number] = byte
  return { of, sample, count }
}

/** Parts each class in those with a side of 0 and of 1; returns how many there are then. */
function renumber(of: Uint8Array, side: (byte: number) => number): number {
  const numbers = new Int16Array(512).fill(-1)
  let count = 0
  for (let byte = 0; byte < 256; byte += 1) {
    const key = 2 * (of[byte] as number) + side(byte)
    if (numbers[key] === -1) numbers[key] = count++
    of[byte] = numbers[key] as number
  }
  return count
}
