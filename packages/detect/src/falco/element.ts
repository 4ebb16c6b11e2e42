// SPDX-License-Identifier: Apache-2.0
// The forms of what stands in a Falco rule file. falco.org/docs/concepts/rules/basic-elements and /overriding

import type { SeverityName } from '@sealwatch/contract'
import { falcoLimits } from '../limits.ts'
import type { Fault, Path } from '../sigma/source.ts'
import { type Literal, literalOf } from './condition.ts'
import { type Exception, exceptionsIn } from './exception.ts'
import { flagIn, has, type Shape, shapeOf, textIn, textsIn, wrong } from './shape.ts'

export type RuleMembers = {
  readonly condition: string
  readonly desc: string
  readonly output: string
  readonly priority: SeverityName
  readonly tags: readonly string[]
  readonly exceptions: readonly Exception[]
  readonly enabled: boolean
  /** Whose events it is about; ours are those of `syscall`. */
  readonly source: string
}

export type Element =
  | { readonly kind: 'list'; readonly name: string; readonly items: readonly Literal[]; readonly isAppended: boolean }
  | { readonly kind: 'macro'; readonly name: string; readonly condition: string; readonly isAppended: boolean }
  | { readonly kind: 'rule'; readonly name: string; readonly members: RuleMembers }
  | {
      readonly kind: 'change'
      readonly name: string
      readonly appended: Partial<RuleMembers>
      readonly replaced: Partial<RuleMembers>
    }
  /** What a file asks of Falco itself: nothing of ours depends on it. */
  | { readonly kind: 'requirement' }

type Member = keyof RuleMembers
type Change = 'append' | 'replace'

const priorities: Readonly<Record<string, SeverityName>> = {
  emergency: 'critical',
  alert: 'critical',
  critical: 'critical',
  error: 'high',
  warning: 'medium',
  notice: 'low',
  informational: 'informational',
  info: 'informational',
  debug: 'informational',
}

/** How each member of a rule is read. Each may be replaced, and those of `appendable` may be appended to. */
const ruleMembers: { readonly [M in Member]: (shape: Shape, name: string) => RuleMembers[M] } = {
  condition: textIn,
  desc: textIn,
  output: textIn,
  priority(shape, name) {
    const priority = textIn(shape, name).toLowerCase()
    if (Object.hasOwn(priorities, priority)) return priorities[priority] as SeverityName
    throw wrong(shape, name, `Write ${Object.keys(priorities).join(', ')}`)
  },
  tags: textsIn,
  exceptions: exceptionsIn,
  enabled: flagIn,
  source: textIn,
}
const appendable: readonly string[] = ['condition', 'desc', 'output', 'tags', 'exceptions']
const memberNames = Object.keys(ruleMembers) as Member[]
/** Of how Falco loads and records: they change nothing here. */
const elsewhere = ['warn_evttypes', 'skip-if-unknown-filter', 'capture', 'capture_duration']

const common = ['append', 'override']
const knownMembers = {
  rule: ['rule', ...memberNames, ...elsewhere, ...common],
  macro: ['macro', 'condition', ...common],
  list: ['list', 'items', ...common],
  required_engine_version: ['required_engine_version'],
  required_plugin_versions: ['required_plugin_versions'],
} as const
type Opening = keyof typeof knownMembers

/** Throws SealwatchError, or ConditionError for what cannot be read in it. */
export function elementOf(value: unknown, at: Path, fault: Fault): Element {
  const { members } = shapeOf(value, at, [], fault)
  const openings = Object.keys(knownMembers) as Opening[]
  const opening = openings.find((name) => Object.hasOwn(members, name))
  if (opening === undefined)
    throw fault('FALCO_SHAPE', at, { received: Object.keys(members), advice: `Begin with ${openings.join(', ')}` })
  const shape = shapeOf(value, at, knownMembers[opening], fault)
  switch (opening) {
    case 'rule':
      return ruleOf(shape)
    case 'macro':
      return {
        kind: 'macro',
        name: nameIn(shape, opening),
        condition: textIn(shape, 'condition'),
        ...wayOf(shape, 'condition'),
      }
    case 'list':
      return { kind: 'list', name: nameIn(shape, opening), items: itemsIn(shape), ...wayOf(shape, 'items') }
    default:
      return { kind: 'requirement' }
  }
}

