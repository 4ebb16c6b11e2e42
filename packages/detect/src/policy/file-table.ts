// SPDX-License-Identifier: Apache-2.0
// Policies of files and programs as a table that the sensor answers the kernel by (docs/formats/frame.md, 11). It says what the policies
// themselves say of each thing that the kernel tells: which file, opened for whatever or to be run, by which program and user.

import { type FileReach, isPlainPath, placeOf } from '@sealwatch/contract/policy-values'
import type { CompiledPolicy, CompiledRule, Members, RuleIn } from './compile.ts'
import type { Verdict } from './facets.ts'
import { factsOf } from './facts.ts'

export const fileTableLimits = {
  rulesMax: 256,
  policiesMax: 16,
  pathsMax: 512,
  programsMax: 128,
  usersMax: 512,
  textBytesMax: 32_768,
} as const

/** In the order of their numbers on the wire. */
export const fileWays = ['unknown', 'read', 'write', 'read_write', 'run'] as const
export type FileWay = (typeof fileWays)[number]

/** Bits of rules that hold. */
type Rules = bigint
export type FileTable = {
  /** A bit each, the first the lowest. Those who may are bits of their own, before that of the rule, which denies. */
  readonly rules: readonly { readonly policy: string; readonly rule: string | null; readonly denies: boolean }[]
  readonly policies: readonly Rules[]
  /** Those that hold when a file is opened for that; `unknown`: for what nobody knows. */
  readonly ways: Readonly<Record<FileWay, Rules>>
  readonly paths: readonly { readonly path: string; readonly reach: FileReach; readonly rules: Rules }[]
  readonly programs: { readonly named: ReadonlyMap<string, Rules>; readonly others: Rules; readonly unknown: Rules }
  readonly users: readonly { readonly from: number; readonly rules: Rules }[]
}

export type FileTablePolicy = { readonly id: string; readonly compiled: CompiledPolicy }
export type FileTableOptions = {
  readonly policies: readonly FileTablePolicy[]
  /** Names of accounts by their numbers, as events name them. */
  readonly accounts: ReadonlyMap<number, string>
}
export type MadeFileTable = {
  /** Undefined: nothing is to be refused, or fits. */
  readonly table: FileTable | undefined
  /** Ids of policies that the table has no room for. */
  readonly left: readonly string[]
  /** Of those of which the kernel can refuse nothing: it does not know what they turn on. */
  readonly beyond: readonly string[]
}

/** Of policies of the types `file` and `process` that are for this host. Those that come first have their place, whole or not at all. */
export function fileTableOf({ policies, accounts }: FileTableOptions): MadeFileTable {
  let taken: FileTablePolicy[] = []
  let table: FileTable | undefined
  const left: string[] = []
  const beyond: string[] = []
  for (const policy of policies) {
    if (tableOf([policy], accounts).paths.length === 0) {
      beyond.push(policy.id)
      continue
    }
    const next = [...taken, policy]
    const fits = next.length <= fileTableLimits.policiesMax && entriesOf(next).length <= fileTableLimits.rulesMax
    const made = fits ? tableOf(next, accounts) : undefined
    if (made === undefined || !hasRoom(made)) left.push(policy.id)
    else [taken, table] = [next, made]
  }
  return { table, left, beyond }
}

function hasRoom({ paths, programs, users }: FileTable): boolean {
  const { pathsMax, programsMax, usersMax, textBytesMax } = fileTableLimits
  const texts = [...paths.map(({ path }) => path), ...programs.named.keys()]
  const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0)
  return (
    paths.length <= pathsMax && programs.named.size <= programsMax && users.length <= usersMax && bytes <= textBytesMax
  )
}

/** What one bit stands for: who may, the rule itself, or what becomes of what no rule matches (`row` undefined). */
type Entry = {
  readonly policy: FileTablePolicy
  readonly rule: string | null
  readonly denies: boolean
  readonly row: CompiledRule | undefined
  /** What it asks of who acts, and of how. */
  readonly who: Members
}

