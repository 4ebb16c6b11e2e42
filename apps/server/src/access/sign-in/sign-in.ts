// SPDX-License-Identifier: Apache-2.0
// How people prove who they are: through a provider, by a one-time link, or, in an emergency, by break-glass access.

import { clientOf, createRate, isSealwatchError, type Log } from '@sealwatch/base'
import type { Recorded, RecordOptions } from '../../identity/index.ts'
import { isNotKept, notDurable, type Tx } from '../../store/index.ts'
import type { Authorised } from '../gate.ts'
import type { Grants, Held } from '../grants.ts'
import type { GroupRoles } from '../group-roles.ts'
import { nameOf } from '../principal.ts'
import { type BreakGlass, createBreakGlass } from './break-glass.ts'
import { clearCookie, loginCookie, readCookie, sessionCookie, writeCookie } from './cookie.ts'
import { signInError } from './errors.ts'
import { type LoginMethod, loggedIn, type PersonChange, personSignedOut } from './events.ts'
import { createFailedLogins, type FailedLogins } from './failed-logins.ts'
import { loginHint } from './login-hint.ts'
import { createLoginLinks, type LinkKind, type LoginLink, linkName } from './login-links.ts'
import { createLinkMaker, type LinkMaker } from './make-links.ts'
import { createRelyingParty, type ProvenLogin, type RelyingParty } from './oidc.ts'
import { checkOwnPage, type Whence } from './own-page.ts'
import { createPendingLogins, pendingSecondsMax } from './pending-logins.ts'
import { createPeople, type People } from './people.ts'
import { recordLine } from './record-line.ts'
import { createSessionActs, type Sent, type SessionActs, type Visit } from './session-acts.ts'
import { openSessions, perPersonMax, type SessionLimits, type Sessions } from './sessions.ts'
import type { OidcPlan } from './settings.ts'

export type SignInOptions = RecordOptions & {
  readonly limits: SessionLimits
  /** Undefined: no provider is set, and links alone let in whom they are for. */
  readonly plan: OidcPlan | undefined
  /** Of the dashboard, as people's browsers see it. */
  readonly origin: () => string
  readonly grants: Pick<Grants, 'begin' | 'firstOf' | 'tenantsOf' | 'checkGive' | 'takeAll'>
  readonly groupRoles: Pick<GroupRoles, 'apply'>
  readonly log: Log
}

export type SignIn = {
  readonly people: People
  readonly sessions: Sessions
  readonly links: LinkMaker
  readonly breakGlass: BreakGlass
  readonly failed: FailedLogins
  /** What people do about their own sessions. */
  readonly acts: SessionActs
  /** Who is disabled, or erased, is gone at once, from everywhere. Throws PERSON_UNKNOWN. */
  changePerson(
    by: Authorised<'person:disable' | 'person:erase'>,
    personId: string,
    change: PersonChange,
  ): Promise<Recorded>
  /** Ends all their sessions, and nothing else: they may sign in again. Throws PERSON_UNKNOWN. */
  signOutPerson(
    by: Authorised<'person:sign-out'>,
    personId: string,
  ): Promise<{ readonly sessions: number; readonly recorded: Recorded }>
  /** Of one that goes: its links give nothing any more, and whoever acts in it is signed out. */
  forgetTenant(tenant: string): Promise<void>
  /** To the provider. Throws LOGIN_TOO_OFTEN, LOGIN_RETURN, LOGIN_NO_PROVIDER, PROVIDER_UNAVAILABLE or PROVIDER_UNFIT. */
  beginLogin(visit: Visit, returnTo: string): Promise<Sent>
  /** Back from it, with the query of its answer. Throws what is wrong with that, LOGIN_WITHOUT_ROLE or PERSON_DISABLED. */
  finishLogin(visit: Visit, answer: URLSearchParams): Promise<Sent>
  /** What a one-time link is for; looking uses nothing up. Throws LINK_UNKNOWN, LINK_OVER or LOGIN_TOO_OFTEN. */
  showLink(visit: Visit, code: string): Promise<ShownLink>
  /** To the provider, or, with break-glass access, in. Throws LINK_FOREIGN, LINK_UNKNOWN or LINK_OVER too. */
  followLink(visit: Visit & { readonly whence: Whence }, code: string): Promise<Sent>
}

/** What whoever holds a link is told of it. */
export type ShownLink = {
  readonly kind: LinkKind
  readonly name: string
  readonly grants: readonly Held[]
  readonly expiresAt: string
  /** Of break-glass access: how long it lasts at most. */
  readonly minutes: number | undefined
  /** Somebody is signed in in the same browser, whose session ends when it is used. */
  readonly displaces: boolean
  /** The link leads to a provider that people have of their own, which says who comes. */
  readonly asksProvider: boolean
}

/** Steps of log-ins: of one address, and of one person. */
const ofAddress = { perSecond: 0.5, burst: 30, keysMax: 10_000 } as const
const ofPerson = { perSecond: 0.1, burst: 10, keysMax: 10_000 } as const
const answerCharsMax = 8_192
const endAtOnce = 200
const returnForm = /^\/(?![/\\])[\x21-\x5b\x5d-\x7e]{0,511}$/

