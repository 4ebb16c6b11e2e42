// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkRequestMatter, createRequestExceptionJudge, type RequestMatter, titleOf } from './exception.ts'

const matter: RequestMatter = { detector: 'rules', id: '942100', method: 'GET', route: '/search/*', where: 'ARGS_*:q' }
const of = (change: Partial<RequestMatter>) => createRequestExceptionJudge({ ...matter, ...change })
const asked = (path: string, route?: string) => ({ method: 'GET', path, ...(route !== undefined && { route }) })
const evidence = { detector: 'rules', id: '942100', where: 'ARGS_GET:q' } as const

test('DET-1 an exception is about a method and a route: the name that the service has for it, else the path', () => {
  const { isAbout } = of({})
  assert.ok(isAbout(asked('/search/books')))
  assert.ok(isAbout(asked('/any', '/search/:kind')))
  for (const other of ['/search', '/search/books/1', '/', '/Search/books']) assert.ok(!isAbout(asked(other)), other)
  assert.ok(!isAbout(asked('/search/books', '/books/:id')))
  assert.ok(!isAbout({ ...asked('/search/books'), method: 'POST' }))
  assert.ok(of({ method: null }).isAbout({ ...asked('/search/books'), method: 'POST' }))
  assert.ok(of({ route: '/**' }).isAbout(asked('/')))
})

test('DET-1 a path that two programs read as two is of no excepted route', () => {
  const { isAbout } = of({ route: '/public/**' })
  const plain = [
    '',
    'a%20b.html',
    'caf%C3%A9',
    'cafe%CC%81',
    '%E6%97%A5%E6%9C%AC',
    "O'Brien",
    'a:1,b=2@c',
    '...',
    'a/',
    '.well-known/x',
  ]
  for (const rest of plain) assert.ok(isAbout(asked(`/public/${rest}`)), rest)
  const odd = [
    '../admin',
    '%2e%2e/admin',
    '%2E./admin',
    '..%2fadmin',
    './a',
    '/a',
    'a;b',
    'a\\..\\b',
    'a%00b',
    'a%252e',
    '\xe4',
    'a%2fb',
    'a%2Fb',
    '..%c0%af../admin',
    '%c0%ae%c0%ae/admin',
    '%e0%80%af',
    '..%u002f..%u002fadmin',
    '%u2215',
    '..%ef%bc%8fadmin',
    '%ef%bc%8e%ef%bc%8e/admin',
    '..%e2%88%95admin',
    '%e2%81%84',
    '%ff',
    '%',
    '%2',
    '%zz',
    'a%3fb',
    'a%23b',
    'a#b',
    'a%7fb',
    'a%e2%80%8bb',
    'a%09b',
    'a"b',
    'a%3cb',
    'b/../../admin',
    'a%0d%0ab',
    'b/%2e',
    'b/..',
    'b//c',
  ]
  for (const rest of odd) assert.ok(!isAbout(asked(`/public/${rest}`)), rest)
  assert.ok(!isAbout(asked(`/public/${'a'.repeat(2_048)}`)))
})

test('DET-1 of the evidence it is about what is named, where it is named', () => {
  const { excepts } = of({})
  assert.ok(excepts(evidence))
  assert.ok(excepts({ ...evidence, where: 'ARGS_POST:q' }))
  assert.ok(!excepts({ ...evidence, where: 'ARGS_GET:p' }))
  assert.ok(!excepts({ ...evidence, where: undefined }))
  assert.ok(!excepts({ ...evidence, id: '942101' }))
  assert.ok(!excepts({ ...evidence, detector: 'signals' }))
  assert.ok(of({ id: null, where: null }).excepts({ detector: 'rules', id: '1', where: undefined }))
})

test('DET-1 a route that is none is told as such; its name in the ledger says nothing of the route', () => {
  for (const route of ['search', '/search/', '/a//b', '/a/../b', '/a**'])
    assert.throws(() => checkRequestMatter({ ...matter, route }, 'a test'), { code: 'EXCEPTION_INVALID' })
  checkRequestMatter(matter, 'a test')
  assert.deepEqual([titleOf(matter), titleOf({ ...matter, id: null })], ['rules:942100', 'rules'])
})

test('DET-1 no letter, digit or mark that a path may have stands for another thing where it is written in its plain form', () => {
  for (let code = 0x80; code <= 0x10ffff; code += 1) {
    const text = String.fromCodePoint(code)
    if (!/^[\p{L}\p{M}\p{Nd}]$/u.test(text)) continue
    assert.ok(!/[/\\.;%?#]/.test(text.normalize('NFKC')), code.toString(16))
  }
})
