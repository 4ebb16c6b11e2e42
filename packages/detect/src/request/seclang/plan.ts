// SPDX-License-Identifier: Apache-2.0

import type { Required } from '../regex/atoms.ts'
import type { Meter } from '../regex/dfa.ts'
import { createRemembered, type Remembered } from '../remembered.ts'
import { addBit, addBits, addCommon, type Bits, createBits, hasBit } from './bits.ts'
import { type Chain, createChains, formOf, stepsPerByte } from './chains.ts'
import { type Item, ofRequest, partsOf, type RequestView } from './collections.ts'
import type { Folded } from './fold.ts'
import { seclangLimits } from './limits.ts'
import type { Injection } from './operators.ts'
import { createPrefilter, type Prefilter } from './prefilter.ts'
import { isMarker, type SecRule } from './rule.ts'
import { isMeant, type Target } from './targets.ts'

const { injectionCharsMax, injectionSteps, injectionStepsPerChar } = seclangLimits

/** `rules`: those of them that look at one source. */
type ReachingChain = Chain & { readonly rules: Bits }

export type PlannedRule = {
  readonly rule: SecRule
  readonly number: number
  readonly phase: number
  readonly chain: Chain
  /** Whether the prefilter may pass over it: whether it matches depends on the text alone. */
  readonly isGated: boolean
  readonly asksInjection: boolean
}

/** Which rules look at items of one source, whatever their name or because of it, and by which chains. */
type Reach = {
  readonly bits: Bits
  readonly chains: readonly ReachingChain[]
  /** Of texts that were looked at: the rules that may match them. */
  readonly known: Remembered<Bits>
}
type Reaches = { readonly any: Reach; readonly named: ReadonlyMap<string, Reach> }

export type Plan = {
  readonly rules: readonly PlannedRule[]
  /** Where a marker stands: the number of the first rule behind it. */
  readonly markers: ReadonlyMap<string, number>[]
  readonly prefilter: Prefilter
  /** The rules that have to be run for a request; all others certainly do not match. */
  candidates(view: RequestView, meter: Meter): Bits
  /** Has all texts judged at once that rules will ask the injection engine about. */
  prepare(todo: Bits, view: RequestView, run: InjectionRun): void
}
type InjectionRun = { readonly injection: Injection; readonly meter: Meter }

export function planOf({ phases }: Folded): Plan {
  const chains = createChains()
  const rules: PlannedRule[] = []
  const markers = phases.map((entries, index) => {
    const places = new Map<string, number>()
    for (const entry of entries) {
      if (isMarker(entry)) places.set(entry.marker, rules.length)
      else
        rules.push({
          rule: entry,
          number: rules.length,
          phase: index + 1,
          chain: chains.of(entry),
          isGated: isGated(entry),
          asksInjection: entry.operatorName.startsWith('detect'),
        })
    }
    return places
  })
  const always = createBits(rules.length)
  for (const { isGated, number } of rules) if (!isGated) addBit(always, number)
  const prefilter = createPrefilter(
    rules.map(({ rule, isGated }) => (isGated ? (rule.operator.required as Required) : undefined)),
  )
  const reaches = reachesOf(rules, chains.telling(rules.map(({ rule }) => rule)))
  const injected = rules.filter(({ asksInjection }) => asksInjection)
  return {
    rules,
    markers,
    prefilter,
    candidates: (view, meter) => candidatesIn(view, { always, reaches, prefilter, meter }),
    prepare: (todo, view, run) => prepareInjection(injected, todo, view, run),
  }
}

/** What a rule asks of the request alone, and by an operator of which it is known what every match has in it. */
function isGated({ targets, operator, negated, transformations }: SecRule): boolean {
  const { atoms, bytes } = operator.required ?? {}
  return (
    !negated &&
    (atoms !== undefined || bytes !== undefined) &&
    targets.every(({ collection, isCount }) => ofRequest(collection) && !isCount) &&
    !transformations.some(({ isOpaque }) => isOpaque)
  )
}

