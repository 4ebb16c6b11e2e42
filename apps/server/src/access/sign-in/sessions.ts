// SPDX-License-Identifier: Apache-2.0

import { hash, randomBytes } from 'node:crypto'
import { parseRfc3339, rfc3339 } from '@sealwatch/base'
import type { RecordOptions } from '../../identity/index.ts'
import { isNotKept, notDurable, type Tx } from '../../store/index.ts'
import { secretForm } from './cookie.ts'
import { signInError } from './errors.ts'
import { type EndCause, type LoginMethod, loggedOut } from './events.ts'

export type Session = {
  /** `ses_` and 20 hexadecimal digits: a name, and no secret. */
  readonly id: string
  readonly personId: string
  /** The one tenant that it acts in. */
  readonly tenant: string
  readonly method: LoginMethod
  /** Address it began from. */
  readonly source: string
  readonly beganMs: number
  /** Whatever happens, it ends then. */
  readonly endsMs: number
  readonly seenMs: number
}

export type SessionMatter = Pick<Session, 'personId' | 'tenant' | 'method' | 'source'> & {
  /** Shorter than sessions are anyway. */
  readonly secondsMax?: number
  /** Takes the place of this one, and ends when it would have. */
  readonly instead?: Session
}

/** A session that stands in the database; `admit` lets it count. */
export type NewSession = { readonly token: string; readonly session: Session }

export type Sessions = {
  /** Whose session the cookie is; asking does not keep it from idling away. */
  find(token: string | undefined): Session | undefined
  /** The same, for what a person does: it keeps it from idling away. */
  use(token: string | undefined): Session | undefined
  /** Within the transaction of a log-in. Throws SESSIONS_TOO_MANY, or SESSION_NONE where there is none to go on from. */
  insert(tx: Tx, matter: SessionMatter, timeNs: bigint): Promise<NewSession>
  /** After that transaction: it counts, and the one in whose place it stands does not. `idToken`: for the provider's own log-out. */
  admit(made: NewSession, idToken: string | undefined, instead?: Session): void
  /** Its ID token, as long as the server remembers it. */
  idTokenOf(id: string): string | undefined
  list(personId: string): Session[]
  /** Those that act in the tenant now. */
  actingIn(tenant: string): Session[]
  /** Ends sessions at once, then records that; false: there were none. Throws NOT_DURABLE; it is recorded later then. */
  end(sessions: readonly Session[], cause: EndCause, requestId?: string): Promise<boolean>
  /** Whether it still counts; asking does not keep it from idling away. */
  isLive(id: string): boolean
  /** Calls `close` when the session ends; the returned function ends that. */
  attach(id: string, close: () => void): () => void
  readonly count: number
  /** Ends what is over and saves when each was used last, until the signal fires and a last time then. */
  run(signal: AbortSignal): Promise<void>
}

export type SessionLimits = { readonly idleMinutes: number; readonly hours: number }

const sessionsMax = 20_000
/** Of one person; the one that was not used for longest gives way. */
export const perPersonMax = 20
const idTokenCharsMax = 8_192
const tendMs = 60_000
const msPerMinute = 60_000
const nsPerMs = 1_000_000n

/**
 * `seenNs`, `endsNs`: the same on the clock that nobody sets. A session is over when either clock says so: the wall clock
 * runs on while the machine sleeps, the other one when the wall clock is set back.
 */
type Live = {
  readonly session: Session
  readonly hash: string
  readonly endsNs: bigint
  seenMs: number
  seenNs: bigint
  savedMs: number
  idToken: string | undefined
  readonly closers: Set<() => void>
}

