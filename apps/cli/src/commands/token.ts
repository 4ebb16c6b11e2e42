// SPDX-License-Identifier: Apache-2.0

import { apiOptions, withApi } from '../api.ts'
import { command, exit, integer, text } from '../command.ts'
import { cliError } from '../errors.ts'
import { columns, safe, safeJson, toSecond } from '../terminal.ts'

const day = 24 * 3600

export const tokenCreate = command({
  name: 'token create',
  summary: 'Make an API token for a program',
  about: `The token is shown once, and kept as a hash. It acts in one tenant and may what you name, as far as you may that
yourself. All that a token may be given: ./sealwatch role list`,
  operands: [{ name: 'NAME', required: true }],
  options: {
    ...apiOptions,
    may: text({ takes: 'ACTIONS', help: 'What it may, with commas between: alert:list,event:list' }),
    service: text({ takes: 'SERVICE', help: 'With --may rows:write: the service whose rows it brings' }),
    days: integer({ takes: 'DAYS', help: 'How long it may be used (default: 90)', min: 1, max: 366, absent: 90 }),
  },
  examples: [
    'sudo ./sealwatch token create ci --may alert:list,event:list --tenant acme',
    'sudo ./sealwatch token create billing --may rows:write --service billing --tenant acme',
  ],
  run: async ({ may, days, service, ...at }, [name = ''], { io, place, json }) => {
    const attempted = 'creating a token'
    if (may === undefined)
      throw cliError('CLI_USAGE', { attempted, advice: 'Say what it may: --may alert:list,event:list' })
    const actions = may.split(',').map((action) => action.trim())
    const made = await withApi({ ...at, io, place }, attempted, (api) =>
      api.call('createToken', {
        body: { name, actions, ttl_seconds: days * day, ...(service !== undefined && { service }) },
      }),
    )
    io.out(json ? `${safeJson(made)}\n` : `${safe(made.token)}\n`)
    if (!json) io.err(`Shown this once. ${safe(made.info.token_id)}, valid until ${toSecond(made.info.expires_at)}.\n`)
    return exit.ok
  },
})

export const tokenList = command({
  name: 'token list',
  summary: 'The API tokens of a tenant',
  options: apiOptions,
  examples: ['sudo ./sealwatch token list --tenant acme'],
  run: async (at, _operands, { io, place, json }) => {
    const { items } = await withApi({ ...at, io, place }, 'listing tokens', (api) => api.call('listTokens'))
    if (json) io.out(`${safeJson({ items })}\n`)
    else
      io.out(
        columns([
          ['TOKEN', 'NAME', 'MAY', 'ENDS', 'LAST USED'],
          ...items.map((row) => [
            row.token_id,
            safe(row.name),
            safe(row.actions.join(',')),
            row.revoked_at === null ? toSecond(row.expires_at) : 'revoked',
            toSecond(row.last_used_at ?? 'never'),
          ]),
        ]),
      )
    return exit.ok
  },
})

export const tokenRevoke = command({
  name: 'token revoke',
  summary: 'Revoke an API token; it counts at once',
  operands: [{ name: 'TOKEN', required: true }],
  options: apiOptions,
  examples: ['sudo ./sealwatch token revoke tok_0123456789abcdef0123'],
  run: async (at, [token_id = ''], { io, place, json }) => {
    const answer = await withApi({ ...at, io, place }, 'revoking a token', (api) =>
      api.call('revokeToken', { params: { token_id } }),
    )
    io.out(json ? `${safeJson(answer)}\n` : `${safe(token_id)} is revoked.\n`)
    return exit.ok
  },
})
