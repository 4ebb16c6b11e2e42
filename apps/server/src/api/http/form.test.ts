// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { test } from 'node:test'
import { noProxies, type Proxies, readProxies } from '@sealwatch/base'
import { checkForm } from './form.ts'

function requestOf(rawHeaders: readonly string[], more: object = {}): IncomingMessage {
  const headers: Record<string, string> = {}
  for (let i = 0; i < rawHeaders.length; i += 2)
    headers[(rawHeaders[i] as string).toLowerCase()] ??= rawHeaders[i + 1] as string
  return { rawHeaders, headers, httpVersion: '1.1', socket: {}, ...more } as unknown as IncomingMessage
}
const codeOf = (rawHeaders: readonly string[], more?: object, origin = '', proxies: Proxies = noProxies) => {
  try {
    checkForm(requestOf(rawHeaders, more), origin, proxies)
    return undefined
  } catch (error) {
    return (error as { code: string }).code
  }
}

test('a request in plain HTTP is for this machine, by a name that others cannot take', () => {
  for (const host of ['localhost', 'LOCALHOST:7480', '127.0.0.1:1', '127.9.9.9', '[::1]:7480'])
    assert.equal(codeOf(['Host', host]), undefined, host)
  for (const host of ['evil.example', 'localhost.evil.example', '10.0.0.1', '169.254.169.254:80', '[::2]', '0.0.0.0'])
    assert.equal(codeOf(['Host', host]), 'HOST_FOREIGN', host)
  for (const host of ['', 'a b', 'localhost:x', 'localhost@evil', '[::1', 'localhost/', 'löcalhost'])
    assert.equal(codeOf(['Host', host]), 'REQUEST_INVALID', host)
  assert.equal(codeOf(['Host', 'seal.example'], {}, 'https://seal.example'), undefined)
  assert.equal(codeOf(['Host', 'evil.example'], {}, 'https://seal.example'), 'HOST_FOREIGN')
  assert.equal(codeOf(['Host', 'any.example'], { socket: { encrypted: true } }), undefined, 'TLS proves the name')
})

test('where our pages come by TLS, nobody comes by a proxy of ours in the open; what others say of that is not heard', () => {
  const proxies = readProxies('127.0.0.1') as Proxies
  const ask = (told: string | undefined, remoteAddress: string, origin: string) =>
    codeOf(
      ['Host', 'seal.example', ...(told === undefined ? [] : ['X-Forwarded-Proto', told])],
      { socket: { remoteAddress } },
      origin,
      proxies,
    )
  for (const [told, address, origin, code] of [
    ['https', '127.0.0.1', 'https://seal.example', undefined],
    ['http', '127.0.0.1', 'https://seal.example', 'HOST_FOREIGN'],
    ['https, HTTP', '127.0.0.1', 'https://seal.example', 'HOST_FOREIGN'],
    ['http', '127.0.0.1', 'http://seal.example', undefined],
    ['http', '127.0.0.2', 'https://seal.example', undefined],
    [undefined, '127.0.0.1', 'https://seal.example', undefined],
    ['gopher', '127.0.0.1', 'https://seal.example', undefined],
  ] as const)
    assert.equal(ask(told, address, origin), code, `${told} of ${address} for ${origin}`)
})

test('what decides is said once, and in a version that has it', () => {
  assert.equal(codeOf([]), 'REQUEST_INVALID')
  assert.equal(codeOf([], { httpVersion: '1.0' }), undefined)
  assert.equal(codeOf([], { httpVersion: '0.9' }), 'REQUEST_INVALID')
  for (const name of ['Host', 'authorization', 'Content-Type', 'Origin'])
    assert.equal(codeOf(['Host', 'localhost', name, 'localhost', name, 'x']), 'REQUEST_INVALID', name)
  assert.equal(codeOf(['Host', 'localhost', 'Cookie', 'a=b', 'Cookie', 'c=d']), undefined)
})
