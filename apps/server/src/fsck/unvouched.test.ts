// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { type Clock, systemClock as clock, createLog, rfc3339 } from '@sealwatch/base'
import { strictOffPhrase } from '@sealwatch/contract'
import { createGroups, type Groups } from '../fleet/index.ts'
import { recordAct, registryLine } from '../identity/index.ts'
import { billing, ed25519, one, openRooms, rowOf, signed, temporary } from '../ingest/rows/test/open-rows.ts'
import { byWhom, flip, openIngest, voice } from '../ingest/test/open-ingest.ts'
import { createFleetVouching, createVouching, openStrictness } from '../trust/index.ts'
import type { KeyRow } from '../trust/test/host-key.ts'
import { fsckDir } from './test/fsck-dir.ts'

type Rooms = Awaited<ReturnType<typeof openRooms>>

function change(dir: string, ...statements: string[]): void {
  const database = new DatabaseSync(join(dir, 'index.sqlite'))
  for (const statement of statements) database.exec(statement)
  database.close()
}
const insertOf = (row: KeyRow) =>
  `INSERT INTO signing_keys (${Object.keys(row).join()}) VALUES (${Object.values(row)
    .map((value) => (value === null ? 'NULL' : `'${value}'`))
    .join()})`

/** Texts of what fsck says of the database, and what the alarms say that a start raised. */
const said = async (dir: string) => (await fsckDir(dir)).database.map(({ tenant, text }) => `${tenant}: ${text}`)
async function alarmsOf(rooms: Rooms, tenant = 'acme'): Promise<string[]> {
  await rooms.outbox.drained(tenant, AbortSignal.timeout(10_000))
  const events = (await rooms.leavesOf(tenant)).flatMap(({ event }) => (event === undefined ? [] : [event]))
  return events.flatMap((event) =>
    (event.metadata as { event_code: string }).event_code === 'row_unvouched' ? [String(event.message)] : [],
  )
}

const other = ed25519('billing-2')
const edits: readonly [string, readonly string[], string, RegExp][] = [
  ['that nobody added', [insertOf(rowOf(other))], other.keyId, /no line of the ledger adds it/],
  [
    'with another public key',
    [`UPDATE signing_keys SET public_key = '${rowOf(other).public_key}'`],
    one.keyId,
    /its last line has another public_key$/,
  ],
  ['that is valid since before', ["UPDATE signing_keys SET valid_from = '1980'"], one.keyId, /another valid_from/],
  [
    'that is not revoked any more',
    ['UPDATE signing_keys SET revoked_at = NULL', 'DELETE FROM signing_key_revocations'],
    one.keyId,
    /another revoked_at, compromised_since/,
  ],
]
for (const [name, statements, keyId, why] of edits)
  test(`ING-1 a row of a key ${name} counts for nothing at the next start, is told with an alarm, and found by fsck`, async () => {
    await using dir = await temporary()
    {
      await using rooms = await openRooms(dir.path)
      await rooms.enter(rowOf(one))
      if (name.includes('revoked')) await revoke(rooms)
    }
    {
      await using rooms = await openRooms(dir.path)
      assert.equal(rooms.keys.of('acme').key(one.keyId)?.keyId, one.keyId)
      assert.deepEqual(await alarmsOf(rooms), [])
    }
    assert.deepEqual(await said(dir.path), [])
    change(dir.path, ...statements)
    const [found, ...more] = await said(dir.path)
    assert.match(found ?? '', why)
    assert.equal(found?.startsWith(`acme: the signing key ${keyId}: `), true)
    assert.deepEqual(more, [])
    await using rooms = await openRooms(dir.path)
    assert.equal(rooms.keys.of('acme').key(keyId), undefined)
    assert.equal(rooms.keys.isVouched({ tenant: 'acme', keyId }), false)
    const [outcome] = await rooms.rows.submit(billing, [signed(['x'], {}, keyId === one.keyId ? one : other)])
    assert.equal(outcome?.kind === 'quarantined' && outcome.reason, 'unknown_key')
    const [alarm, ...others] = await alarmsOf(rooms)
    assert.equal(alarm?.includes(`${keyId}: `) === true && why.test(alarm), true)
    assert.deepEqual(others, [])
  })

