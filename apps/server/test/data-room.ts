// SPDX-License-Identifier: Apache-2.0
// What tenants read, for tests: real ledgers, a real index, a real gate and the routes; hosts that seal and ship.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Clock, createLog, type JsonObject, rfc3339, systemClock, systemDisk } from '@sealwatch/base'
import { type Ed25519Signer, generateSigner, openOwnSigner, verifyEd25519 } from '@sealwatch/keys'
import { type Chain, linkBatch, openChain, sha256, verifyBatch } from '@sealwatch/ledger'
import { type Action, createGate, type Principal } from '../src/access/index.ts'
import { type ApiPorts, createHostBook } from '../src/api/index.ts'
import { createIndexProgress, indexEntries, type Ledgers, openIndexHere, openLedgers } from '../src/ingest/index.ts'
import { createOutbox, openStore } from '../src/store/index.ts'

export const quietLog = createLog(
  'test',
  () => undefined,
  () => 0,
)
/** The first event of a host is of this time. */
export const firstMs = Date.parse('2026-01-01T00:00:00Z')

export type TestHost = {
  readonly id: string
  readonly name: string
  /** Seals events a second apart, and brings them into the ledger as one batch; resolves with their leaves. */
  ship(events: readonly JsonObject[], sensor?: JsonObject): Promise<number[]>
  /** The same in the tenant `cluster`, where a host tells of its agent and sensor. */
  live(events: readonly JsonObject[]): Promise<number[]>
}

export type DataRoom = AsyncDisposable & {
  readonly ports: ApiPorts
  readonly ledgers: Ledgers
  /** What was exported, as far as the ledger would hear of it. */
  readonly exported: object[]
  /** Hosts that were to be revoked. */
  readonly revoked: object[]
  /** What of personal values was shown. */
  readonly revealed: string[]
  /** Tenants whose state is `suspended`. */
  readonly suspended: Set<string>
  /** Enrols a host of the tenant. */
  host(tenant: string, name: string): Promise<TestHost>
  /** Appends a line of the server itself; resolves with its leaf. */
  say(tenant: string, event: JsonObject): Promise<number>
}

/** A token of a tenant that may do just this. */
export const machine = (tenant: string, ...actions: readonly Action[]): Principal => ({
  kind: 'machine',
  id: `${tenant}-${actions.join('-')}`,
  tenant,
  actions,
})

