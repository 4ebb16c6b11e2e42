// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { systemClock } from '@sealwatch/base'
import { joinHost } from '../test/api/host.ts'
import { rootAt } from '../test/api/server.ts'
import { startChild } from './child.ts'
import { type Figure, figureOf, quantileOf } from './figure.ts'
import { type FromListeners, type Heard, markOf, type Order } from './live-listeners.ts'
import { benchScreen } from './live-screen.ts'
import { temporary } from './material.ts'

const tenant = 'default'
const count = 2_000
const events = { count: 50, everyMs: 200 } as const
const alerts = { count: 20, everyMs: 400 } as const
const patienceSteps = 100

/**
 * Two thousand who listen to one tenant: how long after a host saw something each of them has heard it, and how long after
 * that of a finding about it. The host and those who listen share two cores with the server.
 */
export async function* benchLive(): AsyncGenerator<Figure> {
  await using dir = await temporary()
  const serverDir = join(dir.path, 'server')
  await using server = await startChild('ingest-server.ts', serverDir, {
    SEALWATCH_SERVER_FEED_PER_PRINCIPAL: String(count),
    SEALWATCH_SERVER_FEED_PER_TENANT: String(count),
    SEALWATCH_SERVER_API_PER_ADDRESS: '1000000',
    SEALWATCH_SERVER_API_PER_TENANT: '1000000',
  })
  const root = rootAt(join(serverDir, 'api.sock'))
  await using host = await joinHost({ root, agentPort: server.port }, tenant, 'bench')
  const body = { name: 'bench', actions: ['feed:subscribe'], ttl_seconds: 3600 }
  const { token } = await root(tenant).call('createToken', { body })

  const order: Order = { port: Number(new URL(server.api).port), token, count }
  const heard: Heard[] = []
  const opened = Promise.withResolvers<void>()
  const startMs = performance.now()
  const listeners = new Worker(new URL('live-listeners.ts', import.meta.url), { workerData: order })
  const failed = Promise.withResolvers<never>()
  failed.promise.catch(() => undefined)
  listeners.once('error', failed.reject)
  listeners.on('message', (message: FromListeners) => {
    if ('opened' in message) opened.resolve()
    else heard.push(...message.heard)
  })
  await Promise.race([opened.promise, failed.promise])
  yield figureOf('live.opened', 'sockets/s', [(1000 * count) / (performance.now() - startMs)])

  const sent = new Map<string, number>()
  async function see(file: string, { count, everyMs }: { readonly count: number; readonly everyMs: number }) {
    const event = JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8'))
    for (let i = 0; i < count; i += 1) {
      const mark = markOf(sent.size)
      sent.set(mark, systemClock.nowMs())
      host.see({ ...event, message: mark })
      await systemClock.sleep(everyMs)
    }
  }
  await see('../vectors/events/process-launch.json', events)
  await see('../rules/shadow-read.fires.json', alerts)
  const due = (events.count + 2 * alerts.count) * count
  for (let i = 0; heard.length < due && i < patienceSteps; i += 1) await systemClock.sleep(100)
  await listeners.terminate()
  if (heard.length !== due) throw new Error(`${heard.length} messages were heard, where ${due} were due`)
  const figures: readonly (readonly [string, boolean])[] = [
    ['event', false],
    ['alert', true],
  ]
  for (const [name, isAlert] of figures) {
    const latenciesMs = heard
      .filter((one) => one.isAlert === isAlert)
      .map(({ atMs, mark }) => atMs - (sent.get(mark) ?? Number.NaN))
    for (const quantile of [0.5, 0.99])
      yield figureOf(`live.${name}-p${100 * quantile}`, 'ms', [quantileOf(latenciesMs, quantile)])
  }
  yield figureOf('live.memory', 'MB', [server.peakMb()])
  yield* benchScreen()
}
