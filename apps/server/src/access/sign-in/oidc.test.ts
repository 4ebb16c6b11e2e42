// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { secretOf } from '@sealwatch/keys'
import { decodeJwt, generateKeyPair, importJWK, type JWK, type JWTPayload, SignJWT } from 'jose'
import { browserOf, type Room, signInAs, signInRoom } from '../../../test/sign-in-room.ts'
import { type OidcSettings, oidcPlan } from './settings.ts'

const inRoom = (name: string, work: (room: Room) => Promise<void>, options?: Parameters<typeof signInRoom>[0]) =>
  test(name, async () => {
    const room = await signInRoom(options)
    try {
      await work(room)
    } finally {
      await room.close()
    }
  })

const seconds = () => Math.floor(Date.now() / 1000)
const unsigned = (claims: JWTPayload) =>
  [{ alg: 'none', typ: 'JWT' }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .concat('')
    .join('.')

type Forge = (claims: JWTPayload, key: JWK) => Promise<string | undefined>
const resigned =
  (change: (claims: JWTPayload) => JWTPayload): Forge =>
  async (claims, key) =>
    new SignJWT(change(claims))
      .setProtectedHeader({ alg: 'ES256', kid: key.kid ?? '' })
      .sign(await importJWK(key, 'ES256'))

const forged: Record<string, Forge> = {
  'alg=none': async (claims) => unsigned(claims),
  'a signature cut off': async (claims, key) => (await resigned((all) => all)(claims, key))?.replace(/\.[^.]*$/, '.'),
  'another key': async (claims, key) =>
    new SignJWT(claims)
      .setProtectedHeader({ alg: 'ES256', kid: key.kid ?? '' })
      .sign((await generateKeyPair('ES256')).privateKey),
  'the client secret as key': async (claims) =>
    new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.from('secret-of-the-client-32-characters')),
  'the public key as HMAC key': async (claims, { x = '', y = '', kid = '' }) =>
    new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid }).sign(Buffer.from(x + y)),
  'a key that is not the provider’s': async (claims, key) =>
    new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: 'other' }).sign(await importJWK(key, 'ES256')),
  'another issuer': resigned((claims) => ({ ...claims, iss: 'https://evil.example' })),
  'another audience': resigned((claims) => ({ ...claims, aud: 'another-client' })),
  'another party among audiences': resigned((claims) => ({ ...claims, aud: ['sealwatch', 'other'], azp: 'other' })),
  'another nonce': resigned((claims) => ({ ...claims, nonce: 'x'.repeat(43) })),
  'no nonce': resigned(({ nonce: _nonce, ...claims }) => claims),
  'no subject': resigned(({ sub: _sub, ...claims }) => claims),
  'an empty subject': resigned((claims) => ({ ...claims, sub: '' })),
  'an end beyond the tolerance': resigned((claims) => ({ ...claims, exp: seconds() - 70 })),
  'no end': resigned(({ exp: _exp, ...claims }) => claims),
  'a time that has yet to come': resigned((claims) => ({ ...claims, iat: seconds() + 120 })),
  'a validity that has yet to begin': resigned((claims) => ({ ...claims, nbf: seconds() + 120 })),
  'no token at all': async () => undefined,
  'no token form': async () => 'a.b',
}

inRoom('an ID token that is not to the letter what it must be lets nobody in', async (room) => {
  for (const [what, forge] of Object.entries(forged)) {
    room.provider.mood.spoil = async (body, key) => ({
      ...body,
      id_token: await forge(decodeJwt(String(body.id_token)), key),
    })
    await assert.rejects(signInAs(room, browserOf()), { code: 'LOGIN_UNPROVEN', kind: 'unverified' }, what)
    room.clock.pass(2_000)
  }
  assert.equal(room.sessions.count, 0)
  assert.equal(room.groups.length, 0)
})

for (const method of ['client_secret_basic', 'client_secret_post', 'none'] as const)
  inRoom(
    `the client shows its secret as the provider takes it: ${method}`,
    async (room) => {
      await signInAs(room, browserOf())
      assert.equal(room.sessions.count, 1)
    },
    { method },
  )