export async function openDataRoom(tenants: readonly string[], clock: Clock = systemClock): Promise<DataRoom> {
  const dir = mkdtempSync(join(tmpdir(), 'sealwatch-data-'))
  const over = new AbortController()
  const store = openStore(dir)
  const index = openIndexHere(store.indexPath)
  const ledgers = await openLedgers({
    dir: join(dir, 'ledgers'),
    keysDir: join(dir, 'keys'),
    deployment: 'd1',
    tenants: ['cluster', ...tenants],
    labelKey: new Uint8Array(32),
    auditSigner: await openOwnSigner(join(dir, 'audit.key'), systemDisk),
    clock: systemClock,
    disk: systemDisk,
    log: quietLog,
  })
  const progress = createIndexProgress()
  const outbox = createOutbox(store)
  const { signal } = over
  const following = ledgers.tenants.map((tenant) => {
    const onIndexed = (position: number) => progress.advance(tenant, position)
    return indexEntries({ ledger: ledgers.get(tenant), store, index, outbox, signal, onIndexed })
  })
  const suspended = new Set<string>()
  const exported: object[] = []
  const revoked: object[] = []
  const revealed: string[] = []
  const chains: Chain[] = []
  const ports: ApiPorts = {
    gate: createGate({
      rolesOf: () => [],
      customRolesOf: () => [],
      stateOf: (tenant) => (ledgers.has(tenant) ? (suspended.has(tenant) ? 'suspended' : 'active') : undefined),
      onDenied: () => undefined,
    }),
    db: store.db,
    indexDb: store.index,
    ledgers,
    index: progress,
    openSide: async (_tenant, _leafHash, sealed) => Buffer.from(sealed).toString('utf8'),
    hostBook: createHostBook({ db: store.db, clock, edition: () => 0 }),
    recordReveal: async ({ tenant }, what) => {
      revealed.push(`${tenant}: ${what}`)
      return { tenant, leafIndex: 1 }
    },
    recordExport: async ({ tenant }, what, reveal) => {
      exported.push({ tenant, ...what, reveal })
      return { tenant, leafIndex: 1 }
    },
    keys: undefined as never,
    deniedSince: () => undefined,
    groups: {} as never,
    configOf: async () => ({ groups: [], desired: null, reported: null, drifts: false }),
    orderOf: async () => undefined,
    reachesOf: async () => ({ kernel: 0, told: 0, not_enforced: 0, elsewhere: 0, behind: 0, unknown: 0 }),
    drifting: () => new Set(),
    presenceOf: () => undefined,
    revokeHost: async (by, tenant, hostId, cause) => {
      revoked.push({ name: by?.name ?? '', tenant, hostId, cause })
      return { tenant, leafIndex: 9 }
    },
    judgingAhead: () => undefined,
    breakGlass: async () => [],
    createJoinToken: async () => ({
      token: 'swj_x',
      expiresAt: '2026-01-01T00:00:00Z',
      recorded: { tenant: 'default', leafIndex: 3 },
    }),
    facts: () => ({
      deployment: 'd1',
      api: 'http://localhost:1',
      agents: { address: '127.0.0.1', port: 1 },
      health: 'http://127.0.0.1:7',
      hardening: { applied: [], missing: [] },
      ledgerKeys: [ledgers.vkey],
      signing: {
        ...ledgers.health,
        signer: { configured: false, backend: 'file', algorithm: 'ed25519', keyId: 'ab', location: 'file:/k' },
        witnesses: [],
      },
      caFingerprint: 'ff',
      ca: { subject: 'CN=CA', endsAt: '2036-11-19T00:00:00.000Z', state: 'good', problem: null },
      integrity: [],
      quarantine: [],
      strictOff: [],
      wrongRules: [],
      trustStore: null,
      connected: new Set(),
      ingest: { received: 0, admitted: 0, quarantined: 0, refused: 0, duplicate: 0 },
    }),
    clock,
    log: quietLog,
  }

  async function host(tenant: string, name: string): Promise<TestHost> {
    const signer = generateSigner()
    const id = signer.keyId.slice(0, 32)
    const now = rfc3339(BigInt(firstMs) * 1_000_000n)
    const key = keyOf(signer, id, now)
    let timeMs = firstMs
    await store.db
      .insertInto('hosts')
      .values({
        host_id: id,
        tenant,
        hostname: name,
        machine_id: name,
        facts: JSON.stringify({ os: 'Debian', kernel: '6.1' }),
        enrolled_at: now,
        agent_version: '0',
        last_seen_at: now,
        cert_serial: '1',
        cert_expires_at: now,
        revoked_at: null,
      })
      .execute()

    async function openIn(home: string): Promise<TestHost['ship']> {
      const ledger = ledgers.get(home)
      const chain = await openChain({
        dir: join(dir, `chain-${home}-${id}`),
        tenant: home,
        signer,
        clock: systemClock,
        disk: systemDisk,
        segmentBytesMax: 1 << 20,
        totalBytesMax: 1 << 24,
      })
      chains.push(chain)
      await store.db
        .insertInto('chains')
        .values({ chain: chain.id, tenant: home, host_id: id, registered_at: now, writer: '' })
        .execute()
      await ledger.append({ own: { key } })
      return async (events, sensor) => {
        const from = chain.shipped
        const drafts = events.map((event) => {
          timeMs += 1000
          return { event, personalPointers: ['/event/actor/user/name'], timeNs: BigInt(timeMs - 1000) * 1_000_000n }
        })
        await chain.seal(drafts, sensor)
        const batch = await chain.readBatch(from)
        if (batch === undefined) throw new Error('nothing was sealed')
        const linked = linkBatch(sha256, batch, ledger.position(chain.id), 1024)
        const side = new Map(batch.side.map(({ seq, values }) => [seq, values]))
        const { first } = await ledger.append(verifyBatch(sha256, verifyEd25519, linked, key), side)
        await chain.acknowledge(from + batch.count)
        // A chain begins with its anchor.
        const lead = batch.count - 1 - events.length
        return events.map((_event, i) => first + lead + i)
      }
    }

    const ship = await openIn(tenant)
    let live: TestHost['ship'] | undefined
    return {
      id,
      name,
      ship,
      live: async (events) => {
        live ??= await openIn('cluster')
        return live(events)
      },
    }
  }

  return {
    ports,
    ledgers,
    exported,
    revoked,
    revealed,
    suspended,
    host,
    say: async (tenant, event) => (await ledgers.get(tenant).append({ own: { event } })).first,
    [Symbol.asyncDispose]: async () => {
      over.abort()
      await Promise.all(following)
      for (const chain of chains) await chain.close()
      await ledgers.close()
      await index.close()
      await store.close()
      rmSync(dir, { recursive: true })
    },
  }
}

const keyOf = (signer: Ed25519Signer, host_id: string, valid_from: string) =>
  ({
    algorithm: 'ed25519',
    host_id,
    key_id: signer.keyId,
    public_key: Buffer.from(signer.publicKey).toString('hex'),
    valid_from,
    valid_until: null,
  }) as const
