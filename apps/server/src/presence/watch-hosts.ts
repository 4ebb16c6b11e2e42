// SPDX-License-Identifier: Apache-2.0

import { type Clock, type Log, rfc3339 } from '@sealwatch/base'
import { isUnenforced, type PolicyStanding, protocol } from '@sealwatch/contract'
import { verifyEd25519 } from '@sealwatch/keys'
import { type Body, type Heartbeat, headKeyId, openHeartbeat, parseNote, sha256 } from '@sealwatch/ledger'
import { auditTenant, type Host, isEnding, type ServerVoice } from '../identity/index.ts'
import { across, type Outbox, type Store } from '../store/index.ts'
import { judgeKey, type KeyRegistry } from '../trust/index.ts'
import { presenceError } from './errors.ts'
import { incidentEvent, incidentText } from './incident-event.ts'
import {
  type IncidentKind,
  incidentKinds,
  type Life,
  type LifeEvent,
  newPresence,
  type Presence,
  step,
} from './presence.ts'

export type ShownPresence = {
  readonly life: Life
  readonly since: string
  /** Of its newest sign of life; undefined: none came since the server started. */
  readonly heardAt: string | undefined
  /** Events that wait to be sealed there, as its newest heartbeat says. */
  readonly waiting: number | undefined
  readonly incidents: readonly IncidentKind[]
}

/** Which hosts live and see, by what they say; tells, as alerts, when one does not any more, and when it does again. */
export type HostWatch = {
  registered(host: Host, beats: boolean): void
  /** `chains`: the tenant of each that the host registered. Throws HEARTBEAT_FOREIGN or a note error. */
  heartbeat(host: Host, chains: ReadonlyMap<string, string>, note: string): void
  shipped(host: Host): void
  /** Lines of the host, in the ledger of the tenant. */
  admitted(host: Host, tenant: string, lines: Uint8Array): void
  /** How the host says that it follows its policies. */
  policies(host: Host, standings: readonly PolicyStanding[]): void
  /** Of a host that is not expected any more, for it was revoked or its tenant goes. */
  forget(hostId: string): void
  /** Undefined: it never came. */
  of(hostId: string): ShownPresence | undefined
  /** How many hosts are how, and in how many each kind of incident is open. */
  counts(): { readonly lives: Readonly<Record<Life, number>>; readonly open: Readonly<Record<IncidentKind, number>> }
  /** Looks whom nobody has heard, until the signal fires. */
  run(signal: AbortSignal): Promise<void>
}

export type HostWatchOptions = {
  readonly store: Store
  readonly outbox: Outbox
  readonly voice: ServerVoice
  readonly keys: Pick<KeyRegistry, 'of'>
  /** Number of the next line of a host's chain in the ledger of the tenant `cluster`. */
  readonly ledgerSeq: (chain: string) => number
  readonly clock: Clock
  readonly log: Log
}

const lookEveryMs = 500
const certificatesEveryMs = 60_000
/** Those that come faster are not looked at. */
const beatEveryNsMin = BigInt(protocol.heartbeatEveryMs / 3) * 1_000_000n
/** Longer between two looks, and this server itself did not run: nobody is blamed for that. */
const awakeStepMsMax = 2 * lookEveryMs
const stopped = Buffer.from('"event_code":"agent_stopped"')
const started = Buffer.from('"event_code":"agent_started"')

type Watched = {
  host: Host
  presence: Presence
  readonly began: Map<IncidentKind, bigint>
  note: string | undefined
  beatNs: bigint
  /** Policies that it is to enforce, and does not. */
  unenforced: readonly PolicyStanding[]
}
type Change = { readonly host: Host; readonly kept: Kept; readonly events: readonly Body[] }
type Kept = { readonly life: Life; readonly open: Readonly<Record<string, string>> }