async function revoke({ store, ledger, keys }: Rooms): Promise<void> {
  const at = rfc3339(clock.nowNs())
  const row = await store.db
    .updateTable('signing_keys')
    .set({ revoked_at: at })
    .where('tenant', '=', 'acme')
    .returningAll()
    .executeTakeFirstOrThrow()
  const compromisedSince = rfc3339(9n)
  const gone = {
    tenant: 'acme',
    key_id: one.keyId,
    revoked_at: at,
    cause: 'stolen',
    compromised_since: compromisedSince,
  }
  await store.db.insertInto('signing_key_revocations').values(gone).execute()
  const change = { change: 'revoked', changedAt: at, cause: 'stolen', compromisedSince } as const
  await ledger.append({ own: registryLine(row, change) })
  await store.between((db) => keys.given(db, { tenant: 'acme', keyId: one.keyId }))
}

test('ING-1 what an index hides is read out of the ledger itself, and what only waits for the ledger has its line', async () => {
  await using dir = await temporary()
  {
    await using rooms = await openRooms(dir.path)
    await rooms.enter(rowOf(one))
    await revoke(rooms)
    await rooms.indexed.waitFor('acme', rooms.ledger.size)
  }
  change(dir.path, 'UPDATE signing_keys SET revoked_at = NULL', 'DELETE FROM signing_key_revocations')
  const index = new DatabaseSync(join(dir.path, 'entries.sqlite'))
  index.exec(
    "DELETE FROM entries WHERE kind = 'registry' AND leaf_index = (SELECT max(leaf_index) FROM entries WHERE kind = 'registry')",
  )
  index.close()
  {
    await using rooms = await openRooms(dir.path)
    assert.equal(rooms.keys.of('acme').key(one.keyId), undefined)
  }
  const row = rowOf(other) as Parameters<typeof registryLine>[0]
  const body = registryLine(row, { change: 'added', changedAt: rfc3339(1n) })
  change(
    dir.path,
    insertOf(row),
    `INSERT INTO outbox (uid, tenant, body) VALUES ('u', 'acme', '${JSON.stringify(body)}')`,
  )
  await using rooms = await openRooms(dir.path)
  assert.equal(rooms.keys.isVouched({ tenant: 'acme', keyId: other.keyId }), true)
})

test('ING-1 a revocation that an index hides is missed, also where other lines about keys came after it', async () => {
  await using dir = await temporary()
  {
    await using rooms = await openRooms(dir.path)
    await rooms.enter(rowOf(one))
    await revoke(rooms)
    await rooms.enter(rowOf(other))
    await rooms.indexed.waitFor('acme', rooms.ledger.size)
  }
  change(dir.path, 'UPDATE signing_keys SET revoked_at = NULL', 'DELETE FROM signing_key_revocations')
  const index = new DatabaseSync(join(dir.path, 'entries.sqlite'))
  const { changes } = index
    .prepare("DELETE FROM entries WHERE tenant = 'acme' AND kind = 'registry' AND leaf_index = 2")
    .run()
  index.close()
  assert.equal(changes, 1)
  await using rooms = await openRooms(dir.path)
  assert.equal(rooms.keys.of('acme').key(one.keyId), undefined)
  assert.equal(rooms.keys.isVouched({ tenant: 'acme', keyId: other.keyId }), true)
})

test('ING-1 a line that a changed row wrote later does not make its key one that was added', async () => {
  await using dir = await temporary()
  {
    await using rooms = await openRooms(dir.path)
    const row = rowOf(other) as Parameters<typeof registryLine>[0]
    await rooms.store.db.insertInto('signing_keys').values(row).execute()
    await rooms.ledger.append({ own: registryLine(row, { change: 'window', changedAt: rfc3339(1n) }) })
  }
  await using rooms = await openRooms(dir.path)
  assert.equal(rooms.keys.of('acme').key(other.keyId), undefined)
})

const by = {
  principal: { kind: 'operator', id: 'root' },
  action: 'strict:switch',
  tenant: 'acme',
  requestId: 'r1',
} as unknown as Parameters<Awaited<ReturnType<typeof openStrictness>>['switchOff']>[0]
const log = createLog('test', () => undefined, clock.nowMs)

function strictnessOf({ store, ledgers, outbox }: Rooms, said?: string, more: Partial<Clock> = {}) {
  const parts = { store, outbox, voice, clock: { ...clock, ...more }, log }
  const vouching = createVouching({ ...parts, ledgers })
  const manifests = { requireManifest: async () => assert.fail() }
  return openStrictness({
    ...parts,
    vouching,
    switchesSince: vouching.switchesSince,
    manifests,
    acknowledged: vouching.acknowledged,
    acknowledgement: said,
    tenants: () => ['acme'],
    sizeOf: (tenant) => ledgers.get(tenant).size,
  })
}

