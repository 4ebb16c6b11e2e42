// SPDX-License-Identifier: Apache-2.0
// OPS-2: what the server keeps of drills: one at a time in a tenant, held while it runs, and reported once, signed.

import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { after, before, beforeEach, test } from 'node:test'
import { canonicalize, systemClock } from '@sealwatch/base'
import type { ApiClient } from '@sealwatch/contract/api'
import { verifyEd25519 } from '@sealwatch/keys'
import { logKeyVerifier, openDrillReport, parseVkey, type RowDrillReport, sha256 } from '@sealwatch/ledger'
import { sampleKeyTheft, sampleReport } from '@sealwatch/ledger/test/drill-report'
import { startServer, type TestServer } from './server.ts'

const clock = {
  ...systemClock,
  aheadMs: 0,
  nowMs: () => systemClock.nowMs() + clock.aheadMs,
  nowNs: () => systemClock.nowNs() + BigInt(clock.aheadMs) * 1_000_000n,
}
const heldMs = 20_000
let server: TestServer
let root: ApiClient
let tenants = 0

before(async () => {
  server = await startServer({}, undefined, { clock })
})
after(() => server[Symbol.asyncDispose]())
beforeEach(async () => {
  tenants += 1
  const name = `drill-${tenants}`
  await server.root('cluster').call('createTenant', { body: { name } })
  root = server.root(name)
})

const code = (wanted: string) => (error: unknown) =>
  (error as { problem?: { code: string } }).problem?.code === wanted || assert.fail(String(error))
const begin = (api = root) => api.call('beginDrill', { body: { drill: 'strict-signature' } })
/** That it failed. */
const report = (run: string, api = root, other: Partial<RowDrillReport> = {}) =>
  api.call('reportDrill', {
    params: { run },
    body: { outcome: 'failed', report: canonicalize({ ...sampleReport, run, tenant: `drill-${tenants}`, ...other }) },
  })
const linesWith = async (what: string) => {
  const { items } = await root.call('listEvents', { query: { limit: 500 } })
  return items.map(({ line }) => JSON.stringify(line)).filter((line) => line.includes(what))
}

test('OPS-2 one drill at a time in a tenant, as long as whoever runs it says so; others have theirs', async () => {
  const { run } = await begin()
  await assert.rejects(begin(), code('DRILL_RUNNING'))
  clock.aheadMs += heldMs - 1000
  await root.call('holdDrill', { params: { run } })
  clock.aheadMs += heldMs - 1000
  await assert.rejects(begin(), code('DRILL_RUNNING'))
  await server.root('cluster').call('createTenant', { body: { name: `other-${tenants}` } })
  await begin(server.root(`other-${tenants}`))
})

test('OPS-2 a drill that was cut off is ended by the next one, which is told of it, and the ledger tells it too', async () => {
  const { run } = await begin()
  clock.aheadMs += heldMs + 1000
  const next = await begin()
  assert.deepEqual(
    next.abandoned.map((one) => one.run),
    [run],
  )
  assert.equal((await linesWith('drill_abandoned')).filter((line) => line.includes(run)).length, 1)
  await assert.rejects(report(run), code('DRILL_UNKNOWN'))
  await assert.rejects(root.call('holdDrill', { params: { run } }), code('DRILL_UNKNOWN'))
  const { items } = await root.call('listDrills')
  assert.deepEqual(
    items.map(({ outcome }) => outcome),
    [null, 'abandoned'],
  )
})

test('OPS-2 a report is kept and signed by the deployment, once; its envelope stands in the ledger as it was handed out', async () => {
  const { run } = await begin()
  const told = await report(run)
  await assert.rejects(report(run), code('DRILL_UNKNOWN'))
  const kept = await root.call('getDrill', { params: { run } })
  assert.deepEqual(kept.envelope, told.envelope)
  assert.equal(kept.run.outcome, 'failed')
  const { trust } = await server.root('cluster').call('getStatus')
  const keys = trust.ledger_keys.map((vkey) => logKeyVerifier(sha256, verifyEd25519, parseVkey(sha256, vkey)))
  const opened = openDrillReport(
    sha256,
    { envelope: JSON.parse(JSON.stringify(kept.envelope)), report: kept.report ?? '' },
    keys,
    'reading it',
  )
  assert.deepEqual([opened.statement.run, opened.statement.outcome], [run, 'failed'])
  const [line = ''] = await linesWith('drill_reported')
  const { unmapped } = (
    JSON.parse(line) as {
      event: { unmapped: { drill: Record<string, unknown> } }
    }
  ).event
  assert.deepEqual(unmapped.drill.envelope, told.envelope)
  assert.equal(unmapped.drill.statement, opened.statementDigest)
  assert.equal((await begin()).abandoned.length, 0)
})

