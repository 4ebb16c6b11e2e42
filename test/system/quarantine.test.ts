// SPDX-License-Identifier: Apache-2.0
// What hosts and services brought into quarantine comes in by replay and release, while the server is killed again and again.

import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { canonicalize, systemClock as clock, rfc3339 } from '@sealwatch/base'
import { payloadOf } from '@sealwatch/contract'
import { generateSigner } from '@sealwatch/keys'
import { type KeyColumns, registryLine } from '../../apps/server/src/identity/index.ts'
import { outboxUid } from '../../apps/server/src/store/index.ts'
import { pressOf } from '../../apps/server/test/follow-link.ts'
import { seededRandom } from './crash.ts'
import { eventually, type Platform, startPlatform, whyNot } from './platform.ts'
import { startProducer } from './producer.ts'

const seed = Number(process.env.SEALWATCH_SEED ?? Math.floor(Math.random() * 2 ** 31))
const tenant = 'acme'
const items = { host: 40, forged: 2, service: 60, unsigned: 2 }
const rowsOfSubmission = 3
const kills = { replay: 2, release: 2 }

test('ING-4 ING-8 OPS-2 what is replayed or released while the server is killed comes in once, and all of it', {
  skip: whyNot() ?? false,
}, async (t) => {
  t.diagnostic(`seed ${seed}; SEALWATCH_SEED=${seed} repeats the schedule`)
  const random = seededRandom(seed)
  await using ended = new AsyncDisposableStack()
  const platform = await startPlatform()
  ended.defer(() => rm(platform.data, { recursive: true, force: true }))
  let isUp = true
  ended.defer(async () => void (isUp && (await platform.down())))
  const say = sayer(platform)
  await say('tenant', 'create', tenant)

  const hosts = await quarantineHosts(platform, (defer) => ended.defer(defer))
  const service = await quarantineRows(platform)
  const before = await waitingItems(platform)
  assert.deepEqual(
    before.map(({ reason, items }) => [reason, items]).sort(),
    [
      ['invalid_signature', items.forged + items.unsigned],
      ['key_not_yet_valid', items.host],
      ['unknown_key', items.service],
    ].sort(),
  )
  await hosts.repair()
  await service.repair()

  const approve = await approver(platform)
  const killed = await replayUnderKills(platform, random)
  const released = await releaseUnderKills(platform, approve, random)
  t.diagnostic(`kills: ${JSON.stringify({ replay: killed, release: released })}`)
  assert.deepEqual(await waitingItems(platform), [])

  const { fills, texts, unverified } = await readLedger(platform)
  const total = items.host + items.forged + items.service + items.unsigned
  assert.equal(fills.length, total)
  assert.equal(new Set(fills).size, total, 'of each stub one replay')
  assert.deepEqual(texts.sort(), service.texts.sort())
  assert.ok(unverified > 0)
  await platform.down(true)
  isUp = false
  const fsck = await platform.sealwatch('audit', 'fsck', '--json')
  assert.equal(fsck.code, 0, fsck.stdout + fsck.stderr)
})

const sayer =
  (platform: Platform) =>
  async (...args: string[]) => {
    const { code, stdout, stderr } = await platform.sealwatch(...args, '--json')
    assert.equal(code, 0, `${args.join(' ')}: ${stdout}${stderr}`)
    return JSON.parse(stdout) as { token: string; url: string; server: { api: string } } & Record<string, unknown>
  }

const killServer = (platform: Platform) =>
  eventually('the server to run', async () => (await platform.kill('server')) || undefined)

type Count = { readonly reason: string; readonly state: string; readonly items: number }

async function waitingItems(platform: Platform): Promise<readonly Count[]> {
  let said = ''
  const found = await eventually('the quarantine to be told of', async () => {
    const { code, stdout, stderr } = await platform.sealwatch('quarantine', 'list', '--tenant', tenant, '--json')
    said = stdout + stderr
    return code === 0 ? (JSON.parse(stdout) as { items: { reason: string }[] }).items : undefined
  }).catch((error: Error) => assert.fail(`${error.message}: ${said}`))
  const counts = new Map<string, number>()
  for (const { reason } of found) counts.set(reason, (counts.get(reason) ?? 0) + 1)
  return [...counts].map(([reason, items]) => ({ reason, state: 'waiting', items }))
}

