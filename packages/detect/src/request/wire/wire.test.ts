// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isSealwatchError } from '@sealwatch/base'
import fc from 'fast-check'
import { contextOfHttp } from './http-context.ts'
import { contextOfJson } from './json-context.ts'

const latin1 = (text: string) => Buffer.from(text, 'latin1')

test('DET-1 a request is the same as JSON and as HTTP', () => {
  const body = 'name=ünï'
  const http = contextOfHttp(
    Buffer.from(`POST /a%20b?q=1 HTTP/1.0\r\nHost: shop.example\r\nCookie: a=b\r\n\r\n${body}`),
    '192.0.2.1',
  )
  const headers = [
    ['Host', 'shop.example'],
    ['Cookie', 'a=b'],
  ]
  const given = { method: 'POST', url: '/a%20b?q=1', version: '1.0', headers, address: '192.0.2.1' }
  assert.deepEqual({ ...contextOfJson({ ...given, body }), body }, { ...http, body })
  assert.equal(Buffer.from(http.body).toString(), body)
  const base64 = contextOfJson({ ...given, body_base64: Buffer.from([0, 255]).toString('base64') })
  assert.deepEqual([[...base64.body], base64.isBodyCut], [[0, 255], undefined])
  assert.equal(contextOfJson({ ...given, body, body_is_cut: true }).isBodyCut, true)
})

test('DET-1 a header that goes on in the next line is kept as it was sent, and bare line feeds end lines', () => {
  const { headers } = contextOfHttp(latin1('GET / HTTP/1.1\nA: 1\n b\nC:2\n\n'), '::1')
  assert.deepEqual(headers, [
    ['A', '1\r\n b'],
    ['C', '2'],
  ])
})

test('DET-1 what is no request is refused, and nothing else ever comes out', () => {
  const wrong = [null, [], 'x', {}, { method: 'GET', url: 1 }, { method: 'GET', url: '/', address: 'x', more: 1 }]
  const bodies = [
    { body: 1 },
    { body: 'a', body_base64: 'YQ==' },
    { body_base64: '?' },
    { body_is_cut: 1 },
    { headers: {} },
    { headers: ['a'] },
  ]
  const good = { method: 'GET', url: '/', address: '192.0.2.1' }
  for (const given of [...wrong, ...bodies.map((more) => ({ ...good, ...more }))])
    assert.throws(() => contextOfJson(given), { code: 'CONTEXT_SHAPE' }, JSON.stringify(given))
  for (const text of ['', 'GET', 'GET /\r\nwrong\r\n\r\n', ' / HTTP/1.1'])
    assert.throws(() => contextOfHttp(latin1(text), '192.0.2.1'), { code: 'CONTEXT_SHAPE' }, text)
  const refuses = (read: () => unknown) => {
    try {
      read()
    } catch (error) {
      assert.ok(isSealwatchError(error), String(error))
    }
  }
  fc.assert(fc.property(fc.jsonValue(), (value) => refuses(() => contextOfJson(value))))
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => refuses(() => contextOfHttp(bytes, '::1'))))
})
