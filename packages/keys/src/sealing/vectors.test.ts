// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createDecipheriv, createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { keyInfo, openSealBatch, type Purpose, sealAlone } from './envelope.ts'
import { headOf, layouts, partOf } from './layout.ts'

type Value = {
  readonly what: 'value' | 'personal' | 'subject-key' | 'tenant-key'
  readonly from: string
  readonly salt: string
  readonly purpose: Purpose
  readonly tenant: string
  readonly epoch: number
  readonly subject: string
  readonly place: string
  readonly plain: string
  readonly object_key: string
  readonly nonce: string
  readonly sealed: string
}
type Vectors = {
  readonly values: readonly Value[]
  readonly labels: readonly { readonly key: string; readonly subject: string; readonly label: string }[]
}
const path = join(import.meta.dirname, '../../../../vectors/sealing/layouts.json')
const { values, labels } = JSON.parse(readFileSync(path, 'utf8')) as Vectors
const hex = (text: string) => Buffer.from(text, 'hex')

test('what is sealed has the bytes of the vectors', () => {
  for (const { what, from, salt, purpose, tenant, epoch, subject, place, plain, sealed } of values) {
    const info = keyInfo(purpose, tenant, epoch, subject)
    const batch = openSealBatch(() => hex(salt))
    const seal = () => batch.key(hex(from), info).seal(place, hex(plain))
    const made = {
      value: () => Buffer.concat([headOf(layouts.value, epoch, batch.salt), seal()]),
      personal: () => Buffer.concat([headOf(layouts.personal, epoch, batch.salt), partOf(subject, seal())]),
      'subject-key': () => sealAlone(() => hex(salt), hex(from), info, place, hex(plain)),
      'tenant-key': () => sealAlone(() => hex(salt), hex(from), info, place, hex(plain)),
    }[what]()
    assert.equal(Buffer.from(made).toString('hex'), sealed, what)
  }
})

test('openssl draws the same object keys, and AES-256-GCM alone opens what was sealed', () => {
  for (const { from, salt, purpose, tenant, epoch, subject, place, plain, object_key, nonce, sealed } of values) {
    const info = Buffer.from(['sealwatch.dev/sealing/v2', purpose, tenant, epoch, subject].join('\0')).toString('hex')
    const options = ['digest:SHA256', `hexkey:${from}`, `hexsalt:${salt}`, `hexinfo:${info}`]
    const drawn = execFileSync('openssl', ['kdf', '-keylen', '32', ...options.flatMap((o) => ['-kdfopt', o]), 'HKDF'])
    assert.equal(drawn.toString().trim().replaceAll(':', '').toLowerCase(), object_key)
    const bytes = hex(sealed)
    const decipher = createDecipheriv('aes-256-gcm', hex(object_key), hex(nonce)).setAAD(Buffer.from(place))
    decipher.setAuthTag(bytes.subarray(-16))
    const cipherText = bytes.subarray(-16 - plain.length / 2, -16)
    assert.equal(Buffer.concat([decipher.update(cipherText), decipher.final()]).toString('hex'), plain)
  }
})

test('labels are the first 16 bytes of HMAC-SHA-256', () => {
  for (const { key, subject, label } of labels)
    assert.equal(createHmac('sha256', hex(key)).update(subject).digest('hex').slice(0, 32), label)
})
