// SPDX-License-Identifier: Apache-2.0
// Whether a host lives and sees, from what it says and does not say. Pure: time comes in with each event.

import type { Heartbeat } from '@sealwatch/ledger'

/** What can be wrong with a host that nobody looks at (docs/runbooks/host-blind.md). */
export const incidentKinds = [
  'silent',
  'stopped',
  'sensor_gone',
  'sites_closed',
  'withholds',
  'cannot_seal',
  'clock_off',
  'certificate_ending',
  'policy_not_enforced',
] as const
export type IncidentKind = (typeof incidentKinds)[number]

/** `expected`: it lived when this server stopped, and has not come back yet. `stopped`: it said so in its chain. */
export type Life = 'expected' | 'alive' | 'silent' | 'stopped'

/** All milliseconds are of one monotonic clock, that of the caller. */
export type Presence = {
  readonly life: Life
  /** Since when. */
  readonly sinceMs: number
  /** Whether it was heard since the server started. */
  readonly isHeard: boolean
  /** Of the newest sign of life, and how long it may be until the next. */
  readonly heardMs: number
  readonly patienceMs: number
  /** The newest, as it was read. */
  readonly beat: Heartbeat | undefined
  /** Since when its heartbeats say that there is no sensor. */
  readonly blindMs: number | undefined
  /** Most sites that its sensor had attached at once. */
  readonly sitesMost: number
  /** Where the ledger stood, and since when it stands there, though the host says that it has sealed more. */
  readonly ledger: { readonly nextSeq: number; readonly sinceMs: number }
  /** Since when ever more wait there to be sealed, and nothing of it came. */
  readonly pentMs: number | undefined
  readonly jumpedMs: number | undefined
  /** Since when it says that a policy that is to be enforced there is not. */
  readonly unenforcedMs: number | undefined
  readonly open: ReadonlySet<IncidentKind>
}

export type LifeEvent =
  /** Its agent came: with heartbeats, or too old for them. */
  | { readonly kind: 'registered'; readonly beats: boolean }
  /** Something of it came, whatever became of that. */
  | { readonly kind: 'shipped' }
  /** A batch of it is in the ledger. */
  | { readonly kind: 'admitted' }
  /** The ledger has its word that its agent stops, or that it started. */
  | { readonly kind: 'stopped' | 'started' }
  | {
      readonly kind: 'beat'
      readonly beat: Heartbeat
      /** Number of the next line of its chain in the ledger. */
      readonly ledgerSeq: number
      /** By how much the host's clock differs from this server's. */
      readonly skewMs: number
    }
  /** Whether its certificate should have been renewed by now. */
  | { readonly kind: 'certificate'; readonly isEnding: boolean }
  /** What it says of its policies. */
  | { readonly kind: 'policies'; readonly areEnforced: boolean }
  /** Nothing happened. */
  | { readonly kind: 'time' }

export type Told = { readonly incident: IncidentKind; readonly is: 'begun' | 'over' }
export type Step = { readonly presence: Presence; readonly told: readonly Told[] }

export const patienceMs = {
  /** Two heartbeats may be lost, or late; with the server's own second this is told within ten. Who says that it stops has as long to begin anew. */
  beats: 8_000,
  /** Who sends none closes an epoch of its chain each minute. */
  heads: 130_000,
  /** After a start of the server, all come back at once. */
  return: 30_000,
  /** One that died is back within a second, and the gap is told of; one that starts with its agent takes longer. */
  sensor: 5_000,
  withholds: 15_000,
  /** Three heartbeats: what is sealed as it should be waits for a fraction of a second. */
  seals: 6_000,
  /** A policy that has just come, and a sensor that begins anew, take seconds. */
  policies: 60_000,
} as const
const clockMs = { jump: 2_000, skew: 60_000, goodSkew: 30_000, calm: 60_000 } as const

export const newPresence = (life: Life, nowMs: number, open: readonly IncidentKind[] = []): Presence => ({
  life,
  sinceMs: nowMs,
  isHeard: false,
  heardMs: nowMs,
  patienceMs: life === 'expected' || life === 'stopped' ? patienceMs.return : protocolPatience(true),
  beat: undefined,
  blindMs: undefined,
  sitesMost: 0,
  ledger: { nextSeq: -1, sinceMs: nowMs },
  pentMs: undefined,
  jumpedMs: undefined,
  unenforcedMs: undefined,
  open: new Set(open),
})

const protocolPatience = (beats: boolean) => (beats ? patienceMs.beats : patienceMs.heads)