test('OPS-2 whoever did not begin a drill neither holds nor ends it', async () => {
  const { run } = await begin()
  const body = { name: 'other', actions: ['drill:run', 'drill:read'], ttl_seconds: 3600 }
  const other = server.by((await root.call('createToken', { body })).token)
  await assert.rejects(other.call('holdDrill', { params: { run } }), code('DRILL_UNKNOWN'))
  await assert.rejects(report(run, other), code('DRILL_UNKNOWN'))
  assert.equal((await other.call('getDrill', { params: { run } })).report, null)
})

test('OPS-2 what is no report, or one of another drill, is neither signed nor kept', async () => {
  const { run } = await begin()
  const { counts: _, ...less } = sampleReport
  for (const bad of [less, { ...sampleReport, steps: [{ ...sampleReport.steps[0], outcome: '"><meta>' }] }, []])
    await assert.rejects(
      root.call('reportDrill', { params: { run }, body: { outcome: 'failed', report: canonicalize(bad) } }),
      code('DRILL_MALFORMED'),
    )
  for (const other of [{ tenant: 'acme' }, { drill: 'key-compromise' as const }])
    await assert.rejects(report(run, root, other), code('DRILL_UNVERIFIED'))
  assert.equal((await root.call('getDrill', { params: { run } })).run.outcome, null)
})

/** A decoy of the tenant, which sends under the key that is registered, or under one that is not. */
async function startDecoy() {
  const tenant = `drill-${tenants}`
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const params = { producer: 'drill-decoy' }
  await root.call('addProducer', { body: params })
  const public_key = publicKey.export({ type: 'spki', format: 'pem' }) as string
  await root.call('addSigningKey', { params, body: { key_id: `${tenant}-1`, algorithm: 'ed25519', public_key } })
  const asked = { name: 'decoy', actions: ['rows:write'], service: 'drill-decoy', ttl_seconds: 600 }
  const { token } = await root.call('createToken', { body: asked })
  return async (keyId = `${tenant}-1`): Promise<RowDrillReport['sent'][number]> => {
    const payload = Buffer.from('{"drill":1}')
    const signed = {
      id: crypto.randomUUID(),
      form: 'detached',
      payload: payload.toString('base64'),
      payload_type: 'application/json',
      key_id: keyId,
      algorithm: 'ed25519',
      signature: sign(null, payload, privateKey).toString('base64'),
    } as const
    const { outcomes } = await server.by(token).call('submitRows', { body: { submissions: [signed] } })
    const { outcome, reason = 'in the ledger', item = '0'.repeat(64) } = outcomes[0] as Record<string, string>
    const told = { outcome, detail: reason, item } as Pick<
      RowDrillReport['sent'][number],
      'outcome' | 'detail' | 'item'
    >
    const digest = sha256(payload).toHex()
    return { ...sampleReport.sent[0], id: signed.id, key_id: keyId, rows: 1, digest, ...told } as typeof told &
      RowDrillReport['sent'][number]
  }
}

