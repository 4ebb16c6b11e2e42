// SPDX-License-Identifier: Apache-2.0

import { checkOrder, checkOverlaps, checkRules } from './check.ts'
import { type PolicyDocument, policyDocument } from './document.ts'
import { checkEnforced } from './enforced.ts'
import { policyLimits } from './limits.ts'
import { checkLists } from './lists.ts'
import { type PlacedJson, parsePlaced, placesAt } from './placed-json.ts'
import type { PolicyProblem } from './problem.ts'
import { type Issue, problemsOf, withoutEchoes } from './structure.ts'

export type PolicyValidation = {
  /** No problem is an error: the policy is accepted. */
  readonly ok: boolean
  /** In the order in which they stand in the document. */
  readonly problems: readonly PolicyProblem[]
  /** Problems beyond `policyLimits.problemsMax`, errors being told first. */
  readonly omitted: number
}

export type ValidatedPolicy = {
  /** With what was left out filled in; undefined where the validation is not ok. */
  readonly policy: PolicyDocument | undefined
  readonly validation: PolicyValidation
}

/** What the server adds to a policy. Who writes back what was read need not take it out. */
export const recordMembers = [
  'id',
  'version',
  'etag',
  'digest',
  'signature',
  'created_by',
  'created_at',
  'updated_by',
  'updated_at',
] as const

/**
 * Everything that is wrong with a policy, at once. Text is JSON, and its problems name line and column; any other value
 * is looked at as it is. `nowMs` (Unix milliseconds): for what has ended. Never throws.
 */
export function validatePolicy(input: unknown, { nowMs }: { readonly nowMs?: number } = {}): ValidatedPolicy {
  if (typeof input !== 'string') {
    const fault = tooDeep(input) ?? tooLarge(JSON.stringify(input) ?? '')
    return judged(input, cut(fault === undefined ? problemsIn(input, nowMs) : { problems: [fault], beyond: 0 }))
  }
  const large = tooLarge(input)
  if (large !== undefined) return judged(undefined, { problems: [large], omitted: 0 })
  const placed = parsePlaced(input, policyLimits.depthMax)
  const offsets = new Map<PolicyProblem, number>()
  // The last one may be what ended the reading.
  const faults = placed.faults.slice(-policyLimits.problemsMax)
  for (const { code, pointer, offset, rule, received, suggestion } of faults)
    offsets.set({ severity: 'error', code, path: pointer, rule, value: received, suggestion }, offset)
  const { problems, beyond } =
    placed.value === undefined ? { problems: [], beyond: 0 } : problemsIn(placed.value, nowMs)
  const told = cut({
    problems: [...offsets.keys(), ...problems],
    beyond: beyond + placed.faults.length - faults.length,
  })
  for (const problem of told.problems) offsets.set(problem, offsets.get(problem) ?? offsetOf(problem, placed))
  const places = placesAt(input, [...offsets.values()])
  const inText = told.problems.map((problem) => ({ ...problem, ...places.get(offsets.get(problem) ?? 0) }))
  const inOrder = inText.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0))
  return judged(placed.value, { ...told, problems: inOrder })
}

/** `beyond`: errors that nobody put into words, for there are enough. */
type Found = { readonly problems: readonly PolicyProblem[]; readonly beyond: number }
type Told = Pick<PolicyValidation, 'problems' | 'omitted'>

function judged(value: unknown, told: Told): ValidatedPolicy {
  const ok = !told.problems.some(({ severity }) => severity === 'error')
  return { policy: ok ? policyDocument.parse(authored(value)) : undefined, validation: { ok, ...told } }
}

function cut({ problems, beyond }: Found): Told {
  const { problemsMax } = policyLimits
  if (problems.length <= problemsMax) return { problems, omitted: beyond }
  const isFirst = ({ severity, code }: PolicyProblem) => severity === 'error' || code === 'not_compared'
  const ranked = [...problems.filter(isFirst), ...problems.filter((problem) => !isFirst(problem))]
  const told = new Set(ranked.slice(0, problemsMax))
  return {
    problems: problems.filter((problem) => told.has(problem)),
    omitted: beyond + problems.length - told.size,
  }
}

function authored(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(
    Object.entries(value).filter(([name]) => !(recordMembers as readonly string[]).includes(name)),
  )
}

