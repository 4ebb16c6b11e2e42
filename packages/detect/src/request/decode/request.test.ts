// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readContext } from '../context.ts'
import { decodeRequest } from './request.ts'

const request = (given: object) =>
  readContext({ method: 'GET', path: '/', query: '', headers: [], address: '192.0.2.1', ...given })
const listed = (given: object) =>
  decodeRequest(request(given)).values.map(({ source, name, text }) => `${source}:${name}=${text}`)

test('DET-1 the values of a form, of cookies and of headers say where they stood', () => {
  const headers = [
    ['Cookie', 'sid=1; b=x=y'],
    ['Content-Type', 'application/x-www-form-urlencoded'],
  ]
  const body = Buffer.from('user=a%27b&flag')
  assert.deepEqual(listed({ path: '/a%20b', query: 'q=x+y&q=2', headers, body }), [
    'REQUEST_FILENAME:=/a b',
    'REQUEST_HEADERS:cookie=sid=1; b=x=y',
    'REQUEST_COOKIES_NAMES:sid=sid',
    'REQUEST_COOKIES:sid=1',
    'REQUEST_COOKIES_NAMES:b=b',
    'REQUEST_COOKIES:b=x=y',
    'REQUEST_HEADERS:content-type=application/x-www-form-urlencoded',
    'ARGS_GET_NAMES:q=q',
    'ARGS_GET:q=x y',
    'ARGS_GET_NAMES:q=q',
    'ARGS_GET:q=2',
    'ARGS_POST_NAMES:user=user',
    "ARGS_POST:user=a'b",
    'ARGS_POST_NAMES:flag=flag',
    'ARGS_POST:flag=',
  ])
})

test('DET-1 a request of another form than the agreed one is refused by name', () => {
  const rows: [object, string][] = [
    [{ headers: {} }, 'CONTEXT_SHAPE'],
    [{ headers: [['a']] }, 'CONTEXT_SHAPE'],
    [{ path: '/\u{1f600}' }, 'CONTEXT_SHAPE'],
    [{ body: 'text' }, 'CONTEXT_SHAPE'],
    [{ extra: 1 }, 'CONTEXT_SHAPE'],
    [{ method: 'x'.repeat(300) }, 'CONTEXT_TOO_LARGE'],
    [{ headers: Array(3_000).fill(['a', 'b']) }, 'CONTEXT_TOO_LARGE'],
  ]
  for (const [given, code] of rows) assert.throws(() => request(given), { code }, JSON.stringify(given).slice(0, 80))
})

test('DET-1 bytes that are no text are odd in a form, and not in a body that is none', () => {
  const body = Buffer.from('a=\0\xff', 'latin1')
  const kindsOf = (type: string) =>
    decodeRequest(
      request({ headers: [['Content-Type', type]], body: type === '' ? body.subarray(2) : body }),
    ).signals.map(({ kind }) => kind)
  assert.deepEqual(kindsOf('application/x-www-form-urlencoded'), ['null-byte', 'invalid-utf8'])
  assert.deepEqual(kindsOf(''), [])
})