for (const [name, statement, why] of [
  [
    'that nobody switched off',
    "UPDATE strict_modes SET state = 'off', ends_at = '2099-01-01T00:00:00.000000000Z'",
    /the last line of the ledger switches them on/,
  ],
  [
    'that last longer',
    "UPDATE strict_modes SET ends_at = '2099-01-01T00:00:00.000000000Z'",
    /its line says until .*, and the row until 2099/,
  ],
  ['of another', "UPDATE strict_modes SET switched_by = 'person:usr_1'", /its line is of somebody else/],
] as const)
  test(`ING-7 a row of signatures that are not enforced ${name} counts for nothing at the next start, and is found by fsck`, async () => {
    await using dir = await temporary()
    {
      await using rooms = await openRooms(dir.path)
      const strictness = await strictnessOf(rooms)
      await strictness.switchOff(by, { seconds: 7200, acknowledgement: strictOffPhrase })
      if (name === 'that nobody switched off') await strictness.switchOn(by)
      assert.equal((await strictnessOf(rooms)).isStrict('acme'), name === 'that nobody switched off')
      assert.deepEqual(await alarmsOf(rooms), [])
    }
    assert.deepEqual(await said(dir.path), [])
    change(dir.path, statement)
    const [found] = await said(dir.path)
    assert.match(found ?? '', why)
    await using rooms = await openRooms(dir.path)
    const strictness = await strictnessOf(rooms)
    assert.equal(strictness.isStrict('acme'), true)
    const [alarm] = await alarmsOf(rooms)
    assert.match(alarm ?? '', why)
    await strictness.switchOff(by, { seconds: 60, acknowledgement: strictOffPhrase })
    assert.equal(strictness.isStrict('acme'), false, 'switched off anew, it counts')
  })

/** By a clock that is three hours ahead. */
const ahead = { nowNs: () => clock.nowNs() + 3n * 3_600_000_000_000n }

test('ING-7 what was switched off by a clock that was set back before its line was written has its line', async () => {
  await using dir = await temporary()
  {
    await using rooms = await openRooms(dir.path)
    await (await strictnessOf(rooms, undefined, ahead)).switchOff(by, {
      seconds: 7200,
      acknowledgement: strictOffPhrase,
    })
    await rooms.indexed.waitFor('acme', rooms.ledger.size)
  }
  await using rooms = await openRooms(dir.path)
  assert.equal((await strictnessOf(rooms)).isStrict('acme'), false)
  assert.deepEqual(await alarmsOf(rooms), [])
})

test('ING-7 what was switched on by a clock that was set back meanwhile is the last line, and counts', async () => {
  await using dir = await temporary()
  {
    const times = { aheadNs: 3n * 3_600_000_000_000n }
    const shifting = { ...clock, nowNs: () => clock.nowNs() + times.aheadNs }
    await using rooms = await openRooms(dir.path, undefined, { ledgerClock: shifting })
    const strictness = await strictnessOf(rooms, undefined, shifting)
    await strictness.switchOff(by, { seconds: 7200, acknowledgement: strictOffPhrase })
    const rows = rooms.store.db.selectFrom('strict_modes').selectAll().where('tenant', '=', 'acme')
    const row = await rows.executeTakeFirstOrThrow()
    times.aheadNs = 0n
    await strictness.switchOn(by)
    await rooms.indexed.waitFor('acme', rooms.ledger.size)
    await rooms.store.db.updateTable('strict_modes').set(row).where('tenant', '=', 'acme').execute()
  }
  await using rooms = await openRooms(dir.path)
  assert.equal((await strictnessOf(rooms)).isStrict('acme'), true)
  assert.match((await alarmsOf(rooms)).join(), /the last line of the ledger switches them on$/)
})

const acknowledgement = `${strictOffPhrase}, 2026-11-22`
const digest = hash('sha256', acknowledgement, 'hex')
const turnsMax = 1_000

/** A start with STRICT_SIGNATURES=false, until it counts for acme, or as long as it could. */
async function startLoose(rooms: Rooms, said = acknowledgement): Promise<boolean> {
  const stop = new AbortController()
  let turns = 0
  const sleep = async () => {
    await new Promise(setImmediate)
    turns += 1
    if (!strictness.isStrict('acme') || turns === turnsMax) stop.abort()
  }
  const strictness = await strictnessOf(rooms, said, { sleep })
  await rooms.outbox.drained('cluster', AbortSignal.timeout(10_000))
  await strictness.run(stop.signal)
  return !strictness.isStrict('acme')
}

