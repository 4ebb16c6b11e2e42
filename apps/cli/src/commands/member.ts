// SPDX-License-Identifier: Apache-2.0

import { apiOptions, withApi } from '../api.ts'
import { command, exit } from '../command.ts'
import { columns, safe, safeJson } from '../terminal.ts'

const operands = [
  { name: 'PERSON', required: true },
  { name: 'ROLE', required: true },
] as const

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
      row.granted_at.slice(0, 16),
      safe(row.granted_by),
    ])
    io.out(json ? `${safeJson({ items })}\n` : columns([['PERSON', 'NAME', 'ROLE', 'SINCE', 'BY'], ...rows]))
    return exit.ok
  },
})

export const memberGrant = command({
  name: 'member grant',
  summary: 'Grant a role to a person',
  operands,
  options: apiOptions,
  examples: ['sudo ./sealwatch member grant usr_4mZ responder --tenant acme'],
  run: async (at, [person_id = '', role = ''], { io, place, json }) => {
    const answer = await withApi({ ...at, io, place }, 'granting a role', (api) =>
      api.call('grantRole', { params: { person_id, role } }),
    )
    io.out(json ? `${safeJson(answer)}\n` : `${safe(person_id)} holds ${safe(role)}.\n`)
    return exit.ok
  },
})

export const memberRevoke = command({
  name: 'member revoke',
  summary: 'Take a role from a person; it counts at once',
  operands,
  options: apiOptions,
  examples: ['sudo ./sealwatch member revoke usr_4mZ responder --tenant acme'],
  run: async (at, [person_id = '', role = ''], { io, place, json }) => {
    const answer = await withApi({ ...at, io, place }, 'taking a role', (api) =>
      api.call('takeRole', { params: { person_id, role } }),
    )
    io.out(json ? `${safeJson(answer)}\n` : `${safe(person_id)} does not hold ${safe(role)} any more.\n`)
    return exit.ok
  },
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
    if (!json) io.err(`Good once, until ${safe(made.expires_at)}.\n`)
    return exit.ok
  },
})
