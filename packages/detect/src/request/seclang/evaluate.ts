// SPDX-License-Identifier: Apache-2.0

import type { RequestContext } from '../context.ts'
import type { DecodedRequest } from '../decode/request.ts'
import type { Meter } from '../regex/dfa.ts'
import type { Control } from './actions.ts'
import { nextBit, removeBit } from './bits.ts'
import { type Chain, formOf } from './chains.ts'
import { type Item, newItem, partsOf, type RequestView, viewOf } from './collections.ts'
import type { Folded } from './fold.ts'
import { seclangLimits } from './limits.ts'
import { expand, type MacroLookup } from './macro.ts'
import type { Injection, OperatorRun } from './operators.ts'
import { isPassedOver, type Plan, type PlannedRule, planOf } from './plan.ts'
import type { SecRule } from './rule.ts'
import { isMeant, type Target } from './targets.ts'
import { changedValue, isScore, type Variables, variablesOver } from './variables.ts'

/** A rule that matched: `where` as in `ARGS_GET:q`, `text` what of it matched, cut to a length. */
export type SecMatch = {
  readonly id: number
  readonly msg: string
  readonly severity: string
  readonly tags: readonly string[]
  readonly where: string
  readonly text: string
}
export type SecVerdict = {
  readonly matches: readonly SecMatch[]
  /** What the rules reckoned together in TX, as in `inbound_anomaly_score_pl1` and `sql_injection_score`. */
  readonly scores: Readonly<Record<string, number>>
  /** Whether a rule that matched would have blocked by itself. */
  readonly blocks: boolean
  /** False when expressions would have taken more steps than are allowed: what is not told of may be there. */
  readonly isComplete: boolean
}
/** Whether what a rule finds at a place, as in `ARGS_GET:q`, does not count. */
export type IsExcepted = (id: number, where: string) => boolean
export type Evaluator = {
  /**
   * Never throws, whatever the request holds. Where it is excepted, a rule that is told finds nothing, and so it does not hide what it
   * finds elsewhere; what it would have found there is told besides, after all else.
   */
  evaluate(context: RequestContext, decoded: DecodedRequest, injection?: Injection, isExcepted?: IsExcepted): SecVerdict
}

export function createEvaluator(folded: Folded): Evaluator {
  const plan = planOf(folded)
  const newVariables = variablesOver(folded.variables)
  return {
    evaluate: (context, decoded, injection, isExcepted) =>
      evaluateWith(plan, { variables: newVariables(), view: viewOf(context, decoded), injection, isExcepted }),
  }
}

/** One request on its way through the rules. */
type Run = OperatorRun & {
  readonly meter: Required<Meter>
  readonly view: RequestView
  readonly variables: Variables
  /** TX:0 to TX:9, which are seldom asked for. */
  captured: (index: number) => string | undefined
  /** What the link before matched, for MATCHED_VARS; the last of it is MATCHED_VAR. */
  matched: readonly Item[]
  /** Set by ctl. */
  readonly removals: Control[]
  isOff: boolean
  readonly isExcepted: IsExcepted | undefined
  /** Rules that would have found something where they are excepted, if what is chained to them agrees. */
  readonly excepted: Set<PlannedRule>
  /** All else is told: rules look where they are excepted, and nowhere else. */
  isAside: boolean
}
type Given = Pick<Run, 'variables' | 'view' | 'injection' | 'isExcepted'>

function evaluateWith(plan: Plan, given: Given): SecVerdict {
  const { variables, view, injection } = given
  const meter = { steps: seclangLimits.stepsMax, missed: 0 }
  const lookup: MacroLookup = (collection, name) => lookUp(run, collection, name)
  const run: Run = {
    ...given,
    captured: noGroup,
    matched: [],
    removals: [],
    isOff: false,
    lookup,
    meter,
    excepted: new Set(),
    isAside: false,
  }
  const matches: SecMatch[] = []
  let blocks = false
  const todo = plan.candidates(view, meter)
  if (injection !== undefined && meter.steps >= 0) plan.prepare(todo, view, { injection, meter })
  for (let number = nextBit(todo, 0); number >= 0 && !run.isOff && meter.steps >= 0; ) {
    const planned = plan.rules[number] as PlannedRule
    const { rule, phase } = planned
    const first = isRemoved(rule, run) ? undefined : matchChain(planned, run)
    if (first !== undefined) {
      blocks ||= rule.blocks
      if (rule.isLogged && matches.length < seclangLimits.matchesMax) matches.push(matchOf(rule, first, run))
    }
    const after =
      first === undefined || rule.skipAfter === undefined ? number + 1 : plan.markers[phase - 1]?.get(rule.skipAfter)
    number = after === undefined ? -1 : nextBit(todo, Math.max(after, number + 1))
  }
  const verdict = { scores: scoresIn(variables), blocks, isComplete: meter.steps >= 0 && meter.missed === 0 }
  return { ...verdict, matches: run.excepted.size === 0 ? matches : [...matches, ...exceptedIn(run)] }
}

