// SPDX-License-Identifier: Apache-2.0

import type { PolicyDocument, PolicyOf, PolicyRule, RetentionClass } from '@sealwatch/contract/policy'
import { resolveLists } from '@sealwatch/contract/policy-values'
import { allOf, type Facet, type FacetRow, facetOf, oneOf } from './facets.ts'
import { type EventFacts, factsOf } from './facts.ts'

/** A rule as it is judged by. */
export type CompiledRule<R extends PolicyRule = PolicyRule> = {
  readonly rule: R
  /** What it asks for, each by itself, and all of it. */
  readonly members: Members
  readonly matches: Facet
  /** Of a file rule: is it one who may? And each of them by itself. */
  readonly may?: Facet
  readonly subjects?: readonly Members[]
  /** Its members that turn on what the event does not say; `may.`: of who may. */
  readonly lacks: (facts: EventFacts) => readonly string[]
}

export type CompiledPolicy = {
  readonly policy: PolicyDocument
  readonly hosts: Facet
  readonly rules: readonly CompiledRule[]
  /** It names accounts: their names must be opened for it. */
  readonly asksNames: boolean
}

const who: Readonly<Record<string, FacetRow>> = {
  executables: { thing: 'actingProgram', kind: 'paths' },
  users: 'users',
  units: { thing: 'unit', kind: 'texts' },
}
const detections: Readonly<Record<string, FacetRow>> = { detections: { thing: 'detection', kind: 'texts' } }

/** What the members of rules ask of events, by the type of the policy. */
const facetRows: Readonly<Record<PolicyDocument['type'], Readonly<Record<string, FacetRow>>>> = {
  network: {
    ...who,
    direction: { thing: 'direction', kind: 'words' },
    protocols: { thing: 'protocol', kind: 'words' },
    addresses: { thing: 'remoteAddress', kind: 'addresses' },
    ports: { thing: 'port', kind: 'ports' },
  },
  file: { paths: { thing: 'file', kind: 'paths' }, operations: { thing: 'operations', kind: 'words' } },
  process: {
    ...who,
    executables: { thing: 'startedProgram', kind: 'paths' },
    command_lines: { thing: 'startedCommand', kind: 'texts' },
    ancestors: { thing: 'ancestors', kind: 'paths' },
  },
  detection: {
    ...detections,
    executables: { thing: 'actingProgram', kind: 'paths' },
    command_lines: { thing: 'actingCommand', kind: 'texts' },
    users: 'users',
    paths: { thing: 'findingFile', kind: 'paths' },
    hosts: { thing: 'host', kind: 'texts' },
  },
  response: { ...detections, severity_from: { thing: 'severity', kind: 'severity' } },
  retention: {},
}

/** The members by which rules of a type ask for something. */
export const membersOf = (type: PolicyDocument['type']): readonly string[] => Object.keys(facetRows[type])

/** Of a policy that was accepted. What is judged often is looked up, not searched. */
export function compilePolicy(accepted: PolicyDocument): CompiledPolicy {
  const policy = resolveLists(accepted)
  const rows = facetRows[policy.type]
  const facetsIn = (holder: object, of = rows) =>
    Object.entries(holder).flatMap(([member, value]) => {
      const row = Object.hasOwn(of, member) ? of[member] : undefined
      return row === undefined || value === undefined
        ? []
        : [{ member, facet: facetOf(member, row, value as string[]) }]
    })
  const openIn = (members: Members, facts: EventFacts) =>
    wholly(members)(facts) !== undefined
      ? []
      : members.flatMap(({ member, facet }) => (facet(facts) === undefined ? [member] : []))
  return {
    policy,
    hosts: allOf(policy.hosts === undefined ? [] : [facetOf('hosts', { thing: 'host', kind: 'texts' }, policy.hosts)]),
    rules: policy.rules.map((rule) => {
      const own = facetsIn(rule)
      const subjects = 'may' in rule ? rule.may.map((subject) => facetsIn(subject, who)) : []
      return {
        rule,
        members: own,
        matches: wholly(own),
        ...('may' in rule && { may: oneOf(subjects.map(wholly)), subjects }),
        lacks: (facts) => {
          const missing = openIn(own, facts)
          const ofSubjects = subjects.flatMap((subject) => openIn(subject, facts)).map((member) => `may.${member}`)
          return missing.length > 0 ? missing : [...new Set(ofSubjects)]
        },
      }
    }),
    asksNames: asksNames(policy.rules),
  }
}

/** Whether it is for the host of this id and name. */
export const isForHost = (
  { hosts }: CompiledPolicy,
  device: { readonly uid: string; readonly hostname: string },
): boolean => hosts(factsOf({ device }, {})) !== false

export type Members = readonly { readonly member: string; readonly facet: Facet }[]
const wholly = (members: Members): Facet => allOf(members.map(({ facet }) => facet))

const asksNames = (rules: readonly object[]): boolean =>
  rules.some((rule) => {
    const { users = [], may = [] } = rule as { users?: readonly unknown[]; may?: readonly object[] }
    return users.some((user) => typeof user === 'string') || asksNames(may)
  })

/** The retention class of an event, by its OCSF class. */
export function retentionClassOf(classUid: unknown): RetentionClass {
  if (typeof classUid !== 'number') return 'other'
  return classesByUid[classUid] ?? (Math.floor(classUid / 1000) === 3 ? 'administration' : 'other')
}

const classesByUid: Readonly<Record<number, RetentionClass>> = {
  1001: 'file',
  1004: 'memory',
  1007: 'process',
  1008: 'log',
  2004: 'finding',
  4001: 'network',
  5019: 'lifecycle',
  6002: 'lifecycle',
}

/** OCSF's class_uids that policies of a type judge; undefined: all. */
export const judgedClasses: Readonly<Record<PolicyDocument['type'], readonly number[] | undefined>> = {
  network: [4001],
  file: [1001],
  process: [1007],
  detection: [2004],
  response: [2004],
  retention: undefined,
}

export type RuleIn<T extends PolicyDocument['type']> = PolicyOf<T>['rules'][number]
