// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { mkdtempDisposableSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createLog, systemClock } from '@sealwatch/base'
import { dashboardRoutes, readDashboard } from './dashboard.ts'
import { openApiOf } from './openapi.ts'
import { serveRoutes } from './serve-routes.ts'

const row = {
  file: 'index.html',
  paths: ['/', '/hosts'],
  type: 'text/html; charset=utf-8',
  immutable: false,
  encodings: { br: 'index.html.br', gzip: 'index.html.gz' },
}
const hashed = { file: 'a-1.js', paths: ['/assets/a-1.js'], type: 'text/javascript', immutable: true, encodings: {} }

function room(manifest: unknown) {
  const dir = mkdtempDisposableSync(join(tmpdir(), 'sealwatch-dashboard-'))
  const write = (name: string, text: string) => writeFileSync(join(dir.path, name), text)
  for (const name of ['index.html', 'index.html.br', 'index.html.gz', 'a-1.js']) write(name, `this is ${name}`)
  write('served.json', JSON.stringify(manifest))
  return dir
}

function appOf(dir: string) {
  const log = createLog(
    'test',
    () => undefined,
    () => 0,
  )
  const idempotency = { once: async () => assert.fail('nothing is written here') }
  const gate = { authorise: () => assert.fail('nobody is asked for here') }
  const routes = dashboardRoutes(readDashboard(dir) ?? [])
  const limits = { perAddress: 1e6, perTenant: 1e6 }
  const authenticate = async () => undefined
  return serveRoutes({ routes, gate, authenticate, idempotency, limits, clock: systemClock, log } as never)
}

test('API-3: a file is found at its paths, in the form the browser takes, and is asked for again only if it changed', async () => {
  using dir = room([row, hashed])
  const app = appOf(dir.path)
  const ask = (url: string, headers = {}) => app.inject({ url, headers })
  for (const [accepted, body, encoding] of [
    ['gzip, deflate, br, zstd', 'this is index.html.br', 'br'],
    ['gzip', 'this is index.html.gz', 'gzip'],
    ['br;q=0, identity', 'this is index.html', undefined],
    ['', 'this is index.html', undefined],
  ] as const) {
    const answer = await ask('/hosts?host=web-1&host=web-2', { 'accept-encoding': accepted })
    assert.deepEqual([answer.statusCode, answer.body], [200, body], accepted)
    assert.equal(answer.headers['content-encoding'], encoding)
    assert.equal(answer.headers['content-type'], 'text/html; charset=utf-8')
    assert.deepEqual([answer.headers['cache-control'], answer.headers.vary], ['no-cache', 'accept-encoding'])
    assert.match(
      String(answer.headers['content-security-policy']),
      /script-src 'self';.*require-trusted-types-for 'script'/,
    )
    const again = await ask('/', { 'if-none-match': answer.headers.etag, 'accept-encoding': accepted })
    assert.deepEqual([again.statusCode, again.body, again.headers.etag], [304, '', answer.headers.etag])
  }
  const asset = await ask('/assets/a-1.js')
  assert.equal(asset.headers['cache-control'], 'public, max-age=31536000, immutable')
  for (const url of ['/served.json', '/index.html', '/assets/', '/nothing', '/assets/..%2fserved.json'])
    assert.equal((await ask(url)).statusCode, 404, url)
})

test('what is served is what the build named: no other form of its list, and no name that leads elsewhere, is taken', () => {
  for (const manifest of [
    {},
    [{ ...row, more: 1 }],
    [{ ...row, paths: [] }],
    ...['../index.html', '/etc/passwd', 'a//b', ''].flatMap((name) => [
      [{ ...row, file: name }],
      [{ ...row, encodings: { br: name } }],
    ]),
    ...['hosts', '/a?b', '/:id', '/*'].map((path) => [{ ...row, paths: [path] }]),
  ]) {
    using dir = room(manifest)
    assert.throws(() => readDashboard(dir.path), { name: 'ZodError' }, JSON.stringify(manifest))
  }
})

test('where nothing was built there is nothing; the document about the API names no page', () => {
  assert.equal(readDashboard(join(tmpdir(), 'sealwatch-is-not-here')), undefined)
  assert.deepEqual(openApiOf([], '0').paths, {})
})
