// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { classOf, type FieldClass, fields, pointersOf } from './fields.ts'

const root = join(import.meta.dirname, '../../../..')
const vectors = join(root, 'vectors/events')
const golden = readdirSync(vectors).map((name) => ({
  name,
  event: JSON.parse(readFileSync(join(vectors, name), 'utf8')) as Record<string, unknown>,
}))

function leavesOf(value: unknown, path: readonly string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [[...path]]
  return Object.entries(value).flatMap(([name, inner]) => leavesOf(inner, [...path, name]))
}
const unclassed = (event: object) => leavesOf(event).filter((path) => classOf(path) === undefined)

test('LOG-5: every field of every event we emit has a class', () => {
  for (const { name, event } of golden)
    assert.deepEqual(unclassed(event), [], `${name}: give it a class in packages/contract/src/event/fields.ts`)
})

test('a field that nobody classed is found, wherever it stands', () => {
  assert.deepEqual(unclassed({ colour: 'red' }), [['colour']])
  const process = { parent_process: { file: { owner: { uid: '0', shell: '/bin/sh' } } } }
  assert.deepEqual(unclassed({ evidences: [{ process }] }), [
    ['evidences', '0', 'process', 'parent_process', 'file', 'owner', 'shell'],
  ])
})

test('values of a class are found as deep as they stand, and what is no object is passed over', () => {
  const process = { cmd_line: 'a', parent_process: { cmd_line: 'b', parent_process: { cmd_line: 'c', file: 'no' } } }
  assert.deepEqual(pointersOf('secret', { process, actor: null, evidences: ['x', { process: { cmd_line: 1 } }] }, ''), [
    '/process/cmd_line',
    '/process/parent_process/cmd_line',
    '/process/parent_process/parent_process/cmd_line',
  ])
})

test('docs/formats/event.md names every field that is not plain', () => {
  const text = readFileSync(join(root, 'docs/formats/event.md'), 'utf8')
  const described = [...text.matchAll(/^\| `(\w+)` \| (personal|secret) \| (.+?) \|/gm)].map(
    ([, object, kind, members]) => [
      object,
      kind,
      [...(members ?? '').matchAll(/`(\w+)`/g)].map(([, member]) => member),
    ],
  )
  const ofClass = (object: string, kind: FieldClass) =>
    Object.entries(fields[object as keyof typeof fields]).flatMap(([member, row]) => (row === kind ? [member] : []))
  const due = Object.keys(fields).flatMap((object) =>
    (['personal', 'secret'] as const).map((kind) => [object, kind, ofClass(object, kind)] as const),
  )
  assert.deepEqual(
    described,
    due.filter(([, , members]) => members.length > 0),
  )
})
