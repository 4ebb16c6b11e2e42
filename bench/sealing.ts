// SPDX-License-Identifier: Apache-2.0

import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { systemClock, systemDisk } from '@sealwatch/base'
import { kmsMasterKey, openSealing } from '@sealwatch/keys/sealing'
import { keyInfo, objectKey, openSealBatch, openSealed } from '../packages/keys/src/sealing/envelope.ts'
import { compare, type Figure } from './figure.ts'
import { temporary } from './material.ts'

// Short turns, many of them: what else the machine does hits both alike.
const values = 2_000
const runs = 99
/** The personal values of one line: an account name with its salt. */
const plain = Buffer.from(
  JSON.stringify({ '/event/actor/user/name': { salt: '0123456789abcdef0123456789abcdef', value: 'alice' } }),
)
const place = `side/default/${'ab'.repeat(32)}`
const linesPerBatch = 100

/** What sealing costs, each against node:crypto doing the same without us. */
export async function* benchSealing(): AsyncGenerator<Figure> {
  const from = randomBytes(32)
  const salt = randomBytes(32)
  const info = keyInfo('personal', 'default', 1, 'ab'.repeat(8))
  yield await compare({
    name: 'sealing.hkdf',
    unit: 'keys/s',
    runs,
    ours: times(values, () => void objectKey(from, salt, info)),
    peer: 'hkdfSync of the same',
    theirs: times(values, () => void hkdfSync('sha256', from, salt, info, 32)),
  })

  const key = objectKey(from, salt, info)
  const nonce = Buffer.alloc(12)
  const batch = openSealBatch(randomBytes)
  const counting = batch.key(from, info)
  yield await compare({
    name: 'sealing.seal',
    unit: 'values/s',
    runs,
    ours: times(values, () => void counting.seal(place, plain)),
    peer: 'createCipheriv aes-256-gcm of the same, its parts concatenated',
    theirs: times(values, () => {
      nonce.writeUInt32BE(nonce.readUInt32BE(8) + 1, 8)
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(place))
      Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
    }),
  })

  const sealed = counting.seal(place, plain)
  const own = objectKey(from, batch.salt, info)
  const lastNonce = Buffer.concat([Buffer.alloc(8), sealed.subarray(0, 4)])
  yield await compare({
    name: 'sealing.open',
    unit: 'values/s',
    runs,
    ours: times(values, () => void openSealed(own, place, sealed)),
    peer: 'createDecipheriv aes-256-gcm of the same',
    theirs: times(values, () => {
      const decipher = createDecipheriv('aes-256-gcm', own, lastNonce, { authTagLength: 16 })
      decipher.setAAD(Buffer.from(place)).setAuthTag(sealed.subarray(-16))
      Buffer.concat([decipher.update(sealed.subarray(4, -16)), decipher.final()])
    }),
  })

  await using dir = await temporary()
  const sealing = await openSealing({
    dir: join(dir.path, 'keys'),
    kmsKeyId: '',
    kms: kmsMasterKey({ clock: systemClock }),
    cache: { ttlMs: 60_000, keysMax: 64 },
    clock: systemClock,
    disk: systemDisk,
  })
  const lines = Array.from({ length: linesPerBatch }, (_, i) => ({
    place: `${place}${i}`,
    values: [{ subject: `name:${i % 3}`, plain }],
  }))
  yield await compare({
    name: 'sealing.personal-batch',
    unit: 'values/s',
    runs,
    ours: async () => {
      for (let i = 0; i < values; i += linesPerBatch) await sealing.sealPersonal('default', lines)
      return values
    },
    peer: 'an HKDF key and a random salt for each value (the first layout)',
    theirs: times(values, () => {
      const fresh = randomBytes(32)
      const one = new Uint8Array(hkdfSync('sha256', from, fresh, 'one', 32))
      const cipher = createCipheriv('aes-256-gcm', one, new Uint8Array(12)).setAAD(Buffer.from(place))
      Buffer.concat([fresh, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
    }),
  })
  sealing.close()
}

const times = (count: number, work: () => void) => async () => {
  for (let i = 0; i < count; i += 1) work()
  return count
}
