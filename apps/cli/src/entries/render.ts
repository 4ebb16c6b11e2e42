// SPDX-License-Identifier: Apache-2.0

import { basename } from 'node:path'
import { toSeconds } from '@sealwatch/base'
import type { Json } from '@sealwatch/base/json'
import type { Io } from '../io.ts'
import type { Place } from '../place.ts'
import { paint, safe, toSecond } from '../terminal.ts'
import type { AlertGroup } from './alert-groups.ts'
import type { ReadEntry } from './entry.ts'
import { isObject, itemsAt, memberAt, shownAt } from './member.ts'
import { explainCommand, proofCommand } from './next-steps.ts'
import { isThreat, threatRows } from './threat.ts'

const severityStyles = {
  Informational: 'dim',
  Low: 'cyan',
  Medium: 'yellow',
  High: ['red', 'bold'],
  Critical: ['white', 'bgRed', 'bold'],
} as const
type Severity = keyof typeof severityStyles

/** Members without which an entry is not what it should be; they hold text. */
const eventTexts = [['severity'], ['class_name'], ['activity_name'], ['message']] as const
const alertTexts = [['severity'], ['message'], ['finding_info', 'title'], ['finding_info', 'uid']] as const

/** A command that is cut is none. */
const rowCharsMax = 2_000

/** Half-open, Unix milliseconds. */
export type Span = { readonly sinceMs: number; readonly untilMs: number }

/**
 * One line an event. What stands in it was chosen by whoever acted, so all of it is made safe. One that says that it was at another time
 * came in within the span: its host's clock is off, or its line came late.
 */
export function renderEvent(entry: ReadEntry, io: Io, span?: Span): string {
  const { event, leafIndex } = entry
  const kind = safe(`${textAt(event, 'class_name')}: ${textAt(event, 'activity_name')}`).padEnd(32)
  const by = doerOf(event)
  const host = shownAt(event, 'device', 'hostname')
  const at = `  ${host === undefined ? '' : `${safe(host)} `}leaf ${leafIndex}`
  const came = span === undefined ? '' : paint(io, 'yellow', cameAt(memberAt(event, 'time'), span))
  const end = `${by === undefined ? '' : `  by ${safe(by)}`}${paint(io, 'dim', at)}${came}${flawOf(entry, memberAt(event, 'time'), eventTexts, io)}`
  return `${timeOf(memberAt(event, 'time'))}  ${severityOf(event, io)}  ${kind}  ${safe(toSeconds(textAt(event, 'message')))}${end}\n${diffOf(event, io)}`
}

function cameAt(time: Json | undefined, { sinceMs, untilMs }: Span): string {
  if (typeof time !== 'number') return ''
  return time < sinceMs ? '  came in later' : time >= untilMs ? '  came in earlier' : ''
}

/** Which lines of a text changed, where that may be seen. */
function diffOf(event: Json, io: Io): string {
  const diff = memberAt(event, 'unmapped', 'diff')
  if (typeof diff !== 'string' || !diff.startsWith('@@ ')) return ''
  const styles: Readonly<Record<string, 'green' | 'red'>> = { '+': 'green', '-': 'red' }
  const lines = diff.split('\n').map((line) => `    ${paint(io, styles[line.slice(0, 1)] ?? 'dim', safe(line))}\n`)
  return lines.join('')
}

/** An alert as an analyst needs it: what, who, from where, on what, and how to prove it. */
export function renderAlert({ first: entry, last, times }: AlertGroup, io: Io, place: Place): string {
  const { event, leafIndex, tenant } = entry
  const info = memberAt(event, 'finding_info')
  const since = memberAt(info, 'first_seen_time')
  const title = textAt(info, 'title')
  const process = memberAt(event, 'actor', 'process')
  const [evidence] = itemsAt(event, 'evidences')
  const target = memberAt(evidence, 'process')
  const [related] = itemsAt(info, 'related_events')
  const [proof, ofThreat] = [proofCommand(entry, place), isThreat(event)]
  const rows: (readonly [string, string | undefined])[] = [
    [
      'who',
      isObject(process) ? whoOf(process, memberAt(event, 'actor', 'user')) : ofThreat ? undefined : doerOf(event),
    ],
    ...(ofThreat ? threatRows(entry, place) : []),
    ['host', shownAt(event, 'device', 'hostname')],
    ['ancestry', isObject(process) ? ancestryOf(process) : undefined],
    ['command', shownAt(process, 'cmd_line')],
    ['object', shownAt(evidence, 'file', 'path') ?? (isObject(target) ? objectOf(target) : undefined)],
    ['event', related === undefined ? undefined : eventOf(event)],
    ['again', times === 1 ? undefined : againOf(last, times)],
    ['why', explainCommand(entry, place)],
    ['proof', `leaf ${leafIndex} of ${tenant}${proof === undefined ? '' : `: ${proof}`}`],
  ]
  const attack = itemsAt(info, 'attacks').flatMap(techniqueOf).join(', ')
  const flaw = flawOf(entry, since, alertTexts, io)
  const head = `${timeOf(since)}  ${severityOf(event, io)}  ${paint(io, 'bold', safe(title))}  ${paint(io, 'dim', safe(attack))}${flaw}`
  const lines = rows
    .filter((row): row is readonly [string, string] => row[1] !== undefined && row[1] !== '')
    .map(([name, text]) => `    ${paint(io, 'dim', name.padEnd(9))} ${safe(text, rowCharsMax)}\n`)
  return `${head}\n${lines.join('')}`
}