/** One host whose key counts only later, and one that signs by another key than it enrolled with. */
async function quarantineHosts(platform: Platform, defer: (work: () => Promise<void>) => void) {
  const forger = await startProducer(platform, {
    name: 'forger',
    tenant,
    everyMs: 1,
    perBatch: 1,
    events: items.forged,
    sealedBy: ({ keyId }) => ({ ...generateSigner(), keyId }),
  })
  defer(() => forger.stop())
  await forger.finish(30_000)
  let keyId = ''
  const host = await startProducer(platform, {
    name: 'host',
    tenant,
    everyMs: 1,
    perBatch: 2,
    events: 2 * items.host,
    // Enrolled, and not one line is sealed yet.
    sealedBy: (enrolled) => {
      keyId = enrolled.keyId
      return enrolled
    },
    beforeSealing: () => setKeyFrom(platform, keyId, rfc3339(clock.nowNs() + 86_400_000_000_000n)),
  })
  defer(() => host.stop())
  await host.finish(30_000)
  return { repair: () => setKeyFrom(platform, keyId, rfc3339(0n)) }
}

/** As if it had been registered so, its lines included; the server sees it with its next start. */
async function setKeyFrom(platform: Platform, keyId: string, from: string): Promise<void> {
  await platform.down(true)
  const database = new DatabaseSync(join(platform.data, 'server/index.sqlite'))
  const row = database.prepare('UPDATE signing_keys SET valid_from = ? WHERE key_id = ? RETURNING *').get(from, keyId)
  const line = registryLine(row as KeyColumns, { change: 'window', changedAt: rfc3339(clock.nowNs()) })
  const waits = database.prepare('INSERT INTO outbox (uid, tenant, body) VALUES (?, ?, ?)')
  for (const ledger of [tenant, 'cluster']) waits.run(outboxUid(ledger, line), ledger, canonicalize(line))
  database.close()
  const up = await platform.sealwatch('up', '--port', String(platform.port), '--detach')
  assert.equal(up.code, 0, up.stderr)
}

