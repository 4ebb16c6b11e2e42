// SPDX-License-Identifier: Apache-2.0

import { randomBytes } from 'node:crypto'
import { rfc3339 } from '@sealwatch/base'
import type { Recorded, RecordOptions } from '../../identity/index.ts'
import type { Tx } from '../../store/index.ts'
import type { Authorised } from '../gate.ts'
import { nameOf } from '../principal.ts'
import { signInError } from './errors.ts'
import { type By, breakGlassAcknowledged, breakGlassAlert } from './events.ts'
import { type LoginLinks, linkedName, type NewLink } from './login-links.ts'
import { displayText, type People } from './people.ts'
import { recordLine } from './record-line.ts'

/** People of the emergency have no other way in, so what they are granted is worth nothing without one. */
export const breakGlassIssuer = 'urn:sealwatch:break-glass'
export const breakGlassMinutesMax = 60
const reasonCharsMin = 10
const reasonCharsMax = 500
/** That nobody has acknowledged; and what is remembered of those that somebody has. The ledger has them all. */
const openMax = 100
const closedMax = 1_000

export type BreakGlassRow = {
  readonly id: string
  readonly personId: string
  readonly reason: string
  readonly openedAt: string
  /** Until when the link can be used. */
  readonly linkExpiresAt: string
  readonly usedAt: string | null
  /** When the session that it led to ends at the latest. */
  readonly endsAt: string | null
}

export type BreakGlass = {
  /**
   * For root alone. The link leads `name` straight to a session as cluster admin, of at most `minutes`; both are a
   * critical alert. Throws LINK_NAME, BREAK_GLASS_REASON or LINKS_TOO_MANY.
   */
  open(
    by: By,
    of: { readonly name: string; readonly reason: string; readonly minutes: number },
  ): Promise<NewLink & { readonly id: string; readonly recorded: Recorded }>
  /** What the link opens. */
  minutesOf(codeHash: string): Promise<number>
  /** Uses the link up: what it opens. Throws LINK_OVER. */
  use(tx: Tx, codeHash: string, timeNs: bigint, source: string): Promise<{ personId: string; minutes: number }>
  /** What a person has yet to look at. */
  waiting(): Promise<BreakGlassRow[]>
  /** Throws BREAK_GLASS_UNKNOWN, or BREAK_GLASS_OWN where it was theirs who ask. */
  acknowledge(by: Authorised<'break-glass:acknowledge'>, id: string): Promise<Recorded>
}

