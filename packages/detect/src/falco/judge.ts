// SPDX-License-Identifier: Apache-2.0

import { clip, type Reason } from '@sealwatch/contract'
import { ruleLimits } from '../limits.ts'
import { allNeeded, eitherOf, type Needs } from '../needs.ts'
import type { Predicate } from '../predicate.ts'
import type { AttributeTable, Reading } from '../reading.ts'
import { operators } from './comparison.ts'
import { type Field, transformers } from './condition.ts'
import { type Kind, kinds, sourceOf } from './kinds.ts'
import { needsOf } from './needs.ts'
import type { Check, Node } from './resolve.ts'
import { plain, type Read, type Source, type Value } from './source.ts'

type Test = {
  readonly needs: Needs
  readonly holds: (reading: Reading) => boolean
  readonly explain: (reading: Reading) => readonly Reason[]
}
/** Fields that a decision asks for, and whether the events have them. */
type Fields = ReadonlyMap<string, boolean>

/** True or false: whatever the event is. `fields` is undefined where it could not hold if the events had them all. */
type Folded = { readonly test: boolean | Test; readonly fields: Fields | undefined }

/** Opens each source once for all rules, so that what is told from several members is told once for each event. */
type Sources = (source: Source, argument: string | undefined) => Read

function sourcesIn(attributes: AttributeTable): Sources {
  const known = new Map<Source, Map<string | undefined, Read>>()
  return (source, argument) => {
    const reads = known.get(source) ?? new Map<string | undefined, Read>()
    const read = reads.get(argument) ?? source.open(attributes, argument)
    known.set(source, reads.set(argument, read))
    return read
  }
}

/** A condition for one kind of event; `test` is undefined where it never surely holds. */
export type Branch = { readonly kind: Kind; readonly test: Test | undefined; readonly fields: Fields }

/**
 * Of every kind of event that a condition is about. It holds where it surely does: a check of a field that such events
 * cannot have is neither true nor, behind a not, false.
 */
export function branchingIn(attributes: AttributeTable): (node: Node) => readonly Branch[] {
  const sources = sourcesIn(attributes)
  const folders = kinds.map((kind) => ({ kind, fold: folderFor(kind, sources, attributes) }))
  return (node) =>
    folders.flatMap(({ kind, fold }) => {
      const { test, fields } = fold(node, true)
      if (fields === undefined) return []
      return [{ kind, fields, test: test === true ? certain : test === false ? undefined : test }]
    })
}

const certain: Test = { needs: [], holds: () => true, explain: () => [] }

/** What an event is to conditions, taken as one of a kind: as branches judge it, node by node. */
export type Account = {
  /** Undefined: such events do not tell. */
  holds(node: Node): boolean | undefined
  /** What the event has at the field, whether or not it is what is looked for. */
  found(check: Check): readonly Value[]
}

/** One for each kind that the event is of. */
export function accountsOf(reading: Reading, attributes: AttributeTable): readonly Account[] {
  const textOf = (...path: readonly string[]) => reading(attributes.attribute(path))[0]?.text
  const [code, type] = [textOf('metadata', 'event_code'), Number(textOf('type_uid'))]
  const sources = sourcesIn(attributes)
  return kinds
    .filter((kind) => kind.code === code && kind.types.includes(type) && membership(kind, attributes)(reading))
    .map((kind) => {
      const fold = folderFor(kind, sources, attributes)
      const isSurely = (node: Node, wanted: boolean) => {
        const { test } = fold(node, wanted)
        return typeof test === 'boolean' ? test : test.holds(reading)
      }
      return {
        holds: (node) => (isSurely(node, true) ? true : isSurely(node, false) ? false : undefined),
        found: ({ field }) => {
          const source = sourceOf(kind, field.name)
          return source === undefined ? [] : sources(source, field.argument)(reading)
        },
      }
    })
}

/** Fires by the first of its branches that is about the event and holds. */
export function predicateOf(branches: readonly Branch[], attributes: AttributeTable): Predicate {
  const code = attributes.attribute(['metadata', 'event_code'])
  const type = attributes.attribute(['type_uid'])
  const rows = branches.flatMap(({ kind, test }) => (test ? [{ kind, test, isIt: membership(kind, attributes) }] : []))
  const byCode = Map.groupBy(rows, ({ kind }) => kind.code)
  return {
    needs: eitherOf(
      rows.map(({ kind, test }) => allNeeded([[[{ attribute: code, place: 'whole', text: kind.code }]], test.needs])),
    ),
    judge(reading) {
      const candidates = byCode.get(reading(code)[0]?.text ?? '')
      if (candidates === undefined) return undefined
      const uid = Number(reading(type)[0]?.text)
      return candidates
        .find(({ kind, isIt, test }) => kind.types.includes(uid) && isIt(reading) && test.holds(reading))
        ?.test.explain(reading)
    },
  }
}

function membership({ where }: Kind, attributes: AttributeTable): (reading: Reading) => boolean {
  if (where === undefined) return () => true
  const { path, value } = where
  const attribute = attributes.attribute(path.split('/'))
  return (reading) => reading(attribute).some(({ text }) => value === undefined || text === value)
}

