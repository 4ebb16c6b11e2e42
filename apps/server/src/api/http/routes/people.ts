// SPDX-License-Identifier: Apache-2.0

import { z } from 'zod'
import type { Access, Grant, Person, SignIn } from '../../../access/index.ts'
import { type Route, route } from '../route.ts'
import { pageOf, pageQuery, personId, recorded, recordedJson, roleName, time } from '../shapes.ts'

const tag = 'access'
const person = z.object({
  person_id: personId,
  name: z.string(),
  email: z.string(),
  created_at: time,
  last_login_at: time.nullable(),
  disabled_at: time.nullable(),
  grants: z.array(z.object({ tenant: z.string(), role: roleName })).describe('What they hold, in all tenants'),
})
const personJson = (
  { personId, name, email, createdAt, lastLoginAt, disabledAt }: Person,
  grants: readonly Grant[],
) => ({
  person_id: personId,
  name,
  email,
  created_at: createdAt,
  last_login_at: lastLoginAt,
  disabled_at: disabledAt,
  grants: grants.map(({ tenant, role }) => ({ tenant, role })),
})
const link = z.object({
  url: z.string().describe('To be opened in a browser, once. Shown this once'),
  expires_at: time,
  ledger: recorded,
})
const madeLink = (made: { url: string; expiresAt: string; recorded: Parameters<typeof recordedJson>[0] }) => ({
  url: made.url,
  expires_at: made.expiresAt,
  ledger: recordedJson(made.recorded),
})
const breakGlassId = z.string().regex(/^bg_[0-9a-f]{16}$/)
const called = z.string().min(1).max(256).describe('How they are called; for display alone')

const invitationId = z.string().regex(/^[0-9a-f]{12}$/, { error: 'an id that `sealwatch member invites` shows' })
const invitation = z.object({
  id: invitationId,
  name: z.string(),
  role: roleName,
  created_at: time,
  created_by: z.string(),
  expires_at: time,
})