const nameForms = { rule: /^[^\p{Cc}]+$/u, macro: /^[A-Za-z]\w*$/, list: /^[^()"'\s=,]+$/ }

function nameIn(shape: Shape, opening: keyof typeof nameForms): string {
  const name = textIn(shape, opening)
  if (name.length <= falcoLimits.nameUnitsMax && nameForms[opening].test(name)) return name
  throw wrong(shape, opening, `Write a name of at most ${falcoLimits.nameUnitsMax} letters, digits and _`)
}

function itemsIn(shape: Shape): readonly Literal[] {
  const items = textsIn(shape, 'items')
  if (items.length <= falcoLimits.itemsMax) return items.map(literalOf)
  const received = `${items.length} of ${falcoLimits.itemsMax} items`
  throw shape.fault('RULE_TOO_MANY', [...shape.at, 'items'], { received })
}

/** Of a list or a macro, which have one member. */
function wayOf(shape: Shape, member: string): { readonly isAppended: boolean } {
  const override = overrideIn(shape, [member], [member])
  return { isAppended: override[member] === 'append' || isAppended(shape) }
}

const isAppended = (shape: Shape) => has(shape, 'append') && flagIn(shape, 'append')

/** What is to be done with each member that the override names. */
function overrideIn(
  shape: Shape,
  appendable: readonly string[],
  replaceable: readonly string[],
): Readonly<Record<string, Change>> {
  if (!has(shape, 'override')) return {}
  if (isAppended(shape)) throw wrong(shape, 'append', 'Leave it out beside override')
  const at = [...shape.at, 'override']
  const override = shapeOf(shape.members.override, at, replaceable, shape.fault)
  for (const [name, change] of Object.entries(override.members)) {
    const allowed = change === 'append' ? appendable : change === 'replace' ? replaceable : []
    if (!allowed.includes(name)) throw wrong(override, name, `Write append for ${appendable.join(', ')}, or replace`)
    if (!has(shape, name)) throw wrong(override, name, `Add ${name} beside override`)
  }
  return override.members as Readonly<Record<string, Change>>
}

function ruleOf(shape: Shape): Element {
  const name = nameIn(shape, 'rule')
  const given = memberNames.filter((member) => has(shape, member))
  if (has(shape, 'override')) return overridden(shape, name, given)
  if (isAppended(shape)) {
    const members = membersIn(shape, ['condition', 'exceptions'].filter((member) => has(shape, member)) as Member[])
    return { kind: 'change', name, appended: members, replaced: {} }
  }
  if (given.every((member) => member === 'enabled' || member === 'tags' || member === 'source'))
    return { kind: 'change', name, appended: {}, replaced: membersIn(shape, ['enabled']) }
  const needed: readonly Member[] = ['condition', 'desc', 'output', 'priority']
  const members = membersIn(shape, [...new Set([...needed, ...given])])
  const defaults = { tags: [], exceptions: [], enabled: true, source: 'syscall' }
  return { kind: 'rule', name, members: { ...defaults, ...members } as RuleMembers }
}

function overridden(shape: Shape, name: string, given: readonly Member[]): Element {
  const override = overrideIn(shape, appendable, [...memberNames, ...elsewhere])
  const alone = given.find((member) => !Object.hasOwn(override, member))
  if (alone !== undefined) throw wrong(shape, alone, `Name ${alone} in override, or leave it out`)
  const withChange = (change: Change) =>
    membersIn(
      shape,
      given.filter((member) => override[member] === change),
    )
  return { kind: 'change', name, appended: withChange('append'), replaced: withChange('replace') }
}

function membersIn(shape: Shape, names: readonly Member[]): Partial<RuleMembers> {
  return Object.fromEntries(names.map((name) => [name, ruleMembers[name](shape, name)]))
}
