// SPDX-License-Identifier: Apache-2.0
// The rooms that policies stand on, over one directory, with real ledgers and their index.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { create } from '@bufbuild/protobuf'
import { type Clock, createLog, systemClock, systemDisk } from '@sealwatch/base'
import { type EventBase, personalPointers, ShipRequestSchema } from '@sealwatch/contract'
import { generateSigner, openOwnSigner } from '@sealwatch/keys'
import { kmsMasterKey, openSealing } from '@sealwatch/keys/sealing'
import { type ChainBatch, openChain, signPolicy } from '@sealwatch/ledger'
import type { Action, Authorised } from '../../access/index.ts'
import { createSideCustody } from '../../custody/index.ts'
import {
  createIndexProgress,
  createIngest,
  createRowBook,
  indexEntries,
  openIndexHere,
  openLedgers,
  openQuarantine,
  publishOutbox,
} from '../../ingest/index.ts'
import { createOutbox, openStore } from '../../store/index.ts'
import { openKeyRegistry } from '../../trust/index.ts'
import { enterKey, hostKeyRow } from '../../trust/test/host-key.ts'
import { createDryRuns, createPolicies, preparePolicyChecks } from '../index.ts'

export const tenants = ['acme', 'zeta'] as const
export const origin = 'sealwatch-00000000/root'
const host = { hostId: 'host-1', tenant: 'acme', hostname: 'one' }
const disk = systemDisk

/** Whoever it is, the gate let them in. */
export const by = <A extends Action>(action: A, tenant = 'acme', id = 'usr_ann') =>
  ({ tenant, action, principal: { kind: 'person', id, session: 's' }, requestId: 'req_1' }) as unknown as Authorised<A>

export async function openRooms(clock: Clock = systemClock) {
  const dir = await mkdtemp(join(tmpdir(), 'sealwatch-policies-'))
  const stack = new AsyncDisposableStack()
  stack.defer(() => rm(dir, { recursive: true }))
  const log = createLog('test', () => undefined, clock.nowMs)
  const store = openStore(dir)
  stack.defer(() => store.close())
  const index = openIndexHere(store.indexPath)
  stack.defer(() => index.close())
  const outbox = createOutbox(store, clock)
  const cache = { ttlMs: 60_000, keysMax: 64 }
  const kms = kmsMasterKey({ clock })
  const sealing = await openSealing({ dir: join(dir, 'keys'), kmsKeyId: '', kms, cache, clock, disk })
  stack.defer(() => sealing.close())
  const side = createSideCustody(sealing, log)
  const ledgers = await openLedgers({
    dir: join(dir, 'ledgers'),
    deployment: 'sealwatch-00000000',
    tenants,
    keysDir: join(dir, 'keys'),
    auditSigner: await openOwnSigner(join(dir, 'audit.key'), disk),
    log,
    labelKey: new Uint8Array(32),
    clock,
    disk,
  })
  stack.defer(() => ledgers.close())
  const stop = new AbortController()
  const { signal } = stop
  const indexed = createIndexProgress()
  const followers = Promise.all([
    ...tenants.map((tenant) => {
      const onIndexed = (position: number) => indexed.advance(tenant, position)
      return indexEntries({ ledger: ledgers.get(tenant), store, index, outbox, signal, onIndexed })
    }),
    publishOutbox({ outbox, ledgers, indexed: Promise.resolve(), clock, log, signal }),
  ])
  stack.defer(async () => {
    stop.abort()
    await followers
  })
  const quarantine = await openQuarantine({ dir: join(dir, 'quarantine'), store, sealing, clock, disk })
  stack.defer(() => quarantine.close())
  const keys = await openKeyRegistry({ store, outbox: undefined, versionOf: (tenant) => ledgers.get(tenant).registry })
  const rowBook = createRowBook()
  const ingest = createIngest({ store, ledgers, quarantine, keys, rowBook, side, indexed, clock, log })
  const voice = {
    device: {
      uid: 'd',
      hostname: 'h',
      type_id: 0,
      type: 'Unknown',
      os: { name: 'Linux', type_id: 200, type: 'Linux' },
    },
    version: '0',
  }
  const signing = { fails: undefined as Error | undefined, before: async () => undefined as unknown }
  const checks = stack.use(await preparePolicyChecks({ clock: systemClock, log }))
  const policies = createPolicies({
    checks,
    store,
    outbox,
    voice,
    clock,
    origin,
    sign: async (statement) => {
      await signing.before()
      if (signing.fails !== undefined) throw signing.fails
      return signPolicy(statement, ledgers.dsseSigners, signal)
    },
  })
  const dryRuns = createDryRuns({ ledgers, store, indexed, openSide: side.open, clock })

  const signer = generateSigner()
  await enterKey(store, keys, hostKeyRow(signer, { ...host, tenant: 'acme' }))
  const chain = await openChain({
    dir: join(dir, 'chain'),
    tenant: 'acme',
    signer,
    clock,
    disk,
    segmentBytesMax: 1e7,
    totalBytesMax: 1e8,
  })
  stack.defer(() => chain.close())

  /** A host's events come into the ledger of acme, personal values sealed beside them. */
  async function ship(events: readonly object[]): Promise<void> {
    const seq = chain.position.nextSeq
    await chain.seal(
      events.map((event) => {
        const timeNs = BigInt((event as EventBase).time) * 1_000_000n
        return { event, personalPointers: personalPointers(event), timeNs }
      }),
    )
    for (let from = seq; from < chain.position.nextSeq; ) {
      const batch = (await chain.readBatch(from)) as ChainBatch
      const { firstSeq, count, lines } = batch
      const request = { chain: batch.chain, firstSeq: BigInt(firstSeq), count, lines }
      const values = batch.side.map(({ seq: of, values: sealed }) => ({ seq: BigInt(of), values: sealed }))
      const answer = await ingest.submit(host, 'acme', create(ShipRequestSchema, { ...request, side: values }))
      if (answer.kind !== 'acknowledged') throw new Error(`a batch was ${answer.kind}`)
      from += count
    }
  }

  const ledgerTexts = async (tenant: string) => {
    const ledger = ledgers.get(tenant)
    return (await ledger.read(0, ledger.size)).map(({ line }) => Buffer.from(line).toString())
  }
  return {
    ...{ dir, store, ledgers, outbox, policies, dryRuns, signing, sealing, ship, ledgerTexts },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

export type Rooms = Awaited<ReturnType<typeof openRooms>>
