// SPDX-License-Identifier: Apache-2.0

import { isSealwatchError, messageOf, type SealwatchError } from '@sealwatch/base/errors'
import { clip } from '@sealwatch/contract'
import { falcoLimits } from '../limits.ts'
import { RegexSyntaxError } from '../regex/parse.ts'
import { ConditionError } from '../sigma/condition.ts'
import type { RuleDocument } from '../sigma/document.ts'
import { ValueError } from '../sigma/item.ts'
import type { RuleProblem } from '../sigma/load.ts'
import { type Fault, faultsIn, isMap, type Path } from '../sigma/source.ts'
import { FieldError } from './field-types.ts'

/** Where an element stands; `what`: it is "the rule NAME", where it says so. */
export type Place = {
  readonly path: string
  readonly line: number
  readonly at: Path
  readonly what: string | undefined
  readonly fault: Fault
}
export function placeOf(document: RuleDocument, at: Path, value: unknown): Place {
  const where = { line: document.lineOf(at) }
  const fault = faultsIn(document, where)
  return {
    path: document.path,
    at,
    what: nameOf(value),
    fault,
    /** Of the element, or of what was found wrong in it last. */
    get line() {
      return where.line
    },
  }
}

function nameOf(value: unknown): string | undefined {
  if (!isMap(value)) return undefined
  const kind = ['rule', 'macro', 'list'].find((name) => typeof value[name] === 'string')
  return kind && `the ${kind} ${clip(String(value[kind]), falcoLimits.nameUnitsMax)}`
}

/** Of what is thrown for the content of a rule file; anything else is thrown on. */
export function problemAt(place: Place, error: unknown): RuleProblem {
  const told = isSealwatchError(error) ? error : faultFor(place, error)
  return { path: place.path, line: place.line, error: told }
}

function faultFor({ at, what, fault }: Place, cause: unknown): SealwatchError {
  const condition = [...at, 'condition']
  const received = what === undefined ? messageOf(cause) : `${messageOf(cause)} in ${what}`
  if (cause instanceof FieldError) return fault('RULE_FIELD', condition, { received, advice: cause.advice, cause })
  if (cause instanceof ConditionError)
    return fault('FALCO_CONDITION', condition, { received, advice: cause.advice, cause })
  if (cause instanceof ValueError) return fault('RULE_VALUE', condition, { received, advice: cause.advice, cause })
  if (cause instanceof RegexSyntaxError) return fault('RULE_REGEX', condition, { received, cause })
  throw cause
}
