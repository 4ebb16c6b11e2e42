// SPDX-License-Identifier: Apache-2.0
// What the guard of a host tells (docs/formats/event.md, 7.6).

import type { GuardMode, GuardStep, StepMode } from '../guard-config.ts'
import type { SeverityName } from './classes.ts'
import type { EventBase } from './events.ts'
import type { OcsfAttack } from './finding.ts'
import type { OcsfProcess } from './objects.ts'

/** Of a process beside the actor: a reader, a suspect. `uid` as of an `OcsfProcess`. */
export type GuardProcess = {
  readonly pid: number
  readonly uid: string
  readonly name: string
  readonly path?: string
}

/** Times are RFC 3339 with nanoseconds, UTC. */
export type GuardReach = {
  readonly count: number
  /** As far as the kernel says; absent: it says nothing of this way. */
  readonly bytes?: number
  /** Of these the kernel refused so many; absent: none. */
  readonly refused?: number
  /** Of these so many because the guard has that denied; absent: none. */
  readonly denied?: number
  readonly first: string
  readonly last: string
}

export type GuardRow = {
  readonly time: string
  readonly way: string
  /** `uid` of who acted. */
  readonly by: string
  readonly times: number
  readonly bytes?: number
  /** The errno's name. */
  readonly error?: string
  /** `denied`: the kernel refused it for the guard; `dry_run`: it would have. */
  readonly prevention?: 'denied' | 'dry_run'
  readonly detail?: string
}

export type GuardIncident = {
  readonly incident: string
  /** Of the protected entry; `machine`: of all. */
  readonly name: string
  /** Of the gravest act. */
  readonly way: string
  readonly technique: string
  readonly opened: string
  readonly last: string
  readonly acts: number
  readonly actors: number
  readonly readers?: readonly GuardProcess[]
  readonly reached: { readonly [way: string]: GuardReach }
  /** What came since the event of this incident before. */
  readonly rows: readonly GuardRow[]
  /** Acts that no row tells, until now. */
  readonly more_rows?: number
  /** It is graver than what was told before. */
  readonly graver?: true
  /** What is done about it of itself, as the guard is told: steps that are on. */
  readonly answers?: readonly GuardStep[]
  /** Since then no agent takes what the guard seals; absent: one does. */
  readonly agent_away?: string
  /** Of a drill: its rehearsal's id. Nobody attacked. */
  readonly rehearsal?: string
  /** Of its end: `quiet`, `gone`, `room`, `stopping`. */
  readonly cause?: string
}

/** A configuration that the guard did not take, and what is wrong with it. */
export type GuardRefused = { readonly code: string; readonly received?: string; readonly version: number }

export type GuardResponse = {
  readonly incident: string
  readonly name: string
  readonly step: GuardStep
  /**
   * `ordered`: whoever does it was told; `dry_run`: it would have been; `spared`: it may not be done to that process; `resting`: it was
   * ordered a short while ago, and will be again once that is over; `queued`: it waits for what it needs; `refused`, `failed`: it was not done.
   */
  readonly state: 'ordered' | 'dry_run' | 'spared' | 'resting' | 'queued' | 'done' | 'refused' | 'failed'
  readonly suspect?: GuardProcess
  /** With all that descends from it. */
  readonly tree?: true
  readonly detail?: string
  /** From the act that it answers to this event, and from the order. */
  readonly since_act_ms?: number
  readonly took_ms?: number
}

export type GuardAudit = { readonly finding: string; readonly severity: SeverityName; readonly advice: string }

export type GuardProtection = {
  readonly name: string
  /** `exe`, `unit`, `pid_file`, `container_label`; `self`: it asked for itself; `own`: a part of Sealwatch. */
  readonly by?: string
  /** Names this registration. */
  readonly id?: string
  readonly steps?: readonly GuardStep[]
  readonly audit?: readonly GuardAudit[]
  /** Of its end: `ended`, `other_program`, `config`. */
  readonly cause?: string
}

export type GuardState = {
  readonly mode: GuardMode
  readonly prevent: StepMode
  /** Where something is to be denied and this kernel cannot: why. */
  readonly prevents_nothing?: string
  readonly responses: Readonly<Record<GuardStep, StepMode>>
  /** Who says so: `server`, `file`, `environment`, `default`. */
  readonly by: string
  /** What sees for it: `ebpf`, `polling`, `none`. */
  readonly tier: string
  readonly before?: GuardMode
  /** Drills whose attackers it answers in earnest. */
  readonly rehearses?: readonly {
    readonly id: string
    readonly name: string
    readonly until: string
    readonly by: string
  }[]
}

export type GuardAllowed = {
  readonly id: string
  readonly by: string
  readonly why: string
  readonly until: string
  readonly name: string
  readonly way: string
  readonly times: number
}

export type GuardEvent = EventBase & {
  readonly is_alert?: boolean
  readonly status_id?: number
  readonly status?: string
  readonly finding_info: {
    readonly uid: string
    readonly title: string
    readonly attacks?: readonly OcsfAttack[]
    readonly first_seen_time?: number
    readonly last_seen_time?: number
  }
  /** What is protected. */
  readonly evidences?: readonly { readonly process: OcsfProcess; readonly data: object }[]
  readonly unmapped:
    | { readonly guard_incident: GuardIncident }
    | { readonly guard_response: GuardResponse }
    | { readonly guard_protection: GuardProtection }
    | { readonly guard_state: GuardState }
    | { readonly guard_allowed: GuardAllowed }
    | { readonly guard_refused: GuardRefused }
}
