// SPDX-License-Identifier: Apache-2.0

import { type SeverityName, severities } from '@sealwatch/contract'
import { type Correlation, type CorrelationKind, type Keys, type Route, routeKey } from '../correlation/correlation.ts'
import { ruleLimits } from '../limits.ts'
import { boundsIn, isAtEnd } from './correlation-bounds.ts'
import { placesOf } from './detection.ts'
import type { RuleDocument } from './document.ts'
import { headOf, type SigmaRule } from './rule.ts'
import {
  type Fault,
  headIn,
  isList,
  isMap,
  type Members,
  mapAt,
  optionalText,
  requiredText,
  textList,
} from './source.ts'

/** What a correlation may be about. */
export type Source = SigmaRule | CompiledCorrelation
/** By id and by name. */
export type Known = ReadonlyMap<string, Source>
export type CompiledCorrelation = {
  readonly correlation: Correlation
  readonly name: string | undefined
  /** What its sources are. */
  readonly sources: readonly Source[]
  /** By an alias, then by the id of a source: the field it stands for there. */
  readonly aliases: ReadonlyMap<string, ReadonlyMap<string, string>>
}

const kinds: readonly string[] = ['event_count', 'value_count', 'temporal', 'temporal_ordered']
const at = (...path: readonly string[]) => ['correlation', ...path]
const idOf = (one: Source) => ('rule' in one ? one.rule.id : one.correlation.id)

/** Whether all that it is about is known; true as well of what is no list, which is refused when it is compiled. */
export function refersOnlyTo({ value }: RuleDocument, known: Known): boolean {
  const body = isMap(value) ? value.correlation : undefined
  const names = isMap(body) && isList(body.rules) ? body.rules : []
  return names.every((name) => known.has(String(name)))
}

/** What it is about, by id or name. */
function referencesIn({ value }: RuleDocument, fault: Fault): readonly string[] {
  const body = mapAt(mapAt(value, [], fault).correlation, at(), fault)
  const names = textList(body, 'rules', fault, at())
  if (names.length === 0 || new Set(names).size < names.length)
    throw fault('RULE_SHAPE', at('rules'), { received: body.rules, advice: 'List ids or names of rules, each once' })
  if (names.length > ruleLimits.correlationSourcesMax)
    throw fault('RULE_TOO_MANY', at('rules'), {
      received: `${names.length} rules of ${ruleLimits.correlationSourcesMax}`,
    })
  return names
}

/** Sigma correlation rules specification 2.1. Throws SealwatchError. */
export function compileCorrelation(document: RuleDocument, known: Known, fault: Fault): CompiledCorrelation {
  const value = mapAt(document.value, [], fault)
  const body = mapAt(value.correlation, at(), fault)
  const sources = referencesIn(document, fault).map((name) => {
    const source = known.get(name)
    if (source === undefined) throw fault('RULE_REFERENCE', at('rules'), { received: name })
    if ('correlation' in source && source.correlation.isAtEnd)
      throw fault('RULE_REFERENCE', at('rules'), {
        received: name,
        advice: 'Refer to correlations with gt or gte alone: others fire when their time is over, with no event',
      })
    return source
  })
  const head = headIn(value, fault, highest(sources))
  const about = headOf(document.path, head)
  const kind = kindIn(body, fault)
  const aliases = aliasesIn(body, known, fault)
  const groupBy = namesIn(body, 'group-by', at(), fault)
  const bounds = boundsIn(body.condition, kind, sources.length, fault)
  const fields = fieldsIn(body, kind, fault)
  const depth = 1 + Math.max(...sources.map((source) => ('rule' in source ? 0 : source.correlation.depth)))
  if (depth > ruleLimits.correlationDepthMax)
    throw fault('RULE_TOO_MANY', at('rules'), { received: `correlations ${depth} deep` })
  const compiled = { sources, aliases, fault }
  const keysOf = (route: readonly Source[]): Keys => ({
    groupBy: groupBy.map((name) => attributesOf(name, compiled, route)),
    fields: fields.map((name) => attributesOf(name, compiled, route)),
  })
  const attacks = sources.flatMap((source) => ('rule' in source ? source.rule : source.correlation).attacks)
  const correlation: Correlation = {
    ...about,
    attacks: about.attacks.length > 0 ? about.attacks : attacks,
    kind,
    spanNs: spanIn(body, fault),
    sources: sources.map(idOf),
    groupBy,
    keys: new Map(
      sources.flatMap(routesFrom).map((route) => [routeKey(route.map(idOf) satisfies Route), keysOf(route)]),
    ),
    holds: (count) => bounds.every(({ holds }) => holds(count)),
    isAtEnd: isAtEnd(bounds),
    silences: value.generate !== true && body.generate !== true,
    depth,
  }
  return { correlation, name: head.name, sources, aliases }
}

