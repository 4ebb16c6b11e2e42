// SPDX-License-Identifier: Apache-2.0
// ING-3: strict signatures are switched off, and what becomes of rows meanwhile: the whole control plane.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { generateKeyPairSync, sign } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { systemClock } from '@sealwatch/base'
import { strictOffPhrase } from '@sealwatch/contract'
import type { ApiProblem } from '@sealwatch/contract/api'
import { generateSigner } from '@sealwatch/keys'
import { run } from '../../apps/cli/src/cli.ts'
import { fileOf, placeOf } from '../../apps/cli/src/place.ts'
import { toldIn } from '../../apps/cli/src/told.ts'
import { testIo } from '../../apps/cli/test/test-io.ts'
import { startServer as startProcess } from '../signers/server-process.ts'
import { shiftingClock } from '../transport/shifting-clock.ts'
import { joinHost } from './host.ts'
import { rootAt, startServer, type TestServer } from './server.ts'

const asChild = promisify(execFile)
const hourMs = 3_600_000
const pollMs = 20
const acknowledgement = strictOffPhrase
const says = (code: string) => (error: unknown) => (error as { problem: { code: string } }).problem.code === code

/** Codes of the lines about it in a tenant's ledger, oldest first. */
async function linesOf(server: Pick<TestServer, 'root'>, tenant: string): Promise<string[]> {
  const query = { order: 'oldest', limit: 500 } as const
  const { items } = await server.root(tenant).call('listActs', { query })
  const codes = items.map(({ line }) => (line.event as { metadata: { event_code: string } }).metadata.event_code)
  return codes.filter((code) => code.startsWith('strict_'))
}

test('it ends by itself, and a clock that is set back does not prolong it; another tenant is as it was', async () => {
  const clock = shiftingClock()
  await using server = await startServer({}, undefined, { clock })
  await server.root('cluster').call('createTenant', { body: { name: 'zeta' } })
  const root = server.root('default')
  const { off } = await root.call('switchStrictOff', { body: { seconds: 7200, acknowledgement } })
  assert.equal(Date.parse(off?.ends_at ?? '') - Date.parse(off?.since ?? ''), 2 * hourMs)
  const isStrict = async (tenant = 'default') => (await server.root(tenant).call('getStrictSignatures')).strict
  assert.deepEqual([await isStrict(), await isStrict('zeta')], [false, true])
  clock.setBack(hourMs)
  clock.advance(2 * hourMs - 60_000)
  assert.equal(await isStrict(), false)
  clock.advance(60_000)
  assert.equal(await isStrict(), true)
  while (!(await linesOf(server, 'default')).includes('strict_ended')) clock.advance(1_000)
  assert.deepEqual(await linesOf(server, 'default'), ['strict_off', 'strict_ended'])
  assert.deepEqual(await linesOf(server, 'zeta'), [])
})

test('wrong words, the wrong role and another tenant switch nothing; what was refused is a line', async () => {
  await using server = await startServer()
  await server.root('cluster').call('createTenant', { body: { name: 'zeta' } })
  const tokenOf = async (tenant: string, actions: string[]) => {
    const body = { name: 'a token', actions, ttl_seconds: 600 } as never
    return server.by((await server.root(tenant).call('createToken', { body })).token)
  }
  const [admin, reader] = [await tokenOf('zeta', ['strict:switch']), await tokenOf('default', ['strict:read'])]
  const body = { seconds: 3600, acknowledgement }
  const root = server.root('default')
  const wrong = { seconds: 3600, acknowledgement: 'yes' }
  await assert.rejects(root.call('switchStrictOff', { body: wrong }), (error) => {
    const { problem } = error as { problem: { code: string; advice: string } }
    return problem.code === 'STRICT_ACKNOWLEDGEMENT' && problem.advice.includes(acknowledgement)
  })
  await assert.rejects(reader.call('switchStrictOff', { body }), says('ACCESS_DENIED'))
  await assert.rejects(root.call('switchStrictOff', { body: { seconds: 90_000, acknowledgement } }), (error) => {
    // Root may know why, and that no role helps.
    const { code, kind, advice } = toldIn((error as ApiProblem).problem)
    return code === 'MANIFEST_NO_ROOT' && kind === 'denied' && advice.includes('manifest root init')
  })
  assert.equal((await reader.call('getStrictSignatures')).strict, true)
  await admin.call('switchStrictOff', { body })
  assert.equal((await reader.call('getStrictSignatures')).strict, true)
  assert.deepEqual(await linesOf(server, 'default'), ['strict_off_refused', 'strict_off_refused'])
  assert.deepEqual(await linesOf(server, 'zeta'), ['strict_off'])
  assert.equal((await server.root('zeta').call('switchStrictOn')).strict, true)
  // What the ledger tells of the last seven days counts with it, and whoever asks hears what is left.
  const day = { seconds: 86_400, acknowledgement }
  await assert.rejects(admin.call('switchStrictOff', { body: day }), (error) => {
    const { code, received, advice } = (error as ApiProblem).problem
    assert.match(received ?? '', /^"0 h 1 min of the last 7 days, and 24 h 0 min more"$/)
    return code === 'STRICT_OFF_SPENT' && /^Say --for 1439m at most/.test(advice ?? '')
  })
  await admin.call('switchStrictOff', { body: { ...day, seconds: 1439 * 60 } })
  assert.equal((await reader.call('getStrictSignatures')).strict, true)
})