for (const [name, statement, why] of [
  [
    'that lasts longer',
    "UPDATE strict_acknowledgements SET ends_at = '2099-01-01T00:00:00.000000000Z'",
    /its line says until .*, and the row until 2099/,
  ],
  ['that no line tells of', `UPDATE strict_acknowledgements SET acknowledgement = '${acknowledgement}'`, /no line of/],
] as const)
  test(`ING-3 a row of an acknowledgement ${name} is over at the next start, told with an alarm, and found by fsck`, async () => {
    await using dir = await temporary()
    {
      await using rooms = await openRooms(dir.path)
      assert.equal(
        await startLoose(rooms, name === 'that lasts longer' ? acknowledgement : `${strictOffPhrase}, other`),
        true,
      )
      assert.deepEqual(await alarmsOf(rooms, 'cluster'), [])
    }
    assert.deepEqual(await said(dir.path), [])
    change(dir.path, statement)
    const found = await said(dir.path)
    assert.match(found[0] ?? '', why)
    assert.equal(found[0]?.startsWith(`cluster: the acknowledgement ${digest} of STRICT_SIGNATURES=false: `), true)
    await using rooms = await openRooms(dir.path)
    assert.equal(await startLoose(rooms), false)
    const [alarm, ...more] = await alarmsOf(rooms, 'cluster')
    assert.match(alarm ?? '', why)
    assert.deepEqual(more, [])
  })

test('ING-3 a row of an acknowledgement that is gone is found by fsck, and the next start ends it when its line says', async () => {
  await using dir = await temporary()
  const rowIn = ({ store }: Rooms) => store.db.selectFrom('strict_acknowledgements').selectAll().executeTakeFirst()
  let first: Awaited<ReturnType<typeof rowIn>>
  {
    await using rooms = await openRooms(dir.path)
    assert.equal(await startLoose(rooms), true)
    first = await rowIn(rooms)
  }
  change(dir.path, 'DELETE FROM strict_acknowledgements')
  assert.deepEqual(await said(dir.path), [
    `cluster: the acknowledgement ${digest} of STRICT_SIGNATURES=false: a line without its row`,
  ])
  {
    await using rooms = await openRooms(dir.path)
    assert.equal(await startLoose(rooms), true)
    const { ends_at, since } = (await rowIn(rooms)) ?? assert.fail()
    assert.deepEqual([ends_at, since], [first?.ends_at, first?.since])
    const lines = (await rooms.leavesOf('cluster')).filter((line) =>
      JSON.stringify(line).includes('strict_acknowledged'),
    )
    assert.equal(lines.length, 1)
  }
  assert.deepEqual(await said(dir.path), [])
})

const ann = byWhom({ kind: 'person', id: 'usr_ann' })
const bob = byWhom({ kind: 'person', id: 'usr_bob' })

test('ING-4 an approval that no line stands behind lets nothing in, whoever asks, and is told with an alarm', async () => {
  await using it = await openIngest()
  await it.seal('alice')
  const request = await it.batchAt(0)
  const forged = { ...request, lines: flip(request.lines, Buffer.from(request.lines).indexOf('commit:') + 9) }
  const outcome = await it.submit(forged)
  const leaf = outcome.kind === 'quarantined' ? outcome.leafIndex : -1
  const replays = it.replays()
  const { release } = await replays.ask(ann, leaf, 'INC-7')
  const approve = () =>
    it.store.db
      .updateTable('quarantine_releases')
      .set({ approved_at: rfc3339(clock.nowNs()), approved_by: 'person:usr_bob' })
      .where('tenant', '=', 'default')
      .execute()
  await approve()
  const alarms = async () => {
    await it.outbox.drained('default', AbortSignal.timeout(10_000))
    const lines = (await it.ledgers.get('default').read(0, 1_000)).map(({ line }) => Buffer.from(line).toString())
    return lines.filter((line) => line.includes('"event_code":"row_unvouched"'))
  }
  await replays.settle('default')
  const [alarm] = await alarms()
  assert.match(alarm ?? '', new RegExp(`${release.request}, of leaf ${leaf}: no line of the ledger approves it`))
  const refused = await replays.approve(bob, leaf, release.request)
  assert.deepEqual([refused.outcome, refused.detail], ['release', 'no line of the ledger approves it'])
  // By another one's line it is none either: only the act of this request counts.
  const act = {
    code: 'quarantine_release_approved',
    component: 'ingest',
    tenant: 'default',
    by: { name: 'person:usr_ann', requestId: 'r' },
    verb: 'update',
    severity: 'medium',
    message: 'm',
    entity: { type: 'Quarantined Item', uid: 'i' },
  } as const
  const { row } = await replays.show(ann, leaf)
  const details = { quarantine_item: row.item, stub_leaf: leaf, quarantine_request: release.request }
  const options = { store: it.store, outbox: it.outbox, voice, clock }
  await recordAct(options, { ...act, details }, async () => undefined)
  await replays.settle('default')
  assert.equal((await replays.show(ann, leaf)).row.state, 'waiting')
  assert.match((await alarms())[1] ?? '', /its lines are of one and the same/)
})

