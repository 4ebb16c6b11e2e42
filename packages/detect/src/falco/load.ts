// SPDX-License-Identifier: Apache-2.0

import { isSealwatchError } from '@sealwatch/base/errors'
import { attacksOf } from '../attack.ts'
import { falcoLimits } from '../limits.ts'
import type { AttributeTable } from '../reading.ts'
import { type DocumentForm, documentsIn, type RuleDocument, type RuleFile } from '../sigma/document.ts'
import type { Loaded, RuleNotice, RuleProblem } from '../sigma/load.ts'
import type { RuleReport } from '../sigma/report.ts'
import type { Rule } from '../sigma/rule.ts'
import { type Fault, faultsIn } from '../sigma/source.ts'
import { type CollectedRule, type Collection, createCollection } from './collection.ts'
import { elementOf } from './element.ts'
import { type Branch, branchingIn, predicateOf, together } from './judge.ts'
import { type Place, placeOf, problemAt } from './place.ts'
import { resolverOf } from './resolve.ts'

/** A Falco file is a list, where a Sigma rule is a mapping. */
export function isFalco({ text }: RuleFile): boolean {
  const first = text.split('\n').find((line) => !/^\uFEFF?\s*(?:#|$)|^---/.test(line)) ?? ''
  return /^\uFEFF?\s*-\s/.test(`${first}\n`)
}

/**
 * Compiles what it can of all the files together, a little between two yields; never throws for what they
 * hold.
 */
export function* loadingFalco(files: readonly RuleFile[], attributes: AttributeTable): Generator<undefined, Loaded> {
  const problems: RuleProblem[] = []
  const collection = createCollection()
  for (const file of inOrder(files)) {
    collect(file, collection, problems)
    yield
  }
  const attempt = <R>(place: Place, act: () => R): readonly R[] => {
    try {
      return [act()]
    } catch (error) {
      problems.push(problemAt(place, error))
      return []
    }
  }
  const resolve = resolverOf(collection)
  for (const [name, { place }] of collection.macros) {
    attempt(place, () => resolve.macro(name))
    yield
  }
  const branchesOf = branchingIn(attributes)
  const compiled: Compiled[] = []
  for (const rule of collection.rules.values()) {
    if (!rule.members.enabled) continue
    for (const node of attempt(rule.place, () => resolve.condition(rule.condition)))
      compiled.push({ rule, branches: isOurs(rule) ? branchesOf(node) : [] })
    yield
  }
  const reports = compiled.map(reportOf)
  return {
    rules: compiled.map((one) => ruleOf(one, attributes)),
    problems,
    notices: reports.flatMap(noticeOf),
    reports,
  }
}

/** What all of them say together in the end, as far as it is right. */
export function collected(files: readonly RuleFile[]): Collection {
  const collection = createCollection()
  for (const file of inOrder(files)) collect(file, collection, [])
  return collection
}

type Compiled = { readonly rule: CollectedRule; readonly branches: readonly Branch[] }

/** By their paths; but Falco reads falco_rules.local.yaml after falco_rules.yaml, and what is local changes what is not. */
function inOrder(files: readonly RuleFile[]): readonly RuleFile[] {
  const isLocal = ({ path }: RuleFile) => /\.local\.ya?ml$/.test(path)
  const sorted = files.toSorted((a, b) => (a.path < b.path ? -1 : 1))
  return [...sorted.filter((file) => !isLocal(file)), ...sorted.filter(isLocal)]
}

function noticeOf({ path, line, title, fires, missing }: RuleReport): readonly RuleNotice[] {
  if (fires !== 'never') return []
  const why = missing.length > 0 ? `no event here has ${missing.join(', ')}` : 'no event here is one that it is about'
  return [{ path, line, rule: idOf(title), text: `${title} never fires: ${why}` }]
}

const isOurs = ({ members }: CollectedRule) => members.source === 'syscall'

const form: DocumentForm = { unitsMax: falcoLimits.fileUnitsMax, schema: 'failsafe' }

/** Adds the elements of a file one by one: one that is wrong leaves the others. */
function collect(file: RuleFile, collection: Collection, problems: RuleProblem[]): void {
  const where = { line: 1 }
  try {
    for (const read of documentsIn(file, form)) {
      const document = read(where)
      for (const [index, value] of elementsOf(document, faultsIn(document, where)).entries()) {
        const place = placeOf(document, [index], value)
        try {
          collection.add(elementOf(value, [index], place.fault), place)
        } catch (error) {
          problems.push(problemAt(place, error))
        }
      }
    }
  } catch (error) {
    if (!isSealwatchError(error)) throw error
    problems.push({ path: file.path, line: where.line, error })
  }
}

function elementsOf({ value }: RuleDocument, fault: Fault): readonly unknown[] {
  if (!Array.isArray(value)) throw fault('FALCO_SHAPE', [], { received: value, advice: 'Write a list of elements' })
  if (value.length <= falcoLimits.elementsMax) return value
  throw fault('RULE_TOO_MANY', [], { received: `${value.length} of ${falcoLimits.elementsMax} elements` })
}

function ruleOf({ rule: { name, place, members }, branches }: Compiled, attributes: AttributeTable): Rule {
  const firing = branches.filter(({ test }) => test !== undefined)
  return {
    path: place.path,
    id: idOf(name),
    title: name,
    description: members.desc,
    version: undefined,
    severity: members.priority,
    tags: members.tags,
    attacks: attacksOf(members.tags.map(asSigmaTag)),
    references: [],
    falsepositives: [],
    types: [...new Set(firing.flatMap(({ kind }) => kind.types))],
    unused: [],
    logsource: undefined,
    ...predicateOf(firing, attributes),
  }
}

const idOf = (name: string) => `falco:${name}`

/** Falco's tags for MITRE ATT&CK are mitre_credential_access and T1555.001. */
const asSigmaTag = (tag: string) => `attack.${tag.replace(/^mitre_/, '').toLowerCase()}`

function reportOf({ rule: { name, place }, branches }: Compiled): RuleReport {
  const fields = together(branches)
  const named = (isSupplied: boolean) => [...fields.keys()].filter((field) => fields.get(field) === isSupplied).sort()
  const missing = named(false)
  const isSilent = branches.every(({ test }) => test === undefined)
  const fires = isSilent ? 'never' : missing.length > 0 ? 'in part' : 'whole'
  return { path: place.path, line: place.line, title: name, fires, supplied: named(true), missing }
}
