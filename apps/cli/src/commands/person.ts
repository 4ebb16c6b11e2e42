// SPDX-License-Identifier: Apache-2.0

import { withApi } from '../api.ts'
import { command, exit } from '../command.ts'
import { everybody } from '../people.ts'
import { columns, safe, safeJson, toSecond } from '../terminal.ts'

/** People are a matter of the deployment, which no token acts on: the dashboard, or root on the machine. */
const here = { server: undefined, tenant: undefined } as const
const operands = [{ name: 'PERSON', required: true }] as const

export const personList = command({
  name: 'person list',
  summary: 'Everybody who has signed in',
  options: {},
  examples: ['sudo ./sealwatch person list'],
  run: async (_options, _operands, { io, place, json }) => {
    const items = await withApi({ ...here, io, place }, 'listing people', everybody)
    const rows = items.map((row) => [
      safe(row.person_id),
      safe(row.name),
      safe(row.email),
      toSecond(row.last_login_at ?? 'never'),
      safe(row.grants.map(({ tenant, role }) => `${tenant}/${role}`).join(' ')),
      row.disabled_at === null ? '' : 'disabled',
    ])
    io.out(
      json ? `${safeJson({ items })}\n` : columns([['PERSON', 'NAME', 'E-MAIL', 'LAST LOG-IN', 'ROLES', ''], ...rows]),
    )
    return exit.ok
  },
})

const change = (verb: 'disable' | 'enable', summary: string) =>
  command({
    name: `person ${verb}`,
    summary,
    operands,
    options: {},
    examples: [`sudo ./sealwatch person ${verb} usr_0123456789abcdef0123`],
    run: async (_options, [person_id = ''], { io, place, json }) => {
      const body = { disabled: verb === 'disable' }
      const answer = await withApi({ ...here, io, place }, `changing ${person_id}`, (api) =>
        api.call('changePerson', { params: { person_id }, body }),
      )
      io.out(json ? `${safeJson(answer)}\n` : `${safe(person_id)} is ${verb}d.\n`)
      return exit.ok
    },
  })

export const personDisable = change('disable', 'Keep a person out, and end their sessions at once')
export const personEnable = change('enable', 'Let a person in again')

export const personSignOut = command({
  name: 'person sign-out',
  summary: 'End all sessions of a person at once; they may sign in again',
  about: 'For a machine that was lost, or a session that nobody can explain. `person disable` keeps them out as well.',
  operands,
  options: {},
  examples: ['sudo ./sealwatch person sign-out usr_0123456789abcdef0123'],
  run: async (_options, [person_id = ''], { io, place, json }) => {
    const answer = await withApi({ ...here, io, place }, `signing ${person_id} out`, (api) =>
      api.call('signOutPerson', { params: { person_id } }),
    )
    const { sessions } = answer
    const count = `${sessions} ${sessions === 1 ? 'session' : 'sessions'}`
    io.out(json ? `${safeJson(answer)}\n` : `${safe(person_id)} is signed out of ${count}.\n`)
    return exit.ok
  },
})

export const personErase = command({
  name: 'person erase',
  summary: 'Forget a person: name, address, who they are at the provider, roles',
  about: 'The ledgers keep the id, which is then nobody’s. Whoever signs in again is somebody new.',
  operands,
  options: {},
  examples: ['sudo ./sealwatch person erase usr_0123456789abcdef0123'],
  run: async (_options, [person_id = ''], { io, place, json }) => {
    const answer = await withApi({ ...here, io, place }, `erasing ${person_id}`, (api) =>
      api.call('erasePerson', { params: { person_id } }),
    )
    io.out(json ? `${safeJson(answer)}\n` : `${safe(person_id)} is forgotten.\n`)
    return exit.ok
  },
})