export function createBreakGlass(
  options: RecordOptions & { readonly links: LoginLinks; readonly people: People },
): BreakGlass {
  const { store, outbox, voice, clock, links, people } = options

  return {
    open: async (by, { name: called, reason: given, minutes }) => {
      const attempted = 'opening break-glass access'
      const reason = displayText(given, reasonCharsMax)
      if (reason.length < reasonCharsMin || given.length > reasonCharsMax)
        throw signInError('BREAK_GLASS_REASON', { attempted, received: `${given.length} characters` })
      if (!Number.isInteger(minutes) || minutes < 1 || minutes > breakGlassMinutesMax)
        throw signInError('BREAK_GLASS_REASON', {
          attempted,
          received: `${minutes} minutes`,
          advice: `Ask for 1 to ${breakGlassMinutesMax} minutes`,
        })
      const name = linkedName(called, attempted)
      const id = `bg_${randomBytes(8).toString('hex')}`
      const timeNs = clock.nowNs()
      const { made, uid } = await store.transaction(async (tx) => {
        const personId = await people.know(tx, { issuer: breakGlassIssuer, subject: name, name, email: '' }, timeNs)
        const { waiting } = await tx
          .selectFrom('break_glass')
          .select(({ fn }) => fn.countAll<number>().as('waiting'))
          .where('acknowledged_at', 'is', null)
          .executeTakeFirstOrThrow()
        if (waiting >= openMax)
          throw signInError('LINKS_TOO_MANY', { attempted, advice: 'Acknowledge what was opened before' })
        const kept = tx
          .selectFrom('break_glass')
          .select('id')
          .where('acknowledged_at', 'is not', null)
          .orderBy('opened_at', 'desc')
          .limit(closedMax)
        await tx
          .deleteFrom('break_glass')
          .where('acknowledged_at', 'is not', null)
          .where('id', 'not in', kept)
          .execute()
        const grants = [{ tenant: 'cluster', role: 'cluster_admin' }]
        const who = { subject: name, name, createdBy: by.name, madeIn: 'cluster' }
        const link = { kind: 'break_glass', grants, ...who } as const
        const made = await links.create(tx, link, timeNs)
        const { codeHash, expiresAt } = made
        await tx
          .insertInto('break_glass')
          .values({
            id,
            person_id: personId,
            reason,
            minutes,
            code_hash: codeHash,
            opened_at: rfc3339(timeNs),
            link_expires_at: expiresAt,
            used_at: null,
            ends_at: null,
            acknowledged_at: null,
            acknowledged_by: null,
          })
          .execute()
        const evidence = { person: personId, minutes }
        const alert = breakGlassAlert(voice, timeNs, 'opened', { id, reason, expiresAt, evidence })
        return { made, uid: await outbox.enqueue(tx, 'cluster', alert) }
      })
      outbox.ring()
      // Not handed out before it is known of.
      const leafIndex = await outbox.recorded(uid, attempted)
      return { ...made, id, recorded: { tenant: 'cluster', leafIndex } }
    },
    minutesOf: async (codeHash) => (await rowOf(store.db, codeHash)).minutes,
    use: async (tx, codeHash, timeNs, source) => {
      const row = await rowOf(tx, codeHash)
      const { id, person_id: personId, reason, minutes } = row
      await links.use(tx, codeHash, personId, timeNs)
      const ends_at = rfc3339(timeNs + BigInt(minutes) * 60_000_000_000n)
      await tx
        .updateTable('break_glass')
        .set({ used_at: rfc3339(timeNs), ends_at })
        .where('id', '=', id)
        .execute()
      const evidence = { person: personId, minutes, source }
      const alert = breakGlassAlert(voice, timeNs, 'used', { id, reason, expiresAt: ends_at, evidence })
      await outbox.enqueue(tx, 'cluster', alert)
      return { personId, minutes }
    },
    waiting: async () => {
      const rows = await store.db
        .selectFrom('break_glass')
        .selectAll()
        .where('acknowledged_at', 'is', null)
        .orderBy('opened_at')
        .execute()
      return rows.map((row) => ({
        id: row.id,
        personId: row.person_id,
        reason: row.reason,
        openedAt: row.opened_at,
        linkExpiresAt: row.link_expires_at,
        usedAt: row.used_at,
        endsAt: row.ends_at,
      }))
    },
    acknowledge: (by, id) => {
      const attempted = `acknowledging the break-glass access ${id}`
      return recordLine(options, attempted, async (tx, timeNs) => {
        const row = await tx
          .selectFrom('break_glass')
          .select('person_id')
          .where('id', '=', id)
          .where('acknowledged_at', 'is', null)
          .executeTakeFirst()
        if (row === undefined) throw signInError('BREAK_GLASS_UNKNOWN', { attempted, received: id })
        if (row.person_id === by.principal.id) throw signInError('BREAK_GLASS_OWN', { attempted, received: id })
        const name = nameOf(by.principal)
        const acknowledged = { acknowledged_at: rfc3339(timeNs), acknowledged_by: name }
        await tx.updateTable('break_glass').set(acknowledged).where('id', '=', id).execute()
        return breakGlassAcknowledged(voice, timeNs, { name, requestId: by.requestId }, id)
      })
    },
  }
}

const rowOf = (db: Pick<Tx, 'selectFrom'>, codeHash: string) =>
  db.selectFrom('break_glass').selectAll().where('code_hash', '=', codeHash).executeTakeFirstOrThrow()
