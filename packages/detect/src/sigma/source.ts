// SPDX-License-Identifier: Apache-2.0

import type { SealwatchError } from '@sealwatch/base/errors'
import { type SeverityName, severities } from '@sealwatch/contract'
import { nearest } from '@sealwatch/contract/nearest'
import { type DetectErrorCode, detectError } from '../errors.ts'
import { ruleLimits } from '../limits.ts'
import type { RuleDocument } from './document.ts'
import type { Value } from './item.ts'
import type { LogSourceName } from './log-sources.ts'

export type Path = readonly (string | number)[]
export type Members = Readonly<Record<string, unknown>>

/** Where a rule file is wrong: makes the error and notes the line. */
export type Fault = (
  code: DetectErrorCode,
  at: Path,
  detail: { readonly received?: unknown; readonly advice?: string; readonly cause?: unknown },
) => SealwatchError

/** One line of a selection; `field` is empty for keywords. */
export type ItemSource = {
  readonly field: string
  readonly modifiers: readonly string[]
  readonly values: readonly Value[]
  readonly at: Path
}
/** Any of the groups must match; a group matches when all its items do. */
export type SelectionSource = { readonly name: string; readonly groups: readonly (readonly ItemSource[])[] }

/** Selections, and what joins them: any of the conditions. */
export type Detection = {
  readonly selections: readonly SelectionSource[]
  readonly conditions: readonly { readonly text: string; readonly at: Path }[]
}

/** What rules and correlations say of themselves alike. */
export type Head = {
  /** Of what has none, the name. */
  readonly id: string
  readonly name: string | undefined
  readonly title: string
  readonly description: string | undefined
  /** Date of the last change. */
  readonly version: string | undefined
  readonly level: SeverityName
  readonly tags: readonly string[]
  readonly references: readonly string[]
  readonly falsepositives: readonly string[]
}

export type RuleSource = Head & { readonly logsource: LogSourceName; readonly detection: Detection }

const members = [
  ...['title', 'id', 'name', 'related', 'taxonomy', 'status', 'description', 'license', 'author', 'references'],
  ...['date', 'modified', 'logsource', 'detection', 'fields', 'falsepositives', 'level', 'tags', 'scope'],
  ...['correlation', 'generate', 'filter', 'placeholders'],
]
const uuidForm = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

export function faultsIn(document: RuleDocument, where: { line: number }): Fault {
  return (code, at, { received, advice, cause }) => {
    where.line = document.lineOf(at)
    const attempted = `reading ${document.path}, line ${where.line}${at.length > 0 ? `, ${at.join('.')}` : ''}`
    return detectError(code, { attempted, received, cause, ...(advice !== undefined && { advice }) })
  }
}

/** Checks the form of a whole rule. Every error names the line and what to write instead. */
export function ruleSource({ value }: RuleDocument, fault: Fault): RuleSource {
  const rule = mapAt(value, [], fault)
  const head = headIn(rule, fault)
  return {
    ...head,
    logsource: logSourceIn(mapAt(rule.logsource, ['logsource'], fault), fault),
    detection: detectionIn(mapAt(rule.detection, ['detection'], fault), 'detection', fault),
  }
}

/** `level`: where it says none. */
export function headIn(rule: Members, fault: Fault, level: SeverityName = 'medium'): Head {
  checkMembers(rule, fault)
  const name = optionalText(rule, 'name', fault)
  return {
    id: optionalText(rule, 'id', fault) === undefined && name ? name : uuidIn(rule, fault),
    name,
    title: requiredText(rule, 'title', fault, 'Give the rule a title'),
    description: optionalText(rule, 'description', fault)?.trim(),
    version: optionalText(rule, 'modified', fault) ?? optionalText(rule, 'date', fault),
    level: levelIn(rule, fault) ?? level,
    tags: textList(rule, 'tags', fault),
    references: textList(rule, 'references', fault),
    falsepositives: textList(rule, 'falsepositives', fault),
  }
}

export function checkMembers(rule: Members, fault: Fault): void {
  if (rule.action !== undefined)
    throw fault('RULE_SHAPE', ['action'], {
      received: rule.action,
      advice: 'Write each rule out: documents that others take members from are of Sigma 1',
    })
  for (const name of Object.keys(rule)) {
    // Sigma allows members of one's own, so only what looks like a slip of the pen is refused.
    const meant = members.includes(name) ? undefined : nearest(name, members)
    if (meant) throw fault('RULE_UNKNOWN_MEMBER', [name], { received: name, advice: `Write ${meant}` })
  }
}

function uuidIn(rule: Members, fault: Fault): string {
  const id = requiredText(rule, 'id', fault, 'Give the rule a UUID: findings are numbered by it')
  if (uuidForm.test(id)) return id.toLowerCase()
  throw fault('RULE_SHAPE', ['id'], { received: id, advice: 'Write a UUID' })
}

function levelIn(rule: Members, fault: Fault): SeverityName | undefined {
  const level = optionalText(rule, 'level', fault)
  if (level === undefined || isLevel(level)) return level
  throw fault('RULE_SHAPE', ['level'], { received: level, advice: `Write ${Object.keys(severities).join(', ')}` })
}

