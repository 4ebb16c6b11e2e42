// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Json, systemClock } from '@sealwatch/base'
import { verifyEd25519 } from '@sealwatch/keys'
import { followPolicy, logKeyVerifier, openPolicy, parseVkey, sha256, type VerifiedPolicy } from '@sealwatch/ledger'
import { policyLimitsOfTenant } from './errors.ts'
import { by, openRooms, origin, type Rooms } from './test/rooms.ts'

const good = join(import.meta.dirname, '../../../../vectors/policies/good')
const network = readFileSync(join(good, 'network.json'), 'utf8')
const shells = (more: object = {}) => ({
  type: 'process',
  name: 'Shells',
  rules: [{ id: 'sh', action: 'deny', executables: ['/bin/sh'] }],
  ...more,
})

const put = (rooms: Rooms, id: string, input: unknown, condition = {}, tenant = 'acme') =>
  rooms.policies.put(by('policy:write', tenant), id, input, condition)
const get = (rooms: Rooms, id: string, tenant = 'acme') => rooms.policies.get(by('policy:read', tenant), id)

async function received(rooms: Rooms, id: string, known: VerifiedPolicy | undefined, version?: number) {
  const { document, envelope } = await rooms.policies.signed(by('policy:read'), id, version)
  const trusted = [logKeyVerifier(sha256, verifyEd25519, parseVkey(sha256, rooms.ledgers.vkey))]
  const signed = { document: document ?? undefined, envelope: envelope as unknown as Json }
  return followPolicy(known, openPolicy(sha256, signed, trusted, { origin, tenant: 'acme' }, 'the test'), 'the test')
}

test('POL-2 a policy is made, changed, switched and deleted; each version is signed, recorded and kept', async () => {
  await using rooms = await openRooms()
  const first = await put(rooms, 'web', network)
  assert.equal(first.updated, true)
  assert.deepEqual(first.validation, { ok: true, problems: [], omitted: 0 })
  const { etag, version, createdBy, createdAt, digest } = await get(rooms, 'web')
  assert.deepEqual([version, createdBy], [1, 'person:usr_ann'])
  assert.equal(digest, JSON.parse(readFileSync(join(good, '../good.json'), 'utf8'))['network.json'])

  const off = JSON.parse(network) as object
  const second = await put(rooms, 'web', { ...off, enabled: false }, { ifMatch: etag })
  assert.equal(second.record?.version, 2)
  const third = await put(rooms, 'web', { ...off, enabled: false, description: 'Paused' })
  assert.equal(third.record?.createdAt, createdAt)
  const gone = await rooms.policies.remove(by('policy:write', 'acme', 'usr_bob'), 'web', {
    ifMatch: third.record?.etag,
  })
  assert.equal(gone.version, 4)
  await assert.rejects(get(rooms, 'web'), { code: 'POLICY_UNKNOWN' })
  await assert.rejects(rooms.policies.remove(by('policy:write'), 'web', {}), { code: 'POLICY_UNKNOWN' })
  const again = await put(rooms, 'web', network)
  assert.deepEqual([again.record?.version, again.record?.createdBy], [5, 'person:usr_ann'])

  const versions = await rooms.policies.versions(by('policy:read'), 'web', { limit: 10 })
  assert.deepEqual(
    versions.map(({ version: of, change, changedBy }) => [of, change, changedBy]),
    [
      [5, 'created', 'person:usr_ann'],
      [4, 'deleted', 'person:usr_bob'],
      [3, 'replaced', 'person:usr_ann'],
      [2, 'disabled', 'person:usr_ann'],
      [1, 'created', 'person:usr_ann'],
    ],
  )
  assert.deepEqual(
    (await rooms.policies.versions(by('policy:read'), 'web', { before: 3, limit: 1 })).map((row) => row.version),
    [2],
  )

  const texts = await rooms.ledgerTexts('acme')
  for (const { version: of, leafIndex, statementDigest, change } of versions) {
    const line = JSON.parse(texts[leafIndex as number] as string) as { event: Record<string, Record<string, unknown>> }
    assert.equal(line.event.metadata?.event_code, `policy_${change}`)
    const { policy, policy_version, policy_statement } = line.event.unmapped as Record<string, unknown>
    assert.deepEqual([policy, policy_version, policy_statement], ['web', of, statementDigest])
  }
  assert.ok(!(await rooms.ledgerTexts('zeta')).join().includes('policy_'))

  let known: VerifiedPolicy | undefined
  for (let of = 1; of <= 5; of += 1) {
    known = await received(rooms, 'web', known, of)
    assert.equal(known.statementDigest, versions.find((row) => row.version === of)?.statementDigest)
  }
  await assert.rejects(async () => received(rooms, 'web', known, 4), { code: 'POLICY_STALE' })
})

