// SPDX-License-Identifier: Apache-2.0
// A real ingest on real files, and a host that ships to it.

import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { create } from '@bufbuild/protobuf'
import { createBell, createLog, rfc3339, systemClock, systemDisk } from '@sealwatch/base'
import { type ShipRequest, ShipRequestSchema } from '@sealwatch/contract'
import { type Ed25519Signer, generateSigner, openOwnSigner } from '@sealwatch/keys'
import { type MasterKey, openSealing, sealingError } from '@sealwatch/keys/sealing'
import { type ChainBatch, openChain } from '@sealwatch/ledger'
import type { Authorised, Principal } from '../../access/index.ts'
import { createSideCustody } from '../../custody/index.ts'
import { createOutbox, openStore } from '../../store/index.ts'
import { openKeyRegistry } from '../../trust/index.ts'
import { enterKey, hostKeyRow } from '../../trust/test/host-key.ts'
import {
  createIngest,
  createReplays,
  createRowBook,
  type IndexPort,
  indexEntries,
  openIndexHere,
  openLedgers,
  openQuarantine,
  publishOutbox,
} from '../index.ts'

const disk = systemDisk
const log = createLog('test', () => undefined, systemClock.nowMs)
export const host = { hostId: 'host-1', hostname: 'one', tenant: 'default' }
export const dayNs = 24n * 3_600_000_000_000n
export const at = (offsetNs: bigint) => rfc3339(systemClock.nowNs() + offsetNs)

export type KeyChange = {
  readonly valid_from?: string
  readonly valid_until?: string | null
  readonly revoked_at?: string | null
  readonly producer?: string
}

/** Stands in for a KMS that can be unplugged; it wraps nothing. */
function switchedKms(): MasterKey & { plugged: boolean } {
  const kms = {
    plugged: true,
    begin: async () => 'arn',
    wrap: async (_keyId: string, _place: unknown, key: Uint8Array) => Uint8Array.from(key),
    unwrap: async (_keyId: string, _place: unknown, wrapped: Uint8Array) => {
      if (!kms.plugged) throw sealingError('KEYS_UNAVAILABLE', { attempted: 'unwrapping' })
      return Uint8Array.from(wrapped)
    },
    check: async () => undefined,
    probe: async () => undefined,
    destroy: async () => undefined,
  }
  return kms
}

export const voice = {
  device: { uid: 'd', hostname: 'h', type_id: 0, type: 'Unknown', os: { name: 'Linux', type_id: 200, type: 'Linux' } },
  version: '0',
}

/** Whoever it is, the gate let them in. */
export const byWhom = (principal: Principal | { kind: 'person'; id: string }, tenant = 'default') =>
  ({ tenant, principal, requestId: 'r' }) as unknown as Authorised<'quarantine:read'> &
    Authorised<'quarantine:replay'> &
    Authorised<'quarantine:release'>
/** All that waits, and for good. */
export const whole = { after: -1, max: 100, dryRun: false }

