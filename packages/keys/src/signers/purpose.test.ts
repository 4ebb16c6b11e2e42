// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { preAuthEncoding } from '../dsse.ts'
import { probePurpose, purposeOf } from './purpose.ts'
import { auditProbeText, hmacKeyIdText } from './signer.ts'

const type = 'application/vnd.sealwatch.delegation+json'
const root = Buffer.alloc(32, 7).toString('base64')
const checkpoint = `sealwatch-0a1b2c3d/root\n42\n${root}\n`
const purpose = (message: string | Uint8Array) =>
  purposeOf(typeof message === 'string' ? Buffer.from(message) : message)

test('a message says itself what it is for', () => {
  assert.equal(purpose(preAuthEncoding(type, Buffer.from('{}'))), type)
  assert.equal(purpose(preAuthEncoding(type, Buffer.alloc(0))), type)
  assert.equal(purpose(preAuthEncoding(type, Uint8Array.of(0xff, 0xfe, 0))), type)
  assert.equal(purpose(preAuthEncoding(type, Buffer.from(checkpoint))), type)
  assert.equal(purpose(checkpoint), 'checkpoint:sealwatch-0a1b2c3d/root')
  assert.equal(purpose(`${checkpoint}an extension\n`), 'checkpoint:sealwatch-0a1b2c3d/root')
  assert.equal(purpose(`cosignature/v1\ntime 1700000000\n${checkpoint}`), 'cosignature:sealwatch-0a1b2c3d/root')
  assert.equal(purpose(auditProbeText), probePurpose)
})

test('what has no form of ours is for nothing', () => {
  const encoded = Buffer.from(preAuthEncoding(type, Buffer.from('{}'))).toString()
  const others = [
    '',
    'anything',
    hmacKeyIdText,
    `${encoded} `,
    encoded.slice(0, -1),
    encoded.replace('DSSEv1', 'DSSEv2'),
    encoded.replace(' 2 ', ' 02 '),
    encoded.replace(' 2 ', ' 3 '),
    encoded.replace(' 41 ', ' 40 '),
    checkpoint.slice(0, -1),
    checkpoint.replace('42', '042'),
    checkpoint.replace('\n42', '\n-1'),
    checkpoint.replace(root, 'AAAA'),
    `${checkpoint}\n`,
    `${checkpoint}a\n\nb\n`,
    ` ${checkpoint}`,
    `cosignature/v1\ntime x\n${checkpoint}`,
    `cosignature/v1\n${checkpoint}`,
    Buffer.from(preAuthEncoding('two words', Buffer.alloc(1))).toString(),
    Buffer.from(preAuthEncoding('', Buffer.alloc(1))).toString(),
  ]
  for (const text of others) assert.equal(purpose(text), undefined, JSON.stringify(text))
  assert.equal(purpose(Uint8Array.of(0xff, 0xfe)), undefined)
})
