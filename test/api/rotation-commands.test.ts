// SPDX-License-Identifier: Apache-2.0
// SIG-6: `rotate` and `compromise` against a whole server, each step once more after it was done.

import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { rfc3339, systemClock } from '@sealwatch/base'
import { makeTestKey, rootOf, signedBy, signedRoot } from '@sealwatch/keys/test/manifest-keys'
import { run } from '../../apps/cli/src/cli.ts'
import { testIo } from '../../apps/cli/test/test-io.ts'
import { startServer, type TestServer } from './server.ts'

let server: TestServer
let dir: string
let token: string
let rowsToken: string
const signers = (['ed25519', 'ed25519', 'rsa-sha256'] as const).map(makeTestKey)
const keys: Record<string, KeyObject> = {}
const at = (name: string) => join(dir, name)

before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'sealwatch-rotation-'))
  server = await startServer()
  const root = server.root('default')
  const envelope = signedRoot(rootOf(1, signers, 2), signers) as never
  await server.root('cluster').call('installTrustRoot', { body: { envelope } })
  await root.call('addProducer', { body: { producer: 'billing' } })
  for (const id of ['billing-1', 'billing-2']) {
    const { privateKey } = generateKeyPairSync('ed25519')
    keys[id] = privateKey
    writeFileSync(at(`${id}.pem`), privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
  }
  const actions = ['producer:read', 'producer:manage', 'event:export', 'event:list', 'ledger:read']
  const tokenOf = async (body: object) => (await root.call('createToken', { body: body as never })).token
  token = await tokenOf({ name: 'p', actions, ttl_seconds: 600 })
  rowsToken = await tokenOf({ name: 'b', actions: ['rows:write'], service: 'billing', ttl_seconds: 600 })
  const { vkey } = await root.call('getLedger')
  writeFileSync(at('trust'), `${vkey}\n`)
})
after(async () => {
  await server[Symbol.asyncDispose]()
  rmSync(dir, { recursive: true })
})

async function sealwatch(...args: string[]) {
  const io = testIo({ env: { SEALWATCH_TOKEN: token } })
  const code = await run(args, io)
  return { code, out: io.said(), err: io.complained() }
}
const ask = (...args: string[]) => sealwatch(...args, '--server', server.url)
async function done(...args: string[]) {
  const { code, out, err } = await ask(...args)
  assert.equal(code, 0, err)
  return { out, err }
}

async function send(keyId: string): Promise<string> {
  const payload = Buffer.from(JSON.stringify({ row: crypto.randomUUID() }))
  const submission = {
    id: crypto.randomUUID(),
    form: 'detached',
    payload: payload.toString('base64'),
    payload_type: 'application/json',
    key_id: keyId,
    algorithm: 'ed25519',
    signature: sign(null, payload, keys[keyId] as KeyObject).toString('base64'),
  } as const
  const { outcomes } = await server.by(rowsToken).call('submitRows', { body: { submissions: [submission] } })
  const { outcome, reason } = outcomes[0] as { outcome: string; reason?: string }
  return reason ?? outcome
}