/** What becomes of a host's presence, and what is to be told of it. A replayed heartbeat changes nothing. */
export function step(before: Presence, event: LifeEvent, nowMs: number): Step {
  const told: Told[] = []
  let after = before
  const turn = (incident: IncidentKind, isOn: boolean) => {
    if (after.open.has(incident) === isOn) return
    const open = new Set(after.open)
    if (isOn) open.add(incident)
    else open.delete(incident)
    after = { ...after, open }
    told.push({ incident, is: isOn ? 'begun' : 'over' })
  }
  const live = (life: Life) => {
    after = { ...after, life, sinceMs: after.life === life ? after.sinceMs : nowMs, isHeard: true, heardMs: nowMs }
    turn('silent', false)
    if (life === 'alive') turn('stopped', false)
  }

  switch (event.kind) {
    case 'registered':
      after = { ...after, patienceMs: protocolPatience(event.beats), blindMs: undefined }
      // What was so before it was away is not known to be so still.
      if (before.life !== 'alive') after = { ...after, unenforcedMs: undefined }
      live('alive')
      break
    case 'started':
      live('alive')
      break
    case 'stopped':
      // Nothing is due from it any more. What was wrong before stays wrong until it is back, and says otherwise.
      live('stopped')
      after = { ...after, patienceMs: patienceMs.beats, beat: undefined, blindMs: undefined }
      after = { ...after, pentMs: undefined, jumpedMs: undefined, unenforcedMs: undefined }
      break
    case 'shipped':
      after = { ...after, pentMs: undefined, ledger: { ...after.ledger, sinceMs: nowMs } }
      break
    case 'admitted':
      // Heads that were sealed behind its last word come after it.
      if (after.life !== 'stopped') live('alive')
      break
    case 'beat':
      if (isReplayed(before.beat, event.beat)) break
      after = { ...after, patienceMs: patienceMs.beats }
      live('alive')
      takeBeat(event)
      break
    case 'certificate':
      // Who said that it stops renews when it is back.
      if (!event.isEnding || after.life !== 'stopped') turn('certificate_ending', event.isEnding)
      break
    case 'policies':
      after = { ...after, unenforcedMs: event.areEnforced ? undefined : (after.unenforcedMs ?? nowMs) }
      if (event.areEnforced) turn('policy_not_enforced', false)
      break
    case 'time':
      break
  }
  const isDue = after.life === 'alive' || after.life === 'expected'
  if (isDue && nowMs - after.heardMs >= after.patienceMs) {
    after = { ...after, life: 'silent', sinceMs: nowMs }
    turn('silent', true)
  }
  // Root, who can let the agent say so in good order, is who would have it silent.
  if (after.life === 'stopped' && nowMs - after.sinceMs >= after.patienceMs) turn('stopped', true)
  const { unenforcedMs } = after
  const isLate = unenforcedMs !== undefined && nowMs - unenforcedMs >= patienceMs.policies
  // Of one that is away nobody knows.
  if (isLate && after.life === 'alive') turn('policy_not_enforced', true)
  return { presence: after, told }

  function takeBeat({ beat, ledgerSeq, skewMs }: Extract<LifeEvent, { kind: 'beat' }>): void {
    const attached = beat.sites?.attached ?? 0
    const blindMs = beat.sites === undefined ? (after.blindMs ?? nowMs) : undefined
    after = { ...after, beat, blindMs, sitesMost: Math.max(after.sitesMost, attached) }
    if (blindMs === undefined) turn('sensor_gone', false)
    else if (nowMs - blindMs >= patienceMs.sensor) turn('sensor_gone', true)
    if (beat.sites !== undefined) turn('sites_closed', attached < after.sitesMost)

    const hasAll = ledgerSeq >= beat.nextSeq
    if (hasAll || ledgerSeq !== after.ledger.nextSeq)
      after = { ...after, ledger: { nextSeq: ledgerSeq, sinceMs: nowMs } }
    if (hasAll) turn('withholds', false)
    else if (nowMs - after.ledger.sinceMs >= patienceMs.withholds) turn('withholds', true)

    const isPent = beat.waiting > 0 && beat.waiting >= (before.beat?.waiting ?? 0)
    after = { ...after, pentMs: isPent ? (after.pentMs ?? nowMs) : undefined }
    if (!isPent) turn('cannot_seal', false)
    else if (after.pentMs !== undefined && nowMs - after.pentMs >= patienceMs.seals) turn('cannot_seal', true)

    if (hasJumped(before.beat, beat)) after = { ...after, jumpedMs: nowMs }
    const isCalm = after.jumpedMs === undefined || nowMs - after.jumpedMs >= clockMs.calm
    if (after.jumpedMs === nowMs || Math.abs(skewMs) >= clockMs.skew) turn('clock_off', true)
    else if (isCalm && Math.abs(skewMs) < clockMs.goodSkew) turn('clock_off', false)
  }
}

/** Of one run of the host, the clock that nobody can set tells which of two came first. */
const isReplayed = (last: Heartbeat | undefined, beat: Heartbeat): boolean =>
  last !== undefined && last.bootId === beat.bootId && beat.bootNs <= last.bootNs

/** Whether its clock was set between two heartbeats; one that is slewed stays far below that. */
function hasJumped(last: Heartbeat | undefined, beat: Heartbeat): boolean {
  if (last === undefined || last.bootId !== beat.bootId) return false
  const byNs = beat.timeNs - beat.bootNs - (last.timeNs - last.bootNs)
  return Math.abs(Number(byNs / 1_000_000n)) >= clockMs.jump
}
