// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { isSealwatchError } from '@sealwatch/base'
import { decodeBase64 } from '@sealwatch/base/base64'
import { verifyEd25519 } from '@sealwatch/keys'
import fc from 'fast-check'
import { sampleSigner } from '../../test/sample.ts'
import { createNoteSigner } from '../note-signer.ts'
import { sha256 } from '../sha256.ts'
import { formatCheckpoint, parseCheckpoint } from './checkpoint.ts'
import { formatVkey, openNote, parseNote, parseVkey } from './note.ts'

const read = (file: string) =>
  JSON.parse(readFileSync(new URL(`../../../../vectors/signed-note/${file}`, import.meta.url), 'utf8'))
const published = read('notes.json') as {
  notes: { name: string; note: string; vkeys: string[]; valid: boolean }[]
  bad_vkeys: string[]
}
const treeFormat = read('tree-format.json') as { format: { n: number; text: string }; bad_parse: string[] }

const open = (note: string, vkeys: readonly string[]) =>
  openNote(
    note,
    vkeys.map((vkey) => parseVkey(sha256, vkey)),
    verifyEd25519,
    'testing',
  )
const codeOf = (work: () => unknown): string => {
  try {
    work()
    return 'accepted'
  } catch (error) {
    if (isSealwatchError(error)) return error.code
    throw error
  }
}

// Algorithm 0x04, cosignature/v1: the witness's, whose keys this verifier does not take.
const isCosigned = (vkeys: readonly string[]) =>
  vkeys.some((vkey) => decodeBase64(vkey.replace(/^[^+]+\+[^+]+\+/, ''))?.[0] === 4)

for (const { name, note, vkeys, valid } of published.notes) {
  test(`the published note ${name}`, () => {
    if (isCosigned(vkeys)) {
      assert.equal(
        codeOf(() => open(note, vkeys)),
        'VKEY_MALFORMED',
      )
      assert.ok(parseNote(note, 'testing').signatures.length > 0)
      return
    }
    assert.equal(
      codeOf(() => open(note, vkeys)),
      valid ? 'accepted' : 'NOTE_UNVERIFIED',
    )
    if (valid) assert.equal(open(note, vkeys).signers.length, vkeys.length)
  })
}

test('verifier keys that are no Ed25519 keys, or whose hash does not match, are refused', () => {
  const good = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k'
  assert.equal(formatVkey(parseVkey(sha256, good)), good)
  const bad = [
    ...published.bad_vkeys,
    '',
    'example.com/foo',
    good.replace('530d903a', '530D903A'),
    good.replace('530d903a', '530d903b'),
    good.replace('example', 'exbmple'),
    ` ${good}`,
    `${good}\n`,
    `${good}=`,
    good.slice(0, -1),
    good.replace('+', '++'),
    good.replace('/foo', ' foo'),
    good.replace('/foo', '\u0085foo'),
    good.replace('/foo', '\u2003foo'),
  ]
  for (const vkey of bad)
    assert.equal(
      codeOf(() => parseVkey(sha256, vkey)),
      'VKEY_MALFORMED',
      JSON.stringify(vkey),
    )
})

const signer = createNoteSigner('example.com/log', sampleSigner(1))
const other = createNoteSigner('example.com/other', sampleSigner(2))
const note = signer.sign('a text\n\nof two paragraphs\n')

test('a note that we sign opens, and its text is what was signed', () => {
  const { text, signers } = open(note, [signer.vkey, other.vkey])
  assert.equal(text, 'a text\n\nof two paragraphs\n')
  assert.deepEqual(signers, [signer.verifier])
})

test('signatures by unknown keys are passed over; a wrong one by a known key condemns the note', () => {
  const otherLine = other.sign('a text\n\nof two paragraphs\n').split('\n').at(-2)
  const wrongLine = other.sign('another text\n').split('\n').at(-2)
  assert.equal(
    codeOf(() => open(`${note}${wrongLine}\n`, [signer.vkey])),
    'accepted',
  )
  assert.equal(
    codeOf(() => open(`${note}${wrongLine}\n`, [signer.vkey, other.vkey])),
    'NOTE_UNVERIFIED',
  )
  assert.equal(open(`${note}${otherLine}\n`, [signer.vkey, other.vkey]).signers.length, 2)
  assert.equal(
    codeOf(() => open(note, [other.vkey])),
    'NOTE_UNVERIFIED',
  )
  assert.equal(
    codeOf(() => open(note, [])),
    'NOTE_UNVERIFIED',
  )
})

