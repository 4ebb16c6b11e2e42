// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { get } from 'node:http'
import { connect } from 'node:net'
import { test } from 'node:test'
import { systemClock } from '../clock.ts'
import { createLog } from '../log.ts'
import { createHealth, type Health } from './health.ts'
import { healthHosts } from './hosts.ts'
import { type HealthListener, listenForHealth } from './listener.ts'

const secondMs = 1_000

function sample() {
  let nowMs = 1_795_262_400_000
  const logged: string[] = []
  const log = createLog(
    'test',
    (line) => logged.push(JSON.parse(line).msg),
    () => nowMs,
  )
  const clock = { ...systemClock, nowMs: () => nowMs }
  const health = createHealth({ component: 'test', version: '1', clock, log })
  const pass = (ms: number) => {
    nowMs += ms
  }
  return { health, logged, pass }
}

async function listening(health: Health): Promise<HealthListener & AsyncDisposable> {
  const listener = await listenForHealth(health, { address: '127.0.0.1', port: 0 })
  return { ...listener, [Symbol.asyncDispose]: () => listener.close() }
}

test('SIG-4 /readyz names the part that fails, and answers 503 only where it is required', async () => {
  const { health, logged, pass } = sample()
  await using listener = await listening(health)
  const failing = new Set<string>()
  for (const [name, required] of [
    ['signer', true],
    ['witness', false],
  ] as const)
    health.probe({
      name,
      required,
      check: async () => {
        if (failing.has(name)) throw new Error(`${name} is away`)
        return { key: 'k' }
      },
    })
  const ask = async (path = '/readyz') => {
    pass(10 * secondMs)
    const response = await fetch(listener.url + path)
    const { status, parts } = (await response.json()) as { status: string; parts: Record<string, { status: string }> }
    return [response.status, status, parts.signer?.status, parts.witness?.status]
  }
  assert.deepEqual(await ask(), [200, 'ready', 'ready', 'ready'])
  failing.add('witness')
  assert.deepEqual(await ask('/ready'), [200, 'degraded', 'ready', 'degraded'])
  failing.add('signer')
  assert.deepEqual(await ask(), [503, 'degraded', 'degraded', 'degraded'])
  await ask()
  failing.clear()
  assert.deepEqual(await ask(), [200, 'ready', 'ready', 'ready'])
  const away = 'a part does not work'
  const back = 'a part works again'
  assert.deepEqual(logged, [away, away, back, back], 'told at its edges')
})

test('an answer is kept for its time, and everybody shares the question that is asked', async () => {
  const { health, pass } = sample()
  let asked = 0
  health.probe({
    name: 'part',
    check: async () => {
      asked += 1
      return undefined
    },
  })
  await Promise.all([health.readiness(), health.readiness()])
  pass(9 * secondMs)
  await health.readiness()
  assert.equal(asked, 1)
  pass(1 * secondMs)
  await health.readiness()
  assert.equal(asked, 2)
})

test('a part that hangs is degraded after its deadline, and is not asked again meanwhile', async () => {
  const { health, pass } = sample()
  let asked = 0
  const hanging = Promise.withResolvers<undefined>()
  health.probe({
    name: 'part',
    deadlineMs: 5,
    check: (signal) => {
      asked += 1
      signal.addEventListener('abort', () => undefined)
      return hanging.promise
    },
  })
  const { status, parts } = await health.readiness()
  assert.deepEqual([status, parts.part?.reason], ['degraded', 'no answer within 5 ms'])
  pass(60 * secondMs)
  await health.readiness()
  assert.equal(asked, 1)
  hanging.resolve(undefined)
  await hanging.promise
  pass(60 * secondMs)
  assert.equal((await health.readiness()).status, 'ready')
  assert.equal(asked, 2)
})

