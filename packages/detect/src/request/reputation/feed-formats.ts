// SPDX-License-Identifier: Apache-2.0
// What feeds look like, as their sources write them. A format finds the entries; what an entry is is the same in all of them.

import type { EntryTerms } from './prefix-rows.ts'

/** Hears of the entries of a feed in their order; `place` is the line, or the number of the entry in a JSON document. */
export type Entries = {
  entry(place: number, text: string, from: number, to: number, terms: EntryTerms): void
  /** What is not in the format at all. */
  wrong(place: number, received: string, rule: string): void
  /** Something other than addresses, or something that no longer holds. */
  passedOver(): void
}
type Read<From> = (from: From, entries: Entries, asOf: number) => void
/** `asOf`: seconds of Unix time, from which durations count. */
export type FeedFormat = { readonly help: string; readonly mayBeEmpty: boolean } & (
  | { readonly lines: Read<string> }
  /** One JSON document. */
  | { readonly document: Read<unknown> }
)

const whole: EntryTerms = { until: 0, share: 100 }

export const feedFormats = {
  plain: {
    help: 'an address, prefix or range a line; # and ; begin comments',
    mayBeEmpty: false,
    lines: linesWith('#;'),
  },
  'spamhaus-drop': {
    help: 'DROP, EDROP and DROPv6 as text; ; begins comments',
    mayBeEmpty: false,
    lines: linesWith(';'),
  },
  'spamhaus-drop-json': {
    help: 'DROP as JSON, an object a line',
    mayBeEmpty: false,
    lines: readDropJson,
  },
  firehol: {
    help: 'netset and ipset of FireHOL; # begins comments',
    mayBeEmpty: false,
    lines: linesWith('#'),
  },
  'crowdsec-blocklist': {
    help: 'a blocklist of CrowdSec as text; # begins comments',
    mayBeEmpty: true,
    lines: linesWith('#'),
  },
  'crowdsec-decisions': {
    help: 'what `cscli decisions list -o raw` writes',
    mayBeEmpty: true,
    lines: readDecisionLines,
  },
  'crowdsec-json': {
    help: 'decisions of the central API, of a local API or of `cscli decisions list -o json`',
    mayBeEmpty: true,
    document: readDecisions,
  },
  abuseipdb: {
    help: 'the blacklist as plain text',
    mayBeEmpty: false,
    lines: linesWith('#'),
  },
  'abuseipdb-json': {
    help: 'the blacklist as JSON: its scores are hundredths of the weight',
    mayBeEmpty: false,
    document: readBlacklist,
  },
} as const satisfies Readonly<Record<string, FeedFormat>>
export type FeedFormatName = keyof typeof feedFormats

/** Each line without the white space around it; empty ones are left out. */
function eachLine(text: string, comments: string, visit: (from: number, to: number, line: number) => void): void {
  let line = 0
  for (let at = 0; at < text.length; ) {
    const found = text.indexOf('\n', at)
    const next = found < 0 ? text.length : found
    line += 1
    let to = comments === '' ? next : commentIn(text, at, next, comments)
    while (to > at && isSpace(text.charCodeAt(to - 1))) to -= 1
    let from = at
    while (from < to && isSpace(text.charCodeAt(from))) from += 1
    if (from < to) visit(from, to, line)
    at = next + 1
  }
}

function commentIn(text: string, from: number, to: number, comments: string): number {
  for (let at = from; at < to; at += 1) if (comments.includes(text[at] as string)) return at
  return to
}

const isSpace = (code: number) => code === 0x20 || code === 0x09 || code === 0x0d

function linesWith(comments: string): Read<string> {
  return (text, entries) => eachLine(text, comments, (from, to, line) => entries.entry(line, text, from, to, whole))
}

/** Its last line is an object of another type: what the feed is, and when it was made. */
function readDropJson(text: string, entries: Entries): void {
  eachLine(text, '', (from, to, line) => {
    const value = jsonOf(text.slice(from, to))
    if (!isObject(value)) entries.wrong(line, text.slice(from, to), 'a JSON object')
    else if (typeof value.type === 'string') entries.passedOver()
    else giveText(entries, line, value.cidr, whole)
  })
}

/**
 * `id,source,ip,reason,action,country,as,events_count,expiration,simulated,alert_id`: the name of a network in the middle may
 * hold commas, quoted or, of old versions, not; so columns are counted from both ends.
 */
