// SPDX-License-Identifier: Apache-2.0

export type PolicyProblemCode =
  | 'too_large'
  | 'syntax'
  | 'too_deep'
  | 'duplicate_member'
  | 'unknown_member'
  | 'missing_member'
  | 'wrong_type'
  | 'wrong_value'
  | 'too_many'
  | 'look_alike'
  | 'duplicate_rule'
  | 'empty_match'
  | 'unknown_list'
  | 'cyclic_list'
  | 'unused_list'
  | 'wrong_address'
  | 'wrong_path'
  | 'wrong_order'
  | 'overlap'
  | 'contradiction'
  | 'unreachable'
  | 'below_floor'
  | 'expired'
  | 'not_compared'
  | 'told_alone'

/** What is wrong with a policy, or looks so: an error keeps it from being accepted, a warning does not. */
export type PolicyProblem = {
  readonly severity: 'error' | 'warning'
  readonly code: PolicyProblemCode
  /** JSON pointer (RFC 6901) into the document; empty: the document as a whole. */
  readonly path: string
  /** What must hold there. */
  readonly rule: string
  /** What stands there instead, as JSON, cut where it is long. */
  readonly value?: string
  /** What to do about it, or what was probably meant. */
  readonly suggestion: string
  /** Where it stands in the text, both from 1; only where text was given. */
  readonly line?: number
  readonly column?: number
}

const valueUnitsMax = 80

/** A value as problems show it. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length <= valueUnitsMax ? text : `${text.slice(0, valueUnitsMax).toWellFormed()}…`
}

/** One step further in a JSON pointer. */
export const pointerTo = (pointer: string, step: string | number): string =>
  `${pointer}/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`
