// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { chooseSigner } from './choose.ts'
import { isSignerVariable, readSignerSettings } from './settings.ts'

type Env = Record<string, string>
const choose = (env: Env) => chooseSigner(readSignerSettings(env))

const secret = '5f0c7c2f6a5be1d3a4978e10c2b64d8f'
const pem = '-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END PRIVATE KEY-----\n'
const production = { NODE_ENV: 'production' }
const kms = { AUDIT_SIGNING_KMS_KEY_ID: 'arn:aws:kms:eu-west-1:111122223333:key/x' }
const proxy = { SIGNING_PROXY_URL: 'https://signer.internal:8443/', SIGNING_PROXY_API_KEY: 'swp_1' }
const mtls = { SIGNING_PROXY_CLIENT_CERT_FILE: '/c.pem', SIGNING_PROXY_CLIENT_KEY_FILE: '/k.pem' }
const proxyMtls = { SIGNING_PROXY_URL: 'https://signer.internal:8443', ...mtls }
const hsm = {
  AUDIT_SIGNING_PKCS11_MODULE: '/usr/lib/m.so',
  AUDIT_SIGNING_PKCS11_TOKEN: 'token',
  AUDIT_SIGNING_PKCS11_KEY: 'audit',
  AUDIT_SIGNING_PKCS11_PIN_FILE: '/pin',
}
const hmacKey = { AUDIT_SIGNING_KEY: secret }
const edKey = { AUDIT_SIGNING_ALG: 'ed25519', AUDIT_SIGNING_PRIVATE_KEY: pem }
const ci = {
  AUDIT_SIGNING_KEY: 'test-ci-signing-key',
  SIGNING_PROXY_URL: 'http://127.0.0.1:8081',
  SIGNING_PROXY_API_KEY: 'swp_1',
  REQUIRE_KMS: 'false',
}

const chosen: [
  name: string,
  env: Env,
  active: string | undefined,
  standby: string | undefined,
  alarm: RegExp | null,
][] = [
  ['nothing', {}, undefined, undefined, /no signer is configured/],
  ['nothing, with names that are empty', { AUDIT_SIGNING_KEY: '', SIGNING_PROXY_URL: '' }, undefined, undefined, /no/],
  ['nothing but ed25519', { AUDIT_SIGNING_ALG: 'ed25519' }, undefined, undefined, /no signer/],
  ['REQUIRE_KMS=false alone', { REQUIRE_KMS: 'false' }, undefined, undefined, /no signer/],
  ['KMS', kms, 'aws-kms hmac-sha256', undefined, null],
  ['KMS in production', { ...kms, ...production, AUDIT_SIGNING_ALG: 'ed25519' }, 'aws-kms ed25519', undefined, null],
  ['proxy', { ...proxy, ...production }, 'signing-proxy hmac-sha256', undefined, null],
  ['proxy by mTLS', { ...proxyMtls, ...production }, 'signing-proxy hmac-sha256', undefined, null],
  ['HSM', { ...hsm, ...production, AUDIT_SIGNING_ALG: 'rsa-sha256' }, 'pkcs11 rsa-sha256', undefined, null],
  ['secret', hmacKey, 'file hmac-sha256', undefined, null],
  [
    'secret in production',
    { ...hmacKey, ...production },
    'file hmac-sha256',
    undefined,
    /EMERGENCY: AUDIT_SIGNING_KEY/,
  ],
  ['private key', edKey, 'file ed25519', undefined, null],
  ['private key, required', { ...edKey, REQUIRE_KMS: 'true' }, 'file ed25519', undefined, /EMERGENCY/],
  ['keeper before local', { ...kms, ...hmacKey }, 'aws-kms hmac-sha256', 'file hmac-sha256', /not used/],
  ['mock', { MOCK_AUDIT_SIGNING_KEY: 'x' }, 'mock hmac-sha256', undefined, /no.* evidence/],
  ['local before mock', { MOCK_AUDIT_SIGNING_KEY: 'x', ...hmacKey }, 'file hmac-sha256', undefined, null],
  ...['development', 'test', 'ci', 'local', ' Test'].map((environment): (typeof chosen)[number] => [
    `mock with NODE_ENV=${environment}`,
    { NODE_ENV: environment, MOCK_AUDIT_SIGNING_KEY: 'x' },
    'mock hmac-sha256',
    undefined,
    /evidence/,
  ]),
  [
    'KMS elsewhere',
    { ...kms, ...production, AWS_ENDPOINT_URL_KMS: 'https://kms.internal' },
    'aws-kms hmac-sha256',
    undefined,
    null,
  ],
  ['KMS of a test', { ...kms, AWS_ENDPOINT_URL_KMS: 'http://127.0.0.1:4566' }, 'aws-kms hmac-sha256', undefined, null],
  ['SIG-3: the mode of CI', ci, 'signing-proxy hmac-sha256', 'file hmac-sha256', /not used/],
  ['SIG-3: CI without its proxy', { AUDIT_SIGNING_KEY: 'test-ci-signing-key' }, 'file hmac-sha256', undefined, null],
]