test('ING-4 fsck finds what was released without its two acts', async () => {
  await using dir = await temporary()
  {
    await using rooms = await openRooms(dir.path)
    await rooms.enter(rowOf(one))
    const bad = signed(['x'])
    const [outcome] = await rooms.rows.submit(billing, [{ ...bad, signature: flip(bad.signature, 3) }])
    assert.equal(outcome?.kind === 'quarantined' && outcome.reason, 'invalid_signature')
    const whole = { after: -1, max: 10 }
    const [waiting] = (
      await rooms.replays.list(byWhom({ kind: 'operator', id: 'root' }, 'acme'), {}, whole.after, whole.max)
    ).items
    const leaf = waiting?.stub_leaf_index ?? -1
    const acme = {
      ann: byWhom({ kind: 'person', id: 'usr_ann' }, 'acme'),
      bob: byWhom({ kind: 'person', id: 'usr_bob' }, 'acme'),
    }
    const { release } = await rooms.replays.ask(acme.ann, leaf, 'INC-7')
    assert.equal((await rooms.replays.approve(acme.bob, leaf, release.request)).outcome, 'admitted')
  }
  assert.deepEqual(await said(dir.path), [])
  change(dir.path, "UPDATE quarantine_releases SET request = 'rel_0'")
  assert.match((await said(dir.path)).join(), /^acme: the release rel_0: no line of the ledger asks for it$/)
})

const operator = { ...by, action: 'host:configure' } as unknown as Parameters<Groups['set']>[0]
const hostId = 'a'.repeat(32)
const groupsOf = ({ store, ledgers, outbox }: Rooms) => {
  const parts = { store, outbox, voice, clock, log }
  return createGroups({ ...parts, vouching: createFleetVouching({ ...parts, ledgers }), changed: () => undefined })
}

for (const [name, statements, why] of [
  [
    'that watches less',
    [`UPDATE host_group_versions SET document = '{}', digest = '${hash('sha256', '{}', 'hex')}' WHERE version = 2`],
    /the group of hosts web: its last line has another digest/,
  ],
  [
    'whose newest version was taken away',
    ['DELETE FROM host_group_versions WHERE version = 2'],
    /the group of hosts web: its last line is of version 2, and the row of 1/,
  ],
  [
    'that a host is not in any more',
    [`UPDATE host_groups SET groups = '[]'`],
    /the groups of the host a+: its last line says \["web"\], and the row \[\]/,
  ],
] as const)
  test(`POL-2 a row of a group of hosts ${name} counts for nothing, is told with an alarm, and found by fsck`, async () => {
    await using dir = await temporary()
    {
      await using rooms = await openRooms(dir.path)
      const facts = {
        hostname: 'web-1',
        machine_id: 'm',
        facts: '{}',
        enrolled_at: 'e',
        cert_serial: 'c',
        cert_expires_at: 'x',
      }
      const unsaid = { agent_version: null, last_seen_at: null, revoked_at: null, presence: null }
      await rooms.store.db
        .insertInto('hosts')
        .values({ host_id: hostId, tenant: 'acme', ...facts, ...unsaid })
        .execute()
      const groups = groupsOf(rooms)
      await groups.set(operator, 'web', { config: { watch: ['/a'] }, cause: 'c' })
      await groups.set(operator, 'web', { config: { watch: ['/a', '/b'] }, cause: 'c' })
      await groups.assign(operator, hostId, ['web'], 'c')
      assert.deepEqual(
        (await groups.of('acme', hostId)).map(({ config }) => config),
        [{ watch: ['/a', '/b'] }],
      )
      assert.deepEqual(await alarmsOf(rooms), [])
    }
    assert.deepEqual(await said(dir.path), [])
    change(dir.path, ...statements)
    const [found, ...more] = await said(dir.path)
    assert.match(found ?? '', why)
    assert.deepEqual(more, [])
    await using rooms = await openRooms(dir.path)
    const groups = groupsOf(rooms)
    for (const _twice of [1, 2]) assert.deepEqual(await groups.of('acme', hostId), [])
    assert.equal((await alarmsOf(rooms)).length, 1, 'it is told once')
    await groups.set(operator, 'web', { config: { watch: ['/c'] }, cause: 'c' })
    await groups.assign(operator, hostId, ['web'], 'c')
    assert.equal((await groups.of('acme', hostId)).length, 1, 'written anew, it counts')
  })
