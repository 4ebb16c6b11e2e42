// SPDX-License-Identifier: Apache-2.0

import type { Required } from '../regex/atoms.ts'
import { addBit, addCommon, type Bits, createBits, hasBit } from './bits.ts'
import { type Item, ofRequest, partsOf, type RequestView } from './collections.ts'
import type { Folded } from './fold.ts'
import type { Injection } from './operators.ts'
import { createPrefilter, type Info, type Prefilter } from './prefilter.ts'
import { isMarker, type SecRule } from './rule.ts'
import type { Target } from './targets.ts'
import type { Transformation } from './transformations.ts'

/** Transformations that rules share; `changes`: a text without these bytes stays as it is, but for case. */
export type Chain = {
  readonly number: number
  readonly steps: readonly Transformation[]
  readonly changes: number
}
/** `rules`: those of them that look at one source. */
type ReachingChain = Chain & { readonly rules: Bits }

export type PlannedRule = {
  readonly rule: SecRule
  readonly number: number
  readonly phase: number
  readonly chain: Chain
  /** Whether the prefilter may pass over it. */
  readonly isGated: boolean
}

/** Which rules look at items of one source, whatever their name or because of it, and by which chains. */
type Reach = { readonly bits: Bits; readonly chains: readonly ReachingChain[] }
type Reaches = { readonly any: Reach; readonly named: ReadonlyMap<string, Reach> }

export type Plan = {
  readonly rules: readonly PlannedRule[]
  /** Where a marker stands: the number of the first rule behind it. */
  readonly markers: ReadonlyMap<string, number>[]
  readonly prefilter: Prefilter
  /** The rules that have to be run for a request; all others certainly do not match. */
  candidates(view: RequestView): Bits
  /** Has all texts judged at once that rules will ask the injection engine about. */
  prepare(todo: Bits, view: RequestView, injection: Injection): void
}

export function planOf({ phases }: Folded): Plan {
  const chains = chainTable()
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
          chain: chains.of(entry.names, entry.transformations),
          isGated: isGated(entry),
        })
    }
    return places
  })
  const always = createBits(rules.length)
  for (const { isGated, number } of rules) if (!isGated) addBit(always, number)
  const all = chains.finished(rules)
  const prefilter = createPrefilter(
    rules.map(({ rule, isGated }) => (isGated ? (rule.operator.required as Required) : undefined)),
  )
  const reaches = reachesOf(rules, all)
  const injected = rules.filter(({ rule }) => /^detect/.test(rule.operatorName))
  return {
    rules,
    markers,
    prefilter,
    candidates: (view) => candidatesIn(view, always, reaches, prefilter),
    prepare: (todo, view, injection) => prepareInjection(injected, todo, view, injection),
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

function chainTable() {
  const known = new Map<string, Chain>()
  const of = (names: readonly string[], steps: readonly Transformation[]): Chain => {
    const key = names.join()
    const made = known.get(key) ?? {
      number: known.size,
      steps,
      changes: steps.reduce((bits, step) => (step.isCase ? bits : bits | step.changes), 0),
    }
    known.set(key, made)
    return made
  }
  return {
    of,
    /** With its rules each; a rule with multiMatch looks at what every step leaves. */
    finished(rules: readonly PlannedRule[]): ReadonlyMap<Chain, Bits> {
      const bitsOf = new Map<Chain, Bits>()
      for (const { rule, number } of rules)
        for (let length = rule.multiMatch ? 0 : rule.names.length; length <= rule.names.length; length += 1) {
          const chain = of(rule.names.slice(0, length), rule.transformations.slice(0, length))
          const bits = bitsOf.get(chain) ?? createBits(rules.length)
          addBit(bits, number)
          bitsOf.set(chain, bits)
        }
      return bitsOf
    },
  }
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
    }
  }
  return new Map(
    [...asked].map(([source, { any, named }]) => [
      source,
      { any: reachOf(any), named: new Map([...named].map(([name, numbers]) => [name, reachOf([...any, ...numbers])])) },
    ]),
  )
}

function candidatesIn(
  view: RequestView,
  always: Bits,
  reaches: ReadonlyMap<string, Reaches>,
  prefilter: Prefilter,
): Bits {
  const todo = always.slice()
  for (const [source, { any, named }] of reaches)
    for (const item of view.itemsOf(source, 2))
      addCandidates(todo, item, named.get(item.name.toLowerCase()) ?? any, prefilter)
  return todo
}

function addCandidates(todo: Bits, item: Item, { bits, chains }: Reach, prefilter: Prefilter): void {
  if (item.text === '') return
  const info: Info = prefilter(item.text)
  item.info = info
  addCommon(todo, info.bits, bits)
  for (const chain of chains) {
    if ((chain.changes & info.groups) === 0) continue
    const form = formOf(item, chain)
    if (form === item.text) continue
    addCommon(todo, prefilter(form).bits, chain.rules)
  }
}

function prepareInjection(injected: readonly PlannedRule[], todo: Bits, view: RequestView, injection: Injection): void {
  const texts = { sqli: new Set<string>(), xss: new Set<string>() }
  for (const planned of injected) {
    if (!hasBit(todo, planned.number)) continue
    const into = planned.rule.operatorName === 'detectxss' ? texts.xss : texts.sqli
    for (const { collection, name } of planned.rule.targets)
      for (const item of view.itemsOf(collection, planned.phase))
        if ((name === undefined || name === item.name) && !isPassedOver(planned, item))
          into.add(formOf(item, planned.chain))
  }
  if (texts.sqli.size + texts.xss.size > 1) injection.prepare({ sqli: [...texts.sqli], xss: [...texts.xss] })
}

/** The prefilter knows of the text as it is; where transformations change it, it is looked at. */
export const isPassedOver = ({ isGated, number, chain }: PlannedRule, { info }: Item): boolean =>
  isGated && info !== undefined && !hasBit(info.bits, number) && (chain.changes & info.groups) === 0

/** Its text after a chain of transformations. */
export function formOf(item: Item, { number, steps }: Chain): string {
  if (steps.length === 0) return item.text
  item.forms ??= []
  let form = item.forms[number]
  if (form === undefined) {
    form = item.text
    for (const { apply } of steps) form = apply(form)
    item.forms[number] = form
  }
  return form
}
