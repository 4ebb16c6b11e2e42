// SPDX-License-Identifier: Apache-2.0

import type { Meter } from '../regex/dfa.ts'
import { addBit, type Bits, createBits } from './bits.ts'
import type { Item } from './collections.ts'
import type { SecRule } from './rule.ts'
import type { Transformation } from './transformations.ts'

/** Transformations one after the other, as the last step behind a shorter chain, which others share. */
export type Chain = {
  readonly number: number
  /** Undefined: the text as it is. */
  readonly last: { readonly step: Transformation; readonly behind: Chain } | undefined
  /** A text without these bytes stays as it is, but for case. */
  readonly changes: number
}
type Transformed = Pick<SecRule, 'names' | 'transformations' | 'multiMatch'>

export function createChains() {
  const known = new Map<string, Chain>()
  const of = (names: readonly string[], steps: readonly Transformation[]): Chain => {
    const key = names.join()
    const found = known.get(key)
    if (found !== undefined) return found
    const step = steps.at(-1)
    const last = step && { step, behind: of(names.slice(0, -1), steps.slice(0, -1)) }
    const changes = last === undefined ? 0 : last.behind.changes | (last.step.isCase ? 0 : last.step.changes)
    const made = { number: known.size, last, changes }
    known.set(key, made)
    return made
  }
  return {
    of: ({ names, transformations }: Transformed): Chain => of(names, transformations),
    /** The chains whose forms tell which of the rules may match, with these rules each. Case tells nothing. */
    telling(rules: readonly Transformed[]): ReadonlyMap<Chain, Bits> {
      const bitsOf = new Map<Chain, Bits>()
      // One with multiMatch looks at what every step leaves.
      for (const [number, { names, transformations, multiMatch }] of rules.entries())
        for (let length = multiMatch ? 0 : names.length; length <= names.length; length += 1) {
          const chain = withoutCase(of(names.slice(0, length), transformations.slice(0, length)))
          const bits = bitsOf.get(chain) ?? createBits(rules.length)
          addBit(bits, number)
          bitsOf.set(chain, bits)
        }
      return bitsOf
    },
  }
}

const withoutCase = (chain: Chain): Chain => (chain.last?.step.isCase ? withoutCase(chain.last.behind) : chain)

/** What a transformation that changes a text costs for each byte that it reads and each that it writes, in steps of automata. */
export const stepsPerByte = 4

/** Its text after a chain of transformations. */
export function formOf(item: Item, { number, last }: Chain, meter: Meter): string {
  if (last === undefined) return item.text
  item.forms ??= []
  let form = item.forms[number]
  if (form === undefined) {
    const before = formOf(item, last.behind, meter)
    form = last.step.apply(before)
    meter.steps -= form === before ? before.length : (before.length + form.length) * stepsPerByte
    item.forms[number] = form
  }
  return form
}
