// SPDX-License-Identifier: Apache-2.0

import { hash, randomBytes } from 'node:crypto'
import { type Clock, parseRfc3339, rfc3339 } from '@sealwatch/base'
import type { Store, Tables, Tx } from '../../store/index.ts'
import type { Held } from '../grants.ts'
import { secretForm } from './cookie.ts'
import { signInError } from './errors.ts'
import { displayText } from './people.ts'

export type LinkKind = Tables['login_links']['kind']

export type LoginLink = {
  readonly codeHash: string
  readonly kind: LinkKind
  /** Who the built-in provider is to sign in, and how they are called there. */
  readonly subject: string
  readonly name: string
  readonly grants: readonly Held[]
  /** `kind:id` of whoever made it. */
  readonly createdBy: string
  readonly expiresAt: string
}

/** One that is to be made; `madeIn`: the tenant whose links it counts among. */
export type LinkWish = Omit<LoginLink, 'codeHash' | 'expiresAt'> & { readonly madeIn: string }

export type NewLink = {
  /** Shown once; only its hash is kept. */
  readonly code: string
  readonly codeHash: string
  readonly expiresAt: string
}

export type LoginLinks = {
  /** Throws LINKS_TOO_MANY. */
  create(tx: Tx, link: LinkWish, timeNs: bigint): Promise<NewLink>
  /** What the link stands for, while it can still be used. Throws LINK_UNKNOWN or LINK_OVER. */
  look(code: string): Promise<LoginLink>
  /** The same by its hash, for a log-in that it led to. */
  lookByHash(codeHash: string): Promise<LoginLink>
  /** Uses it up: of all who try at once, one does. Throws LINK_OVER. */
  use(tx: Tx, codeHash: string, personId: string, timeNs: bigint): Promise<void>
  /** Of a tenant that goes: no link gives a role in it any more, and one that gave nothing else is none. */
  forgetTenant(tenant: string): Promise<void>
  /** Of a person who is to be erased: links say how they are called. `subject`: who they are at the built-in provider. */
  forgetPerson(personId: string, subject: string): Promise<void>
}

export const linkSeconds = 600
/** That nobody has used, of each kind: nobody invites so many that another tenant, root or an emergency has no link. */
const openMax = { ofTenant: 200, ofMaker: 100 } as const
/** How a link is spoken of where it must not be told. */
export const linkName = (codeHash: string): string => codeHash.slice(0, 12)

export function createLoginLinks(store: Store, clock: Clock): LoginLinks {
  async function lookByHash(codeHash: string): Promise<LoginLink> {
    const attempted = 'following a log-in link'
    const row = await store.db
      .selectFrom('login_links')
      .selectAll()
      .where('code_hash', '=', codeHash)
      .executeTakeFirst()
    if (row === undefined) throw signInError('LINK_UNKNOWN', { attempted })
    const now = clock.nowNs()
    const isYoung = now < ns(row.expires_at) && now >= ns(row.created_at) - slackNs
    if (row.used_at !== null || !isYoung)
      throw signInError('LINK_OVER', {
        attempted,
        received: row.used_at === null ? `one that ended at ${row.expires_at}` : `one used at ${row.used_at}`,
      })
    const { kind, subject, name, created_by: createdBy, expires_at: expiresAt } = row
    return { codeHash, kind, subject, name, grants: JSON.parse(row.grants) as Held[], createdBy, expiresAt }
  }

  return {
    lookByHash,
    look: async (code) => {
      if (!secretForm.test(code))
        throw signInError('LINK_UNKNOWN', {
          attempted: 'following a log-in link',
          received: `a code of ${code.length} characters that is none of ours`,
        })
      return lookByHash(hashOf(code))
    },
    create: async (tx, { kind, subject, name, grants, createdBy, madeIn }, timeNs) => {
      const attempted = 'making a log-in link'
      const created_at = rfc3339(timeNs)
      await tx.deleteFrom('login_links').where('expires_at', '<=', created_at).execute()
      const makers = await tx
        .selectFrom('login_links')
        .select(({ fn }) => ['created_by', fn.countAll<number>().as('open')])
        .where('made_in', '=', madeIn)
        .where('kind', '=', kind)
        .where('used_at', 'is', null)
        .groupBy('created_by')
        .execute()
      const own = makers.find(({ created_by }) => created_by === createdBy)?.open ?? 0
      const all = makers.reduce((sum, { open }) => sum + open, 0)
      if (own >= openMax.ofMaker || all >= openMax.ofTenant) throw signInError('LINKS_TOO_MANY', { attempted })
      const code = randomBytes(32).toString('base64url')
      const codeHash = hashOf(code)
      const expiresAt = rfc3339(timeNs + BigInt(linkSeconds) * 1_000_000_000n)
      await tx
        .insertInto('login_links')
        .values({
          code_hash: codeHash,
          kind,
          subject,
          name,
          grants: JSON.stringify(grants),
          created_at,
          created_by: createdBy,
          made_in: madeIn,
          expires_at: expiresAt,
          used_at: null,
          used_by: null,
        })
        .execute()
      return { code, codeHash, expiresAt }
    },
    forgetTenant: (tenant) =>
      store.transaction(async (tx) => {
        for (const { code_hash, grants } of await tx
          .selectFrom('login_links')
          .select(['code_hash', 'grants'])
          .execute()) {
          const given = JSON.parse(grants) as Held[]
          const left = given.filter((one) => one.tenant !== tenant)
          if (left.length === given.length) continue
          const [one, text] = [code_hash, JSON.stringify(left)]
          if (left.length > 0)
            await tx.updateTable('login_links').set({ grants: text }).where('code_hash', '=', one).execute()
          else await tx.deleteFrom('login_links').where('code_hash', '=', one).execute()
        }
      }),
    forgetPerson: async (personId, subject) => {
      await store.db
        .deleteFrom('login_links')
        .where((eb) => eb.or([eb('used_by', '=', personId), eb('subject', '=', subject)]))
        .execute()
    },
    use: async (tx, codeHash, personId, timeNs) => {
      const now = rfc3339(timeNs)
      const { numUpdatedRows } = await tx
        .updateTable('login_links')
        .set({ used_at: now, used_by: personId })
        .where('code_hash', '=', codeHash)
        .where('used_at', 'is', null)
        .where('expires_at', '>', now)
        .executeTakeFirst()
      if (numUpdatedRows === 0n) throw signInError('LINK_OVER', { attempted: 'using a log-in link' })
    },
  }
}

const nameCharsMax = 64

/** How somebody is called, in a form that can be shown. Throws LINK_NAME. */
export function linkedName(called: string, attempted: string): string {
  const name = displayText(called, nameCharsMax + 1)
  if (name !== '' && name.length <= nameCharsMax) return name
  throw signInError('LINK_NAME', { attempted, received: `${called.length} characters` })
}

/** A clock set back by more than this does not lengthen the life of a link. */
const slackNs = 60_000_000_000n
const ns = (time: string) => parseRfc3339(time) ?? 0n
const hashOf = (code: string): string => hash('sha256', code, 'hex')
