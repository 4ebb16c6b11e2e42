// SPDX-License-Identifier: Apache-2.0

import { existsSync } from 'node:fs'
import { joinTokenForm } from '@sealwatch/contract'
import { type Context, command, exit, flag } from '../command.ts'
import { cliError } from '../errors.ts'
import { dataFlag, fileOf } from '../place.ts'
import { checklist } from '../supervise/checklist.ts'
import { startDetached, superviseFor } from '../supervise/detach.ts'
import { handToken } from '../supervise/hand-token.ts'
import { type Joined, keepJoined, readJoined, serverNamed, serverText } from '../supervise/joined.ts'
import { ensureFolder, prepareData } from '../supervise/layout.ts'
import { supervise } from '../supervise/supervise.ts'
import { serviceUsers } from '../supervise/users.ts'
import { paint, safe, safeJson } from '../terminal.ts'
import { tenantOption } from './tenant-option.ts'

export const join = command({
  name: 'join',
  summary: 'Start agent and sensor for this machine, for a server elsewhere',
  about: `Needs root. \`sealwatch host invite\`, on the server, prints the whole line to paste here. SERVER is HOST:PORT of its agents' port; the
join token is read from the standard input, the first time. From then on \`sudo ./sealwatch join\` alone starts it again.
Stays in the foreground until Ctrl-C, or returns when all is ready with --detach. What to watch stands in watch.list in the
data directory, unless the server tells it (host config).`,
  operands: [{ name: 'SERVER', required: false }],
  options: {
    tenant: tenantOption('Tenant that the join token is of'),
    detach: flag('Return when ready and leave it running', 'd'),
  },
  examples: ['sudo ./sealwatch join 192.0.2.10:7443 --detach', 'sudo ./sealwatch join --detach'],
  run: async ({ tenant, detach }, [server], context) => {
    const { io, place } = context
    if (io.uid !== 0) throw cliError('CLI_NEEDS_ROOT', { attempted: 'joining' })
    const joined = await joinedBy(context, server, tenant)
    if (io.tell === undefined) await keepJoined(place, joined)
    const view = viewOf(context, joined)
    if (detach) {
      await startDetached(io, place, ['join'], view)
      view.ready()
      return exit.ok
    }
    const supervised = {
      place,
      joined,
      address: joined.host,
      port: joined.port,
      apiPort: 0,
      root: io.root,
      version: io.version,
      env: io.env,
      clock: io.clock,
      stop: io.stop,
      kill: io.kill,
    }
    if (io.tell !== undefined) await superviseFor(supervised, io.tell)
    else await supervise({ ...supervised, report: view.progress, notice: view.notice, onReady: view.ready })
    return exit.ok
  },
})

async function joinedBy(context: Context, text: string | undefined, tenant: string | undefined): Promise<Joined> {
  const { place } = context
  const before = await readJoined(place)
  const named = text === undefined ? before : serverNamed(text)
  if (named === undefined)
    throw cliError('CLI_USAGE', {
      attempted: 'joining a server',
      received: text,
      advice: 'Name the SERVER as HOST:PORT: paste the line that `sealwatch host invite` prints there',
    })
  const isEnrolled = before !== undefined && existsSync(fileOf.agentIdentity(place))
  const caPin = isEnrolled || context.io.tell !== undefined ? before?.caPin : await takeToken(context)
  return { host: named.host, port: named.port, tenant: tenant ?? before?.tenant ?? 'default', caPin: caPin ?? '' }
}

/** Hands the join token to the agent. Returns how the fingerprint of the CA begins: from then on root knows it, too. */
async function takeToken({ io, place }: Context): Promise<string> {
  const token = await io.readLine('Join token (sealwatch host invite, on the server, makes one): ')
  const pin = joinTokenForm.exec(token)?.[2]
  if (pin === undefined)
    throw cliError('CLI_USAGE', {
      attempted: 'reading the join token',
      received: `${token.length} characters`,
      advice: 'Paste the whole line that `sealwatch host invite` prints on the server',
    })
  prepareData(place)
  ensureFolder(place.data, 'agent', serviceUsers.agent, 0o700)
  await handToken(place, token)
  return pin
}

function viewOf({ io, place, json }: Context, joined: Joined) {
  const list = checklist(io)
  const began = io.clock.nowMs()
  const server = serverText(joined)
  return {
    progress: list.show,
    notice: (text: string) => io.err(`  ${paint(io, 'yellow', '!')} ${safe(text)}\n`),
    ready: () => {
      const ms = io.clock.nowMs() - began
      if (json) io.out(`${safeJson({ ready: true, ms, data: place.data, run: place.run, server })}\n`)
      else
        io.out(`\nReady in ${(ms / 1000).toFixed(1)} s. What happens here is sealed here and kept by ${safe(server)}:
  ${paint(io, 'bold', 'sudo ./sealwatch host list')} there shows this machine, ${paint(io, 'bold', `sudo ./sealwatch status${dataFlag(place)}`)} here how it is.\n`)
    },
  }
}
