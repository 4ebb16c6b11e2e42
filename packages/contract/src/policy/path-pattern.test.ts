// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compilePattern, parsePattern } from '../wildcard.ts'
import { compilePaths, pathCovers, pathFault, wildcardCovers } from './path-pattern.ts'

const matches = (pattern: string, path: string) => compilePaths([pattern])(path) !== undefined

test('stars stay within a segment, double stars take whole ones', () => {
  const rows: [string, string, boolean][] = [
    ['/etc/shadow', '/etc/shadow', true],
    ['/etc/shadow', '/etc/shadow-', false],
    ['/etc/*', '/etc/shadow', true],
    ['/etc/*', '/etc/ssh/sshd_config', false],
    ['/etc/**', '/etc/ssh/sshd_config', true],
    ['/etc/**', '/etc', true],
    ['/etc/**', '/etcetera', false],
    ['/**', '/', true],
    ['/**/id_*', '/id_rsa', true],
    ['/**/id_*', '/home/ann/.ssh/id_rsa', true],
    ['/**/id_*', '/home/ann/id_rsa/x', false],
    ['/home/*/.ssh/**', '/home/ann/.ssh/id_rsa', true],
    ['/home/*/.ssh/**', '/home/ann/x/.ssh/id_rsa', false],
    ['/tmp/a\\*b', '/tmp/a*b', true],
    ['/tmp/a\\*b', '/tmp/axb', false],
    ['/tmp/??', '/tmp/ab', true],
    ['/tmp/??', '/tmp/a/', false],
  ]
  for (const [pattern, path, due] of rows) assert.equal(matches(pattern, path), due, `${pattern} ${path}`)
})

test('the first pattern that matches is told', () => {
  const first = compilePaths(['/a/*', '/a/b', '/**'])
  assert.equal(first('/a/b'), '/a/b', 'a plain path is looked up')
  assert.equal(first('/a/c'), '/a/*')
  assert.equal(first('/x'), '/**')
  assert.equal(compilePaths([])('/x'), undefined)
})

/** By the definition. */
function fits(pattern: readonly string[], path: readonly string[]): boolean {
  const [part, ...rest] = pattern
  if (part === undefined) return path.length === 0
  if (part === '**') return [...path, ''].some((_, at) => fits(rest, path.slice(at)))
  return path[0] !== undefined && compilePattern(parsePattern(part))(path[0]) && fits(rest, path.slice(1))
}

const segment = fc.constantFrom('a', 'b', 'ab', '*', 'a*', '*b', '?', '**')
const pattern = fc.array(segment, { minLength: 1, maxLength: 5 }).map((parts) => `/${parts.join('/')}`)
const path = fc
  .array(fc.constantFrom('a', 'b', 'ab', 'abb'), { minLength: 1, maxLength: 5 })
  .map((parts) => `/${parts.join('/')}`)

test('a compiled pattern matches what the definition says', () => {
  fc.assert(
    fc.property(pattern, path, (one, other) => {
      assert.equal(matches(one, other), fits(one.split('/'), other.split('/')), `${one} ${other}`)
    }),
    { seed: 1, numRuns: 5_000 },
  )
})

test('what is said to cover does cover', () => {
  fc.assert(
    fc.property(pattern, pattern, path, (outer, inner, other) => {
      if (pathCovers(outer, inner) && matches(inner, other))
        assert.ok(matches(outer, other), `${outer} ${inner} ${other}`)
    }),
    { seed: 1, numRuns: 20_000 },
  )
  const text = fc.string({ unit: fc.constantFrom(...'ab*?'), maxLength: 6 })
  const plain = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 6 })
  const isMatch = (one: string, other: string) => compilePattern(parsePattern(one))(other)
  fc.assert(
    fc.property(text, text, plain, (outer, inner, other) => {
      if (wildcardCovers(outer, inner) && isMatch(inner, other))
        assert.ok(isMatch(outer, other), `${outer} ${inner} ${other}`)
    }),
    { seed: 1, numRuns: 20_000 },
  )
  for (const [outer, inner] of [
    ['/etc/**', '/etc/*/x'],
    ['/**', '/a/**/b'],
    ['/a/*', '/a/b*'],
    ['/a/?*', '/a/b*c'],
  ] as const)
    assert.ok(pathCovers(outer, inner), `${outer} ${inner}`)
  assert.ok(!pathCovers('/etc/*', '/etc/**'))
})

test('what is no absolute path says how to write it', () => {
  const rows: [string, RegExp][] = [
    ['etc/shadow', /\/etc\/shadow/],
    ['~/x', /home/],
    ['/etc/', /\/etc\/\*\*/],
    ['/a//b', /\/a\/b/],
    ['/a/./b', /kernel/],
    ['/a/**b', /\*\*\/\*b/],
  ]
  for (const [text, advice] of rows) assert.match(pathFault(text)?.suggestion ?? '', advice, text)
  for (const text of ['/', '/a', '/a/**', '/**/b', '/a.b/...']) assert.equal(pathFault(text), undefined, text)
})

test('a pattern made to be slow is not', () => {
  assert.equal(matches(`/${'**/a/'.repeat(80)}b`, '/a'.repeat(1_000)), false)
  assert.equal(matches(`/${'a*'.repeat(200)}b`, `/${'a'.repeat(4_000)}`), false)
})
