// SPDX-License-Identifier: Apache-2.0

import { networkInterfaces } from 'node:os'
import { withAdmin } from '../admin.ts'
import { command, exit, form, integer } from '../command.ts'
import { cliError } from '../errors.ts'
import { agentsAt, isHereAlone } from '../host/agents-at.ts'
import type { ServerStatus } from '../status/types.ts'
import { serverForm } from '../supervise/joined.ts'
import { safe, safeJson, shellWord, toSecond } from '../terminal.ts'
import { tenantOption } from './tenant-option.ts'

export const hostInvite = command({
  name: 'host invite',
  summary: 'Print the line that lets one more machine join this server',
  about: `Paste it on that machine, in a checkout of Sealwatch: it enrols and starts agent and sensor there. The join token in it is
good once, and is shown this once. The line names where this server listens for agents; where they reach it by another name or
address, say so with --server: the server's certificate holds its addresses, its host name, and what
SEALWATCH_SERVER_NAMES says. An agent that is started by its
unit (docs/privileges.md) takes the token of --json from the file join-token in its data folder; where nobody but this machine reaches the
server, that has no line (null).`,
  options: {
    server: form({
      takes: 'SERVER',
      help: 'HOST or HOST:PORT by which the other machine reaches this server',
      form: serverForm,
      mustBe: 'HOST or HOST:PORT',
    }),
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
  run: async ({ server: named, tenant = 'default', ttl }, _operands, { io, place, json }) => {
    const attempted = 'creating a join token'
    const { token, expiresAt, server } = await withAdmin(place, attempted, async (admin) => {
      const { agents } = JSON.parse((await admin.getStatus({})).status) as ServerStatus
      const at = named ?? agentsAt(agents, networkInterfaces())
      // A program may let in an agent of this machine; a line to be pasted elsewhere would lead nowhere.
      if (named === undefined && !json && isHereAlone(at))
        throw cliError('CLI_ADDRESS', {
          attempted,
          received: `${at}, which only this machine reaches`,
          advice: hereAloneAdvice,
        })
      return { ...(await admin.createJoinToken({ tenant, ttlSeconds: ttl })), server: at }
    })
    const line = pasteable(safe(token), server, tenant)
    if (json) {
      // A line that is pasted elsewhere, and leads nowhere there, is none.
      const leads = isHereAlone(server) ? null : line
      io.out(`${safeJson({ token, tenant, expires_at: expiresAt, server, line: leads })}\n`)
      return exit.ok
    }
    io.out(`${line}\n`)
    io.err(`Paste it on the other machine, in a checkout of Sealwatch. Valid once, until ${toSecond(expiresAt)}.\n`)
    if (isHereAlone(server)) io.err(`Only this machine reaches ${server}. ${hereAloneAdvice}\n`)
    return exit.ok
  },
})

const hereAloneAdvice =
  'Start the server where others reach it (sudo ./sealwatch down, then up --detach --address ADDRESS), or name it with --server HOST:PORT'

/** Builtins of the shell alone see the token: it is no argument of a program. */
function pasteable(token: string, server: string, tenant: string): string {
  const of = tenant === 'default' ? '' : ` --tenant ${tenant}`
  return `printf %s ${shellWord(token)} | sudo ./sealwatch join ${server.startsWith('[') ? shellWord(server) : server}${of} --detach`
}
