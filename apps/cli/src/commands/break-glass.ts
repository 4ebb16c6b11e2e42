// SPDX-License-Identifier: Apache-2.0

import { withApi } from '../api.ts'
import { command, exit, integer, text } from '../command.ts'
import { cliError } from '../errors.ts'
import { columns, safe, safeJson, toSecond } from '../terminal.ts'

const here = { tenant: undefined, server: undefined } as const

export const breakGlassOpen = command({
  name: 'break-glass open',
  summary: 'In an emergency: a one-time link past the provider',
  about: `Needs root. Leads to a session as cluster admin, of at most an hour. It is a critical alert when it is made and when it is
used, and status goes on about it until somebody has acknowledged it (docs/runbooks/break-glass.md).`,
  options: {
    for: text({ takes: 'NAME', help: 'Who is to come in' }),
    reason: text({ takes: 'TEXT', help: 'Why, for whoever reads the alert; no names of people' }),
    minutes: integer({ takes: 'N', help: 'How long at the most (default: 60)', min: 1, max: 60, absent: 60 }),
  },
  examples: ["sudo ./sealwatch break-glass open --for alice --reason 'provider down, host h1 under attack'"],
  run: async ({ for: name, reason, minutes }, _operands, { io, place, json }) => {
    const attempted = 'opening break-glass access'
    if (name === undefined || reason === undefined)
      throw cliError('CLI_USAGE', { attempted, advice: 'Say for whom and why: --for NAME --reason TEXT' })
    const made = await withApi({ ...here, io, place }, attempted, (api) =>
      api.call('openBreakGlass', { body: { name, reason, minutes } }),
    )
    io.out(json ? `${safeJson(made)}\n` : `${safe(made.url)}\n`)
    if (!json) io.err(`${safe(made.id)}: good once, until ${toSecond(made.expires_at)}. An alert tells of it.\n`)
    return exit.ok
  },
})

export const breakGlassList = command({
  name: 'break-glass list',
  summary: 'Break-glass access that nobody has acknowledged',
  options: {},
  examples: ['sudo ./sealwatch break-glass list'],
  run: async (_options, _operands, { io, place, json }) => {
    const { items } = await withApi({ ...here, io, place }, 'listing break-glass access', (api) =>
      api.call('listBreakGlass'),
    )
    const rows = items.map((row) => [
      safe(row.id),
      safe(row.person_id),
      toSecond(row.opened_at),
      row.used_at === null ? 'not used' : `used ${toSecond(row.used_at)}`,
      safe(row.reason),
    ])
    if (json) io.out(`${safeJson({ items })}\n`)
    else io.out(rows.length === 0 ? 'None.\n' : columns([['ID', 'PERSON', 'OPENED', 'USED', 'REASON'], ...rows]))
    return exit.ok
  },
})

export const breakGlassAcknowledge = command({
  name: 'break-glass acknowledge',
  summary: 'Say that somebody has looked at it',
  operands: [{ name: 'ID', required: true }],
  options: {},
  examples: ['sudo ./sealwatch break-glass acknowledge bg_0123456789abcdef'],
  run: async (_options, [id = ''], { io, place, json }) => {
    const answer = await withApi({ ...here, io, place }, 'acknowledging break-glass access', (api) =>
      api.call('acknowledgeBreakGlass', { params: { id } }),
    )
    io.out(json ? `${safeJson(answer)}\n` : `${safe(id)} is acknowledged.\n`)
    return exit.ok
  },
})