export async function openSignIn(options: SignInOptions): Promise<SignIn> {
  const { store, outbox, voice, clock, plan, origin, grants, groupRoles, log } = options
  const people = createPeople(options)
  const sessions = await openSessions(options)
  const links = createLoginLinks(store, clock)
  const breakGlass = createBreakGlass({ ...options, links, people })
  const failed = createFailedLogins(options)
  const pendings = createPendingLogins(clock)
  const party = plan === undefined ? undefined : createRelyingParty(plan, origin, clock)
  const addresses = createRate(clock, ofAddress)
  const persons = createRate(clock, ofPerson)

  /** Each step counts against its address, and each that fails is recorded. `who` is filled in once it is known. */
  async function step<T>(visit: Visit, work: (who: { personId: string | undefined }) => Promise<T>): Promise<T> {
    const who: { personId: string | undefined } = { personId: undefined }
    try {
      take(addresses, clientOf(visit.source), `a step of a log-in from ${visit.source}`)
      return await work(who)
    } catch (error) {
      const cause = isSealwatchError(error) ? error.code : 'UNEXPECTED'
      failed.note({ personId: who.personId, cause, source: visit.source, requestId: visit.requestId })
      log.warn('a log-in failed', { request_id: visit.requestId, source: visit.source, person_id: who.personId, error })
      throw error
    }
  }

  function take(rate: typeof addresses, key: string, attempted: string): void {
    const waitMs = rate.take(key)
    if (waitMs === 0) return
    const advice = `Try again in ${Math.ceil(waitMs / 1000)} seconds`
    throw signInError('LOGIN_TOO_OFTEN', { attempted, advice, waitMs })
  }

  function providerSet(): RelyingParty {
    if (party === undefined) throw signInError('LOGIN_NO_PROVIDER', { attempted: 'signing somebody in' })
    return party
  }

  async function toProvider(visit: Visit, returnTo: string, link: LoginLink | undefined): Promise<Sent> {
    const to = providerSet()
    const { pending, browser } = await pendings.begin({
      browser: readCookie(visit.cookies, loginCookie),
      returnTo,
      link: link?.codeHash,
    })
    const isNamed = to.plan.isBuiltIn && link !== undefined
    const hint = isNamed ? await loginHint(to.plan, pending, link, clock) : undefined
    const redirect = await to.authorizationUrl(pending, hint)
    return { redirect, cookies: [writeCookie(loginCookie, browser, pendingSecondsMax)] }
  }

  /** The built-in provider says of nobody more than the link did. */
  function checkBuiltIn(proven: ProvenLogin, link: LoginLink | undefined): void {
    if (plan?.isBuiltIn !== true || link?.subject === proven.subject) return
    throw signInError('LOGIN_UNPROVEN', {
      attempted: 'signing somebody in',
      received: 'a word of the built-in provider without the link that it was asked for',
      advice: 'Make a link on the server: sudo ./sealwatch login',
    })
  }

  type Entry = {
    readonly personId: string
    readonly method: LoginMethod
    readonly returnTo: string
    readonly link: LoginLink | undefined
    readonly secondsMax?: number
    readonly idToken?: string
  }

  /** A proven person comes in: into one tenant, by a session that nobody had before. */
  async function enter(visit: Visit, entry: Entry): Promise<Sent> {
    const { personId, method, link, returnTo, secondsMax, idToken } = entry
    const { source, requestId } = visit
    if (link !== undefined) await grants.begin(personId, link.grants, { name: link.createdBy, requestId })
    const tenant = grants.firstOf(personId, await people.lastTenantOf(personId))
    if (tenant === undefined)
      throw signInError('LOGIN_WITHOUT_ROLE', { attempted: 'signing somebody in', received: personId })
    const timeNs = clock.nowNs()
    const matter = { personId, tenant, method, source, ...(secondsMax === undefined ? {} : { secondsMax }) }
    const { made, uid } = await store.transaction(async (tx) => {
      await people.signedIn(tx, personId, tenant, timeNs)
      const made = await sessions.insert(tx, matter, timeNs)
      const line = loggedIn(voice, timeNs, {
        personId,
        session: made.session.id,
        method,
        activeTenant: tenant,
        source,
        requestId,
        link: link && linkName(link.codeHash),
      })
      return { made, uid: await outbox.enqueue(tx, 'cluster', line) }
    })
    sessions.admit(made, idToken)
    outbox.ring()
    await outbox.recorded(uid, 'signing somebody in')
    // Of a browser that comes back the session before is nobody's any more.
    const before = sessions.find(readCookie(visit.cookies, sessionCookie))
    if (before !== undefined) await sessions.end([before], 'logout', requestId)
    await sessions.end(sessions.list(personId).slice(perPersonMax), 'displaced')
    log.info('signed in', { person_id: personId, session: made.session.id, tenant, method, source })
    return { redirect: returnTo, cookies: [writeCookie(sessionCookie, made.token), clearCookie(loginCookie)] }
  }

  return {
    people,
    sessions,
    links: createLinkMaker({ ...options, links, people, breakGlass }),
    breakGlass,
    failed,
    acts: createSessionActs({ ...options, sessions, people, party }),
    changePerson: (by, personId, change) => {
      const attempted = `${personId}: ${change}`
      const end = () => sessions.end(sessions.list(personId), 'disabled', by.requestId)
      const hold = async () => {
        await people.hold(personId)
        await end()
      }
      return holding(attempted, change === 'enable' ? undefined : hold, async () => {
        const proven = change === 'delete' ? await people.provenAs(personId) : undefined
        // Before the rest: it can be done again when the rest fails.
        if (proven !== undefined) await links.forgetPerson(personId, proven.subject)
        const recorded = await people.change(by, personId, change, async () => {
          if (change !== 'enable') await end()
        })
        if (change === 'delete') {
          await grants.takeAll(personId, { name: nameOf(by.principal), requestId: by.requestId })
          await store.scrub()
        }
        return recorded
      })
    },
    signOutPerson: async ({ principal, requestId }, personId) => {
      const attempted = `signing ${personId} out`
      let count = 0
      const change = async (tx: Tx, timeNs: bigint) => {
        await people.checkKnown(tx, personId, attempted)
        count = sessions.list(personId).length
        return personSignedOut(voice, timeNs, personId, count, { name: nameOf(principal), requestId })
      }
      const end = () => sessions.end(sessions.list(personId), 'signed_out', requestId)
      const recorded = await holding(attempted, end, () => recordLine(options, attempted, change, end, true))
      return { sessions: count, recorded }
    },
    forgetTenant: async (tenant) => {
      await links.forgetTenant(tenant)
      const acting = sessions.actingIn(tenant)
      for (let from = 0; from < acting.length; from += endAtOnce)
        await sessions.end(acting.slice(from, from + endAtOnce), 'tenant_erased')
    },
    beginLogin: (visit, returnTo) =>
      step(visit, async () => {
        if (!returnForm.test(returnTo))
          throw signInError('LOGIN_RETURN', { attempted: 'beginning a log-in', received: returnTo })
        return toProvider(visit, returnTo, undefined)
      }),
    finishLogin: (visit, answer) =>
      step(visit, async (who) => {
        const pending = await pendings.take(stateOf(answer), readCookie(visit.cookies, loginCookie))
        const proven = await providerSet().redeem(pending, answer)
        const link = pending.link === undefined ? undefined : await links.lookByHash(pending.link)
        checkBuiltIn(proven, link)
        take(persons, `${proven.issuer} ${proven.subject}`, 'a log-in of this person')
        who.personId = await people.idOf(proven)
        const timeNs = clock.nowNs()
        const personId = await store.transaction(async (tx) => {
          const id = await people.know(tx, proven, timeNs)
          if (link !== undefined) await links.use(tx, link.codeHash, id, timeNs)
          return id
        })
        who.personId = personId
        outbox.ring()
        await groupRoles.apply(personId, proven.groups, visit.requestId)
        const { returnTo } = pending
        return enter(visit, { personId, method: 'oidc', returnTo, link, idToken: proven.idToken })
      }),
    showLink: (visit, code) =>
      step(visit, async () => {
        const { codeHash, kind, name, grants, expiresAt } = await links.look(code)
        const isEmergency = kind === 'break_glass'
        return {
          ...{ kind, name, grants, expiresAt },
          minutes: isEmergency ? await breakGlass.minutesOf(codeHash) : undefined,
          displaces: sessions.find(readCookie(visit.cookies, sessionCookie)) !== undefined,
          asksProvider: !isEmergency && plan?.isBuiltIn !== true,
        }
      }),
    followLink: (visit, code) =>
      step(visit, async (who) => {
        checkOwnPage(visit.whence, origin())
        const link = await links.look(code)
        if (link.kind !== 'break_glass') return toProvider(visit, '/', link)
        const timeNs = clock.nowNs()
        const { personId, minutes } = await store.transaction((tx) =>
          breakGlass.use(tx, link.codeHash, timeNs, visit.source),
        )
        who.personId = personId
        outbox.ring()
        log.critical('BREAK GLASS: emergency access is in use: docs/runbooks/break-glass.md', { person_id: personId })
        return enter(visit, { personId, method: 'break_glass', returnTo: '/', link, secondsMax: minutes * 60 })
      }),
  }
}

/** Throws LOGIN_FOREIGN. */
function stateOf(answer: URLSearchParams): string {
  const [state, ...more] = answer.getAll('state')
  if (state !== undefined && more.length === 0 && answer.toString().length <= answerCharsMax) return state
  throw signInError('LOGIN_FOREIGN', { attempted: "taking the provider's answer", received: 'no state, or two' })
}

/** What is taken from a person holds where the database cannot keep it, too. Throws NOT_DURABLE then. */
async function holding<T>(
  attempted: string,
  hold: (() => Promise<unknown>) | undefined,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (hold === undefined || !isNotKept(error)) throw error
    await hold().catch(() => undefined)
    throw notDurable(attempted, error)
  }
}
