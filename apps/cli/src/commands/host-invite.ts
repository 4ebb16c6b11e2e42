// SPDX-License-Identifier: Apache-2.0

import { withAdmin } from '../admin.ts'
import { command, exit, integer } from '../command.ts'
import { safe, safeJson, shellWord, toSecond } from '../terminal.ts'
import { tenantOption } from './tenant-option.ts'

export const hostInvite = command({
  name: 'host invite',
  summary: 'Make a one-time join token for another host',
  about: `The token is shown once. Put it into the file join-token in the data folder of the agent that is to join; at a terminal the line
to paste there is printed below it. An agent alone on a second host is started by its unit (docs/privileges.md), or by hand, with
the SEALWATCH_AGENT_ settings of docs/reference/configuration.md. Of another tenant than default it names that in
SEALWATCH_AGENT_TENANT.`,
  options: {
    tenant: tenantOption('Tenant that the host is to belong to, for good'),
    ttl: integer({
      takes: 'SECONDS',
      help: 'How long it may be used (default: 3600)',
      min: 60,
      max: 604_800,
      absent: 3600,
    }),
  },
  examples: ['sudo ./sealwatch host invite', 'sudo ./sealwatch host invite --tenant acme --ttl 600 --json'],
  run: async ({ tenant = 'default', ttl }, _operands, { io, place, json }) => {
    const { token, expiresAt } = await withAdmin(place, 'creating a join token', (admin) =>
      admin.createJoinToken({ tenant, ttlSeconds: ttl }),
    )
    io.out(json ? `${safeJson({ token, tenant, expires_at: expiresAt })}\n` : `${safe(token)}\n`)
    if (!json) io.err(`Valid once, until ${toSecond(expiresAt)}.\n${io.errTty ? pasteable(token) : ''}`)
    return exit.ok
  },
})

/** For a host whose agent runs by its unit. Builtins of the shell alone see the token: it is no argument of a program. */
const pasteable = (token: string) =>
  `On the host, paste:\n  printf %s ${shellWord(safe(token))} | sudo install -o 64702 -g 64702 -m 600 /dev/stdin /var/lib/sealwatch/agent/join-token\n`
