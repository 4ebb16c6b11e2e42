// SPDX-License-Identifier: Apache-2.0

import type { Operations } from '@sealwatch/contract/api'
import { responseWords } from '@sealwatch/contract/response-words'
import type { Io } from '../io.ts'
import { dataFlag, type Place } from '../place.ts'
import { columns, counted, duration, paint, safe, shellWord, toSecond } from '../terminal.ts'
import { processTree } from './process-tree.ts'

type Answer = Operations['getIncident']['answer']
export type Incident = Operations['listIncidents']['answer']['items'][number]
type Moment = Answer['timeline'][number]
type Process = NonNullable<Incident['target']>

const severities = ['unknown', 'informational', 'low', 'medium', 'high', 'critical', 'fatal']
const styles = { high: ['red', 'bold'], critical: ['white', 'bgRed', 'bold'], medium: 'yellow' } as const
const evidenceShown = 8

export function severityOf({ severity_id }: Pick<Incident, 'severity_id'>, io: Io): string {
  const name = severities[severity_id] ?? 'unknown'
  return name in styles ? paint(io, [...[styles[name as keyof typeof styles]].flat()], name) : name
}

/** What is still going on is what one looks for. */
export function stateOf({ state, cause }: Incident, io: Io): string {
  if (state === 'open') return paint(io, ['red', 'bold'], 'OPEN')
  return state === 'unheard' ? paint(io, 'yellow', 'not heard of') : `over (${safe(cause ?? '?')})`
}

/** `proc_mem_read` and the like: docs/formats/event.md, 7.8. */
export const wayOf = (way: string): string => safe(way.replaceAll('_', ' '))

export const programOf = (process: Process | null): string =>
  process === null || (!process.pid && !process.path && !process.name)
    ? 'unknown'
    : `${safe(process.path || process.name || 'unknown', 80)} (pid ${process.pid || 'unknown'})`

/** Who began it, and how many took part besides. */
export const whoOf = ({ actor, actors }: Pick<Incident, 'actor' | 'actors'>): string =>
  actors > 1 ? `${programOf(actor)} and ${counted(actors - 1, 'other')}` : programOf(actor)

/** What concerns all of a machine has no name of its own. */
export const aimOf = ({ name }: Pick<Incident, 'name'>): string => (name === 'machine' ? 'the machine' : safe(name))

export const responsesOf = ({ responses }: Incident): string => safe(responseWords(responses), 400)

/** Of what concerns all of a machine, `machine` is the name. */
const titleOf = (name: string): string =>
  name === 'machine' ? 'Somebody weakened what protects the machine' : `Somebody reached for ${safe(name)}`

/** From its first act to its newest. */
export function lengthOf({ opened, last }: Pick<Incident, 'opened' | 'last'>): string {
  const ms = Math.max(0, Date.parse(last) - Date.parse(opened))
  return ms < 100 ? `${ms} ms` : duration(ms)
}

/** An incident for a person: who, what was reached, what was done, and how to prove it. */
export function renderIncident({ incident, timeline, evidence, lines_left_out }: Answer, io: Io, place: Place): string {
  const { name, state, severity_id, lineages } = incident
  const head = `${severityOf({ severity_id }, io)}  ${paint(io, 'bold', titleOf(name))}  ${safe(incident.technique ?? '')}`
  return [
    `${head}\n`,
    columns(factsOf(incident, io)),
    `Actors\n${processTree(lineages)
      .map(({ depth, process, isActor }) => {
        const text = `${'  '.repeat(depth + 1)}${programOf(process)}`
        return `${isActor ? paint(io, 'red', text) : text}\n`
      })
      .join('')}`,
    `Reached\n${columns(incident.reached.map((by) => reachRow(by)))}`,
    `Timeline, by the clock of the host\n${columns(timeline.map((moment) => momentRow(moment, io)))}`,
    ...(incident.more_acts === 0 ? [] : [`  and ${counted(incident.more_acts, 'act')} that no row tells\n`]),
    `Evidence\n${columns(
      evidence
        .slice(0, evidenceShown)
        .map((line) => [`  leaf ${line.leaf_index}`, safe(line.code), line.proof, safe(line.mark ?? '')]),
    )}`,
    ...(evidence.length > evidenceShown || lines_left_out > 0
      ? [`  and ${counted(evidence.length - Math.min(evidence.length, evidenceShown) + lines_left_out, 'more line')}\n`]
      : []),
    `  Prove it: sudo ./sealwatch audit export --incident ${shellWord(incident.incident)} -o incident.bundle${dataFlag(place)}\n`,
    state === 'open' ? '' : '  What to do now: docs/runbooks/key-theft.md\n',
  ]
    .filter((text) => text !== '')
    .join('')
}