/** `at`: the member of the document that the detection is. `others`: members of it that are no selections. */
export function detectionIn(detection: Members, at: string, fault: Fault, others: readonly string[] = []): Detection {
  const named = Object.entries(detection).filter(([name]) => name !== 'condition' && !others.includes(name))
  return { conditions: conditionsOf(detection, at, fault), selections: selectionsOf(named, at, fault) }
}

export function logSourceIn(logsource: Members, fault: Fault): LogSourceName {
  const entries = ['category', 'product', 'service'].flatMap((name) => {
    const text = optionalText(logsource, name, fault, ['logsource'])
    return text === undefined ? [] : [[name, text]]
  })
  if (entries.length > 0) return Object.fromEntries(entries)
  throw fault('RULE_SHAPE', ['logsource'], { advice: 'Name a category, a product or a service' })
}

function conditionsOf(detection: Members, above: string, fault: Fault): Detection['conditions'] {
  const { condition } = detection
  const at = [above, 'condition']
  if (detection.timeframe !== undefined)
    throw fault('RULE_CONDITION', [above, 'timeframe'], {
      advice: 'Write a Sigma correlation: events are judged one by one',
    })
  if (typeof condition === 'string') return [{ text: condition, at }]
  if (isList(condition) && condition.length > 0)
    return condition.map((text, index) => {
      if (typeof text === 'string') return { text, at: [...at, index] }
      throw fault('RULE_CONDITION', [...at, index], { received: text, advice: 'Write the condition as text' })
    })
  throw fault('RULE_CONDITION', 'condition' in detection ? at : [above], {
    received: condition,
    advice: 'Add "condition: selection"',
  })
}

function selectionsOf(named: readonly [string, unknown][], above: string, fault: Fault): readonly SelectionSource[] {
  if (named.length === 0) throw fault('RULE_SHAPE', [above], { advice: 'Add a selection' })
  if (named.length > ruleLimits.selectionsMax)
    throw fault('RULE_TOO_MANY', [above], {
      received: `${named.length} selections of ${ruleLimits.selectionsMax}`,
    })
  return named.map(([name, body]) => ({ name, groups: groupsOf(body, [above, name], fault) }))
}

function groupsOf(body: unknown, at: Path, fault: Fault): SelectionSource['groups'] {
  if (isMap(body)) return [itemsOf(body, at, fault)]
  if (!isList(body) || body.length === 0)
    throw fault('RULE_SHAPE', at, { received: body, advice: 'Write fields with values, or a list of such' })
  if (body.every(isMap)) return body.map((inner, index) => itemsOf(inner, [...at, index], fault))
  if (body.some((inner) => isMap(inner) || isList(inner)))
    throw fault('RULE_SHAPE', at, { advice: 'Write a list of fields with values, or a list of keywords, not both' })
  return [[{ field: '', modifiers: [], values: valuesOf(body, at, fault), at }]]
}

function itemsOf(body: Members, at: Path, fault: Fault): readonly ItemSource[] {
  const items = Object.entries(body).map(([key, value]) => {
    const [field = '', ...modifiers] = key.split('|')
    const inside = [...at, key]
    return { field, modifiers, values: valuesOf(isList(value) ? value : [value], inside, fault), at: inside }
  })
  if (items.length === 0) throw fault('RULE_SHAPE', at, { received: body, advice: 'Name a field and its value' })
  return items
}

function valuesOf(values: readonly unknown[], at: Path, fault: Fault): readonly Value[] {
  if (values.length === 0) throw fault('RULE_VALUE', at, { received: [], advice: 'Write a value; null means absent' })
  if (values.length > ruleLimits.valuesMax)
    throw fault('RULE_TOO_MANY', at, { received: `${values.length} values of ${ruleLimits.valuesMax}` })
  const wrong = values.findIndex((value) => typeof value === 'object' && value !== null)
  if (wrong < 0) return values as readonly Value[]
  throw fault('RULE_VALUE', at, { received: values[wrong], advice: 'Write text, a number, true, false or null' })
}

export function requiredText(map: Members, name: string, fault: Fault, advice: string, above: Path = []): string {
  const text = optionalText(map, name, fault, above)
  if (text !== undefined && text !== '') return text
  throw fault('RULE_SHAPE', name in map ? [...above, name] : above, { received: map[name], advice })
}

export function optionalText(map: Members, name: string, fault: Fault, above: Path = []): string | undefined {
  const value = map[name]
  if (value === undefined || typeof value === 'string') return value
  throw fault('RULE_SHAPE', [...above, name], { received: value, advice: `Write ${name} as text, in quotes` })
}

export function textList(map: Members, name: string, fault: Fault, above: Path = []): readonly string[] {
  const value = map[name] ?? []
  const list = isList(value) ? value : [value]
  if (list.every((text) => typeof text === 'string')) return list
  throw fault('RULE_SHAPE', [...above, name], { received: value, advice: `Write ${name} as a list of texts` })
}

export function mapAt(value: unknown, at: Path, fault: Fault): Members {
  if (isMap(value)) return value
  const advice = at.length === 0 ? 'Write a Sigma rule: title, id, logsource, detection' : `Add ${at.join('.')}`
  throw fault('RULE_SHAPE', at, { received: value, advice })
}

export function isMap(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value)
}

function isLevel(level: string): level is SeverityName {
  return Object.hasOwn(severities, level)
}
