// SPDX-License-Identifier: Apache-2.0

import { commitmentForm, type Side } from '@sealwatch/contract'
import { addressKey, portKey } from '@sealwatch/contract/policy-values'

/** A value that an event has, in the form it is compared in, and where. `shown`: as its line has it; of a personal value, the commitment. */
export type Fact = { readonly value: string; readonly attribute: string; readonly shown: string | number }

/**
 * What an event says of one thing. `whole`: all that there is to say; where it is false, what is not among the facts may
 * still be so, and whatever turns on it is undecided.
 */
export type Facts = { readonly found: readonly Fact[]; readonly whole: boolean }

/** Reads each thing once, when a rule first asks. Nothing is taken for granted of the event's form. */
export type EventFacts = (thing: Thing) => Facts
export type Thing = keyof typeof readers

const nothingKnown: Facts = { found: [], whole: false }

export function factsOf(event: object, side: Side): EventFacts {
  const known = new Map<Thing, Facts>()
  return (thing) => {
    const before = known.get(thing)
    if (before !== undefined) return before
    const read = readers[thing]({ event, side })
    known.set(thing, read)
    return read
  }
}

type Reader = (from: { readonly event: object; readonly side: Side }) => Facts

function memberAt(event: object, path: string): unknown {
  return path
    .split('/')
    .reduce<unknown>(
      (at, step) =>
        typeof at === 'object' && at !== null && Object.hasOwn(at, step)
          ? (at as Readonly<Record<string, unknown>>)[step]
          : undefined,
      event,
    )
}

/** What a hostile event holds may not even be made a text of. */
const scalarAt = (event: object, path: string): string | number | undefined => {
  const value = memberAt(event, path)
  return typeof value === 'string' || typeof value === 'number' ? value : undefined
}

function factAt(event: object, path: string): Fact | undefined {
  const value = scalarAt(event, path)
  return value === undefined ? undefined : { value: String(value), attribute: `/event/${path}`, shown: value }
}

/** All of these that are there. */
const anyOf =
  (...paths: readonly string[]): Reader =>
  ({ event }) => {
    const found = paths.flatMap((path) => factAt(event, path) ?? [])
    return { found, whole: found.length === paths.length }
  }

/** A text that may have been cut where the event had too many. */
const textAt =
  (path: string): Reader =>
  ({ event }) => {
    const fact = factAt(event, path)
    return fact === undefined
      ? nothingKnown
      : { found: [fact], whole: memberAt(event, 'metadata/is_truncated') !== true }
  }

/** Known where it was never sealed, or could be opened. */
const actingAccount: Reader = ({ event, side }) => {
  const name = factAt(event, 'actor/user/name')
  const opened = name && side[name.attribute]?.value
  if (name === undefined || (opened === undefined && commitmentForm.test(name.value))) return nothingKnown
  return { found: [{ ...name, value: opened ?? name.value }], whole: true }
}

const ancestors: Reader = ({ event }) => {
  const ancestry = memberAt(event, 'actor/process/ancestry')
  if (!Array.isArray(ancestry)) return nothingKnown
  const found = ancestry.flatMap((_, index) => factAt(event, `actor/process/ancestry/${index}/path`) ?? [])
  const top = memberAt(event, `actor/process/ancestry/${ancestry.length - 1}/pid`)
  // Eight at most are told, and not of all of them the path; above process 1 there is none.
  return { found, whole: found.length === ancestry.length && (top === 1 || top === 2) }
}

const operationsOf = new Map<unknown, readonly string[]>([
  [1, ['create']],
  [2, ['read']],
  [3, ['write']],
  [4, ['delete']],
  [5, ['rename']],
  [6, ['change_attributes']],
  [7, ['change_attributes']],
  [14, []],
])
const operationsOfAccess = new Map<unknown, readonly string[]>([
  ['read', ['read']],
  ['write', ['write']],
  ['read_write', ['read', 'write']],
])

const operations: Reader = ({ event }) => {
  const activity = scalarAt(event, 'activity_id') ?? ''
  const known = operationsOf.get(activity)
  if (known === undefined) return nothingKnown
  const access = operationsOfAccess.get(scalarAt(event, 'unmapped/access')) ?? []
  const fact = (value: string): Fact => ({ value, attribute: '/event/activity_id', shown: activity })
  return { found: [...new Set([...known, ...access])].map(fact), whole: true }
}

const protocolNames = new Map([
  ['1', 'icmp'],
  ['6', 'tcp'],
  ['17', 'udp'],
  ['58', 'icmp'],
])
const directionNames = new Map([
  ['1', 'inbound'],
  ['2', 'outbound'],
])

const named =
  (path: string, names: ReadonlyMap<string, string>): Reader =>
  ({ event }) => {
    const fact = factAt(event, path)
    const name = fact && names.get(fact.value)
    return fact === undefined || name === undefined ? nothingKnown : { found: [{ ...fact, value: name }], whole: true }
  }

const protocol: Reader = (from) => {
  const fact = factAt(from.event, 'connection_info/protocol_name')
  if (fact === undefined) return named('connection_info/protocol_num', protocolNames)(from)
  const value = fact.value.toLowerCase().replace(/^(?:ipv6-)?icmp(?:v6)?$/, 'icmp')
  return { found: [{ ...fact, value }], whole: true }
}

/** The other side: where one connects to, or who comes in. */
const remoteAddress: Reader = (from) => {
  const [direction] = named('connection_info/direction_id', directionNames)(from).found
  if (direction === undefined) return nothingKnown
  const fact = factAt(from.event, direction.value === 'inbound' ? 'src_endpoint/ip' : 'dst_endpoint/ip')
  const key = fact && addressKey(fact.value)
  return fact === undefined || key === undefined ? nothingKnown : { found: [{ ...fact, value: key }], whole: true }
}

const port: Reader = ({ event }) => {
  const fact = factAt(event, 'dst_endpoint/port')
  const key = fact && portKey(fact.value)
  return fact === undefined || key === undefined ? nothingKnown : { found: [{ ...fact, value: key }], whole: true }
}

/** What rules ask of events, and where it stands in them (docs/formats/policy.md, 7). */
const readers = {
  actingProgram: anyOf('actor/process/file/path'),
  startedProgram: anyOf('process/file/path', 'unmapped/filename'),
  startedCommand: textAt('process/cmd_line'),
  actingCommand: textAt('actor/process/cmd_line'),
  actingAccount,
  actingUserId: anyOf('actor/user/uid'),
  ancestors,
  file: anyOf('unmapped/watched', 'file/path'),
  findingFile: anyOf('evidences/0/file/path'),
  operations,
  protocol,
  direction: named('connection_info/direction_id', directionNames),
  remoteAddress,
  port,
  host: anyOf('device/uid', 'device/hostname'),
  detection: anyOf('finding_info/analytic/uid'),
  severity: anyOf('severity_id'),
  score: anyOf('risk_score'),
  /** No event tells it yet. */
  unit: () => nothingKnown,
} as const satisfies Readonly<Record<string, Reader>>
