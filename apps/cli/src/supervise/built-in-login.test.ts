// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { placeOf } from '../place.ts'
import { builtInLogin, providerAnswers, wantsBuiltIn } from './built-in-login.ts'
import { partsOf } from './parts.ts'

test('the built-in provider is for one machine to try things out on', () => {
  const wanted: Record<string, string>[] = [
    {},
    { NODE_ENV: 'development' },
    { SEALWATCH_SERVER_OIDC_ISSUER: '' },
    { SEALWATCH_SERVER_API_ADDRESS: '127.0.0.1' },
  ]
  const unwanted: Record<string, string>[] = [
    { NODE_ENV: 'production' },
    { NODE_ENV: 'staging' },
    { REQUIRE_KMS: 'true' },
    { SEALWATCH_SERVER_OIDC_ISSUER: 'https://id.example.com' },
    { SEALWATCH_SERVER_OIDC_CLIENT_ID: 'x' },
    { SEALWATCH_SERVER_API_ADDRESS: '0.0.0.0' },
    { SEALWATCH_SERVER_PUBLIC_ORIGIN: 'https://sealwatch.example.com' },
  ]
  for (const env of wanted) assert.ok(wantsBuiltIn(env), JSON.stringify(env))
  for (const env of unwanted) assert.ok(!wantsBuiltIn(env), JSON.stringify(env))
})

test('server and provider are handed the same secret, by a pipe, and it stands in no environment', async () => {
  const login = builtInLogin(7445)
  const view = { data: '/d', wrap: (argv: readonly string[]) => argv }
  const place = placeOf('/nonexistent/data')
  const parts = partsOf({
    place,
    view,
    root: '/',
    joined: undefined,
    address: '127.0.0.1',
    port: 1,
    apiPort: 7444,
    login,
    watch: [],
    env: {},
  })
  assert.deepEqual(
    parts.map(({ name }) => name),
    ['sensor', 'agent', 'guard', 'hands', 'dev-login', 'server'],
  )
  const part = (wanted: string) => parts.find(({ name }) => name === wanted)
  assert.deepEqual(part('server')?.secrets, { SEALWATCH_SERVER_OIDC_CLIENT_SECRET: login.secret })
  assert.deepEqual(part('dev-login')?.secrets, { SEALWATCH_DEV_LOGIN_CLIENT_SECRET: login.secret })
  assert.ok(login.secret.length >= 43 && builtInLogin(1).secret !== login.secret)
  for (const { env, argv } of parts) assert(!JSON.stringify([env, argv]).includes(login.secret))
  const { env = {} } = part('server') ?? {}
  assert.deepEqual(
    [env.SEALWATCH_SERVER_OIDC_ISSUER, env.SEALWATCH_SERVER_PUBLIC_ORIGIN, env.AUDIT_SIGNING_SECRETS],
    ['http://127.0.0.1:7445', 'http://localhost:7444', 'stdin'],
  )
  assert.equal(part('dev-login')?.env.SEALWATCH_DEV_LOGIN_ORIGIN, 'http://localhost:7444')
  assert.equal(await providerAnswers({ ...login, issuer: 'http://127.0.0.1:1' }), undefined)
})
