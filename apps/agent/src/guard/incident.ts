// SPDX-License-Identifier: Apache-2.0

import type { SeverityName } from '@sealwatch/contract'
import type { TargetRef, Task } from '../sources/observation.ts'
import { type Act, type Aim, aimKey, keyOf, type Prevention, type ProcessKey } from './act.ts'
import { kinOf } from './lineage.ts'
import { isAtLeast, isReading, isRecon, type Way } from './ways.ts'

/** What was reached by one way, all in all. */
export type Reached = {
  readonly count: number
  /** As far as the kernel says. */
  readonly bytes: number
  /** Of these the kernel refused so many. */
  readonly refused: number
  /** Of these so many for the guard had it denied. */
  readonly denied: number
  readonly firstNs: bigint
  readonly lastNs: bigint
}

export type Row = {
  readonly timeNs: bigint
  readonly way: Way
  readonly actor: ProcessKey
  readonly times: number
  readonly bytes: number
  readonly error: number
  readonly prevention: Prevention | undefined
  readonly detail: string
}

/** One attempt by one lineage upon one protected process, as it is now. Times are CLOCK_BOOTTIME. */
export type Incident = {
  readonly id: string
  readonly aim: Aim
  readonly severity: SeverityName
  /** Of the gravest act, the first of them, and who did it. */
  readonly way: Way
  readonly by: Task
  readonly openedNs: bigint
  readonly lastNs: bigint
  readonly acts: number
  /** Who acted, in the order in which they came. */
  readonly actors: readonly Task[]
  /** Those beyond the named maximum. */
  readonly moreActors: number
  /** Who did more than look around. */
  readonly suspects: readonly Task[]
  /** To whom descriptors were handed on. */
  readonly readers: readonly TargetRef[]
  readonly reached: ReadonlyMap<Way, Reached>
  readonly rows: readonly Row[]
  readonly moreRows: number
  /** When keys were last read, and nobody refused it; undefined: never. */
  readonly readNs: bigint | undefined
  /** Of a drill: its rehearsal's id. */
  readonly rehearsal?: string
}

/** Of an act that a drill plays: by what its attacker is known, in the place of the lineage. */
export type Played = { readonly id: string; readonly kin: readonly string[] }

/** `quiet`: no act for a while; `gone`: nor any of its actors; `room`: another one needed its place. */
export type CloseCause = 'quiet' | 'gone' | 'room' | 'stopping'
type Told = {
  readonly incident: Incident
  /** Of its newest act. */
  readonly actor: Task
  readonly did: Way
  /** Rows that no news before told, at most `eventRowsMax`; what is left waits for the next. */
  readonly fresh: readonly Row[]
}
export type IncidentNews =
  | (Told & {
      readonly kind: 'opened' | 'updated'
      /** It is graver than what was told before. */
      readonly isGraver: boolean
    })
  | (Told & { readonly kind: 'closed'; readonly cause: CloseCause })
/** Somebody else acts in it: what to do about them cannot wait until that is told. */
export type IncidentGrowth = { readonly kind: 'joined'; readonly incident: Incident }

/** Makes incidents of acts. Deterministic: `nowNs` is CLOCK_BOOTTIME, which no clock that is set moves. */
export type Incidents = {
  take(act: Act, nowNs: bigint, played?: Played): (IncidentNews | IncidentGrowth)[]
  /** Id of the open one that this act was counted in; undefined: it was a look around. */
  of(act: Act, played?: Played): string | undefined
  /** An open one has it already: by the same actor, or who acts was handed what he has. */
  has(act: Act): boolean
  /** A process has ended. */
  gone(process: ProcessKey): void
  /** What time alone brings: updates that waited, and closes. Due each second. */
  tick(nowNs: bigint): IncidentNews[]
  /** Closes all. */
  end(): IncidentNews[]
  readonly open: readonly Incident[]
  readonly size: number
  /** All acts that were ever taken: each is counted in one incident, or here as a look around that none was open for. */
  readonly taken: number
  readonly lookedAround: number
}

export const incidentLimits = {
  openMax: 256,
  /** Upon one protected process; of more at once the acts count in the one that was active last. */
  openOfOneMax: 16,
  rowsMax: 200,
  /** In one piece of news, so that it fits a line. */
  eventRowsMax: 32,
  actorsMax: 64,
  readersMax: 16,
  /** Keys by which a lineage is known. */
  kinMax: 512,
  quietNs: 30_000_000_000n,
  /** Once all of its actors have ended: who forks for each read is one attempt. */
  goneNs: 5_000_000_000n,
  updateEveryNs: 1_000_000_000n,
} as const

