// SPDX-License-Identifier: Apache-2.0

import { type Automaton, createAutomaton, createHits, type Hits, hit, type Literal, resetHits } from './automaton.ts'
import { ruleLimits } from './limits.ts'
import { type Need, presence } from './needs.ts'
import type { Attribute, Found } from './reading.ts'
import type { Rule } from './sigma/rule.ts'

/** What rules need at one attribute; owners are numbers of what one of them needs. */
export type Field = {
  readonly attribute: Attribute
  /** An event has at most one value there. */
  readonly isOne: boolean
  readonly automaton: Automaton
  /** Those for which it is enough that anything is there. */
  readonly ifThere: readonly number[]
  /** All that is needed here. */
  readonly all: readonly number[]
}

/**
 * The rules that may fire for an event of one type, found by the texts that they need. `look` looks at an attribute of the
 * event and notes what it has there (lookAt, or hitAll where nobody can tell). The result is valid until the next call.
 */
export type Candidates = (look: (field: Field, hits: Hits) => void) => readonly Rule[]

/** `byType`: of all rules. One index serves all types, for a rule may be about many of them. */
export function createCandidates(
  rules: readonly Rule[],
  byType: ReadonlyMap<number, readonly Rule[]>,
): ReadonlyMap<number, Candidates> {
  const wanted = new Map<Attribute, Literal[]>()
  /** By the number of what is needed: which rule needs it; and by rule, of how much it needs at once. */
  const ruleOf: number[] = []
  const needed = rules.map(() => 0)
  let room: number = ruleLimits.indexStatesMax
  for (const [rule, { needs }] of rules.entries())
    for (const group of needs) {
      const literals = group.map(searchable)
      const states = literals.reduce((sum, { text }) => sum + text.length, 0)
      if (states > room) continue
      room -= states
      const owner = ruleOf.push(rule) - 1
      needed[rule] = (needed[rule] as number) + 1
      for (const { attribute, text, place } of literals) {
        const its = wanted.get(attribute) ?? []
        its.push({ text, place, owner })
        wanted.set(attribute, its)
      }
    }
  const fields = [...wanted].map(([attribute, literals]) => fieldOf(attribute, literals))
  const hits = createHits(ruleOf.length)
  const met = new Int32Array(rules.length)
  const candidatesOf = (those: readonly Rule[]): Candidates => {
    const isMeant = new Set(those)
    const isOfType = Uint8Array.from(rules, (rule) => Number(isMeant.has(rule)))
    const always = rules.flatMap((rule, place) => (isMeant.has(rule) && needed[place] === 0 ? [place] : []))
    const its = fields.filter(({ all }) => all.some((owner) => isOfType[ruleOf[owner] as number] === 1))
    return (look) => {
      resetHits(hits)
      for (const field of its) look(field, hits)
      const found = always.slice()
      for (const owner of hits.list) {
        const rule = ruleOf[owner] as number
        met[rule] = (met[rule] as number) + 1
        if (met[rule] === needed[rule] && isOfType[rule] === 1) found.push(rule)
      }
      for (const owner of hits.list) met[ruleOf[owner] as number] = 0
      return found.sort((one, other) => one - other).map((rule) => rules[rule] as Rule)
    }
  }
  return new Map([...byType].map(([type, those]) => [type, candidatesOf(those)]))
}

function fieldOf(attribute: Attribute, literals: readonly Literal[]): Field {
  const owners = (some: readonly Literal[]) => [...new Set(some.map(({ owner }) => owner))]
  return {
    attribute,
    isOne: !attribute.path.includes('*'),
    automaton: createAutomaton(literals.filter(({ text }) => text !== '')),
    ifThere: owners(literals.filter(({ text }) => text === '')),
    all: owners(literals),
  }
}

/** Notes what is found among the values of the attribute. */
export function lookAt({ automaton, ifThere }: Field, found: readonly Found[], hits: Hits): void {
  if (found.length === 0) return
  for (const owner of ifThere) hit(hits, owner)
  for (const { lower } of found) automaton.scanText(lower, hits)
}

export function hitAll(owners: readonly number[], hits: Hits): void {
  for (const owner of owners) hit(hits, owner)
}

const asciiRuns = /[\0-\x7f]+/g

/** The part of a text that is looked for: not too long, and plain ASCII, whose lower case is the same wherever it stands. */
function searchable({ attribute, place, text }: Need): Need {
  const runs = text.match(asciiRuns) ?? []
  const run = runs.reduce((longest, one) => (one.length > longest.length ? one : longest), '')
  const part: Need = run === text ? { attribute, place, text } : { attribute, place: 'anywhere', text: run }
  if (part.text === '') return presence(attribute)
  if (part.text.length <= ruleLimits.indexUnitsMax) return part
  if (place === 'end') return { attribute, place: part.place, text: part.text.slice(-ruleLimits.indexUnitsMax) }
  const isHead = part.place === 'whole' || part.place === 'start'
  return { attribute, place: isHead ? 'start' : 'anywhere', text: part.text.slice(0, ruleLimits.indexUnitsMax) }
}
