// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Clock, createLog, systemClock, systemDisk } from '@sealwatch/base'
import { createHealth } from '@sealwatch/base/health'
import { type AuditSigner, mockKey, type PreparedSigners } from '@sealwatch/keys'
import { openDeploymentSigner } from './signer.ts'

const unavailable = Object.assign(new Error('away'), { code: 'SIGNER_UNAVAILABLE' })
const nobody = { backend: undefined, active: undefined, standby: undefined }
const none: PreparedSigners = { alarms: [], successor: undefined, ...nobody }

async function deployment() {
  const dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-signer-'))
  const lines: string[] = []
  const clock: Clock = { ...systemClock, sleep: async () => undefined }
  const log = createLog('test', (line) => lines.push(line), clock.nowMs)
  const newHealth = () => createHealth({ component: 'test', version: '0', clock: systemClock, log })
  const open = async (prepared: PreparedSigners, health = newHealth()) => {
    const { signal } = new AbortController()
    const signer = await openDeploymentSigner({
      prepared,
      keysDir: dir.path,
      health,
      clock,
      disk: systemDisk,
      log,
      signal,
    })
    return { signer, readiness: () => health.readiness() }
  }
  return { open, newHealth, lines, [Symbol.asyncDispose]: () => dir.remove() }
}

const preparedOf = (signer: AuditSigner, over: Partial<PreparedSigners> = {}): PreparedSigners => ({
  ...none,
  backend: signer.backend,
  active: async () => signer,
  ...over,
})

test('SIG-4 without a signer the server signs with a key of its own, and is degraded', async () => {
  await using of = await deployment()
  const { signer, readiness } = await of.open({ ...none, alarms: ['loudly'] })
  assert.equal(signer.algorithm, 'ed25519')
  assert.ok(of.lines.some((line) => line.includes('"critical"') && line.includes('loudly')))
  const { status, serves, parts } = await readiness()
  assert.deepEqual([status, serves], ['degraded', true])
  assert.match(parts.signer?.reason ?? '', /no signer is configured/)
})

test('SIG-4 a signer that fails is named, and one that works is ready', async () => {
  await using of = await deployment()
  const signer = mockKey('ed25519', 'a')
  const { readiness } = await of.open(preparedOf(signer))
  assert.deepEqual((await readiness()).status, 'ready')
  const failing = { ...signer, probe: () => Promise.reject(new Error('the token is gone')) }
  const second = await of.open(preparedOf(failing, { standby: async () => signer }))
  const { status, parts } = await second.readiness()
  assert.equal(status, 'degraded')
  assert.match(parts['signer-mock']?.reason ?? '', /the token is gone/)
  assert.equal(parts['signer-standby']?.status, 'ready')
})

test('a standby that cannot be opened is told by /readyz and stops nothing', async () => {
  await using of = await deployment()
  const standby = () => Promise.reject(new Error('no such file'))
  const { readiness } = await of.open(preparedOf(mockKey('ed25519', 'a'), { standby }))
  assert.match((await readiness()).parts['signer-standby']?.reason ?? '', /no such file/)
})

test('a keeper that is away at the start is waited for, and named', async () => {
  await using of = await deployment()
  let asked = 0
  const signer = mockKey('ed25519', 'a')
  const { signerErrors } = await import('@sealwatch/keys')
  const { errorsOf } = await import('@sealwatch/base')
  const health = of.newHealth()
  const active = async () => {
    asked += 1
    const { parts } = await health.readiness()
    assert.match(parts['signer-aws-kms']?.reason ?? '', /has not answered since the start/)
    if (asked < 4) throw errorsOf(signerErrors)('SIGNER_UNAVAILABLE', { attempted: 'opening', cause: unavailable })
    return signer
  }
  assert.equal((await of.open({ ...none, backend: 'aws-kms', active }, health)).signer, signer)
  assert.equal(asked, 4)
  assert.equal(of.lines.filter((line) => line.includes('the audit signer does not answer')).length, 3)
})

test('a key that is not the recorded one, and a signature that does not hold, end the start', async () => {
  await using of = await deployment()
  const [first, second] = [mockKey('hmac-sha256', 'a'), mockKey('hmac-sha256', 'b')]
  await of.open(preparedOf(first))
  await assert.rejects(of.open(preparedOf(second)), { code: 'SIGNER_CHANGED' })
  await of.open(preparedOf(first))
  await of.open(preparedOf(second, { successor: second.keyId }))
  await assert.rejects(of.open(preparedOf({ ...second, sign: first.sign })), { code: 'SIGNER_FALSE' })
})
