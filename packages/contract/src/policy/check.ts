// SPDX-License-Identifier: Apache-2.0
// What a schema cannot say: values that mean nothing, and rules that stand against each other.

import { parsePrefix } from './address.ts'
import type { PolicyDocument, PolicyOf, PolicyRule } from './document.ts'
import { retentionDaysMin } from './floors.ts'
import { policyLimits } from './limits.ts'
import { resolveLists, writtenValues } from './lists.ts'
import { createComparer, matchOf, outcomeOf, placeOf } from './match.ts'
import { type PolicyProblem, shown } from './problem.ts'

const error = (problem: Omit<PolicyProblem, 'severity'>): PolicyProblem => ({ severity: 'error', ...problem })
const warning = (problem: Omit<PolicyProblem, 'severity'>): PolicyProblem => ({ severity: 'warning', ...problem })

/** Addresses of one list that lie within another of it: the narrower one says nothing. */
export function* checkOverlaps(policy: PolicyDocument): Generator<PolicyProblem> {
  for (const { kind, pointer, values } of writtenValues(policy))
    if (kind === 'addresses') yield* checkOverlap(pointer, values)
}

function* checkOverlap(pointer: string, values: readonly (string | number)[]): Generator<PolicyProblem> {
  const ranges = [...values.entries()]
    .flatMap(([index, value]) => {
      const prefix = parsePrefix(String(value))
      return prefix === undefined ? [] : [{ index, value, range: prefix.range }]
    })
    .toSorted((a, b) => compareText(a.range[0], b.range[0]) || compareText(b.range[1], a.range[1]) || a.index - b.index)
  let widest = ranges[0]
  for (const each of ranges.slice(1)) {
    if (widest !== undefined && each.range[1] <= widest.range[1])
      yield warning({
        code: 'overlap',
        path: `${pointer}/${each.index}`,
        rule: 'the addresses of a list do not lie within each other',
        value: shown(each.value),
        suggestion: `Remove it: ${shown(widest.value)} holds it already`,
      })
    else widest = each
  }
}

const compareText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

/** Each rule by itself. */
export function* checkRules(policy: PolicyDocument, nowMs: number | undefined): Generator<PolicyProblem> {
  const ids = new Set<string>()
  for (const [index, rule] of policy.rules.entries()) {
    if (ids.has(rule.id))
      yield error({
        code: 'duplicate_rule',
        path: `/rules/${index}/id`,
        rule: 'each rule of a policy has an id of its own',
        value: shown(rule.id),
        suggestion: 'Rename it: a rule before it has that id',
      })
    ids.add(rule.id)
    yield* checkRule(policy, rule, `/rules/${index}`, nowMs)
  }
}

function checkRule(
  policy: PolicyDocument,
  rule: PolicyRule,
  path: string,
  nowMs: number | undefined,
): Iterable<PolicyProblem> {
  switch (policy.type) {
    case 'network':
      return checkNetworkRule(rule as RuleOf<'network'>, path)
    case 'file':
      return checkFileRule(rule as RuleOf<'file'>, path)
    case 'process':
      return checkCriteria(rule, path, ['executables', 'command_lines', 'ancestors', 'users', 'units'])
    case 'detection':
      return checkDetectionRule(rule as RuleOf<'detection'>, path, nowMs)
    case 'response':
      return []
    case 'retention':
      return checkRetentionRule(rule as RuleOf<'retention'>, path)
  }
}

type RuleOf<T extends PolicyDocument['type']> = PolicyOf<T>['rules'][number]

function* checkCriteria(rule: object, path: string, members: readonly string[]): Generator<PolicyProblem> {
  if (members.some((member) => (rule as Record<string, unknown>)[member] !== undefined)) return
  const suggestion = `Name at least one of ${members.join(', ')}`
  yield error({ code: 'empty_match', path, rule: 'a rule says what it matches', suggestion })
}

function* checkNetworkRule(rule: RuleOf<'network'>, path: string): Generator<PolicyProblem> {
  yield* checkCriteria(rule, path, ['direction', 'protocols', 'addresses', 'ports', 'executables', 'users', 'units'])
  const index = rule.protocols?.indexOf('icmp') ?? -1
  if (rule.ports !== undefined && index >= 0)
    yield error({
      code: 'wrong_value',
      path: `${path}/protocols/${index}`,
      rule: 'a rule with ports is about tcp or udp: icmp has no ports',
      value: shown('icmp'),
      suggestion: 'Write a rule of its own for icmp, without ports',
    })
}

function* checkFileRule(rule: RuleOf<'file'>, path: string): Generator<PolicyProblem> {
  for (const [index, subject] of rule.may.entries())
    if (Object.keys(subject).length === 0)
      yield error({
        code: 'empty_match',
        path: `${path}/may/${index}`,
        rule: 'who may is said by executables, users or units',
        value: '{}',
        suggestion: 'An empty object would mean everybody: name who may, or remove it',
      })
}

