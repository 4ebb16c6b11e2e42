// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { canonicalize, isSealwatchError, type Json, type JsonObject } from '@sealwatch/base'
import fc from 'fast-check'
import { sha256 } from '../sha256.ts'
import { lineBytesMax, noHash, parseLine } from './line.ts'
import { leafHash } from './merkle.ts'

const envelope = {
  chain: '0f'.repeat(16),
  epoch: 0,
  prev: noHash,
  seq: 0,
  time: '2026-11-21T12:00:00.000000001Z',
  v: 1,
}
const anchor = {
  key_id: null,
  origin: null,
  prev_file: null,
  prev_last_hash: null,
  prev_sequence_num: null,
  tenant: 'default',
}
const key = {
  algorithm: 'ed25519',
  host_id: 'h',
  key_id: noHash,
  public_key: noHash,
  valid_from: envelope.time,
  valid_until: null,
}
const bodies: Record<string, JsonObject> = {
  anchor,
  event: {},
  head: { note: 'n', sensor: {} },
  key,
  stub: { chain: envelope.chain, first_seq: 0, item: noHash, next_seq: 1, reason: 'unknown_key' },
  tenant_head: { label: envelope.chain, origin: 'o', root: noHash, size: 0 },
}

const parse = (bytes: Uint8Array) => parseLine(sha256, bytes, 'testing')
function codeOf(line: Uint8Array | string | object): string {
  const text = line instanceof Uint8Array || typeof line === 'string' ? line : canonicalize(line)
  try {
    parse(Buffer.from(text as string))
    return 'accepted'
  } catch (error) {
    if (isSealwatchError(error)) return error.code
    throw error
  }
}

for (const [kind, body] of Object.entries(bodies)) {
  test(`a line with a body ${kind} is read, with its bytes and their leaf hash`, () => {
    const bytes = Buffer.from(canonicalize({ ...envelope, [kind]: body }))
    const parsed = parse(bytes)
    assert.deepEqual(parsed.line, { ...envelope, [kind]: body })
    assert.equal(parsed.bytes, bytes)
    assert.deepEqual(parsed.hash, leafHash(sha256, bytes))
  })

  test(`a body ${kind} has its members, no others, and each in its form`, () => {
    const others: Json[] = [null, -1, 1.5, 2 ** 53, '', 'x', noHash.toUpperCase().replace('0', 'A'), [], {}, true]
    for (const member of kind === 'event' ? [] : Object.keys(body)) {
      const { [member]: right, ...without } = body
      if (member !== 'sensor') assert.equal(codeOf({ ...envelope, [kind]: without }), 'LINE_MALFORMED', member)
      const wrong = others.filter(
        (value) => codeOf({ ...envelope, [kind]: { ...body, [member]: value } }) === 'accepted',
      )
      // What may stand in this place instead: any text for names, null where nothing came before, counts from 0.
      const allowed = wrong.every(
        (value) => value === null || typeof value === typeof right || isNullable(kind, member),
      )
      assert.ok(allowed, `${kind}.${member} takes ${JSON.stringify(wrong)}`)
    }
    if (kind !== 'event') assert.equal(codeOf({ ...envelope, [kind]: { ...body, zz: 1 } }), 'LINE_MALFORMED')
    for (const value of [null, [], 'x', 1]) assert.equal(codeOf({ ...envelope, [kind]: value }), 'LINE_MALFORMED')
  })
}

const isNullable = (kind: string, member: string) => bodies[kind]?.[member] === null

test('the envelope has its members, no others, and each in its form', () => {
  const right = { ...envelope, event: {} }
  assert.equal(codeOf(right), 'accepted')
  const wrong: Record<string, Json[]> = {
    chain: ['0F'.repeat(16), '0f'.repeat(15), '0f'.repeat(17), null, 0],
    epoch: [1, -1, '0', null],
    prev: [noHash.slice(1), `${noHash}0`, 'g'.repeat(64), null],
    seq: [-1, 0.5, 2 ** 53, '0', null],
    time: ['2026-11-21T12:00:00Z', '2026-02-30T00:00:00.000000000Z', 0, null],
    v: [0, 3, '1', null],
  }
  for (const [member, values] of Object.entries(wrong)) {
    const { [member]: _, ...without } = right as JsonObject
    assert.equal(codeOf(without), 'LINE_MALFORMED', member)
    for (const value of values)
      assert.equal(codeOf({ ...right, [member]: value }), 'LINE_MALFORMED', `${member} ${value}`)
  }
})