function readDecisionLines(text: string, entries: Entries, asOf: number): void {
  eachLine(text, '', (from, to, line) => {
    const fields = text.slice(from, to).split(',')
    if (line === 1 && fields[0] === 'id') return
    const [, scope = '', value] = /^([^:]*):(.*)$/.exec(fields[2] ?? '') ?? []
    if (fields.length < 11 || value === undefined) {
      entries.wrong(line, text.slice(from, to), 'a line of eleven columns, the third a scope and a value')
      return
    }
    const simulated = fields.at(-2) === 'true'
    giveDecision(entries, line, { scope, value, duration: fields.at(-3), simulated }, asOf)
  })
}

/**
 * Of the central API (`new`: groups of decisions with one scope), of a local API (`new`, or a list of decisions) and of cscli
 * (a list of alerts with decisions). `deleted` tells what was taken back of an earlier answer; this one stands for itself.
 */
function readDecisions(document: unknown, entries: Entries, asOf: number): void {
  const list = isObject(document) ? document.new : document
  if (list !== null && !Array.isArray(list)) {
    entries.wrong(1, said(list), 'a list of decisions, or an object with one named new')
    return
  }
  let place = 0
  for (const item of (list ?? []) as readonly unknown[]) {
    const isGroup = isObject(item) && 'decisions' in item
    const inner = isGroup ? item.decisions : [item]
    for (const decision of Array.isArray(inner) ? inner : [undefined]) {
      place += 1
      if (isObject(decision))
        giveDecision(entries, place, { scope: isGroup ? item.scope : undefined, ...decision }, asOf)
      else if (inner !== null) entries.wrong(place, said(decision), 'a decision')
    }
  }
}

function giveDecision(entries: Entries, place: number, decision: JsonMembers, asOf: number): void {
  const { scope, value, duration, simulated } = decision
  if (typeof scope !== 'string' || typeof duration !== 'string') {
    entries.wrong(place, said(value), 'a decision with scope, value and duration')
    return
  }
  if (simulated === true || !/^(ip|range)$/i.test(scope)) {
    entries.passedOver()
    return
  }
  const seconds = durationOf(duration)
  if (seconds === undefined) entries.wrong(place, duration, 'a duration as Go writes it')
  else if (seconds <= 0) entries.passedOver()
  else giveText(entries, place, value, { until: Math.ceil(asOf + seconds), share: 100 })
}

const unitSeconds: Readonly<Record<string, number>> = { h: 3_600, m: 60, s: 1, ms: 1e-3, us: 1e-6, µs: 1e-6, ns: 1e-9 }

/** As time.Duration of Go writes it: `3h59m1.5s`, `-12m0s`. Seconds. */
function durationOf(text: string): number | undefined {
  if (!/^-?(\d{1,9}(\.\d{1,9})?(h|m|s|ms|us|µs|ns))+$/.test(text)) return undefined
  const parts = text.matchAll(/([\d.]+)(h|ms|m|s|us|µs|ns)/g)
  const seconds = [...parts].reduce((sum, [, amount, unit = '']) => sum + Number(amount) * (unitSeconds[unit] ?? 0), 0)
  return text.startsWith('-') ? -seconds : seconds
}

function readBlacklist(document: unknown, entries: Entries): void {
  const rows = isObject(document) ? document.data : undefined
  if (!Array.isArray(rows)) {
    entries.wrong(1, said(rows), 'an object with a list named data')
    return
  }
  for (const [at, row] of rows.entries()) {
    const { ipAddress, abuseConfidenceScore: score } = isObject(row) ? row : {}
    if (typeof score === 'number' && Number.isInteger(score) && score >= 0 && score <= 100)
      giveText(entries, at + 1, ipAddress, { until: 0, share: score })
    else entries.wrong(at + 1, said(ipAddress), 'an address with a score from 0 to 100')
  }
}

function giveText(entries: Entries, place: number, text: unknown, terms: EntryTerms): void {
  if (typeof text === 'string') entries.entry(place, text, 0, text.length, terms)
  else entries.wrong(place, said(text), 'an address, prefix or range')
}

/** To make text of an object can fail, and of a deep one takes the stack. */
const said = (value: unknown) => (typeof value === 'string' ? value : typeof value)

type JsonMembers = Readonly<Record<string, unknown>>
const isObject = (value: unknown): value is JsonMembers =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