inRoom('clocks may differ by a minute', async (room) => {
  const late = resigned((claims) => ({ ...claims, exp: seconds() - 50, iat: seconds() + 50 }))
  room.provider.mood.spoil = async (body, key) => ({
    ...body,
    id_token: await late(decodeJwt(String(body.id_token)), key),
  })
  await signInAs(room, browserOf())
})

inRoom('a provider that is down is told of, and asked again a moment later', async (room) => {
  room.provider.mood.status = 503
  const down = { code: 'PROVIDER_UNAVAILABLE', kind: 'unavailable', advice: /Try again/ }
  await assert.rejects(room.beginLogin(browserOf().visit(), '/'), down)
  room.provider.mood.status = undefined
  const before = room.provider.asked.length
  await assert.rejects(room.beginLogin(browserOf().visit(), '/'), down, 'not asked at once')
  assert.equal(room.provider.asked.length, before)
  room.clock.pass(5_000)
  await signInAs(room, browserOf())
})

inRoom('a provider that goes away between two steps of a log-in is told of too', async (room) => {
  const browser = browserOf()
  const begun = await room.beginLogin(browser.visit(), '/')
  browser.took(begun)
  const back = await browser.through(begun.redirect)
  room.provider.mood.status = 500
  await assert.rejects(room.finishLogin(browser.visit(), back.searchParams), { code: 'PROVIDER_UNAVAILABLE' })
  room.provider.mood.status = undefined
  await signInAs(room, browser)
})

test('nobody listens where the provider should be', async () => {
  const room = await signInRoom()
  await room.provider.close()
  await assert.rejects(room.beginLogin(browserOf().visit(), '/'), {
    code: 'PROVIDER_UNAVAILABLE',
    received: /ECONNREFUSED/,
  })
  await room.store.close()
})

inRoom('a provider that changes its keys goes on to be believed, and only by its new ones', async (room) => {
  await signInAs(room, browserOf())
  let old: JWK | undefined
  room.provider.mood.spoil = async (body, key) => {
    old = key
    return body
  }
  await signInAs(room, browserOf())
  await room.provider.rotate()
  room.provider.mood.spoil = undefined
  await signInAs(room, browserOf())
  room.provider.mood.spoil = async (body) => ({
    ...body,
    id_token: await resigned((all) => all)(decodeJwt(String(body.id_token)), old as JWK),
  })
  await assert.rejects(signInAs(room, browserOf()), { code: 'LOGIN_UNPROVEN' })
})

inRoom('discovery is kept for an hour', async (room) => {
  const discoveries = () => room.provider.asked.filter((path) => path.startsWith('/.well-known/')).length
  await Promise.all([1, 2, 3].map(() => room.beginLogin(browserOf().visit(), '/')))
  await signInAs(room, browserOf())
  assert.equal(discoveries(), 1)
  room.clock.pass(3_600_000)
  await signInAs(room, browserOf())
  assert.equal(discoveries(), 2)
})

