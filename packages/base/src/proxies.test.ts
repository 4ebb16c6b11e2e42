// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clientBehind, noProxies, type Proxies, readProxies } from './proxies.ts'

const trusted = readProxies('127.0.0.1, 10.1.0.0/16,fd00:1::/32') as Proxies

test('a list of proxies is read strictly, and never takes in everybody', () => {
  for (const text of [
    'x',
    ',',
    '10.0.0.1,',
    '10.0.0.0/7',
    '0.0.0.0/0',
    '::/0',
    'fd00::/15',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/-8',
    '10.0.0.0/8/8',
    '10.0.0.0/8e0',
    '010.0.0.1',
    'fe80::1%eth0',
    'proxy.example',
    Array(65).fill('10.0.0.1').join(','),
  ])
    assert.equal(readProxies(text), undefined, text)
  assert.equal(readProxies('')?.has('127.0.0.1'), false)
  for (const [address, isOne] of [
    ['127.0.0.1', true],
    ['127.0.0.2', false],
    ['10.1.255.255', true],
    ['::ffff:10.1.2.3', true],
    ['10.2.0.0', false],
    ['fd00:1:2::3', true],
    ['fd00:2::1', false],
    ['', false],
    [undefined, false],
  ] as const)
    assert.equal(trusted.has(address), isOne, String(address))
})

test('who asks is who the nearest proxies say; what came with the request says nothing', () => {
  const proxy = '10.1.0.9'
  for (const [peer, header, client] of [
    [proxy, undefined, proxy],
    [proxy, '192.0.2.1', '192.0.2.1'],
    [proxy, '192.0.2.1:4711', '192.0.2.1'],
    [proxy, '[2001:db8::1]:443', '2001:db8::1'],
    [proxy, '2001:db8::1', '2001:db8::1'],
    // Forged by whoever asked, in front of what the proxy wrote.
    [proxy, '198.51.100.7, 192.0.2.1', '192.0.2.1'],
    [proxy, '127.0.0.1,192.0.2.1', '192.0.2.1'],
    // Two proxies in a row.
    [proxy, '198.51.100.7, 192.0.2.1, 10.1.0.8', '192.0.2.1'],
    ['::ffff:10.1.0.9', '192.0.2.1', '192.0.2.1'],
    // Nothing but proxies: one of them asks.
    [proxy, '10.1.0.7, 10.1.0.8', '10.1.0.7'],
    // What is no address is nobody's.
    [proxy, 'unknown', proxy],
    [proxy, '', proxy],
    [proxy, '192.0.2.1, _hidden', proxy],
    [proxy, '192.0.2.1, fe80::1%eth0', proxy],
    // Of others nothing is believed.
    ['192.0.2.66', '10.1.0.8', '192.0.2.66'],
    ['127.0.0.2', '192.0.2.1', '127.0.0.2'],
    [undefined, '192.0.2.1', undefined],
  ] as const)
    assert.equal(clientBehind(peer, header, trusted), client, `${peer} ${header}`)
  assert.equal(clientBehind(proxy, '192.0.2.1', noProxies), proxy)
  const long = `192.0.2.1,${Array(40).fill('10.1.0.8').join(',')}`
  assert.equal(clientBehind(proxy, long, trusted), '10.1.0.8', 'a list has an end')
})
