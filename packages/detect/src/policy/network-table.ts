// SPDX-License-Identifier: Apache-2.0
// Network policies as a table that the kernel follows (docs/formats/frame.md, 10). It says what the policies themselves say: each
// row is what their own facets answer to a connection of its stretch. The kernel denies what is certainly denied, and nothing else.

import { addressKey, type KeyRange, parsePrefix, portRange } from '@sealwatch/contract/policy-values'
import type { CompiledPolicy, CompiledRule, RuleIn } from './compile.ts'
import type { Verdict } from './facets.ts'
import { factsOf } from './facts.ts'

export const networkTableLimits = { rulesMax: 256, policiesMax: 16, rowsMax: 16_384, pathBytesMax: 511 } as const

/** What a connection is asked for, each by itself. */
export const tableThings = ['protocol', 'address', 'port', 'user', 'program'] as const
export type TableThing = (typeof tableThings)[number]

/** `rules`: a bit for each rule that holds from this value up to the next row's. */
export type TableRow = { readonly from: bigint; readonly rules: bigint }
/** Its bit is its place in the list. `rule` null: what becomes of what no other matches. */
export type TableRule = {
  readonly policy: string
  readonly version: number
  readonly rule: string | null
  readonly denies: boolean
}
export type NetworkTable = {
  readonly rules: readonly TableRule[]
  /** Of each policy the bits of its rules. */
  readonly policies: readonly bigint[]
  readonly rows: Readonly<Record<Exclude<TableThing, 'program'>, readonly TableRow[]>>
  readonly programs: {
    readonly named: ReadonlyMap<string, bigint>
    readonly others: bigint
    /** Nobody can say which it is. */
    readonly unknown: bigint
  }
}

export type TablePolicy = { readonly id: string; readonly version: number; readonly compiled: CompiledPolicy }
export type TableOptions = {
  readonly policies: readonly TablePolicy[]
  /** Names of accounts by their numbers, as events name them. */
  readonly accounts: ReadonlyMap<number, string>
}

export type MadeTable = {
  /** Undefined: no policy fits. */
  readonly table: NetworkTable | undefined
  /** Ids of those that are left out, for the table has no room. */
  readonly left: readonly string[]
}

/** Of network policies that are for this host. Those that come first have their place; one is in the table whole or not at all. */
export function networkTableOf({ policies, accounts }: TableOptions): MadeTable {
  const { rulesMax, policiesMax, rowsMax } = networkTableLimits
  let taken: TablePolicy[] = []
  let table: NetworkTable | undefined
  const left: string[] = []
  for (const policy of policies) {
    const next = [...taken, policy]
    const entries = entriesOf(next)
    const fits = next.length <= policiesMax && entries.length <= rulesMax
    const made = fits ? tableOf(next, entries, accounts) : undefined
    if (made === undefined || rowsOf(made) > rowsMax) left.push(policy.id)
    else [taken, table] = [next, made]
  }
  return { table, left }
}

const rowsOf = ({ rows, programs }: NetworkTable) =>
  Object.values(rows).reduce((sum, { length }) => sum + length, 0) + 2 * programs.named.size + 2

/** A rule with its bit; `row` undefined: the default of its policy. */
type Entry = TableRule & { readonly row: CompiledRule | undefined }

function entriesOf(policies: readonly TablePolicy[]): readonly Entry[] {
  return policies.flatMap(({ id, version, compiled }) => {
    const rules = compiled.rules.map((row): Entry => {
      const { id: rule, action } = row.rule as RuleIn<'network'>
      return { policy: id, version, rule, denies: action === 'deny', row }
    })
    const { default: otherwise } = compiled.policy as { readonly default?: string }
    const last = { policy: id, version, rule: null, denies: otherwise === 'deny', row: undefined }
    return [...rules, last]
  })
}

