// SPDX-License-Identifier: Apache-2.0

import { apiOptions, withApi } from '../api.ts'
import { command, exit } from '../command.ts'
import { columns, safe, safeJson } from '../terminal.ts'

export const roleList = command({
  name: 'role list',
  summary: 'The roles of a tenant, and what each may',
  options: apiOptions,
  examples: ['sudo ./sealwatch role list', 'sudo ./sealwatch role list --tenant acme --json'],
  run: async (at, _operands, { io, place, json }) => {
    const answer = await withApi({ ...at, io, place }, 'listing roles', (api) => api.call('listRoles'))
    if (json) io.out(`${safeJson(answer)}\n`)
    else {
      io.out(
        columns([
          ['ROLE', 'MAY'],
          ...answer.items.map(({ name, actions }) => [safe(name), safe(actions.join(' '), 2000)]),
        ]),
      )
      io.err(`A role of your own is made of: ${safe(answer.grantable_actions.join(' '), 4000)}\n`)
    }
    return exit.ok
  },
})

export const rolePut = command({
  name: 'role put',
  summary: 'Make or change a role of your own',
  operands: [
    { name: 'NAME', required: true },
    { name: 'ACTIONS', required: true },
  ],
  options: apiOptions,
  examples: ['sudo ./sealwatch role put oncall alert:list,event:list,event:reveal --tenant acme'],
  run: async (at, [name = '', actions = ''], { io, place, json }) => {
    const answer = await withApi({ ...at, io, place }, 'writing a role', (api) =>
      api.call('putRole', { params: { name }, body: { actions: actions.split(',').map((action) => action.trim()) } }),
    )
    io.out(json ? `${safeJson(answer)}\n` : `The role is custom/${safe(name)}.\n`)
    return exit.ok
  },
})

export const roleRemove = command({
  name: 'role remove',
  summary: 'Remove a role of your own that nobody holds',
  operands: [{ name: 'NAME', required: true }],
  options: apiOptions,
  examples: ['sudo ./sealwatch role remove oncall --tenant acme'],
  run: async (at, [name = ''], { io, place, json }) => {
    const answer = await withApi({ ...at, io, place }, 'removing a role', (api) =>
      api.call('removeRole', { params: { name } }),
    )
    io.out(json ? `${safeJson(answer)}\n` : `${safe(name)} is gone.\n`)
    return exit.ok
  },
})
