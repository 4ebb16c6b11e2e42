// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { keyInfo, openSealBatch, openSealed, type Purpose } from './envelope.ts'

const from = Buffer.alloc(32, 7)
const infos = [
  keyInfo('personal', 'default', 1, 'aa'),
  keyInfo('personal', 'default', 1, 'bb'),
  keyInfo('evidence', 'x', 2),
]

test('no pair of object key and nonce comes twice, over batches, restarts and any order of values', () => {
  const seen = new Set<string>()
  let values = 0
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: infos.length - 1 }), { maxLength: 60 }), (order) => {
      // Each run is a process that starts anew: it knows nothing of those before.
      using batch = openSealBatch(randomBytes)
      for (const which of order) {
        const info = infos[which] as string
        const sealed = batch.key(from, info).seal('place', Buffer.from('x'))
        const key = Buffer.from(hkdfSync('sha256', from, batch.salt, info, 32)).toString('hex')
        const nonce = Buffer.concat([Buffer.alloc(8), sealed.subarray(0, 4)])
        seen.add(`${key} ${nonce.toString('hex')}`)
        values += 1
        const decipher = createDecipheriv('aes-256-gcm', Buffer.from(key, 'hex'), nonce).setAAD(Buffer.from('place'))
        decipher.setAuthTag(sealed.subarray(-16))
        assert.equal(Buffer.concat([decipher.update(sealed.subarray(4, -16)), decipher.final()]).toString(), 'x')
        assert.equal(Buffer.from(openSealed(Buffer.from(key, 'hex'), 'place', sealed)).toString(), 'x')
      }
    }),
    { numRuns: 200 },
  )
  assert.equal(seen.size, values)
})

test('a batch that was given the salt of another repeats its keys: the salt is what tells them apart', () => {
  const salt = Buffer.alloc(32, 1)
  const [one, two] = [openSealBatch(() => salt), openSealBatch(() => salt)]
  const info = infos[0] as string
  const sealed = [one, two].map((batch) => batch.key(from, info).seal('p', Buffer.from('x')))
  assert.deepEqual(sealed[0], sealed[1])
})

test('a counter does not wrap, and a batch that is over seals nothing', () => {
  const batch = openSealBatch(randomBytes, 2)
  const seal = (info: string) => batch.key(from, info).seal('p', Buffer.alloc(0))
  const [info = '', other = ''] = infos
  seal(info)
  seal(info)
  assert.throws(() => seal(info), RangeError)
  assert.throws(() => seal(info), RangeError, 'and again')
  seal(other)
  batch[Symbol.dispose]()
  assert.throws(() => seal(other), /over/)
})

test('every part of a name leads to another key', () => {
  const purposes: Purpose[] = ['evidence', 'quarantine', 'personal', 'subject-key', 'tenant-key']
  const tenant = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,10}$/)
  const part = fc.tuple(
    fc.constantFrom(...purposes),
    tenant,
    fc.nat({ max: 99 }),
    fc.stringMatching(/^[0-9a-f]{0,16}$/),
  )
  fc.assert(
    fc.property(part, part, (a, b) => {
      assert.equal(keyInfo(...a) === keyInfo(...b), JSON.stringify(a) === JSON.stringify(b))
    }),
  )
})
