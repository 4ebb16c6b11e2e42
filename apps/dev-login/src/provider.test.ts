// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { request as plainRequest } from 'node:http'
import { test } from 'node:test'
import { createLog, systemClock } from '@sealwatch/base'
import { createRemoteJWKSet, jwtVerify, SignJWT } from 'jose'
import { openDoor } from './listen.ts'
import { clientId, createDevProvider } from './provider.ts'

const clientSecret = randomBytes(32).toString('base64url')
const origin = 'http://localhost:8443'
const redirectUri = `${origin}/auth/callback`

async function running<T>(work: (issuer: string) => Promise<T>): Promise<T> {
  const door = await openDoor(0)
  const log = createLog(
    'test',
    () => undefined,
    () => 0,
  )
  const provider = await createDevProvider({ issuer: door.issuer, origin, clientSecret, clock: systemClock, log })
  door.serve((request, response) => void provider(request, response))
  try {
    return await work(door.issuer)
  } finally {
    await door.close()
  }
}

const inSeconds = (seconds: number) => Math.floor(systemClock.nowMs() / 1000) + seconds

type Hint = { sub?: string; name?: unknown; state?: string; aud?: string; exp?: number; typ?: string; secret?: string }
const hintOf = (issuer: string, state: string, change: Hint = {}) => {
  const { sub = 'operator', name = 'Local operator', aud = issuer, exp = inSeconds(60), secret = clientSecret } = change
  return new SignJWT({ name, state: change.state ?? state })
    .setProtectedHeader({ alg: 'HS256', typ: change.typ ?? 'sealwatch-hint+jwt' })
    .setSubject(sub)
    .setAudience(aud)
    .setExpirationTime(exp)
    .sign(Buffer.from(secret))
}

/** A browser that goes wherever it is led, up to the dashboard. */
function browser() {
  const cookies = new Map<string, string>()
  return async (from: string): Promise<{ url: URL; status: number; body: string }> => {
    let url = from
    for (;;) {
      const cookie = [...cookies].map((pair) => pair.join('=')).join('; ')
      const response = await fetch(url, { redirect: 'manual', headers: { cookie } })
      for (const set of response.headers.getSetCookie()) {
        const [name = '', value = ''] = (set.split(';')[0] ?? '').split('=')
        cookies.set(name, value)
      }
      const next = response.headers.get('location')
      if (next === null) return { url: new URL(url), status: response.status, body: await response.text() }
      url = new URL(next, url).href
      if (url.startsWith(origin)) return { url: new URL(url), status: 303, body: '' }
    }
  }
}

const verifier = randomBytes(32).toString('base64url')
function authorization(issuer: string, state: string, more: Record<string, string> = {}) {
  const url = new URL(`${issuer}/auth`)
  const parameters = {
    response_type: 'code',
    client_id: clientId,
    redirect_uri: redirectUri,
    scope: 'openid profile email',
    state,
    nonce: 'n',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...more,
  }
  for (const [name, value] of Object.entries(parameters)) if (value !== '') url.searchParams.set(name, value)
  return url.href
}