test('line.md 3: version 2 has epochs, closes and the keys of epochs, and none of what ledgers write', () => {
  const v2 = { ...envelope, v: 2, epoch: 5 }
  const anchor = {
    tenant: 't',
    key_id: noHash,
    origin: null,
    prev_file: null,
    prev_last_hash: null,
    prev_sequence_num: null,
    epoch_key: noHash,
    epoch_first_seq: 0,
    epoch_acknowledged: 0,
  }
  const close = { next_key: noHash, first_seq: 0, lines: 0, acknowledged: { next_seq: 0, checkpoint: null } }
  for (const body of [{ anchor }, { close }, { event: {} }, { head: { note: 'n' } }]) {
    assert.equal(codeOf({ ...v2, ...body }), 'accepted')
    const isOfBoth = 'event' in body || 'head' in body
    assert.equal(codeOf({ ...envelope, ...body }), isOfBoth ? 'accepted' : 'LINE_MALFORMED')
  }
  for (const kind of ['key', 'stub', 'tenant_head'])
    assert.equal(codeOf({ ...v2, [kind]: bodies[kind] }), 'LINE_MALFORMED')
  for (const member of Object.keys(anchor)) {
    const { [member]: _, ...without } = anchor as JsonObject
    assert.equal(codeOf({ ...v2, anchor: without }), 'LINE_MALFORMED', member)
  }
  for (const [member, value] of Object.entries({
    next_key: 'x',
    first_seq: -1,
    lines: null,
    acknowledged: { next_seq: 0 },
    more: 1,
  }))
    assert.equal(codeOf({ ...v2, close: { ...close, [member]: value } }), 'LINE_MALFORMED', member)
  const acknowledged = { next_seq: 0, checkpoint: 'x'.repeat(4097) }
  assert.equal(codeOf({ ...v2, close: { ...close, acknowledged } }), 'LINE_MALFORMED')
})

test('a line has one body, of a kind that is known', () => {
  assert.equal(codeOf(envelope), 'LINE_MALFORMED')
  assert.equal(codeOf({ ...envelope, event: {}, head: { note: 'n' } }), 'LINE_MALFORMED')
  assert.equal(codeOf({ ...envelope, other: {} }), 'LINE_MALFORMED')
  for (const text of ['"constructor":{}', '"__proto__":{}', '"":{}', '"hasOwnProperty":{}']) {
    const line = JSON.parse(canonicalize(envelope).replace('{', `{${text},`)) as object
    assert.notEqual(codeOf(canonicalize(line)), 'accepted', text)
  }
  for (const line of ['null', '[]', '1', '"x"', 'true', '{}', '[{}]'])
    assert.equal(codeOf(line), 'LINE_MALFORMED', line)
})

const lineOfBytes = (bytes: number) => {
  const empty = canonicalize({ ...envelope, event: { x: '' } })
  return canonicalize({ ...envelope, event: { x: 'x'.repeat(bytes - empty.length) } })
}

test('a line has 65,535 bytes at most', () => {
  assert.equal(Buffer.byteLength(lineOfBytes(lineBytesMax)), 65_535)
  assert.equal(codeOf(lineOfBytes(lineBytesMax)), 'accepted')
  assert.equal(codeOf(lineOfBytes(lineBytesMax + 1)), 'LINE_TOO_LONG')
  assert.equal(codeOf(Buffer.alloc(1_000_000, '[')), 'LINE_TOO_LONG')
})

test('the bytes are the line: no mark, no white space, no second form', () => {
  const text = canonicalize({ ...envelope, event: { a: 'é', b: 1 } })
  const others: Record<string, Uint8Array | string> = {
    'a byte order mark': `\ufeff${text}`,
    'a newline': `${text}\n`,
    'a carriage return': `${text}\r`,
    'a space': text.replace(',', ', '),
    'a member twice': text.replace('"b":1', '"b":1,"b":1'),
    'members out of order': text.replace('"a":"é","b":1', '"b":1,"a":"é"'),
    'an escape that is not needed': text.replace('é', '\\u00e9'),
    'a number in another form': text.replace('"b":1', '"b":1.0'),
    'a lone surrogate': text.replace('é', '\\ud800'),
    'an end that is missing': text.slice(0, -1),
    'bytes that are not UTF-8': Buffer.from(text, 'latin1'),
    'a surrogate in UTF-8': Buffer.concat([Buffer.from(text.split('é')[0] ?? ''), Buffer.from('eda080', 'hex')]),
    'an overlong form': Buffer.from(text.replace('é', 'QQ')).fill(
      Buffer.from('c0af', 'hex'),
      text.indexOf('é'),
      text.indexOf('é') + 2,
    ),
  }
  assert.equal(codeOf(text), 'accepted')
  for (const [what, other] of Object.entries(others))
    assert.match(codeOf(other), /^(JSON_NOT_CANONICAL|JSON_MALFORMED|LINE_MALFORMED)$/, what)
  assert.equal(codeOf(`{"event":${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}}`), 'JSON_DEPTH')
})

test('hostile bytes never make the parser throw anything of its own', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => void codeOf(bytes)))
  const text = canonicalize({ ...envelope, event: { a: { b: ['é', 1] } } })
  const edits = fc.tuple(fc.nat(text.length), fc.nat(3), fc.constantFrom('"', '{', '}', '0', '\\', ',', '\u0000', 'é'))
  fc.assert(fc.property(edits, ([at, cut, piece]) => void codeOf(text.slice(0, at) + piece + text.slice(at + cut))))
  const odd = fc.record({
    ...Object.fromEntries(Object.keys(envelope).map((name) => [name, fc.jsonValue()])),
    event: fc.jsonValue(),
  })
  fc.assert(fc.property(odd, (line) => void codeOf(JSON.stringify(line))))
})