function factsOf(incident: Answer['incident'], io: Io): string[][] {
  const { actor, readers } = incident
  const user = actor?.user
  const rows: [string, string | undefined][] = [
    ['Incident', safe(incident.incident)],
    ['State', stateOf(incident, io)],
    ['Host', incident.host === null ? 'unknown' : `${safe(incident.host.name)} ${incident.host.id.slice(0, 12)}`],
    ['Lasted', `${lengthOf(incident)}, from ${toSecond(incident.opened)}`],
    ['Actor', whoOf(incident)],
    ['User', user === null || user === undefined ? undefined : `uid ${safe(user.uid ?? '?')}${nameOf(user.name)}`],
    ['Session', actor?.session === null ? undefined : safe(actor?.session ?? '')],
    ['Container', containerOf(actor?.container ?? null)],
    ['Unit', actor?.unit === null ? undefined : safe(actor?.unit ?? '')],
    ['Target', programOf(incident.target)],
    ['Acts', `${incident.acts} by ${counted(incident.actors, 'process', 'processes')}`],
    ['Handed to', readers.length === 0 ? undefined : readers.map(programOf).join(', ')],
    ['Responses', responsesOf(incident)],
    [
      'Note',
      incident.agent_away === null
        ? undefined
        : `no agent took what the guard sealed from ${toSecond(incident.agent_away)} on`,
    ],
  ]
  return rows.flatMap(([label, text]) => (text === undefined || text === '' ? [] : [[`  ${label}`, text]]))
}

const nameOf = (name: string | null): string => (name === null ? '' : ` ${safe(name)}`)

const containerOf = (container: NonNullable<Incident['actor']>['container']): string | undefined =>
  container === null
    ? undefined
    : [container.name, container.image, container.uid?.slice(0, 12)]
        .flatMap((text) => (text ? safe(text) : []))
        .join(' ')

const reachRow = ({ way, count, bytes, refused, first, last }: Answer['incident']['reached'][number]): string[] => [
  `  ${wayOf(way)}`,
  counted(count, 'time'),
  bytes === null ? 'bytes not known' : `${bytes} bytes`,
  refused === 0 ? '' : `${refused} refused`,
  first === null || last === null || first === last ? '' : `within ${lengthOf({ opened: first, last })}`,
]

/** All that a row of the ledger says. */
const momentCharsMax = 2_000

function momentRow(moment: Moment, io: Io): string[] {
  const { time, kind, text, way, by, times, bytes, error, step, state, since_act_ms } = moment
  const at = `  ${safe(time).slice(11, 23)}`
  if (kind === 'act') {
    const parts = [
      times > 1 && counted(times, 'time'),
      bytes !== null && `${bytes} bytes`,
      error !== null && `refused: ${safe(error)}`,
      text !== '' && safe(text),
    ].filter((part) => part !== false)
    return [at, wayOf(way ?? ''), by === null ? '' : `pid ${safe(by.split(':')[0] ?? '')}`, parts.join(', ')]
  }
  if (kind === 'response') {
    const what = paint(io, state === 'done' ? 'green' : 'yellow', safe((state ?? '').replaceAll('_', ' ')))
    const after = since_act_ms === null ? '' : `${since_act_ms} ms after the act`
    return [
      at,
      `${safe(step ?? '')} ${what}`,
      by === null ? '' : `pid ${safe(by.split(':')[0] ?? '')}`,
      [after, safe(text)].filter(Boolean).join(': '),
    ]
  }
  return [at, paint(io, 'bold', kind.replaceAll('_', ' ')), '', safe(text, momentCharsMax)]
}
