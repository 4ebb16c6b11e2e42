// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { testIo } from '../test/test-io.ts'
import { run } from './cli.ts'
import { allCommands } from './commands/table.ts'
import { parse } from './parse.ts'
import { fileOf, type Place, placeOf } from './place.ts'

type Asked = Pick<IncomingMessage, 'method' | 'url' | 'headers'> & { readonly body: string }

/** What answers in the place of the server, on its control socket and on a port. */
async function answering(t: TestContext, place: Place, status: number, body: unknown) {
  const asked: Asked[] = []
  const listen = async (at: string | number) => {
    const server = createServer(async (request, response) => {
      const pieces = await Array.fromAsync(request as AsyncIterable<Buffer>)
      asked.push({
        method: request.method,
        url: request.url,
        headers: request.headers,
        body: Buffer.concat(pieces).toString(),
      })
      response.writeHead(status, { 'content-type': status < 300 ? 'application/json' : 'application/problem+json' })
      response.end(JSON.stringify(body))
    })
    typeof at === 'string' ? server.listen(at) : server.listen(at, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => server.close())
    return server
  }
  mkdirSync(dirname(fileOf.apiSocket(place)), { recursive: true })
  await listen(fileOf.apiSocket(place))
  return { asked, port: ((await listen(0)).address() as AddressInfo).port }
}

