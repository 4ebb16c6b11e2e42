// SPDX-License-Identifier: Apache-2.0

import { z } from 'zod'
import { actionNames, type Gate, type Sent, type SignIn } from '../../../access/index.ts'
import type { DrawNotice } from '../notice.ts'
import { Answer, openRoute, type Route, selfRoute } from '../route.ts'
import { personId, tenantName, time } from '../shapes.ts'
import { inBrowser, pageMedia, sentAnswer, visitOf } from './in-browser.ts'

const tag = 'sign-in'
export const errorsOfLogin = ['LOGIN_TOO_OFTEN', 'LOGIN_NO_PROVIDER', 'PROVIDER_UNAVAILABLE', 'PROVIDER_UNFIT']
/** A provider may send more than we asked for; twice the same is no answer. */
const answerQuery = z.record(
  z.string().max(64),
  z.union([z.string().max(4_096), z.array(z.string().max(4_096)).max(4)]),
)

const sessionInfo = z.object({
  session_id: z.string(),
  tenant: z.string(),
  method: z.enum(['oidc', 'break_glass']),
  source: z.string(),
  began_at: time,
  seen_at: time,
  ends_at: time,
})
const sessionView = z.object({
  principal: z.object({ kind: z.enum(['person', 'machine', 'operator', 'agent', 'service']), id: z.string() }),
  tenant: z.string(),
  actions: z.array(z.enum(actionNames)).describe('All that whoever asks may do in the tenant, as of now'),
  person: z.object({ person_id: personId, name: z.string(), email: z.string() }).nullable(),
  tenants: z.array(z.string()).describe('Those that the session can be switched to'),
  csrf_token: z.string().nullable().describe('To be sent in Sealwatch-CSRF with whatever changes something'),
  session_id: z.string().nullable(),
  sessions: z.array(sessionInfo).describe('Of the same person, this one among them'),
})
const sentAway = z.object({ redirect: z.string().describe('Where to go from here') })

export const signInRoutes = (
  { acts, beginLogin, finishLogin }: SignIn,
  { mayDo }: Pick<Gate, 'mayDo'>,
  drawNotice: DrawNotice,
): Route[] => [
  openRoute({
    method: 'GET',
    path: '/auth/login',
    id: 'beginLogin',
    summary: 'Sign in: leads a browser to the provider',
    tag,
    open: 'who asks is about to be proven',
    query: z.object({ return_to: z.string().max(512).default('/').describe('Path of the dashboard') }),
    status: 303,
    media: pageMedia,
    errors: ['LOGIN_RETURN', ...errorsOfLogin],
    handle: ({ query, request }) =>
      inBrowser(drawNotice, request, async () => sentAnswer(await beginLogin(visitOf(request), query.return_to))),
  }),
  openRoute({
    method: 'GET',
    path: '/auth/callback',
    id: 'finishLogin',
    summary: "Takes the provider's answer, in the browser that began the log-in",
    tag,
    open: "the provider's answer is what proves who asks",
    query: answerQuery,
    status: 303,
    media: pageMedia,
    errors: ['LOGIN_FOREIGN', 'LOGIN_UNPROVEN', 'LOGIN_DECLINED', 'LOGIN_WITHOUT_ROLE', ...errorsOfLogin],
    handle: ({ query, request }) =>
      inBrowser(drawNotice, request, async () => {
        const pairs = Object.entries(query).flatMap(([name, value]) => [value].flat().map((text) => [name, text]))
        return sentAnswer(await finishLogin(visitOf(request), new URLSearchParams(pairs)))
      }),
  }),
  selfRoute({
    method: 'GET',
    path: '/api/v1/session',
    id: 'getSession',
    summary: 'Who asks, in which tenant, and what they need to go on',
    tag,
    self: 'who it is',
    answer: sessionView,
    handle: async ({ principal, tenant }, { request }) => {
      const { kind, id } = principal
      const actions = actionNames.filter((action) => mayDo(principal, action, tenant))
      if (kind !== 'person')
        return {
          principal: { kind, id },
          tenant,
          actions,
          person: null,
          tenants: [tenant],
          csrf_token: null,
          session_id: null,
          sessions: [],
        }
      const view = await acts.view(visitOf(request))
      return {
        principal: { kind, id },
        tenant: view.tenant,
        actions,
        person: { person_id: view.person.id, name: view.person.name, email: view.person.email },
        tenants: [...view.tenants],
        csrf_token: view.csrfToken,
        session_id: view.session.id,
        sessions: view.sessions.map((session) => ({
          session_id: session.id,
          tenant: session.tenant,
          method: session.method,
          source: session.source,
          began_at: timeOf(session.beganMs),
          seen_at: timeOf(session.seenMs),
          ends_at: timeOf(session.endsMs),
        })),
      }
    },
  }),
  selfRoute({
    method: 'POST',
    path: '/api/v1/session/tenant',
    id: 'switchTenant',
    summary: 'Go on in another tenant, under a new session id',
    tag,
    self: 'the tenant it acts in',
    body: z.strictObject({ tenant: tenantName }),
    answer: z.object({ tenant: z.string(), csrf_token: z.string() }),
    errors: ['TENANT_NOT_HELD', 'SESSION_NONE'],
    handle: async (_caller, { body, request }) => {
      const { csrfToken, cookies } = await acts.switchTenant(visitOf(request), body.tenant)
      return new Answer({ tenant: body.tenant, csrf_token: csrfToken }, { headers: { 'set-cookie': cookies } })
    },
  }),
  selfRoute({
    method: 'DELETE',
    path: '/api/v1/sessions/{session_id}',
    id: 'endSession',
    summary: "End one of one's own sessions",
    tag,
    self: 'its companions of the same person',
    params: z.object({ session_id: z.string().regex(/^ses_[0-9a-f]{20}$/) }),
    errors: ['SESSION_UNKNOWN', 'SESSION_NONE'],
    handle: async (_caller, { params, request }) => {
      await acts.end(visitOf(request), params.session_id)
      return undefined
    },
  }),
  selfRoute({
    method: 'POST',
    path: '/auth/logout',
    id: 'logout',
    summary: 'Sign out here',
    tag,
    self: 'its end',
    answer: sentAway,
    errors: ['SESSION_NONE'],
    handle: async (_caller, { request }) => away(await acts.logout(visitOf(request))),
  }),
  selfRoute({
    method: 'POST',
    path: '/auth/logout-everywhere',
    id: 'logoutEverywhere',
    summary: 'Sign out of every session',
    tag,
    self: 'the end of all of the same person',
    answer: sentAway,
    errors: ['SESSION_NONE'],
    handle: async (_caller, { request }) => away(await acts.logoutEverywhere(visitOf(request))),
  }),
]

const timeOf = (ms: number) => new Date(ms).toISOString()
const away = ({ redirect, cookies }: Sent) => new Answer({ redirect }, { headers: { 'set-cookie': cookies } })
