// SPDX-License-Identifier: Apache-2.0

import { createBell, createLog, isSealwatchError, messageOf } from '@sealwatch/base'
import type { AuditSigner } from '@sealwatch/keys'
import type { Sealing } from '@sealwatch/keys/sealing'
import type { KyselyPlugin } from 'kysely'
import { createSideCustody } from '../../apps/server/src/custody/side-values.ts'
import { keyLine } from '../../apps/server/src/identity/events.ts'
import { createHosts } from '../../apps/server/src/identity/hosts.ts'
import type { ServerVoice } from '../../apps/server/src/identity/index.ts'
import {
  checkStores,
  createForgedAlarms,
  createIngest,
  createRowBook,
  createSignedHeads,
  type IndexPort,
  type Ingest,
  indexEntries,
  keepSealed,
  type Ledgers,
  openIndexHere,
  openLedgers,
  openQuarantine,
  publishOutbox,
  type RowBook,
} from '../../apps/server/src/ingest/index.ts'
import { createChainBook } from '../../apps/server/src/ingest/transport/chain-book.ts'
import { agentRoutes } from '../../apps/server/src/ingest/transport/handlers.ts'
import { createLiveStreams } from '../../apps/server/src/ingest/transport/live-streams.ts'
import { createOutbox, isStoreFull, type Outbox, openStore, type Store } from '../../apps/server/src/store/index.ts'
import { openKeyRegistry } from '../../apps/server/src/trust/index.ts'
import { sampleSigner } from '../../packages/ledger/test/sample.ts'
import type { Network } from './network.ts'
import { count, type Record } from './record.ts'
import { createLife, createSimClock, Ended, type Life, type Scheduler } from './scheduler.ts'
import { createSimDisk, type SimDisk } from './sim-disk.ts'

export const tenants = ['default', 'cluster'] as const
export const deployment = 'sealwatch-51515151'
export const sparesMax = 64
const labelKey = new Uint8Array(32)
const countersignEveryMs = 1_500
const countersignIdleMs = 60_000
const retryMs = 1_000

/** The rooms of the server that stand between a batch and its proof, while they are open. */
export type OpenServer = {
  readonly life: Life
  readonly store: Store
  readonly ledgers: Ledgers
  readonly rowBook: RowBook
  /** Batches that have come in and have no outcome yet. */
  readonly inFlight: number
  /** Revokes a host, which is what stands here for every administrative act. */
  revoke(hostId: string): Promise<void>
}

export type ServerMachine = {
  readonly disk: SimDisk
  readonly clock: { offsetMs: number }
  life: Life | undefined
  /** Once it serves. */
  open: OpenServer | undefined
  /** Why its last process ended by itself, where that is what should happen. */
  stoppedBy: string | undefined
  /** It must not start any more: what it finds was altered. */
  mustRefuse: boolean
  start(): void
  /** The process is killed; what it left in memory stays there. */
  end(): void
}

export type ServerWorld = {
  readonly scheduler: Scheduler
  readonly network: Network
  readonly record: Record
  /** Where SQLite lies: on a real file system, and trusted to keep what it committed. */
  readonly databaseDir: string
  readonly sealing: Sealing
  readonly auditSigner: AuditSigner
  readonly hosts: readonly { readonly id: string; readonly tenant: string; readonly seed: number }[]
}

