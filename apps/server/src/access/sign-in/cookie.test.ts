// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clearCookie, loginCookie, readCookie, sessionCookie, writeCookie } from './cookie.ts'

const value = `${'A'.repeat(42)}_`

test('what is written is read again, beside whatever else a browser sends', () => {
  const [pair = ''] = writeCookie(sessionCookie, value).split('; ')
  assert.equal(readCookie(pair, sessionCookie), value)
  assert.equal(readCookie(`a=b; ${pair}; c="d"`, sessionCookie), value)
  assert.equal(readCookie(`a=b;${pair}`, sessionCookie), value)
  assert.equal(readCookie(`${pair}; ${loginCookie}=${'B'.repeat(43)}`, loginCookie), 'B'.repeat(43))
})

test('a cookie that is not ours to the letter is none', () => {
  const refused: (string | undefined)[] = [
    undefined,
    '',
    `${sessionCookie}=`,
    `${sessionCookie}=${value}A`,
    `${sessionCookie}=${value.slice(1)}`,
    `${sessionCookie}="${value}"`,
    `${sessionCookie}=${value.slice(1)} `,
    `${sessionCookie}=${value.slice(1)}%`,
    `x${sessionCookie}=${value}`,
    `${sessionCookie.toLowerCase()}=${value}`,
    `${loginCookie}=${value}`,
    `sealwatch=${value}`,
    `${sessionCookie} =${value}`,
    `${sessionCookie}=${value}; ${sessionCookie}=${'B'.repeat(43)}`,
    `${sessionCookie}=${value}; ${'x'.repeat(8_192)}`,
  ]
  for (const header of refused) assert.equal(readCookie(header, sessionCookie), undefined, String(header))
})

test('cookies stay on this host, out of scripts, and out of other sites’ writes', () => {
  assert.equal(writeCookie(sessionCookie, value), `__Host-sealwatch=${value}; Path=/; Secure; HttpOnly; SameSite=Lax`)
  assert.match(writeCookie(loginCookie, value, 600), /; Max-Age=600$/)
  assert.equal(clearCookie(sessionCookie), '__Host-sealwatch=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0')
})
