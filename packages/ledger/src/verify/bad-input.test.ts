// SPDX-License-Identifier: Apache-2.0
// Input that breaks a clause is refused by the reader that meets it, with the code and the clause. Readers of tiles and
// of compressed bundles have theirs beside them.

import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { canonicalize, isSealwatchError, parseCanonical } from '@sealwatch/base'
import { checkPublicKey, verifyEd25519 } from '@sealwatch/keys'
import { sampleSigner } from '../../test/sample.ts'
import { createNoteSigner } from '../note-signer.ts'
import { sha256 } from '../sha256.ts'
import { parseCheckpoint } from './checkpoint.ts'
import { lineBytesMax, noHash, parseLine } from './line.ts'
import { verifyInclusion } from './merkle.ts'
import { openNote, parseNote, parseVkey } from './note.ts'

const refused = (work: () => unknown): string => {
  try {
    work()
  } catch (error) {
    if (isSealwatchError(error)) return `${error.code}: ${error.rule}`
    throw error
  }
  return 'accepted'
}
const json = (text: string) => () => parseCanonical(text, 'reading')
const lineOf = (event: string, seq: string | number = 1) =>
  `{"chain":"${'a'.repeat(32)}","epoch":0,"event":${event},"prev":"${noHash}","seq":${seq},"time":"2026-11-21T00:00:00.000000000Z","v":1}`
const line = (text: string) => () => parseLine(sha256, Buffer.from(text), 'reading').line
const ofLength = (bytes: number) => lineOf(`{"x":"${'y'.repeat(bytes - lineOf('{"x":""}').length)}"}`)

const rfc8785 = /\(RFC 8785\)/
const rows: [what: string, work: () => unknown, refusal: RegExp][] = [
  ['members out of order', json('{"b":1,"a":2}'), rfc8785],
  ['space between tokens', json('{"a": 1}'), rfc8785],
  ['a number written longer than it need be', json('{"a":1.0}'), rfc8785],
  ['a member twice', json('{"a":1,"a":1}'), rfc8785],
  ['a member twice, deep within', json('{"a":{"b":{"c":1,"c":2}}}'), rfc8785],
  ['a member twice, in a line', line(lineOf('{"a":1,"a":1}')), rfc8785],
  ['a lone surrogate, escaped', json('"\\ud83d"'), rfc8785],
  ['a lone surrogate as a member, in a line', line(lineOf('{"\\udc00":1}')), rfc8785],
  ['bytes that are not UTF-8', () => parseLine(sha256, Buffer.from([0x7b, 0xff, 0x7d]), 'reading').line, /line\.md, 2/],
  ['a hundred thousand levels of arrays', json('['.repeat(100_000) + ']'.repeat(100_000)), /JSON_DEPTH.*32 deep/],
  [
    'a hundred thousand levels, in a line',
    line(lineOf(`${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`)),
    /JSON_DEPTH/,
  ],
  ['a number of a line beyond 2^53', line(lineOf('{}', '9007199254740993')), /RFC 8785|line\.md, 2/],
  ['a number of a line of exactly 2^53', line(lineOf('{}', 2 ** 53)), /line\.md, 2/],
  ['a line of 65,536 bytes', line(ofLength(65_536)), /LINE_TOO_LONG.*65,535 bytes \(line\.md, 1\.2\)/],
  ['a line of a MiB', line(ofLength(1024 * 1024)), /LINE_TOO_LONG.*line\.md, 1\.2/],
  [
    'a checkpoint of 2^53 leaves',
    () => parseCheckpoint(`o\n${2 ** 53}\n${Buffer.alloc(32).toString('base64')}\n`, 'x'),
    /NOTE_MALFORMED/,
  ],
  [
    'a checkpoint with a size like 01',
    () => parseCheckpoint(`o\n01\n${Buffer.alloc(32).toString('base64')}\n`, 'x'),
    /NOTE_MALFORMED/,
  ],
  [
    'a proof for a tree of 2^53 + 2 leaves',
    () => verifyInclusion(sha256, { index: 0, size: 2 ** 53 + 2, leaf: Buffer.alloc(32), root: Buffer.alloc(32) }, []),
    /RFC 9162/,
  ],
]

for (const [what, work, refusal] of rows) test(`refused: ${what}`, () => assert.match(refused(work), refusal))

test('accepted: a line of 65,535 bytes, and not a byte more', () => {
  assert.equal(ofLength(lineBytesMax).length, 65_535)
  assert.equal(refused(line(ofLength(lineBytesMax))), 'accepted')
})

/** Every point of order 1, 2, 4 or 8, in all its encodings: under these anybody can sign (RFC 8032, 5.1.7; Chalkias et al., 2020). */
const lowOrder = [
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0000000000000000000000000000000000000000000000000000000000000080',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
  '0100000000000000000000000000000000000000000000000000000000000080',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
]

test('refused: keys of low order, wherever they are used', () => {
  for (const hex of lowOrder) {
    const key = Uint8Array.fromHex(hex)
    assert.match(
      refused(() => checkPublicKey(key, 'registering a key')),
      /KEY_WEAK.*RFC 8032/,
    )
    assert.equal(verifyEd25519(key, Buffer.from('any'), new Uint8Array(64)), false)
  }
})

test('a signature line of an unknown type says nothing: alone it is refused, beside a good one it is passed over', () => {
  const signer = createNoteSigner('sealwatch.test/log', sampleSigner(7))
  const note = signer.sign('sealwatch.test/log\n1\n')
  const unknown = (type: number, bytes: number) =>
    `— other.test/log ${Buffer.concat([Buffer.from([type, 1, 2, 3]), Buffer.alloc(bytes, type)]).toString('base64')}\n`
  const { text } = parseNote(note, 'reading')
  for (const [type, bytes] of [
    [0x02, 64],
    [0x05, 72],
    [0xff, 200],
  ] as const) {
    const beside = openNote(note + unknown(type, bytes), [signer.verifier], verifyEd25519, 'reading')
    assert.deepEqual(beside.signers, [signer.verifier])
    const alone = () => openNote(`${text}\n${unknown(type, bytes)}`, [signer.verifier], verifyEd25519, 'reading')
    assert.match(refused(alone), /NOTE_UNVERIFIED/)
  }
  const typed = `sealwatch.test/log+00000000+${Buffer.concat([Buffer.of(0x7f), Buffer.alloc(32)]).toString('base64')}`
  assert.match(
    refused(() => parseVkey(sha256, typed)),
    /VKEY_MALFORMED.*C2SP signed-note/,
  )
})

test('RFC 8785: the published outputs, byte for byte', () => {
  const vectors = new URL('../../../../vectors/jcs-rfc8785/', import.meta.url)
  for (const name of ['arrays', 'french', 'structures', 'unicode', 'values', 'weird']) {
    const input = JSON.parse(readFileSync(new URL(`input/${name}.json`, vectors), 'utf8')) as object
    const due = Buffer.from(readFileSync(new URL(`outhex/${name}.txt`, vectors), 'latin1').replace(/\s/g, ''), 'hex')
    assert.deepEqual(Buffer.from(canonicalize(input)), due, name)
  }
})

test('a key pair that was just drawn is accepted', () => {
  const { publicKey } = generateKeyPairSync('ed25519')
  const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(12)
  assert.equal(
    refused(() => checkPublicKey(raw, 'registering a key')),
    'accepted',
  )
})