test('what is not valid changes nothing, and what is there already makes no version', async () => {
  await using rooms = await openRooms()
  const typo = await put(rooms, 'web', network.replace('"enabled"', '"enabeld"'))
  assert.deepEqual([typo.updated, typo.validation.ok, typo.record], [false, false, undefined])
  assert.match(typo.validation.problems[0]?.suggestion ?? '', /enabled/)
  await assert.rejects(get(rooms, 'web'), { code: 'POLICY_UNKNOWN' })
  await put(rooms, 'web', network)
  const lines = (await rooms.ledgerTexts('acme')).length
  const again = await put(rooms, 'web', { ...(JSON.parse(network) as object), version: 77, etag: 'x' })
  assert.deepEqual([again.updated, again.record?.version, again.leafIndex], [false, 1, undefined])
  assert.equal((await rooms.ledgerTexts('acme')).length, lines)
})

test('a change is made to the version it was made from, else it says what changed meanwhile', async () => {
  await using rooms = await openRooms()
  const first = await put(rooms, 'web', shells(), { ifNoneMatch: '*' })
  const condition = { ifMatch: first.record?.etag as string }
  await put(rooms, 'web', shells({ default: 'deny' }))
  await assert.rejects(put(rooms, 'web', shells({ name: 'Mine' }), condition), {
    code: 'POLICY_CHANGED_MEANWHILE',
    kind: 'conflict',
  })
  const { current, changes } = await rooms.policies.changedMeanwhile(by('policy:write'), 'web', condition)
  assert.equal(current?.version, 2)
  assert.deepEqual(changes, [{ sign: '~', text: 'default "allow" -> "deny"' }])
  await assert.rejects(put(rooms, 'web', shells(), { ifNoneMatch: '*' }), { code: 'POLICY_CHANGED_MEANWHILE' })
  await assert.rejects(put(rooms, 'other', shells(), { ifMatch: '*' }), { code: 'POLICY_CHANGED_MEANWHILE' })
  await assert.rejects(rooms.policies.remove(by('policy:write'), 'web', condition), {
    code: 'POLICY_CHANGED_MEANWHILE',
  })
  assert.equal(
    (await put(rooms, 'web', shells({ name: 'Mine' }), { ifMatch: `"0-x", ${current?.etag}` })).updated,
    true,
  )
})

test('of those who write at once with the same condition one is right; without a condition all come in, one after the other', async () => {
  await using rooms = await openRooms()
  const { record } = await put(rooms, 'web', shells())
  const names = ['one', 'two', 'three', 'four']
  const conditional = await Promise.allSettled(
    names.map((name) => put(rooms, 'web', shells({ name }), { ifMatch: record?.etag })),
  )
  assert.deepEqual(conditional.map(({ status }) => status).sort(), ['fulfilled', 'rejected', 'rejected', 'rejected'])
  const free = await Promise.all(names.map((name) => put(rooms, 'web', shells({ name: `${name} more` }))))
  assert.deepEqual(
    free.map((each) => each.updated),
    [true, true, true, true],
  )
  const versions = await rooms.policies.versions(by('policy:read'), 'web', { limit: 10 })
  assert.deepEqual(
    versions.map(({ version }) => version),
    [6, 5, 4, 3, 2, 1],
  )
  let known: VerifiedPolicy | undefined
  for (const { version } of versions.toReversed()) known = await received(rooms, 'web', known, version)
})

test('differences between versions, as a patch and in words', async () => {
  await using rooms = await openRooms()
  await put(rooms, 'web', shells())
  await put(rooms, 'web', shells({ rules: [{ id: 'sh', action: 'deny', executables: ['/bin/sh', '/bin/bash'] }] }))
  const between = (query: object) => rooms.policies.difference(by('policy:read'), 'web', query)
  const due = {
    from: 1,
    to: 2,
    patch: [{ op: 'add', path: '/rules/0/executables/1', value: '/bin/bash' }],
    text: [{ sign: '~', text: 'rule sh: executables +"/bin/bash"' }],
  }
  assert.deepEqual(await between({}), due)
  assert.deepEqual(await between({ from: 1, to: 2 }), due)
  assert.equal((await between({ from: 2, to: 1 })).patch[0]?.op, 'remove')
  assert.deepEqual((await between({ from: 0, to: 1 })).patch[0]?.op, 'replace')
  await rooms.policies.remove(by('policy:write'), 'web', {})
  assert.equal(
    (await between({})).text.some(({ sign, text }) => sign === '-' && text.startsWith('rule sh')),
    true,
  )
  await assert.rejects(between({ from: 1, to: 9 }), { code: 'POLICY_UNKNOWN' })
})

