// SPDX-License-Identifier: Apache-2.0

import { existsSync } from 'node:fs'
import { isIP } from 'node:net'
import { chooseSigner, readSignerSettings } from '@sealwatch/keys'
import { type Context, command, exit, flag, integer, type Option } from '../command.ts'
import { cliError } from '../errors.ts'
import { dataFlag } from '../place.ts'
import { checklist } from '../supervise/checklist.ts'
import { startDetached, superviseFor } from '../supervise/detach.ts'
import { defaultPort } from '../supervise/joined.ts'
import { requireFreePort } from '../supervise/port.ts'
import { hereAlone, type Ports, supervise, type WayIn } from '../supervise/supervise.ts'
import { paint, safe, safeJson } from '../terminal.ts'

export const defaultApiPort = 7444

const address: Option<string | undefined> = {
  takes: 'ADDRESS',
  help: `Address of this machine for agents of others, 0.0.0.0 for all it has (default: $SEALWATCH_SERVER_HOST, else ${hereAlone}, this machine alone)`,
  absent: undefined,
  read: (value) => (isIP(value) === 0 ? { mustBe: 'an IP address' } : { value }),
}

export const up = command({
  name: 'up',
  summary: 'Start server, agent and sensor for this machine',
  about: `Needs root. Stays in the foreground until Ctrl-C, or returns when all is ready with --detach. What to watch
stands in watch.list in the data directory. The server signs as AUDIT_SIGNING_… in the environment say
(docs/key_rotation.md); where nothing is set, with a key of its own.`,
  options: {
    address,
    port: integer({
      takes: 'N',
      help: `Port for agents (default: $SEALWATCH_SERVER_PORT, else ${defaultPort})`,
      min: 1,
      max: 65_535,
      absent: 0,
    }),
    'api-port': integer({
      takes: 'N',
      help: `Port for the API and the dashboard, on this machine; another one where it is taken, and that one next time, too (default: $SEALWATCH_SERVER_API_PORT, else ${defaultApiPort})`,
      min: 1,
      max: 65_535,
      absent: 0,
    }),
    detach: flag('Return when ready and leave it running', 'd'),
  },
  examples: ['sudo ./sealwatch up', 'sudo ./sealwatch up --detach --data /srv/sealwatch --port 7500'],
  run: async ({ address, port, 'api-port': wanted, detach }, _operands, context) => {
    const { io, place } = context
    if (io.uid !== 0) throw cliError('CLI_NEEDS_ROOT', { attempted: 'starting' })
    // The server would refuse the same, in its log, each time it is started.
    chooseSigner(readSignerSettings(io.env))
    const ports = {
      address: address ?? (io.env.SEALWATCH_SERVER_HOST || hereAlone),
      port: port || portIn(io.env, 'SEALWATCH_SERVER_PORT', defaultPort),
      apiPort: wanted || portIn(io.env, 'SEALWATCH_SERVER_API_PORT', defaultApiPort),
    }
    // What is refused leaves nothing behind.
    if (!existsSync(place.data)) await requireFreePort(ports.address, ports.port)
    if (io.tell !== undefined) {
      await superviseFor(common(context, ports), io.tell)
      return exit.ok
    }
    const view = viewOf(context, detach)
    if (detach) {
      const given = { address: ports.address, port: ports.port, 'api-port': ports.apiPort }
      const args = Object.entries(given).flatMap(([name, value]) => [`--${name}`, String(value)])
      view.ready(await startDetached(io, place, ['up', ...args], view))
      return exit.ok
    }
    const stopNotice = () => io.err('\nStopping; press Ctrl-C again to kill.\n')
    io.stop.addEventListener('abort', stopNotice, { once: true })
    await supervise({
      ...common(context, ports),
      report: view.progress,
      notice: view.notice,
      onReady: (way) => {
        view.ready(way)
        io.err(paint(io, 'dim', '\nRunning; Ctrl-C stops it.\n'))
      },
    })
    return exit.ok
  },
})

/** What a setting of the server says, which itself gets what is decided here. */
function portIn(env: Context['io']['env'], name: string, absent: number): number {
  const given = env[name] ?? ''
  const port = Number(given)
  if (given === '') return absent
  if (/^\d+$/.test(given) && port >= 1 && port <= 65_535) return port
  throw cliError('CLI_USAGE', {
    attempted: 'starting',
    received: `${name}=${given}`,
    advice: `Set ${name} to a port from 1 to 65535, or leave it out`,
  })
}

const common = ({ io, place }: Context, ports: Ports) => ({
  place,
  ...ports,
  root: io.root,
  version: io.version,
  env: io.env,
  clock: io.clock,
  stop: io.stop,
  kill: io.kill,
})

function viewOf({ io, place, json }: Context, detach: boolean) {
  const list = checklist(io)
  const began = io.clock.nowMs()
  const flags = dataFlag(place)
  return {
    progress: list.show,
    notice: (text: string) => io.err(`  ${paint(io, 'yellow', '!')} ${safe(text)}\n`),
    ready: ({ dashboard, link }: WayIn) => {
      const ms = io.clock.nowMs() - began
      if (json) {
        io.out(`${safeJson({ ready: true, ms, data: place.data, run: place.run, dashboard, link: link ?? null })}\n`)
        return
      }
      io.out(`\nReady in ${(ms / 1000).toFixed(1)} s. ${wayIn(io, dashboard, link, flags)}
Three things to try${detach ? '' : ', in another terminal'}:

  ${paint(io, 'bold', 'sudo cat /etc/shadow > /dev/null')}
      something worth an alert
  ${paint(io, 'bold', `sudo ./sealwatch alerts${flags}`)}
      who did it, with the processes above it
  ${paint(io, 'bold', `sudo ./sealwatch audit export --all -o trail.bundle${flags} && ./sealwatch audit verify trail.bundle${flags}`)}
      the proof, checked offline from public keys alone
`)
    },
  }
}

function wayIn(io: Context['io'], dashboard: string, link: string | undefined, flags: string): string {
  const again = paint(io, 'dim', `sudo ./sealwatch login${flags}`)
  if (link === undefined) return `The dashboard:\n\n  ${safe(dashboard)}\n      ${again} makes a one-time link to it\n`
  return `The dashboard, by a link that is good for ten minutes and once:

  ${paint(io, 'bold', safe(link))}
      ${again} makes another
`
}