/** What makes a condition surely true, or with `wanted` false surely false; each node once, for rules share macros. */
function folderFor(kind: Kind, sources: Sources, attributes: AttributeTable): (node: Node, wanted: boolean) => Folded {
  const known = { true: new Map<Node, Folded>(), false: new Map<Node, Folded>() }
  const fold = (node: Node, wanted: boolean): Folded => {
    const memory = known[`${wanted}`]
    const folded = memory.get(node) ?? made(node, wanted)
    memory.set(node, folded)
    return folded
  }
  const made = (node: Node, wanted: boolean): Folded => {
    if (node.kind === 'check') return foldCheck(node, wanted, { kind, sources, attributes })
    if (node.kind === 'not') return fold(node.of, !wanted)
    const of = node.of.map((inner) => fold(inner, wanted))
    return (node.kind === 'and') === wanted ? allOf(of) : anyOf(of)
  }
  return fold
}

const impossible: Folded = { test: false, fields: undefined }

function allOf(of: readonly Folded[]): Folded {
  if (of.some(({ fields }) => fields === undefined)) return impossible
  const fields = together(of)
  if (of.some(({ test }) => test === false)) return { test: false, fields }
  const tests = of.flatMap(({ test }) => (typeof test === 'boolean' ? [] : [test]))
  if (tests.length < 2) return { test: tests[0] ?? true, fields }
  return {
    fields,
    test: {
      needs: allNeeded(tests.map(({ needs }) => needs)),
      holds: (reading) => tests.every((test) => test.holds(reading)),
      explain: (reading) => tests.flatMap((test) => test.explain(reading)),
    },
  }
}

function anyOf(of: readonly Folded[]): Folded {
  const possible = of.filter(({ fields }) => fields !== undefined)
  if (possible.length === 0) return impossible
  if (possible.some(({ test }) => test === true)) return { test: true, fields: new Map() }
  const fields = together(possible)
  const tests = possible.flatMap(({ test }) => (typeof test === 'boolean' ? [] : [test]))
  if (tests.length < 2) return { test: tests[0] ?? false, fields }
  return {
    fields,
    test: {
      needs: eitherOf(tests.map(({ needs }) => needs)),
      holds: (reading) => tests.some((test) => test.holds(reading)),
      explain: (reading) => tests.find((test) => test.holds(reading))?.explain(reading) ?? [],
    },
  }
}

/** A field that the events have in one place and not in another (of flags some) is one that they have not. */
export function together(of: readonly { readonly fields: Fields | undefined }[]): Fields {
  const fields = new Map<string, boolean>()
  for (const inner of of)
    for (const [field, isSupplied] of inner.fields ?? []) fields.set(field, (fields.get(field) ?? true) && isSupplied)
  return fields
}

type Scope = { readonly kind: Kind; readonly sources: Sources; readonly attributes: AttributeTable }

function foldCheck(check: Check, wanted: boolean, { kind, sources, attributes }: Scope): Folded {
  const { field, operator, values } = check
  if (operators[operator].takes === 'many' && values.length === 0)
    return wanted ? impossible : { test: true, fields: new Map() }
  const source = sourceOf(kind, field.name)
  const isSure = source !== undefined && (!source.isPartial || (wanted && operator !== '!='))
  if (!isSure) return { test: false, fields: new Map([[field.name, false]]) }
  const fields = new Map([[field.name, true]])
  const outcomes = source.oneOf?.map((text) => isTrue(check, text === undefined ? [] : [plain(text)]))
  if (outcomes && !outcomes.includes(!wanted)) return { test: true, fields }
  if (outcomes && !outcomes.includes(wanted)) return source.isPartial ? { test: false, fields } : impossible
  const read = sources(source, field.argument)
  return {
    fields,
    test: {
      needs: wanted ? needsOf(check, source, attributes) : [],
      holds: (reading) => isTrue(check, read(reading)) === wanted,
      explain: (reading) => (wanted ? reasonsOf(check, matching(check, read(reading))) : []),
    },
  }
}

/** Any value will do; of != there is one, and none is what it must not be. */
function isTrue({ field, operator, matches }: Check, values: readonly Value[]): boolean {
  const isMet = values.some(({ text }) => matches(transformed(field, text)))
  return operator === '!=' ? values.length > 0 && !isMet : isMet
}

/** The values by which a check that is true is so. */
function matching({ field, operator, matches }: Check, values: readonly Value[]): readonly Value[] {
  return operator === '!=' ? values : values.filter(({ text }) => matches(transformed(field, text)))
}

const transformed = ({ transformers: names }: Field, text: string): string =>
  names.reduce((changed, name) => transformers[name](changed), text)

function reasonsOf({ field, within }: Check, values: readonly Value[]): readonly Reason[] {
  const name = field.argument === undefined ? field.name : `${field.name}[${field.argument}]`
  return values.flatMap(({ pointer, sealed }) => {
    if (pointer === '') return []
    const value = typeof sealed === 'string' ? clip(sealed, ruleLimits.reasonUnitsMax) : sealed
    return [{ selection: within, field: name, attribute: pointer, value }]
  })
}
