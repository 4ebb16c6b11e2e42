// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { handedMark, isSecretVariable, withHanded } from './handed.ts'

const read = (text: string) => () => Buffer.from(text)

test('secret settings are read from standard input where the settings say so, and only there', () => {
  const text = JSON.stringify({ AUDIT_SIGNING_KEY: 'a', AWS_SECRET_ACCESS_KEY: 'b' })
  assert.deepEqual(withHanded({ REQUIRE_KMS: 'true', ...handedMark }, read(text)), {
    REQUIRE_KMS: 'true',
    ...handedMark,
    AUDIT_SIGNING_KEY: 'a',
    AWS_SECRET_ACCESS_KEY: 'b',
  })
  const never = () => assert.fail('standard input is not ours')
  assert.deepEqual(withHanded({ AUDIT_SIGNING_KEY: 'c' }, never), { AUDIT_SIGNING_KEY: 'c' })
})

test('what is no object of secret variables is refused, and not shown', () => {
  for (const text of ['', 'hidden', '[]', 'null', '{"NODE_OPTIONS":"hidden"}', '{"AUDIT_SIGNING_KEY":1,"a":"hidden"}'])
    assert.throws(
      () => withHanded({ ...handedMark }, read(text)),
      (error: Error & { code?: string }) => {
        assert.equal(error.code, 'SIGNER_SETTINGS')
        assert.ok(!inspect(error, { depth: 9 }).includes('hidden'))
        return true
      },
    )
})

test('which variables are secret', () => {
  for (const name of ['AUDIT_SIGNING_KEY', 'AUDIT_SIGNING_PRIVATE_KEY', 'SIGNING_PROXY_API_KEY', 'AWS_SESSION_TOKEN'])
    assert.ok(isSecretVariable(name), name)
  for (const name of ['NODE_ENV', 'AWS_REGION', 'AUDIT_SIGNING_KMS_KEY_ID']) assert.ok(!isSecretVariable(name), name)
})