function entriesOf(policies: readonly FileTablePolicy[]): readonly Entry[] {
  return policies.flatMap((policy): readonly Entry[] => {
    const { rules, policy: document } = policy.compiled
    if (document.type === 'file')
      return rules.flatMap((row) => {
        const { id } = row.rule
        const may = (row.subjects ?? []).map((who): Entry => ({ policy, rule: id, denies: false, row, who }))
        return [...may, { policy, rule: id, denies: true, row, who: [] }]
      })
    const own = rules.map((row): Entry => {
      const { id, action } = row.rule as RuleIn<'process'>
      return { policy, rule: id, denies: action === 'deny', row, who: row.members }
    })
    const denies = (document as { readonly default?: string }).default === 'deny'
    return [...own, { policy, rule: null, denies, row: undefined, who: [] }]
  })
}

const isOfFiles = ({ policy }: Entry) => policy.compiled.policy.type === 'file'
const all: Verdict = []

function tableOf(policies: readonly FileTablePolicy[], accounts: ReadonlyMap<number, string>): FileTable {
  const entries = entriesOf(policies)
  const bitsWhere = (verdictOf: (entry: Entry) => Verdict): Rules =>
    entries.reduce((bits, entry, at) => {
      const verdict = verdictOf(entry)
      // What may be allowed is not denied; what may be denied is not, either.
      const holds = verdict === undefined ? !entry.denies : verdict !== false
      return holds ? bits | (1n << BigInt(at)) : bits
    }, 0n)
  const deny = bitsWhere(({ denies }) => (denies ? all : false))
  const waysOf = (way: FileWay) => bitsWhere((entry) => verdictOfWay(entry, way))
  const ways = Object.fromEntries(fileWays.map((way) => [way, waysOf(way)])) as FileTable['ways']
  const any = Object.values(ways).reduce((bits, each) => bits | each, 0n)
  const paths = pathsOf(policies)
    .map(({ path, reach }) => ({ path, reach, rules: bitsWhere((entry) => verdictOfPath(entry, path, reach)) }))
    .filter(({ rules }) => (rules & deny & any) !== 0n)
  const programPatterns = valuesOf(entries, 'executables', isOfFiles).map(String)
  const named = programPatterns.filter(isPlainPath)
  const programBits = (path: string | undefined) => {
    const facts = factsOf(path === undefined ? {} : { actor: { process: { file: { path } } } }, {})
    return bitsWhere((entry) => (isOfFiles(entry) ? of(entry.who, ['executables'], facts) : all))
  }
  return {
    rules: entries.map(({ policy, rule, denies }) => ({ policy: policy.id, rule, denies })),
    policies: policies.map((own) => bitsWhere(({ policy }) => (policy === own ? all : false))),
    ways,
    paths,
    programs: {
      named: new Map(named.map((path) => [path, programBits(path)])),
      // A path that nothing has, where no pattern is asked for that it may fit.
      others: programBits(named.length === programPatterns.length ? '' : undefined),
      unknown: programBits(undefined),
    },
    users: userRows(entries, accounts, bitsWhere),
  }
}

/** Of these members alone. */
function of(members: Members, names: readonly string[], facts: ReturnType<typeof factsOf>): Verdict {
  const verdicts = members.filter(({ member }) => names.includes(member)).map(({ facet }) => facet(facts))
  if (verdicts.includes(false)) return false
  return verdicts.includes(undefined) ? undefined : all
}

const eventOfWay = (activity_id: number, access: string) => factsOf({ activity_id, unmapped: { access } }, {})
/** To run a file is to read it. */
const factsOfWays = {
  read: eventOfWay(2, 'read'),
  write: eventOfWay(3, 'write'),
  read_write: eventOfWay(3, 'read_write'),
  run: eventOfWay(2, 'read'),
} as const

