// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeCa, makeCertificate } from '../test/certificates.ts'
import { authenticate, hashApiKey, mayAsk, parseCallers } from './callers.ts'

const key = `swp_${'k'.repeat(43)}`
const other = `swp_${'o'.repeat(43)}`
const row = { name: 'server-1', api_key_sha256: hashApiKey(key).toHex(), purposes: ['probe'] }
const second = { ...row, name: 'server-2', api_key_sha256: hashApiKey(other).toHex() }
const byName = { name: 'server-3', certificate_dns: 'server-3.site.test', purposes: ['probe'] }
const parse = (value: unknown) => parseCallers(JSON.stringify(value), 'testing')

test('rows are read, with the default of what may be left out', () => {
  const [first, , third] = parse({ callers: [row, { ...second, signatures_per_minute: 5 }, byName] })
  assert.equal(first?.signaturesPerMinute, 600)
  assert.equal(third?.certificateName, 'server-3.site.test')
  assert.equal(third?.apiKeyHash, undefined)
})

const wrong: [string, unknown, RegExp][] = [
  ['no list', {}, /something else/],
  ['a member more', { callers: [row], more: 1 }, /something else/],
  ['nobody', { callers: [] }, /0 callers/],
  ['an unknown member', { callers: [{ ...row, admin: true }] }, /the member admin/],
  ['a name', { callers: [{ ...row, name: 'A b' }] }, /the name/],
  ['neither key nor certificate', { callers: [{ name: 'a', purposes: ['x'] }] }, /not exactly one/],
  ['both', { callers: [{ ...row, certificate_dns: 'a.test' }] }, /not exactly one/],
  ['the key itself', { callers: [{ ...row, api_key_sha256: key }] }, /64 hexadecimal/],
  ['a wildcard name', { callers: [{ ...byName, certificate_dns: '*.test' }] }, /DNS name/],
  ['no purposes', { callers: [{ ...row, purposes: [] }] }, /purposes/],
  ['every purpose', { callers: [{ ...row, purposes: ['*'] }] }, /a purpose/],
  ['no rate', { callers: [{ ...row, signatures_per_minute: 0 }] }, /signatures_per_minute/],
  ['one name twice', { callers: [row, { ...second, name: row.name }] }, /two callers of one name/],
  ['one key twice', { callers: [row, { ...row, name: 'x' }] }, /with one API key/],
  ['one certificate twice', { callers: [byName, { ...byName, name: 'x' }] }, /with one certificate/],
]
for (const [name, value, received] of wrong) {
  test(`refused: ${name}`, () => assert.throws(() => parse(value), { code: 'PROXY_CALLERS', received }))
}
test('refused: no JSON', () => assert.throws(() => parseCallers('{', 'testing'), { code: 'PROXY_CALLERS' }))

test('a caller is known by its key alone, whole and as a bearer token', () => {
  const callers = parse({ callers: [row, second] })
  const ask = (authorization: string | undefined) => authenticate(callers, { authorization, certificate: undefined })
  assert.equal(ask(`Bearer ${key}`).name, 'server-1')
  assert.equal(ask(`Bearer ${other}`).name, 'server-2')
  const strangers = [
    undefined,
    '',
    key,
    `Basic ${key}`,
    `Bearer ${key.slice(1)}`,
    `Bearer ${key}x`,
    'Bearer ',
    `Bearer `,
  ]
  for (const authorization of strangers)
    assert.throws(() => ask(authorization), { code: 'PROXY_UNAUTHENTICATED' }, String(authorization))
})

test('no key is not an empty key', () => {
  const empty = { ...row, api_key_sha256: hashApiKey('').toHex() }
  const ask = (authorization?: string) =>
    authenticate(parse({ callers: [empty] }), { authorization, certificate: undefined })
  for (const authorization of [undefined, '', 'Bearer', 'Bearer '])
    assert.throws(() => ask(authorization), { code: 'PROXY_UNAUTHENTICATED' })
})

test('a caller is known by the DNS name of its certificate, never by its common name', async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-callers-'))
  makeCa(dir.path, 'ca')
  const certificate = (name: string, altName: string) => {
    makeCertificate(dir.path, name, 'ca', altName)
    return new X509Certificate(readFileSync(join(dir.path, `${name}.pem`)))
  }
  const callers = parse({ callers: [byName, row] })
  const ask = (of: X509Certificate, authorization?: string) => authenticate(callers, { authorization, certificate: of })
  const right = certificate('right', 'DNS:server-3.site.test')
  assert.equal(ask(right).name, 'server-3')
  for (const [name, altName] of [
    ['server-3.site.test', 'DNS:another.site.test'],
    ['server-3.site.test', 'IP:10.0.0.1'],
    ['wild', 'DNS:*.site.test'],
  ] as const)
    assert.throws(() => ask(certificate(name, altName)), { code: 'PROXY_UNAUTHENTICATED' })
  assert.throws(() => ask(right, `Bearer ${key}`), { code: 'PROXY_UNAUTHENTICATED', received: /two callers/ })
})

test('a purpose is allowed by its name or, where it has one, by its kind', () => {
  const [caller] = parse({ callers: [{ ...row, purposes: ['application/x', 'checkpoint:*', 'hash:backup'] }] })
  assert.ok(caller)
  const allowed = ['application/x', 'checkpoint:a/root', 'hash:backup']
  const denied = [
    'application/xy',
    'application/',
    'cosignature:a/root',
    'checkpoint',
    'hash:other',
    'hash:*x',
    '*',
    '',
  ]
  for (const purpose of allowed) assert.ok(mayAsk(caller, purpose), purpose)
  for (const purpose of denied) assert.ok(!mayAsk(caller, purpose), purpose)
})