export type IncidentLimits = {
  readonly [L in keyof typeof incidentLimits]: (typeof incidentLimits)[L] extends bigint ? bigint : number
}

type Held = {
  readonly aim: Aim
  readonly rehearsal: string | undefined
  readonly id: string
  readonly openedNs: bigint
  severity: SeverityName
  way: Way
  by: Task
  lastNs: bigint
  acts: number
  moreActors: number
  moreRows: number
  actor: Task
  did: Way
  toldNs: bigint
  toldRows: number
  toldSeverity: SeverityName
  isDue: boolean
  readNs: bigint | undefined
  readonly kin: Set<string>
  readonly actors: Map<string, Task>
  readonly suspects: Map<string, Task>
  readonly alive: Set<string>
  readonly readers: Map<string, TargetRef>
  readonly reached: Map<Way, Reached>
  readonly rows: Row[]
}

export function createIncidents(newId: () => string, limits: IncidentLimits = incidentLimits): Incidents {
  /** In the order in which they were active. */
  let open: Held[] = []
  let taken = 0
  let lookedAround = 0

  const sameAim = (aim: Aim) => {
    const key = aimKey(aim)
    return open.filter((one) => aimKey(one.aim) === key)
  }

  /** The one of this lineage; where there are too many, the one that was active last. */
  function find(act: Act, kin: readonly string[], rehearsal: string | undefined): Held | undefined {
    // What is played and what is real are never one attempt: the one is answered in earnest.
    const upon = sameAim(act.aim).filter((one) => one.rehearsal === rehearsal)
    const own = upon.findLast((one) => kin.some((key) => one.kin.has(key)))
    return own ?? (upon.length >= limits.openOfOneMax ? upon.at(-1) : undefined)
  }

  function close(held: Held, cause: CloseCause): IncidentNews {
    open = open.filter((one) => one !== held)
    return { kind: 'closed', ...tell(held), cause }
  }

  function begin(
    act: Act,
    nowNs: bigint,
    rehearsal: string | undefined,
  ): { readonly held: Held; readonly news: IncidentNews[] } {
    const [oldest] = open
    const news = oldest !== undefined && open.length >= limits.openMax ? [close(oldest, 'room')] : []
    const held: Held = {
      rehearsal,
      ...{ aim: act.aim, id: newId(), openedNs: act.timeNs, severity: act.severity, way: act.way, lastNs: nowNs },
      ...{ by: act.actor, did: act.way, suspects: new Map() },
      ...{ acts: 0, moreActors: 0, moreRows: 0, actor: act.actor, isDue: false, readNs: undefined },
      ...{ toldNs: nowNs, toldRows: 0, toldSeverity: act.severity },
      ...{ kin: new Set(), actors: new Map(), alive: new Set(), readers: new Map(), reached: new Map(), rows: [] },
    }
    open.push(held)
    return { held, news }
  }

  /** `isNews`: it cannot wait to be told, for a way, a reader or a severity was not there before. */
  function add(held: Held, act: Act, kin: readonly string[], nowNs: bigint) {
    const { way, actor, reader, times, bytes, error, prevention, timeNs, lastNs, detail } = act
    const before = held.reached.get(way)
    const isGraver = !isAtLeast(held.severity, act.severity)
    const isNewReader = addReader(held, reader)
    const isNews = before === undefined || isGraver || isNewReader
    if (isGraver) {
      held.severity = act.severity
      held.way = way
      held.by = actor
    }
    held.acts += times
    held.lastNs = nowNs
    held.actor = actor
    held.did = way
    if (error === 0 && isReading(way) && lastNs > (held.readNs ?? 0n)) held.readNs = lastNs
    held.reached.set(way, {
      count: (before?.count ?? 0) + times,
      bytes: (before?.bytes ?? 0) + bytes,
      refused: (before?.refused ?? 0) + (error === 0 ? 0 : times),
      denied: (before?.denied ?? 0) + (prevention === 'denied' ? times : 0),
      firstNs: before === undefined || timeNs < before.firstNs ? timeNs : before.firstNs,
      lastNs: before === undefined || lastNs > before.lastNs ? lastNs : before.lastNs,
    })
    const isListed = addActor(held, actor)
    const isJoined = (!isRecon(way) && addSuspect(held, actor)) || isListed
    // What was handed on is the same attempt, whoever goes on with it.
    for (const key of reader === undefined ? kin : [...kin, keyOf(reader)])
      if (held.kin.size < limits.kinMax) held.kin.add(key)
    if (held.rows.length < limits.rowsMax)
      held.rows.push({
        ...{ timeNs, way, actor: { pid: actor.pid, startNs: actor.startNs } },
        ...{ times, bytes, error, prevention, detail },
      })
    else held.moreRows += 1
    return { isNews, isJoined }
  }

  function addActor(held: Held, actor: Task): boolean {
    const key = keyOf(actor)
    if (held.actors.has(key)) return false
    if (held.actors.size >= limits.actorsMax) {
      held.moreActors += 1
      return false
    }
    held.actors.set(key, actor)
    held.alive.add(key)
    return true
  }

  /** Whoever only looks around takes nobody's place among them. */
  function addSuspect({ suspects }: Held, actor: Task): boolean {
    if (suspects.size >= limits.actorsMax || suspects.has(keyOf(actor))) return false
    suspects.set(keyOf(actor), actor)
    return true
  }

  function addReader(held: Held, reader: TargetRef | undefined): boolean {
    if (reader === undefined || held.readers.size >= limits.readersMax || held.readers.has(keyOf(reader))) return false
    held.readers.set(keyOf(reader), reader)
    held.alive.add(keyOf(reader))
    return true
  }

  function take(act: Act, nowNs: bigint, played?: Played): (IncidentNews | IncidentGrowth)[] {
    taken += act.times
    const kin = played?.kin ?? kinOf(act.actor)
    const found = find(act, kin, played?.id)
    if (found === undefined && isRecon(act.way)) {
      lookedAround += act.times
      return []
    }
    const begun = found === undefined ? begin(act, nowNs, played?.id) : undefined
    const held = found ?? (begun as { readonly held: Held }).held
    const { isNews, isJoined } = add(held, act, kin, nowNs)
    open = [...open.filter((one) => one !== held), held]
    if (begun !== undefined) return [...begun.news, { kind: 'opened', ...tell(held), isGraver: false }]
    if (isNews || nowNs - held.toldNs >= limits.updateEveryNs) return [update(held, nowNs)]
    held.isDue = true
    return isJoined ? [{ kind: 'joined', incident: shown(held) }] : []
  }

  function update(held: Held, nowNs: bigint): IncidentNews {
    const isGraver = held.severity !== held.toldSeverity
    held.toldNs = nowNs
    held.isDue = false
    return { kind: 'updated', ...tell(held), isGraver }
  }

  function tell(held: Held): Told {
    const fresh = held.rows.slice(held.toldRows, held.toldRows + limits.eventRowsMax)
    held.toldRows += fresh.length
    held.toldSeverity = held.severity
    return { incident: shown(held), actor: held.actor, did: held.did, fresh }
  }

  function tick(nowNs: bigint): IncidentNews[] {
    const news: IncidentNews[] = []
    for (const held of [...open]) {
      const quietNs = nowNs - held.lastNs
      const isGone = held.alive.size === 0 && held.moreActors === 0
      if (held.isDue && nowNs - held.toldNs >= limits.updateEveryNs) news.push(update(held, nowNs))
      if (isGone && quietNs >= limits.goneNs) news.push(close(held, 'gone'))
      else if (quietNs >= limits.quietNs) news.push(close(held, 'quiet'))
    }
    return news
  }

  return {
    take,
    of: (act, played) => find(act, played?.kin ?? kinOf(act.actor), played?.id)?.id,
    tick,
    has: ({ aim, actor, way }) =>
      sameAim(aim).some(
        ({ actors, readers, reached }) =>
          readers.has(keyOf(actor)) ||
          (actors.has(keyOf(actor)) && [...reached.keys()].some((one) => one === way || (isHold(one) && isHold(way)))),
      ),
    gone: (process) => {
      for (const { alive } of open) alive.delete(keyOf(process))
    },
    end: () => [...open].map((held) => close(held, 'stopping')),
    get open() {
      return open.map(shown)
    },
    get size() {
      return open.length
    },
    get taken() {
      return taken
    },
    get lookedAround() {
      return lookedAround
    },
  }
}

/** A tracer that is found does not say how it took hold. */
const isHold = (way: Way): boolean => way.startsWith('ptrace') || way === 'traced_from_birth'

function shown(held: Held): Incident {
  const { id, aim, severity, way, by, openedNs, lastNs, acts, moreActors, moreRows, readNs, rehearsal } = held
  return {
    ...{ id, aim, severity, way, by, openedNs, lastNs, acts, moreActors, moreRows, readNs },
    actors: [...held.actors.values()],
    suspects: [...held.suspects.values()],
    readers: [...held.readers.values()],
    reached: new Map(held.reached),
    rows: [...held.rows],
    ...(rehearsal !== undefined && { rehearsal }),
  }
}