test('STRICT_SIGNATURES=false with its acknowledgement is a line of each tenant, and ends with the configuration, or a day later', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'sealwatch-strict-'))
  try {
    {
      const acknowledged = { STRICT_SIGNATURES: 'false', STRICT_SIGNATURES_ACKNOWLEDGEMENT: acknowledgement }
      await using loose = await startServer(acknowledged, undefined, { dir })
      const root = loose.root('default')
      while ((await root.call('getStrictSignatures')).strict) await systemClock.sleep(pollMs)
      const { off } = await root.call('getStrictSignatures')
      const hours = (Date.parse(off?.ends_at ?? '') - Date.parse(off?.since ?? '')) / hourMs
      assert.deepEqual([Math.round(hours), off?.by], [24, 'configuration:STRICT_SIGNATURES'])
      assert.equal((await root.call('switchStrictOn')).strict, true)
    }
    await using strict = await startServer({}, undefined, { dir })
    assert.equal((await strict.root('cluster').call('getStrictSignatures')).strict, true)
    while ((await linesOf(strict, 'cluster')).length < 3) await systemClock.sleep(pollMs)
    assert.deepEqual(await linesOf(strict, 'cluster'), ['strict_acknowledged', 'strict_off', 'strict_on'])
    assert.deepEqual(await linesOf(strict, 'default'), ['strict_off', 'strict_on'])
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

/** The server's own program in a folder of its own, and the command line before it. */
async function startPlace() {
  const dir = mkdtempSync(join(tmpdir(), 'sealwatch-strict-'))
  chmodSync(dir, 0o755)
  const place = placeOf(dir)
  mkdirSync(join(place.run, 'server'), { recursive: true })
  const healthPort = await freePort()
  const serve = async () => {
    const env = {
      SEALWATCH_SERVER_RUN_DIR: join(place.run, 'server'),
      SEALWATCH_SERVER_API_PORT: '0',
      SEALWATCH_SERVER_HEALTH_PORT: String(healthPort),
    }
    const started = startProcess(dir, env)
    await started.serving
    const line = started
      .output()
      .split('\n')
      .find((text) => text.includes('"msg":"serving"'))
    const { port, api } = JSON.parse(line ?? '{}') as { port: number; api: string }
    return { ...started, agentPort: port, api, root: rootAt(fileOf.apiSocket(place)) }
  }
  const sealwatch = async (...args: string[]) => {
    const io = testIo()
    const code = await run([...args, '--data', dir], io)
    return { code, said: io.said() }
  }
  const remove = () => {
    for (const path of [dir, place.run]) rmSync(path, { recursive: true, force: true })
  }
  return { dir, health: `http://127.0.0.1:${healthPort}`, serve, sealwatch, remove }
}

test('rows of a host and of a service that nobody can verify: admitted, marked, counted, and proven to be so elsewhere; kill -9 changes nothing', {
  skip: process.getuid?.() !== 0 && 'needs root: the control socket',
}, async () => {
  const at = await startPlace()
  await using ends = new AsyncDisposableStack()
  ends.defer(at.remove)
  const careless = startProcess(at.dir, { STRICT_SIGNATURES: 'false' })
  const refused = await careless.stop()
  assert.deepEqual([refused.code, /STRICT_UNACKNOWLEDGED/.test(refused.output)], [1, true], refused.output)
  let server = await at.serve()
  ends.defer(async () => void (await server.stop()))
  const wrong = await at.sealwatch('strict', 'off', '--for', '2h', '--acknowledge', 'yes', '--json')
  assert.match(wrong.said, /STRICT_ACKNOWLEDGEMENT.*I accept rows/)
  const switching = ['strict', 'off', '--for', '2h', '--acknowledge', acknowledgement, '--json']
  const { off: before } = JSON.parse((await at.sealwatch(...switching)).said) as { off: { ends_at: string } }
  await server.kill()
  server = await at.serve()
  const status = await at.sealwatch('strict', 'status', '--json')
  const { strict, off } = JSON.parse(status.said) as {
    strict: boolean
    off: { since: string; ends_at: string; by: string }
  }
  assert.deepEqual([status.code, strict, off.ends_at, off.by], [1, false, before.ends_at, 'operator:root'])

  const { strict_off } = await server.root('cluster').call('getStatus')
  assert.deepEqual(strict_off, [{ tenant: 'default', ends_at: before.ends_at }])

  const root = server.root('default')
  await root.call('addProducer', { body: { producer: 'billing' } })
  const asked = { name: 'billing', actions: ['rows:write'], ttl_seconds: 600, service: 'billing' }
  const { token } = await root.call('createToken', { body: asked as never })
  const { privateKey } = generateKeyPairSync('ed25519')
  const submission = (id: string, payload: Buffer) => ({
    id,
    form: 'detached',
    payload: payload.toString('base64'),
    payload_type: 'application/json',
    key_id: 'nobody-knows',
    algorithm: 'ed25519',
    signature: sign(null, payload, privateKey).toString('base64'),
  })
  const texts = ['{"invoice": 1}', '{"invoice":2}\r']
  const good = submission('s-1', Buffer.from(texts.map((text) => `${text}\n`).join('')))
  const garbage = submission('s-2', Buffer.from([0xff, 0xfe, 0x0a]))
  const send = async () => {
    const answer = await fetch(`${server.api}/api/v1/ingest/submissions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ submissions: [good, garbage] }),
    })
    return ((await answer.json()) as { outcomes: { outcome: string }[] }).outcomes.map(({ outcome }) => outcome)
  }
  assert.deepEqual(await send(), ['admitted', 'refused'])
  await using host = await joinHost(server, 'default', 'forger', ({ keyId }) => ({ ...generateSigner(), keyId }))
  host.see({ class_uid: 1007, activity_id: 1, severity_id: 1, message: 'who knows' })
  const marked = async () => {
    const query = { filter: 'text~"who knows" and source=host', limit: 10 }
    return (await root.call('listEvents', { query })).items
  }
  while ((await marked()).length === 0) await systemClock.sleep(pollMs)
  assert.deepEqual(
    (await marked()).map(({ mark, source }) => [mark, source]),
    [['invalid_signature', 'host']],
  )
  const rows = (await root.call('listEvents', { query: { filter: 'kind=row', order: 'oldest', limit: 10 } })).items
  assert.deepEqual(
    rows.map(({ mark, line }) => [mark, (line as unknown as { row: { text: string } }).row.text]),
    texts.map((text) => ['unknown_key', text]),
  )
  assert.match((await at.sealwatch('events', '--since', '1h')).said, /who knows.*UNVERIFIED: invalid_signature/)

  // The first checks of the runbook work as they are written.
  const page = readFileSync(join(import.meta.dirname, '../../docs/runbooks/strict-off.md'), 'utf8')
  const checks = page.slice(page.indexOf('## First checks'), page.indexOf('## Mitigation'))
  const commands = [...checks.matchAll(/^ *```sh\n([\s\S]*?)^ *```$/gm)].flatMap(([, block = '']) =>
    block.trim().split('\n'),
  )
  assert.ok(commands.length >= 2)
  const main = join(import.meta.dirname, '../../apps/cli/src/main.ts')
  const cli = `${process.execPath} --disable-warning=ExperimentalWarning ${main}`
  const outputs = []
  for (const command of commands) {
    const here = command
      .trim()
      .replace('sudo sealwatch', cli)
      .replace('--tenant acme', `--tenant default --data ${at.dir}`)
      .replace('http://127.0.0.1:9464', at.health)
    outputs.push(await asChild('sh', ['-c', here]).catch((error: { stdout: string }) => error))
  }
  const said = outputs.map(({ stdout }) => stdout).join('')
  assert.match(said, /NOT enforced until .*\n.*by operator:root/)
  assert.match(said, /^unknown_key_admitted_total\{tenant="default"\} 2$/m)
  assert.match(said, /^invalid_signature_admitted_total\{tenant="default"\} [1-9]\d*$/m)
  assert.match(said, /^sealwatch_strict_signatures\{tenant="default"\} 0$/m)
  const told = (await (await fetch(`${at.health}/healthz`)).json()) as { strict_signatures: object }
  assert.deepEqual(told.strict_signatures, {
    level: 'warning',
    state: 'degraded',
    tenants: [
      {
        tenant: 'default',
        since: off.since,
        ends_at: off.ends_at,
      },
    ],
  })

  // Once more, and strict again: nothing came twice, and a bundle says what nobody vouches for.
  await server.kill()
  server = await at.serve()
  assert.deepEqual(await send(), ['duplicate', 'refused'])
  const { said: switched } = await at.sealwatch('strict', 'on', '--json')
  assert.equal((JSON.parse(switched) as { strict: boolean }).strict, true)
  const bundle = join(at.dir, 'all.bundle')
  assert.equal((await at.sealwatch('audit', 'export', '--all', '-o', bundle)).code, 0)
  const verified = await at.sealwatch('audit', 'verify', bundle, '--json')
  const report = JSON.parse(verified.said) as { unverified: number; replayed: number }
  assert.equal(verified.code, 0, verified.said)
  assert.ok(report.unverified > 2 && report.unverified === report.replayed + 2, verified.said)
  await server.stop()
  const io = testIo()
  assert.equal(await run(['audit', 'fsck', '--json', '--data', join(at.dir, 'data')], io), 0, io.said())
  server = await at.serve()
  assert.deepEqual(await linesOf(server, 'default'), ['strict_off_refused', 'strict_off', 'strict_on'])
})