function problemsIn(input: unknown, nowMs: number | undefined): Found {
  const value = authored(input)
  const parsed = policyDocument.safeParse(value)
  if (parsed.success) return { problems: meaning(parsed.data, nowMs, true), beyond: 0 }
  const issues = parsed.error.issues.flatMap((issue): Issue[] =>
    issue.code === 'unrecognized_keys' ? issue.keys.map((key) => ({ ...issue, keys: [key] })) : [issue],
  )
  const told = withoutEchoes(issues.slice(0, policyLimits.problemsMax).flatMap((issue) => problemsOf(issue, value)))
  // To put an issue into words costs more than to find it.
  const beyond = issues.length - policyLimits.problemsMax
  if (beyond > 0) return { problems: told, beyond }
  return { problems: [...told, ...meaningOfSound(value, issues, nowMs)], beyond: 0 }
}

/** What can be said of the rules in which nothing is wrong, as if they were all there are. */
function meaningOfSound(
  value: unknown,
  issues: readonly { readonly path: readonly PropertyKey[] }[],
  nowMs: number | undefined,
): PolicyProblem[] {
  const { type, rules, lists } = (value ?? {}) as { type?: unknown; rules?: unknown; lists?: unknown }
  if (!Array.isArray(rules) || issues.some(({ path }) => path[0] === 'rules' && path.length === 1)) return []
  const broken = new Set(issues.flatMap(({ path }) => (path[0] === 'rules' ? [path[1]] : [])))
  const indexes = [...rules.keys()].filter((index) => !broken.has(index))
  const hasLists = !issues.some(({ path }) => path[0] === 'lists')
  const sound = policyDocument.safeParse({
    type,
    name: 'the sound rules',
    rules: indexes.map((index) => rules[index] as unknown),
    ...(hasLists && lists !== undefined ? { lists } : {}),
  })
  if (!sound.success) return []
  return meaning(sound.data, nowMs, hasLists && broken.size === 0).map((problem) => ({
    ...problem,
    path: problem.path.replace(/^\/rules\/(\d+)/, (_, index: string) => `/rules/${indexes[Number(index)]}`),
  }))
}

/** `whole`: all of it is there, so that what is missing is missing. */
function meaning(policy: PolicyDocument, nowMs: number | undefined, whole: boolean): PolicyProblem[] {
  const lists = whole ? [...checkLists(policy)] : []
  const order = lists.some(({ severity }) => severity === 'error') || !whole ? [] : [...checkOrder(policy)]
  return [...checkOverlaps(policy), ...checkRules(policy, nowMs), ...checkEnforced(policy), ...lists, ...order]
}

function offsetOf({ code, path }: PolicyProblem, { values, names }: PlacedJson): number {
  const isName = code === 'unknown_member' || code === 'unused_list'
  for (let pointer = path; ; pointer = pointer.slice(0, pointer.lastIndexOf('/'))) {
    const offset = (isName ? names.get(pointer) : undefined) ?? values.get(pointer)
    if (offset !== undefined || pointer === '') return offset ?? 0
  }
}

function tooLarge(text: string): PolicyProblem | undefined {
  const { textBytesMax } = policyLimits
  const bytes = text.length > textBytesMax ? text.length : new TextEncoder().encode(text).length
  if (bytes <= textBytesMax) return undefined
  return {
    severity: 'error',
    code: 'too_large',
    path: '',
    rule: `a policy has at most ${textBytesMax} bytes`,
    value: `${bytes} bytes`,
    suggestion: 'Use prefixes, patterns and lists, or split the policy',
  }
}

/** Values that were parsed elsewhere may nest so deep that nothing else may look at them. */
function tooDeep(value: unknown, depth = 0): PolicyProblem | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  if (depth >= policyLimits.depthMax)
    return {
      severity: 'error',
      code: 'too_deep',
      path: '',
      rule: `values nest at most ${policyLimits.depthMax} deep`,
      value: `more than ${policyLimits.depthMax} levels`,
      suggestion: 'Flatten the document',
    }
  for (const inner of Object.values(value)) {
    const found = tooDeep(inner, depth + 1)
    if (found !== undefined) return found
  }
  return undefined
}
