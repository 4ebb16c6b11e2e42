// SPDX-License-Identifier: Apache-2.0

import { randomBytes } from 'node:crypto'
import { rfc3339 } from '@sealwatch/base'
import type { Recorded, RecordOptions } from '../../identity/index.ts'
import type { Tx } from '../../store/index.ts'
import type { Authorised } from '../gate.ts'
import { nameOf } from '../principal.ts'
import { signInError } from './errors.ts'
import { type PersonChange, personChanged, personCreated } from './events.ts'
import { recordLine } from './record-line.ts'

/** Whom a provider vouches for. Only issuer and subject say who it is; the rest is for display. */
export type ProvenPerson = {
  readonly issuer: string
  readonly subject: string
  /** As the provider gives them; '' where it does not. */
  readonly name: string
  readonly email: string
}

export type Person = {
  /** `usr_` and 20 hexadecimal digits: what ledgers name the person by. */
  readonly personId: string
  readonly name: string
  readonly email: string
  readonly createdAt: string
  readonly lastLoginAt: string | null
  readonly disabledAt: string | null
}

export type People = {
  /** A page of them, in the order of their ids. */
  list(by: Authorised<'person:list'>, page: { readonly after: string; readonly limit: number }): Promise<Person[]>
  /** How people are called, to whoever may see them. */
  find(personIds: readonly string[]): Promise<Person[]>
  /**
   * Whoever is disabled does not sign in; whoever is erased is forgotten: who the provider says that it was, name and address.
   * `changed` is called once it counts. Throws PERSON_UNKNOWN.
   */
  change(
    by: Authorised<'person:disable' | 'person:erase'>,
    personId: string,
    change: PersonChange,
    changed: () => Promise<unknown>,
  ): Promise<Recorded>
  /** Keeps somebody out whom the database could not be told of, until it is or the server stops. */
  hold(personId: string): Promise<void>
  /** Throws PERSON_UNKNOWN for whoever never came, or was erased. */
  checkKnown(tx: Tx, personId: string, attempted: string): Promise<void>
  /** As a session begins in the tenant. Throws PERSON_DISABLED. */
  signedIn(tx: Tx, personId: string, tenant: string, timeNs: bigint): Promise<void>
  /** A session of theirs goes on in the tenant. */
  actsIn(tx: Tx, personId: string, tenant: string): Promise<void>
  /** The tenant that they acted in last; they need not hold anything there any more. */
  lastTenantOf(personId: string): Promise<string | null>
  /** Who the provider says that is; undefined where nobody has that id. */
  provenAs(personId: string): Promise<ProvenPerson | undefined>
  /** Who that is, where the person has signed in before. */
  idOf(proven: Pick<ProvenPerson, 'issuer' | 'subject'>): Promise<string | undefined>
  /** The person with what the provider says now, made known where new. Throws PERSON_DISABLED or PEOPLE_TOO_MANY. */
  know(tx: Tx, proven: ProvenPerson, timeNs: bigint): Promise<string>
}

/** Nobody can sign in as a person of it. */
const erasedIssuer = 'urn:sealwatch:erased'
const peopleMax = 50_000
const nameCharsMax = 200
const emailForm = /^[^\s\p{C}@]{1,64}@[^\s\p{C}@]{1,189}$/u

