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
  assert.ok(isAbout(asked('/public/a%20b.html')))
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
