// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { systemClock as clock } from '@sealwatch/base'
import { openRulebook } from './rulebook.ts'
import { ruleText } from './test/rule-text.ts'

const own = [{ path: 'own.yml', text: ruleText('own') }]
const file = (name: string, text = ruleText(name)) => ({ path: `/rules/${name}.yml`, text })
const pathsOf = ({ ruleset }: { readonly ruleset: { readonly rules: readonly { readonly path: string }[] } }) =>
  ruleset.rules.map(({ path }) => path)

test('DET-2 rules of the operator come beside those of the program, and go with their files', async () => {
  const book = await openRulebook(own, clock)
  const { digest } = book.inForce
  await book.take([file('a'), file('b')])
  assert.deepEqual(pathsOf(book), ['own.yml', '/rules/a.yml', '/rules/b.yml'])
  assert.deepEqual(
    [...book.inForce.origins.values()].map(({ source }) => source),
    ['program', 'operator', 'operator'],
  )
  assert.notEqual(book.inForce.digest, digest)
  await book.take([])
  assert.deepEqual(pathsOf(book), ['own.yml'])
  assert.equal(book.inForce.digest, digest)
})

test('DET-2 the digest is that of a list of ids and files, whatever the files are called', async () => {
  const book = await openRulebook(own, clock)
  await book.take([file('a')])
  const lines = ['own', 'a'].map((name) => {
    const text = ruleText(name)
    return `${/^id: (.*)$/m.exec(text)?.[1]} ${hash('sha256', text, 'hex')}\n`
  })
  assert.equal(book.inForce.digest, hash('sha256', lines.toSorted().join(''), 'hex'))
  const { digest, since } = book.inForce
  await book.take([file('z', ruleText('a'))])
  assert.deepEqual([book.inForce.digest, book.inForce.since], [digest, since])
})

test('DET-2 a filter, and a correlation, are of what is in force: the digest tells of their change', async () => {
  const book = await openRulebook(own, clock)
  const filter = (user: string) =>
    `title: Not theirs\nlogsource:\n  category: process_creation\nfilter:\n  rules: any\n  s:\n    User: ${user}\n  condition: not s\n`
  const [id] = /(?<=^id: ).*$/m.exec(ruleText('own')) ?? []
  const correlation = (span: string) =>
    `title: Often\nname: often\ncorrelation:\n  type: event_count\n  rules: [${id}]\n  timespan: ${span}\n  condition: {gte: 3}\n`
  const digests = [book.inForce.digest]
  for (const text of [filter('a'), filter('b'), correlation('1m'), correlation('1h')]) {
    await book.take([file('f', text)])
    assert.deepEqual(book.inForce.leftOut, [])
    digests.push(book.inForce.digest)
  }
  assert.equal(new Set(digests).size, 5)
  await book.take([file('f', filter('a').replace('User', 'Usr'))])
  assert.equal(book.inForce.digest, digests.at(-1), 'what the file said before')
})

test('DET-2 a bad rule is named with its line and left out; the others are in force', async () => {
  const book = await openRulebook(own, clock)
  await book.take([file('a', `${ruleText('a')}wrong: [\n`), file('b')])
  assert.deepEqual(pathsOf(book), ['own.yml', '/rules/b.yml'])
  const [left] = book.inForce.leftOut
  assert.deepEqual([left?.path, left?.error.code, left?.isEarlierKept], ['/rules/a.yml', 'RULE_YAML', false])
})

test('DET-2 a file that breaks leaves what it said before, until it is mended or removed', async () => {
  const book = await openRulebook(own, clock)
  await book.take([file('a'), file('b')])
  const { digest } = book.inForce
  await book.take([file('a', ruleText('a').replace('Image|endswith', 'Imag|endswith')), file('b')])
  assert.equal(book.inForce.digest, digest)
  const [left] = book.inForce.leftOut
  assert.deepEqual([left?.error.code, left?.line, left?.isEarlierKept], ['RULE_FIELD', 7, true])
  const error = book.inForce.leftOut[0]?.error as NonNullable<typeof left>['error']
  await book.take([{ path: '/rules/a.yml', error }, file('b')])
  assert.equal(book.inForce.digest, digest, 'neither does one that cannot be read')
  await book.take([file('a', ruleText('a', 'other')), file('b')])
  assert.notEqual(book.inForce.digest, digest)
  assert.equal(book.inForce.leftOut.length, 0)
  await book.take([file('a', 'nonsense'), file('b')])
  await book.take([file('b')])
  assert.deepEqual(pathsOf(book), ['own.yml', '/rules/b.yml'])
  await book.take([file('a', 'nonsense'), file('b')])
  assert.equal(book.inForce.leftOut[0]?.isEarlierKept, false, 'what was removed is forgotten')
})

test('DET-2 no file takes the place of a rule of the program: who comes second with an id is left out, and named', async () => {
  const book = await openRulebook(own, clock)
  await book.take([file('mine', ruleText('own', 'weaker'))])
  assert.deepEqual(pathsOf(book), ['own.yml'])
  const [left] = book.inForce.leftOut
  assert.deepEqual([left?.path, left?.error.code], ['/rules/mine.yml', 'RULE_DUPLICATE'])
  assert.match(left?.error.received ?? '', /which own\.yml has/)
})

test('DET-2 of a file with several documents the right ones are in force, and a filter changes the digest', async () => {
  const book = await openRulebook(own, clock)
  const two = `${ruleText('a')}---\n${ruleText('b')}`
  await book.take([file('two', two.replace('/b', '[')), file('c')])
  assert.deepEqual(pathsOf(book), ['own.yml', '/rules/two.yml', '/rules/c.yml'])
  assert.deepEqual([book.inForce.leftOut.length, book.inForce.leftOut[0]?.isEarlierKept], [1, false])
  await book.take([file('two', two.replace('/b', '[')), file('c', 'nonsense')])
  assert.deepEqual(pathsOf(book), ['own.yml', '/rules/two.yml', '/rules/c.yml'])
  await book.take([file('two', two)])
  const { digest } = book.inForce
  await book.take([file('two', two), { path: '/rules/none.yml', text: 'title: x\nplaceholders:\n  x: [y]\n' }])
  assert.equal(book.inForce.leftOut.length, 0, String(book.inForce.leftOut[0]?.error))
  assert.notEqual(book.inForce.digest, digest)
})

test('DET-2 nobody holds a ruleset that is not in force any more', async () => {
  const book = await openRulebook(own, clock)
  await book.take([file('a')])
  const before = new WeakRef(book.ruleset)
  await book.take([file('b')])
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  // A WeakRef holds what it refers to until the end of the turn in which it was made.
  await clock.sleep(0)
  collect()
  assert.equal(before.deref(), undefined)
})
