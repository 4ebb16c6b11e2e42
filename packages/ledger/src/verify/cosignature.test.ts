// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { isSealwatchError } from '@sealwatch/base'
import { verifyEd25519 } from '@sealwatch/keys'
import fc from 'fast-check'
import { sampleSigner } from '../../test/sample.ts'
import { createNoteSigner } from '../note-signer.ts'
import { sha256 } from '../sha256.ts'
import { createCosigner } from '../witness/cosigner.ts'
import { formatCheckpoint } from './checkpoint.ts'
import { encodeCosignature, formatCosignerVkey, parseCosignerVkey, verifyCosignatures } from './cosignature.ts'
import { formatSignature, openNote, parseNote, parseVkey } from './note.ts'

const codeOf = (work: () => unknown): string => {
  try {
    work()
    return 'accepted'
  } catch (error) {
    if (isSealwatchError(error)) return error.code
    throw error
  }
}

const log = createNoteSigner('example.com/log', sampleSigner(1))
const witness = createCosigner('witness.example/w1', sampleSigner(2))
const other = createCosigner('witness.example/w2', sampleSigner(3))
const text = formatCheckpoint({ origin: 'example.com/log', size: 7, root: sha256(new Uint8Array(0)) })
const note = log.sign(text)
const timeS = 1_795_262_400

const verify = (whole: string, keys = [witness.key]) =>
  verifyCosignatures(parseNote(whole, 'testing'), keys, verifyEd25519, 'testing')

const published = JSON.parse(
  readFileSync(new URL('../../../../vectors/signed-note/notes.json', import.meta.url), 'utf8'),
) as { notes: { name: string; note: string; vkeys: string[]; valid: boolean }[] }
const cosigned = published.notes.filter(({ vkeys }) => vkeys.some((vkey) => /\+[0-9a-f]{8}\+B/.test(vkey)))

test('there are published cosignatures to hold this against', () => assert.ok(cosigned.length >= 3))

for (const { name, note: whole, vkeys, valid } of cosigned) {
  test(`the published cosignature ${name}`, () => {
    const keys = vkeys.map((vkey) => parseCosignerVkey(sha256, vkey))
    assert.equal(
      codeOf(() => verify(whole, keys)),
      valid ? 'accepted' : 'NOTE_UNVERIFIED',
    )
    if (valid)
      assert.deepEqual(
        verify(whole, keys).map(({ key }) => formatCosignerVkey(key)),
        vkeys,
      )
  })
}

test('a cosignature says who and when; a note beside it opens as before', () => {
  const whole = note + witness.cosign(text, timeS) + other.cosign(text, timeS + 1)
  const found = verify(whole, [witness.key, other.key])
  assert.deepEqual(
    found.map(({ key, timeS: at }) => [key, at]),
    [
      [witness.key, timeS],
      [other.key, timeS + 1],
    ],
  )
  assert.equal(whole, note + found.map(({ signature }) => formatSignature(signature)).join(''))
  assert.deepEqual(openNote(whole, [log.verifier], verifyEd25519, 'testing').signers, [log.verifier])
  assert.deepEqual(verify(note), [])
  assert.deepEqual(verify(note + other.cosign(text, timeS)), [])
})

test('of several cosignatures by one witness the earliest counts, and all must hold', () => {
  const late = witness.cosign(text, timeS + 9)
  const early = witness.cosign(text, timeS)
  assert.deepEqual(
    verify(note + late + early).map(({ timeS: at }) => at),
    [timeS],
  )
  const wrong = witness.cosign(`${text}more\n`, timeS)
  assert.equal(
    codeOf(() => verify(note + early + wrong)),
    'NOTE_UNVERIFIED',
  )
})

test('no bit of a cosignature, of its time or of the checkpoint can be changed', () => {
  const signature = parseNote(note + witness.cosign(text, timeS), 'testing').signatures[1]
  assert.ok(signature)
  for (let bit = 0; bit < signature.signature.length * 8; bit += 1) {
    const altered = signature.signature.slice()
    altered[bit >> 3] = (altered[bit >> 3] as number) ^ (1 << (bit & 7))
    const whole = note + formatSignature({ ...signature, signature: altered })
    assert.notEqual(
      codeOf(() => verify(whole)),
      'accepted',
      `bit ${bit}`,
    )
  }
  const grown = note.replace('\n7\n', '\n8\n')
  assert.equal(
    codeOf(() => verify(grown + witness.cosign(text, timeS))),
    'NOTE_UNVERIFIED',
  )
})

test('a cosignature of another length, or of no time that will come, is malformed', () => {
  const line = (signature: Uint8Array) => formatSignature({ name: witness.key.name, id: witness.key.id, signature })
  const ed25519 = new Uint8Array(64)
  for (const signature of [
    ed25519,
    encodeCosignature(timeS, ed25519).slice(1),
    Uint8Array.of(...encodeCosignature(timeS, ed25519), 0),
    encodeCosignature(253_402_300_800, ed25519),
    new Uint8Array(72).fill(0xff),
  ])
    assert.equal(
      codeOf(() => verify(note + line(signature))),
      'NOTE_MALFORMED',
    )
})

test('types do not mix: neither key opens what the other signs, under one name and one pair of keys', () => {
  const both = createNoteSigner('witness.example/w1', sampleSigner(2))
  assert.notDeepEqual(both.verifier.id, witness.key.id)
  assert.equal(
    codeOf(() => openNote(note + witness.cosign(text, timeS), [both.verifier], verifyEd25519, 'testing')),
    'NOTE_UNVERIFIED',
  )
  assert.deepEqual(verify(both.sign(text)), [])
  assert.equal(
    codeOf(() => parseVkey(sha256, witness.vkey)),
    'VKEY_MALFORMED',
  )
  assert.equal(
    codeOf(() => parseCosignerVkey(sha256, both.vkey)),
    'VKEY_MALFORMED',
  )
})

test('hostile signatures never make it throw anything of its own', () => {
  const signature = fc.uint8Array({ minLength: 1, maxLength: 100 })
  fc.assert(
    fc.property(signature, fc.constantFrom(witness.key, other.key), (bytes, { name, id }) => {
      codeOf(() => verify(note + formatSignature({ name, id, signature: bytes }), [witness.key, other.key]))
    }),
  )
})
