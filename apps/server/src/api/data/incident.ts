// SPDX-License-Identifier: Apache-2.0
// An incident as people look at it, of what the guard of a host sealed about it (docs/formats/event.md, 7.6 to 7.8). A host in an attacker's
// hands may have sealed anything: what has another form is left out.

import { type JsonObject, parseRfc3339 } from '@sealwatch/base'
import { commitmentForm } from '@sealwatch/contract'
import type { Entry, HostName } from './entry.ts'
import { type AncestryStep, ancestryOf } from './event-detail.ts'
import { listIn, numberIn, objectIn, textIn } from './member.ts'

/** `unheard`: nobody said that it is over, and its guard has told nothing for so long that it would have been. */
export type IncidentState = 'open' | 'closed' | 'unheard'

export type IncidentProcess = {
  readonly pid: number | null
  /** Names it on its host: PID:START. */
  readonly uid: string | null
  readonly name: string | null
  readonly path: string | null
}

export type IncidentActor = IncidentProcess & {
  readonly cmd_line: string | null
  readonly user: { readonly uid: string | null; readonly name: string | null } | null
  /** The audit session, a log-in. */
  readonly session: string | null
  readonly container: {
    readonly uid: string | null
    readonly name: string | null
    readonly image: string | null
  } | null
  readonly unit: string | null
}

export type IncidentResponse = {
  readonly time: string
  readonly step: string
  readonly state: string
  readonly suspect: IncidentProcess | null
  readonly detail: string | null
  readonly since_act_ms: number | null
  readonly took_ms: number | null
  readonly leaf_index: number
}

export type IncidentSummary = {
  readonly incident: string
  readonly state: IncidentState
  /** Why it is over. */
  readonly cause: string | null
  /** Of its gravest act. */
  readonly severity_id: number
  /** Whose memory: the name of a protected entry; `machine`: of all. */
  readonly name: string
  readonly way: string
  readonly technique: string | null
  readonly message: string | null
  readonly opened: string
  readonly last: string
  readonly acts: number
  /** How many processes acted. */
  readonly actors: number
  readonly host: HostName | null
  /** Who began it. */
  readonly actor: IncidentActor | null
  readonly target: IncidentProcess | null
  /** Since when, within it, no agent took from the guard what it sealed. */
  readonly agent_away: string | null
  /** What became of each step, for each suspect. */
  readonly responses: readonly IncidentResponse[]
  /** Of its first and its newest line. */
  readonly first_leaf: number
  readonly last_leaf: number
}

export type IncidentReach = {
  readonly way: string
  readonly count: number
  /** Null: the kernel says nothing of this way. */
  readonly bytes: number | null
  readonly refused: number
  readonly first: string | null
  readonly last: string | null
}

export type IncidentMoment = {
  readonly time: string
  readonly kind: 'opened' | 'graver' | 'act' | 'response' | 'agent_away' | 'closed'
  readonly text: string
  readonly severity_id: number | null
  readonly way: string | null
  /** PID:START of who acted, or of the suspect. */
  readonly by: string | null
  readonly times: number
  readonly bytes: number | null
  readonly error: string | null
  readonly step: string | null
  readonly state: string | null
  readonly since_act_ms: number | null
  readonly took_ms: number | null
  readonly leaf_index: number
}

export type IncidentDetail = IncidentSummary & {
  readonly reached: readonly IncidentReach[]
  /** To whom descriptors were handed on. */
  readonly readers: readonly IncidentProcess[]
  /** Who acted, each with those that it comes from, its parent first. */
  readonly lineages: readonly (IncidentActor & { readonly ancestry: readonly AncestryStep[] })[]
  /** Acts that no moment of the timeline tells. */
  readonly more_acts: number
}

/** What of an incident is read, and shown. */
export const incidentLimits = {
  /** Of one incident: as many of its first lines, and of its newest. */
  linesOfEnd: 200,
  responsesMax: 64,
  lineagesMax: 64,
  readersMax: 16,
  /** A guard closes after 30 s without an act, and its lines may wait for an agent. */
  unheardMs: 5 * 60_000,
} as const

type Told = { readonly entry: Entry; readonly event: JsonObject; readonly code: string }

const toldOf = (entries: readonly Entry[]): Told[] =>
  entries.flatMap((entry) => {
    const { event } = entry
    const code = textIn(objectIn(event, 'metadata'), 'event_code')?.replace(/^guard_/, '')
    return event === undefined || code === undefined ? [] : [{ entry, event, code }]
  })

const incidentIn = ({ event }: Told) => objectIn(objectIn(event, 'unmapped'), 'guard_incident')
const isOfIncident = ({ code }: Told) => code !== 'response'

