// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { hash } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { afterEach, beforeEach, test } from 'node:test'
import { testIo } from '../../test/test-io.ts'
import { run } from '../cli.ts'
import { partsOf } from '../supervise/parts.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'sealwatch-cli-proxy-'))
  chmodSync(dir, 0o755)
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

test('SIG-2 an API key is written for its owner alone, and only its hash is shown', async () => {
  const io = testIo()
  const path = join(dir, 'proxy.key')
  assert.equal(await run(['signing-proxy', 'key', '-o', path, '--name', 'server-1', '--json'], io), 0)
  const key = readFileSync(path, 'utf8').trim()
  assert.match(key, /^swp_[A-Za-z0-9_-]{43}$/)
  assert.equal(statSync(path).mode & 0o777, 0o600)
  const { caller } = JSON.parse(io.said()) as { caller: { name: string; api_key_sha256: string; purposes: string[] } }
  assert.deepEqual([caller.name, caller.api_key_sha256], ['server-1', hash('sha256', key, 'hex')])
  assert.ok(caller.purposes.length > 0)
  assert.ok(!`${io.said()}${io.complained()}`.includes(key))
  assert.notEqual(await run(['signing-proxy', 'key', '-o', path], testIo()), 0)
  assert.equal(readFileSync(path, 'utf8').trim(), key)
})

test('SIG-3 neither the proxy nor the platform starts in production without a signer', async () => {
  const env = { NODE_ENV: 'production' }
  for (const args of [['signing-proxy'], ['up']]) {
    const io = testIo({ env })
    assert.notEqual(await run([...args, '--data', dir], io), 0)
    assert.match(io.complained(), /Audit signing is required but no signer is configured/)
    assert.match(io.complained(), /AUDIT_SIGNING_KMS_KEY_ID/)
  }
  const io = testIo({ env })
  assert.notEqual(await run(['signing-proxy', '--mock', '--data', dir], io), 0)
  assert.match(io.complained(), /SIGNER_FORBIDDEN/)
})

test('SIG-3 the mock proxy runs until it is stopped', async () => {
  const main = join(import.meta.dirname, '../main.ts')
  const args = ['--disable-warning=ExperimentalWarning', main, 'signing-proxy', '--mock', '--data', dir]
  const env = { PATH: process.env.PATH, SEALWATCH_PROXY_PORT: '0' }
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  const ended = once(child, 'exit')
  while (!output.includes('"msg":"serving"') && child.exitCode === null)
    await Promise.race([once(child.stdout, 'data'), ended])
  const url = /"url":"([^"]+)"/.exec(output)?.[1]
  const response = await fetch(`${url}/key`, { headers: { authorization: 'Bearer mock' } })
  assert.deepEqual([response.status, ((await response.json()) as { backend: string }).backend], [200, 'mock'])
  const proxy = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim()
  const environ = readFileSync(`/proc/${proxy}/environ`, 'utf8')
  assert.match(environ, /SEALWATCH_PROXY_PORT=0/)
  assert.doesNotMatch(environ, /mock-audit-signing-key/)
  child.kill('SIGTERM')
  assert.deepEqual(await ended, [0, null])
})

test('SIG-3 the settings of the signer reach the server and no other part', () => {
  const env = {
    AUDIT_SIGNING_KEY: 'a secret',
    AWS_REGION: 'eu-west-1',
    NODE_ENV: 'production',
    NODE_OPTIONS: '--inspect',
    SEALWATCH_AGENT_TENANT: 't',
  }
  const place = { data: dir, run: dir, name: 'x' }
  const view = { data: dir, wrap: (argv: readonly string[]) => argv }
  const parts = partsOf({
    place,
    view,
    root: '/',
    joined: undefined,
    address: '127.0.0.1',
    port: 1,
    apiPort: 2,
    login: undefined,
    watch: [],
    env,
  })
  const of = (name: string) => parts.find((part) => part.name === name)?.env ?? {}
  const secretsOf = (name: string) => parts.find((part) => part.name === name)?.secrets
  const { AUDIT_SIGNING_KEY, AUDIT_SIGNING_SECRETS, AWS_REGION, NODE_ENV, NODE_OPTIONS } = of('server')
  assert.deepEqual(
    [AUDIT_SIGNING_KEY, AUDIT_SIGNING_SECRETS, AWS_REGION, NODE_ENV, NODE_OPTIONS],
    [undefined, 'stdin', 'eu-west-1', 'production', undefined],
  )
  assert.deepEqual(['server', 'agent', 'sensor'].map(secretsOf), [
    { AUDIT_SIGNING_KEY: 'a secret' },
    undefined,
    undefined,
  ])
  for (const name of ['agent', 'sensor'])
    for (const variable of ['AUDIT_SIGNING_KEY', 'AWS_REGION', 'NODE_ENV'])
      assert.equal(of(name)[variable], undefined, `${variable} of the ${name}`)
})