export function createPeople(options: RecordOptions): People {
  const { store, outbox, voice } = options
  const held = new Set<string>()
  const checkHeld = (personId: string) => {
    if (held.has(personId)) throw disabledError(personId, 'the server was told so')
  }
  const columns = ['person_id', 'name', 'email', 'created_at', 'last_login_at', 'disabled_at'] as const

  return {
    list: async (_by, { after, limit }) => {
      const rows = await store.db
        .selectFrom('people')
        .select(columns)
        .where('person_id', '>', after)
        .orderBy('person_id')
        .limit(limit)
        .execute()
      return rows.map(personOf)
    },
    find: async (personIds) => {
      if (personIds.length === 0) return []
      const rows = await store.db.selectFrom('people').select(columns).where('person_id', 'in', personIds).execute()
      return rows.map(personOf)
    },
    provenAs: async (personId) =>
      store.db
        .selectFrom('people')
        .select(['issuer', 'subject', 'name', 'email'])
        .where('person_id', '=', personId)
        .executeTakeFirst(),
    idOf: async ({ issuer, subject }) => {
      const row = await store.db
        .selectFrom('people')
        .select('person_id')
        .where('issuer', '=', issuer)
        .where('subject', '=', subject)
        .executeTakeFirst()
      return row?.person_id
    },
    change: (by, personId, kind, changed) => {
      const attempted = `${personId}: ${kind}`
      const change = async (tx: Tx, timeNs: bigint) => {
        const disabled_at = kind === 'enable' ? null : rfc3339(timeNs)
        const forgotten = { issuer: erasedIssuer, subject: personId, name: '', email: '', last_tenant: null }
        const { numUpdatedRows } = await tx
          .updateTable('people')
          .set(kind === 'delete' ? { ...forgotten, disabled_at } : { disabled_at })
          .where('person_id', '=', personId)
          .where('issuer', '!=', erasedIssuer)
          .executeTakeFirst()
        if (numUpdatedRows === 0n) throw signInError('PERSON_UNKNOWN', { attempted, received: personId })
        if (kind === 'delete') store.owesScrub(tx)
        const { principal, requestId } = by
        return personChanged(voice, timeNs, personId, kind, { name: nameOf(principal), requestId })
      }
      const done = () => {
        held.delete(personId)
        return changed()
      }
      return recordLine(options, attempted, change, done, kind !== 'enable')
    },
    hold: async (personId) => {
      const row = await store.db.selectFrom('people').select('person_id').where('person_id', '=', personId).execute()
      if (row.length > 0) held.add(personId)
    },
    checkKnown,
    signedIn: async (tx, personId, last_tenant, timeNs) => {
      const row = await tx
        .selectFrom('people')
        .select('disabled_at')
        .where('person_id', '=', personId)
        .executeTakeFirstOrThrow()
      if (row.disabled_at !== null) throw disabledError(personId, row.disabled_at)
      checkHeld(personId)
      const last_login_at = rfc3339(timeNs)
      await tx.updateTable('people').set({ last_login_at, last_tenant }).where('person_id', '=', personId).execute()
    },
    actsIn: async (tx, personId, last_tenant) => {
      await tx.updateTable('people').set({ last_tenant }).where('person_id', '=', personId).execute()
    },
    lastTenantOf: async (personId) => {
      const row = await store.db
        .selectFrom('people')
        .select('last_tenant')
        .where('person_id', '=', personId)
        .executeTakeFirst()
      return row?.last_tenant ?? null
    },
    know: async (tx, { issuer, subject, name, email }, timeNs) => {
      const now = rfc3339(timeNs)
      const shown = { name: displayText(name, nameCharsMax), email: emailForm.test(email) ? email : '' }
      const known = await tx
        .selectFrom('people')
        .select(['person_id', 'disabled_at'])
        .where('issuer', '=', issuer)
        .where('subject', '=', subject)
        .executeTakeFirst()
      if (known !== undefined) {
        const { person_id, disabled_at } = known
        if (disabled_at !== null) throw disabledError(person_id, disabled_at)
        checkHeld(person_id)
        await tx.updateTable('people').set(shown).where('person_id', '=', person_id).execute()
        return person_id
      }
      const { count } = await tx
        .selectFrom('people')
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .executeTakeFirstOrThrow()
      if (count >= peopleMax) throw signInError('PEOPLE_TOO_MANY', { attempted: 'signing somebody new in' })
      const person_id = `usr_${randomBytes(10).toString('hex')}`
      await tx
        .insertInto('people')
        .values({
          person_id,
          issuer,
          subject,
          created_at: now,
          last_login_at: null,
          disabled_at: null,
          last_tenant: null,
          ...shown,
        })
        .execute()
      await outbox.enqueue(tx, 'cluster', personCreated(voice, timeNs, person_id))
      return person_id
    },
  }
}

const disabledError = (personId: string, since: string) =>
  signInError('PERSON_DISABLED', { attempted: `signing ${personId} in`, received: `since ${since}` })

/** What a page or a terminal may show: no control, format or separator characters, which could pass for other text. */
export function displayText(text: string, charsMax: number): string {
  const clean = text
    .normalize('NFC')
    .replace(/\s+/gu, ' ')
    .replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, '')
    .trim()
  return [...clean].slice(0, charsMax).join('')
}

const personOf = (row: {
  person_id: string
  name: string
  email: string
  created_at: string
  last_login_at: string | null
  disabled_at: string | null
}): Person => ({
  personId: row.person_id,
  name: row.name,
  email: row.email,
  createdAt: row.created_at,
  lastLoginAt: row.last_login_at,
  disabledAt: row.disabled_at,
})

export async function checkKnown(tx: Tx, personId: string, attempted: string): Promise<void> {
  const row = await tx.selectFrom('people').select('issuer').where('person_id', '=', personId).executeTakeFirst()
  if (row === undefined || row.issuer === erasedIssuer)
    throw signInError('PERSON_UNKNOWN', { attempted, received: personId })
}
