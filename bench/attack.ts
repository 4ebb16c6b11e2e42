// SPDX-License-Identifier: Apache-2.0

import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { systemClock } from '@sealwatch/base'
import { createLines, type Done, lineOf, readFromService } from '@sealwatch/protect/protocol'
import { joinHost, type TestHost } from '../test/api/host.ts'
import { rootAt } from '../test/api/server.ts'
import { startChild } from './child.ts'
import { type Figure, figureOf, quantileOf } from './figure.ts'
import { temporary } from './material.ts'
import { openReads } from './reads.ts'

const tenantsCount = 20
const eventsOfTenant = 20
const connections = 64
const pace = { perSecond: 40, seconds: 10 }
const attackAfterMs = 500
const patienceMs = 30_000

/**
 * Reads that open personal values of twenty tenants, at times that do not wait for the answers before; then the same while
 * a guard has the server wipe its keys, rotate the master key and wrap the keys of all tenants anew. One that is not answered
 * by what was asked for ends the benchmark.
 */
export async function* benchAttack(runs = 3): AsyncGenerator<Figure> {
  const found = await Array.fromAsync({ length: runs }, () => attacked())
  const each = (of: (one: Awaited<ReturnType<typeof attacked>>) => number) => found.map(of)
  const calm = figureOf(
    '',
    'ms',
    each(({ calmP99 }) => calmP99),
  )
  const p99 = figureOf(
    'attack.read-p99',
    'ms',
    each(({ p99: ms }) => ms),
  )
  const ratio = Number((p99.median / calm.median).toFixed(2))
  yield { ...p99, peer: 'the same reads before the attack', peer_median: calm.median, ratio }
  yield figureOf(
    'attack.answered',
    '%',
    each(({ answered }) => answered),
  )
  yield figureOf(
    'attack.evicted-after',
    'ms',
    each(({ evictedMs }) => evictedMs),
  )
  yield figureOf(
    'attack.rotated-after',
    'ms',
    each(({ rotatedMs }) => rotatedMs),
  )
}

async function attacked() {
  await using dir = await temporary()
  await using guard = await openGuard(join(dir.path, 'protect.sock'))
  const serverDir = join(dir.path, 'server')
  await using server = await startChild('ingest-server.ts', serverDir, {
    SEALWATCH_SERVER_API_PER_ADDRESS: '1000000',
    SEALWATCH_SERVER_API_PER_TENANT: '1000000',
    SEALWATCH_SERVER_GUARD_SOCKET: guard.path,
  })
  const root = rootAt(join(serverDir, 'api.sock'))
  await using ends = new AsyncDisposableStack()
  const tokens: string[] = []
  const hosts: TestHost[] = []
  for (let i = 0; i < tenantsCount; i += 1) {
    const name = `tenant-${i}`
    await root('cluster').call('createTenant', { body: { name } })
    const actions = ['event:list', 'event:reveal']
    const { token } = await root(name).call('createToken', { body: { name: 'bench', actions, ttl_seconds: 3600 } })
    tokens.push(token)
    hosts.push(ends.use(await joinHost({ root, agentPort: server.port }, name, `host-${i}`)))
  }
  const see = () => {
    for (const [i, host] of hosts.entries())
      host.see({ class_uid: 1007, activity_id: 1, severity_id: 1, actor: { user: { name: `user-${i}` } } })
  }
  for (let i = 0; i < eventsOfTenant; i += 1) see()
  for (let i = 0; i < tenantsCount; i += 1)
    while ((await root(`tenant-${i}`).call('listEvents', { query: { filter: 'class = process' } })).items.length === 0)
      await systemClock.sleep(20)

  using reads = await openReads(Number(new URL(server.api).port), connections)
  const path = `/api/v1/events?${new URLSearchParams({ filter: 'class = process', limit: '5', reveal: 'true' })}`
  const request = (i: number) => [path, tokens[i % tenantsCount] as string] as const
  // New events are sealed all the while: each tenant gets its new keys under load.
  const stop = new AbortController()
  const seeing = (async () => {
    for (; !stop.signal.aborted; await systemClock.sleep(200, stop.signal)) see()
  })()
  await reads.paced({ ...pace, seconds: 2 }, request)
  const calmMs = await reads.paced(pace, request)

  const reading = reads.paced(pace, request)
  await systemClock.sleep(attackAfterMs)
  const { evictedMs, rotatedMs } = await guard.attack()
  const latenciesMs = [...(await reading)]
  stop.abort()
  await seeing
  const keys = await root('cluster').call('getKeys')
  if (keys.epoch !== 2 || keys.to_rewrap !== 0) throw new Error(`epoch ${keys.epoch}, ${keys.to_rewrap} keys left`)
  return {
    calmP99: quantileOf([...calmMs], 0.99),
    p99: quantileOf(latenciesMs, 0.99),
    answered: (100 * latenciesMs.length) / (pace.perSecond * pace.seconds),
    evictedMs,
    rotatedMs,
  }
}

async function openGuard(path: string) {
  const answers: { readonly message: Done; readonly atMs: number }[] = []
  let service: Socket | undefined
  const listener = createServer((socket) => {
    service = socket
    const lines = createLines((line) => {
      const message = readFromService(line)
      if ('done' in message) answers.push({ message, atMs: performance.now() })
      else socket.write(lineOf({ ok: true, id: 'p-1', audit: [], mode: 'on' }))
    })
    socket.setEncoding('utf8').on('data', lines)
  }).listen(path)
  await once(listener, 'listening')
  const answerOf = async (step: Done['done']) => {
    for (let waitedMs = 0; waitedMs < patienceMs; waitedMs += 1) {
      const answer = answers.find(({ message }) => message.done === step)
      if (answer?.message.ok === true) return answer.atMs
      await systemClock.sleep(1)
    }
    throw new Error(`${step}: no answer of the server`)
  }
  return {
    path,
    /** Milliseconds until each step was answered. */
    attack: async () => {
      const threat = { incident: 'inc-1', severity: 'critical', way: 'proc_mem_read', technique: 'T1003.007' } as const
      const beginMs = performance.now()
      service?.write(lineOf({ threat, steps: ['evict', 'rotate'] }))
      const [evictedAt, rotatedAt] = await Promise.all([answerOf('evict'), answerOf('rotate')])
      return { evictedMs: evictedAt - beginMs, rotatedMs: rotatedAt - beginMs }
    },
    [Symbol.asyncDispose]: async () => {
      service?.destroy()
      listener.close()
    },
  }
}