test('a check that throws at once is asked again in its time', async () => {
  const { health, pass } = sample()
  let asked = 0
  health.probe({
    name: 'part',
    check: () => {
      asked += 1
      throw new Error('at once')
    },
  })
  for (let i = 1; i <= 2; i += 1) {
    assert.equal((await health.readiness()).parts.part?.reason, 'at once')
    assert.equal(asked, i)
    pass(10 * secondMs)
  }
})

test('/healthz answers 200 whatever its level, which is the worst of its members', async () => {
  const { health } = sample()
  await using listener = await listening(health)
  let level: 'ok' | 'critical' = 'ok'
  health.show('disk', () => ({ level, path: '/x' }))
  health.show('other', () => ({ level: 'ok' }))
  for (level of ['ok', 'critical'] as const)
    for (const path of ['/healthz', '/health']) {
      const response = await fetch(listener.url + path)
      const body = (await response.json()) as { status: string; disk: unknown }
      assert.deepEqual([response.status, body.status, body.disk], [200, level, { level, path: '/x' }])
    }
})

test('nothing but GET and HEAD, no body, no other path, no long headers', async () => {
  const { health } = sample()
  await using listener = await listening(health)
  const ask = async (path: string, init?: RequestInit) => (await fetch(listener.url + path, init)).status
  assert.equal(await ask('/healthz', { method: 'HEAD' }), 200)
  assert.equal(await ask('/healthz?x=1'), 200)
  assert.equal(await ask('/healthz', { method: 'DELETE' }), 405)
  assert.equal(await ask('/healthz', { method: 'POST', body: 'x' }), 400)
  assert.equal(await ask('/'), 404)
  assert.equal(await ask('/constructor'), 404)
  const refused = await fetch(`${listener.url}/healthz`, { headers: { x: 'x'.repeat(9_000) } }).catch(() => undefined)
  assert.notEqual(refused?.status, 200)
  const { port } = new URL(listener.url)
  const socket = connect(Number(port), '127.0.0.1')
  socket.end('GET nonsense\r\n\r\n')
  socket.resume()
  await once(socket, 'close')
  assert.equal(await ask('/healthz'), 200, 'and it goes on answering')
})

test('a page of elsewhere whose name leads to us is not answered; who scrapes by a name says which', async () => {
  const { health } = sample()
  const ask = (listener: HealthListener, path: string, host: string) =>
    new Promise<number | undefined>((resolve, reject) => {
      const { port } = new URL(listener.url)
      get({ host: '127.0.0.1', port, path, headers: { host } }, (response) => {
        response.resume()
        resolve(response.statusCode)
      }).on('error', reject)
    })
  await using plain = await listening(health)
  const ours = ['localhost', 'LOCALHOST:9', '127.0.0.1:1', '[::1]:1', '10.1.2.3']
  const foreign = [
    'rebound.evil.example:80',
    'localhost.evil.example',
    'build-7',
    '127.0.0.1.evil.example',
    '1.2.3',
    ' ',
    '[x]',
  ]
  for (const path of ['/healthz', '/readyz', '/metrics', '/health']) {
    for (const host of ours) assert.equal(await ask(plain, path, host), 200, host)
    for (const host of foreign) assert.equal(await ask(plain, path, host), 421, host)
  }
  const hosts = 'build-7, Metrics.internal'
  const named = await listenForHealth(health, { address: '127.0.0.1', port: 0, hosts })
  for (const host of ['build-7:9464', 'metrics.internal']) assert.equal(await ask(named, '/metrics', host), 200)
  assert.equal(await ask(named, '/metrics', 'internal'), 421)
  await named.close()
  const { parse } = healthHosts('X')
  assert.deepEqual(parse(hosts), { value: hosts })
  for (const wrong of ['a:80', 'http://a', '*', 'a,,b', '-']) assert.ok('mustBe' in parse(wrong), wrong)
})

test('a port that is taken is an error that says what to set', async () => {
  const { health } = sample()
  await using listener = await listening(health)
  const port = Number(new URL(listener.url).port)
  await assert.rejects(listenForHealth(health, { address: '127.0.0.1', port }), { code: 'HEALTH_LISTEN' })
})
