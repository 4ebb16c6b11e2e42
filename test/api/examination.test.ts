// SPDX-License-Identifier: Apache-2.0
// SIG-6: what a key ever signed, examined by a whole server, and verified without it.

import assert from 'node:assert/strict'
import { sign } from 'node:crypto'
import { mkdtempDisposable, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { type Json, rfc3339, systemClock } from '@sealwatch/base'
import { verifyEd25519, verifyRsa } from '@sealwatch/keys'
import { makeTestKey, type TestKey } from '@sealwatch/keys/test/manifest-keys'
import {
  checkFindings,
  createKeyExamination,
  type HostKeyReport,
  logKeyVerifier,
  openKeyReport,
  parseVkey,
  type ServiceKeyReport,
  sha256,
  verifyBundle,
} from '@sealwatch/ledger'
import { run } from '../../apps/cli/src/cli.ts'
import { testIo } from '../../apps/cli/test/test-io.ts'
import { joinHost } from './host.ts'
import { startServer, type TestServer } from './server.ts'

async function send(server: TestServer, token: string, key_id: string, key: TestKey, rows: readonly string[]) {
  const payload = Buffer.from(rows.map((row) => `${row}\n`).join(''))
  const algorithm = key.algorithm === 'ed25519' ? null : 'sha256'
  const submission = {
    id: crypto.randomUUID(),
    form: 'detached',
    payload: payload.toString('base64'),
    payload_type: 'application/json',
    key_id,
    algorithm: key.algorithm,
    signature: sign(algorithm, payload, key.privateKey).toString('base64'),
  } as const
  const { outcomes } = await server.by(token).call('submitRows', { body: { submissions: [submission] } })
  return (outcomes[0] as { outcome: string }).outcome
}

test('SIG-6 a report names what a key signed before and after it was in other hands; it is in the ledger, and proven without the server', async () => {
  await using server = await startServer()
  const root = server.root('default')
  const keys = { billing: makeTestKey('rsa-sha256'), orders: makeTestKey('ed25519') }
  const tokens: Record<string, string> = {}
  for (const [producer, { algorithm, spki }] of Object.entries(keys)) {
    await root.call('addProducer', { body: { producer } })
    const body = { key_id: `${producer}-1`, algorithm, public_key: spki.toBase64() }
    await root.call('addSigningKey', { params: { producer }, body })
    const asked = { name: producer, actions: ['rows:write'], ttl_seconds: 600, service: producer }
    tokens[producer] = (await root.call('createToken', { body: asked as never })).token
  }
  const billing = (...rows: string[]) => send(server, tokens.billing as string, 'billing-1', keys.billing, rows)
  const orders = (...rows: string[]) => send(server, tokens.orders as string, 'orders-1', keys.orders, rows)
  for (const name of ['a', 'b', 'c']) assert.equal(await billing(`{"${name}":1}`, `{"${name}":2}`), 'admitted')
  await orders('{"o":1}')
  const compromised_since = rfc3339(systemClock.nowNs())
  await billing('{"d":1}', '{"d":2}', '{"d":3}')
  const params = { key_id: 'billing-1' }
  await root.call('revokeSigningKey', { params, body: { cause: 'found in an image', compromised_since } })
  assert.equal(await billing('{"e":1}', '{"e":2}'), 'quarantined')

  await assert.rejects(root.call('getKeyReport', { params }), /a report of the key was made/)
  await root.call('examineSigningKey', { params })
  for (;;) {
    const { state, leaf, size, detail } = await root.call('getKeyExamination', { params })
    assert.notEqual(state, 'failed', String(detail))
    if (state === 'done') {
      assert.equal(leaf, size)
      break
    }
    await delay(10)
  }
  const made = await root.call('getKeyReport', { params })
  const { vkey } = await root.call('getLedger')
  const trusted = [parseVkey(sha256, vkey)]
  const open = (text: string) =>
    openKeyReport(
      sha256,
      { envelope: made.envelope as unknown as Json, text },
      trusted.map((key) => logKeyVerifier(sha256, verifyEd25519, key)),
      trusted.map(({ name }) => name),
      'the test',
    )
  const verified = open(made.text)
  const report = verified.report as ServiceKeyReport
  assert.deepEqual(
    [report.counts.sound, report.counts.suspect, report.counts.unvouched.rows, report.counts.invalid.rows],
    [{ submissions: 3, rows: 6 }, { submissions: 1, rows: 3 }, 0, 0],
  )
  assert.equal(report.compromised_since, compromised_since)
  assert.throws(() => open(made.text.replace('"rows":6', '"rows":7')), { code: 'KEY_REPORT_UNVERIFIED' })

  const { items } = await root.call('listEvents', { query: { filter: 'source=server', limit: 50 } })
  type Told = {
    event?: { metadata: { event_code: string }; unmapped: { key_report?: { id: string; report: string } } }
  }
  const told = items
    .map(({ line }) => (line as unknown as Told).event)
    .find((event) => event?.metadata.event_code === 'signing_key_examined')
  assert.deepEqual([told?.unmapped.key_report?.id, told?.unmapped.key_report?.report], [made.id, made.text])

  const headers = { authorization: await reader(), 'content-type': 'application/json' }
  const body = JSON.stringify({ what: { all: true } })
  const bundle = await server.send({ method: 'POST', path: '/api/v1/exports', headers, body })
  assert.equal(bundle.status, 200, bundle.text.slice(0, 500))
  const recount = createKeyExamination({ sha256, verify: verifyEd25519, verifyRsa, key: report })
  let size = 0
  const bytes = async function* () {
    yield Buffer.from(bundle.text)
  }
  const checked = await verifyBundle(bytes(), {
    sha256,
    verify: verifyEd25519,
    verifyRsa,
    trust: [vkey],
    onLine: (line, leaf) => {
      if (leaf >= report.size) return
      recount.take({ line }, leaf, 'recounting')
      size = leaf + 1
    },
  })
  assert.ok(checked.ok, JSON.stringify(checked.problem))
  checkFindings(verified, recount.findings(size), 'recounting')
  assert.throws(() => checkFindings(verified, recount.findings(size - 1), 'recounting'), {
    code: 'KEY_REPORT_UNVERIFIED',
  })

  async function reader(): Promise<string> {
    const body = { name: 'reader', actions: ['event:export', 'event:list'], ttl_seconds: 600 }
    return `Bearer ${(await root.call('createToken', { body: body as never })).token}`
  }
})

/** Waits until the event stands in the ledger, and returns its leaf. */
async function leafOf(root: ReturnType<TestServer['root']>, message: string): Promise<number> {
  for (;;) {
    const { items } = await root.call('listEvents', { query: { limit: 100 } })
    const found = items.find(({ line }) => (line as { event?: { message?: string } }).event?.message === message)
    if (found !== undefined) return found.leaf_index
    await delay(10)
  }
}

test('SIG-6 of a host in other hands what stood in the ledger before is sound, whatever its clock says; the report holds without the server', async () => {
  await using server = await startServer()
  await using dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-examination-'))
  const at = (name: string) => join(dir.path, name)
  const root = server.root('default')
  await using host = await joinHost(server, 'default', 'web-1')
  const see = async (message: string) => {
    host.see({ class_uid: 1007, activity_id: 1, severity_id: 1, message })
    return leafOf(root, message)
  }
  const before = await see('of before')
  await root.call('addProducer', { body: { producer: 'billing' } })
  const unshown = await see('of before, and nothing shows it')
  const since = rfc3339(systemClock.nowNs())
  const after = await see('of somebody else, maybe')
  const { items } = await root.call('listSigningKeys')
  const keyId = items.find(({ producer }) => producer === host.hostId)?.key_id ?? ''

  const actions = ['producer:read', 'producer:manage', 'host:revoke', 'event:export', 'event:list']
  const { token } = await root.call('createToken', { body: { name: 'p', actions, ttl_seconds: 600 } as never })
  await writeFile(at('trust'), `${(await root.call('getLedger')).vkey}\n`)
  const sealwatch = async (...args: string[]) => {
    const io = testIo({ env: { SEALWATCH_TOKEN: token } })
    return { code: await run(args, io), out: io.said(), err: io.complained() }
  }
  const compromise = ['compromise', keyId, '--cause', 'stolen', '--since', since, '--server', server.url]
  const replaced = await sealwatch(...compromise, '--replacement', 'another')
  assert.match(replaced.err, /enrols anew/)
  const early = await sealwatch(
    'compromise',
    keyId,
    '--cause',
    'x',
    '--since',
    '2999-01-01T00:00:00Z',
    ...compromise.slice(-2),
  )
  assert.match(early.err, /HOST_SINCE/)
  const found = await sealwatch(...compromise, '-o', at('report.json'))
  assert.equal(found.code, 1, found.err)
  assert.match(found.out, /of the host .*sound +\d+ lines under .*suspect +\d+ lines under/s)

  const { report: text } = JSON.parse(await readFile(at('report.json'), 'utf8')) as { report: string }
  const report = JSON.parse(text) as HostKeyReport
  const verdictAt = (leaf: number) =>
    report.ranges.find(({ first_leaf, next_leaf }) => first_leaf <= leaf && leaf < next_leaf)?.verdict
  assert.deepEqual([before, unshown, after].map(verdictAt), ['sound', 'suspect', 'suspect'])
  assert.deepEqual([report.v, report.compromised_since, report.counts.invalid.lines], [2, since, 0])
  const key = await root.call('getSigningKey', { params: { key_id: keyId } })
  assert.deepEqual([key.compromised_since, key.revoked_at], [since, report.revoked_at])

  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const body = JSON.stringify({ what: { all: true } })
  const exported = await server.send({ method: 'POST', path: '/api/v1/exports', headers, body })
  await writeFile(at('all.bundle'), exported.text)
  const verify = ['compromise', 'verify', at('report.json'), '--trust', at('trust'), '--bundle', at('all.bundle')]
  const verified = await sealwatch(...verify)
  assert.equal(verified.code, 0, verified.err)
  assert.match(verified.out, /VERIFIED .*counted again, and the same/s)
  const again = await sealwatch(...compromise)
  assert.match(again.err, /was revoked at/)
  assert.doesNotMatch(again.err, /--since is not taken/)
  assert.equal(again.out, found.out, 'the ledger says nothing twice')
  const later = await sealwatch('compromise', keyId, '--since', '2026-11-01T00:00:00Z', ...compromise.slice(-2))
  assert.match(later.err, /was revoked at .* compromised since .*: that stays, and --since is not taken/)

  const cluster = server.root('cluster')
  const params = { key_id: keyId }
  await cluster.call('examineSigningKey', { params })
  while ((await cluster.call('getKeyExamination', { params })).state === 'running') await delay(10)
  const theirs = JSON.parse((await cluster.call('getKeyReport', { params })).text) as HostKeyReport
  assert.deepEqual([theirs.tenant, theirs.producer, theirs.ranges], ['cluster', host.hostId, []])
})
