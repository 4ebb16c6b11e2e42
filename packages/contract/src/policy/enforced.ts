// SPDX-License-Identifier: Apache-2.0
// What hosts cannot refuse, however much a policy asks for it (docs/formats/policy.md, 8): it is told alone, and its author is told so.

import type { PolicyDocument, PolicyOf } from './document.ts'
import { listOf } from './list-name.ts'
import { writtenValues } from './lists.ts'
import { type PolicyProblem, shown } from './problem.ts'

/** The file that a path leads to, the files in that directory, those below it; in the order of their numbers on the wire. */
export const fileReaches = ['itself', 'in', 'below'] as const
export type FileReach = (typeof fileReaches)[number]
export type GuardedPlace = { readonly path: string; readonly reach: FileReach }

/** A path without a pattern, and not that of all there is. */
export const isPlainPath = (pattern: string): boolean => !/[*?\\]/.test(pattern) && pattern !== '/'

/** What a host can guard of a pattern of paths: a file, or a directory. Undefined: nothing. */
export function placeOf(pattern: string): GuardedPlace | undefined {
  if (isPlainPath(pattern)) return { path: pattern, reach: 'itself' }
  const { dir, stars } = /^(?<dir>.+)\/(?<stars>\*{1,2})$/.exec(pattern)?.groups ?? {}
  if (dir === undefined || !isPlainPath(dir)) return undefined
  return { path: dir, reach: stars === '*' ? 'in' : 'below' }
}

/** Of a policy that is to be enforced. */
export function* checkEnforced(policy: PolicyDocument): Generator<PolicyProblem> {
  if (!('mode' in policy) || policy.mode !== 'enforce') return
  if (policy.type === 'file') yield* checkFiles(policy)
  if (policy.type === 'process') yield* checkPrograms(policy)
}

const toldAlone = (path: string, rule: string, value: unknown, suggestion: string): PolicyProblem => ({
  severity: 'warning',
  code: 'told_alone',
  path,
  rule,
  value: shown(value),
  suggestion,
})

function* checkFiles(policy: PolicyOf<'file'>): Generator<PolicyProblem> {
  yield* checkPatterns(policy, 'paths')
  for (const { kind, pointer, values } of writtenValues(policy))
    for (const [index, value] of values.entries())
      if (kind === 'executables' && listOf(value) === undefined && !isPlainPath(String(value)))
        yield toldAlone(
          `${pointer}/${index}`,
          'hosts know programs that may by their files',
          value,
          'Write out their paths: with a pattern nobody whom it may fit is refused',
        )
  for (const [at, { operations = [] }] of policy.rules.entries())
    for (const [index, operation] of operations.entries())
      if (operation !== 'read' && operation !== 'write')
        yield toldAlone(
          `/rules/${at}/operations/${index}`,
          'hosts refuse reading and writing',
          operation,
          'Deny who else may write the directory by its permissions: this is told, and not refused',
        )
}

function* checkPrograms(policy: PolicyOf<'process'>): Generator<PolicyProblem> {
  yield* checkPatterns(policy, 'executables')
  if (policy.default === 'deny')
    yield toldAlone(
      '/default',
      'hosts refuse programs that a rule names by their files',
      'deny',
      'Name those that are to be refused: others are told, and not refused',
    )
  for (const [at, rule] of policy.rules.entries())
    for (const member of ['command_lines', 'ancestors', 'units'] as const)
      if (rule.action === 'deny' && rule[member] !== undefined)
        yield toldAlone(
          `/rules/${at}/${member}`,
          'hosts refuse a program by its file and by who starts it',
          rule[member],
          `Without ${member} it is refused; with it, it is told alone`,
        )
}

/** Of what is denied. A list of programs may be one of ancestors. */
function* checkPatterns(policy: PolicyDocument, member: 'paths' | 'executables'): Generator<PolicyProblem> {
  const isOfMember = (pointer: string) => pointer.endsWith(`/${member}`) || pointer.startsWith('/lists/paths/')
  for (const { pointer, values } of writtenValues(policy))
    for (const [index, value] of values.entries())
      if (isOfMember(pointer) && listOf(value) === undefined && placeOf(String(value)) === undefined)
        yield toldAlone(
          `${pointer}/${index}`,
          'hosts guard a file, or a directory',
          value,
          'Write a path, DIR/* for the files in a directory, or DIR/** for those below it',
        )
}
