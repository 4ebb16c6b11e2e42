// SPDX-License-Identifier: Apache-2.0

import type { OcsfAttack, SeverityName } from '@sealwatch/contract'
import { attacksOf } from '../attack.ts'
import type { Predicate } from '../predicate.ts'
import type { AttributeTable } from '../reading.ts'
import type { RegexBudget } from '../regex/budget.ts'
import { compileDetection, type Scope } from './detection.ts'
import type { RuleDocument } from './document.ts'
import { actor } from './fields.ts'
import { type LogSourceName, logSourceOf } from './log-sources.ts'
import type { Expand } from './placeholder.ts'
import { type Fault, type Head, ruleSource } from './source.ts'

/** What a finding says of the rule that it is by. */
export type RuleHead = {
  readonly path: string
  readonly id: string
  readonly title: string
  readonly description: string | undefined
  readonly version: string | undefined
  readonly severity: SeverityName
  readonly tags: readonly string[]
  readonly attacks: readonly OcsfAttack[]
  readonly references: readonly string[]
  readonly falsepositives: readonly string[]
}

export type Rule = RuleHead &
  Predicate & {
    /** OCSF type_uids of the events it looks at; empty: its log source is not collected. */
    readonly types: readonly number[]
    /** Selections that the condition never looks at. */
    readonly unused: readonly string[]
    /** Undefined of a rule that is not Sigma's. */
    readonly logsource: LogSourceName | undefined
  }

/** A rule with what others of its kind may ask of it. */
export type SigmaRule = {
  readonly rule: Rule
  /** By which correlations and filters may know it, beside its id. */
  readonly name: string | undefined
  readonly line: number
  readonly logsource: LogSourceName
  readonly scope: Scope
  readonly supplied: readonly string[]
  /** Fields that our events do not have. */
  readonly missing: readonly string[]
}

type Names = {
  readonly attributes: AttributeTable
  readonly newExpand: () => Expand
  readonly budget: RegexBudget | undefined
}

/** Throws SealwatchError. */
export function compileRule(document: RuleDocument, fault: Fault, names: Names): SigmaRule {
  const source = ruleSource(document, fault)
  const logSource = logSourceOf(source.logsource)
  const fields = new Map<string, boolean>()
  const scope: Scope = {
    attributes: names.attributes,
    expand: names.newExpand(),
    budget: names.budget,
    logSource,
    fault,
    noteField: (name, isSupplied) => void fields.set(name, isSupplied),
  }
  const { predicate, unused } = compileDetection(source.detection, scope)
  const named = (isSupplied: boolean) => [...fields].flatMap(([name, its]) => (its === isSupplied ? [name] : []))
  return {
    rule: {
      ...headOf(document.path, source),
      types: logSource.types,
      unused,
      logsource: source.logsource,
      ...predicate,
    },
    name: source.name,
    line: document.lineOf([]),
    logsource: source.logsource,
    scope,
    supplied: named(true),
    missing: named(false),
  }
}

/** A rule that is not Sigma's, of whose events correlations know the fields of the actor. */
export function foreignRule(rule: Rule, { attributes, newExpand, budget }: Names): SigmaRule {
  const fault: Fault = () => {
    throw new TypeError('nothing of it is compiled here')
  }
  const logSource = { types: rule.types, fields: actor, isOpen: false, text: [] }
  const scope: Scope = { attributes, expand: newExpand(), budget, logSource, fault, noteField: () => undefined }
  return { rule, name: undefined, line: 1, logsource: {}, scope, supplied: [], missing: [] }
}

export function headOf(path: string, { tags, level, ...source }: Head): RuleHead {
  const { id, title, description, version, references, falsepositives } = source
  return {
    path,
    id,
    title,
    description,
    version,
    severity: level,
    tags,
    attacks: attacksOf(tags),
    references,
    falsepositives,
  }
}
