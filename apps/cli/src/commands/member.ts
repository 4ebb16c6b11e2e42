// SPDX-License-Identifier: Apache-2.0

import type { ApiClient } from '@sealwatch/contract/api'
import { apiOptions, withApi } from '../api.ts'
import { type Context, command, exit } from '../command.ts'
import { personMeant } from '../people.ts'
import { columns, safe, safeJson, toSecond } from '../terminal.ts'

const operands = [
  { name: 'PERSON', required: true },
  { name: 'ROLE', required: true },
] as const

type At = { readonly tenant: string | undefined; readonly server: string | undefined }

/** Does it to whom was meant, and says so. */
async function change(
  at: At,
  typed: string,
  attempted: string,
  { io, place, json }: Context,
  act: (api: ApiClient, personId: string) => Promise<{ readonly answer: unknown; readonly told: string }>,
): Promise<number> {
  await withApi({ ...at, io, place }, attempted, async (api) => {
    const personId = await personMeant(api, typed, { server: at.server, attempted })
    const { answer, told } = await act(api, personId)
    const who = typed === personId ? safe(personId) : `${safe(typed)} (${safe(personId)})`
    io.out(json ? `${safeJson(answer)}\n` : `${who} ${told}\n`)
  })
  return exit.ok
}

export const memberList = command({
  name: 'member list',
  summary: 'Who holds which role in a tenant',
  options: apiOptions,
  examples: ['sudo ./sealwatch member list --tenant acme'],
  run: async (at, _operands, { io, place, json }) => {
    const { items } = await withApi({ ...at, io, place }, 'listing members', (api) => api.call('listMembers'))
    const rows = items.map((row) => [
      safe(row.person_id),
      safe(row.name),
      safe(row.role),
      toSecond(row.granted_at),
      safe(row.granted_by),
    ])
    if (json) io.out(`${safeJson({ items })}\n`)
    else if (rows.length === 0)
      io.out('Nobody has a role here. Who has signed in: person list; to come in yourself: sudo ./sealwatch login\n')
    else io.out(columns([['PERSON', 'NAME', 'ROLE', 'SINCE', 'BY'], ...rows]))
    return exit.ok
  },
})

export const memberGrant = command({
  name: 'member grant',
  summary: 'Grant a role to a person',
  about: 'PERSON is an id, or a name or an e-mail address that only one person has.',
  operands,
  options: apiOptions,
  examples: [
    'sudo ./sealwatch member grant zoe@example.com responder --tenant acme',
    'sudo ./sealwatch member grant usr_0123456789abcdef0123 viewer',
  ],
  run: (at, [typed = '', role = ''], context) =>
    change(at, typed, 'granting a role', context, async (api, person_id) => ({
      answer: await api.call('grantRole', { params: { person_id, role } }),
      told: `holds ${safe(role)}.`,
    })),
})

export const memberRevoke = command({
  name: 'member revoke',
  summary: 'Take a role from a person; it counts at once',
  operands,
  options: apiOptions,
  examples: ['sudo ./sealwatch member revoke usr_0123456789abcdef0123 responder --tenant acme'],
  run: (at, [typed = '', role = ''], context) =>
    change(at, typed, 'taking a role', context, async (api, person_id) => ({
      answer: await api.call('takeRole', { params: { person_id, role } }),
      told: `does not hold ${safe(role)} any more.`,
    })),
})

export const memberInvite = command({
  name: 'member invite',
  summary: 'Make a one-time link for somebody new, with a role',
  about: `Good once, for ten minutes. Through the built-in provider the link is all they need; where people have a provider of
their own, they sign in there.`,
  operands: [
    { name: 'NAME', required: true },
    { name: 'ROLE', required: true },
  ],
  options: apiOptions,
  examples: ["sudo ./sealwatch member invite 'Zoë' viewer --tenant acme"],
  run: async (at, [name = '', role = ''], { io, place, json }) => {
    const made = await withApi({ ...at, io, place }, 'inviting somebody', (api) =>
      api.call('invitePerson', { body: { name, role } }),
    )
    io.out(json ? `${safeJson(made)}\n` : `${safe(made.url)}\n`)
    if (!json) io.err(`Good once, until ${toSecond(made.expires_at)}.\n`)
    return exit.ok
  },
})

export const memberInvites = command({
  name: 'member invites',
  summary: 'Invitations that nobody has come by yet',
  options: apiOptions,
  examples: ['sudo ./sealwatch member invites --tenant acme'],
  run: async (at, _operands, { io, place, json }) => {
    const { items } = await withApi({ ...at, io, place }, 'listing invitations', (api) => api.call('listInvitations'))
    const rows = items.map((row) => [
      safe(row.id),
      safe(row.name),
      safe(row.role),
      toSecond(row.expires_at),
      safe(row.created_by),
    ])
    if (json) io.out(`${safeJson({ items })}\n`)
    else io.out(rows.length === 0 ? 'None is open.\n' : columns([['ID', 'NAME', 'ROLE', 'UNTIL', 'BY'], ...rows]))
    return exit.ok
  },
})

export const memberUninvite = command({
  name: 'member uninvite',
  summary: 'Withdraw an invitation; its link is none from then on',
  operands: [{ name: 'ID', required: true }],
  options: apiOptions,
  examples: ['sudo ./sealwatch member uninvite 0123456789ab --tenant acme'],
  run: async (at, [invitation_id = ''], { io, place, json }) => {
    const answer = await withApi({ ...at, io, place }, 'withdrawing an invitation', (api) =>
      api.call('withdrawInvitation', { params: { invitation_id } }),
    )
    io.out(json ? `${safeJson(answer)}\n` : `${safe(invitation_id)} is withdrawn.\n`)
    return exit.ok
  },
})