/** Every way from a source down to a rule. */
function routesFrom(source: Source): readonly (readonly Source[])[] {
  return 'rule' in source ? [[source]] : source.sources.flatMap(routesFrom).map((route) => [source, ...route])
}

/** Where the event of the rule at a route's end has a field. A correlation has what it groups by. */
function attributesOf(
  name: string,
  { aliases, fault }: { readonly aliases: CompiledCorrelation['aliases']; readonly fault: Fault },
  [source, ...rest]: readonly Source[],
): Keys['groupBy'][number] {
  const field = aliases.get(name)?.get(idOf(source as Source)) ?? name
  if ('rule' in (source as Source)) return placesOf(field, { at: at() }, { ...(source as SigmaRule).scope, fault })
  const { correlation, aliases: inner } = source as CompiledCorrelation
  if (!correlation.groupBy.includes(field))
    throw fault('RULE_FIELD', at('group-by'), {
      received: field,
      advice: `${correlation.title} groups by ${correlation.groupBy.join(', ') || 'nothing'}`,
    })
  return attributesOf(field, { aliases: inner, fault }, rest)
}

function kindIn(body: Members, fault: Fault): CorrelationKind {
  const kind = requiredText(body, 'type', fault, `Write ${kinds.join(', ')}`, at())
  if (kinds.includes(kind)) return kind as CorrelationKind
  throw fault('RULE_SHAPE', at('type'), { received: kind, advice: `Write ${kinds.join(', ')}` })
}

function namesIn(body: Members, name: string, above: readonly string[], fault: Fault): readonly string[] {
  const names = textList(body, name, fault, above)
  if (names.length <= ruleLimits.correlationKeysMax) return names
  throw fault('RULE_TOO_MANY', [...above, name], {
    received: `${names.length} fields of ${ruleLimits.correlationKeysMax}`,
  })
}

function fieldsIn({ condition }: Members, kind: CorrelationKind, fault: Fault): readonly string[] {
  if (kind !== 'value_count') return []
  const fields = isMap(condition) ? namesIn(condition, 'field', at('condition'), fault) : []
  if (fields.length > 0) return fields
  throw fault('RULE_SHAPE', at('condition'), { advice: 'Add "field:" with the field whose values are counted' })
}

function aliasesIn(body: Members, known: Known, fault: Fault): CompiledCorrelation['aliases'] {
  const aliases = body.aliases === undefined ? {} : mapAt(body.aliases, at('aliases'), fault)
  return new Map(
    Object.entries(aliases).map(([alias, fields]) => {
      const above = at('aliases', alias)
      const bySource = mapAt(fields, above, fault)
      const entries = Object.keys(bySource).map((name): readonly [string, string] => {
        const source = known.get(name)
        if (source === undefined) throw fault('RULE_REFERENCE', [...above, name], { received: name })
        return [idOf(source), optionalText(bySource, name, fault, above) ?? alias]
      })
      return [alias, new Map(entries)]
    }),
  )
}

const secondsOf: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 }

function spanIn(body: Members, fault: Fault): bigint {
  const advice = `Write a number and s, m, h or d: 90m; ${ruleLimits.correlationDays}d at most`
  const text = requiredText(body, 'timespan', fault, advice, at())
  const [, number, unit] = /^(\d{1,7})([smhd])$/.exec(text) ?? []
  const seconds = Number(number) * (secondsOf[unit as string] ?? Number.NaN)
  if (seconds > 0 && seconds <= ruleLimits.correlationDays * 86_400) return BigInt(seconds) * 1_000_000_000n
  throw fault('RULE_SHAPE', at('timespan'), { received: text, advice })
}

function highest(sources: readonly Source[]): SeverityName {
  const levels = sources.map((source) => ('rule' in source ? source.rule : source.correlation).severity)
  return levels.reduce((one, other) => (severities[one].severity_id >= severities[other].severity_id ? one : other))
}
