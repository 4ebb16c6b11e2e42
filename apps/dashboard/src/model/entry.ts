// SPDX-License-Identifier: Apache-2.0
// A line of the ledger, as a person reads it.

import { alikeWithinMs, likenessOf } from '@sealwatch/contract/alike'
import type { Operations } from '@sealwatch/contract/api'
import { memberAt, numberAt, textAt } from './member.ts'
import { severityOf } from './severity.ts'
import { askedFor } from './verdict.ts'

export type Entry = Operations['listEvents']['answer']['items'][number]

export type EntryWords = {
  readonly leaf: number
  readonly severity: ReturnType<typeof severityOf>
  readonly title: string
  /** Who did it: a program, or one of ours. */
  readonly actor: string
  readonly host: string
  /** RFC 3339: when it happened; of what is no event, when its line was written. */
  readonly time: string
  /** MITRE ATT&CK, of a finding. */
  readonly techniques: readonly string[]
  /** Why nobody vouches for it; undefined: it was verified. */
  readonly unverified: string | undefined
}

const kinds: Readonly<Record<string, string>> = {
  head: 'A host signed its chain',
  close: 'An epoch was closed: nobody who comes later can alter it',
  key: 'A signing key was registered',
  registry: 'The registry of signing keys changed',
  stub: 'Lines were not admitted, and lie in quarantine',
  row: 'A service sent a row',
  submission: 'A service signed the rows before this line',
  submission_stub: 'Rows of a service were not admitted, and lie in quarantine',
  submission_replay: 'Rows of a service follow from quarantine, in the place of their stub',
  replay: 'Lines from quarantine follow, in the place of their stub',
  anchor: 'A chain begins',
  delegation: 'The log key certified a node key',
  tenant_head: 'A tenant’s head entered the root ledger',
}

/** Why it failed verification, though it was admitted. */
const markWords: Readonly<Record<string, string>> = {
  unknown_key: 'unknown key',
  invalid_signature: 'wrong signature',
  key_revoked: 'revoked key',
  key_not_yet_valid: 'key not valid yet',
  key_expired: 'expired key',
}

export function wordsOf({ leaf_index, severity_id, kind, host, time, mark, line }: Entry): EntryWords {
  const { event } = line
  const process = memberAt(event, 'actor', 'process')
  return {
    leaf: leaf_index,
    severity: severityOf(severity_id),
    title:
      textAt(event, 'finding_info', 'title') ??
      sentence(textAt(event, 'message')) ??
      kinds[kind] ??
      `A line of the kind ${kind}`,
    actor:
      textAt(process, 'file', 'path') ??
      textAt(process, 'name') ??
      textAt(event, 'actor', 'user', 'uid') ??
      textAt(event, 'actor', 'app_name') ??
      '',
    host: host?.name ?? '',
    time: happenedAt(event) ?? time,
    techniques: techniquesOf(event),
    unverified: mark === null ? undefined : (markWords[mark] ?? mark),
  }
}

/** As the event says, a finding of what it found: the command line tells the same (a host may say anything). */
function happenedAt(event: unknown): string | undefined {
  const ms = numberAt(event, 'finding_info', 'first_seen_time') ?? numberAt(event, 'time')
  return ms === undefined || ms < 0 || ms > latestMs ? undefined : new Date(ms).toISOString()
}
/** The end of the year 9999. */
const latestMs = 253_402_300_799_999

/** Ours begin small, for they stand in the middle of a line of a log as well. */
const sentence = (message: string | undefined) =>
  message?.replace(/^(?:an?|the) /, ([first = '', ...rest]) => first.toUpperCase() + rest.join(''))

/** What a message says further than the title above it; undefined: nothing. */
export function beyondTitle(message: string | undefined, title: string): string | undefined {
  const rest = message?.startsWith(title) === true ? message.slice(title.length).replace(/^[:.,]? */, '') : message
  return rest === undefined || rest === '' || sentence(rest) === title ? undefined : rest
}

/** The id of the person who acted, as ledgers name them: `person:usr_…`; undefined: it was nobody, or not a person. */
export const personOf = (actor: string): string | undefined => /^(?:person:)?(usr_[0-9a-f]{20})$/.exec(actor)?.[1]

function techniquesOf(event: unknown): string[] {
  const attacks = memberAt(event, 'finding_info', 'attacks')
  if (!Array.isArray(attacks)) return []
  return attacks.flatMap((attack) => {
    const id = textAt(attack, 'sub_technique', 'uid') ?? textAt(attack, 'technique', 'uid')
    return id === undefined ? [] : [id]
  })
}

/** What an act was done to, where that is another process or a file. */
export type Target = { readonly kind: 'process' | 'file'; readonly name: string; readonly about: string | undefined }

export function targetOf({ line: { event } }: Pick<Entry, 'line'>): Target | undefined {
  const evidence = memberAt(event, 'evidences')
  const of = Array.isArray(evidence) ? evidence[0] : event
  const file = textAt(of, 'file', 'path')
  if (file !== undefined)
    return { kind: 'file', name: file, about: of === event ? textAt(event, 'activity_name') : undefined }
  const uid = textAt(of, 'process', 'uid')
  if (uid === undefined || uid === textAt(event, 'actor', 'process', 'uid')) return undefined
  const name = textAt(of, 'process', 'file', 'path') ?? textAt(of, 'process', 'name') ?? uid
  const pid = numberAt(of, 'process', 'pid')
  return { kind: 'process', name, about: pid === undefined ? undefined : `pid ${pid}` }
}

/** What was done to what, as far as the title does not say it: a file, a process, or what the message says further. */
export function objectOf(entry: Pick<Entry, 'line'>, title: string): string | undefined {
  const target = targetOf(entry)
  const { event } = entry.line
  if (target !== undefined) return title.includes(target.name) ? undefined : target.name
  if (memberAt(event, 'finding_info') === undefined) return undefined
  const parts = [askedFor(event), beyondTitle(textAt(event, 'message'), title)].filter((part) => part !== undefined)
  return parts.length === 0 ? undefined : parts.join(', ')
}

/** The newest of those that are alike (docs/formats/event.md, 7.3), and how many there are. */
export type Row = { readonly entry: Entry; readonly times: number }

/** Of entries the newest first, and so are the rows. */
export function together(entries: readonly Entry[]): readonly Row[] {
  const open = new Map<string, Row & { readonly sinceMs: number }>()
  const closed: Row[] = []
  for (const entry of entries.toReversed()) {
    const { event } = entry.line
    const key = likenessOf(event) ?? `leaf ${entry.leaf_index}`
    const ms = numberAt(event, 'time') ?? 0
    const known = open.get(key)
    const isAlike = known !== undefined && ms - known.sinceMs <= alikeWithinMs
    if (known !== undefined && !isAlike) closed.push(known)
    open.set(key, isAlike ? { ...known, entry, times: known.times + 1 } : { entry, times: 1, sinceMs: ms })
  }
  return [...closed, ...open.values()].sort((one, other) => other.entry.leaf_index - one.entry.leaf_index)
}

/** Of these, what is kept: the newest first, each once. `hasGap`: between what was known and what came there may be more. */
export function withNewer(
  known: readonly Entry[],
  newest: readonly Entry[],
  hasMore: boolean,
): { readonly entries: readonly Entry[]; readonly hasGap: boolean } {
  const top = known[0]?.leaf_index ?? -1
  const fresh = newest.filter(({ leaf_index }) => leaf_index > top)
  if (fresh.length === 0) return { entries: known, hasGap: false }
  return { entries: [...fresh, ...known], hasGap: hasMore && fresh.length === newest.length && known.length > 0 }
}
