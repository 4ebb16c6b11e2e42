// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, mkdirSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { test } from 'node:test'
import { type Clock, createLog, systemClock, systemDisk } from '@sealwatch/base'
import { createHealth } from '@sealwatch/base/health'
import { type AuditSigner, mockKey, type PreparedSigners } from '@sealwatch/keys'
import { openDeploymentSigner } from './signer.ts'

const unavailable = Object.assign(new Error('away'), { code: 'SIGNER_UNAVAILABLE' })
const none: PreparedSigners = { alarms: [], successor: undefined, active: undefined, standby: undefined }

async function deployment() {
  const dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-signer-'))
  const lines: string[] = []
  const clock: Clock = { ...systemClock, sleep: async () => undefined }
  const log = createLog('test', (line) => lines.push(line), clock.nowMs)
  const open = async (prepared: PreparedSigners) => {
    const health = createHealth({ component: 'test', version: '0', clock: systemClock, log })
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
  return { open, lines, [Symbol.asyncDispose]: () => dir.remove() }
}

const preparedOf = (signer: AuditSigner, over: Partial<PreparedSigners> = {}): PreparedSigners => ({
  ...none,
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

test('a keeper that is away at the start is waited for', async () => {
  await using of = await deployment()
  let asked = 0
  const signer = mockKey('ed25519', 'a')
  const { signerErrors } = await import('@sealwatch/keys')
  const { errorsOf } = await import('@sealwatch/base')
  const active = async () => {
    asked += 1
    if (asked < 4) throw errorsOf(signerErrors)('SIGNER_UNAVAILABLE', { attempted: 'opening', cause: unavailable })
    return signer
  }
  assert.equal((await of.open({ ...none, active })).signer, signer)
  assert.equal(asked, 4)
  assert.equal(of.lines.filter((line) => line.includes('waits for it')).length, 3)
})

test('a key that is not the recorded one, and a signature that does not hold, end the start', async () => {
  await using of = await deployment()
  const [first, second] = [mockKey('ed25519', 'a'), mockKey('ed25519', 'b')]
  await of.open(preparedOf(first))
  await assert.rejects(of.open(preparedOf(second)), { code: 'SIGNER_CHANGED' })
  await of.open(preparedOf(first))
  await of.open(preparedOf(second, { successor: second.keyId }))
  await assert.rejects(of.open(preparedOf({ ...second, sign: first.sign })), { code: 'SIGNER_FALSE' })
})

// --- the program itself ---------------------------------------------------------------------------------------------

async function start(env: Record<string, string>) {
  const dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-server-'))
  for (const name of ['data', 'run']) mkdirSync(join(dir.path, name))
  // Started by root it becomes this user.
  if (process.getuid?.() === 0) for (const path of [dir.path, join(dir.path, 'data')]) chownSync(path, 64_701, 64_701)
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'main.ts')],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        SEALWATCH_SERVER_DATA_DIR: join(dir.path, 'data'),
        SEALWATCH_SERVER_RUN_DIR: join(dir.path, 'run'),
        SEALWATCH_SERVER_PORT: '0',
        ...env,
      },
    },
  )
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  const said = async (word: string) => {
    while (!output.includes(word) && child.exitCode === null) await once(child.stdout, 'data')
    assert.ok(output.includes(word), output)
  }
  const ended = async () => {
    if (child.exitCode === null) await once(child, 'exit')
    await dir.remove()
    return { code: child.exitCode, output }
  }
  return { said, ended, child }
}

const refusals: [Record<string, string>, RegExp][] = [
  [{ NODE_ENV: 'production' }, /Audit signing is required but no signer is configured/],
  [{ REQUIRE_KMS: 'true' }, /Audit signing is required but no signer is configured/],
  [{ NODE_ENV: 'production', MOCK_AUDIT_SIGNING_KEY: 'x' }, /SIGNER_FORBIDDEN/],
  [{ NODE_ENV: 'production', AUDIT_SIGNING_KEY: 'test-ci-signing-key' }, /SIGNER_FORBIDDEN.*published test key/],
]
for (const [env, message] of refusals) {
  test(`SIG-3 the server does not start with ${JSON.stringify(env)}`, async () => {
    const { code, output } = await (await start(env)).ended()
    assert.equal(code, 1)
    assert.match(output, message)
  })
}

test('SIG-3 the server of CI starts with the key of CI, which it shows nowhere', async () => {
  const server = await start({ AUDIT_SIGNING_KEY: 'test-ci-signing-key', REQUIRE_KMS: 'false' })
  await server.said('"msg":"serving"')
  server.child.kill('SIGTERM')
  const { code, output } = await server.ended()
  assert.equal(code, 0)
  assert.match(output, /the audit signer signs.*"backend":"file","algorithm":"hmac-sha256"/)
  assert.ok(!output.includes('test-ci-signing-key'))
})