export async function openSessions(options: RecordOptions & { readonly limits: SessionLimits }): Promise<Sessions> {
  const { store, outbox, voice, clock, limits } = options
  const idleMs = limits.idleMinutes * msPerMinute
  const wholeMs = limits.hours * 60 * msPerMinute
  const live = new Map<string, Live>()
  const byId = new Map<string, Live>()
  // Over, and in the database still, which had no room: no more than that has rows.
  const unkept: Ended[] = []

  function add(tokenHash: string, session: Session, seenNs: bigint, endsNs: bigint): Live {
    const { seenMs } = session
    const made: Live = {
      session,
      hash: tokenHash,
      endsNs,
      seenMs,
      seenNs,
      savedMs: seenMs,
      idToken: undefined,
      closers: new Set(),
    }
    live.set(tokenHash, made)
    byId.set(session.id, made)
    return made
  }

  /** What was saved may be from before a restart: what has passed since is taken off, and a clock set back adds nothing. */
  for (const row of await store.db.selectFrom('sessions').selectAll().execute()) {
    const session = sessionOf(row)
    const nowMs = clock.nowMs()
    const nowNs = clock.monotonicNs()
    const idleForMs = Math.max(0, nowMs - session.seenMs)
    const leftMs = Math.min(session.endsMs, session.beganMs + wholeMs) - Math.max(nowMs, session.seenMs)
    add(row.token_hash, session, nowNs - BigInt(idleForMs) * nsPerMs, nowNs + BigInt(Math.max(0, leftMs)) * nsPerMs)
  }

  function over({ session, seenMs, seenNs, endsNs }: Live): EndCause | undefined {
    const nowMs = clock.nowMs()
    const nowNs = clock.monotonicNs()
    if (nowMs >= session.endsMs || nowNs >= endsNs) return 'age'
    if (nowMs - seenMs >= idleMs || nowNs - seenNs >= BigInt(idleMs) * nsPerMs) return 'idle'
    // Before it began: whatever the clock now says, it cannot be trusted with an end.
    return nowMs < session.beganMs - msPerMinute ? 'clock' : undefined
  }

  const shown = ({ session, seenMs }: Live): Session => ({ ...session, seenMs })

  function lookUp(token: string | undefined): Live | undefined {
    const found = token === undefined || !secretForm.test(token) ? undefined : live.get(hashOf(token))
    return found === undefined || over(found) !== undefined ? undefined : found
  }

  function forget(found: Live): void {
    live.delete(found.hash)
    byId.delete(found.session.id)
    for (const close of found.closers) close()
  }

  async function end(sessions: readonly Session[], cause: EndCause, requestId?: string): Promise<boolean> {
    const found = sessions.flatMap(({ id }) => byId.get(id) ?? [])
    if (found.length === 0) return false
    // First of all: nothing that follows may keep one alive.
    found.forEach(forget)
    await record({ found, cause, requestId })
    return true
  }

  type Ended = { readonly found: readonly Live[]; readonly cause: EndCause; readonly requestId: string | undefined }
  async function record(ended: Ended): Promise<void> {
    const { found, cause, requestId } = ended
    const timeNs = clock.nowNs()
    const write = store.taking(async (tx) => {
      await tx
        .deleteFrom('sessions')
        .where(
          'token_hash',
          'in',
          found.map((one) => one.hash),
        )
        .execute()
      const lines = found.map(({ session: { id, personId } }) =>
        loggedOut(voice, timeNs, { personId, session: id, cause, ...(requestId === undefined ? {} : { requestId }) }),
      )
      const enqueued: string[] = []
      for (const line of lines) enqueued.push(await outbox.enqueue(tx, 'cluster', line))
      return enqueued
    })
    const uids = await write.catch((error: unknown) => {
      if (!isNotKept(error)) throw error
      unkept.push(ended)
      throw notDurable('ending a session', error)
    })
    outbox.ring()
    await Promise.all(uids.map((uid) => outbox.recorded(uid, 'ending a session')))
  }

  /** By which of them was used last, the newest first. */
  const sessionsOf = (personId: string) =>
    [...live.values()]
      .filter(({ session }) => session.personId === personId)
      .toSorted((a, b) => Number(b.seenNs - a.seenNs))

  async function tend(): Promise<void> {
    for (const ended of unkept.splice(0)) await record(ended)
    const causes = Map.groupBy(live.values(), (one) => over(one))
    for (const [cause, found] of causes)
      if (cause !== undefined)
        for (let from = 0; from < found.length; from += batchMax)
          await end(
            found.slice(from, from + batchMax).map(({ session }) => session),
            cause,
          )
    const used = [...live.values()].filter(({ seenMs, savedMs }) => seenMs !== savedMs)
    if (used.length === 0) return
    await store.transaction(async (tx) => {
      for (const one of used) {
        const seen_at = rfc3339(BigInt(one.seenMs) * nsPerMs)
        await tx.updateTable('sessions').set({ seen_at }).where('token_hash', '=', one.hash).execute()
        one.savedMs = one.seenMs
      }
    })
  }

  return {
    get count() {
      return live.size
    },
    find: (token) => {
      const found = lookUp(token)
      return found && shown(found)
    },
    use: (token) => {
      const found = lookUp(token)
      if (found === undefined) return undefined
      found.seenMs = clock.nowMs()
      found.seenNs = clock.monotonicNs()
      return shown(found)
    },
    insert: async (tx, { personId, tenant, method, source, secondsMax, instead }, timeNs) => {
      if (live.size >= sessionsMax) throw signInError('SESSIONS_TOO_MANY', { attempted: 'beginning a session' })
      const token = randomBytes(32).toString('base64url')
      const beganMs = Number(timeNs / nsPerMs)
      const lastsMs = Math.min(wholeMs, (secondsMax ?? Number.POSITIVE_INFINITY) * 1000)
      const session: Session = {
        id: `ses_${randomBytes(10).toString('hex')}`,
        personId,
        tenant,
        method,
        source,
        beganMs: instead?.beganMs ?? beganMs,
        endsMs: instead?.endsMs ?? beganMs + lastsMs,
        seenMs: beganMs,
      }
      await tx
        .insertInto('sessions')
        .values(rowOf(hashOf(token), session))
        .execute()
      if (instead !== undefined) {
        const { numDeletedRows } = await tx
          .deleteFrom('sessions')
          .where('session_id', '=', instead.id)
          .executeTakeFirst()
        // Of two that go on from one session, one does.
        if (numDeletedRows === 0n) throw signInError('SESSION_NONE', { attempted: 'going on from a session' })
      }
      return { token, session }
    },
    admit: ({ token, session }, idToken, instead) => {
      const before = instead && byId.get(instead.id)
      const nowNs = clock.monotonicNs()
      const endsNs = before?.endsNs ?? nowNs + BigInt(session.endsMs - session.seenMs) * nsPerMs
      const made = add(hashOf(token), session, nowNs, endsNs)
      const kept = idToken ?? before?.idToken
      if (kept !== undefined && kept.length <= idTokenCharsMax) made.idToken = kept
      if (before !== undefined) forget(before)
    },
    idTokenOf: (id) => byId.get(id)?.idToken,
    list: (personId) =>
      sessionsOf(personId)
        .filter((one) => over(one) === undefined)
        .map(shown),
    actingIn: (tenant) => [...live.values()].map(({ session }) => session).filter((one) => one.tenant === tenant),
    end,
    isLive: (id) => {
      const found = byId.get(id)
      return found !== undefined && over(found) === undefined
    },
    attach: (id, close) => {
      const found = byId.get(id)
      if (found === undefined) {
        close()
        return () => undefined
      }
      found.closers.add(close)
      return () => void found.closers.delete(close)
    },
    run: async (signal) => {
      while (!signal.aborted) {
        await clock.sleep(tendMs, signal)
        await tend()
      }
    },
  }
}

/** Rows of one transaction. */
const batchMax = 200

const hashOf = (token: string): string => hash('sha256', token, 'hex')

type Row = {
  token_hash: string
  session_id: string
  person_id: string
  active_tenant: string
  method: string
  source: string
  began_at: string
  ends_at: string
  seen_at: string
}

const timeOf = (ms: number) => rfc3339(BigInt(ms) * nsPerMs)
const msOf = (time: string) => Number((parseRfc3339(time) ?? 0n) / nsPerMs)

const rowOf = (token_hash: string, session: Session): Row => ({
  token_hash,
  session_id: session.id,
  person_id: session.personId,
  active_tenant: session.tenant,
  method: session.method,
  source: session.source,
  began_at: timeOf(session.beganMs),
  ends_at: timeOf(session.endsMs),
  seen_at: timeOf(session.seenMs),
})

const sessionOf = (row: Row): Session => ({
  id: row.session_id,
  personId: row.person_id,
  tenant: row.active_tenant,
  method: row.method as LoginMethod,
  source: row.source,
  beganMs: msOf(row.began_at),
  endsMs: msOf(row.ends_at),
  seenMs: msOf(row.seen_at),
})