test('SIG-6 a key is rotated step by step; what was done is not done again, and each step names the next', async () => {
  const body = { key_id: 'billing-1', algorithm: 'ed25519', public_key: publicOf('billing-1') }
  await server.root('default').call('addSigningKey', { params: { producer: 'billing' }, body })
  const [typo, foreign] = [await ask('rotate', 'status', 'biling'), await ask('rotate', 'status', 'mail')]
  assert.deepEqual([typo.code, foreign.code, typo.out], [1, 1, ''])
  assert.match(typo.err, /PRODUCER_UNKNOWN\)(.|\n)*found "biling"(.|\n)*Did you mean billing\?/)
  assert.match(foreign.err, /PRODUCER_UNKNOWN(.|\n)*found "mail"/)
  const start = ['rotate', 'start', 'billing', '--id', 'billing-2', '--key-file', at('billing-2.pem')]
  const first = await done(...start)
  assert.match(first.err, /billing-2 is a candidate.*billing-2 is tested.*billing-2 is staged.*Next: .*rotate promote/s)
  const again = await done(...start)
  assert.doesNotMatch(again.err, /candidate|tested/)
  assert.match((await done('rotate', 'status', 'billing')).err, /Next: .*rotate promote billing --id billing-2/)
  assert.equal(await send('billing-2'), 'unknown_key')

  const promote = ['rotate', 'promote', 'billing', '--id', 'billing-2']
  const early = await ask(...promote)
  assert.equal(early.code, 3)
  assert.match(early.err, /MANIFEST_REQUIRED/)
  await done(...promote, '-o', at('promotion.json'))
  const unsigned = JSON.parse(readFileSync(at('promotion.json'), 'utf8')) as { payloadType: string; payload: string }
  const envelope = signedBy(unsigned.payloadType, Buffer.from(unsigned.payload, 'base64'), signers.slice(1)) as never
  await server.root('cluster').call('addManifestSignatures', { body: { envelope } })
  assert.match((await done(...promote)).err, /Next: let the service sign with billing-2.*rotate finish/)
  await done(...promote)
  assert.deepEqual([await send('billing-1'), await send('billing-2')], ['admitted', 'admitted'])

  const finish = ['rotate', 'finish', 'billing', '--id', 'billing-2', '--overlap', '3600', '--json']
  const ends = async () => {
    const { out } = await done(...finish)
    const { items } = JSON.parse(out) as { items: { key_id: string; valid_until: string | null }[] }
    return items.map(({ key_id, valid_until }) => [key_id, valid_until])
  }
  const ended = await ends()
  assert.deepEqual(ended[1], ['billing-2', null])
  assert.ok((ended[0]?.[1] ?? '') > rfc3339(systemClock.nowNs()))
  assert.deepEqual(await ends(), ended, 'the end stays')
  assert.equal(await send('billing-1'), 'admitted')
  const status = JSON.parse((await done('rotate', 'status', 'billing', '--json')).out) as { items: { next: string }[] }
  assert.deepEqual(
    status.items.map(({ next }) => next),
    ['none', 'none'],
  )
})

test('SIG-6 a key in other hands is revoked and all it signed found; the report holds without the server, and fails where it was altered', async () => {
  const since = rfc3339(systemClock.nowNs())
  assert.deepEqual([await send('billing-1'), await send('billing-1')], ['admitted', 'admitted'])
  const bare = await ask('compromise', 'billing-1')
  assert.equal(bare.code, 2)
  const compromise = ['compromise', 'billing-1', '--cause', 'found in an image', '--since', since]
  const found = await ask(...compromise, '-o', at('report.json'))
  assert.equal(found.code, 1, found.err)
  assert.match(found.out, /sound +2 rows in 2 submissions\nsuspect +2 rows in 2 submissions/)
  assert.equal(await send('billing-1'), 'key_revoked')
  assert.equal(await send('billing-2'), 'admitted')
  const again = await ask(...compromise)
  assert.match(again.err, /was revoked at/)
  assert.match(again.out, /sound +2 rows in 2 submissions\nsuspect +2 rows/)
  assert.match((await ask('compromise', 'show', 'billing-1')).out, /suspect +2 rows/)

  const exported = await server.send({
    method: 'POST',
    path: '/api/v1/exports',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ what: { all: true } }),
  })
  writeFileSync(at('all.bundle'), exported.text)
  const verify = ['compromise', 'verify', at('report.json'), '--trust', at('trust')]
  const verified = await sealwatch(...verify, '--bundle', at('all.bundle'))
  assert.equal(verified.code, 0, verified.err)
  assert.match(verified.out, /VERIFIED .*counted again, and the same/s)
  const file = readFileSync(at('report.json'), 'utf8')
  writeFileSync(at('report.json'), file.replace('\\"rows\\":2', '\\"rows\\":1'))
  const altered = await sealwatch(...verify)
  assert.equal(altered.code, 1)
  assert.match(altered.err, /KEY_REPORT_UNVERIFIED/)
})

function publicOf(id: string): string {
  const { x = '' } = (keys[id] as KeyObject).export({ format: 'jwk' })
  return Buffer.from(x, 'base64url').toString('base64')
}