inRoom('SSRF: only endpoints of the issuer’s own origin are called, and no redirect is followed', async (room) => {
  let hits = 0
  const elsewhere = createServer((_request, response) => {
    hits += 1
    response.end('{}')
  })
  elsewhere.listen(0, '127.0.0.1')
  await once(elsewhere, 'listening')
  const there = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}`
  const changes: Record<string, unknown>[] = [
    { token_endpoint: `${there}/token` },
    { jwks_uri: `${there}/jwks` },
    { authorization_endpoint: `${there}/auth` },
    { authorization_endpoint: 'javascript:alert(1)' },
    { jwks_uri: 'http://169.254.169.254/latest/meta-data' },
    { token_endpoint: 'file:///etc/passwd' },
    { issuer: there },
  ]
  for (const change of changes) {
    room.provider.mood.describe = (document) => ({ ...document, ...change })
    await assert.rejects(
      room.beginLogin(browserOf().visit(), '/'),
      /PROVIDER_(UNFIT|UNAVAILABLE)/,
      JSON.stringify(change),
    )
    room.clock.pass(5_000)
  }
  // What is only sometimes there, and lies elsewhere, is left out.
  room.provider.mood.describe = (document) => ({
    ...document,
    userinfo_endpoint: `${there}/me`,
    end_session_endpoint: `${there}/end`,
  })
  room.provider.mood.account = { sub: 'alice', groups: ['sec'] }
  await assert.rejects(signInAs(room, browserOf()), { code: 'LOGIN_WITHOUT_ROLE' }, 'groups stand in userinfo alone')
  assert.equal(hits, 0)
  elsewhere.close()
})

inRoom('a discovery document without end is not read to its end', async (room) => {
  room.provider.mood.describe = (document) => ({ ...document, padding: 'x'.repeat(300_000) })
  await assert.rejects(room.beginLogin(browserOf().visit(), '/'), {
    code: 'PROVIDER_UNFIT',
    received: /more than 262144 bytes/,
  })
})

inRoom('groups that cannot be read are not taken for none', async (room) => {
  const bad: unknown[] = [
    Array.from({ length: 501 }, (_, index) => `g${index}`),
    ['x'.repeat(257)],
    [7],
    [''],
    { sec: true },
    true,
  ]
  for (const groups of bad) {
    room.provider.mood.account = { sub: 'alice', groups }
    await assert.rejects(signInAs(room, browserOf()), { code: 'LOGIN_UNPROVEN' }, JSON.stringify(groups).slice(0, 40))
  }
  for (const overage of [{ _claim_names: { groups: 'src1' } }, { hasgroups: true }, { hasgroups: 'true' }]) {
    room.clock.pass(60_000)
    room.provider.mood.account = { sub: 'alice', ...overage }
    await assert.rejects(signInAs(room, browserOf()), { code: 'LOGIN_UNPROVEN', advice: /Entra ID/ })
  }
  room.clock.pass(60_000)
  assert.equal(room.groups.length, 0)
  room.provider.mood.account = { sub: 'alice', groups: 'sec' }
  await signInAs(room, browserOf())
  assert.deepEqual(room.groups.at(-1)?.groups, ['sec'])
})

inRoom('names are shown as text, whatever a provider sends', async (room) => {
  const name = '\u202eadmin\u0000\u200b  A\u030Alice\n\u2028root\u001b[31m'
  room.provider.mood.account = { sub: 'alice', name, email: 'a\u0000@b\nc', groups: ['sec'] }
  const browser = browserOf()
  await signInAs(room, browser)
  const { person } = await room.acts.view(browser.visit())
  assert.deepEqual([person.name, person.email], ['admin Ålice root[31m', ''])
})

test('settings of a provider are refused unless they are safe', () => {
  const sound: OidcSettings = {
    issuer: 'https://id.example.com/realms/sec',
    clientId: 'sealwatch',
    clientSecret: secretOf('s'),
    scopes: 'profile',
    groupsClaim: 'groups',
    endpointOrigins: '',
    ca: undefined,
  }
  const plan = oidcPlan(sound)
  assert.equal(plan?.scope, 'openid profile')
  assert.deepEqual([...(plan?.origins ?? [])], ['https://id.example.com'])
  assert.equal(oidcPlan({ ...sound, issuer: '', clientId: '', clientSecret: undefined }), undefined)
  for (const issuer of ['http://127.0.0.1:1', 'http://localhost:1', 'http://[::1]:1', 'http://127.9.9.9:1'])
    assert.ok(oidcPlan({ ...sound, issuer }))
  const refused: Partial<OidcSettings>[] = [
    { issuer: '' },
    { clientId: '' },
    { issuer: 'http://id.example.com' },
    { issuer: 'http://localhost.example.com' },
    { issuer: 'http://127.0.0.1.example.com' },
    { issuer: 'ftp://id.example.com' },
    { issuer: 'id.example.com' },
    { issuer: 'https://user:pass@id.example.com' },
    { issuer: 'https://id.example.com/?a=b' },
    { issuer: 'https://id.example.com/#a' },
    { issuer: 'https://login.microsoftonline.com/common/v2.0' },
    { issuer: 'https://login.microsoftonline.com/organizations/v2.0' },
    { endpointOrigins: 'https://a.example,http://b.example' },
  ]
  for (const change of refused)
    assert.throws(() => oidcPlan({ ...sound, ...change }), { code: 'PROVIDER_SETTINGS' }, JSON.stringify(change))
})
