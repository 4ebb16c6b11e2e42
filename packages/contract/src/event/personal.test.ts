// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { isPersonal, personalPointers, subjectOf } from './personal.ts'

test('a user’s name is personal, a program’s is not', () => {
  const event = {
    actor: { user: { uid: '0', name: 'root' }, process: { name: 'cat', user: { uid: '0', email_addr: 'r@x' } } },
    evidences: [{ file: { name: 'shadow', owner: { uid: '0', name: 'root' } } }],
  }
  assert.deepEqual(personalPointers(event), [
    '/event/actor/process/user/email_addr',
    '/event/actor/user/name',
    '/event/evidences/0/file/owner/name',
  ])
})

const vectors = join(import.meta.dirname, '../../../../vectors/events')

test('in no event that we emit is there a place for a person that is not known', () => {
  for (const name of readdirSync(vectors)) {
    const planted: string[] = []
    const event = plant(JSON.parse(readFileSync(join(vectors, name), 'utf8')), '/event', planted) as object
    assert.deepEqual([...personalPointers(event)].sort(), planted.sort(), name)
  }
})

/** Puts a name into every object that stands for a person. */
function plant(value: unknown, pointer: string, planted: string[]): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((inner, index) => plant(inner, `${pointer}/${index}`, planted))
  const members = Object.entries(value).map(([member, inner]) => [
    member,
    plant(inner, `${pointer}/${member}`, planted),
  ])
  if (!/\/(user|owner)$/.test(pointer)) return Object.fromEntries(members)
  planted.push(`${pointer}/name`)
  return Object.fromEntries([...members, ['name', 'planted']])
}

test('an attribute path tells its own class', () => {
  assert.equal(isPersonal(['actor', 'user', 'name']), true)
  assert.equal(isPersonal(['actor', 'process', 'name']), false)
  assert.equal(isPersonal(['name']), false)
})

test('a value belongs to the account that its line names, on every host; without a name to the user id on that host', () => {
  const line = { event: { device: { uid: 'h1' }, actor: { user: { uid: '1000' }, process: { user: {} } } } }
  const at = '/event/actor/user'
  const value = (text: string) => ({ salt: '', value: text })
  const side = { [`${at}/name`]: value('alice'), [`${at}/email_addr`]: value('a@example.org') }
  assert.equal(subjectOf(line, side, `${at}/name`), 'name:alice')
  assert.equal(subjectOf(line, side, `${at}/email_addr`), 'name:alice')
  assert.equal(subjectOf(line, { [`${at}/email_addr`]: value('a@example.org') }, `${at}/email_addr`), 'uid:h1/1000')
  assert.equal(subjectOf(line, {}, '/event/actor/process/user/email_addr'), 'line')
  assert.equal(subjectOf(line, {}, '/event/__proto__/toString'), 'line')
})
