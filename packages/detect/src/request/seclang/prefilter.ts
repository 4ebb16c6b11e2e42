// SPDX-License-Identifier: Apache-2.0

import type { Required } from '../regex/atoms.ts'
import { addBit, addBits, type Bits, createBits } from './bits.ts'
import { groupOf, groupsOf, groupsOfBytes } from './groups.ts'
import { createPhrases } from './phrases.ts'

/** `groups`: of the bytes that a text has. `bits`: the rules that may match it; all others certainly do not. */
export type Info = { readonly groups: number; readonly bits: Bits }
export type Prefilter = (text: string) => Info

/** By groups, rules that need no phrase and those whose phrases are worth to look for. */
type ByGroups = { readonly free: Info; readonly possible: Bits }
const groupsKept = 4_096

/**
 * One pass over a text for all rules: which bytes and which phrases does it have, of those without which a rule cannot
 * match? `required` by rule; absent for a rule that is none of its matter.
 */
export function createPrefilter(required: readonly (Required | undefined)[]): Prefilter {
  const needs = required.map((need) => (need?.bytes === undefined ? -1 : inAnyCase(groupsOfBytes(need.bytes))))
  const { table, stride, classOf, hits } = machineOf(required)
  const known = new Map<number, ByGroups>()

  const byGroups = (groups: number): ByGroups => {
    const found = known.get(groups)
    if (found !== undefined) return found
    const free = createBits(required.length)
    const possible = createBits(required.length)
    required.forEach((need, index) => {
      if (need === undefined || (needs[index] !== -1 && ((needs[index] as number) & groups) === 0)) return
      addBit(need.atoms === undefined ? free : possible, index)
    })
    if (known.size >= groupsKept) known.clear()
    const made = { free: { groups, bits: free }, possible }
    known.set(groups, made)
    return made
  }

  const found = createBits(required.length)
  return (text) => {
    let groups = 0
    let at = 0
    let last = 0
    for (let index = 0; index < text.length; index += 1) {
      const byte = text.charCodeAt(index)
      groups |= groupOf[byte] as number
      at = table[at + (classOf[byte] as number)] as number
      const hit = table[at + stride - 1] as number
      if (hit !== 0 && hit !== last) {
        if (last === 0) found.fill(0)
        last = hit
        addBits(found, hits[hit] as Bits)
      }
    }
    const { free, possible } = byGroups(groups)
    if (last === 0) return free
    if (isWithin(found, possible, free.bits)) return free
    const bits = createBits(required.length)
    for (let word = 0; word < bits.length; word += 1)
      bits[word] = ((found[word] as number) & (possible[word] as number)) | (free.bits[word] as number)
    return { groups, bits }
  }
}

/** A rule may change the case of a text before it looks at it. */
const letters = groupsOf('aA')
const inAnyCase = (groups: number) => ((groups & letters) === 0 ? groups : groups | letters)

/** Whether what is in the first two is in the third. */
function isWithin(one: Bits, other: Bits, all: Bits): boolean {
  for (let word = 0; word < all.length; word += 1)
    if (((one[word] as number) & (other[word] as number) & ~(all[word] as number)) !== 0) return false
  return true
}

/** The automaton of all phrases; behind the classes of each row stands which set of rules is hit there, 0 for none. */
function machineOf(required: readonly (Required | undefined)[]) {
  const rulesOf = new Map<string, number[]>()
  required.forEach((need, index) => {
    for (const atom of need?.atoms ?? []) {
      const rules = rulesOf.get(atom.toLowerCase())
      if (rules === undefined) rulesOf.set(atom.toLowerCase(), [index])
      else rules.push(index)
    }
  })
  const atoms = [...rulesOf.keys()]
  const phrases = createPhrases(atoms)
  const stride = phrases.width + 1
  const nodes = phrases.table.length / phrases.width
  const table = new Int32Array(nodes * stride)
  const hits: Bits[] = [createBits(required.length)]
  const numbers = new Map<string, number>()
  for (let node = 0; node < nodes; node += 1) {
    for (let cls = 0; cls < phrases.width; cls += 1)
      table[node * stride + cls] = ((phrases.table[node * phrases.width + cls] as number) / phrases.width) * stride
    const ends = phrases.ends[node]
    if (ends === undefined) continue
    const rules = [...new Set(ends.flatMap((end) => rulesOf.get(atoms[end] as string) as number[]))].sort(
      (a, b) => a - b,
    )
    const key = rules.join()
    const number = numbers.get(key) ?? hits.length
    if (number === hits.length) {
      const bits = createBits(required.length)
      for (const rule of rules) addBit(bits, rule)
      hits.push(bits)
      numbers.set(key, number)
    }
    table[node * stride + stride - 1] = number
  }
  return { table, stride, classOf: phrases.classOf, hits }
}