export function createServer(world: ServerWorld): ServerMachine {
  const { scheduler, network, record, sealing } = world
  const disk = createSimDisk(scheduler)
  disk.onReplaced = (path, data) => {
    if (!path.endsWith('/checkpoint')) return
    const note = data.toString('utf8')
    const origin = note.slice(0, note.indexOf('\n'))
    record.checkpoints.set(origin, (record.checkpoints.get(origin) ?? new Set()).add(note))
  }
  const log = createLog('server', listen, () => 0)

  /** What the server calls a failure of its own is one, unless a disk or an end of ours brought it about. */
  function listen(line: string): void {
    const { level, error } = JSON.parse(line) as { level: string; error?: { code?: string; stack?: string } }
    if (level !== 'error' || error === undefined || error.code !== undefined || machine.life === undefined) return
    record.violations.push(`crashed: the server: ${line}`)
  }

  let closed = Promise.resolve()

  function start(): void {
    const life = createLife('server')
    machine.life = life
    machine.open = undefined
    run(life).catch((error: unknown) => {
      if (life.ended || error instanceof Ended) return
      machine.stoppedBy = isSealwatchError(error) ? error.code : messageOf(error)
      count(record, `server stopped: ${machine.stoppedBy}`)
      const due = machine.mustRefuse ? ['LEDGER_BEHIND'] : ['DISK_FAILED', 'NODE_KEY_EXPIRED']
      if (!isSealwatchError(error) || !due.includes(error.code))
        record.violations.push(`crashed: the server: ${(error as Error).stack}`)
      machine.end()
    })
  }

  async function run(life: Life): Promise<void> {
    const clock = createSimClock(scheduler, life, machine.clock)
    // A process that ends lets go of the database at once; here it takes a moment.
    await closed
    const store = openSimStore(world.databaseDir, life, scheduler)
    const index = openSimIndex(store.indexPath, life, scheduler)
    life.onEnd(() => {
      closed = index.close().then(() => store.close())
    })
    const mine = disk.for(life)
    const outbox = createOutbox(store, clock)
    await enter(store, outbox, world)
    const ledgers = await openLedgers({
      dir: '/ledgers',
      deployment,
      tenants,
      keysDir: '/keys',
      auditSigner: world.auditSigner,
      labelKey,
      clock,
      disk: mine,
      log,
    })
    await checkStores(store, ledgers)
    const keys = await openKeyRegistry({
      store,
      outbox: undefined,
      versionOf: (tenant) => ledgers.get(tenant).registry,
    })
    const alarms = createForgedAlarms({ outbox, voice, clock, log })
    const quarantine = await openQuarantine({ dir: '/quarantine', store, sealing, clock, disk: mine, alarms })
    const indexed = createProgress()
    const forever = new AbortController().signal
    const rowBook = createRowBook()
    const ingest = createIngest({
      store,
      ledgers,
      quarantine,
      keys,
      rowBook,
      side: createSideCustody(sealing, log),
      indexed: { waitFor: (tenant, leaf) => indexed.waitFor(tenant, leaf) },
      clock,
      log,
    })
    let inFlight = 0
    const submit: Ingest['submit'] = async (host, tenant, batch) => {
      inFlight += 1
      try {
        const outcome = await ingest.submit(host, tenant, batch)
        // Where the outcome stays unknown, the process is about to stop.
        inFlight -= 1
        return outcome
      } catch (error) {
        count(record, 'outcome unknown')
        throw error
      }
    }
    const hosts = createHosts({ store, outbox, keys, voice, clock })
    const fatal = Promise.withResolvers<never>()
    const chainBook = createChainBook({ store, outbox, voice, clock, log })
    const routes = agentRoutes({
      gate: { authorise: () => undefined as never },
      identity: { hosts } as Parameters<typeof agentRoutes>[0]['identity'],
      chainBook,
      ingest: { ...ingest, submit },
      configs: {
        desired: async () => undefined,
        report: async () => undefined,
        wait: () => new Promise(() => undefined),
      },
      orders: { desired: async () => undefined },
      presence: {
        registered: () => undefined,
        heartbeat: () => undefined,
        shipped: () => undefined,
        admitted: () => undefined,
      },
      clock,
      log,
      streams: createLiveStreams(hosts, clock),
      stopping: forever,
      checkpointOf: (tenant) => ledgers.get(tenant).signed?.note,
      onFatal: fatal.reject,
      senders: { note: () => true },
      counters: { denied: 0, refused: 0, broken: 0 },
    })
    const sizes = tenants.map((tenant) => [tenant, ledgers.get(tenant).size] as const)
    const caughtUp = Promise.all(sizes.map(([tenant, size]) => indexed.waitFor(tenant, size)))
    const followers = [
      ...tenants.map((tenant) => {
        const onIndexed = (position: number) => indexed.advance(tenant, position)
        return whileFull(() =>
          indexEntries({ ledger: ledgers.get(tenant), store, index, outbox, clock, signal: forever, onIndexed }),
        )
      }),
      publishOutbox({ outbox, ledgers, indexed: caughtUp.then(() => undefined), clock, log, signal: forever }),
      keepSealed({
        ledgers,
        signedHeads: createSignedHeads(store, ledgers),
        countersignEveryMs,
        countersignIdleMs,
        clock,
        log,
        signal: forever,
      }),
    ]
    machine.open = {
      life,
      store,
      ledgers,
      rowBook,
      get inFlight() {
        return inFlight
      },
      revoke: async (hostId) => void (await hosts.revoke(operator, tenantOf(world, hostId), hostId, 'simulated')),
    }
    network.listener = { life, routes }
    await Promise.race([fatal.promise, ...followers])

    async function whileFull(follow: () => Promise<void>): Promise<void> {
      for (;;) {
        try {
          await follow()
        } catch (error) {
          if (!isStoreFull(error) && !isSealwatchError(error, 'DISK_FULL')) throw error
          count(record, 'waited for room')
          await clock.sleep(retryMs)
        }
      }
    }
  }

  const machine: ServerMachine = {
    disk,
    clock: { offsetMs: 0 },
    life: undefined,
    open: undefined,
    stoppedBy: undefined,
    mustRefuse: false,
    start,
    end() {
      machine.open = undefined
      machine.life?.end()
      machine.life = undefined
      network.listener = undefined
    },
  }
  return machine
}