for (const [name, env, active, standby, alarm] of chosen) {
  test(`SIG-3 chosen: ${name}`, () => {
    const plan = choose(env)
    const show = (choice: typeof plan.active) => choice && `${choice.backend} ${choice.algorithm}`
    assert.equal(show(plan.active), active)
    assert.equal(show(plan.standby), standby)
    if (alarm === null) assert.deepEqual(plan.alarms, [])
    else assert.match(plan.alarms.join(), alarm)
  })
}

const refused: [name: string, env: Env, code: string, received?: RegExp][] = [
  ['production without a signer', production, 'SIGNER_REQUIRED'],
  ['NODE_ENV written otherwise', { NODE_ENV: ' Prod' }, 'SIGNER_REQUIRED'],
  ['REQUIRE_KMS without a signer', { REQUIRE_KMS: 'true' }, 'SIGNER_REQUIRED'],
  ['production, though REQUIRE_KMS=false', { ...production, REQUIRE_KMS: 'false' }, 'SIGNER_REQUIRED'],
  ['REQUIRE_KMS=yes', { REQUIRE_KMS: 'yes' }, 'CONFIG_INVALID'],
  ['an unknown algorithm', { ...kms, AUDIT_SIGNING_ALG: 'sha256' }, 'CONFIG_INVALID'],
  ['a name that is nearly ours', { AUDIT_SIGNING_KMS_KEYID: 'x' }, 'CONFIG_INVALID'],
  ['the mock in production', { ...production, MOCK_AUDIT_SIGNING_KEY: 'x' }, 'SIGNER_FORBIDDEN', /MOCK_AUDIT/],
  ['the mock beside KMS in production', { ...production, ...kms, MOCK_AUDIT_SIGNING_KEY: secret }, 'SIGNER_FORBIDDEN'],
  [
    'the key of CI in production',
    { ...production, AUDIT_SIGNING_KEY: 'test-ci-signing-key' },
    'SIGNER_FORBIDDEN',
    /test/,
  ],
  [
    'the key of CI beside KMS',
    { ...production, ...kms, AUDIT_SIGNING_KEY: ' TEST-CI-signing-key' },
    'SIGNER_FORBIDDEN',
  ],
  ['a key that says test', { ...production, AUDIT_SIGNING_KEY: `${secret}-test` }, 'SIGNER_FORBIDDEN', /calls itself/],
  ['a short secret', { ...production, AUDIT_SIGNING_KEY: secret.slice(1) }, 'SIGNER_FORBIDDEN', /guessed/],
  ['a dull secret', { ...production, AUDIT_SIGNING_KEY: 'ab'.repeat(20) }, 'SIGNER_FORBIDDEN', /guessed/],
  [
    'the key of CI, twice',
    { ...production, AUDIT_SIGNING_KEY: 'testcisigningkeytestcisigningkey' },
    'SIGNER_FORBIDDEN',
  ],
  [
    'the key of the mock, twice',
    { ...production, AUDIT_SIGNING_KEY: 'MockAuditSigningKey_mockauditsigningkey' },
    'SIGNER_FORBIDDEN',
    /published/,
  ],
  [
    'a published key in other words',
    { ...production, AUDIT_SIGNING_KEY: 'acme_TestCI.SigningKey-2026-eu-west-1' },
    'SIGNER_FORBIDDEN',
    /published/,
  ],
  ['digits, twice', { ...production, AUDIT_SIGNING_KEY: '0123456789abcdef'.repeat(2) }, 'SIGNER_FORBIDDEN', /guessed/],
  [
    'a secret that repeats itself in part',
    { ...production, AUDIT_SIGNING_KEY: `${secret.slice(0, 12)}-`.repeat(3) },
    'SIGNER_FORBIDDEN',
    /guessed/,
  ],
  [
    'the alphabet and digits',
    { ...production, AUDIT_SIGNING_KEY: 'abcdefghijklmnopqrstuvwxyz-9876543210' },
    'SIGNER_FORBIDDEN',
    /guessed/,
  ],
  ['keys in a row', { ...production, AUDIT_SIGNING_KEY: 'qwertyuiop1234567890asdfghjklzxcvbnm' }, 'SIGNER_FORBIDDEN'],
  ...['prd', 'live', 'Production ', 'staging', 'PROD'].map((environment): (typeof refused)[number] => [
    `the mock with NODE_ENV=${environment}`,
    { NODE_ENV: environment, MOCK_AUDIT_SIGNING_KEY: 'x' },
    'SIGNER_FORBIDDEN',
  ]),
  ['an environment of no known name, without a signer', { NODE_ENV: 'live' }, 'SIGNER_REQUIRED', /NODE_ENV=live/],
  [
    'KMS without TLS in production',
    { ...production, ...kms, AWS_ENDPOINT_URL_KMS: 'http://127.0.0.1:4566' },
    'SIGNER_SETTINGS',
    /AWS_ENDPOINT_URL_KMS without TLS/,
  ],
  [
    'AWS without TLS in production, whoever signs',
    { ...production, ...proxy, AWS_ENDPOINT_URL: 'http://kms' },
    'SIGNER_SETTINGS',
    /AWS_ENDPOINT_URL without TLS/,
  ],
  ['two keepers', { ...kms, ...proxy }, 'SIGNER_SETTINGS', /aws-kms and signing-proxy/],
  ['three keepers', { ...kms, ...proxy, ...hsm }, 'SIGNER_SETTINGS', /pkcs11/],
  ['a private key alone', { AUDIT_SIGNING_PRIVATE_KEY: pem }, 'SIGNER_SETTINGS', /KEY without AUDIT_SIGNING_ALG/],
  [
    'a private key for hmac',
    { AUDIT_SIGNING_PRIVATE_KEY: pem, AUDIT_SIGNING_ALG: 'hmac-sha256' },
    'SIGNER_SETTINGS',
    /AUDIT_SIGNING_PRIVATE_KEY with/,
  ],
  ['a secret for ed25519', { ...hmacKey, AUDIT_SIGNING_ALG: 'ed25519' }, 'SIGNER_SETTINGS', /AUDIT_SIGNING_KEY with/],
  ['both local keys', { ...hmacKey, ...edKey }, 'SIGNER_SETTINGS'],
  ['an algorithm alone', { AUDIT_SIGNING_ALG: 'rsa-sha256' }, 'SIGNER_SETTINGS', /no signer/],
  [
    'a proxy without TLS elsewhere',
    { ...ci, SIGNING_PROXY_URL: 'http://signer:8081' },
    'SIGNER_SETTINGS',
    /without TLS/,
  ],
  [
    'a proxy without TLS in production',
    { ...proxy, ...production, SIGNING_PROXY_URL: ci.SIGNING_PROXY_URL },
    'SIGNER_SETTINGS',
  ],
  ['a proxy of another scheme', { ...proxy, SIGNING_PROXY_URL: 'ftp://signer' }, 'SIGNER_SETTINGS', /https/],
  ['a proxy with a password', { ...proxy, SIGNING_PROXY_URL: 'https://u:p@signer' }, 'SIGNER_SETTINGS', /https/],
  ['a proxy without a key', { SIGNING_PROXY_URL: proxy.SIGNING_PROXY_URL }, 'SIGNER_SETTINGS', /without API key/],
  ['a proxy with both', { ...proxy, ...mtls }, 'SIGNER_SETTINGS', /and an API key/],
  ['half a certificate', { ...proxy, SIGNING_PROXY_CLIENT_CERT_FILE: '/c' }, 'SIGNER_SETTINGS', /without the other/],
  ['a key of a proxy that is not there', { ...kms, SIGNING_PROXY_API_KEY: 'k' }, 'SIGNER_SETTINGS', /without SIGNING/],
  ['an HSM by label and by slot', { ...hsm, AUDIT_SIGNING_PKCS11_SLOT: '1' }, 'SIGNER_SETTINGS', /exactly one/],
  ['an HSM without PIN', { ...hsm, AUDIT_SIGNING_PKCS11_PIN_FILE: '' }, 'SIGNER_SETTINGS', /_PIN_FILE/],
  ['parts of an HSM', { AUDIT_SIGNING_PKCS11_KEY: 'audit' }, 'SIGNER_SETTINGS', /without AUDIT_SIGNING_PKCS11_MODULE/],
]

