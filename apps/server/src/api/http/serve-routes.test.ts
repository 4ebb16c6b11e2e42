// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { type AddressInfo, connect } from 'node:net'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { createLog, systemClock } from '@sealwatch/base'
import { z } from 'zod'
import type { Access } from '../../access/index.ts'
import type { Problem } from './problems.ts'
import { type Caller, route, selfRoute } from './route.ts'
import { serveRoutes } from './serve-routes.ts'

const log = createLog(
  'test',
  () => undefined,
  () => 0,
)

/** Routes for whoever names a tenant in `x-tenant`. */
const served = (routes: Parameters<typeof serveRoutes>[0]['routes'], atOncePerTenant: number, clock = systemClock) =>
  serveRoutes({
    routes,
    gate: {
      authorise: (principal: unknown, action: unknown, at: object) => ({ principal, action, ...at }),
    } as unknown as Access['gate'],
    authenticate: async ({ headers }) => {
      const tenant = String(headers['x-tenant'])
      return { principal: { kind: 'machine', id: 'tok', tenant, actions: [] }, tenant } satisfies Caller
    },
    onDenied: () => assert.fail('nobody is denied here'),
    idempotency: { once: () => assert.fail('nothing is kept here') },
    limits: { perAddress: 1e6, perTenant: 1e6, atOncePerTenant },
    clock,
    log,
  })

test('so many of one tenant are under way at once, and fewer of what is heavy; others are not concerned', async () => {
  let waiting: (() => void)[] = []
  const waits = () => new Promise<undefined>((done) => waiting.push(() => done(undefined)))
  const shape = { method: 'GET', summary: '', tag: '', action: 'event:list' } as const
  const app = served(
    [
      route({ ...shape, path: '/light', id: 'light', handle: waits }),
      route({ ...shape, path: '/heavy', id: 'heavy', atOnceMax: 1, handle: waits }),
    ],
    3,
  )
  const ask = async (tenant: string, url: string) =>
    (await app.inject({ url, headers: { 'x-tenant': tenant } })).statusCode
  const begun = [ask('a', '/heavy'), ask('a', '/light')]
  while (waiting.length < 2) await new Promise(setImmediate)
  assert.equal(await ask('a', '/heavy'), 429, 'a second heavy one')
  begun.push(ask('a', '/light'))
  while (waiting.length < 3) await new Promise(setImmediate)
  assert.equal(await ask('a', '/light'), 429, 'a fourth')
  begun.push(...['/heavy', '/light', '/light'].map((url) => ask('b', url)))
  while (waiting.length < 6) await new Promise(setImmediate)
  for (const done of waiting) done()
  assert.deepEqual(await Promise.all(begun), Array(6).fill(204))
  waiting = []
  const again = ask('a', '/heavy')
  while (waiting.length < 1) await new Promise(setImmediate)
  waiting[0]?.()
  assert.equal(await again, 204, 'what is over is over')
})

test('ING a room that keeps a request waiting hears that its client is gone', async () => {
  const begun = Promise.withResolvers<void>()
  const gone = Promise.withResolvers<void>()
  const shape = { method: 'POST', path: '/x', id: 'x', summary: '', tag: '', action: 'event:export' } as const
  const begin = async (_: unknown, { onGone }: { onGone(listener: () => void): void }) => {
    onGone(gone.resolve)
    begun.resolve()
    await gone.promise
    return () => undefined
  }
  const app = served([route({ ...shape, begin, handle: async () => undefined })], 1)
  await app.listen({ host: '127.0.0.1', port: 0 })
  const client = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
  client.write('POST /x HTTP/1.1\r\nHost: localhost\r\nX-Tenant: a\r\nContent-Length: 9\r\n\r\n')
  await begun.promise
  client.destroy()
  await gone.promise
  await app.close()
})

