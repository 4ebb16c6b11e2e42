// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { type Client, Code, ConnectError, createClient } from '@connectrpc/connect'
import { createConnectTransport } from '@connectrpc/connect-node'
import { createBell, createLog, type JsonObject, rfc3339, systemClock, systemDisk } from '@sealwatch/base'
import { AdminService, type Entry } from '@sealwatch/contract'
import { type Ed25519Signer, generateSigner, openOwnSigner, verifyEd25519 } from '@sealwatch/keys'
import { type Chain, linkBatch, openChain, sha256, verifyBatch, verifyBundle } from '@sealwatch/ledger'
import { createGate } from '../access/index.ts'
import { type IndexPort, indexEntries, type Ledgers, openIndexHere, openLedgers } from '../ingest/index.ts'
import { createOutbox, openStore, type Store } from '../store/index.ts'
import { type ApiPorts, type ApiSocket, createHostBook, openApiSocket } from './index.ts'

const hostId = 'a'.repeat(32)
const t0 = BigInt(Date.parse('2026-01-01T00:00:00Z')) * 1_000_000n

const signerFacts = { configured: false, backend: 'file', algorithm: 'ed25519', keyId: 'ab', location: 'file:/k' }

describe('control socket', () => {
  let dir: string
  let store: Store
  let index: IndexPort
  let ledgers: Ledgers
  let host: Ed25519Signer
  let chain: Chain
  let socket: ApiSocket
  let admin: Client<typeof AdminService>
  let asked: string[]
  let ordered: string[]
  let exported: object[]
  let revealed: string[]
  const stop = { signal: new AbortController() }
  let following: Promise<unknown>

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'sealwatch-api-'))
    stop.signal = new AbortController()
    const { signal } = stop.signal
    store = openStore(dir)
    index = openIndexHere(store.indexPath)
    ledgers = await openLedgers({
      dir: join(dir, 'ledgers'),
      deployment: 'd1',
      tenants: ['default', 'cluster'],
      keysDir: join(dir, 'keys'),
      auditSigner: await openOwnSigner(join(dir, 'audit.key'), systemDisk),
      log: createLog(
        'test',
        () => undefined,
        () => 0,
      ),
      labelKey: new Uint8Array(32),
      clock: systemClock,
      disk: systemDisk,
    })
    const indexed = new Map<string, number>()
    const bell = createBell()
    const outbox = createOutbox(store)
    following = Promise.all(
      ledgers.tenants.map((tenant) =>
        indexEntries({
          ledger: ledgers.get(tenant),
          store,
          index,
          outbox,
          signal,
          onIndexed: (position) => {
            indexed.set(tenant, position)
            bell.ring()
          },
        }),
      ),
    )
    asked = []
    ordered = []
    exported = []
    revealed = []
    const ports: ApiPorts = {
      db: store.db,
      indexDb: store.index,
      ledgers,
      index: {
        waitFor: async (tenant, leaf, over) => {
          while ((indexed.get(tenant) ?? 0) < leaf && !over.aborted) await bell.wait(over)
        },
      },
      openSide: async (_tenant, _leafHash, sealed) => Buffer.from(sealed).toString('utf8'),
      keys: {
        status: () => ({ epoch: 2, epochs: [], toRewrap: 1, subjectKeys: 3, cached: 4, memory: 'secret' }),
        rotate: async () => {
          ordered.push('rotate')
          return { epoch: 2, kind: 'local', asked: '', keyId: '', createdAt: '', retiredAt: null }
        },
        rewrap: async function* () {
          yield { done: 0, total: 1 }
          yield { done: 1, total: 1 }
        },
        evict: async (_by, tenant) => {
          ordered.push(`evict ${tenant}`)
          return { keys: 4, recorded: { tenant: 'cluster', leafIndex: 1 } }
        },
        eraseSubject: async (tenant, subject) => {
          ordered.push(`${tenant} ${subject}`)
          return { tenantKeys: 0, subjectKeys: 2, label: 'ab', leafIndex: 7, firstLayout: true }
        },
      },
      gate: createGate({
        rolesOf: () => [],
        customRolesOf: () => [],
        stateOf: (tenant) => (ledgers.has(tenant) ? 'active' : undefined),
        onDenied: () => assert.fail('root was denied'),
      }),
      hostBook: createHostBook({ db: store.db, clock: systemClock, edition: () => 0 }),
      recordReveal: async ({ tenant }, what) => {
        revealed.push(`${tenant} ${what}`)
        return { tenant, leafIndex: 1 }
      },
      recordExport: async ({ tenant }, what, reveal) => {
        exported.push({ tenant, ...what, reveal })
        return { tenant, leafIndex: 1 }
      },
      createJoinToken: async (by, tenant, ttlSeconds) => {
        asked.push(`${by.name} ${tenant} ${ttlSeconds}`)
        return { token: 'swj_x', expiresAt: '2026-01-01T00:00:00Z', recorded: { tenant: 'default', leafIndex: 3 } }
      },
      revokeHost: async () => assert.fail('no host is revoked here'),
      deniedSince: () => undefined,
      presenceOf: () => undefined,
      groups: {} as never,
      configOf: async () => ({ groups: [], desired: null, reported: null, drifts: false }),
      orderOf: async () => undefined,
      reachesOf: async () => ({ kernel: 0, told: 0, not_enforced: 0, elsewhere: 0, behind: 0, unknown: 0 }),
      drifting: () => new Set(),
      breakGlass: async () => [],
      judgingAhead: () => ({ keys: 1, latest: { tenant: 'default', keyId: 'k', until: '2026-01-01T00:00:00Z' } }),
      facts: () => ({
        deployment: 'd1',
        api: 'http://localhost:1',
        agents: { address: '127.0.0.1', port: 1 },
        health: 'http://127.0.0.1:7',
        hardening: { applied: [], missing: [] },
        ledgerKeys: [ledgers.vkey],
        signing: { ...ledgers.health, signer: signerFacts, witnesses: [] },
        caFingerprint: 'ff',
        ca: { subject: 'CN=CA', endsAt: '2036-11-19T00:00:00.000Z', state: 'good', problem: null },
        integrity: [],
        quarantine: [{ tenant: 'default', items: 1, rows: 9 }],
        strictOff: [],
        wrongRules: Array.from({ length: 30 }, (_, n) => `r.yml:${n}: wrong`),
        trustStore: null,
        connected: new Set([hostId]),
        ingest: { received: 5, admitted: 5, quarantined: 0, refused: 0, duplicate: 0 },
      }),
      clock: systemClock,
      log: createLog(
        'test',
        () => undefined,
        () => 0,
      ),
    }
    host = generateSigner()
    chain = await openChain({
      dir: join(dir, 'chain'),
      tenant: 'default',
      signer: host,
      clock: systemClock,
      disk: systemDisk,
      segmentBytesMax: 1 << 20,
      totalBytesMax: 1 << 24,
    })
    const path = join(dir, 'api.sock')
    socket = await openApiSocket(path, systemClock)
    assert.equal(statSync(path).mode & 0o777, 0o600)
    socket.serve(ports, (_request, response) => void response.writeHead(404).end())
    const transport = createConnectTransport({
      baseUrl: 'http://x.invalid',
      httpVersion: '1.1',
      nodeOptions: { socketPath: path },
    })
    admin = createClient(AdminService, transport)
  })

  afterEach(async () => {
    await socket.close()
    stop.signal.abort()
    await following
    await chain.close()
    await ledgers.close()
    await index.close()
    await store.close()
    rmSync(dir, { recursive: true })
  })

  const event = (uid: string, more: JsonObject = {}): JsonObject => ({
    activity_id: 1,
    class_uid: 1007,
    metadata: { uid },
    severity_id: 1,
    ...more,
  })

  /** Makes the host's key known to the ledger, as enrolment does. */
  async function enrol() {
    const public_key = Buffer.from(host.publicKey).toString('hex')
    const key = {
      algorithm: 'ed25519',
      host_id: hostId,
      key_id: host.keyId,
      public_key,
      valid_from: rfc3339(t0),
      valid_until: null,
    } as const
    await ledgers.get('default').append({ own: { key } })
    return key
  }

  /** Seals events on the host and brings them into the ledger; resolves with the leaf of the first line. */
  async function ship(key: Awaited<ReturnType<typeof enrol>>, ...events: JsonObject[]): Promise<number> {
    const from = chain.shipped
    const drafts = events.map((body, i) => ({
      event: body,
      personalPointers: ['/event/user/name'],
      timeNs: t0 + BigInt(i) * 1_000_000_000n,
    }))
    await chain.seal(drafts)
    const ledger = ledgers.get('default')
    const batch = await chain.readBatch(from)
    assert.ok(batch)
    const linked = linkBatch(sha256, batch, ledger.position(chain.id), 1024)
    const side = new Map(batch.side.map(({ seq, values }) => [seq, values]))
    const { first } = await ledger.append(verifyBatch(sha256, verifyEd25519, linked, key), side)
    await chain.acknowledge(from + batch.count)
    return first
  }

  async function collect(entries: AsyncIterable<Entry>): Promise<{ leaf: number; uid: unknown; side: string }[]> {
    const found = []
    for await (const { leafIndex, line, side } of entries)
      found.push({ leaf: Number(leafIndex), uid: uidOf(line), side: Buffer.from(side).toString() })
    return found
  }
  const uidOf = (line: Uint8Array) =>
    (JSON.parse(Buffer.from(line).toString()) as { event: { metadata: { uid: string } } }).event.metadata.uid

  async function verified(chunks: AsyncIterable<{ data: Uint8Array }>) {
    const shown: number[] = []
    async function* bytes() {
      for await (const { data } of chunks) yield data
    }
    const report = await verifyBundle(bytes(), {
      sha256,
      verify: verifyEd25519,
      trust: [ledgers.vkey],
      onLine: (_line, leaf) => shown.push(leaf),
    })
    return { report, shown }
  }

  const codeOf = async (call: Promise<unknown>) =>
    await call.then(
      () => undefined,
      (error) => ConnectError.from(error).code,
    )

  test('lists what was durable when it was asked, filtered, with opened personal values', async () => {
    const key = await enrol()
    await ship(key, event('a', { user: { name: 'alice', uid: '1' } }), event('b', { class_uid: 1001 }), event('c'))
    const all = await collect(admin.listEvents({}))
    assert.deepEqual(
      all.map(({ uid }) => uid),
      ['a', 'b', 'c'],
    )
    assert.match(all[0]?.side ?? '', /"\/event\/user\/name":\{"salt":"[0-9a-f]{32}","value":"alice"\}/)
    assert.deepEqual(
      (await collect(admin.listEvents({ classUids: [1001] }))).map(({ uid }) => uid),
      ['b'],
    )
    assert.deepEqual(
      (await collect(admin.listEvents({ since: '2026-01-01T00:00:01Z', until: '2026-01-01T00:00:02Z' }))).map(
        ({ uid }) => uid,
      ),
      ['b'],
    )
    assert.deepEqual(
      (await collect(admin.listEvents({ filter: 'class=file and severity>=1' }))).map(({ uid }) => uid),
      ['b'],
    )
    assert.deepEqual(
      (await collect(admin.listEvents({ limit: 2 }))).map(({ uid }) => uid),
      ['a', 'b'],
    )
    assert.deepEqual(await collect(admin.listAlerts({})), [])
    assert.deepEqual(revealed, [...Array(5).fill('default events'), 'default alerts'])
  })

  test('LOG-1 what came in since a time is listed though its host says that it was long before, and what came before is not', async () => {
    const key = await enrol()
    const listed = async (request: Parameters<typeof admin.listEvents>[0]) =>
      (await collect(admin.listEvents(request))).map(({ uid }) => uid)
    await ship(key, event('a'), event('b'))
    await ledgers.seal()
    const between = new Date(systemClock.nowMs() + 1).toISOString()
    while (new Date(systemClock.nowMs()).toISOString() <= between) await new Promise(setImmediate)
    await ship(key, event('c'), event('d'))
    assert.deepEqual(await listed({ since: between }), ['c', 'd'])
    assert.deepEqual(await listed({ until: between, since: '2026-02-01T00:00:00Z' }), ['a', 'b'])
    // By what the host says they are of the same two seconds.
    assert.deepEqual(await listed({ since: '2026-01-01T00:00:01Z', until: '2026-01-01T00:00:02Z' }), ['b', 'd'])
    const followed: unknown[] = []
    for await (const { line } of admin.listEvents({ since: between, follow: true, limit: 3 })) {
      followed.push(uidOf(line))
      if (followed.length === 2) await ship(key, event('e'))
    }
    assert.deepEqual(followed, ['c', 'd', 'e'])
  })

  test('a follower gets what comes later', async () => {
    const key = await enrol()
    await ship(key, event('a'))
    const seen: unknown[] = []
    for await (const { line } of admin.listEvents({ follow: true })) {
      seen.push(uidOf(line))
      if (seen.length === 1) await ship(key, event('b'))
      if (seen.length === 2) break
    }
    assert.deepEqual(seen, ['a', 'b'])
  })

  test('a follower ends when the server stops', async () => {
    const key = await enrol()
    await ship(key, event('a'))
    const seen: unknown[] = []
    let closed: Promise<void> | undefined
    for await (const { line } of admin.listEvents({ follow: true })) {
      seen.push(uidOf(line))
      closed ??= socket.close()
    }
    await closed
    assert.deepEqual(seen, ['a'])
    socket = await openApiSocket(join(dir, 'api.sock'), systemClock)
  })

  test('waits for the event that carries the nonce and was seen by the site, and proves it', async () => {
    const key = await enrol()
    const nonce = 'sw0123456789ab'
    const waiting = admin.awaitEvent({ nonce, site: 'ptrace', classUid: 1007, timeoutMs: 20_000 })
    await ship(
      key,
      event('a', { message: nonce, unmapped: { site: 'exec' } }),
      event('b', { message: nonce, unmapped: { site: 'ptrace' } }),
    )
    const answer = await waiting
    assert.ok(answer.found && answer.entry)
    assert.equal(uidOf(answer.entry.line), 'b')
    const { report, shown } = await verified(
      (async function* () {
        yield { data: answer.bundle }
      })(),
    )
    assert.deepEqual([report.ok, report.problem, report.trust], [true, undefined, 'pinned'])
    assert.ok(shown.includes(Number(answer.entry.leafIndex)))
    assert.equal(report.notCovered, 0, 'the batch is whole and its key is there')
  })

  test('does not find what is not there', async () => {
    assert.equal((await admin.awaitEvent({ nonce: 'sw0123456789ab', timeoutMs: 1 })).found, false)
  })

  test('exports everything', async () => {
    const key = await enrol()
    await ship(key, event('a', { user: { name: 'alice', uid: '1' } }))
    const { report } = await verified(admin.export({ what: { case: 'all', value: true } }))
    assert.deepEqual([report.problem, report.complete, report.revealed], [undefined, true, 0])
    const open = await verified(admin.export({ what: { case: 'all', value: true }, reveal: true }))
    assert.deepEqual([open.report.problem, open.report.revealed], [undefined, 1])
    assert.deepEqual(exported, [
      { tenant: 'default', all: true, reveal: false },
      { tenant: 'default', all: true, reveal: true },
    ])
  })

  test('exports an alert with the whole batch of its evidence and the key that signed it, and no more', async () => {
    const key = await enrol()
    await ship(key, event('before'))
    const first = await ship(key, event('a'), event('b'))
    await ship(key, event('after'))
    const leaves = [{ leaf_index: first + 1 }]
    const finding = event('finding-1', { class_uid: 2004, unmapped: { leaves } })
    const { first: own } = await ledgers.get('default').append({ own: { event: finding } })
    assert.deepEqual(
      (await collect(admin.listAlerts({}))).map(({ uid }) => uid),
      ['finding-1'],
    )
    const { report, shown } = await verified(admin.export({ what: { case: 'alert', value: 'finding-1' } }))
    assert.equal(report.problem, undefined)
    assert.deepEqual(shown, [0, 1, first, first + 1, first + 2, own])
    assert.equal(report.notCovered, 0)
  })

  test('RIM-1 exports an incident with the whole batches of what was told of it', async () => {
    const key = await enrol()
    const told = (code: string, id = 'inc_1') =>
      event(`${code} ${id}`, {
        class_uid: 2004,
        metadata: { uid: code, event_code: `guard_${code}` },
        unmapped: { guard_incident: { incident: id } },
      })
    await ship(key, event('before'))
    const opened = await ship(key, told('incident_opened'), told('incident_updated'), event('beside'))
    await ship(key, told('incident_opened', 'inc_2'))
    const closed = await ship(key, told('incident_closed'))
    await ship(key, event('after'))
    const { report, shown } = await verified(admin.export({ what: { case: 'incident', value: 'inc_1' } }))
    assert.equal(report.problem, undefined)
    assert.deepEqual(shown, [0, 1, opened, opened + 1, opened + 2, opened + 3, closed, closed + 1])
    assert.equal(await codeOf(verified(admin.export({ what: { case: 'incident', value: 'inc_3' } }))), Code.NotFound)
    assert.deepEqual(exported[0], { tenant: 'default', incident: 'inc_1', reveal: false })
  })

  test('a finding of whatever form is listed and exported, and none that a host claims', async () => {
    const key = await enrol()
    await ship(key, event('finding-0', { class_uid: 2004, unmapped: { leaves: 'none' } }))
    const forms: JsonObject[] = [
      {},
      { unmapped: null },
      { unmapped: 'x' },
      { unmapped: { leaves: null } },
      { unmapped: { leaves: 'ab' } },
      { unmapped: { leaves: [null, 1, {}, { leaf_index: -1 }, { leaf_index: '1' }, { leaf_index: 1e9 }] } },
    ]
    const owns: number[] = []
    for (const [i, form] of forms.entries()) {
      const own = { event: event(`finding-${i}`, { class_uid: 2004, ...form }) }
      owns.push((await ledgers.get('default').append({ own })).first)
    }
    const uids = forms.map((_, i) => `finding-${i}`)
    assert.deepEqual(
      (await collect(admin.listAlerts({}))).map(({ uid }) => uid),
      uids,
    )
    for (const [i, uid] of uids.entries()) {
      const { report, shown } = await verified(admin.export({ what: { case: 'alert', value: uid } }))
      assert.deepEqual([report.problem, shown], [undefined, [0, owns[i]]])
    }
  })

  test('exports from a time on, beginning with a whole batch', async () => {
    const key = await enrol()
    await ship(key, event('a'))
    const first = await ship(key, event('b'), event('c', {}))
    const { report, shown } = await verified(admin.export({ what: { case: 'since', value: '2026-01-01T00:00:01Z' } }))
    assert.equal(report.problem, undefined)
    // Heads carry the time of their sealing, which lies after that; so does the first batch's.
    assert.ok(shown.includes(first) && shown.includes(first + 1))
  })

  test('status says what is in the ledgers, and what is signed', async () => {
    const key = await enrol()
    await ship(key, event('a'))
    await ledgers.seal()
    const status = JSON.parse((await admin.getStatus({})).status)
    const ledger = status.ledgers.find(({ tenant }: { tenant: string }) => tenant === 'default')
    assert.equal(ledger.size, ledgers.get('default').size)
    assert.equal(ledger.signedSize, ledger.size)
    assert.match(ledger.checkpoint, /^d1\/tenant\//)
    assert.deepEqual(status.ingest.received, 5)
    assert.deepEqual([status.wrongRules.count, status.wrongRules.first.length], [30, 20])
    assert.deepEqual([status.judgingAhead.keys, status.judgingAhead.latest.keyId], [1, 'k'])
    assert.deepEqual(Object.keys(status), [
      'time',
      'deployment',
      'health',
      'api',
      'agents',
      'hardening',
      'trust',
      'ca',
      'ledgers',
      'hosts',
      'chains',
      'ingest',
      'quarantine',
      'strictOff',
      'wrongRules',
      'trustStore',
      'notifications',
      'judgingAhead',
      'integrity',
      'signing',
      'gaps',
      'breakGlass',
    ])
  })

  test('refuses values out of their limits', async () => {
    assert.equal(await codeOf(admin.createJoinToken({ ttlSeconds: 0 })), Code.InvalidArgument)
    assert.equal(await codeOf(admin.createJoinToken({ ttlSeconds: 8 * 24 * 3600 })), Code.InvalidArgument)
    assert.deepEqual(asked, [])
    assert.equal(await codeOf(collect(admin.listEvents({ tenant: '../x' }))), Code.InvalidArgument)
    assert.equal(await codeOf(collect(admin.listEvents({ tenant: 'nobody' }))), Code.NotFound)
    assert.equal(await codeOf(collect(admin.listEvents({ since: 'yesterday' }))), Code.InvalidArgument)
    assert.equal(await codeOf(collect(admin.listEvents({ filter: 'clas=file' }))), Code.InvalidArgument)
    assert.equal(await codeOf(admin.awaitEvent({ nonce: 'x', timeoutMs: 1 })), Code.InvalidArgument)
    assert.equal(await codeOf(admin.awaitEvent({ nonce: 'sw0123456789ab', timeoutMs: 60_001 })), Code.InvalidArgument)
    assert.equal(await codeOf(verified(admin.export({ what: { case: 'alert', value: 'none' } }))), Code.NotFound)
    const told = await verified(admin.export({ what: { case: 'alert', value: 'none' } })).catch((error: unknown) =>
      JSON.parse(decodeURIComponent(ConnectError.from(error).metadata.get('sealwatch-error') ?? '')),
    )
    assert.deepEqual([told.code, told.kind, told.received], ['API_NOT_FOUND', 'not_found', '"none"'])
    assert.equal((await admin.createJoinToken({ ttlSeconds: 60 })).token, 'swj_x')
    await admin.createJoinToken({ tenant: 'cluster', ttlSeconds: 60 })
    assert.deepEqual(asked, ['operator:root default 60', 'operator:root cluster 60'])
    assert.equal(await codeOf(admin.createJoinToken({ tenant: 'acme', ttlSeconds: 60 })), Code.NotFound)
  })

  test('a taken path is refused', async () => {
    await assert.rejects(openApiSocket(join(dir, 'api.sock'), systemClock), /API_SOCKET/)
  })

  test('a call that never comes whole does not keep it from closing', async () => {
    const path = join(dir, 'other.sock')
    const impatient = { ...systemClock, sleep: () => Promise.resolve() }
    const other = await openApiSocket(path, impatient)
    const [half, whole] = [connect(path), connect(path)]
    half.write('GET / HTTP/1.1\r\nx: ')
    await once(half, 'ready')
    whole.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
    // What was written before this was answered has come.
    await once(whole, 'data')
    await other.close()
    for (const client of [half, whole]) client.destroy()
  })

  test('keys: what they are, and what is ordered of them', async () => {
    assert.deepEqual(JSON.parse((await admin.getKeys({})).keys), {
      epoch: 2,
      epochs: [],
      toRewrap: 1,
      subjectKeys: 3,
      cached: 4,
      memory: 'secret',
    })
    const steps: number[] = []
    for await (const { epoch, done, total } of admin.rotateKeys({})) steps.push(epoch, done, total)
    for await (const { epoch, done, total } of admin.rewrapKeys({})) steps.push(epoch, done, total)
    assert.deepEqual(steps, [2, 0, 1, 2, 1, 1, 2, 0, 1, 2, 1, 1])
    const erased = await admin.eraseSubject({ subject: { case: 'name', value: 'alice' } })
    assert.deepEqual([erased.leafIndex, erased.label, erased.subjectKeys, erased.firstLayout], [7n, 'ab', 2, true])
    await admin.eraseSubject({ tenant: 'cluster', subject: { case: 'uid', value: 'h1/1000' } })
    const done = ['rotate', 'default name:alice', 'cluster uid:h1/1000']
    assert.deepEqual(ordered, done)
    const invalid = { code: Code.InvalidArgument }
    await assert.rejects(admin.eraseSubject({}), invalid)
    await assert.rejects(admin.eraseSubject({ subject: { case: 'name', value: '' } }), invalid)
    await assert.rejects(admin.eraseSubject({ subject: { case: 'uid', value: 'alice' } }), (error: ConnectError) => {
      assert.equal(error.code, Code.InvalidArgument)
      assert.ok(!error.message.includes('alice'), 'what may be a name is not repeated')
      return true
    })
    assert.deepEqual(ordered, done)
  })
})
