// SPDX-License-Identifier: Apache-2.0
// SIG-6: what a key ever signed, examined by a whole server, and verified without it.

import assert from 'node:assert/strict'
import { sign } from 'node:crypto'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { type Json, rfc3339, systemClock } from '@sealwatch/base'
import { verifyEd25519, verifyRsa } from '@sealwatch/keys'
import { makeTestKey, type TestKey } from '@sealwatch/keys/test/manifest-keys'
import {
  checkFindings,
  createKeyExamination,
  logKeyVerifier,
  openKeyReport,
  parseVkey,
  sha256,
  verifyBundle,
} from '@sealwatch/ledger'
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
  const { report } = verified
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
      recount.take(line, leaf, 'recounting')
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
