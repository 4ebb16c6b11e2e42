// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import type { NetworkInterfaceInfo } from 'node:os'
import { test } from 'node:test'
import { serverNamed, serverText } from '../supervise/joined.ts'
import { agentsAt, isHereAlone } from './agents-at.ts'

const row = (address: string, internal = false): NetworkInterfaceInfo => {
  const family = address.includes(':') ? 'IPv6' : 'IPv4'
  return { address, internal, family, netmask: '', mac: '', cidr: null, scopeid: 0 } as NetworkInterfaceInfo
}

test('PKI-1 an invitation names where agents reach the server, whatever it listens on', () => {
  const interfaces = { lo: [row('127.0.0.1', true)], eth0: [row('fe80::1'), row('2001:db8::7'), row('192.0.2.7')] }
  const at = (address: string, of: NodeJS.Dict<NetworkInterfaceInfo[]> = interfaces) =>
    agentsAt({ address, port: 7443 }, of)
  assert.equal(at('192.0.2.1'), '192.0.2.1:7443')
  assert.equal(at('2001:db8::1'), '[2001:db8::1]:7443')
  assert.equal(at('0.0.0.0'), '192.0.2.7:7443')
  assert.equal(at('::', { eth0: [row('fe80::1'), row('2001:db8::7')] }), '[2001:db8::7]:7443')
  assert.equal(at('0.0.0.0', {}), '127.0.0.1:7443')
  assert.deepEqual(['127.0.0.1:7443', '[::1]:1', 'localhost:7', '192.0.2.1:7443'].map(isHereAlone), [
    true,
    true,
    true,
    false,
  ])
})

test('PKI-1 a server to join is a name or an address, with a port or the usual one, and nothing else', () => {
  for (const [text, said] of [
    ['192.0.2.1', '192.0.2.1:7443'],
    ['sealwatch.example.com:7500', 'sealwatch.example.com:7500'],
    ['[2001:db8::1]:7443', '[2001:db8::1]:7443'],
  ] as const)
    assert.equal(serverText(serverNamed(text) ?? { host: '', port: 0 }), said)
  for (const text of [
    '',
    'https://a:1',
    'a:0',
    'a:65536',
    'a b',
    '-a',
    '2001:db8::1:7443',
    'a/b',
    '$(id):1',
    'a:7443\n',
  ])
    assert.equal(serverNamed(text), undefined, text)
})