/** `entries`: of one incident and one host, oldest first, its first and its newest among them. Undefined: none is of the form. */
export function incidentSummary(entries: readonly Entry[], nowMs: number): IncidentSummary | undefined {
  const told = toldOf(entries)
  const about = told.filter(isOfIncident)
  const [first, newest] = [about[0], about.at(-1)]
  const said = newest && incidentIn(newest)
  if (first === undefined || newest === undefined || said === undefined) return undefined
  const [id, name, way] = ['incident', 'name', 'way'].map((member) => textIn(said, member))
  if (id === null || id === undefined || !name || !way) return undefined
  const closed = about.find(({ code }) => code === 'incident_closed')
  const newestLine = told.at(-1) ?? newest
  const isUnheard = nowMs - newestLine.entry.timeMs > incidentLimits.unheardMs
  const awayTimes = about.flatMap((one) => textIn(incidentIn(one), 'agent_away') ?? [])
  return {
    incident: id,
    state: closed !== undefined ? 'closed' : isUnheard ? 'unheard' : 'open',
    cause: textIn(closed && incidentIn(closed), 'cause'),
    severity_id: Math.max(...about.map(({ entry }) => entry.severityId ?? 0)),
    name,
    way,
    technique: textIn(said, 'technique'),
    message: textIn(newest.event, 'message'),
    opened: timeIn(said, 'opened') ?? first.entry.json.time,
    last: timeIn(said, 'last') ?? newest.entry.json.time,
    acts: numberIn(said, 'acts') ?? 0,
    actors: numberIn(said, 'actors') ?? 0,
    host: first.entry.host ?? null,
    actor: actorOf(first.event),
    target: targetOf(first.event),
    agent_away: awayTimes.sort()[0] ?? null,
    responses: newestOfEach(told.flatMap(responseOf)),
    first_leaf: first.entry.leaf,
    last_leaf: newestLine.entry.leaf,
  }
}

export function incidentDetail(entries: readonly Entry[], nowMs: number): IncidentDetail | undefined {
  const summary = incidentSummary(entries, nowMs)
  if (summary === undefined) return undefined
  const about = toldOf(entries).filter(isOfIncident)
  const newest = about.at(-1) as Told
  const reached = Object.entries(objectIn(incidentIn(newest), 'reached') ?? {}).flatMap(([way, by]) => reachOf(way, by))
  const lineages = new Map<string, IncidentDetail['lineages'][number]>()
  for (const { event } of about) {
    const actor = actorOf(event)
    const key = actor?.uid ?? String(actor?.pid)
    if (actor === null || lineages.has(key) || lineages.size >= incidentLimits.lineagesMax) continue
    const [, ...ancestry] = ancestryOf({ event })
    lineages.set(key, { ...actor, ancestry })
  }
  return {
    ...summary,
    reached,
    readers: listIn(incidentIn(newest), 'readers').slice(0, incidentLimits.readersMax).map(processOf),
    lineages: [...lineages.values()],
    more_acts: numberIn(incidentIn(newest), 'more_rows') ?? 0,
  }
}

/** What happened, one after the other, as the guard's clock has it. */
export function incidentTimeline(entries: readonly Entry[]): IncidentMoment[] {
  const moments = toldOf(entries).flatMap((told) => [...marksOf(told), ...actsOf(told), ...responseMoments(told)])
  const ns = (moment: IncidentMoment) => parseRfc3339(moment.time) ?? 0n
  return moments.sort((one, other) => Number(ns(one) - ns(other)) || one.leaf_index - other.leaf_index)
}

const blank = {
  ...{ severity_id: null, way: null, by: null, times: 1, bytes: null, error: null },
  ...{ step: null, state: null, since_act_ms: null, took_ms: null },
} as const

function marksOf({ entry, event, code }: Told): IncidentMoment[] {
  const said = incidentIn({ entry, event, code })
  const at = { ...blank, leaf_index: entry.leaf, severity_id: entry.severityId }
  const text = textIn(event, 'message') ?? ''
  const time = timeOf(entry)
  const away = timeIn(said, 'agent_away')
  return [
    ...(code === 'incident_opened'
      ? [{ ...at, time: timeIn(said, 'opened') ?? time, kind: 'opened' as const, text }]
      : []),
    ...(code === 'incident_updated' && said?.graver === true ? [{ ...at, time, kind: 'graver' as const, text }] : []),
    ...(code === 'incident_closed' ? [{ ...at, time, kind: 'closed' as const, text }] : []),
    ...(away === null
      ? []
      : [
          {
            ...at,
            severity_id: null,
            time: away,
            kind: 'agent_away' as const,
            text: 'No agent takes what the guard seals: it waits on the disk of the host',
          },
        ]),
  ]
}

