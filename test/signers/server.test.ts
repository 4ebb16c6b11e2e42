// SPDX-License-Identifier: Apache-2.0
// The server's own program with each keeper of its key, chosen by the environment alone (SIG-2, SIG-3).

import assert from 'node:assert/strict'
import { generateKeyPairSync, hash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { credentials, openKmsEndpoint, region } from '../../packages/keys/test/kms-endpoint.ts'
import { makeToken, noSofthsm, softhsmModule } from '../../packages/keys/test/softhsm.ts'
import { giveToServer, startServer } from './server-process.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'sealwatch-server-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

/** Starts, waits until it serves, stops. */
const run = (env: Record<string, string>) => startServer(dir, env).stop()

const refusals: [Record<string, string>, RegExp][] = [
  [{ NODE_ENV: 'production' }, /Audit signing is required but no signer is configured/],
  [{ REQUIRE_KMS: 'true' }, /Audit signing is required but no signer is configured/],
  [{ NODE_ENV: 'production', MOCK_AUDIT_SIGNING_KEY: 'x' }, /SIGNER_FORBIDDEN/],
  [{ NODE_ENV: 'production', AUDIT_SIGNING_KEY: 'test-ci-signing-key' }, /SIGNER_FORBIDDEN.*published test key/],
]
for (const [env, message] of refusals) {
  test(`SIG-3 the server does not start with ${JSON.stringify(env)}`, async () => {
    const { code, output } = await run(env)
    assert.equal(code, 1)
    assert.match(output, message)
  })
}

test('SIG-3 the server of CI starts with the key of CI, which it shows nowhere', async () => {
  const { code, output } = await run({ AUDIT_SIGNING_KEY: 'test-ci-signing-key', REQUIRE_KMS: 'false' })
  assert.equal(code, 0, output)
  assert.match(output, /the audit signer signs.*"backend":"file","algorithm":"hmac-sha256"/)
  assert.ok(!output.includes('test-ci-signing-key'))
})

for (const algorithm of ['hmac-sha256', 'rsa-sha256', 'ed25519'] as const) {
  test(`SIG-2 AWS KMS, ${algorithm}: the server with what AWS's own tools read`, async () => {
    mkdirSync(join(dir, 'kms'))
    const kms = await openKmsEndpoint(join(dir, 'kms'))
    try {
      const key = kms.addKey(algorithm)
      kms.aliases.set('alias/audit', key)
      const { code, output } = await run({
        AUDIT_SIGNING_ALG: algorithm,
        AUDIT_SIGNING_KMS_KEY_ID: 'alias/audit',
        AWS_ENDPOINT_URL_KMS: kms.endpoint,
        AWS_REGION: region,
        AWS_ACCESS_KEY_ID: credentials.accessKeyId,
        AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      })
      assert.equal(code, 0, output)
      assert.ok(!output.includes(credentials.secretAccessKey))
      const signed = kms.requests.filter(({ action }) => ['Sign', 'GenerateMac'].includes(action))
      assert.ok(signed.length >= 2, 'a test text and a delegation')
      assert.ok(signed.every(({ body }) => body.KeyId === key))
      const registry = readFileSync(join(dir, 'data/keys/signers.json'), 'utf8')
      assert.ok(registry.includes(key) && !registry.includes('alias'))
    } finally {
      await kms.close()
    }
  })
}

test('SIG-2 PKCS#11: the server signs with an HSM after it has given up root', {
  skip: noSofthsm() ?? false,
}, async () => {
  const hsm = join(dir, 'hsm')
  mkdirSync(hsm)
  const { pinFile } = makeToken(hsm, 'audit')
  for (const name of [
    '',
    'tokens',
    ...readdirSync(join(hsm, 'tokens'), { recursive: true }).map((at) => `tokens/${at}`),
  ])
    giveToServer(join(hsm, name))
  const { code, output } = await run({
    NODE_ENV: 'production',
    AUDIT_SIGNING_ALG: 'ed25519',
    AUDIT_SIGNING_PKCS11_MODULE: softhsmModule,
    AUDIT_SIGNING_PKCS11_TOKEN: 'audit',
    AUDIT_SIGNING_PKCS11_KEY: 'ed25519',
    AUDIT_SIGNING_PKCS11_PIN_FILE: pinFile,
    SOFTHSM2_CONF: join(hsm, 'softhsm2.conf'),
  })
  assert.equal(code, 0, output)
  assert.match(output, /the audit signer signs.*"backend":"pkcs11"/)
})

test('a key is replaced as docs/key_rotation.md says, and no other way', async () => {
  const [first, second] = [keyFile('first.pem'), keyFile('second.pem')]
  assert.equal((await run({})).code, 0)
  const refused = await run(first.env)
  assert.equal(refused.code, 1)
  assert.match(refused.output, new RegExp(`SIGNER_CHANGED.*${first.id} where.*AUDIT_SIGNING_NEW_KEY_ID`))
  for (const { id, env } of [first, second]) {
    const replaced = await run({ ...env, AUDIT_SIGNING_NEW_KEY_ID: id })
    assert.equal(replaced.code, 0, replaced.output)
    assert.match(replaced.output, /"critical".*the key of the audit signer was replaced/)
  }
  assert.equal((await run(second.env)).code, 0)
  assert.match((await run({ ...first.env, AUDIT_SIGNING_NEW_KEY_ID: first.id })).output, /which was replaced before/)
})

test('a key that is the log key itself is not replaced, and the server goes on with it', async () => {
  const [first, second] = [keyFile('first.pem'), keyFile('second.pem')]
  assert.equal((await run(first.env)).code, 0)
  const refused = await run({ ...second.env, AUDIT_SIGNING_NEW_KEY_ID: second.id })
  assert.equal(refused.code, 1)
  assert.match(refused.output, /SIGNER_PINNED/)
  // Without a signer a key of our own would be made, and pass for the log key ever after.
  assert.match((await run({})).output, /SIGNER_PINNED/)
  assert.equal((await run(first.env)).code, 0)
})

test('SIG-3 whoever takes signers.json away does not get another key in, and the one that signed last is told', async () => {
  const envOf = (name: string) => ({ AUDIT_SIGNING_KEY: hash('sha256', name, 'hex'), NODE_ENV: 'production' })
  const [first, second, third] = [envOf('first'), envOf('second'), envOf('third')]
  const registry = join(dir, 'data/keys/signers.json')
  assert.equal((await run(first)).code, 0)
  rmSync(registry)
  const refused = await run(second)
  assert.equal(refused.code, 1)
  const id = /SIGNER_CHANGED.*?"([0-9a-f]{64}) where [0-9a-f]{64} has signed/.exec(
    refused.output.replaceAll('\\', ''),
  )?.[1]
  assert.ok(id !== undefined, refused.output)
  assert.match((await run(first)).output, /"critical".*signers\.json was gone/)
  rmSync(registry)
  assert.match((await run({ ...third, AUDIT_SIGNING_NEW_KEY_ID: id })).output, /SIGNER_CHANGED/)
  assert.match((await run({ ...second, AUDIT_SIGNING_NEW_KEY_ID: id })).output, /"critical".*signer was replaced/)
})

function keyFile(name: string) {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  writeFileSync(join(dir, name), privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
  const id = hash('sha256', publicKey.export({ type: 'spki', format: 'der' }), 'hex')
  return { id, env: { AUDIT_SIGNING_ALG: 'ed25519', AUDIT_SIGNING_PRIVATE_KEY: `file:${join(dir, name)}` } }
}
