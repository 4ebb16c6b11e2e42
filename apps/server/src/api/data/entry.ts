// SPDX-License-Identifier: Apache-2.0

import { type JsonObject, parseRfc3339 } from '@sealwatch/base'
import { eventClasses } from '@sealwatch/contract'
import type { FilterEntry } from '@sealwatch/contract/filter'
import { chainAt, eventRow, type Leaf, type Ledger, numbersPerEvent, readEvent } from '@sealwatch/ledger'

/** Whose chain it is; undefined: that of no host that is known. */
export type HostNames = (chain: string) => HostName | undefined
export type HostName = { readonly id: string; readonly name: string }

/** A line of a tenant's ledger, read as far as somebody asks. */
export type Entry = FilterEntry & {
  readonly line: Uint8Array
  /** That sealed it; of a finding, that it is about. */
  readonly host: HostName | undefined
  /** undefined: it is none. */
  readonly event: JsonObject | undefined
  readonly json: LineJson
  /** Why it failed verification, though it is here: of a row, a host's line, or what a finding rests on; null: it did not. */
  readonly mark: string | null
}

/** A line in a ledger was judged when it came in: this is only built again. */
export type LineJson = { readonly chain: string; readonly seq: number; readonly time: string } & JsonObject

export const findingClass = eventClasses.finding.uid
const kinds = [
  'event',
  'head',
  'key',
  'registry',
  'stub',
  'replay',
  'row',
  'submission',
  'submission_replay',
  'submission_stub',
  'anchor',
  'close',
  'delegation',
  'tenant_head',
]
/** What somebody did, or tried to. */
export const isAct = ({ classUid, own, kind }: FilterEntry): boolean =>
  kind === 'event' && own && classUid !== findingClass
/** As many digits as an index reads. */
const numberMax = 999_999_999_999_999

export const isAlert = ({ classUid, own, kind }: FilterEntry): boolean =>
  kind === 'event' && own && classUid === findingClass

/** What is in the index of a line, too. */
type Facts = Pick<Entry, 'timeMs' | 'kind' | 'classUid' | 'activityId' | 'severityId'> & { readonly chain: string }

/** `fillMark`: of what came in behind a replay. */
export function entryOf(
  ledger: Pick<Ledger, 'chain'>,
  { index, line }: Leaf,
  hostOf: HostNames,
  fillMark: string | null = null,
): Entry {
  return new ReadEntry(ledger.chain, index, line, hostOf, fillMark)
}

/** A class, for getters in an object literal would make V8 a hidden class for each line, kept until the next full collection. */
class ReadEntry implements Entry {
  readonly leaf: number
  readonly line: Uint8Array
  readonly timeMs: number
  readonly kind: string
  readonly classUid: number | null
  readonly activityId: number | null
  readonly severityId: number | null
  readonly own: boolean
  readonly #chain: string
  readonly #hostOf: HostNames
  readonly #fillMark: string | null
  #built: string | undefined
  #json: LineJson | undefined
  #lower: string | undefined
  #host: { readonly found: HostName | undefined } | undefined

  constructor(own: string, leaf: number, line: Uint8Array, hostOf: HostNames, fillMark: string | null) {
    this.leaf = leaf
    this.line = line
    const { chain, timeMs, kind, classUid, activityId, severityId } = plainFacts(line) ?? factsOf(this.json)
    this.timeMs = timeMs
    this.kind = kind
    this.classUid = classUid
    this.activityId = activityId
    this.severityId = severityId
    this.own = chain === own
    this.#chain = chain
    this.#hostOf = hostOf
    this.#fillMark = fillMark
  }

  get json(): LineJson {
    this.#json ??= JSON.parse(this.#text()) as LineJson
    return this.#json
  }

  get event(): JsonObject | undefined {
    const { event } = this.json
    return isObject(event) ? event : undefined
  }

  get mark(): string | null {
    return this.#fillMark ?? (this.own ? ownMark(this.kind, this.json) : null)
  }

  get host(): HostName | undefined {
    const chain = () => (this.own ? chainOfEvidence(this.event) : undefined) ?? this.#chain
    this.#host ??= { found: this.#hostOf(chain()) }
    return this.#host.found
  }

  hosts(): readonly string[] {
    const { host } = this
    return host === undefined ? [] : [host.id, host.name]
  }

  text(): string {
    this.#lower ??= this.#text().toLowerCase()
    return this.#lower
  }

  #text(): string {
    const { buffer, byteOffset, byteLength } = this.line
    this.#built ??= Buffer.from(buffer, byteOffset, byteLength).toString('utf8')
    return this.#built
  }
}

const row = new Float64Array(numbersPerEvent)
const at = (place: keyof typeof eventRow): number => row[eventRow[place]] as number
const orNull = (value: number): number | null => (Number.isNaN(value) ? null : value)

/** Of nearly every line, without building it; undefined: it is none of those. */
function plainFacts(line: Uint8Array): Facts | undefined {
  if (readEvent(line, 0, row, 0) !== line.length) return undefined
  return {
    chain: chainAt(line, at('chainFrom')),
    timeMs: at('timeMs'),
    kind: 'event',
    classUid: orNull(at('classUid')),
    activityId: orNull(at('activityId')),
    severityId: orNull(at('severityId')),
  }
}

function factsOf(json: LineJson): Facts {
  const event = isObject(json.event) ? json.event : undefined
  return {
    chain: json.chain,
    timeMs: Number((parseRfc3339(json.time) ?? 0n) / 1_000_000n),
    kind: kinds.find((kind) => Object.hasOwn(json, kind)) ?? '',
    classUid: wholeNumber(event?.class_uid),
    activityId: wholeNumber(event?.activity_id),
    severityId: wholeNumber(event?.severity_id),
  }
}

/** As the line itself says. */
function ownMark(kind: string, json: LineJson): string | null {
  const told =
    kind === 'row' || kind === 'submission'
      ? (json[kind] as JsonObject).mark
      : kind === 'event' && isObject(json.event) && isObject(json.event.unmapped)
        ? json.event.unmapped.unverified
        : undefined
  return typeof told === 'string' ? told : null
}

/** Of a line that the server wrote: whose event it rests on. */
function chainOfEvidence(event: JsonObject | undefined): string | undefined {
  const { leaves } = isObject(event?.unmapped) ? event.unmapped : {}
  const [first] = Array.isArray(leaves) ? leaves : []
  return isObject(first) && typeof first.chain === 'string' ? first.chain : undefined
}

const wholeNumber = (value: unknown): number | null =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= numberMax ? (value as number) : null

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
