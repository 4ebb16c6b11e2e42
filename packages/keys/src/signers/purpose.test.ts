// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import fc from 'fast-check'
import { preAuthEncoding } from '../dsse.ts'
import { purposeOf } from './purpose.ts'

type Vector = { readonly name: string; readonly message: string; readonly purpose: string | null }
const file = new URL('../../../../vectors/signing-proxy/purposes.json', import.meta.url)
const vectors = JSON.parse(await readFile(file, 'utf8')) as Vector[]

for (const { name, message, purpose } of vectors) {
  test(`${purpose === null ? 'for nothing' : 'a purpose'}: ${name}`, () => {
    assert.equal(purposeOf(Buffer.from(message, 'base64')), purpose ?? undefined)
  })
}

test('of a DSSE encoding the payload type is read, whatever it holds, and cut or lengthened it is for nothing', () => {
  const types = fc.stringMatching(/^[a-z]{1,20}\/[a-z0-9.+-]{1,60}$/)
  fc.assert(
    fc.property(types, fc.uint8Array({ maxLength: 300 }), (type, payload) => {
      const encoded = preAuthEncoding(type, payload)
      assert.equal(purposeOf(encoded), type)
      assert.equal(purposeOf(encoded.subarray(0, -1)), undefined)
      assert.equal(purposeOf(Buffer.concat([encoded, Buffer.alloc(1)])), undefined)
    }),
  )
})