/** Of what nobody knows for what it is opened a rule is surely about where it is about all. */
function verdictOfWay(entry: Entry, way: FileWay): Verdict {
  if (!isOfFiles(entry)) return way === 'run' ? all : false
  const verdict = (facts: ReturnType<typeof factsOf>) => of(entry.row?.members ?? [], ['operations'], facts)
  if (way !== 'unknown') return verdict(factsOfWays[way])
  const verdicts = Object.values(factsOfWays).map(verdict)
  if (verdicts.every((each) => each === false)) return false
  return verdicts.includes(false) ? undefined : all
}

function verdictOfPath({ policy, row }: Entry, path: string, reach: FileReach): Verdict {
  const isFile = policy.compiled.policy.type === 'file'
  const member = isFile ? 'paths' : 'executables'
  const one = reach === 'itself' ? path : `${path}/${nobodysName}`
  const event = isFile
    ? { file: { path: one }, unmapped: { watched: one } }
    : { process: { file: { path: one } }, unmapped: { filename: one } }
  const verdict = of(row?.members ?? [], [member], factsOf(event, {}))
  if (reach === 'itself' || verdict !== false) return verdict
  // Others of them may fit. A path without a pattern is a row of its own.
  const patterns = ((row?.rule as Readonly<Record<string, unknown>> | undefined)?.[member] ?? []) as readonly string[]
  return patterns.every((pattern) => isPlainPath(pattern) || placeOf(pattern) !== undefined) ? false : undefined
}

/** Of a file in a directory as any other. */
const nobodysName = '\u0001'

function pathsOf(policies: readonly FileTablePolicy[]) {
  const places = policies.flatMap(({ compiled: { rules, policy } }) =>
    rules.flatMap(({ rule }) => {
      const named = rule as Readonly<Record<string, unknown>>
      const patterns = ((policy.type === 'file' ? named.paths : named.executables) ?? []) as readonly string[]
      return patterns.flatMap((pattern) => placeOf(pattern) ?? [])
    }),
  )
  const different = [...new Map(places.map((place) => [`${place.reach} ${place.path}`, place])).values()]
  // Where there is no room for all, what is more particular has its place, and no rule that lets somebody is missed for it.
  const breadth = ({ path, reach }: (typeof different)[number]) => (reach === 'itself' ? 0 : 1 / path.length)
  return different.toSorted((one, other) => breadth(one) - breadth(other))
}

function valuesOf(entries: readonly Entry[], member: string, where: (entry: Entry) => boolean): (string | number)[] {
  const holders = entries.filter(where).flatMap(({ row }) => {
    const { may } = (row?.rule ?? {}) as { readonly may?: readonly object[] }
    return may ?? (row === undefined ? [] : [row.rule])
  })
  return [
    ...new Set(holders.flatMap((holder) => ((holder as Record<string, unknown>)[member] ?? []) as (string | number)[])),
  ]
}

const asksOfUser = ['users', 'units', 'ancestors', 'command_lines']

function userRows(
  entries: readonly Entry[],
  accounts: ReadonlyMap<number, string>,
  bitsWhere: (verdictOf: (entry: Entry) => Verdict) => Rules,
): FileTable['users'] {
  const users = valuesOf(entries, 'users', () => true)
  const numbers = users.filter((user) => typeof user === 'number')
  const asked = [...numbers, ...(numbers.length < users.length ? accounts.keys() : [])]
  const starts = [...new Set([0, ...asked.flatMap((uid) => [uid, uid + 1])])].filter((uid) => uid <= 0xffff_ffff)
  const rows: { readonly from: number; readonly rules: Rules }[] = []
  for (const from of starts.toSorted((a, b) => a - b)) {
    const name = accounts.get(from)
    const facts = factsOf({ actor: { user: { uid: String(from), ...(name !== undefined && { name }) } } }, {})
    const rules = bitsWhere(({ who }) => of(who, asksOfUser, facts))
    if (rows.at(-1)?.rules !== rules) rows.push({ from, rules })
  }
  return rows
}