test('a stream that is asked for with an Idempotency-Key comes as it is', async () => {
  const handle = async () => Readable.from(['a', 'b']) as unknown as undefined
  const shape = { method: 'POST', summary: '', tag: '', action: 'event:export' } as const
  const app = served([route({ ...shape, path: '/x', id: 'x', media: 'text/plain', handle })], 1)
  for (let i = 0; i < 2; i += 1) {
    const headers = { 'x-tenant': 'a', 'idempotency-key': 'key-12345678' }
    const { statusCode, body } = await app.inject({ method: 'POST', url: '/x', headers })
    assert.deepEqual([statusCode, body], [200, 'ab'])
  }
})

test('ING a room has bounds of its own: what it lets in takes none of the keys that its tenant may keep answers under', async () => {
  const shape = { method: 'POST', path: '/x', id: 'x', summary: '', tag: '', action: 'event:export' } as const
  const app = served([route({ ...shape, begin: async () => () => undefined, handle: async () => undefined })], 1)
  const headers = { 'x-tenant': 'a', 'idempotency-key': 'key-12345678' }
  assert.equal((await app.inject({ method: 'POST', url: '/x', headers })).statusCode, 204)
})

test('API-1 what is too large hears of the limits of its route', async () => {
  const shape = { method: 'POST', summary: '', tag: '', action: 'event:export', body: z.unknown() } as const
  const handle = async () => undefined
  const app = served(
    [
      route({ ...shape, path: '/usual', id: 'usual', handle }),
      route({ ...shape, path: '/large', id: 'large', bodyMax: { bytes: 32 * 1024, values: 1_000 }, handle }),
    ],
    8,
  )
  const refused = async (url: string, value: unknown) => {
    const headers = { 'x-tenant': 'a', 'content-type': 'application/json' }
    const { code, received, advice } = (
      await app.inject({ method: 'POST', url, headers, payload: JSON.stringify(value) })
    ).json<Problem>()
    assert.equal(code, 'REQUEST_TOO_LARGE')
    return [received, advice]
  }
  const usual = 'Send at most 16,384 bytes and 256 values here'
  assert.deepEqual(await refused('/usual', 'x'.repeat(20_000)), ['20002 bytes', usual])
  assert.deepEqual(await refused('/usual', Array(300).fill(1)), ['"more than 256 values"', usual])
  const large = 'Send at most 32,768 bytes and 1,000 values here'
  assert.deepEqual(await refused('/large', 'x'.repeat(40_000)), ['40002 bytes', large])
  assert.deepEqual(await refused('/large', Array(1_100).fill(1)), ['"more than 1000 values"', large])
})

test('POL-1 a body is refused by its size, its values and its share before it is parsed, and unread where nobody may act', async () => {
  let parsed = 0
  const body = z.preprocess((value) => {
    parsed += 1
    return value
  }, z.unknown())
  const handle = async () => undefined
  const shape = { method: 'POST', summary: '', tag: '', action: 'event:export', body, handle } as const
  const app = served(
    [
      route({ ...shape, path: '/usual', id: 'usual' }),
      route({ ...shape, path: '/large', id: 'large', bodyMax: { bytes: 512 * 1024, values: 1_000 } }),
      selfRoute({ ...shape, path: '/self', id: 'self', self: 'its own' }),
    ],
    8,
    { ...systemClock, monotonicNs: () => 1n },
  )
  const send = async (tenant: string, url: string, value: unknown) => {
    const headers = { 'x-tenant': tenant, 'content-type': 'application/json' }
    return (await app.inject({ method: 'POST', url, headers, payload: JSON.stringify(value) })).statusCode
  }
  const values = (count: number) => Array<number>(count - 1).fill(1)
  assert.deepEqual(
    [await send('a', '/usual', values(257)), await send('a', '/usual', 'x'.repeat(16 * 1024))],
    [413, 413],
  )
  assert.deepEqual([await send('a', '/large', values(1_002)), await send('a', '/self', {})], [413, 401])
  assert.equal(parsed, 0)
  assert.deepEqual([await send('a', '/usual', values(256)), await send('a', '/large', values(1_000))], [204, 204])
  const large = 'x'.repeat(500 * 1024)
  const answers = []
  for (let sent = 0; sent < 5; sent += 1) answers.push(await send('a', '/large', large))
  assert.deepEqual(answers, [204, 204, 204, 204, 429])
  assert.equal(await send('b', '/large', large), 204, 'others have their own share')
})
