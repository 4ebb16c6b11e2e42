// SPDX-License-Identifier: Apache-2.0

import type { z } from 'zod'
import { nearest } from '../nearest.ts'
import { type PolicyProblem, pointerTo, shown } from './problem.ts'
import { schemaAt } from './schema.ts'

export type Issue = z.core.$ZodIssue

/** What zod found, in the words of problems. `value` is what it looked at. */
export function problemsOf(issue: Issue, value: unknown): PolicyProblem[] {
  const pointer = issue.path.reduce<string>((at, step) => pointerTo(at, step as string | number), '')
  const found = valueAt(value, issue.path)
  const error = (problem: Pick<PolicyProblem, 'code' | 'rule' | 'suggestion'>, path = pointer): PolicyProblem => ({
    severity: 'error',
    ...problem,
    path,
    ...(found === undefined ? {} : { value: shown(found) }),
  })
  const about = schemaAt(value, issue.path)?.description

  switch (issue.code) {
    case 'unrecognized_keys': {
      const members = Object.keys(schemaAt(value, issue.path)?.properties ?? {})
      return issue.keys.map(
        (key): PolicyProblem => ({
          severity: 'error',
          code: 'unknown_member',
          path: pointerTo(pointer, key),
          rule: 'there is no such member here',
          // Not the object that it stands in, which may be large.
          value: shown(key),
          suggestion: meantMember(key, members),
        }),
      )
    }
    case 'invalid_value':
      return [found === undefined ? error(missing(issue.path, about)) : error(choice(found, issue.values))]
    case 'invalid_union': {
      const options = 'options' in issue ? (issue.options as readonly unknown[]) : undefined
      if (found === undefined) return [error(missing(issue.path, about))]
      return [
        error(
          options === undefined
            ? { code: 'wrong_value', rule: issue.message, suggestion: about ?? 'Correct the value' }
            : choice(found, options),
        ),
      ]
    }
    case 'invalid_type':
      return [error(found === undefined ? missing(issue.path, about) : wrongType(issue.expected, issue.message, about))]
    case 'invalid_key':
      return [
        {
          ...error({ code: 'wrong_value', rule: issue.issues[0]?.message ?? issue.message, suggestion: 'Rename it' }),
          value: shown(issue.path.at(-1)),
        },
      ]
    case 'too_big':
    case 'too_small':
      return [error(size(issue))]
    case 'custom': {
      const { code, suggestion } = (issue.params ?? {}) as Pick<PolicyProblem, 'code' | 'suggestion'>
      return [error({ code, rule: issue.message, suggestion })]
    }
    default:
      return [error({ code: 'wrong_value', rule: issue.message, suggestion: about ?? 'Correct the value' })]
  }
}

/** One slip is one problem: `rulez` is told, and that `rules` is missing is not told again. */
export function withoutEchoes(problems: readonly PolicyProblem[]): PolicyProblem[] {
  const meant = new Set(
    problems.flatMap(({ code, path, suggestion }) => {
      const [, name] = /^Did you mean "(.+)"\?$/.exec(suggestion) ?? []
      return code === 'unknown_member' && name !== undefined
        ? [pointerTo(path.slice(0, path.lastIndexOf('/')), name)]
        : []
    }),
  )
  return problems.filter(({ code, path }) => code !== 'missing_member' || !meant.has(path))
}

const valueAt = (value: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>(
    (at, step) =>
      typeof at === 'object' && at !== null && Object.hasOwn(at, step)
        ? (at as Record<PropertyKey, unknown>)[step]
        : undefined,
    value,
  )

function meantMember(key: string, members: readonly string[]): string {
  const meant = nearest(key, members)
  return meant === undefined ? `Remove it, or use one of ${members.join(', ')}` : `Did you mean "${meant}"?`
}

function missing(
  path: readonly PropertyKey[],
  about: string | undefined,
): Pick<PolicyProblem, 'code' | 'rule' | 'suggestion'> {
  const name = String(path.at(-1) ?? 'the document')
  return {
    code: 'missing_member',
    rule: `"${name}" must be there`,
    suggestion: `Add "${name}"${about === undefined ? '' : `: ${about}`}`,
  }
}

function choice(found: unknown, options: readonly unknown[]): Pick<PolicyProblem, 'code' | 'rule' | 'suggestion'> {
  const texts = options.map(String)
  const meant = typeof found === 'string' ? nearest(found.replaceAll('-', '_'), texts) : undefined
  const listed = texts.map((text) => `"${text}"`).join(', ')
  return {
    code: 'wrong_value',
    rule: texts.length === 1 ? `the value is ${listed}` : `the value is one of ${listed}`,
    suggestion: meant === undefined ? `Write one of ${listed}` : `Did you mean "${meant}"?`,
  }
}

const typeNames: Readonly<Record<string, string>> = {
  string: 'a text, in double quotes',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list, in [ ]',
  object: 'an object, in { }',
  record: 'an object, in { }',
}

function wrongType(
  expected: string,
  message: string,
  about: string | undefined,
): Pick<PolicyProblem, 'code' | 'rule' | 'suggestion'> {
  const type = typeNames[expected] ?? expected
  // A form with a rule of its own says more than the type does.
  const isPlain = message.startsWith('Invalid input')
  const suggestion = isPlain ? `Write ${type}` : (about ?? `Write ${type}`)
  return { code: 'wrong_type', rule: isPlain ? `the value is ${type}` : message, suggestion }
}

function size(
  issue: Extract<Issue, { code: 'too_big' | 'too_small' }>,
): Pick<PolicyProblem, 'code' | 'rule' | 'suggestion'> {
  const isBig = issue.code === 'too_big'
  const bound = isBig ? `at most ${issue.maximum}` : `at least ${issue.minimum}`
  if (issue.origin === 'array')
    return isBig
      ? { code: 'too_many', rule: `the list has ${bound} values`, suggestion: 'Use fewer, or split the policy' }
      : {
          code: 'empty_match',
          rule: 'a list that is given has a value: an empty one matches nothing',
          suggestion: 'Add a value, or leave the member out: then everything matches',
        }
  const rule = /^Too (big|small)/.test(issue.message) ? `the number is ${bound}` : issue.message
  return {
    code: 'wrong_value',
    rule,
    suggestion: isBig ? `Write ${issue.maximum} or less` : `Write ${issue.minimum} or more`,
  }
}
