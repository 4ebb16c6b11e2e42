// SPDX-License-Identifier: Apache-2.0

import type { Place } from './needs.ts'

/** A text in lower case, of ASCII alone; `owner` is who wants to know of it. */
export type Literal = { readonly text: string; readonly place: Place; readonly owner: number }

/** Those that were found since the last reset, each once. */
export type Hits = { readonly list: number[]; readonly seen: Int32Array; round: number }

export type Automaton = {
  /** `lower`: in lower case. */
  scanText(lower: string, hits: Hits): void
  /** Of plain ASCII in JSON: false, and nothing is certain, where there is an escape or another character. */
  scanBytes(bytes: Uint8Array, from: number, to: number, hits: Hits): boolean
}

export const createHits = (owners: number): Hits => ({ list: [], seen: new Int32Array(owners), round: 0 })

export function resetHits(hits: Hits): void {
  hits.list.length = 0
  hits.round += 1
}

export function hit(hits: Hits, owner: number): void {
  if (hits.seen[owner] === hits.round) return
  hits.seen[owner] = hits.round
  hits.list.push(owner)
}

const [backslash, asciiEnd, upperA, upperZ, caseBit] = [0x5c, 0x80, 0x41, 0x5a, 0x20]

/** All texts in one pass, whatever their number (Aho and Corasick, 1975), with the failures written out. */
export function createAutomaton(literals: readonly Literal[]): Automaton {
  const { classOf, width } = classesOf(literals)
  const { next, ends } = trieOf(literals, classOf, width)
  const shorter = writeOutFailures(next, width, ends)
  const anyEnds = ends.map((own, state) => own.length > 0 || (shorter[state] as number) > 0)

  /** Every text that ends in this state, which the one before `end` brought about. */
  const tell = (state: number, end: number, length: number, hits: Hits): void => {
    for (let at = state; at > 0; at = shorter[at] as number)
      for (const { text, place, owner } of ends[at] as readonly Literal[]) {
        const startsThere = place === 'anywhere' || place === 'end' || end === text.length
        if (startsThere && (place === 'anywhere' || place === 'start' || end === length)) hit(hits, owner)
      }
  }

  return {
    scanText(lower, hits) {
      let state = 0
      for (let at = 0; at < lower.length; at += 1) {
        const unit = lower.charCodeAt(at)
        state = unit < asciiEnd ? (next[state * width + (classOf[unit] as number)] as number) : 0
        if (anyEnds[state]) tell(state, at + 1, lower.length, hits)
      }
    },
    scanBytes(bytes, from, to, hits) {
      let state = 0
      for (let at = from; at < to; at += 1) {
        const byte = bytes[at] as number
        if (byte >= asciiEnd || byte === backslash) return false
        state = next[state * width + (classOf[byte] as number)] as number
        if (anyEnds[state]) tell(state, at + 1 - from, to - from, hits)
      }
      return true
    },
  }
}

/** One class for each character that occurs, both cases of a letter in the same; 0 is all others. */
function classesOf(literals: readonly Literal[]) {
  const classOf = new Uint8Array(asciiEnd)
  let width = 1
  for (const { text } of literals)
    for (let at = 0; at < text.length; at += 1) {
      const unit = text.charCodeAt(at)
      if (classOf[unit] === 0) classOf[unit] = width++
    }
  for (let unit = upperA; unit <= upperZ; unit += 1) classOf[unit] = classOf[unit | caseBit] as number
  return { classOf, width }
}

function trieOf(literals: readonly Literal[], classOf: Uint8Array, width: number) {
  const next = new Int32Array((literals.reduce((sum, { text }) => sum + text.length, 0) + 1) * width)
  const ends: Literal[][] = [[]]
  for (const literal of literals) {
    let state = 0
    for (let at = 0; at < literal.text.length; at += 1) {
      const step = state * width + (classOf[literal.text.charCodeAt(at)] as number)
      if (next[step] === 0) next[step] = ends.push([]) - 1
      state = next[step] as number
    }
    ends[state]?.push(literal)
  }
  return { next: next.slice(0, ends.length * width), ends }
}

/** Fills in where each state leads on a character that does not follow; returns by state the longest shorter one in which a text ends. */
function writeOutFailures(next: Int32Array, width: number, ends: readonly (readonly Literal[])[]): Int32Array {
  const failure = new Int32Array(ends.length)
  const shorter = new Int32Array(ends.length)
  const queue = [0]
  for (const state of queue)
    for (let step = 1; step < width; step += 1) {
      const child = next[state * width + step] as number
      const otherwise = state === 0 ? 0 : (next[(failure[state] as number) * width + step] as number)
      if (child === 0) next[state * width + step] = otherwise
      else {
        failure[child] = otherwise
        shorter[child] = ends[otherwise]?.length ? otherwise : (shorter[otherwise] as number)
        queue.push(child)
      }
    }
  return shorter
}