function room(t: TestContext) {
  const dir = mkdtempSync(join(tmpdir(), 'sealwatch-cli-api-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const place = placeOf(dir)
  t.after(() => rmSync(place.run, { recursive: true, force: true }))
  return { data: dir, place }
}

const made = {
  token: 'swt_secret',
  info: { token_id: 'tok_1', expires_at: '2027' },
  ledger: { tenant: 'acme', leaf_index: 3 },
}

test('API-4: root asks by the control socket, in the tenant that is named', async (t) => {
  const { data, place } = room(t)
  const { asked } = await answering(t, place, 201, made)
  const io = testIo()
  const args = [
    'token',
    'create',
    'ci',
    '--may',
    'alert:list, event:list',
    '--tenant',
    'acme',
    '--days',
    '1',
    '--data',
    data,
  ]
  assert.equal(await run(args, io), 0, io.complained())
  assert.equal(io.said(), 'swt_secret\n')
  const [request] = asked
  assert.deepEqual(
    [request?.method, request?.url, request?.headers['sealwatch-tenant'], request?.headers.authorization],
    ['POST', '/api/v1/tokens', 'acme', undefined],
  )
  assert.deepEqual(JSON.parse(request?.body ?? ''), {
    name: 'ci',
    actions: ['alert:list', 'event:list'],
    ttl_seconds: 86_400,
  })
})

test('API-4: tenants are listed and acted on, and what their titles hide is named', async (t) => {
  const { data, place } = room(t)
  const acme = {
    name: 'acme',
    title: 'A \u202e',
    state: 'active',
    created_at: '2026-01-01T00:00:00Z',
    lines_per_second: null,
    has_admin: false,
  }
  const { asked } = await answering(t, place, 200, {
    items: [acme],
    next: null,
    tenant: acme,
    keys: 3,
    ledger: { tenant: 'cluster', leaf_index: null },
  })
  const said = async (...args: string[]) => {
    const io = testIo()
    assert.equal(await run([...args, '--data', data], io), 0, io.complained())
    return io.said()
  }
  assert.match(await said('tenant', 'list'), /^acme +active +none yet +- +2026-01-01 00:00:00 UTC +A \\u\{202e\}$/m)
  assert.equal(JSON.parse(await said('tenant', 'list', '--json', '--erased')).items[0].name, 'acme')
  const told = /^acme, "A \\u\{202e\}", is active; the line waits for the ledger\.$/m
  assert.match(await said('tenant', 'create', 'acme', '--title', 'A'), told)
  await said('tenant', 'rename', 'acme', 'B')
  await said('tenant', 'suspend', 'acme')
  await said('tenant', 'resume', 'acme')
  await said('tenant', 'limit', 'acme', '--lines', '500')
  await said('tenant', 'limit', 'acme')
  const gone = /^acme is erased: 3 keys destroyed, its data removed, as an earlier order says\.$/m
  assert.match(await said('erase', 'tenant', 'acme', '--yes'), gone)
  assert.deepEqual(
    asked.map(({ method, url, body }) => `${method} ${url} ${body}`.trim()),
    [
      'GET /api/v1/tenants?limit=500&erased=false',
      'GET /api/v1/tenants?limit=500&erased=true',
      'POST /api/v1/tenants {"name":"acme","title":"A"}',
      'PUT /api/v1/tenants/acme/title {"title":"B"}',
      'POST /api/v1/tenants/acme/suspend',
      'POST /api/v1/tenants/acme/resume',
      'PUT /api/v1/tenants/acme/limits {"lines_per_second":500}',
      'PUT /api/v1/tenants/acme/limits {"lines_per_second":null}',
      'DELETE /api/v1/tenants/acme',
    ],
  )
})

test('API-4: another server is asked with the token of the environment, and not without', async (t) => {
  const { data, place } = room(t)
  const { asked, port } = await answering(t, place, 200, { items: [] })
  const args = ['member', 'list', '--server', `http://127.0.0.1:${port}`, '--json', '--data', data]
  const io = testIo({ env: { SEALWATCH_TOKEN: 'swt_x' } })
  assert.equal(await run(args, io), 0, io.complained())
  assert.deepEqual(JSON.parse(io.said()), { items: [] })
  assert.equal(asked[0]?.headers.authorization, 'Bearer swt_x')
  const without = testIo()
  assert.equal(await run(args, without), 2)
  assert.match(without.said(), /SEALWATCH_TOKEN/)
  assert.equal(asked.length, 1)
  const plain = testIo({ env: { SEALWATCH_TOKEN: 'swt_x' } })
  assert.equal(
    await run(['member', 'list', '--server', 'http://example.com', '--data', data], plain),
    2,
    'a token is not sent in the open',
  )
})

test('what the API refuses is told with what to do', async (t) => {
  const { data, place } = room(t)
  const problem = {
    type: 'x',
    title: 'Invalid request',
    status: 400,
    code: 'ROLE_INVALID',
    detail: 'a role has actions that exist; received "the actions alert:lst"',
    rule: 'a role has actions that exist',
    received: '"the actions alert:lst"',
    advice: 'Look at the list',
    request_id: 'req_1',
  }
  await answering(t, place, 400, problem)
  const io = testIo()
  assert.equal(await run(['role', 'put', 'oncall', 'alert:lst', '--data', data], io), 2)
  assert.equal(
    io.complained(),
    'sealwatch: writing a role failed (ROLE_INVALID)\n  a role has actions that exist; found "the actions alert:lst"\n  Look at the list\n',
  )
  const asJson = testIo()
  assert.equal(await run(['role', 'put', 'oncall', 'alert:lst', '--json', '--data', data], asJson), 2)
  const { error } = JSON.parse(asJson.said())
  assert.deepEqual(error, {
    code: 'ROLE_INVALID',
    kind: 'invalid',
    attempted: 'writing a role',
    rule: 'a role has actions that exist',
    received: '"the actions alert:lst"',
    advice: 'Look at the list',
  })
})

test('the code of the server is the one that is shown, whatever it refuses, and says how the command ends', async (t) => {
  const refusals: [status: number, code: string, problem: object, exit: number, said: RegExp][] = [
    [
      409,
      'TENANT_EXISTS',
      { rule: 'a name is given once', received: '"acme"', advice: 'Choose' },
      3,
      /once; found "acme"/,
    ],
    [404, 'ROLE_UNKNOWN', { rule: 'the role is one', advice: 'List' }, 1, /\n {2}the role is one\n {2}List\n$/],
    [403, 'ACCESS_DENIED', {}, 3, /whoever asks is known(.|\n)*The request was req_1/],
    [429, 'RATE_EXCEEDED', { rule: 'so often', advice: 'Wait' }, 3, /so often/],
    [500, 'INTERNAL', {}, 3, /found Internal(.|\n)*req_1/],
    [
      400,
      'REQUEST_INVALID',
      { rule: 'a form', advice: 'x', problems: [{ at: 'body.name', rule: 'lower-case letters' }] },
      2,
      /\n {2}name: lower-case letters\n/,
    ],
  ]
  for (const [status, code, more, exitCode, said] of refusals) {
    const { data, place } = room(t)
    await answering(t, place, status, { type: 'x', title: 'Internal', status, code, request_id: 'req_1', ...more })
    const io = testIo()
    assert.equal(await run(['tenant', 'create', 'acme', '--data', data], io), exitCode, code)
    assert.ok(io.complained().startsWith(`sealwatch: creating the tenant acme failed (${code})\n`), io.complained())
    assert.match(io.complained(), said)
  }
})

test('a server that is starting is named so, with what to do', async (t) => {
  const { data, place } = room(t)
  await answering(t, place, 503, '')
  const io = testIo()
  assert.equal(await run(['login', '--data', data], io), 3)
  assert.match(
    io.complained(),
    /CLI_SERVER_FAILED.*\n.*found a server that is starting\n {2}Try again in a few seconds/,
  )
})

test('a list of nothing says so', async (t) => {
  const { data, place } = room(t)
  await answering(t, place, 200, { items: [], next: null })
  for (const [words, said] of [
    [['signoff', 'list'], /^Nothing was signed off\.\n$/],
    [['member', 'list'], /^Nobody has a role here\. .*sealwatch login\n$/],
  ] as const) {
    const io = testIo()
    assert.equal(await run([...words, '--data', data], io), 0, io.complained())
    assert.match(io.said(), said)
  }
})

test('where nothing runs, that is said', async (t) => {
  const { data } = room(t)
  const io = testIo()
  assert.equal(await run(['token', 'list', '--data', data], io), 3)
  assert.match(io.complained(), /CLI_NOT_RUNNING/)
})

test('POL-3: a role is granted to whom a name or an address means, if that is one person alone', async (t) => {
  const { data, place } = room(t)
  const person = (person_id: string, name: string, email: string) => ({ person_id, name, email })
  const items = [
    person('usr_1', 'Zoë', 'zoe@x.example'),
    person('usr_2', 'Bo', ''),
    person('usr_3', 'Bo', 'bo@x.example'),
  ]
  const { asked } = await answering(t, place, 200, { items, next: null, ledger: {} })
  const grant = async (...args: string[]) => {
    const io = testIo()
    const code = await run(['member', 'grant', ...args, 'viewer', '--data', data], io)
    return { code, said: io.said() + io.complained() }
  }
  assert.match((await grant('Zoe\u0308')).said, /\(usr_1\) holds viewer\.$/m)
  assert.match((await grant('BO@x.example')).said, /^BO@x\.example \(usr_3\) holds viewer\.$/m)
  assert.match((await grant('usr_9')).said, /^usr_9 holds viewer\.$/m)
  const granted = asked.flatMap(({ method, url = '' }) => (method === 'PUT' ? [url.split('/')[4]] : []))
  assert.deepEqual(granted, ['usr_1', 'usr_3', 'usr_9'])
  const twice = await grant('Bo')
  assert.deepEqual([twice.code, /usr_2, usr_3: give the id/.test(twice.said)], [2, true])
  const nobody = await grant('Zoé')
  assert.deepEqual([nobody.code, /Did you mean 'Zoë'\? See sealwatch person list/.test(nobody.said)], [1, true])
})

test('whoever made a tenant is told how to come into it', async (t) => {
  const { data, place } = room(t)
  const acme = { name: 'acme', title: 'A', state: 'active', created_at: '2026', lines_per_second: null }
  await answering(t, place, 201, { tenant: acme, ledger: { tenant: 'cluster', leaf_index: 2 } })
  const io = testIo()
  assert.equal(await run(['tenant', 'create', 'acme', '--data', data], io), 0)
  const next = [...io.complained().matchAll(/sudo \.\/sealwatch (.+? --data \S+)/g)].map(([, command = '']) => command)
  assert.deepEqual(
    next.map((command) => command.split(' ').slice(0, 2).join(' ')),
    ['member invite', 'member grant', 'host invite'],
  )
  const table = await allCommands()
  for (const command of next) assert.equal(parse(command.split(' '), table).options.tenant, 'acme')
})
