// SPDX-License-Identifier: Apache-2.0

import { withApi } from '../api.ts'
import { command, exit } from '../command.ts'
import { safe, safeJson, toSecond } from '../terminal.ts'

export const login = command({
  name: 'login',
  summary: 'Make a one-time link to the dashboard',
  about: `Needs root. Whoever opens the link, within ten minutes and once, comes in as the local operator: admin of the deployment and
of the tenant default. Where people have a provider of their own they sign in there, and become that admin. With a person's
id the link is for somebody whom the built-in provider knows already (docs/sign-in.md).`,
  operands: [{ name: 'PERSON', required: false }],
  options: {},
  examples: ['sudo ./sealwatch login', 'sudo ./sealwatch login usr_0123456789abcdef0123'],
  run: async (_options, [person_id], { io, place, json }) => {
    const here = { io, place, tenant: undefined, server: undefined }
    const made = await withApi(here, 'making a log-in link', (api) =>
      api.call('createLoginLink', { body: person_id === undefined ? {} : { person_id } }),
    )
    io.out(json ? `${safeJson(made)}\n` : `${safe(made.url)}\n`)
    if (!json) io.err(`Good once, until ${toSecond(made.expires_at)}.\n`)
    return exit.ok
  },
})
