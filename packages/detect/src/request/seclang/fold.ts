// SPDX-License-Identifier: Apache-2.0

import { expand, variablesIn } from './macro.ts'
import { type Entry, isMarker, linksOf, type SecRule } from './rule.ts'
import { withoutUnread } from './unread.ts'
import { changedValue } from './variables.ts'

/** What is left to do for a request: the rules of each phase with their markers, and TX as it is before the first. */
export type Folded = { readonly phases: readonly (readonly Entry[])[]; readonly variables: ReadonlyMap<string, string> }

/**
 * A rule set begins with dozens of rules that only set what is not set, and has before each level of paranoia one that
 * asks for it: their outcome is the same for every request. They are decided here, once. What a request can have an
 * influence on stays a rule.
 */
export function foldConstants(entries: readonly Entry[], given: Readonly<Record<string, string>>): Folded {
  const known = new Map(Object.entries(given).map(([name, value]) => [name.toLowerCase(), value]))
  const state: State = { known, open: new Set(), touched: new Set(), prefixes: new Set() }
  const phases = [1, 2].map((phase) =>
    foldPhase(
      entries.filter((entry) => isMarker(entry) || entry.phase === phase),
      state,
    ),
  )
  return { phases: withoutUnread(phases), variables: known }
}

/** `open`: markers that a request may or may not skip to; `touched`: variables that it may have set; also by what they begin with. */
type State = {
  readonly known: Map<string, string>
  readonly open: Set<string>
  readonly touched: Set<string>
  readonly prefixes: Set<string>
}

function foldPhase(entries: readonly Entry[], state: State): Entry[] {
  const left: Entry[] = []
  let skipping: string | undefined
  for (const entry of entries) {
    if (isMarker(entry)) {
      if (entry.marker === skipping) skipping = undefined
      if (state.open.delete(entry.marker)) left.push(entry)
    } else if (skipping === undefined) {
      const outcome = decide(entry, state)
      if (outcome === 'keep') left.push(entry)
      else if (outcome !== 'drop') skipping = outcome.skipTo
    }
  }
  return left
}

/** A link whose outcome others may ask for is kept with its chain. */
function decide(rule: SecRule, state: State): 'keep' | 'drop' | { readonly skipTo: string | undefined } {
  const links = linksOf(rule)
  const verdicts = links.map((link) => constantVerdict(link, state))
  const isQuiet = ({ setVariables, captures }: SecRule) => setVariables.length === 0 && !captures
  const failing = verdicts.indexOf(false)
  if (failing >= 0 && links.slice(0, failing).every(isQuiet)) return 'drop'
  const isPlain = links.every(({ controls, isLogged }) => controls.length === 0 && !isLogged)
  const isCertain = verdicts.every((verdict) => verdict === true) && isPlain
  // Where a jump of a request may pass over it, what it sets is not certain; nor is it when the jump would be ours.
  if (
    isCertain &&
    links.slice(0, -1).every(isQuiet) &&
    state.open.size === 0 &&
    setConstants(links.at(-1) as SecRule, state)
  )
    return { skipTo: rule.skipAfter }
  for (const link of links) touch(link, state)
  if (rule.skipAfter !== undefined) state.open.add(rule.skipAfter)
  return 'keep'
}

/** Undefined where it depends on the request. */
function constantVerdict(rule: SecRule, state: State): boolean | undefined {
  const { targets, excluded, operator, negated, operatorName } = rule
  const lookup = (_: string, name: string) => state.known.get(name) ?? ''
  const asked = variablesIn(operator.param)
  if (asked.others || asked.tx.some((name) => isOpen(name, state)) || rule.captures) return undefined
  if (operatorName === 'unconditionalmatch') return true
  if (targets.some(({ collection, name }) => collection !== 'TX' || name === undefined || isOpen(name, state)))
    return undefined
  if (excluded.length > 0 || operatorName.startsWith('detect')) return undefined
  const run = { lookup, meter: { steps: 100_000 }, injection: undefined }
  const texts = targets.flatMap(({ name, isCount }) => {
    const value = state.known.get(name as string)
    return isCount ? [value === undefined ? '0' : '1'] : value === undefined ? [] : [value]
  })
  return texts.some((text) => {
    const form = rule.transformations.reduce((before, { apply }) => apply(before), text)
    return operator.matches(form, run) !== negated
  })
}

/** True when all that it sets is certain now; a second value for one name is not, for a rule between may have read the first. */
function setConstants(rule: SecRule, state: State): boolean {
  const changes = new Map<string, string>()
  for (const { name, kind, value } of rule.setVariables) {
    const asked = variablesIn(value)
    const variable = name.source
    if (kind === 'unset' || name.parts !== undefined || asked.others || isOpen(variable, state)) return false
    if (asked.tx.some((other) => isOpen(other, state))) return false
    const before = changes.get(variable) ?? state.known.get(variable)
    const after = changedValue(
      kind,
      before,
      expand(value, (_, other) => changes.get(other) ?? state.known.get(other) ?? ''),
    )
    if (before !== undefined && before !== after) return false
    changes.set(variable, after)
  }
  for (const [name, value] of changes) state.known.set(name, value)
  return true
}

function touch({ setVariables }: SecRule, { touched, prefixes }: State): void {
  for (const { name } of setVariables) {
    if (name.parts === undefined) touched.add(name.source)
    else prefixes.add(String(name.parts[0]))
  }
}

const isOpen = (name: string, { touched, prefixes }: State): boolean =>
  touched.has(name) || /^\d$/.test(name) || [...prefixes].some((prefix) => name.startsWith(prefix))