test('OPS-2 a drill has passed only where the ledger holds what it says was sent, since it began', async () => {
  const send = await startDecoy()
  const early = await send()
  const { run } = await root.call('beginDrill', { body: { drill: 'key-compromise' } })
  const steps = sampleReport.steps.slice(0, -1)
  const passes = (sent: RowDrillReport['sent'], other: Partial<RowDrillReport> = {}) => {
    const rows = (outcome: string) => sent.filter((one) => one.outcome === outcome).length
    const [admitted, quarantined] = [rows('admitted'), rows('quarantined')]
    const counts = { received: sent.length, admitted, quarantined, refused: 0, duplicate: 0 }
    const told = { drill: 'key-compromise', outcome: 'passed', failure: null, steps, sent, counts } as const
    const report = { ...sampleReport, run, tenant: `drill-${tenants}`, ...told, ...other }
    return root.call('reportDrill', { params: { run }, body: { outcome: 'passed', report: canonicalize(report) } })
  }
  const refused = async (...asked: Parameters<typeof passes>) =>
    assert.rejects(passes(...asked), code('DRILL_UNPROVEN'))
  const [taken, held] = [await send(), await send('nobody')]
  assert.deepEqual([taken.outcome, held.outcome], ['admitted', 'quarantined'])
  await refused([])
  await refused([taken])
  await refused([held])
  await refused([early, held])
  await refused([taken, held, { ...taken, id: 'never-sent' }])
  await refused([{ ...taken, digest: held.item }, held])
  await refused([taken, { ...held, item: taken.digest }])
  await refused([taken, held], { producer: 'billing' })
  await refused([taken, held], { counts: { received: 3, admitted: 1, quarantined: 1, refused: 0, duplicate: 0 } })
  const known = (await root.call('listDrills')).items[0]
  assert.equal(known?.outcome, null)
  await passes([taken, held])
})

test('OPS-2 where a drill replays what was quarantined, that must have come in', async () => {
  const send = await startDecoy()
  const { run } = await begin()
  const sent = [await send(), await send('nobody')]
  const told = { outcome: 'passed', failure: null, steps: [], counts: null, sent } as const
  const text = canonicalize({ ...sampleReport, run, tenant: `drill-${tenants}`, ...told })
  const body = { outcome: 'passed', report: text } as const
  await assert.rejects(root.call('reportDrill', { params: { run }, body }), code('DRILL_UNPROVEN'))
})

const decoy = { pid: 4242, start_ns: '1230000000' }
const runner = { pid: 4200, start_ns: '1220000000' }

test('RIM-5 a guard answers a drill in earnest for whoever began it and may configure hosts, upon a host of the tenant; else nobody is told', async () => {
  const asked = { name: 'drill-1', host: 'ab'.repeat(16), decoy, runner }
  const rehearse = (run: string, api = root, body: object = {}) =>
    api.call('rehearseDrill', { params: { run }, body: { ...asked, ...body } })
  const { run: ofRows } = await begin()
  await assert.rejects(rehearse(ofRows), code('REHEARSAL_REFUSED'))
  await report(ofRows)
  const { run } = await root.call('beginDrill', { body: { drill: 'key-theft' } })
  await assert.rejects(rehearse(run), code('HOST_UNKNOWN'))
  await assert.rejects(rehearse(run, root, { runner: decoy }), code('REHEARSAL_REFUSED'))
  for (const bad of [{ name: 'Drill' }, { decoy: { ...decoy, pid: 1 } }, { runner: { ...runner, start_ns: '-1' } }])
    await assert.rejects(rehearse(run, root, bad), code('REQUEST_INVALID'))
  const may = async (...actions: string[]) =>
    server.by((await root.call('createToken', { body: { name: actions.join(), actions, ttl_seconds: 600 } })).token)
  await assert.rejects(rehearse(run, await may('drill:run')), code('ACCESS_DENIED'))
  await assert.rejects(rehearse(run, await may('host:configure')), code('DRILL_UNKNOWN'))
  assert.equal((await linesWith('drill_rehearsal')).length, 0)
})

test('OPS-2 a drill of attacks has passed only where the ledger says of each that it was seen and answered, in this run', async () => {
  const { run } = await root.call('beginDrill', { body: { drill: 'key-theft' } })
  const ways = Array.from({ length: 12 }, (_, n) => ({
    ...(sampleKeyTheft.attacks[0] as (typeof sampleKeyTheft.attacks)[number]),
    ...{ way: `way_${n}`, incident: `inc_${n}` },
  }))
  const passes = (attacks: typeof ways) => {
    const told = { run, tenant: `drill-${tenants}`, outcome: 'passed', failure: null, steps: [], attacks } as const
    const report = canonicalize({ ...sampleKeyTheft, ...told })
    return root.call('reportDrill', { params: { run }, body: { outcome: 'passed', report } })
  }
  for (const attacks of [[], ways.slice(0, 9), ways.map((one) => ({ ...one, way: 'vm_read' })), ways])
    await assert.rejects(passes(attacks), code('DRILL_UNPROVEN'))
})