/** When all is told nothing that these rules do changes anything any more, nor do the steps that they take. */
function exceptedIn(run: Run): SecMatch[] {
  run.isAside = true
  const told: SecMatch[] = []
  for (const planned of run.excepted) {
    if (run.meter.steps < 0 || told.length >= seclangLimits.matchesMax) break
    const first = matchChain(planned, run)
    if (first !== undefined) told.push(matchOf(planned.rule, first, run))
  }
  return told
}

type FirstMatch = { readonly item: Item; readonly text: string }

/** The links one after the other; what the first of them found is what is told. */
function matchChain(planned: PlannedRule, run: Run): FirstMatch | undefined {
  const { rule } = planned
  run.matched = []
  const first = matchLink(rule, planned.phase, run, planned)
  if (first === undefined) return undefined
  for (let link = rule.next; link !== undefined; link = link.next)
    if (matchLink(link, planned.phase, run) === undefined) return undefined
  for (let link: SecRule | undefined = rule; link !== undefined; link = link.next) obey(link.controls, run)
  return first
}

function matchLink(rule: SecRule, phase: number, run: Run, planned?: PlannedRule): FirstMatch | undefined {
  let first: FirstMatch | undefined
  const matched: Item[] = []
  for (const target of rule.targets)
    for (const item of itemsOf(target, phase, run)) {
      if ((planned !== undefined && isPassedOver(planned, item)) || isExcluded(rule, item, run)) continue
      let isFound = false
      for (const text of formsOf(item, rule, planned?.chain, run.meter)) {
        run.meter.steps -= text.length
        if (rule.operator.matches(text, run) === rule.negated) continue
        isFound = true
        if (planned !== undefined && isLeftOut(planned, item, run)) continue
        if (rule.captures && !rule.negated) run.captured = groupsLater(rule, text, run)
        matched.push(text === item.text ? item : newItem(item.collection, item.name, text))
        first ??= { item, text }
        setVariables(rule, run, matched)
      }
      if (!isFound && planned !== undefined) passOver(planned, item, run)
    }
  run.matched = matched
  return first
}

/** What nobody is told of is not excepted. */
function isLeftOut(planned: PlannedRule, item: Item, { isExcepted, isAside, excepted }: Run): boolean {
  const { id, isLogged } = planned.rule
  if (isExcepted === undefined || !isLogged) return false
  const is = isExcepted(id, keyOf(item))
  if (is) excepted.add(planned)
  return is !== isAside
}

/** What a rule was tried on in vain, it need not be tried on again; where it was tried to the end. */
function passOver({ isGated, number, asksInjection }: PlannedRule, { may }: Item, { meter, injection }: Run): void {
  if (!isGated || may === undefined || meter.steps < 0 || meter.missed > 0) return
  if (injection !== undefined || !asksInjection) removeBit(may, number)
}

function formsOf(item: Item, rule: SecRule, chain: Chain | undefined, meter: Meter): readonly string[] {
  const { transformations, multiMatch } = rule
  if (!multiMatch) return [chain === undefined ? transformed(item.text, transformations) : formOf(item, chain, meter)]
  const forms = [item.text]
  for (const { apply } of transformations) {
    const form = apply(forms.at(-1) as string)
    if (form !== forms.at(-1)) forms.push(form)
  }
  return forms
}

const transformed = (text: string, steps: SecRule['transformations']) =>
  steps.reduce((form, { apply }) => apply(form), text)

function itemsOf(target: Target, phase: number, run: Run): readonly Item[] {
  if (target.collection === 'TX' && target.name !== undefined) return variableNamed(target.name, target.isCount, run)
  const meant = target.collection === 'TX' ? variablesMeant(target, run) : allMeant(target, phase, run)
  return target.isCount ? [newItem(target.collection, target.name ?? '', String(meant.length))] : meant
}

function allMeant(target: Target, phase: number, run: Run): readonly Item[] {
  const all = allOf(target.collection, phase, run)
  if (target.name === undefined && target.names === undefined) return all
  const meant: Item[] = []
  for (const item of all) if (isMeant(target, item.name, item.key)) meant.push(item)
  return meant
}