test('POL-1 a policy of another tenant is not there: to read, to write, to compare, to delete', async () => {
  await using rooms = await openRooms()
  await put(rooms, 'web', shells())
  const read = by('policy:read', 'zeta')
  for (const ask of [
    () => rooms.policies.get(read, 'web'),
    () => rooms.policies.signed(read, 'web'),
    () => rooms.policies.versions(read, 'web', { limit: 10 }),
    () => rooms.policies.difference(read, 'web', {}),
    () => rooms.policies.remove(by('policy:write', 'zeta'), 'web', {}),
  ])
    await assert.rejects(ask, { code: 'POLICY_UNKNOWN' })
  assert.deepEqual(await rooms.policies.list(read, { after: '', limit: 10 }), [])
  const theirs = await put(rooms, 'web', shells({ name: 'Shells' }), { ifNoneMatch: '*' }, 'zeta')
  assert.equal(theirs.record?.version, 1)
  assert.equal((await get(rooms, 'web')).createdAt === theirs.record?.createdAt, false)
})

test('names that look alike are not taken twice; a deleted policy gives its name back', async () => {
  await using rooms = await openRooms()
  await put(rooms, 'web', shells({ name: 'Cape 10' }))
  // The second but last is written in Cyrillic letters alone.
  for (const name of ['Cape 10', 'CAPE 10', 'cape lO', '\u0421\u0430\u0440\u0435 10', 'C\u00e0pe 10'])
    await assert.rejects(put(rooms, 'other', shells({ name })), { code: 'POLICY_NAME_TAKEN' }, name)
  await rooms.policies.remove(by('policy:write'), 'web', {})
  assert.equal((await put(rooms, 'other', shells({ name: 'Cape 10' }))).updated, true)
  await assert.rejects(put(rooms, 'web', shells({ name: 'cape 10' })), { code: 'POLICY_NAME_TAKEN' })
})

test('a signer that does not answer leaves everything as it was', async () => {
  await using rooms = await openRooms()
  await put(rooms, 'web', shells())
  rooms.signing.fails = Object.assign(new Error('no signer'), { code: 'SIGNER_UNAVAILABLE' })
  await assert.rejects(put(rooms, 'web', shells({ default: 'deny' })), { code: 'SIGNER_UNAVAILABLE' })
  rooms.signing.fails = undefined
  assert.equal((await get(rooms, 'web')).version, 1)
  assert.equal((await put(rooms, 'web', shells({ default: 'deny' }))).record?.version, 2)
})

test('versions are kept up to a number and a size, the newest of each policy always; the ledger knows of all', async () => {
  await using rooms = await openRooms()
  const { versionsMax } = policyLimitsOfTenant
  await put(rooms, 'web', shells())
  await put(rooms, 'old', shells({ name: 'Old' }))
  // As if there had been many before: one more makes room.
  const [row] = await rooms.store.db
    .selectFrom('security_policy_versions')
    .selectAll()
    .where('tenant', '=', 'acme')
    .where('policy_id', '=', 'web')
    .execute()
  assert.ok(row)
  for (let version = 2; version <= versionsMax; version += 1)
    await rooms.store.db
      .insertInto('security_policy_versions')
      .values({ ...row, version })
      .execute()
  await rooms.store.db
    .updateTable('security_policies')
    .set({ version: versionsMax })
    .where('tenant', '=', 'acme')
    .where('policy_id', '=', 'web')
    .execute()
  await put(rooms, 'web', shells({ default: 'deny' }))
  const kept = async (id: string) =>
    (
      await rooms.store.db
        .selectFrom('security_policy_versions')
        .select('version')
        .where('tenant', '=', 'acme')
        .where('policy_id', '=', id)
        .execute()
    ).map(({ version }) => version)
  assert.deepEqual((await kept('web')).sort((a, b) => a - b).slice(0, 2), [2, 3])
  assert.equal((await kept('web')).length, versionsMax)
  await rooms.store.db
    .updateTable('security_policy_versions')
    .set({ bytes: Math.floor(policyLimitsOfTenant.documentBytesMax / 100) })
    .where('tenant', '=', 'acme')
    .where('policy_id', '=', 'web')
    .execute()
  await put(rooms, 'web', shells({ default: 'allow' }))
  assert.ok((await kept('web')).length < 101)
  assert.ok((await kept('web')).includes(versionsMax + 2))
  assert.deepEqual(await kept('old'), [1])
})

test('a tenant has its share of looking at policies, and takes nothing of another', async () => {
  let nowNs = 0n
  await using rooms = await openRooms({ ...systemClock, monotonicNs: () => nowNs })
  const large = shells({ description: 'x'.repeat(200_000) })
  const validate = (tenant: string) => rooms.policies.validate(by('policy:try', tenant), large)
  let looked = 0
  await assert.rejects(
    async () => {
      for (; looked < 100; looked += 1) await validate('acme')
    },
    { code: 'POLICIES_TOO_FAST', kind: 'exhausted' },
  )
  assert.ok(looked >= 2 && looked < 4, `${looked} large ones at once`)
  assert.equal((await validate('zeta')).validation.ok, false)
  nowNs += 3_000_000_000n
  assert.equal((await validate('acme')).validation.ok, false)
})