async function redeem(issuer: string, code: string, with_: Record<string, string> = {}) {
  const response = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(`${clientId}:${with_.secret ?? clientSecret}`).toString('base64')}`,
    },
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code,
      redirect_uri: redirectUri,
      code_verifier: with_.verifier ?? verifier,
    }),
  })
  return { status: response.status, body: (await response.json()) as { id_token: string; error: string } }
}

test('whom the server’s word names signs in, without a password and without a question', async () => {
  await running(async (issuer) => {
    const go = browser()
    const hint = await hintOf(issuer, 's1')
    const { url } = await go(authorization(issuer, 's1', { login_hint: hint }))
    assert.equal(url.href.split('?')[0], redirectUri)
    assert.equal(url.searchParams.get('state'), 's1')
    const { body } = await redeem(issuer, url.searchParams.get('code') ?? '')
    const keys = createRemoteJWKSet(new URL(`${issuer}/jwks`))
    const { payload } = await jwtVerify(body.id_token, keys, { issuer, audience: clientId, algorithms: ['ES256'] })
    assert.deepEqual([payload.sub, payload.name, payload.nonce], ['operator', 'Local operator', 'n'])
    assert.equal((await redeem(issuer, url.searchParams.get('code') ?? '')).body.error, 'invalid_grant', 'once')
  })
})

test('nobody else does: not without a word, nor with one that is not the server’s for this very log-in', async () => {
  await running(async (issuer) => {
    const refused: Record<string, string> = {
      none: '',
      text: 'operator',
      'another secret': await hintOf(issuer, 's', { secret: 'x'.repeat(43) }),
      'another log-in': await hintOf(issuer, 's', { state: 'other' }),
      'another provider': await hintOf(issuer, 's', { aud: 'http://127.0.0.1:1' }),
      over: await hintOf(issuer, 's', { exp: inSeconds(-1) }),
      'another kind': await hintOf(issuer, 's', { typ: 'JWT' }),
      'a subject that is none': await hintOf(issuer, 's', { sub: '../operator' }),
      'no name': await hintOf(issuer, 's', { name: 7 }),
      'alg none': `${Buffer.from('{"alg":"none","typ":"sealwatch-hint+jwt"}').toString('base64url')}.e30.`,
    }
    for (const [what, login_hint] of Object.entries(refused)) {
      const { status, url, body } = await browser()(authorization(issuer, 's', { login_hint }))
      assert.deepEqual([status, url.pathname.startsWith('/interaction/')], [403, true], what)
      assert.match(body, /Development provider.*sudo \.\/sealwatch login/s)
      assert.doesNotMatch(body, /<script|operator/)
    }
  })
})

test('whoever was here before is asked again, and gets nobody’s session', async () => {
  await running(async (issuer) => {
    const go = browser()
    await go(authorization(issuer, 's1', { login_hint: await hintOf(issuer, 's1') }))
    assert.equal((await go(authorization(issuer, 's2'))).status, 403)
    const silent = await go(authorization(issuer, 's3', { prompt: 'none' }))
    assert.match(silent.url.searchParams.get('error') ?? '', /_required$/)
    const { url } = await go(
      authorization(issuer, 's4', { login_hint: await hintOf(issuer, 's4', { sub: 'invited-1', name: 'Zoë' }) }),
    )
    const { body } = await redeem(issuer, url.searchParams.get('code') ?? '')
    assert.match(
      Buffer.from(body.id_token.split('.')[1] ?? '', 'base64url').toString(),
      /"sub":"invited-1".*"name":"Zoë"/,
    )
  })
})

test('its one client is the server, and leads back to the dashboard alone', async () => {
  await running(async (issuer) => {
    const login_hint = await hintOf(issuer, 's')
    const changes: Record<string, string>[] = [
      { redirect_uri: 'http://localhost:8444/auth/callback' },
      { redirect_uri: 'http://evil.example/auth/callback' },
      { client_id: 'other' },
      { code_challenge: '', code_challenge_method: '' },
      { code_challenge_method: 'plain' },
      { response_type: 'id_token' },
    ]
    for (const change of changes) {
      const { url } = await browser()(authorization(issuer, 's', { login_hint, ...change }))
      assert.equal(url.searchParams.get('code'), null, JSON.stringify(change))
      assert.ok(!url.host.includes('evil'), JSON.stringify(change))
    }
    const { url } = await browser()(authorization(issuer, 's', { login_hint }))
    const code = url.searchParams.get('code') ?? ''
    assert.equal((await redeem(issuer, code, { secret: 'y'.repeat(43) })).body.error, 'invalid_client')
    assert.equal((await redeem(issuer, code, { verifier: 'z'.repeat(43) })).body.error, 'invalid_grant')
  })
})

test('DNS rebinding: under another name it is not to be had', async () => {
  await running(async (issuer) => {
    for (const host of ['evil.example', 'localhost:1', `${new URL(issuer).host}.evil.example`]) {
      const { promise, resolve } = Promise.withResolvers<number | undefined>()
      plainRequest(`${issuer}/.well-known/openid-configuration`, { headers: { host } }, (response) => {
        response.resume()
        resolve(response.statusCode)
      }).end()
      assert.equal(await promise, 421)
    }
  })
})

test('a way here that was cut short ends at a page that says so, and quotes nothing as markup', async () => {
  await running(async (issuer) => {
    const answer = await fetch(`${issuer}/auth?client_id=%3Cb%3E`, { headers: { accept: 'text/html' } })
    assert.equal(answer.status, 400)
    assert.match(answer.headers.get('content-security-policy') ?? '', /^default-src 'none'; style-src 'sha256-/)
    assert.match(await answer.text(), /<h1>Signing in did not work<\/h1>(?!.*<b>).*<small>invalid/s)
  })
})