function* checkDetectionRule(
  rule: RuleOf<'detection'>,
  path: string,
  nowMs: number | undefined,
): Generator<PolicyProblem> {
  if (rule.kind === 'exception') {
    yield* checkCriteria(rule, path, ['detections', 'executables', 'command_lines', 'users', 'paths', 'hosts'])
    if (rule.until !== undefined && nowMs !== undefined && Date.parse(rule.until) <= nowMs)
      yield warning({
        code: 'expired',
        path: `${path}/until`,
        rule: 'an exception that has ended excepts nothing',
        value: shown(rule.until),
        suggestion: 'Remove the exception, or give it a later end',
      })
    return
  }
  yield* checkCriteria(rule, path, ['alert_from', 'count', 'scores'])
  const { count, within_seconds, scores = {} } = rule
  if ((count === undefined) !== (within_seconds === undefined)) {
    const missing = count === undefined ? 'count' : 'within_seconds'
    yield error({
      code: 'missing_member',
      path,
      rule: 'count and within_seconds say one thing together',
      suggestion: `Add ${missing}`,
    })
  }
  const ladder = (['record', 'alert', 'block'] as const).filter((step) => scores[step] !== undefined)
  for (const [at, step] of ladder.entries()) {
    const below = ladder[at - 1]
    if (below !== undefined && (scores[step] as number) < (scores[below] as number))
      yield error({
        code: 'wrong_order',
        path: `${path}/scores/${step}`,
        rule: 'scores rise from record over alert to block',
        value: shown(scores[step]),
        suggestion: `Write at least ${scores[below]}, the score of ${below}`,
      })
  }
}

function* checkRetentionRule(rule: RuleOf<'retention'>, path: string): Generator<PolicyProblem> {
  for (const name of rule.classes) {
    const floor = retentionDaysMin[name]
    if (rule.days < floor)
      yield error({
        code: 'below_floor',
        path: `${path}/days`,
        rule: `entries of the class ${name} are kept for at least ${floor} days`,
        value: shown(rule.days),
        suggestion: `Write ${floor} or more, or take ${name} out of this rule`,
      })
  }
}

/** Rules that can never match, for what stands before them takes all they would. */
export function* checkOrder(policy: PolicyDocument): Generator<PolicyProblem> {
  if (policy.type === 'retention') return yield* checkClasses(policy)
  const comparer = createComparer(policyLimits.comparisonsMax)
  const rows = resolveLists(policy).rules.map((rule, index) => ({
    index,
    rule,
    place: placeOf(policy.type, rule),
    match: matchOf(rule),
    outcome: outcomeOf(rule),
  }))
  for (const [at, later] of rows.entries()) {
    const earlier = rows.find(
      (row, before) => before >= at || (row.place === later.place && comparer.covers(row.match, later.match)),
    )
    if (comparer.exhausted) {
      yield warning({
        code: 'not_compared',
        path: `/rules/${later.index}`,
        rule: 'rules are compared with those before them as long as that is cheap',
        suggestion: 'From here on nobody looked for unreachable rules: split the policy, or use lists',
      })
      return
    }
    if (earlier === undefined || earlier === later) continue
    const path = `/rules/${later.index}`
    const value = shown(later.rule.id)
    const before = `rule ${shown(earlier.rule.id)}`
    if (earlier.outcome === later.outcome)
      yield warning({
        code: 'unreachable',
        path,
        rule: 'a rule matches something that no rule before it does',
        value,
        suggestion: `Remove it: ${before} matches all of it, to the same effect`,
      })
    else if (comparer.covers(later.match, earlier.match))
      yield error({
        code: 'contradiction',
        path,
        rule: 'rules that match the same say the same',
        value,
        suggestion: `Keep this one or ${before}, which says otherwise`,
      })
    else
      yield error({
        code: 'unreachable',
        path,
        rule: 'a rule matches something that no rule before it does',
        value,
        suggestion: `Put it before ${before}, which matches all of it and says otherwise`,
      })
  }
}

function* checkClasses(policy: PolicyOf<'retention'>): Generator<PolicyProblem> {
  const seen = new Map<string, string>()
  for (const [at, { id, classes }] of policy.rules.entries())
    for (const [place, name] of classes.entries()) {
      const other = seen.get(name)
      if (other !== undefined)
        yield error({
          code: 'contradiction',
          path: `/rules/${at}/classes/${place}`,
          rule: 'one rule says how long a class is kept',
          value: shown(name),
          suggestion: `Name it once: rule ${shown(other)} has it already`,
        })
      else seen.set(name, id)
    }
}
