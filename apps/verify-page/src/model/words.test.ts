// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { Json } from '@sealwatch/base/json'
import type { Line } from '@sealwatch/ledger/verify'
import { wordsOf } from './words.ts'

const folder = new URL('../../../../vectors/', import.meta.url)
const vector = (name: string) => JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as Json
const envelope = {
  chain: '01'.repeat(16),
  epoch: 0,
  prev: '0'.repeat(64),
  seq: 3,
  time: '2026-11-21T12:00:00.5Z',
  v: 1,
}
const lineOf = (body: object) => ({ ...body, ...envelope }) as unknown as Line
const none = new Map<string, string>()

test('every golden event says who did what', () => {
  for (const file of readdirSync(new URL('events/', folder))) {
    const event = vector(`events/${file}`) as { message: string }
    const { actor, action, kind } = wordsOf(lineOf({ event }), undefined, none)
    assert.equal(action, event.message)
    assert.notEqual(actor, 'unknown', file)
    assert.equal(kind, /^(finding|host-silent)/.test(file) ? 'alert' : 'event', file)
  }
})

test('a personal value stands where it is known, its commitment never', () => {
  const event = vector('events/file-read.json')
  const side = { '/event/actor/user/name': { salt: '00', value: 'alice' } }
  assert.equal(wordsOf(lineOf({ event }), side, none).actor, '/usr/bin/cat · alice')
  assert.equal(wordsOf(lineOf({ event }), undefined, none).actor, '/usr/bin/cat · uid 0')
})

test('an event of any form has words', () => {
  for (const event of [
    {},
    { actor: null },
    { actor: { process: [] }, message: 7 },
    { class_uid: 'x', severity_id: 99 },
  ]) {
    const { actor, action, severity } = wordsOf(lineOf({ event }), undefined, none)
    assert.ok(actor.length > 0 && action.length > 0 && severity === 0)
  }
})

test('every body of a line has words, with the host where it is known', () => {
  const rows = vector('ledger/lines.json') as { name: string; line: string; hash?: string }[]
  const hosts = new Map([['01'.repeat(16), 'web-1']])
  const said = rows
    .filter(({ hash }) => hash !== undefined)
    .map(({ line }) => wordsOf(JSON.parse(line) as Line, undefined, hosts))
    .map(({ actor, action }) => `${actor}: ${action}`)
  assert.ok(said.includes('Ledger: Opened the ledger of tenant default'), said.join('\n'))
  assert.ok(said.some((words) => /^Ledger: Registered the signing key of host-1, valid from 2026-11-21/.test(words)))
  assert.ok(said.some((words) => /^web-1: Began its chain for tenant default/.test(words)))
  assert.ok(said.some((words) => /^web-1: Signed its chain up to number \d+/.test(words)))
  assert.ok(said.some((words) => /^Ledger: Lines? \d+.* of web-1 not admitted: invalid signature/.test(words)))
})
