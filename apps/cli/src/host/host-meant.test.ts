// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isSealwatchError } from '@sealwatch/base'
import type { ApiClient } from '@sealwatch/contract/api'
import { hostMeant } from './host-meant.ts'

const id = (digit: string) => digit.repeat(32)
const revoked = { host_id: id('0'), hostname: 'old', revoked_at: '2026-01-01T00:00:00Z' }
const hostOf = (digit: string, hostname: string) => ({ host_id: id(digit), hostname, revoked_at: null })

function meant(items: readonly object[], typed?: string, here?: string): Promise<string> {
  const api = { call: async () => ({ items, next: null }) } as unknown as ApiClient
  return hostMeant(api, typed, 'reading a host', here)
}

test('where no host is named the only one is meant; of more each is named, and of none what to do is said', async () => {
  assert.equal(await meant([revoked, hostOf('a', 'web-1')]), id('a'))
  await assert.rejects(meant([hostOf('a', 'web-1'), hostOf('b', 'web-2')]), (error) => {
    assert.ok(isSealwatchError(error, 'CLI_USAGE'))
    assert.match(error.advice, /^Name the HOST: web-1 \(aaaaaaaaaaaa\), web-2 \(bbbbbbbbbbbb\)$/)
    return true
  })
  await assert.rejects(meant([revoked]), (error) => isSealwatchError(error, 'CLI_NOT_FOUND'))
  assert.equal(await meant([hostOf('a', 'web-1'), hostOf('b', 'web-2')], 'web-2'), id('b'))
})

test('where no host is named and this machine is one of several it is meant, unless it was revoked', async () => {
  const both = [revoked, hostOf('a', 'web-1'), hostOf('b', 'web-2')]
  assert.equal(await meant(both, undefined, id('b')), id('b'))
  assert.equal(await meant(both, 'web-1', id('b')), id('a'))
  for (const other of [id('0'), id('c')])
    await assert.rejects(meant(both, undefined, other), (error) => isSealwatchError(error, 'CLI_USAGE'))
})