const actsOf = (told: Told): IncidentMoment[] =>
  isOfIncident(told)
    ? listIn(incidentIn(told), 'rows').flatMap((row) => {
        const [time, way] = [timeIn(row, 'time'), textIn(row, 'way')]
        if (time === null || way === null) return []
        const text = textIn(row, 'detail') ?? ''
        return [
          {
            ...{ ...blank, time, kind: 'act' as const, text, way, by: textIn(row, 'by') },
            ...{ times: numberIn(row, 'times') ?? 1, bytes: numberIn(row, 'bytes'), error: textIn(row, 'error') },
            leaf_index: told.entry.leaf,
          },
        ]
      })
    : []

function responseMoments(told: Told): IncidentMoment[] {
  return responseOf(told).map(({ time, step, state, suspect, detail, since_act_ms, took_ms, leaf_index }) => ({
    ...{ ...blank, time, kind: 'response', text: detail ?? '', by: suspect?.uid ?? null },
    ...{ severity_id: told.entry.severityId, step, state, since_act_ms, took_ms, leaf_index },
  }))
}

function responseOf({ entry, event, code }: Told): IncidentResponse[] {
  const said = code === 'response' ? objectIn(objectIn(event, 'unmapped'), 'guard_response') : undefined
  const [step, state] = [textIn(said, 'step'), textIn(said, 'state')]
  if (step === null || state === null) return []
  const suspect = objectIn(said, 'suspect')
  return [
    {
      ...{ time: timeOf(entry), step, state, suspect: suspect === undefined ? null : processOf(suspect) },
      detail: textIn(said, 'detail'),
      ...{ since_act_ms: numberIn(said, 'since_act_ms'), took_ms: numberIn(said, 'took_ms'), leaf_index: entry.leaf },
    },
  ]
}

/** What was ordered is of no interest once it is done; what rests stands beside what was done, until it is ordered. */
function newestOfEach(responses: readonly IncidentResponse[]): IncidentResponse[] {
  const newest = new Map<string, IncidentResponse>()
  for (const response of responses) {
    const key = `${response.step} ${response.suspect?.uid ?? ''}`
    const rests = `${key} rests`
    if (response.state !== 'done') newest.delete(rests)
    newest.set(response.state === 'resting' ? rests : key, response)
  }
  return [...newest.values()].slice(0, incidentLimits.responsesMax)
}

function reachOf(way: string, value: unknown): IncidentReach[] {
  const by = objectIn({ value } as JsonObject, 'value')
  const count = numberIn(by, 'count')
  if (count === null) return []
  const [bytes, refused] = [numberIn(by, 'bytes'), numberIn(by, 'refused') ?? 0]
  return [{ way, count, bytes, refused, first: timeIn(by, 'first'), last: timeIn(by, 'last') }]
}

const processOf = (process: JsonObject): IncidentProcess => ({
  pid: numberIn(process, 'pid'),
  uid: textIn(process, 'uid'),
  name: textIn(process, 'name'),
  path: textIn(objectIn(process, 'file'), 'path') ?? textIn(process, 'path'),
})

function actorOf(event: JsonObject): IncidentActor | null {
  const actor = objectIn(event, 'actor')
  const process = objectIn(actor, 'process')
  if (process === undefined) return null
  const [user, container] = [objectIn(actor, 'user'), objectIn(process, 'container')]
  return {
    ...processOf(process),
    cmd_line: textIn(process, 'cmd_line'),
    user: user === undefined ? null : { uid: textIn(user, 'uid'), name: openIn(user, 'name') },
    session: textIn(objectIn(process, 'session'), 'uid'),
    container:
      container === undefined
        ? null
        : {
            ...{ uid: textIn(container, 'uid'), name: textIn(container, 'name') },
            image: textIn(objectIn(container, 'image'), 'name'),
          },
    unit: textIn(objectIn(process, 'xattributes'), 'unit'),
  }
}

function targetOf(event: JsonObject): IncidentProcess | null {
  const process = objectIn(listIn(event, 'evidences')[0], 'process')
  return process === undefined ? null : processOf(process)
}

/** A personal value is sealed: its commitment is no name. */
function openIn(value: JsonObject, member: string): string | null {
  const text = textIn(value, member)
  return text !== null && commitmentForm.test(text) ? null : text
}

const timeIn = (value: JsonObject | undefined, member: string): string | null => {
  const text = textIn(value, member)
  return text !== null && parseRfc3339(text) !== undefined ? text : null
}

/** Of the event itself; its line has it with all digits. */
const timeOf = (entry: Entry): string => entry.json.time
