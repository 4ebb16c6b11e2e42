// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { canonicalize, isSealwatchError, type JsonObject } from '@sealwatch/base'
import fc from 'fast-check'
import { sealEvent } from '../../test/sample.ts'
import { sha256 } from '../sha256.ts'
import { chainStart } from './chain.ts'
import { type Line, parseLine } from './line.ts'
import { commitmentTo, openSide, valueAt } from './personal.ts'

const chain = '0f'.repeat(16)

function sealed(event: JsonObject, personalPointers: string[]): { line: Line; side: string | undefined } {
  const { text, side } = sealEvent(chain, chainStart, { event, personalPointers, timeNs: 0n })
  return { line: parseLine(sha256, Buffer.from(text), 'testing').line, side }
}

const open = (line: Line, text: string) => openSide(sha256, line, text, 'testing')

test('a commitment is the hash of salt and value, as anybody can compute it', () => {
  const salt = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex')
  const due = createHash('sha256').update(salt).update('José').digest('hex')
  assert.equal(commitmentTo(sha256, salt, 'José'), `commit:${due}`)
})

test('personal values leave the line, and open beside it', () => {
  const event = {
    actor: { user: { name: 'alice', uid: '0' } },
    list: [{ user: { name: 'bob' } }],
    'a/b': { '~': 'carol' },
  }
  const pointers = ['/event/actor/user/name', '/event/list/0/user/name', '/event/a~1b/~0']
  const { line, side } = sealed(event, pointers)
  const text = canonicalize(line)
  for (const name of ['alice', 'bob', 'carol']) assert.ok(!text.includes(name), name)
  assert.ok(Array.isArray((line as unknown as { event: { list: unknown } }).event.list), 'a list stays a list')
  const opened = open(line, side as string)
  assert.deepEqual(
    pointers.map((pointer) => opened[pointer]?.value),
    ['alice', 'bob', 'carol'],
  )
})

test('two commitments to one value are not alike', () => {
  const { line } = sealed({ a: 'alice', b: 'alice' }, ['/event/a', '/event/b'])
  const { a, b } = (line as unknown as { event: { a: string; b: string } }).event
  assert.match(a, /^commit:[0-9a-f]{64}$/)
  assert.notEqual(a, b)
})

test('pointers that lead to no text are passed over', () => {
  const { line, side } = sealed({ a: 1, b: { c: 'x' }, d: [] }, [
    '/event/a',
    '/event/b',
    '/event/none/c',
    '/event/d/0',
    '',
  ])
  assert.equal(side, undefined)
  assert.deepEqual((line as unknown as { event: object }).event, { a: 1, b: { c: 'x' }, d: [] })
})

test('a value, a salt or a pointer that is not the one committed to is refused', () => {
  const { line, side } = sealed({ a: 'alice', b: 'bob' }, ['/event/a', '/event/b'])
  const values = JSON.parse(side as string) as Record<string, { salt: string; value: string }>
  const a = values['/event/a'] as { salt: string; value: string }
  const unmatched: unknown[] = [
    { '/event/a': { ...a, value: 'alicf' } },
    { '/event/a': { ...a, salt: a.salt.replace(/.$/, (last) => (last === '0' ? '1' : '0')) } },
    { '/event/a': { ...a, salt: `A${a.salt.slice(1)}` } },
    { '/event/a': { ...a, salt: a.salt.slice(2) } },
    { '/event/a': { ...a, more: 1 } },
    { '/event/a': { value: a.value } },
    { '/event/a': { ...a, value: 5 } },
    { '/event/a': null },
    { '/event/a': 'alice' },
    { '/event/a': [] },
    { '/event/b': a },
    { '/event': a },
    { '/event/c': a },
    { '/time': a },
    { '': a },
    { 'event/a': a },
    { '/event/__proto__': a },
    {},
    [],
    [a],
    Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`/event/${i}`, a])),
  ]
  for (const other of unmatched)
    assert.throws(() => open(line, canonicalize(other as object)), { code: 'SIDE_UNMATCHED' }, JSON.stringify(other))
  for (const text of ['null', '1', '"x"', 'true'])
    assert.throws(() => open(line, text), { code: 'SIDE_UNMATCHED' }, text)
  assert.throws(() => open(line, ` ${side}`), { code: 'JSON_NOT_CANONICAL' })
  assert.throws(() => open(line, '{'), { code: 'JSON_MALFORMED' })
})

test('hostile values never make it throw anything of its own', () => {
  const { line } = sealed({ a: 'alice' }, ['/event/a'])
  const values = fc.dictionary(fc.constantFrom('/event/a', '/event', '/', '', '/event/a/0'), fc.jsonValue())
  fc.assert(
    fc.property(values, (value) => {
      try {
        open(line, JSON.stringify(value))
      } catch (error) {
        if (!isSealwatchError(error)) throw error
      }
    }),
  )
})

test('a pointer finds what RFC 6901 says', () => {
  const value = { foo: ['bar', 'baz'], '': 0, 'a/b': 1, 'm~n': 8, ' ': 7 }
  const due: [string, unknown][] = [
    ['', value],
    ['/foo', ['bar', 'baz']],
    ['/foo/0', 'bar'],
    ['/', 0],
    ['/a~1b', 1],
    ['/m~0n', 8],
    ['/ ', 7],
    ['/foo/2', undefined],
    ['/toString', undefined],
    ['/foo/0/length', undefined],
    ['x/foo', undefined],
    ['foo', undefined],
    ['/m~n', undefined],
    ['/foo\n', undefined],
  ]
  for (const [pointer, found] of due) assert.deepEqual(valueAt(value, pointer), found, pointer)
})