function reachesOf(rules: readonly PlannedRule[], chains: ReadonlyMap<Chain, Bits>): ReadonlyMap<string, Reaches> {
  const asked = new Map<string, { any: number[]; named: Map<string, number[]> }>()
  const ask = (target: Target, number: number) => {
    for (const part of partsOf(target.collection)) {
      const entry = asked.get(part) ?? { any: [], named: new Map<string, number[]>() }
      asked.set(part, entry)
      if (target.name === undefined) entry.any.push(number)
      else entry.named.set(target.name, [...(entry.named.get(target.name) ?? []), number])
    }
  }
  for (const { rule, number, isGated } of rules) if (isGated) for (const target of rule.targets) ask(target, number)
  const reachOf = (numbers: readonly number[]): Reach => {
    const bits = createBits(rules.length)
    for (const number of numbers) addBit(bits, number)
    return {
      bits,
      chains: [...chains]
        .filter(([, own]) => own.some((word, at) => (word & (bits[at] as number)) !== 0))
        .map(([chain, own]) => ({ ...chain, rules: own.map((word, at) => word & (bits[at] as number)) })),
      known: createRemembered(seclangLimits.textsRemembered),
    }
  }
  return new Map(
    [...asked].map(([source, { any, named }]) => [
      source,
      { any: reachOf(any), named: new Map([...named].map(([name, numbers]) => [name, reachOf([...any, ...numbers])])) },
    ]),
  )
}

type Sieve = {
  readonly always: Bits
  readonly reaches: ReadonlyMap<string, Reaches>
  readonly prefilter: Prefilter
  readonly meter: Meter
}

function candidatesIn(view: RequestView, sieve: Sieve): Bits {
  const { always, reaches, meter } = sieve
  const todo = always.slice()
  for (const [source, { any, named }] of reaches) {
    if (meter.steps < 0) break
    for (const item of view.itemsOf(source, 2)) {
      if (item.text === '') continue
      const reach = named.get(item.key) ?? any
      item.may = reach.known.get(item.text) ?? mayMatch(item, reach, sieve)
      addBits(todo, item.may)
    }
  }
  return todo
}

/** A rule looks at the form that its chain leaves of the text, and one with multiMatch at all on the way there. */
function mayMatch(item: Item, { bits, chains, known }: Reach, { prefilter, meter }: Sieve): Bits {
  const may = createBits(32 * bits.length)
  meter.steps -= item.text.length
  if (meter.steps < 0) return may
  const asItIs = prefilter(item.text)
  addCommon(may, asItIs.bits, bits)
  const forms = [item.text]
  const found = [asItIs.bits]
  for (const chain of chains) {
    if ((chain.changes & asItIs.groups) === 0) continue
    // What cannot be paid for is not begun: a megabyte would take ten milliseconds.
    if (meter.steps < item.text.length * stepsPerByte) meter.steps = -1
    if (meter.steps < 0) return may
    const form = formOf(item, chain, meter)
    // Different chains often leave the same.
    let at = forms.indexOf(form)
    if (at < 0) {
      at = forms.push(form) - 1
      meter.steps -= form.length
      found.push(prefilter(form).bits)
    }
    if (at > 0) addCommon(may, found[at] as Bits, chain.rules)
  }
  known.put(item.text, may)
  return may
}

function prepareInjection(
  injected: readonly PlannedRule[],
  todo: Bits,
  view: RequestView,
  { injection, meter }: InjectionRun,
): void {
  const texts = { sqli: new Set<string>(), xss: new Set<string>() }
  for (const planned of injected) {
    if (!hasBit(todo, planned.number)) continue
    const into = planned.rule.operatorName === 'detectxss' ? texts.xss : texts.sqli
    for (const target of planned.rule.targets)
      for (const item of view.itemsOf(target.collection, planned.phase))
        if (!isPassedOver(planned, item) && isMeant(target, item.name, item.key))
          into.add(formOf(item, planned.chain, meter))
  }
  for (const text of [...texts.sqli, ...texts.xss])
    meter.steps -= injectionSteps + injectionStepsPerChar * Math.min(text.length, 2 * injectionCharsMax)
  if (meter.steps >= 0) injection.prepare({ sqli: [...texts.sqli], xss: [...texts.xss] })
}

/** Whether it is certain that the rule matches no form of the item's text. */
export const isPassedOver = ({ isGated, number }: PlannedRule, { may }: Item): boolean =>
  isGated && may !== undefined && !hasBit(may, number)
