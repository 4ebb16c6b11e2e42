// SPDX-License-Identifier: Apache-2.0

import { nearest } from '../nearest.ts'
import type { PolicyDocument } from './document.ts'
import { policyLimits } from './limits.ts'
import { listOf } from './list-name.ts'
import { type PolicyProblem, pointerTo, shown } from './problem.ts'

type Value = string | number
type Lists = Readonly<Record<string, Readonly<Record<string, readonly Value[]>> | undefined>>

/** Members of a rule that list values, and the kind of list that may stand in for them. */
const kinds: Readonly<Record<string, string>> = {
  addresses: 'addresses',
  ports: 'ports',
  paths: 'paths',
  executables: 'executables',
  ancestors: 'executables',
  users: 'users',
  units: 'units',
  command_lines: 'command_lines',
}

export const listsOf = (policy: PolicyDocument): Lists => ('lists' in policy && policy.lists) || {}

/** Every list of values that a policy writes down, in rules and under names. */
export function* writtenValues(
  policy: PolicyDocument,
): Generator<{ kind: string; pointer: string; values: readonly Value[] }> {
  for (const [kind, named] of Object.entries(listsOf(policy)))
    for (const [name, values] of Object.entries(named ?? {}))
      yield { kind, pointer: pointerTo(`/lists/${kind}`, name), values }
  for (const [index, rule] of policy.rules.entries()) yield* valuesWithin(rule, `/rules/${index}`)
}

function* valuesWithin(
  holder: object,
  pointer: string,
): Generator<{ kind: string; pointer: string; values: readonly Value[] }> {
  for (const [member, value] of Object.entries(holder)) {
    const kind = kinds[member]
    if (kind !== undefined && Array.isArray(value))
      yield { kind, pointer: `${pointer}/${member}`, values: value as Value[] }
    if (member === 'may')
      for (const [index, subject] of (value as object[]).entries())
        yield* valuesWithin(subject, `${pointer}/may/${index}`)
  }
}

/** The same policy with the values of lists in the place of their names. Lists that are not there stand for nothing. */
export function resolveLists<P extends PolicyDocument>(policy: P): P {
  const read = listReader(listsOf(policy), () => undefined)
  const resolved = <T extends object>(holder: T): T =>
    Object.fromEntries(
      Object.entries(holder).map(([member, value]) => {
        const kind = kinds[member]
        if (kind !== undefined && Array.isArray(value)) return [member, read(kind, value as Value[], '')]
        return [member, member === 'may' ? (value as object[]).map(resolved) : value]
      }),
    ) as T
  return { ...policy, rules: policy.rules.map(resolved) }
}

/** Lists that are named and not there, that name each other in a circle, or that nobody names. */
export function* checkLists(policy: PolicyDocument): Generator<PolicyProblem> {
  const lists = listsOf(policy)
  const problems: PolicyProblem[] = []
  const used = new Set<string>()
  const read = listReader(lists, (problem) => void problems.push(problem))
  let named = 0
  for (const { kind, pointer, values } of writtenValues(policy)) {
    for (const value of values) if (listOf(value) !== undefined) used.add(`${kind}/${listOf(value)}`)
    const all = read(kind, values, pointer)
    if (pointer.startsWith('/rules')) named += all.length
  }
  yield* problems
  if (named > policyLimits.namedValuesMax)
    yield {
      severity: 'error',
      code: 'too_many',
      path: '/rules',
      rule: `rules name at most ${policyLimits.namedValuesMax} values in all, those of their lists counted each time`,
      value: String(named),
      suggestion: 'Write prefixes and patterns in the place of single values, or split the policy',
    }
  for (const [kind, names] of Object.entries(lists))
    for (const name of Object.keys(names ?? {}))
      if (!used.has(`${kind}/${name}`))
        yield {
          severity: 'warning',
          code: 'unused_list',
          path: pointerTo(`/lists/${kind}`, name),
          rule: 'a list is there to be named',
          value: shown(`@${name}`),
          suggestion: `Name it in a rule as "@${name}", or remove it`,
        }
}

/** Reads values with lists in their place. Each list is read once, and its values stand once, however they are reached. */
function listReader(lists: Lists, report: (problem: PolicyProblem) => void) {
  const known = new Map<string, readonly Value[]>()
  const told = new Set<string>()

  function reportOnce(problem: PolicyProblem): void {
    if (told.has(problem.path)) return
    told.add(problem.path)
    report(problem)
  }

  function read(
    kind: string,
    values: readonly Value[],
    pointer: string,
    above: readonly string[] = [],
  ): readonly Value[] {
    if (!values.some((value) => listOf(value) !== undefined)) return values
    const [only] = values
    // Rules that name the same list share its values.
    if (values.length === 1 && listOf(only) !== undefined)
      return readList(kind, listOf(only) as string, `${pointer}/0`, above)
    const all = new Set<Value>()
    for (const [index, value] of values.entries()) {
      const name = listOf(value)
      if (name === undefined) all.add(value)
      else for (const inner of readList(kind, name, `${pointer}/${index}`, above)) all.add(inner)
    }
    return [...all]
  }

  function readList(kind: string, name: string, pointer: string, above: readonly string[]): readonly Value[] {
    const key = `${kind}/${name}`
    const found = known.get(key)
    if (found !== undefined) return found
    const names = lists[kind] ?? {}
    if (above.includes(name)) {
      const circle = [...above.slice(above.indexOf(name)), name].map((each) => `@${each}`).join(' -> ')
      reportOnce({
        severity: 'error',
        code: 'cyclic_list',
        path: pointer,
        rule: 'lists do not name each other in a circle',
        value: circle,
        suggestion: `Remove "@${name}" here, or in one of the lists before it`,
      })
      return []
    }
    const values = Object.hasOwn(names, name) ? names[name] : undefined
    if (values === undefined) {
      reportOnce({
        severity: 'error',
        code: 'unknown_list',
        path: pointer,
        rule: `lists.${kind} has a list of that name`,
        value: shown(`@${name}`),
        suggestion: meantList(kind, name, Object.keys(names)),
      })
      return []
    }
    const all = read(kind, values, pointerTo(`/lists/${kind}`, name), [...above, name])
    known.set(key, all)
    return all
  }
  return read
}

function meantList(kind: string, name: string, names: readonly string[]): string {
  const meant = nearest(name, names)
  if (meant !== undefined) return `Did you mean "@${meant}"?`
  return names.length === 0
    ? `Add the list under lists.${kind}`
    : `Name one of ${names.map((each) => `"@${each}"`).join(', ')}`
}
