// SPDX-License-Identifier: Apache-2.0

import { isSealwatchError, type SealwatchError } from '@sealwatch/base/errors'
import { RegexSyntaxError } from '../regex/parse.ts'
import { ConditionError } from '../sigma/condition.ts'
import type { RuleDocument } from '../sigma/document.ts'
import { ValueError } from '../sigma/item.ts'
import type { RuleProblem } from '../sigma/load.ts'
import { type Fault, faultsIn, type Path } from '../sigma/source.ts'

/** Where an element stands. */
export type Place = { readonly path: string; readonly line: number; readonly at: Path; readonly fault: Fault }
export function placeOf(document: RuleDocument, at: Path): Place {
  const where = { line: document.lineOf(at) }
  const fault = faultsIn(document, where)
  return {
    path: document.path,
    at,
    fault,
    /** Of the element, or of what was found wrong in it last. */
    get line() {
      return where.line
    },
  }
}

/** Of what is thrown for the content of a rule file; anything else is thrown on. */
export function problemAt(place: Place, error: unknown): RuleProblem {
  const told = isSealwatchError(error) ? error : faultFor(place, error)
  return { path: place.path, line: place.line, error: told }
}

function faultFor({ at, fault }: Place, cause: unknown): SealwatchError {
  const condition = [...at, 'condition']
  if (cause instanceof ConditionError)
    return fault('FALCO_CONDITION', condition, { received: cause.message, advice: cause.advice, cause })
  if (cause instanceof ValueError)
    return fault('RULE_VALUE', condition, { received: cause.message, advice: cause.advice, cause })
  if (cause instanceof RegexSyntaxError) return fault('RULE_REGEX', condition, { received: cause.message, cause })
  throw cause
}