const noGroup = () => undefined

/** By its number; the first is all that matched. */
function groupsLater({ operator }: SecRule, text: string, run: Run): Run['captured'] {
  let whole: string | undefined
  let groups: readonly string[] | undefined
  return (index) => {
    if (index === 0) {
      whole ??= operator.told?.(text, run) ?? text
      return whole
    }
    groups ??= operator.groups?.(text, run) ?? []
    return groups[index]
  }
}

const groupNames = Array.from({ length: 10 }, (_, index) => String(index))

function variablesMeant(target: Target, { captured, variables }: Run): readonly Item[] {
  const groups = groupNames.flatMap((name, index) => {
    const text = isMeant(target, name, name) ? captured(index) : undefined
    return text === undefined ? [] : [newItem('TX', name, text)]
  })
  return [...groups, ...variables.namesOf(target).map((name) => newItem('TX', name, variables.get(name) ?? ''))]
}

const groupNamed = (name: string, { captured }: Run): string | undefined =>
  groupNames.includes(name) ? captured(Number(name)) : undefined

function variableNamed(name: string, isCount: boolean, run: Run): readonly Item[] {
  const value = groupNamed(name, run) ?? run.variables.get(name)
  if (isCount) return [newItem('TX', name, value === undefined ? '0' : '1')]
  return value === undefined ? [] : [newItem('TX', name, value)]
}

function allOf(collection: string, phase: number, { view, matched }: Run): readonly Item[] {
  switch (collection) {
    case 'MATCHED_VARS':
      return matched
    case 'MATCHED_VAR':
      return matched.slice(-1)
    case 'MATCHED_VARS_NAMES':
      return matched.map((item) => newItem(collection, item.name, keyOf(item)))
    case 'MATCHED_VAR_NAME':
      return matched.slice(-1).map((item) => newItem(collection, item.name, keyOf(item)))
    default:
      return view.itemsOf(collection, phase)
  }
}

const keyOf = ({ collection, name }: Item) => (name === '' ? collection : `${collection}:${name}`)

function isExcluded(rule: SecRule, item: Item, { removals }: Run): boolean {
  if (rule.excluded.some((target) => isOf(target, item))) return true
  return removals.some(
    (control) =>
      control.kind === 'remove-target' && control.targets.some((target) => isOf(target, item)) && control.rules(rule),
  )
}

/** ARGS is made of ARGS_GET and ARGS_POST. */
const isOf = (target: Target, item: Item): boolean =>
  (target.collection === item.collection || partsOf(target.collection).includes(item.collection)) &&
  isMeant(target, item.name, item.key)

const isRemoved = (rule: SecRule, { removals }: Run): boolean =>
  removals.length > 0 && removals.some((control) => control.kind === 'remove-rules' && control.rules(rule))

function obey(controls: readonly Control[], run: Run): void {
  for (const control of controls)
    if (control.kind === 'engine-off') run.isOff = true
    else run.removals.push(control)
}

function setVariables({ setVariables }: SecRule, run: Run, matched: readonly Item[]): void {
  if (setVariables.length === 0) return
  run.matched = matched
  for (const { name, kind, value } of setVariables) {
    const variable = expand(name, run.lookup).toLowerCase()
    if (kind === 'unset') run.variables.delete(variable)
    else run.variables.set(variable, changedValue(kind, run.variables.get(variable), expand(value, run.lookup)))
  }
}

function lookUp(run: Run, collection: string, name: string): string {
  const { view, variables, matched } = run
  if (collection === 'tx') return groupNamed(name, run) ?? variables.get(name) ?? ''
  const last = matched.at(-1)
  if (collection === 'matched_var') return last?.text ?? ''
  if (collection === 'matched_var_name') return last === undefined ? '' : keyOf(last)
  const items = view.itemsOf(collection.toUpperCase(), 2)
  return (name === '' ? items[0] : items.find((item) => item.key === name))?.text ?? ''
}

const matchOf = (
  { id, msg, severity, tags, operator, negated }: SecRule,
  { item, text }: FirstMatch,
  run: Run,
): SecMatch => ({
  id,
  msg,
  severity,
  tags,
  where: keyOf(item),
  text: ((negated ? undefined : operator.told?.(text, run)) ?? text).slice(0, seclangLimits.textCharsMax),
})

function scoresIn({ changed }: Variables): Record<string, number> {
  const scores: Record<string, number> = {}
  for (const [name, value] of changed) if (isScore(name)) scores[name] = Number.parseInt(value ?? '', 10) || 0
  return scores
}