test('a signature counts once, however often it stands there', () => {
  const line = note.split('\n').at(-2)
  assert.equal(open(`${note}${line}\n${line}\n`, [signer.vkey]).signers.length, 1)
})

test('what is not in the form of a note is malformed', () => {
  const line = note.split('\n').at(-2) as string
  const bad = [
    '',
    'text\n',
    'text\n\n',
    note.slice(0, -1),
    `${note}\n`,
    `${note} `,
    note.replace('— ', '- '),
    note.replace('— example', '—  example'),
    note.replace('a text', 'a\ttext'),
    note.replace('a text', 'a\rtext'),
    note.replace('a text', 'a\u0000text'),
    note.replace('a text', 'a\ud800text'),
    note.replaceAll('\n', '\r\n'),
    note.replace(/(.)=\n$/, (_, last: string) => `${String.fromCharCode(last.charCodeAt(0) + 1)}=\n`),
    note.replace('=\n', '\n'),
    `text\n\n— name AAAA\n`,
    `text\n\n— name ${'A'.repeat(7)}=`,
    `text\n\n— name+plus ${'A'.repeat(92)}\n`,
    `text\n\n${line}\n\u2003${line}\n`,
    `${'x'.repeat(131_072)}\n\n${line}\n`,
    `text\n\n${`${line}\n`.repeat(65)}`,
  ]
  for (const [i, text] of bad.entries())
    assert.equal(
      codeOf(() => open(text, [signer.vkey])),
      'NOTE_MALFORMED',
      `${i}`,
    )
})

test('base64 has one form: unused bits are zero, padding is there, nothing else stands between', () => {
  assert.deepEqual(decodeBase64('AA=='), Uint8Array.of(0))
  for (const text of ['AB==', 'AA', 'AA=', 'A===', 'A A=', 'AA==\n', '-_==', '=', 'AA==AA=='])
    assert.equal(decodeBase64(text), undefined, JSON.stringify(text))
  assert.deepEqual(decodeBase64(''), new Uint8Array(0))
})

test('no byte of a note can be changed', () => {
  const bytes = Buffer.from(note)
  for (let at = 0; at < bytes.length; at += 1) {
    const altered = Buffer.from(bytes)
    altered[at] = (altered[at] as number) ^ 1
    assert.notEqual(
      codeOf(() => open(altered.toString('utf8'), [signer.vkey])),
      'accepted',
      `byte ${at}`,
    )
  }
})

test('hostile text never makes the parser throw anything of its own', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void codeOf(() => open(text, [signer.vkey]))))
  const pieces = fc.constantFrom('\n', '\n\n', '— ', 'example.com/log ', 'AAAA', '=', 'é', '\ud800', note)
  fc.assert(fc.property(fc.array(pieces), (parts) => void codeOf(() => open(parts.join(''), [signer.vkey]))))
})

test('a checkpoint is origin, size and root; it is written and read back', () => {
  const checkpoint = parseCheckpoint(treeFormat.format.text, 'testing')
  assert.equal(checkpoint.origin, 'go.sum database tree')
  assert.equal(checkpoint.size, treeFormat.format.n)
  assert.equal(formatCheckpoint(checkpoint), treeFormat.format.text)
  const tessera = published.notes.find(({ name }) => name === 'tessera-checkpoint-15')
  assert.equal(parseCheckpoint(parseNote(tessera?.note ?? '', 'testing').text, 'testing').size, 15)
})

test('checkpoints of another form are malformed', () => {
  const root = 'TszzRgjTG6xce+z2AG31kAXYKBgQVtCSCE40HmuwBb0='
  const bad = [
    // The published first bad one is bad for its origin alone, which is not this function's to judge.
    ...treeFormat.bad_parse.slice(1),
    `o\n01\n${root}\n`,
    `o\n-1\n${root}\n`,
    `o\n+1\n${root}\n`,
    `o\n1.0\n${root}\n`,
    `o\n9007199254740992\n${root}\n`,
    `o\n18446744073709551615\n${root}\n`,
    `\n1\n${root}\n`,
    `o\n1\n${root}`,
    `o\n1\n${root}\nextension\n`,
    `o\n1\n${root.replace('b0=', 'b1=')}\n`,
    `o\n1\n${root.slice(4)}\n`,
  ]
  for (const text of bad)
    assert.equal(
      codeOf(() => parseCheckpoint(text, 'testing')),
      'NOTE_MALFORMED',
      text,
    )
  assert.equal(parseCheckpoint(`o\n9007199254740991\n${root}\n`, 'testing').size, Number.MAX_SAFE_INTEGER)
})
