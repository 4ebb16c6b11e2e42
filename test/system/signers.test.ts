// SPDX-License-Identifier: Apache-2.0
// SIG-3, the mode of CI: a mock proxy signs, the key of CI stands by; after the work the audit chain is verified.

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { test } from 'node:test'
import { eventually, freePort, repository, startPlatform, whyNot } from './platform.ts'

const main = join(repository, 'apps/cli/src/main.ts')

/** `sealwatch signing-proxy --mock`, which CI has on its port 8081. */
async function mockProxy(data: string, port: number) {
  const args = ['--disable-warning=ExperimentalWarning', main, 'signing-proxy', '--mock', '--data', data]
  // CI sets this for the server; the mock signs with its own.
  const env = { ...process.env, AUDIT_SIGNING_KEY: 'test-ci-signing-key', SEALWATCH_PROXY_PORT: String(port) }
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  while (!output.includes('"msg":"serving"') && child.exitCode === null)
    await Promise.race([once(child.stdout, 'data'), ended])
  return async () => {
    child.kill('SIGTERM')
    await ended
  }
}

test('SIG-3 the mode of CI: the platform signs by a mock proxy, and its audit chain verifies', {
  skip: whyNot() ?? false,
}, async () => {
  const data = mkdtempSync(join(tmpdir(), 'sealwatch-ci-proxy-'))
  chmodSync(data, 0o711)
  const port = await freePort()
  const stopProxy = await mockProxy(data, port)
  try {
    const platform = await startPlatform(repository, {
      AUDIT_SIGNING_KEY: 'test-ci-signing-key',
      SIGNING_PROXY_URL: `http://127.0.0.1:${port}`,
      SIGNING_PROXY_API_KEY: 'mock',
      REQUIRE_KMS: 'false',
    })
    try {
      const url = await eventually('the server to say where its health is', async () => {
        const { stdout } = await platform.sealwatch('status', '--json')
        return (JSON.parse(stdout) as { server?: { health?: string } }).server?.health
      })
      const readiness = (await (await fetch(`${url}/readyz`)).json()) as {
        parts: Record<string, { status: string }>
      }
      assert.equal(readiness.parts['signer-signing-proxy']?.status, 'ready')
      assert.equal(readiness.parts['signer-standby']?.status, 'ready')
      const file = join(data, 'all.bundle')
      const exported = await platform.sealwatch('audit', 'export', '--all', '-o', file)
      assert.equal(exported.code, 0, exported.stderr)
      const verified = await platform.sealwatch('audit', 'verify', file, '--json')
      assert.equal(verified.code, 0, verified.stdout + verified.stderr)
      const log = readFileSync(join(platform.data, 'log/server.log'), 'utf8')
      assert.match(log, /the audit signer signs.*"backend":"signing-proxy","algorithm":"hmac-sha256"/)
      assert.ok(!log.includes('test-ci-signing-key'))
      const server = await platform.pidOf('server')
      const environ = () => readFileSync(`/proc/${server}/environ`, 'utf8')
      assert.match(environ(), /AUDIT_SIGNING_SECRETS=stdin\0/)
      assert.ok(!/test-ci-signing-key|SIGNING_PROXY_API_KEY/.test(environ()), 'a secret stands in the environment')
      process.kill(server as number, 'SIGKILL')
      await eventually('another life of the server, with the same secrets', async () =>
        (await platform.pidOf('server')) !== server &&
        (await platform.sealwatch('audit', 'verify', file)).code === 0 &&
        (readFileSync(join(platform.data, 'log/server.log'), 'utf8').match(/the audit signer signs/g)?.length ?? 0) >= 2
          ? true
          : undefined,
      )
    } finally {
      await platform.down()
    }
    const purposes = new Set(recordsIn(join(data, 'signing-proxy/chains/signing-proxy')))
    for (const name of ['delegation', 'root-checkpoint'])
      assert.ok(purposes.has(`application/vnd.sealwatch.${name}.v1+json`), `${name} in ${[...purposes].join()}`)
    await stopProxy()
    const proxys = sealwatch('audit', 'verify', join(data, 'signing-proxy'))
    assert.equal(proxys.status, 0, proxys.stdout)
    assert.match(proxys.stdout, /VERIFIED.*\n.*chain of signing-proxy.*ends where its key says/)
  } finally {
    await stopProxy()
    rmSync(data, { recursive: true, force: true })
  }
})

const sealwatch = (...args: string[]) =>
  spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', main, ...args], { encoding: 'utf8' })

/** The purposes in the proxy's own chain. */
const recordsIn = (dir: string): (string | undefined)[] =>
  readdirSync(dir)
    .filter((name) => name.endsWith('.ndjson'))
    .flatMap((name) => readFileSync(join(dir, name), 'utf8').split('\n').slice(0, -1))
    .map((line) => (JSON.parse(line) as { event?: { unmapped: { purpose: string } } }).event?.unmapped.purpose)
