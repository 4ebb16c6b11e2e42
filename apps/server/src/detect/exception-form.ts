// SPDX-License-Identifier: Apache-2.0

import { hash } from 'node:crypto'
import { canonicalize } from '@sealwatch/base'
import type { Side } from '@sealwatch/contract'
import { evaluate, loadRules, type RegexBudget, RegexStepsError, type Rule, type Ruleset } from '@sealwatch/detect'
import type { Tables } from '../store/index.ts'
import { ruleError } from './errors.ts'

/** Fields with values, in the form of a selection of Sigma: a map, or a list of such of which any suffices; null: whatever the event. */
export type Selection = Readonly<Record<string, unknown>> | readonly Readonly<Record<string, unknown>>[] | null

/** What is excepted: a rule by its id, or all that have a tag. */
export type Excepted = { readonly ruleId: string | null; readonly tag: string | null }

/** A rule, or a correlation, which has no log source. */
export type ExceptedRule = Pick<Rule, 'id' | 'tags'> & Partial<Pick<Rule, 'logsource' | 'types'>>

export type ExceptionRow = Tables['rule_exceptions']

export const exceptionLimits = {
  /** Of a tenant, that are not over. */
  standingMax: 200,
  daysMax: 90,
  selectionUnitsMax: 8_192,
  /** Of all its expressions together, which run on a server of many tenants: states, and steps for one event. */
  regexStatesMax: 1_024,
  regexStepsMax: 262_144,
  reasonCharsMax: 500,
  /** Told before it ends. */
  endingMs: 3 * 86_400_000,
} as const

/** Of what the ledger says of it, so that a row of the database can be held against that. */
export function digestOf(row: ExceptionRow): string {
  const { tenant, exception_id, rule_id, tag, selection, request, expires_at, owner } = row
  const said = {
    tenant,
    exception_id,
    rule_id,
    tag,
    selection,
    expires_at,
    owner,
    ...(request !== null && { request }),
  }
  return hash('sha256', canonicalize(said), 'hex')
}

export const isMeant = (rule: ExceptedRule, { ruleId, tag }: Excepted): boolean =>
  ruleId === null ? tag !== null && rule.tags.includes(tag) : rule.id === ruleId

/** By the compiler of the rules, for the log source of the rule it is about. Throws EXCEPTION_INVALID. */
export function compileException(rule: ExceptedRule, selection: Selection, budget: RegexBudget = newBudget()): Ruleset {
  const attempted = `excepting matches of ${rule.id}`
  if (rule.logsource === undefined)
    throw ruleError('EXCEPTION_INVALID', {
      attempted,
      received: 'a selection for what has no log source: a correlation, or a rule of Falco',
      advice: 'Except all of it (selection null); of a correlation, what the rules it is about match',
    })
  const text = JSON.stringify({
    title: 'an exception',
    id: '00000000-0000-0000-0000-000000000000',
    logsource: rule.logsource,
    detection: { exception: selection, condition: 'exception' },
  })
  if (text.length > exceptionLimits.selectionUnitsMax)
    throw ruleError('EXCEPTION_INVALID', {
      attempted,
      received: `more than ${exceptionLimits.selectionUnitsMax} characters`,
    })
  const { ruleset, problems, notices } = loadRules([{ path: 'the exception', text }], {}, budget)
  const [problem] = problems
  if (problem !== undefined) {
    const { received, rule: form, advice } = problem.error
    throw ruleError('EXCEPTION_INVALID', { attempted, received: received ?? form, advice, cause: problem.error })
  }
  const [notice] = rule.types?.length === 0 ? [] : notices
  if (notice !== undefined) throw ruleError('EXCEPTION_INVALID', { attempted, received: notice.text })
  return ruleset
}

/** Whether an event is one of those that an exception is about. What it cannot judge is not excepted. */
export function createExceptionJudge(selection: Selection) {
  // By log source: a tag may have rules of several.
  const compiled = new Map<string, Compiled | undefined>()
  const compiledFor = (rule: ExceptedRule): Compiled | undefined => {
    const key = JSON.stringify(rule.logsource)
    if (!compiled.has(key)) {
      if (compiled.size >= sourcesMax) compiled.clear()
      compiled.set(key, tried(rule, selection))
    }
    return compiled.get(key)
  }
  return (rule: ExceptedRule, event: { readonly type_uid: number }, side: Side): boolean => {
    if (selection === null) return true
    const exception = compiledFor(rule)
    return exception !== undefined && holds(exception, event, side)
  }
}

type Compiled = { readonly ruleset: Ruleset; readonly budget: RegexBudget }

const newBudget = (): RegexBudget => ({
  states: exceptionLimits.regexStatesMax,
  steps: exceptionLimits.regexStepsMax,
})

function holds({ ruleset, budget }: Compiled, event: { readonly type_uid: number }, side: Side): boolean {
  budget.steps = exceptionLimits.regexStepsMax
  try {
    return evaluate(ruleset, event, side).length > 0
  } catch (error) {
    if (!(error instanceof RegexStepsError)) throw error
    return false
  }
}

const sourcesMax = 64

function tried(rule: ExceptedRule, selection: Selection): Compiled | undefined {
  try {
    const budget = newBudget()
    return { ruleset: compileException(rule, selection, budget), budget }
  } catch {
    return undefined
  }
}
