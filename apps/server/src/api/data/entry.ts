// SPDX-License-Identifier: Apache-2.0

import { type JsonObject, parseRfc3339 } from '@sealwatch/base'
import { eventClasses } from '@sealwatch/contract'
import type { FilterEntry } from '@sealwatch/contract/filter'
import type { Leaf, Ledger } from '@sealwatch/ledger'

/** Whose chain it is; undefined: that of no host that is known. */
export type HostNames = (chain: string) => HostName | undefined
export type HostName = { readonly id: string; readonly name: string }

/** A line of a tenant's ledger, read as far as somebody asks. */
export type Entry = FilterEntry & {
  readonly line: Uint8Array
  readonly time: string
  /** That sealed it; of a finding, that it is about. */
  readonly host: HostName | undefined
  /** undefined: it is none. */
  readonly event: JsonObject | undefined
  readonly json: LineJson
}

/** A line in a ledger was judged when it came in: this is only built again. */
export type LineJson = { readonly chain: string; readonly seq: number; readonly time: string } & JsonObject

export const findingClass = eventClasses.finding.uid
const kinds = ['event', 'head', 'key', 'stub', 'anchor', 'close', 'delegation', 'tenant_head']
/** As many digits as an index reads. */
const numberMax = 999_999_999_999_999

export const isAlert = ({ classUid, own, kind }: FilterEntry): boolean =>
  kind === 'event' && own && classUid === findingClass

export function entryOf(ledger: Pick<Ledger, 'chain'>, { index, line }: Leaf, hostOf: HostNames): Entry {
  const text = Buffer.from(line.buffer, line.byteOffset, line.byteLength).toString('utf8')
  const json = JSON.parse(text) as LineJson
  const event = isObject(json.event) ? json.event : undefined
  const own = json.chain === ledger.chain
  let lower: string | undefined
  let host: HostName | null | undefined
  const entry: Entry = {
    leaf: index,
    timeMs: Number((parseRfc3339(json.time) ?? 0n) / 1_000_000n),
    time: json.time,
    kind: kinds.find((kind) => Object.hasOwn(json, kind)) ?? '',
    classUid: wholeNumber(event?.class_uid),
    activityId: wholeNumber(event?.activity_id),
    severityId: wholeNumber(event?.severity_id),
    own,
    line,
    json,
    event,
    get host() {
      if (host === undefined) host = hostOf((own ? chainOfEvidence(event) : undefined) ?? json.chain) ?? null
      return host ?? undefined
    },
    hosts: () => (entry.host === undefined ? [] : [entry.host.id, entry.host.name]),
    text: () => {
      lower ??= text.toLowerCase()
      return lower
    },
  }
  return entry
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
