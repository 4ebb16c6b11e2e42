// SPDX-License-Identifier: Apache-2.0

import { randomBytes } from 'node:crypto'
import { rfc3339 } from '@sealwatch/base'
import { type Recorded, type RecordOptions, recordAct } from '../../identity/index.ts'
import type { Tx } from '../../store/index.ts'
import type { Authorised } from '../gate.ts'
import type { Grants, Held } from '../grants.ts'
import { nameOf } from '../principal.ts'
import type { BreakGlass } from './break-glass.ts'
import { signInError } from './errors.ts'
import { linkCreated } from './events.ts'
import { type LinkWish, type LoginLinks, linkedName, linkName, type NewLink } from './login-links.ts'
import type { People } from './people.ts'
import { builtInIssuer } from './settings.ts'

/** To be opened in a browser, once, within ten minutes. */
export type MadeLink = { readonly url: string; readonly expiresAt: string; readonly recorded: Recorded }

export type Invitation = {
  /** As the ledger names its link. */
  readonly id: string
  readonly name: string
  readonly role: string
  readonly createdAt: string
  readonly createdBy: string
  readonly expiresAt: string
}

export type LinkMaker = {
  /**
   * For whoever is root on the machine: as the local operator, who becomes admin of the deployment and of the first tenant,
   * or as `personId`, known to the built-in provider. Where people have a provider of their own, whoever signs in there by
   * the link becomes that admin. Throws PERSON_UNKNOWN or LINK_PERSON.
   */
  forOperator(by: Authorised<'login-link:create'>, personId?: string): Promise<MadeLink>
  /** For somebody new, with a role of the tenant. Throws LINK_NAME, LINKS_TOO_MANY, ROLE_UNKNOWN or GRANT_BEYOND_OWN. */
  invite(by: Authorised<'member:invite'>, called: string, role: string): Promise<MadeLink>
  /** Those of the tenant that nobody has come by, and that can still be used. */
  invitations(by: Authorised<'member:list'>): Promise<Invitation[]>
  /** Its link is none from then on. Throws INVITATION_UNKNOWN. */
  withdraw(by: Authorised<'member:invite'>, id: string): Promise<Recorded>
  /** See BreakGlass. */
  breakGlass(
    by: Authorised<'break-glass:open'>,
    of: { readonly name: string; readonly reason: string; readonly minutes: number },
  ): Promise<MadeLink & { readonly id: string }>
}

const operator = { subject: 'operator', name: 'Local operator' } as const
const firstGrants = [
  { tenant: 'cluster', role: 'cluster_admin' },
  { tenant: 'default', role: 'tenant_admin' },
] as const

export function createLinkMaker(
  options: RecordOptions & {
    readonly links: LoginLinks
    readonly people: People
    readonly breakGlass: BreakGlass
    readonly grants: Pick<Grants, 'checkGive'>
    /** Of the dashboard. */
    readonly origin: () => string
  },
): LinkMaker {
  const { store, outbox, voice, clock, links, people, breakGlass, grants, origin } = options
  const urlOf = (code: string) => `${origin()}/auth/link?code=${code}`
  const doer = ({ principal, requestId }: Authorised) => ({ name: nameOf(principal), requestId })

  async function make(by: Authorised, link: Omit<LinkWish, 'createdBy' | 'madeIn'>): Promise<MadeLink> {
    const timeNs = clock.nowNs()
    // Whom a tenant invites is its own matter.
    const { tenant } = by
    const { made, uid } = await store.transaction(async (tx) => {
      const made: NewLink = await links.create(tx, { ...link, createdBy: nameOf(by.principal), madeIn: tenant }, timeNs)
      const { codeHash, expiresAt } = made
      const line = linkCreated(voice, timeNs, doer(by), {
        name: linkName(codeHash),
        kind: link.kind,
        expiresAt,
        tenant,
        roles: link.grants.map((one) => (one.tenant === tenant ? one.role : `${one.role} in ${one.tenant}`)),
      })
      return { made, uid: await outbox.enqueue(tx, tenant, line) }
    })
    outbox.ring()
    // Not handed out before it is recorded.
    const leafIndex = await outbox.recorded(uid, 'making a log-in link')
    return { url: urlOf(made.code), expiresAt: made.expiresAt, recorded: { tenant, leafIndex } }
  }

  return {
    forOperator: async (by, personId) => {
      if (personId === undefined) return make(by, { kind: 'operator', ...operator, grants: firstGrants })
      const attempted = `making a log-in link for ${personId}`
      const proven = await people.provenAs(personId)
      if (proven === undefined) throw signInError('PERSON_UNKNOWN', { attempted, received: personId })
      if (proven.issuer !== builtInIssuer) throw signInError('LINK_PERSON', { attempted, received: proven.issuer })
      return make(by, { kind: 'operator', subject: proven.subject, name: proven.name, grants: [] })
    },
    invite: async (by, called, role) => {
      const name = linkedName(called, 'inviting somebody')
      grants.checkGive(by, role)
      // Somebody new each time: whoever makes a link for a person could sign in as that person.
      const subject = `invited-${randomBytes(10).toString('hex')}`
      return make(by, { kind: 'invite', subject, name, grants: [{ tenant: by.tenant, role }] })
    },
    invitations: async ({ tenant }) => {
      const rows = await openInvitations(store.db, tenant, clock.nowNs()).selectAll().orderBy('created_at').execute()
      return rows.map((row) => ({
        id: linkName(row.code_hash),
        name: row.name,
        role: (JSON.parse(row.grants) as Held[])[0]?.role ?? '',
        createdAt: row.created_at,
        createdBy: row.created_by,
        expiresAt: row.expires_at,
      }))
    },
    withdraw: (by, id) =>
      recordAct(
        options,
        {
          code: 'invitation_withdrawn',
          component: 'access',
          tenant: by.tenant,
          by: doer(by),
          verb: 'delete',
          severity: 'low',
          message: `the log-in link ${id} (invite) was withdrawn before anybody came by it`,
          entity: { type: 'Log-in Link', uid: id },
          details: { login_link: id },
        },
        async (tx, timeNs) => {
          const rows = await openInvitations(tx, by.tenant, timeNs).select('code_hash').execute()
          const found = rows.find(({ code_hash }) => linkName(code_hash) === id)
          if (found === undefined)
            throw signInError('INVITATION_UNKNOWN', { attempted: 'withdrawing an invitation', received: id })
          await tx.deleteFrom('login_links').where('code_hash', '=', found.code_hash).execute()
        },
      ),
    breakGlass: async (by, of) => {
      const { code, id, expiresAt, recorded } = await breakGlass.open(doer(by), of)
      return { id, url: urlOf(code), expiresAt, recorded }
    },
  }
}

const openInvitations = (db: Pick<Tx, 'selectFrom'>, tenant: string, nowNs: bigint) =>
  db
    .selectFrom('login_links')
    .where('made_in', '=', tenant)
    .where('kind', '=', 'invite')
    .where('used_at', 'is', null)
    .where('expires_at', '>', rfc3339(nowNs))