/** A real ingest on real files, and a host whose key is registered, unless the change says otherwise. */
export async function openIngest(
  keyChange: KeyChange | 'unregistered' = {},
  clock = systemClock,
  quarantining: Partial<Pick<Parameters<typeof openQuarantine>[0], 'disk' | 'roomMax'>> = {},
) {
  const stack = new AsyncDisposableStack()
  const { path: dir } = stack.use(await mkdtempDisposable(join(tmpdir(), 'sealwatch-ingest-')))
  const store = openStore(dir)
  stack.defer(() => store.close())
  const writer = openIndexHere(store.indexPath)
  stack.defer(() => writer.close())
  /** What the index waits for before it writes on. */
  const gate = { open: Promise.resolve() }
  const index: IndexPort = {
    ...writer,
    write: async (piece) => {
      await gate.open
      return writer.write(piece)
    },
  }
  const cache = { ttlMs: 60_000, keysMax: 64 }
  const kms = switchedKms()
  const sealing = await openSealing({ dir: join(dir, 'keys'), kmsKeyId: 'a key', kms, cache, clock, disk })
  stack.defer(() => sealing.close())
  const side = createSideCustody(sealing, log)
  const auditSigner = await openOwnSigner(join(dir, 'audit.key'), disk)
  const open = () =>
    openLedgers({
      dir: join(dir, 'ledgers'),
      deployment: 'sealwatch-00000000',
      tenants: ['default'],
      keysDir: join(dir, 'keys'),
      auditSigner,
      log,
      labelKey: new Uint8Array(32),
      clock,
      disk,
    })
  const ledgers = await open()
  stack.defer(() => ledgers.close())
  const place = { dir: join(dir, 'quarantine'), disk, ...quarantining }
  const quarantine = await openQuarantine({ ...place, store, sealing, clock })
  stack.defer(() => quarantine.close())
  const bell = createBell()
  let position = 0
  const forever = new AbortController().signal
  const indexed = {
    waitFor: async (_tenant: string, leaf: number) => {
      while (position < leaf) await bell.wait(forever)
    },
  }
  const onIndexed = (next: number) => {
    position = next
    bell.ring()
  }
  const keys = await openKeyRegistry({ store, outbox: undefined, versionOf: (tenant) => ledgers.get(tenant).registry })
  const rowBook = createRowBook()
  /** Whether what fails verification stays out. */
  const strict = { isOn: true }
  const isStrict = () => strict.isOn
  const outbox = createOutbox(store, clock)
  const replays = () =>
    createReplays({ store, outbox, voice, ledgers, quarantine, keys, side, indexed, isStrict, clock, log })
  const { admitUnverified } = replays()
  const more = { side, indexed, isStrict, admitUnverified, clock, log }
  const ingest = createIngest({ store, ledgers, quarantine, keys, rowBook, ...more })
  const signer = generateSigner()
  const chain = await openChain({
    dir: join(dir, 'chain'),
    tenant: 'default',
    signer,
    clock,
    disk,
    segmentBytesMax: 65_536,
    totalBytesMax: 1e7,
    // Not by age: what these tests see does not hang on how fast the machine is.
    epochMax: { lines: 65_536, ageMs: 86_400_000 },
  })
  stack.defer(() => chain.close())
  if (keyChange !== 'unregistered') await enterKey(store, keys, keyRow(signer, keyChange))
  const stop = new AbortController()
  const { signal } = stop
  const followed = Promise.all([
    indexEntries({ ledger: ledgers.get('default'), store, index, outbox, signal, onIndexed }),
    publishOutbox({ outbox, ledgers, indexed: Promise.resolve(), clock, log, signal }),
  ])
  stack.defer(async () => {
    stop.abort()
    await followed
  })
  const seal = (...names: string[]) =>
    chain.seal(
      names.map((name) => ({
        event: { actor: { user: { name } } },
        personalPointers: ['/event/actor/user/name'],
        timeNs: clock.nowNs(),
      })),
    )
  const batchAt = async (seq: number) => requestOf((await chain.readBatch(seq)) as ChainBatch)
  const submit = (request: ShipRequest) => ingest.submit(host, 'default', request)
  return {
    dir,
    store,
    ledgers,
    indexed,
    keys,
    outbox,
    gate,
    side,
    ingest,
    rowBook,
    quarantine,
    chain,
    signer,
    sealing,
    kms,
    replays,
    strict,
    seal,
    batchAt,
    submit,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

export const keyRow = (signer: Ed25519Signer, change: KeyChange) =>
  hostKeyRow(signer, host, { valid_from: at(-dayNs), ...change })

const requestOf = (batch: ChainBatch): ShipRequest =>
  create(ShipRequestSchema, {
    chain: batch.chain,
    firstSeq: BigInt(batch.firstSeq),
    count: batch.count,
    lines: batch.lines,
    side: batch.side.map(({ seq, values }) => ({ seq: BigInt(seq), values })),
  })

export const flip = (bytes: Uint8Array, i: number): Uint8Array => {
  // A Buffer's own slice is a view.
  const changed = Uint8Array.from(bytes)
  changed[i] = (changed[i] as number) ^ 1
  return changed
}
