// SPDX-License-Identifier: Apache-2.0

import { join } from 'node:path'
import { systemClock as clock } from '@sealwatch/base'
import { rootAt } from '../../test/api/server.ts'
import { type Child, startChild } from '../child.ts'
import { type Figure, figureOf, medianOf, quantileOf } from '../figure.ts'
import { temporary } from '../material.ts'
import { countFaults } from './kept.ts'
import { type Fleet, startFleet } from './processes.ts'
import { lookAtAlerts } from './screen.ts'

/** What a host that does little has to say, heads and heartbeats apart. */
const calm = { perSecond: 0.2, kind: 'event', seconds: 10 } as const
const flood = { agents: 100, events: 200 }
const alerts = { agents: 20, perSecond: 10, kind: 'alert', seconds: 10 } as const
const answersAfterMs = 1_000
/** Long enough for the server to give back what the enrolment took. */
const idleSeconds = 95
/** Longer than the longest that agents wait before they come again. */
const downMs = 12_000
const slowBytesPerSecond = 16 * 1024
const tokensAtOnce = 16

type Deployment = {
  readonly server: Child
  readonly fleet: Fleet
  readonly api: ReturnType<ReturnType<typeof rootAt>>
  readonly token: () => Promise<string>
  /** Ends the server with or without its consent, and starts it where it was, so much later. */
  restart(how: 'kill' | 'stop'): Promise<void>
  readonly peakMb: () => number
}

/** A thousand agents, each with its own keys, chains and connection, beside one server on the same cores. */
export async function* benchFleet(runs = 3, agents = 1_000): AsyncGenerator<Figure> {
  await using dir = await temporary()
  const serverDir = join(dir.path, 'server')
  await using at = await deploy(serverDir)
  yield* joining(at, agents)
  yield* idle(at)
  yield* besideSlow(at, runs, agents)
  yield* showing(at, runs)
  yield* storms(at, runs, agents)
  yield figureOf('fleet.memory', 'MB', [at.peakMb()])
  const { lost, doubled, falseAlarms } = await countFaults(join(serverDir, 'ledgers'), await at.fleet.account())
  yield figureOf('fleet.lost', 'lines', [lost])
  yield figureOf('fleet.doubled', 'lines', [doubled])
  yield figureOf('fleet.false-alarms', 'alerts', [falseAlarms])
}

async function deploy(serverDir: string): Promise<Deployment & AsyncDisposable> {
  const settings: Record<string, string> = {
    // Everybody comes from one address here.
    SEALWATCH_SERVER_CONNECTIONS_PER_ADDRESS: '4096',
    SEALWATCH_SERVER_API_PER_ADDRESS: '1000000',
    SEALWATCH_SERVER_API_PER_TENANT: '1000000',
  }
  const start = () => startChild('ingest-server.ts', serverDir, settings)
  let server = await start()
  settings.SEALWATCH_SERVER_PORT = String(server.port)
  const api = rootAt(join(serverDir, 'api.sock'))('default')
  const fleet = await startFleet()
  let peakMb = 0
  return {
    get server() {
      return server
    },
    fleet,
    api,
    token: async () => (await api.call('inviteHost', { body: {} })).token,
    restart: async (how) => {
      peakMb = Math.max(peakMb, server.peakMb())
      await server[how]()
      await clock.sleep(downMs)
      server = await start()
    },
    peakMb: () => Math.max(peakMb, server.peakMb()),
    [Symbol.asyncDispose]: async () => {
      await fleet[Symbol.asyncDispose]()
      await server.stop()
    },
  }
}

async function* joining({ fleet, server, token }: Deployment, agents: number): AsyncGenerator<Figure> {
  const tokens: string[] = []
  while (tokens.length < agents) {
    const length = Math.min(tokensAtOnce, agents - tokens.length)
    tokens.push(...(await Promise.all(Array.from({ length }, token))))
  }
  const beganMs = performance.now()
  await fleet.join(tokens, server.port)
  yield figureOf('fleet.enrolled', 'hosts/s', [(1000 * agents) / (performance.now() - beganMs)])
}

async function* idle({ server }: Deployment): AsyncGenerator<Figure> {
  const before = server.cpuSeconds()
  await clock.sleep(1000 * idleSeconds)
  yield figureOf('fleet.idle-cpu', '% of a core', [(100 * (server.cpuSeconds() - before)) / idleSeconds])
  yield figureOf('fleet.idle-memory', 'MB', [server.residentMb()])
}

/** One host whose road is narrow, with more to say than goes. */
async function* besideSlow({ fleet, server, token }: Deployment, runs: number, agents: number): AsyncGenerator<Figure> {
  const alone: (readonly number[])[] = []
  const beside: (readonly number[])[] = []
  const turn = async () => (await fleet.see({ ...calm, agents })).latenciesMs
  await turn()
  for (let run = 0; run < runs; run += 1) {
    alone.push(await turn())
    await fleet.slow(await token(), server.port, slowBytesPerSecond)
    beside.push(await turn())
    await fleet.slowAway()
  }
  for (const quantile of [0.5, 0.99]) {
    const of = (turns: readonly (readonly number[])[]) => turns.map((one) => quantileOf(one, quantile))
    const name = `fleet.acknowledged-p${100 * quantile}`
    yield figureOf(name, 'ms', of(alone))
    const figure = figureOf(`${name}-slow`, 'ms', of(beside))
    const peer_median = Number(medianOf(of(alone)).toPrecision(3))
    yield { ...figure, peer: 'without it', peer_median, ratio: Number((figure.median / peer_median).toFixed(3)) }
  }
}

/** From when a host saw something to the alert in the live feed. */
async function* showing({ fleet, api, server }: Deployment, runs: number): AsyncGenerator<Figure> {
  await using screen = await lookAtAlerts(api, server)
  const floods: number[][] = []
  // The first one warms the rules up.
  for (let run = 0; run <= runs; run += 1) floods.push(await screen.latenciesMs(await fleet.flood(flood)))
  yield* quantilesOf('fleet.flood-alert', floods.slice(1))
  await fleet.answerAfter(answersAfterMs)
  const turns: number[][] = []
  for (let run = 0; run < runs; run += 1) turns.push(await screen.latenciesMs((await fleet.see(alerts)).marks))
  yield* quantilesOf('fleet.alert', turns)
  await fleet.answerAfter(0)
}

function* quantilesOf(name: string, turns: readonly (readonly number[])[]): Generator<Figure> {
  for (const quantile of [0.5, 0.99, 1])
    yield figureOf(
      `${name}-p${100 * quantile}`,
      'ms',
      turns.map((turn) => quantileOf(turn, quantile)),
    )
}

/** From when the server serves again until each agent is back and what they have seen meanwhile is acknowledged. */
async function* storms({ fleet, restart }: Deployment, runs: number, agents: number): AsyncGenerator<Figure> {
  for (const how of ['kill', 'stop'] as const) {
    const seconds: number[] = []
    for (let run = 0; run < runs; run += 1) {
      const seeing = fleet.see({ ...calm, agents, seconds: 2 + downMs / 1000 })
      await clock.sleep(1000)
      await restart(how)
      const beganMs = performance.now()
      await fleet.settled()
      seconds.push((performance.now() - beganMs) / 1000)
      await seeing
    }
    yield figureOf(`fleet.storm-after-${how}`, 's', seconds)
  }
}
