// SPDX-License-Identifier: Apache-2.0

import type { RecordOptions } from '../../identity/index.ts'
import type { Grants } from '../grants.ts'
import type { Principal } from '../principal.ts'
import { clearCookie, readCookie, sessionCookie, writeCookie } from './cookie.ts'
import { csrfTokenOf, isCsrfToken } from './csrf.ts'
import { signInError } from './errors.ts'
import { loggedIn } from './events.ts'
import type { RelyingParty } from './oidc.ts'
import type { People } from './people.ts'
import type { Session, Sessions } from './sessions.ts'

/** What every call is made with. */
export type Visit = {
  /** The Cookie header. */
  readonly cookies: string | undefined
  /** Address of whoever asks. */
  readonly source: string
  readonly requestId: string
}

/** What to answer: where to send the browser, and the values of Set-Cookie. */
export type Sent = { readonly redirect: string; readonly cookies: readonly string[] }

/** Who is signed in, for the page that shows it. */
export type SessionView = {
  readonly person: { readonly id: string; readonly name: string; readonly email: string }
  readonly tenant: string
  /** Those that the session can be switched to. */
  readonly tenants: readonly string[]
  /** To be sent with whatever changes something. */
  readonly csrfToken: string
  readonly session: Session
  /** Of the same person, this one among them. */
  readonly sessions: readonly Session[]
}

/** What a person does about their own sessions. All throw SESSION_NONE where the cookie is of none. */
export type SessionActs = {
  /** Who asks, and in which tenant; undefined: nobody that we know. Asking does not keep a session from idling away. */
  callerOf(cookies: string | undefined): { readonly principal: Principal; readonly tenant: string } | undefined
  /** A person does something within it. */
  use(cookies: string | undefined): void
  isCsrfToken(cookies: string | undefined, given: string): boolean
  view(visit: Visit): Promise<SessionView>
  /** Here and at the provider. */
  logout(visit: Visit): Promise<Sent>
  logoutEverywhere(visit: Visit): Promise<Sent>
  /** One of one's own, on a machine that was left behind. Throws SESSION_UNKNOWN. */
  end(visit: Visit, id: string): Promise<void>
  /** Goes on in another tenant, under another secret. Throws TENANT_NOT_HELD. */
  switchTenant(
    visit: Visit,
    tenant: string,
  ): Promise<{ readonly cookies: readonly string[]; readonly csrfToken: string }>
}

export function createSessionActs(
  options: RecordOptions & {
    readonly sessions: Sessions
    readonly people: People
    readonly party: RelyingParty | undefined
    readonly grants: Pick<Grants, 'tenantsOf'>
  },
): SessionActs {
  const { store, outbox, voice, clock, sessions, people, party, grants } = options

  function found(cookies: string | undefined): { token: string; session: Session } | undefined {
    const token = readCookie(cookies, sessionCookie)
    const session = sessions.find(token)
    return token === undefined || session === undefined ? undefined : { token, session }
  }

  function held(cookies: string | undefined): { token: string; session: Session } {
    const own = found(cookies)
    if (own === undefined) throw signInError('SESSION_NONE', { attempted: 'asking as a person' })
    return own
  }

  async function leave({ cookies, requestId }: Visit, which: (session: Session) => readonly Session[]): Promise<Sent> {
    const { session } = held(cookies)
    const idToken = sessions.idTokenOf(session.id)
    await sessions.end(which(session), 'logout', requestId)
    const atProvider = session.method === 'oidc' ? await party?.endSessionUrl(idToken) : undefined
    return { redirect: atProvider ?? '/', cookies: [clearCookie(sessionCookie)] }
  }

  return {
    callerOf: (cookies) => {
      const own = found(cookies)
      if (own === undefined) return undefined
      const { personId, id, tenant } = own.session
      return { principal: { kind: 'person', id: personId, session: id }, tenant }
    },
    use: (cookies) => void sessions.use(readCookie(cookies, sessionCookie)),
    isCsrfToken: (cookies, given) => isCsrfToken(held(cookies).token, given),
    view: async ({ cookies }) => {
      const { token, session } = held(cookies)
      const { personId, tenant } = session
      const [person] = await people.find([personId])
      return {
        person: { id: personId, name: person?.name ?? '', email: person?.email ?? '' },
        tenant,
        tenants: grants.tenantsOf(personId),
        csrfToken: csrfTokenOf(token),
        session,
        sessions: sessions.list(personId),
      }
    },
    logout: (visit) => leave(visit, (session) => [session]),
    logoutEverywhere: (visit) => leave(visit, ({ personId }) => sessions.list(personId)),
    end: async ({ cookies, requestId }, id) => {
      const own = sessions.list(held(cookies).session.personId).filter((session) => session.id === id)
      if (!(await sessions.end(own, 'logout', requestId)))
        throw signInError('SESSION_UNKNOWN', { attempted: 'ending a session', received: id })
    },
    switchTenant: async ({ cookies, source, requestId }, tenant) => {
      const { session } = held(cookies)
      const { personId, method, id } = session
      const attempted = `going on in the tenant ${tenant}`
      if (!grants.tenantsOf(personId).includes(tenant))
        throw signInError('TENANT_NOT_HELD', { attempted, received: personId })
      const timeNs = clock.nowNs()
      const { made, uid } = await store.transaction(async (tx) => {
        await people.actsIn(tx, personId, tenant)
        const made = await sessions.insert(tx, { personId, tenant, method, source, instead: session }, timeNs)
        const matter = {
          personId,
          session: made.session.id,
          method,
          activeTenant: tenant,
          source,
          requestId,
          instead: id,
        }
        return { made, uid: await outbox.enqueue(tx, 'cluster', loggedIn(voice, timeNs, matter)) }
      })
      const isOver = !sessions.isLive(id)
      sessions.admit(made, undefined, session)
      if (isOver) {
        // It was ended while this one took its place.
        await sessions.end([made.session], 'logout', requestId)
        throw signInError('SESSION_NONE', { attempted })
      }
      outbox.ring()
      await outbox.recorded(uid, attempted)
      return { cookies: [writeCookie(sessionCookie, made.token)], csrfToken: csrfTokenOf(made.token) }
    },
  }
}
