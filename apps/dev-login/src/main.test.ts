// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import process from 'node:process'
import { test } from 'node:test'
import { handedSecret } from './handed.ts'

const origin = { SEALWATCH_DEV_LOGIN_ORIGIN: 'http://localhost:8443' }
const secret = (text: string) => JSON.stringify({ SEALWATCH_DEV_LOGIN_CLIENT_SECRET: text })

function start(env: Record<string, string>, input: string) {
  const argv = ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'main.ts')]
  const { status, stdout } = spawnSync(process.execPath, argv, { env: { ...origin, ...env }, input, encoding: 'utf8' })
  return { status, stdout }
}

test('it does not start in production, nor for another place than this machine, nor with a secret in its environment', () => {
  for (const env of [
    { NODE_ENV: 'production' },
    { NODE_ENV: 'prod' },
    { SEALWATCH_DEV_LOGIN_ORIGIN: 'https://sealwatch.example.com' },
    { SEALWATCH_DEV_LOGIN_ORIGIN: 'http://localhost.evil.example:1' },
    { SEALWATCH_DEV_LOGIN_CLIENT_SECRET: 'x'.repeat(43) },
  ] as Record<string, string>[]) {
    const { status, stdout } = start(env, secret('x'.repeat(43)))
    assert.equal(status, 1, JSON.stringify(env))
    assert.match(stdout, /CONFIG_INVALID/)
    assert(!stdout.includes('x'.repeat(43)))
  }
})

test('the secret comes by standard input, in one form', () => {
  assert.equal(handedSecret(Buffer.from(secret('y'.repeat(43)))), 'y'.repeat(43))
  for (const wrong of [
    '',
    '{}',
    'null',
    '[]',
    secret('short'),
    secret(`${'y'.repeat(42)}\n`),
    `${secret('y'.repeat(43))}x`,
  ])
    assert.throws(() => handedSecret(Buffer.from(wrong)), { code: 'DEV_LOGIN_SECRET' }, wrong)
  const { status, stdout } = start({}, 'hunter2-is-no-object')
  assert.equal(status, 1)
  assert.match(stdout, /DEV_LOGIN_SECRET/)
  assert(!stdout.includes('hunter2'))
})