for (const [name, env, code, received] of refused) {
  test(`SIG-3 refused: ${name}`, () => {
    assert.throws(
      () => choose(env),
      (error: Error & { code: string; received?: string }) => {
        assert.equal(error.code, code)
        if (received !== undefined) assert.match(error.received ?? '', received)
        for (const value of [secret, pem, secret.slice(1)])
          assert.ok(!inspect(error, { depth: 9 }).includes(value), 'the error shows a secret')
        return true
      },
    )
  })
}

test('SIG-3 no secret that is drawn at random is taken for a guessable one', () => {
  for (let i = 0; i < 200; i += 1) {
    const [hex, base64] = (['hex', 'base64'] as const).map((form) => hash('sha256', `drawn ${i}`, form)) as [
      string,
      string,
    ]
    for (const drawn of [hex, base64, hex.slice(0, 32)])
      assert.equal(choose({ ...production, AUDIT_SIGNING_KEY: drawn }).active?.backend, 'file', drawn)
  }
})

test('SIG-3 the words that an operator looks for', () => {
  assert.throws(() => choose(production), {
    message: /Audit signing is required but no signer is configured.*AUDIT_SIGNING_KMS_KEY_ID.*SIGNING_PROXY_URL/,
  })
})

test('a plan shows no secret, however it is printed', () => {
  for (const env of [hmacKey, edKey, proxy]) {
    const plan = choose(env)
    for (const text of [inspect(plan, { depth: 9 }), JSON.stringify(plan)])
      for (const value of [secret, pem, 'swp_1']) assert.ok(!text.includes(value))
  }
})

test('which variables are handed to whoever signs', () => {
  for (const name of ['NODE_ENV', 'REQUIRE_KMS', 'AUDIT_SIGNING_ALG', 'SIGNING_PROXY_URL', 'AWS_REGION'])
    assert.ok(isSignerVariable(name), name)
  for (const name of ['NODE_OPTIONS', 'LD_PRELOAD', 'HOME']) assert.ok(!isSignerVariable(name), name)
})