/** SQLite, whose statements take their turn; a process that ends takes back what it had not committed. */
function openSimStore(dir: string, life: Life, scheduler: Scheduler): Store {
  const store = openStore(dir)
  const turns: KyselyPlugin = {
    transformQuery: ({ node }) => {
      if (life.ended) throw new Ended('the server has ended')
      return node
    },
    transformResult: async ({ result }) => {
      await scheduler.turn(life)
      return result
    },
  }
  const db = store.db.withPlugin(turns)
  const transaction: Store['transaction'] = (work) => db.transaction().execute(work)
  return { ...store, db, index: store.index.withPlugin(turns), transaction, derived: transaction }
}

/** The index, whose transactions are whole whenever the process ends; its answer takes its turn. */
function openSimIndex(path: string, life: Life, scheduler: Scheduler): IndexPort {
  const index = openIndexHere(path)
  return {
    ...index,
    write: async (piece) => {
      if (life.ended) throw new Ended('the server has ended')
      const placed = await index.write(piece)
      await scheduler.turn(life)
      return placed
    },
  }
}

/** What enrolment leaves in the database. */
async function enter(store: Store, outbox: Outbox, world: ServerWorld): Promise<void> {
  const { hosts } = world
  const names = [...hosts.map(({ id }) => id), ...Array.from({ length: sparesMax }, (_, i) => `spare-${i}`)]
  const from = '2026-01-01T00:00:00.000000000Z'
  const host = { machine_id: '', facts: '{}', enrolled_at: from, agent_version: null, last_seen_at: null }
  const cert = { cert_serial: '', cert_expires_at: '2099-01-01T00:00:00.000000000Z', revoked_at: null }
  await store.transaction(async (tx) => {
    for (const name of names) {
      await tx
        .insertInto('hosts')
        .values({ host_id: name, tenant: tenantOf(world, name), hostname: name, ...host, ...cert })
        .onConflict((conflict) => conflict.doNothing())
        .execute()
    }
    for (const { id, seed } of hosts) {
      const { keyId, publicKey } = sampleSigner(seed)
      const key = { key_id: keyId, algorithm: 'ed25519' as const, public_key: publicKey.toHex() }
      const validity = { valid_from: from, valid_until: null }
      const owner = { tenant: tenantOf(world, id), producer: id, producer_kind: 'host' as const }
      const { numInsertedOrUpdatedRows: isNew } = await tx
        .insertInto('signing_keys')
        .values({ ...key, ...owner, ...validity, revoked_at: null, state: 'active', source: 'enrolment' })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirstOrThrow()
      if (isNew === 0n) continue
      for (const tenant of tenants) await outbox.enqueue(tx, tenant, keyLine({ ...key, host_id: id, ...validity }))
    }
    // A token tells checkStores that this database is not a new one.
    await tx
      .insertInto('join_tokens')
      .values({
        secret_hash: 'x',
        tenant: 'default',
        created_at: from,
        expires_at: from,
        used_at: null,
        host_id: null,
        ended_at: null,
      })
      .onConflict((conflict) => conflict.doNothing())
      .execute()
  })
}

const operator = { name: 'operator:root', requestId: 'simulated' }
const tenantOf = ({ hosts }: ServerWorld, hostId: string) => hosts.find(({ id }) => id === hostId)?.tenant ?? 'default'

const voice: ServerVoice = {
  device: {
    uid: deployment,
    hostname: 'simulated',
    type_id: 0,
    type: 'Unknown',
    boot_uid: 'boot',
    os: { name: 'Linux', type_id: 200, type: 'Linux', kernel_release: '0' },
  },
  version: '0.0.0',
}

function createProgress() {
  const positions = new Map<string, number>()
  const bell = createBell()
  const forever = new AbortController().signal
  return {
    advance(tenant: string, position: number): void {
      positions.set(tenant, position)
      bell.ring()
    },
    waitFor: async (tenant: string, leaf: number): Promise<void> => {
      while ((positions.get(tenant) ?? 0) < leaf) await bell.wait(forever)
    },
  }
}
