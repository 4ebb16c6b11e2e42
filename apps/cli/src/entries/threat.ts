// SPDX-License-Identifier: Apache-2.0
// What an alert says of a request that was judged an attack (docs/detection.md, "The verdict").

import type { Json } from '@sealwatch/base/json'
import type { Place } from '../place.ts'
import { itemsAt, memberAt, shownAt } from './member.ts'
import { commandFor, type Said } from './next-steps.ts'

export type Row = readonly [name: string, text: string | undefined]

export const isThreat = (event: Json): boolean =>
  memberAt(event, 'actor', 'app_name') === 'sealwatch-server' &&
  memberAt(event, 'metadata', 'event_code') === 'request_threat'

/** Of whoever sent the request its line tells nothing: `by` is the service that asked. */
export function threatRows(said: Said, place: Place): readonly Row[] {
  const data = memberAt(itemsAt(said.event, 'evidences')[0], 'data')
  const reasons = itemsAt(data, 'reasons')
  const [heaviest] = reasons
  const route = shownAt(data, 'route')
  const more = reasons.length > 1 ? `; and ${reasons.length - 1} more (--json)` : ''
  return [
    ['by', `${shownAt(said.event, 'actor', 'user', 'uid') ?? '?'}; who sent the request the ledger is not told`],
    ['route', [shownAt(data, 'method'), route ?? 'of which the service told no name'].filter(Boolean).join(' ')],
    ['verdict', verdictOf(data)],
    ['because', heaviest === undefined ? undefined : `${reasonText(heaviest)}${more}`],
    ['harmless', commandFor(said, ['detect', 'feedback', `${said.leafIndex}`, 'false-alarm'], place)],
    ['except', heaviest === undefined ? undefined : exceptCommand(said, data, heaviest, place)],
  ]
}

function verdictOf(data: Json | undefined): string {
  const kind = shownAt(data, 'type')?.replaceAll('_', ' ') ?? '?'
  const [worth, told] = [shownAt(data, 'recommended_action') ?? '?', shownAt(data, 'action') ?? '?']
  const done = worth === told ? worth : `${worth}; the service was told to ${told}`
  return `${kind}, score ${shownAt(data, 'score') ?? '?'} of 100, confidence ${shownAt(data, 'confidence') ?? '?'}: ${done}`
}

function reasonText(reason: Json): string {
  const [id, what, where, matched] = ['id', 'what', 'where', 'matched'].map((name) => shownAt(reason, name))
  const name = `${shownAt(reason, 'detector') ?? '?'}${id === undefined ? '' : `:${id}`}`
  const at = where === undefined ? '' : ` in ${where}`
  return `${name} +${shownAt(reason, 'weight') ?? '?'} ${what ?? '?'}${at}${matched === undefined ? '' : `: ${matched}`}`
}

/** What is redacted, and what is a pattern to exceptions, names no place and no route. */
const isName = (text: string) => !/[…·#*?\\]/.test(text)

function exceptCommand(said: Said, data: Json | undefined, reason: Json, place: Place): string | undefined {
  const [detector, id, where] = ['detector', 'id', 'where'].map((name) => shownAt(reason, name))
  const [method, route] = [shownAt(data, 'method'), shownAt(data, 'route')]
  if (detector === undefined || route === undefined || !isName(route)) return undefined
  return commandFor(
    said,
    [
      ...['detect', 'except', 'add', id === undefined ? detector : `${detector}:${id}`, '--route', route],
      ...(method === undefined ? [] : ['--method', method]),
      ...(where === undefined || !isName(where) ? [] : ['--where', where]),
      ...['--until', '30d', '--because', 'WHY'],
    ],
    place,
  )
}