/** Reads from the database who lived when the server stopped; they have a while to come back. */
export async function openHostWatch(options: HostWatchOptions): Promise<HostWatch> {
  const { store, outbox, voice, keys, ledgerSeq, clock, log } = options
  const startedNs = { wall: clock.nowNs(), monotonic: clock.monotonicNs() }
  /** Time that this server was awake, as of the last look. */
  let nowMs = 0
  const watched = new Map<string, Watched>()
  let unwritten: Change[] = []
  await readKept()

  async function readKept(): Promise<void> {
    const found = await across(store.db, 'start')
      .selectFrom('hosts')
      .select(['host_id', 'hostname', 'tenant', 'presence'])
      .where('presence', 'is not', null)
      .where('revoked_at', 'is', null)
      .execute()
    for (const { host_id, hostname, tenant, presence: text } of found) {
      const kept = JSON.parse(text as string) as Kept
      const began = new Map(
        incidentKinds.flatMap((kind) =>
          kept.open[kind] === undefined ? [] : [[kind, BigInt(kept.open[kind])] as const],
        ),
      )
      const life = kept.life === 'alive' ? 'expected' : kept.life
      const host = { hostId: host_id, hostname, tenant }
      const presence = newPresence(life, nowMs, [...began.keys()])
      watched.set(host_id, { host, presence, began, note: undefined, beatNs: 0n, unenforced: [] })
    }
  }

  /** Of a host that was forgotten something may still be under way. */
  function take({ hostId }: Host, event: LifeEvent): void {
    const one = watched.get(hostId)
    if (one !== undefined) move(one, event)
  }

  function move(one: Watched, event: LifeEvent): void {
    const before = one.presence
    const { presence, told } = step(before, event, nowMs)
    one.presence = presence
    if (told.length === 0 && keptLife(before.life) === keptLife(presence.life)) return
    const nowNs = clock.nowNs()
    const events = told.map(({ incident, is }) => {
      const isOver = is === 'over'
      const beganNs = isOver ? (one.began.get(incident) ?? nowNs) : nowNs
      if (isOver) one.began.delete(incident)
      else one.began.set(incident, nowNs)
      log[isOver ? 'info' : 'critical'](incidentText(incident, isOver), {
        host_id: one.host.hostId,
        tenant: one.host.tenant,
        incident: `host_${incident}`,
      })
      return incidentEvent(voice, one.host, incident, { nowNs, beganNs, isOver }, evidenceOf(one, incident))
    })
    const kept: Kept = {
      life: keptLife(presence.life),
      open: Object.fromEntries(Array.from(one.began, ([kind, ns]) => [kind, String(ns)])),
    }
    unwritten.push({ host: one.host, kept, events })
  }

  /** Rows and alerts in one: a crash before it forgets both, and the next start finds the same again. */
  async function write(): Promise<void> {
    const changes = unwritten
    if (changes.length === 0) return
    await store.transaction(async (tx) => {
      for (const { host, kept, events } of changes) {
        const { hostId, tenant } = host
        for (const event of events) await outbox.enqueue(tx, tenant, event)
        const row = { presence: JSON.stringify(kept) }
        await tx.updateTable('hosts').set(row).where('tenant', '=', tenant).where('host_id', '=', hostId).execute()
      }
    })
    unwritten = unwritten.slice(changes.length)
    outbox.ring()
  }

  async function lookAtCertificates(): Promise<void> {
    const found = await across(store.db, 'certificate')
      .selectFrom('hosts')
      .select(['host_id', 'cert_begins_at', 'cert_expires_at'])
      .where('revoked_at', 'is', null)
      .execute()
    for (const { host_id, cert_begins_at: beginsAt, cert_expires_at: expiresAt } of found) {
      const one = watched.get(host_id)
      if (one !== undefined)
        move(one, { kind: 'certificate', isEnding: isEnding({ beginsAt, expiresAt }, clock.nowMs()) })
    }
  }

  function read(host: Host, note: string): Heartbeat {
    const attempted = attemptedOf(host)
    const keyId = headKeyId(parseNote(note, attempted), attempted)
    const registered = keys.of(host.tenant)
    const key = registered.key(keyId)
    let beat: Heartbeat | undefined
    const owner = { kind: 'host', producer: host.hostId } as const
    const wrong = judgeKey(key, owner, {
      receivedAt: registered.receivedAt(clock.nowNs(), keyId),
      verify: () => {
        const record = { host_id: host.hostId, key_id: keyId, public_key: key?.publicKey ?? '' }
        beat = openHeartbeat(sha256, verifyEd25519, note, record)
        return true
      },
    })
    if (wrong !== undefined || beat === undefined)
      throw presenceError('HEARTBEAT_FOREIGN', { attempted, received: wrong?.detail })
    return beat
  }

  /** By the wall clock, or by what it was at the start: whichever is nearer. Where this server's own was set, no host is blamed. */
  function skewMs(timeNs: bigint): number {
    const wallNs = clock.nowNs()
    const steadyNs = startedNs.wall + clock.monotonicNs() - startedNs.monotonic
    const [one, other] = [wallNs, steadyNs].map((ns) => Number((timeNs - ns) / 1_000_000n)) as [number, number]
    return Math.abs(one) < Math.abs(other) ? one : other
  }

  return {
    registered: (host, beats) => {
      const fresh = () => ({
        presence: newPresence('stopped', nowMs),
        began: new Map(),
        note: undefined,
        beatNs: 0n,
        unenforced: [],
      })
      const one: Watched = Object.assign(watched.get(host.hostId) ?? fresh(), { host })
      watched.set(host.hostId, one)
      move(one, { kind: 'registered', beats })
    },
    heartbeat: (host, chains, note) => {
      const one = watched.get(host.hostId)
      const ns = clock.monotonicNs()
      if (one === undefined || ns - one.beatNs < beatEveryNsMin) return
      one.beatNs = ns
      const beat = read(host, note)
      if (chains.get(beat.chain) !== auditTenant)
        throw presenceError('HEARTBEAT_FOREIGN', { attempted: attemptedOf(host), received: `the chain ${beat.chain}` })
      one.note = note
      move(one, { kind: 'beat', beat, ledgerSeq: ledgerSeq(beat.chain), skewMs: skewMs(beat.timeNs) })
    },
    shipped: (host) => take(host, { kind: 'shipped' }),
    admitted: (host, tenant, lines) => {
      take(host, { kind: 'admitted' })
      if (tenant !== auditTenant) return
      // In a text of somebody's the quotes would have backslashes before them.
      const bytes = Buffer.from(lines.buffer, lines.byteOffset, lines.length)
      const [off, on] = [bytes.lastIndexOf(stopped), bytes.lastIndexOf(started)]
      if (off !== on) take(host, { kind: off > on ? 'stopped' : 'started' })
    },
    policies: ({ hostId }, standings) => {
      const one = watched.get(hostId)
      if (one === undefined) return
      one.unenforced = standings.filter(isUnenforced)
      move(one, { kind: 'policies', areEnforced: one.unenforced.length === 0 })
    },
    forget: (hostId) => void watched.delete(hostId),
    of: (hostId) => {
      const one = watched.get(hostId)
      if (one === undefined) return undefined
      const { life, sinceMs, isHeard, heardMs, beat, open } = one.presence
      const at = (ms: number) => rfc3339(clock.nowNs() - BigInt(Math.round(nowMs - ms)) * 1_000_000n)
      const heardAt = isHeard ? at(heardMs) : undefined
      return { life, since: at(sinceMs), heardAt, waiting: beat?.waiting, incidents: [...open] }
    },
    counts: () => {
      const lives = { expected: 0, alive: 0, silent: 0, stopped: 0 }
      const open = Object.fromEntries(incidentKinds.map((kind) => [kind, 0])) as Record<IncidentKind, number>
      for (const { presence } of watched.values()) {
        lives[presence.life] += 1
        for (const kind of presence.open) open[kind] += 1
      }
      return { lives, open }
    },
    run: async (signal) => {
      let lastNs = clock.monotonicNs()
      let certificatesMs = nowMs
      while (!signal.aborted) {
        await clock.sleep(lookEveryMs, signal)
        const ns = clock.monotonicNs()
        nowMs += Math.min(Number(ns - lastNs) / 1e6, awakeStepMsMax)
        lastNs = ns
        for (const one of watched.values()) move(one, { kind: 'time' })
        if (nowMs >= certificatesMs) {
          certificatesMs = nowMs + certificatesEveryMs
          await lookAtCertificates()
        }
        await write()
      }
    },
  }
}

const attemptedOf = ({ hostId }: Host) => `reading a heartbeat of the host ${hostId}`

/** Of one that is awaited nothing changed yet. */
const keptLife = (life: Life): Life => (life === 'expected' ? 'alive' : life)

const policiesShown = 8

/** What it said last; heartbeats are signed by it. */
function evidenceOf({ presence: { beat }, note, unenforced }: Watched, incident: IncidentKind): object {
  const policies = unenforced
    .slice(0, policiesShown)
    .map(({ policy, version, hindrance }) => ({ policy, version, hindrance }))
  const ofPolicies = incident === 'policy_not_enforced' && { policies, policy_count: unenforced.length }
  if (beat === undefined) return { last_heartbeat: null, ...ofPolicies }
  const { sites, nextSeq, waiting } = beat
  return { last_heartbeat: note, sites: sites ?? null, next_seq: nextSeq, waiting, ...ofPolicies }
}
