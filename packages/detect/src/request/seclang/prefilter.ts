// SPDX-License-Identifier: Apache-2.0

import type { Required } from '../regex/atoms.ts'
import { inLowerCase } from '../regex/bytes.ts'
import { addBit, addBits, type Bits, createBits } from './bits.ts'
import { groupOf, groupsOf, groupsOfBytes } from './groups.ts'
import { createPhrases } from './phrases.ts'

/** `groups`: of the bytes that a text has. `bits`: the rules that may match it; all others certainly do not. */
export type Info = { readonly groups: number; readonly bits: Bits }
export type Prefilter = (text: string) => Info

/**
 * One pass over a text for all rules: which bytes and which phrases does it have, of those without which a rule cannot
 * match? `required` by rule; absent for a rule that is none of its matter.
 */
export function createPrefilter(required: readonly (Required | undefined)[]): Prefilter {
  const { anyBytes, byGroup } = byBytes(required)
  const { phrases, rulesAt } = byPhrases(required)
  const { classOf, table, width } = phrases
  const anyPhrase = bitsOf(required, (need) => need.atoms === undefined)
  const found = createBits(required.length)
  return (text) => {
    let groups = 0
    let row = 0
    let last = anyPhrase
    found.set(anyPhrase)
    for (let index = 0; index < text.length; index += 1) {
      const byte = text.charCodeAt(index)
      groups |= groupOf[byte] as number
      row = table[row + (classOf[byte] as number)] as number
      if (row >= 0) continue
      row = ~row
      const rules = rulesAt[row / width] as Bits
      if (rules !== last) addBits(found, rules)
      last = rules
    }
    const bits = anyBytes.slice()
    for (let rest = groups; rest !== 0; rest &= rest - 1) addBits(bits, byGroup[31 - Math.clz32(rest & -rest)] as Bits)
    for (let word = 0; word < bits.length; word += 1) bits[word] = (bits[word] as number) & (found[word] as number)
    return { groups, bits }
  }
}

type Needs = readonly (Required | undefined)[]

function bitsOf(required: Needs, isMeant: (need: Required) => boolean): Bits {
  const bits = createBits(required.length)
  for (const [index, need] of required.entries()) if (need !== undefined && isMeant(need)) addBit(bits, index)
  return bits
}

/** The rules that are content with any bytes, and by group of bytes those that one of it is enough for. */
function byBytes(required: Needs): { readonly anyBytes: Bits; readonly byGroup: readonly Bits[] } {
  const groups = required.map((need) => inAnyCase(need?.bytes === undefined ? 0 : groupsOfBytes(need.bytes)))
  const byGroup = Array.from({ length: 32 }, (_, group) => {
    const bits = createBits(required.length)
    for (const [index, own] of groups.entries()) if ((own & (1 << group)) !== 0) addBit(bits, index)
    return bits
  })
  return { anyBytes: bitsOf(required, (need) => need.bytes === undefined), byGroup }
}

/** A rule may change the case of a text before it looks at it. */
const letters = groupsOf('aA')
const inAnyCase = (groups: number) => ((groups & letters) === 0 ? groups : groups | letters)

/** The automaton of all phrases, and by its nodes the rules that one of those that end there is enough for. */
function byPhrases(required: Needs) {
  const rulesOf = new Map<string, Bits>()
  for (const [index, need] of required.entries())
    for (const atom of need?.atoms ?? []) {
      const bits = rulesOf.get(inLowerCase(atom)) ?? createBits(required.length)
      rulesOf.set(inLowerCase(atom), bits)
      addBit(bits, index)
    }
  const phrases = createPhrases([...rulesOf.keys()])
  const ofPhrase = [...rulesOf.values()]
  const known = new Map<string, Bits>()
  const rulesAt = phrases.ends.map((ends) => {
    if (ends === undefined) return undefined
    const bits = createBits(required.length)
    for (const end of ends) addBits(bits, ofPhrase[end] as Bits)
    const shared = known.get(bits.join()) ?? bits
    known.set(bits.join(), shared)
    return shared
  })
  return { phrases, rulesAt }
}