export const peopleRoutes = (
  { grants }: Pick<Access, 'grants'>,
  { people, links, breakGlass, changePerson, signOutPerson }: SignIn,
): Route[] => [
  route({
    method: 'GET',
    path: '/api/v1/people',
    id: 'listPeople',
    summary: 'Everybody who has signed in',
    tag,
    action: 'person:list',
    query: z.object(pageQuery),
    answer: pageOf(person),
    handle: async (by, { query: { limit, cursor = '' } }) => {
      const found = await people.list(by, { after: cursor, limit: limit + 1 })
      const items = found.slice(0, limit)
      return {
        items: items.map((one) => personJson(one, grants.of(by, one.personId))),
        next: found.length > limit ? (items.at(-1)?.personId ?? null) : null,
      }
    },
  }),
  route({
    method: 'PATCH',
    path: '/api/v1/people/{person_id}',
    id: 'changePerson',
    summary: 'Disable a person, who is signed out everywhere at once, or enable them again',
    tag,
    action: 'person:disable',
    params: z.object({ person_id: personId }),
    body: z.strictObject({ disabled: z.boolean() }),
    answer: z.object({ ledger: recorded }),
    errors: ['PERSON_UNKNOWN'],
    handle: async (by, { params, body }) => ({
      ledger: recordedJson(await changePerson(by, params.person_id, body.disabled ? 'disable' : 'enable')),
    }),
  }),
  route({
    method: 'POST',
    path: '/api/v1/people/{person_id}/sign-out',
    id: 'signOutPerson',
    summary: 'End all sessions of a person, who may sign in again',
    tag,
    action: 'person:sign-out',
    params: z.object({ person_id: personId }),
    answer: z.object({ sessions: z.number().int().min(0).describe('That ended'), ledger: recorded }),
    errors: ['PERSON_UNKNOWN'],
    handle: async (by, { params }) => {
      const done = await signOutPerson(by, params.person_id)
      return { sessions: done.sessions, ledger: recordedJson(done.recorded) }
    },
  }),
  route({
    method: 'DELETE',
    path: '/api/v1/people/{person_id}',
    id: 'erasePerson',
    summary: 'Forget a person: who the provider said that it was, name, address and roles. The ledgers keep the id',
    tag,
    action: 'person:erase',
    params: z.object({ person_id: personId }),
    answer: z.object({ ledger: recorded }),
    errors: ['PERSON_UNKNOWN'],
    handle: async (by, { params }) => ({ ledger: recordedJson(await changePerson(by, params.person_id, 'delete')) }),
  }),
  route({
    method: 'POST',
    path: '/api/v1/members/invitations',
    id: 'invitePerson',
    summary: 'A one-time link for somebody new, with a role of the tenant',
    tag,
    action: 'member:invite',
    body: z.strictObject({ name: called, role: roleName }),
    answer: link,
    status: 201,
    showsSecret: true,
    errors: ['LINK_NAME', 'LINKS_TOO_MANY', 'ROLE_UNKNOWN', 'GRANT_BEYOND_OWN'],
    handle: async (by, { body }) => madeLink(await links.invite(by, body.name, body.role)),
  }),
  route({
    method: 'GET',
    path: '/api/v1/members/invitations',
    id: 'listInvitations',
    summary: 'Invitations that nobody has come by, and that can still be used',
    tag,
    action: 'member:list',
    answer: z.object({ items: z.array(invitation) }),
    handle: async (by) => ({
      items: (await links.invitations(by)).map(({ id, name, role, createdAt, createdBy, expiresAt }) => ({
        id,
        name,
        role,
        created_at: createdAt,
        created_by: createdBy,
        expires_at: expiresAt,
      })),
    }),
  }),
  route({
    method: 'DELETE',
    path: '/api/v1/members/invitations/{invitation_id}',
    id: 'withdrawInvitation',
    summary: 'Withdraw an invitation: its link is none from then on',
    tag,
    action: 'member:invite',
    params: z.object({ invitation_id: invitationId }),
    answer: z.object({ ledger: recorded }),
    errors: ['INVITATION_UNKNOWN'],
    handle: async (by, { params }) => ({ ledger: recordedJson(await links.withdraw(by, params.invitation_id)) }),
  }),
  route({
    method: 'POST',
    path: '/api/v1/login-links',
    id: 'createLoginLink',
    summary: 'For root alone: a one-time link for the local operator, or for somebody whom the built-in provider knows',
    tag,
    action: 'login-link:create',
    body: z.strictObject({ person_id: personId.optional() }),
    answer: link,
    status: 201,
    showsSecret: true,
    errors: ['PERSON_UNKNOWN', 'LINK_PERSON', 'LINKS_TOO_MANY'],
    handle: async (by, { body }) => madeLink(await links.forOperator(by, body.person_id)),
  }),
  route({
    method: 'GET',
    path: '/api/v1/break-glass',
    id: 'listBreakGlass',
    summary: 'Break-glass access that nobody has acknowledged',
    tag,
    action: 'deployment:read',
    answer: z.object({
      items: z.array(
        z.object({
          id: breakGlassId,
          person_id: personId,
          reason: z.string(),
          opened_at: time,
          link_expires_at: time,
          used_at: time.nullable(),
          ends_at: time.nullable(),
        }),
      ),
    }),
    handle: async () => ({
      items: (await breakGlass.waiting()).map((row) => ({
        id: row.id,
        person_id: row.personId,
        reason: row.reason,
        opened_at: row.openedAt,
        link_expires_at: row.linkExpiresAt,
        used_at: row.usedAt,
        ends_at: row.endsAt,
      })),
    }),
  }),
  route({
    method: 'POST',
    path: '/api/v1/break-glass',
    id: 'openBreakGlass',
    summary: 'For root alone, in an emergency: a one-time link to a session as cluster admin; a critical alert',
    tag,
    action: 'break-glass:open',
    body: z.strictObject({ name: called, reason: z.string().max(500), minutes: z.number().int().min(1).max(60) }),
    answer: link.extend({ id: breakGlassId }),
    status: 201,
    showsSecret: true,
    errors: ['LINK_NAME', 'BREAK_GLASS_REASON', 'LINKS_TOO_MANY'],
    handle: async (by, { body }) => {
      const made = await links.breakGlass(by, body)
      return { id: made.id, ...madeLink(made) }
    },
  }),
  route({
    method: 'POST',
    path: '/api/v1/break-glass/{id}/acknowledge',
    id: 'acknowledgeBreakGlass',
    summary: 'Say that somebody has looked at it',
    tag,
    action: 'break-glass:acknowledge',
    params: z.object({ id: breakGlassId }),
    answer: z.object({ ledger: recorded }),
    errors: ['BREAK_GLASS_UNKNOWN', 'BREAK_GLASS_OWN'],
    handle: async (by, { params }) => ({ ledger: recordedJson(await breakGlass.acknowledge(by, params.id)) }),
  }),
]
