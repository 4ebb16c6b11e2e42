// SPDX-License-Identifier: Apache-2.0
// What a row of Falco files says in the end: each may append to, or replace, what those before it said.

import { ruleLimits } from '../limits.ts'
import { ConditionError } from '../sigma/condition.ts'
import { type Condition, type Literal, parseCondition } from './condition.ts'
import type { Element, RuleMembers } from './element.ts'
import { conditionOf, type Exception } from './exception.ts'
import type { Place } from './place.ts'

/** `index`: its place among all, by where it was first. `visible`: it sees what has a lower index. */
type Placed = { readonly index: number; readonly visible: number; readonly place: Place }
export type List = Placed & { readonly items: readonly Literal[] }
export type Macro = Placed & { readonly text: string; readonly condition: Condition }
export type CollectedRule = {
  readonly name: string
  readonly place: Place
  readonly members: RuleMembers
  /** With its exceptions. */
  readonly condition: Condition
}

export type Collection = {
  readonly lists: ReadonlyMap<string, List>
  readonly macros: ReadonlyMap<string, Macro>
  readonly rules: ReadonlyMap<string, CollectedRule>
  /** Throws SealwatchError or ConditionError, and then nothing has changed. */
  readonly add: (element: Element, place: Place) => void
}

export function createCollection(): Collection {
  const lists = new Map<string, List>()
  const macros = new Map<string, Macro>()
  const rules = new Map<string, CollectedRule>()
  let next = 0

  const placed = (before: Placed | undefined, place: Place): Placed => {
    next += 1
    return { index: before?.index ?? next, visible: next, place }
  }
  const rule = (name: string, place: Place, members: RuleMembers) =>
    rules.set(name, { name, place, members, condition: conditionWith(members) })

  return {
    lists,
    macros,
    rules,
    add(element, place) {
      switch (element.kind) {
        case 'list': {
          const before = lists.get(element.name)
          if (element.isAppended) there(before, element, place)
          const items = element.isAppended && before ? [...before.items, ...element.items] : element.items
          lists.set(element.name, { ...placed(before, place), items })
          return
        }
        case 'macro': {
          const before = macros.get(element.name)
          if (element.isAppended) there(before, element, place)
          const text = element.isAppended && before ? `${before.text} ${element.condition}` : element.condition
          macros.set(element.name, { ...placed(before, place), text, condition: parseCondition(text) })
          return
        }
        case 'rule':
          if (rules.size >= ruleLimits.rulesMax && !rules.has(element.name))
            throw place.fault('RULE_TOO_MANY', place.at, { received: `more than ${ruleLimits.rulesMax} rules` })
          rule(element.name, place, element.members)
          return
        case 'change': {
          const before = there(rules.get(element.name), { kind: 'rule', name: element.name }, place)
          rule(element.name, before.place, { ...appended(before.members, element.appended), ...element.replaced })
          return
        }
        default:
      }
    },
  }
}

function there<T>(before: T | undefined, { kind, name }: { kind: string; name: string }, place: Place): T {
  if (before !== undefined) return before
  throw place.fault('FALCO_NOT_THERE', place.at, { received: `${kind} ${name}` })
}

function conditionWith({ condition, exceptions }: RuleMembers): Condition {
  const excepted = exceptions.flatMap((exception) => conditionOf(exception) ?? [])
  const of: readonly Condition[] = [parseCondition(condition), ...excepted.map((of) => ({ kind: 'not', of }) as const)]
  return of.length === 1 ? (of[0] as Condition) : { kind: 'and', of }
}

function appended(before: RuleMembers, more: Partial<RuleMembers>): RuleMembers {
  const joined = (name: 'condition' | 'desc' | 'output') => [before[name], more[name] ?? []].flat().join(' ')
  return {
    ...before,
    condition: joined('condition'),
    desc: joined('desc'),
    output: joined('output'),
    tags: [...new Set([...before.tags, ...(more.tags ?? [])])],
    exceptions: (more.exceptions ?? []).reduce(withException, before.exceptions),
  }
}

function withException(before: readonly Exception[], more: Exception): readonly Exception[] {
  const known = before.find(({ name }) => name === more.name)
  if (known === undefined) {
    if (more.form !== undefined) return [...before, more]
    throw new ConditionError(`there is no exception ${more.name}`, 'Write its fields, too')
  }
  if (more.form !== undefined)
    throw new ConditionError(`fields for the exception ${more.name}, which has some`, 'Append values alone')
  return before.map((one) => (one === known ? { ...known, rows: [...known.rows, ...more.rows] } : one))
}