/** A service whose key nobody has registered, and another key of it under which nothing is signed rightly. */
async function quarantineRows(platform: Platform) {
  const say = sayer(platform)
  const path = (name: string) => join(platform.data, name)
  const keyOf = async (id: string) => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    await writeFile(path(`${id}.pub`), publicKey.export({ type: 'spki', format: 'pem' }))
    const repair = () =>
      say(
        'signing-key',
        'add',
        'billing',
        path(`${id}.pub`),
        '--id',
        id,
        '--from',
        '2026-01-01T00:00:00Z',
        '--tenant',
        tenant,
      )
    return { id, privateKey, repair }
  }
  await say('producer', 'add', 'billing', '--tenant', tenant)
  const [late, other] = [await keyOf('billing-late'), await keyOf('billing-other')]
  await other.repair()
  const made = await say('token', 'create', 'b', '--may', 'rows:write', '--service', 'billing', '--tenant', tenant)
  const url = `${(await say('status')).server.api}/api/v1/ingest/submissions`
  const texts: string[] = []
  for (let n = 0; n < items.service + items.unsigned; n += 1) {
    const rows = Array.from({ length: rowsOfSubmission }, (_, i) => JSON.stringify({ invoice: n, row: i }))
    texts.push(...rows)
    const isLate = n < items.service
    const payload = payloadOf(rows)
    const submission = {
      id: `sub-${n}`,
      form: 'detached',
      payload: payload.toBase64(),
      payload_type: 'application/x-ndjson',
      key_id: isLate ? late.id : other.id,
      algorithm: 'ed25519',
      signature: sign(null, payload, late.privateKey).toString('base64'),
    }
    const answer = await fetch(url, {
      method: 'POST',
      headers: { authorization: `Bearer ${made.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ submissions: [submission] }),
    })
    assert.match(await answer.text(), /"quarantined"/)
  }
  return { texts, repair: late.repair }
}

/** How many bytes of lines the tenant's ledger has. */
async function ledgerBytes(platform: Platform): Promise<number> {
  const dir = join(platform.data, `server/ledgers/tenant-${tenant}/lines`)
  const sizes = await Promise.all((await readdir(dir)).map(async (name) => (await stat(join(dir, name))).size))
  return sizes.reduce((sum, size) => sum + size, 0)
}

/** The server is killed whenever the replay has brought something in; the replay outlives it, and what is left is none. */
async function replayUnderKills(platform: Platform, random: () => number): Promise<number> {
  const run = () => platform.sealwatch('quarantine', 'replay', '--yes', '--tenant', tenant, '--json')
  const running = run()
  let isOver = false
  const over = running.finally(() => {
    isOver = true
  })
  let killed = 0
  for (; killed < kills.replay; killed += 1) {
    const from = await ledgerBytes(platform)
    const most = random() * 15_000
    await eventually(
      'the replay to go on',
      async () => isOver || (await ledgerBytes(platform)) > from + most || undefined,
    )
    if (isOver) break
    await killServer(platform)
  }
  // Where the machine is busy the platform ends it after a minute; the next one takes it from there.
  const { stdout } = await over
  assert.ok(killed > 0, `it ended before it was killed: ${stdout.slice(0, 200)}`)
  await eventually('a replay that ends', async () => (await run()).code === 0 || undefined, 60_000)
  return killed
}

/** The operator asks; somebody who came by break-glass approves, again and again until it is done. */
async function releaseUnderKills(platform: Platform, approve: Approve, random: () => number): Promise<number> {
  const say = sayer(platform)
  const listed = await say('quarantine', 'list', '--tenant', tenant, '--reason', 'invalid_signature')
  const leaves = (listed.items as { leaf_index: number }[]).map(({ leaf_index }) => leaf_index)
  const asked: [number, string][] = []
  for (const leaf of leaves) {
    const { request } = await say('quarantine', 'release', String(leaf), '--cause', 'INC-7', '--tenant', tenant)
    asked.push([leaf, request as string])
  }
  const every = Math.floor(asked.length / kills.release)
  for (const [n, [leaf, request]] of asked.entries()) {
    const done = eventually('the release', () => approve(leaf, request).catch(() => undefined))
    if (n % every === 0) {
      await clock.sleep(random() * 20)
      await killServer(platform)
    }
    assert.match(await done, /^(admitted|already)$/)
  }
  return Math.ceil(asked.length / every)
}

type Approve = (leaf: number, request: string) => Promise<string | undefined>

async function approver(platform: Platform): Promise<Approve> {
  const say = sayer(platform)
  const api = (await say('status')).server.api
  const { url } = await say('break-glass', 'open', '--for', 'ann', '--reason', 'a test of releases', '--minutes', '30')
  const press = pressOf(url)
  const origin = new URL(url).origin
  const cookieOf = (answer: Response) => (answer.headers.get('set-cookie') ?? '').split(';')[0] ?? ''
  const pressed = await fetch(`${api}${press.path}`, { ...press, redirect: 'manual' })
  const own = async (cookie: string) => {
    const session = await fetch(`${api}/api/v1/session`, { headers: { cookie } })
    const { csrf_token, principal } = (await session.json()) as { csrf_token: string; principal: { id: string } }
    return {
      person: principal.id,
      headers: { cookie, origin, 'sealwatch-csrf': csrf_token, 'content-type': 'application/json' },
    }
  }
  const first = await own(cookieOf(pressed))
  await say('member', 'grant', first.person, 'tenant_admin', '--tenant', tenant)
  const went = await fetch(`${api}/api/v1/session/tenant`, {
    method: 'POST',
    headers: first.headers,
    body: JSON.stringify({ tenant }),
  })
  const { headers } = await own(cookieOf(went))
  return async (leaf: number, request: string): Promise<string | undefined> => {
    const path = `/api/v1/quarantine/items/${leaf}/release/approve`
    const answer = await fetch(`${api}${path}`, { method: 'POST', headers, body: JSON.stringify({ request }) })
    return ((await answer.json()) as { outcome?: string }).outcome
  }
}

/** What the ledger says, from a bundle that verifies. */
async function readLedger(platform: Platform) {
  const file = join(platform.data, 'all.bundle')
  const exported = await platform.sealwatch('audit', 'export', '--all', '--tenant', tenant, '-o', file)
  assert.equal(exported.code, 0, exported.stderr)
  const verified = await platform.sealwatch('audit', 'verify', file, '--json')
  assert.equal(verified.code, 0, verified.stdout + verified.stderr)
  const { unverified } = JSON.parse(verified.stdout) as { unverified: number }
  const fills: number[] = []
  const texts: string[] = []
  for await (const record of createInterface({ input: createReadStream(file) })) {
    const { row, replay, submission_replay } = JSON.parse(record) as {
      row?: { text: string }
      replay?: { stub_leaf: number }
      submission_replay?: { stub_leaf: number }
    }
    if (row !== undefined) texts.push(row.text)
    const fill = replay ?? submission_replay
    if (fill !== undefined) fills.push(fill.stub_leaf)
  }
  return { fills, texts, unverified }
}
