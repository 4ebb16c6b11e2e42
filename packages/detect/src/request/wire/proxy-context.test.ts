// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isSealwatchError } from '@sealwatch/base'
import fc from 'fast-check'
import { contextOfProxy } from './proxy-context.ts'

const raw = (headers: Readonly<Record<string, string>>) => Object.entries(headers).flat()
const contextOf = (headers: Readonly<Record<string, string>>) => contextOfProxy(raw(headers), '192.0.2.1', 'acme')
const nginx = { 'X-Original-URI': '/a%20b?q=1?2', 'X-Original-Method': 'POST', 'X-Original-Host': 'shop.example' }
const caddy = { 'X-Forwarded-Uri': '/a%20b?q=1?2', 'X-Forwarded-Method': 'POST', 'X-Forwarded-Host': 'shop.example' }

test('DET-4 a request is what the proxy says that it holds, and not what it asks us with', () => {
  const way = { Host: 'localhost:7480', Connection: 'close', 'Sealwatch-Token': 'swt_secret' }
  const ofClient = { 'User-Agent': 'curl', Cookie: 'a=b', Authorization: 'Basic eDp5', 'X-Forwarded-For': '192.0.2.1' }
  for (const told of [nginx, caddy]) {
    const { method, path, query, headers, address, tenant } = contextOf({ ...way, ...told, ...ofClient })
    assert.deepEqual([method, path, query, address, tenant], ['POST', '/a%20b', 'q=1?2', '192.0.2.1', 'acme'])
    assert.deepEqual(Object.fromEntries(headers), { Host: 'shop.example', ...ofClient })
  }
})

test('DET-4 a token in Authorization is no part of the request', () => {
  const { headers } = contextOf({ ...nginx, Authorization: 'Bearer swt_secret' })
  assert.deepEqual(headers, [['Host', 'shop.example']])
})

test('DET-4 each header counts as often as it came', () => {
  const twice = [...raw(nginx), 'User-Agent', 'good', 'user-agent', 'bad']
  assert.deepEqual(contextOfProxy(twice, '::1').headers.slice(1), [
    ['User-Agent', 'good'],
    ['user-agent', 'bad'],
  ])
})

test('DET-4 a client that names URI or method itself is not believed, and the request is refused', () => {
  const wrong: readonly (readonly string[])[] = [
    [],
    raw({ 'X-Original-URI': '/' }),
    raw({ 'X-Original-Method': 'GET' }),
    [...raw(nginx), 'X-Forwarded-Uri', '/harmless'],
    [...raw(nginx), 'x-original-uri', '/harmless'],
    [...raw(caddy), 'X-Original-URI', '/harmless'],
    [...raw(caddy), 'X-Original-Method', 'GET'],
    raw({ 'X-Original-URI': '/', 'X-Forwarded-Method': 'GET' }),
  ]
  for (const headers of wrong)
    assert.throws(() => contextOfProxy(headers, '192.0.2.1'), { code: 'CONTEXT_SHAPE' }, headers.join())
})

test('DET-4 nothing but a refusal of ours comes out, whatever the headers are', () => {
  const name = fc.oneof(
    fc.constantFrom(...Object.keys({ ...nginx, ...caddy })),
    fc.string({ unit: 'binary', maxLength: 40 }),
  )
  fc.assert(
    fc.property(fc.array(name, { maxLength: 12 }), (headers) => {
      try {
        contextOfProxy(headers, '192.0.2.1')
      } catch (error) {
        assert.ok(isSealwatchError(error), String(error))
      }
    }),
  )
})