const againOf = ({ event, leafIndex }: ReadEntry, times: number) =>
  `${times} times until ${timeOf(memberAt(event, 'finding_info', 'first_seen_time'))}, the last: ${eventOf(event)} (leaf ${leafIndex})`

/** One line for whoever has seen the whole of the first one. */
export function renderAgain({ last, times }: AlertGroup, io: Io): string {
  const { event } = last
  const head = `${timeOf(memberAt(event, 'finding_info', 'first_seen_time'))}  ${severityOf(event, io)}  again, ${times} times by now`
  return `${head}: ${safe(textAt(event, 'message'))}\n\n`
}

/** What happened, without the name of the rule that stands above it. */
const eventOf = (event: Json) =>
  shownAt(event, 'message')?.replace(`${textAt(memberAt(event, 'finding_info'), 'title')}: `, '')

/** Of an act that the server wrote down: `kind:id` of whoever it was. What hosts see says who in its message. */
const doerOf = (event: Json): string | undefined =>
  memberAt(event, 'actor', 'app_name') === 'sealwatch-server' ? shownAt(event, 'actor', 'user', 'uid') : undefined

/**
 * What is wrong with it: nobody vouches for it; or it is of no form, then no part of Sealwatch sealed it, and the host that did
 * deserves a look.
 */
function flawOf(
  { event, chain, mark }: ReadEntry,
  time: Json | undefined,
  texts: readonly (readonly string[])[],
  io: Io,
) {
  const isSound = typeof time === 'number' && texts.every((path) => typeof memberAt(event, ...path) === 'string')
  const unverified = mark === '' ? '' : paint(io, 'yellow', `  UNVERIFIED: ${safe(mark)}`)
  return `${unverified}${isSound ? '' : paint(io, 'red', `  malformed event by chain ${safe(chain)}`)}`
}

const textAt = (value: Json | undefined, name: string): string => shownAt(value, name) ?? '?'

function techniqueOf(attack: Json): string | readonly [] {
  const named = ['sub_technique', 'technique', 'tactic'].map((name) => memberAt(attack, name)).find(isObject)
  return named === undefined ? [] : [shownAt(named, 'uid'), shownAt(named, 'name')].filter(Boolean).join(' ')
}

/** The id of a user of whom the sensor knows nothing (docs/formats/event.md, 3.19). */
const unknownUser = '4294967295'

function whoOf(process: Json, user: Json | undefined): string {
  const name = shownAt(user, 'name')
  const known = name === undefined || name.startsWith('commit:') ? '' : ` ${name}`
  const uid = textAt(user, 'uid')
  const by = uid === unknownUser ? '' : `, uid ${uid}${known}`
  return `${programOf(process) || 'a process that is gone'} (pid ${textAt(process, 'pid')}${by})`
}

/** From the oldest process known down to the actor. */
function ancestryOf(process: Json): string {
  const above = itemsAt(process, 'ancestry').map((ancestor) => shownAt(ancestor, 'path') ?? textAt(ancestor, 'name'))
  return [...above.toReversed(), programOf(process)].map((path) => basename(path)).join(' -> ')
}

const programOf = (process: Json) => shownAt(process, 'file', 'path') ?? textAt(process, 'name')

const objectOf = (process: Json) => `${programOf(process)} (pid ${textAt(process, 'pid')})`

function severityOf(event: Json, io: Io): string {
  const severity = textAt(event, 'severity')
  const style = Object.hasOwn(severityStyles, severity) ? severityStyles[severity as Severity] : 'dim'
  return paint(io, style, safe(severity).padEnd(13))
}

/** To the second, for reading; JSON has the exact one. */
function timeOf(ms: Json | undefined): string {
  const time = new Date(typeof ms === 'number' ? ms : Number.NaN)
  return Number.isNaN(time.getTime()) ? '?'.padEnd(23) : toSecond(time.toISOString())
}
