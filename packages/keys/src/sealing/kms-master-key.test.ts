// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { cp, mkdtempDisposable, readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, beforeEach, test } from 'node:test'
import { type Clock, systemClock, systemDisk } from '@sealwatch/base'
import { credentials, openKmsEndpoint, region } from '../../test/kms-endpoint.ts'
import { kmsMasterKey, openSealing, type SealingOptions } from './index.ts'

const dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-kms-sealing-'))
const kms = await openKmsEndpoint(dir.path)
after(async () => {
  await kms.close()
  await dir.remove()
})
beforeEach(() => {
  kms.requests.length = 0
  kms.faults.length = 0
  kms.tamper = undefined
})

const connection = { endpoint: kms.endpoint, region, credentials }
const at = { tenant: 'default', purpose: 'evidence', place: 'evidence/1' } as const
const secret = Buffer.from('secret')
const down = { code: 'KEYS_UNAVAILABLE', kind: 'unavailable' }

let place = 0
const newPlace = () => join(dir.path, String(place++))
const open = (
  path: string,
  kmsKeyId: string,
  more: Partial<SealingOptions> & { over?: object; callMs?: number } = {},
) =>
  openSealing({
    dir: path,
    kmsKeyId,
    kms: kmsMasterKey({
      clock: more.clock ?? systemClock,
      connection: { ...connection, ...more.over },
      ...(more.callMs === undefined ? {} : { callMs: more.callMs }),
    }),
    cache: { ttlMs: 60_000, keysMax: 64 },
    clock: systemClock,
    disk: systemDisk,
    ...more,
  })

test('RIM-4 tenant keys are wrapped by KMS, with the tenant and the epoch as context, and fetched once for a time', async () => {
  const arn = kms.addKey('symmetric')
  kms.aliases.set('alias/master', arn)
  const path = newPlace()
  const sealing = await open(path, 'alias/master')
  assert.deepEqual(
    sealing.status().epochs.map(({ kind, asked, keyId }) => [kind, asked, keyId]),
    [['kms', 'alias/master', arn]],
  )
  kms.requests.length = 0
  const sealed = await Promise.all([sealing.seal(at, secret), sealing.seal(at, secret), sealing.seal(at, secret)])
  const context = { product: 'sealwatch', purpose: 'tenant-key', tenant: 'default', epoch: '1', master_epoch: '1' }
  assert.deepEqual(
    kms.requests.map(({ action, body }) => [action, body.KeyId, body.EncryptionContext]),
    [
      ['Encrypt', arn, context],
      ['Decrypt', arn, context],
    ],
    'wrapped once, tried once',
  )
  sealing.close()
  assert.deepEqual((await readdir(path)).sort(), ['keys.sqlite'], 'no master key lies here')
  const again = await open(path, 'alias/master')
  kms.requests.length = 0
  for (const bytes of sealed) assert.deepEqual(await again.open(at, bytes), secret)
  assert.deepEqual(
    kms.requests.map(({ action }) => action),
    ['Decrypt'],
  )
  again.evict()
  await again.open(at, sealed[0] as Uint8Array)
  assert.equal(kms.requests.length, 2)
  again.close()
})

test('a KMS that is down, slow, forbids, or fails: a clear error, nothing sealed in the clear, and all is there later', async () => {
  const arn = kms.addKey('symmetric')
  const path = newPlace()
  const sealing = await open(path, arn)
  const sealed = await sealing.seal(at, secret)
  sealing.evict()
  const { state } = kms.keys.get(arn) as { state: string }
  const key = kms.keys.get(arn) as { state: string }
  key.state = 'Disabled'
  await assert.rejects(sealing.open(at, sealed), { ...down, received: '"DisabledException: DisabledException"' })
  await assert.rejects(sealing.seal(at, secret), down)
  key.state = state
  kms.faults.push({ status: 400, type: 'AccessDeniedException' })
  await assert.rejects(sealing.open(at, sealed), down)
  kms.faults.push({ status: 500, type: 'KMSInternalException' }, { status: 500, type: 'KMSInternalException' })
  assert.deepEqual(await sealing.open(at, sealed), secret, 'the client tries again')
  sealing.close()

  const nobody = await open(path, arn, { over: { endpoint: 'http://127.0.0.1:1' } })
  await assert.rejects(nobody.open(at, sealed), down)
  await assert.rejects(
    nobody.sealPersonal('default', [{ place: 'x', values: [{ subject: 's', plain: secret }] }]),
    down,
  )
  nobody.close()

  // The clock alone ends the wait.
  const asked = Promise.withResolvers<void>()
  const clock: Clock = { ...systemClock, sleep: async (_ms, signal) => Promise.race([asked.promise, aborted(signal)]) }
  const slow = await open(path, arn, { clock })
  kms.faults.push('silence')
  const opening = slow.open(at, sealed)
  while (kms.faults.length > 0) await new Promise(setImmediate)
  asked.resolve()
  await assert.rejects(opening, { ...down, received: '"no answer within 10000 ms"' })
  slow.close()
  const healed = await open(path, arn)
  assert.deepEqual(await healed.open(at, sealed), secret)
  healed.close()
})