function tableOf(
  policies: readonly TablePolicy[],
  entries: readonly Entry[],
  accounts: ReadonlyMap<number, string>,
): NetworkTable {
  const bitsWhere = (verdictOf: (row: CompiledRule) => Verdict) =>
    entries.reduce((bits, { row, denies }, at) => {
      const verdict = row === undefined ? [] : verdictOf(row)
      // What may be allowed is not denied; what may be denied is not, either.
      const holds = verdict === undefined ? !denies : verdict !== false
      return holds ? bits | (1n << BigInt(at)) : bits
    }, 0n)
  /** What holds of an event that says this thing alone. */
  const bitsOf = (members: readonly string[], event: object) => {
    const facts = factsOf(event, {})
    return bitsWhere(({ members: own }) =>
      every(own.filter(({ member }) => members.includes(member)).map(({ facet }) => facet(facts))),
    )
  }
  const stretches = (members: readonly string[], starts: Iterable<bigint>, eventAt: (from: bigint) => object) => {
    const rows: TableRow[] = []
    for (const from of [...new Set([0n, ...starts])].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))) {
      const rules = bitsOf(members, eventAt(from))
      if (rows.at(-1)?.rules !== rules) rows.push({ from, rules })
    }
    return rows
  }
  const valuesOf = (member: string) =>
    new Set(
      entries.flatMap(
        ({ row }) => ((row?.rule as Record<string, unknown> | undefined)?.[member] ?? []) as (string | number)[],
      ),
    )
  const users = valuesOf('users')
  const asksNames = [...users].some((user) => typeof user === 'string')
  const uids = [...users, ...(asksNames ? accounts.keys() : [])].filter((user) => typeof user === 'number')
  const executables = [...valuesOf('executables')].map(String)
  const programs = ['executables']
  const isNamed = ({ rule }: CompiledRule) => ((rule as RuleIn<'network'>).executables ?? []).every(isPath)
  return {
    rules: entries.map(({ policy, version, rule, denies }) => ({ policy, version, rule, denies })),
    policies: policies.map(({ id }) =>
      entries.reduce((bits, { policy }, at) => (policy === id ? bits | (1n << BigInt(at)) : bits), 0n),
    ),
    rows: {
      protocol: stretches(['protocols'], numbers(256), (number) => ({
        connection_info: { protocol_num: Number(number) },
      })),
      address: stretches(
        ['direction', 'addresses'],
        addressStarts([...valuesOf('addresses')].map(String)),
        destinationEvent,
      ),
      port: stretches(['ports'], starts([...valuesOf('ports')].map(portRange), BigInt), (port) => ({
        dst_endpoint: { port: Number(port) },
      })),
      user: stretches(
        ['users', 'units'],
        uids.flatMap((uid) => [BigInt(uid), BigInt(uid) + 1n]),
        (uid) => {
          const name = accounts.get(Number(uid))
          return { actor: { user: { uid: String(uid), ...(name !== undefined && { name }) } } }
        },
      ),
    },
    programs: {
      named: new Map(
        executables.filter(isPath).map((path) => [path, bitsOf(programs, { actor: { process: { file: { path } } } })]),
      ),
      others: bitsWhere((row) =>
        row.members.some(({ member }) => member === 'executables') ? (isNamed(row) ? false : undefined) : [],
      ),
      unknown: bitsOf(programs, {}),
    },
  }
}

function every(verdicts: readonly Verdict[]): Verdict {
  if (verdicts.includes(false)) return false
  return verdicts.includes(undefined) ? undefined : []
}

/** Without a wildcard, and as short as the kernel compares. */
const isPath = (pattern: string) =>
  !/[*?\\]/.test(pattern) && Buffer.byteLength(pattern) <= networkTableLimits.pathBytesMax

const numbers = (count: number) => Array.from({ length: count }, (_, at) => BigInt(at))

/** Where ranges begin, and where what is behind them does. */
const starts = (ranges: readonly (KeyRange | undefined)[], toNumber: (key: string) => bigint) =>
  ranges.flatMap((range) => (range === undefined ? [] : [toNumber(range[0]), toNumber(range[1]) + 1n]))

const mappedFrom = 0xffff_0000_0000n
const mappedTo = 0xffff_ffff_ffffn
/** What stays on this host: loopback, and the addresses that connect(2) takes for it. */
const local = ['127.0.0.0/8', '::1', '0.0.0.0', '::']

const addressStarts = (prefixes: readonly string[]) => [
  mappedFrom,
  mappedTo + 1n,
  ...starts(
    [...prefixes, ...local].map((prefix) => parsePrefix(prefix)?.range),
    numberOfKey,
  ),
]

/** As IPv6 has it, IPv4 mapped into ::ffff:0:0/96. */
const numberOfKey = (key: string) => BigInt(`0x${key.slice(1)}`) + (key.startsWith('4') ? mappedFrom : 0n)

export const addressNumber = (text: string): bigint | undefined => {
  const key = addressKey(text)
  return key === undefined ? undefined : numberOfKey(key)
}

const localRanges = local.flatMap((prefix) => parsePrefix(prefix)?.range ?? []).map(numberOfKey)
const isLocal = (address: bigint) =>
  localRanges.some((from, at) => at % 2 === 0 && from <= address && address <= (localRanges[at + 1] ?? from))

/** Of a connection there; where it stays on the host, that is no direction that a rule could name. */
function destinationEvent(address: bigint): object {
  const isFour = address >= mappedFrom && address <= mappedTo
  const octets = [24n, 16n, 8n, 0n].map((shift) => (address >> shift) & 255n)
  const groups = address.toString(16).padStart(32, '0').match(/..../g) ?? []
  return {
    connection_info: { direction_id: isLocal(address) ? 4 : 2 },
    dst_endpoint: { ip: isFour ? octets.join('.') : groups.join(':') },
  }
}

export type TableConnection = {
  readonly protocol: number
  readonly address: bigint
  readonly port: number
  readonly uid: number
  /** Path of its image; undefined: nobody can say. */
  readonly program: string | undefined
}

/** The rule that denies a connection, if any: as the kernel goes about it. */
export function deniedBy(
  table: NetworkTable,
  { protocol, address, port, uid, program }: TableConnection,
): TableRule | undefined {
  const { rows, programs, policies, rules } = table
  const at = (thing: readonly TableRow[], value: bigint) => thing.findLast(({ from }) => from <= value)?.rules ?? 0n
  const ofProgram = program === undefined ? programs.unknown : (programs.named.get(program) ?? programs.others)
  const holds =
    at(rows.protocol, BigInt(protocol)) &
    at(rows.address, address) &
    at(rows.port, BigInt(port)) &
    at(rows.user, BigInt(uid)) &
    ofProgram
  return policies
    .map((own) => rules.find((_, bit) => (((holds & own) >> BigInt(bit)) & 1n) === 1n))
    .find((first) => first?.denies === true)
}