const aborted = (signal: AbortSignal | undefined) =>
  new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve()))

test('wrapped keys that were altered or moved between tenants do not open', async () => {
  const { DatabaseSync } = await import('node:sqlite')
  const arn = kms.addKey('symmetric')
  const path = newPlace()
  const sealing = await open(path, arn)
  const sealed = await sealing.seal(at, secret)
  await sealing.seal({ ...at, tenant: 'other' }, secret)
  sealing.close()
  const altered = async (sql: string) => {
    const copy = newPlace()
    await cp(path, copy, { recursive: true })
    const database = new DatabaseSync(join(copy, 'keys.sqlite'))
    database.exec(sql)
    database.close()
    const opened = await open(copy, arn)
    await assert.rejects(opened.open(at, sealed), { code: 'SEALED_UNREADABLE', kind: 'unverified' })
    opened.close()
  }
  await altered(`UPDATE tenant_keys SET wrapped = (SELECT wrapped FROM tenant_keys WHERE tenant = 'other')`)
  await altered(`UPDATE tenant_keys SET wrapped = CAST('x' || CAST(wrapped AS TEXT) AS BLOB)`)
  await altered(`UPDATE epochs SET key_id = '${kms.addKey('symmetric')}'`)
})

test('a KMS that answers falsely is not believed', async () => {
  const arn = kms.addKey('symmetric')
  const other = kms.addKey('symmetric')
  const sealing = await open(newPlace(), arn)
  for (const false_ of [
    (action: string, answer: object) => (action === 'Decrypt' ? { ...answer, KeyId: other } : answer),
    (action: string, answer: object) =>
      action === 'Decrypt' ? { ...answer, Plaintext: Buffer.alloc(32).toString('base64') } : answer,
    (action: string, answer: object) =>
      action === 'Decrypt' ? { ...answer, Plaintext: Buffer.alloc(16).toString('base64') } : answer,
    (action: string, answer: object) =>
      action === 'Encrypt' ? { ...answer, CiphertextBlob: Buffer.alloc(7000).toString('base64') } : answer,
  ]) {
    kms.tamper = (action, answer) => ({ ...false_(action, answer) })
    await assert.rejects(sealing.seal(at, secret), down)
  }
  kms.tamper = undefined
  await sealing.seal(at, secret)
  sealing.close()
})

test('from a file to KMS, to another key of KMS, and back: a new epoch each time, and all stays readable', async () => {
  const [first, second] = [kms.addKey('symmetric'), kms.addKey('symmetric')]
  const path = newPlace()
  const never = new AbortController().signal
  const sealed: Uint8Array[] = []
  for (const [i, keyId] of ['', first, second, ''].entries()) {
    const sealing = await open(path, keyId)
    assert.equal(sealing.status().epoch, i + 1)
    for (const bytes of sealed) assert.deepEqual(await sealing.open(at, bytes), secret)
    sealed.push(await sealing.seal(at, secret))
    await sealing.rewrap(never, () => undefined)
    assert.equal(sealing.status().toRewrap, 0)
    sealing.close()
  }
  assert.deepEqual((await readdir(path)).sort(), ['keys.sqlite', 'master-4.key'])
  const again = await open(path, '')
  assert.equal(again.status().epoch, 4)
  kms.requests.length = 0
  for (const bytes of sealed) assert.deepEqual(await again.open(at, bytes), secret)
  assert.equal(kms.requests.length, 0)
  again.close()
})

test('an epoch that KMS does not grant does not begin; the one before goes on', async () => {
  const arn = kms.addKey('symmetric')
  const path = newPlace()
  await assert.rejects(open(path, `${arn}0`), down)
  const sealing = await open(path, arn)
  const sealed = await sealing.seal(at, secret)
  kms.faults.push({ status: 400, type: 'AccessDeniedException' })
  await assert.rejects(sealing.rotateMaster(), down)
  assert.equal(sealing.status().epoch, 1)
  assert.deepEqual(await sealing.open(at, sealed), secret)
  assert.equal((await sealing.rotateMaster()).epoch, 2)
  sealing.close()
})
