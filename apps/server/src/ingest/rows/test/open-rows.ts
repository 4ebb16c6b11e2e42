// SPDX-License-Identifier: Apache-2.0
// Services that sign, and rooms that take what they send: real ledgers, stores, files, keys and signatures.

import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Clock, systemClock as clock, createBell, createLog, systemDisk as disk, rfc3339 } from '@sealwatch/base'
import { payloadOf, type SignedRows } from '@sealwatch/contract'
import { openOwnSigner, signedBytes } from '@sealwatch/keys'
import { kmsMasterKey, openSealing } from '@sealwatch/keys/sealing'
import type { RegistryChange } from '@sealwatch/ledger'
import { createSideCustody } from '../../../custody/index.ts'
import { createOutbox, openStore } from '../../../store/index.ts'
import { createVouching, openKeyRegistry } from '../../../trust/index.ts'
import { enterKey, type KeyRow } from '../../../trust/test/host-key.ts'
import {
  createReplays,
  createRowBook,
  type IndexPort,
  indexEntries,
  openIndexHere,
  openLedgers,
  openQuarantine,
  publishOutbox,
} from '../../index.ts'
import { voice } from '../../test/open-ingest.ts'
import { createRowIngest } from '../index.ts'
import type { RowRoomMax } from '../row-room.ts'

const log = createLog('test', () => undefined, clock.nowMs)
const tenants = ['cluster', 'default', 'acme']
export const billing = { tenant: 'acme', producer: 'billing' }

export type Key = { readonly keyId: string; readonly key: KeyObject; readonly algorithm: 'ed25519' | 'rsa-sha256' }
export const ed25519 = (keyId: string): Key => ({
  keyId,
  key: generateKeyPairSync('ed25519').privateKey,
  algorithm: 'ed25519',
})
export const rsa: Key = {
  keyId: 'billing-rsa',
  key: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
  algorithm: 'rsa-sha256',
}
export const one = ed25519('billing-1')

let last = 0
export function signed(
  rows: readonly string[],
  change: Partial<SignedRows> = {},
  { keyId, key, algorithm }: Key = one,
): SignedRows {
  const payload = payloadOf(rows)
  const form = change.form ?? 'detached'
  const payloadType = 'application/x-ndjson'
  const signature = sign(algorithm === 'ed25519' ? null : 'sha256', signedBytes(form, payloadType, payload), key)
  last += 1
  return { id: `sub-${last}`, form, payload, payloadType, keyId, algorithm, signature, ...change }
}

export function rowOf({ keyId, key, algorithm }: Key, change: Partial<KeyRow> = {}): KeyRow {
  const spki = createPublicKey(createPrivateKey(key.export({ type: 'pkcs8', format: 'pem' }))).export({
    type: 'spki',
    format: 'der',
  })
  return {
    tenant: 'acme',
    key_id: keyId,
    producer: 'billing',
    producer_kind: 'service',
    algorithm,
    public_key: (algorithm === 'ed25519' ? spki.subarray(12) : spki).toString('hex'),
    valid_from: rfc3339(0n),
    valid_until: null,
    revoked_at: null,
    state: 'active',
    source: 'api',
    ...change,
  }
}

/** The rooms over one directory, as a start of the server wires them. */
export async function openRooms(
  dir: string,
  roomMax?: { readonly items: number; readonly bytes: number },
  more: { readonly roomMax?: RowRoomMax; readonly clock?: Clock; readonly ledgerClock?: Clock } = {},
) {
  await using stack = new AsyncDisposableStack()
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
  const kms = kmsMasterKey({ clock })
  const sealing = await openSealing({ dir: join(dir, 'keys'), kmsKeyId: '', kms, cache, clock, disk })
  stack.defer(() => sealing.close())
  const auditSigner = await openOwnSigner(join(dir, 'audit.key'), disk)
  const places = { dir: join(dir, 'ledgers'), keysDir: join(dir, 'keys'), deployment: 'sealwatch-00000000' }
  const keeping = { auditSigner, log, labelKey: new Uint8Array(32), clock: more.ledgerClock ?? clock, disk }
  const ledgers = await openLedgers({ ...places, tenants, ...keeping })
  stack.defer(() => ledgers.close())
  const place = { dir: join(dir, 'quarantine'), ...(roomMax && { roomMax }) }
  const quarantine = await openQuarantine({ ...place, store, sealing, clock, disk })
  stack.defer(() => quarantine.close())
  const stop = new AbortController()
  const bell = createBell()
  const positions = new Map<string, number>()
  const indexed = {
    waitFor: async (tenant: string, leaf: number) => {
      while ((positions.get(tenant) ?? 0) < leaf && !stop.signal.aborted) await bell.wait(stop.signal)
    },
  }
  const { signal } = stop
  const outbox = createOutbox(store, clock)
  const indexing = tenants.map((tenant) =>
    indexEntries({
      ledger: ledgers.get(tenant),
      store,
      index,
      outbox,
      signal,
      onIndexed: (position) => {
        positions.set(tenant, position)
        bell.ring()
      },
    }),
  )
  const publishing = publishOutbox({ outbox, ledgers, indexed: Promise.resolve(), clock, log, signal })
  stack.defer(async () => {
    stop.abort()
    bell.ring()
    await Promise.all([...indexing, publishing])
  })
  const versionOf = (tenant: string) => ledgers.get(tenant).registry
  const vouching = createVouching({ store, outbox, voice, ledgers, clock, log })
  const keys = await openKeyRegistry({ store, outbox: undefined, vouching, versionOf })
  const rowBook = createRowBook()
  const registry = { checkActive: () => undefined }
  /** Tenants whose signatures are not enforced. */
  const loose = new Set<string>()
  const isStrict = (tenant: string) => !loose.has(tenant)
  const parts = { store, ledgers, quarantine, keys, isStrict, registry, rowBook, indexed, clock, log }
  const rows = createRowIngest({ ...parts, ...more } as never)
  const side = createSideCustody(sealing, log)
  const replays = createReplays({ store, outbox, voice, ledgers, quarantine, keys, side, indexed, clock, log })
  /** The line of a change of a key, as trust/ writes it. */
  const tell = async (row: KeyRow, change: 'added' | 'revoked') => {
    const { tenant, ...key } = row
    const times = { changed_at: rfc3339(clock.nowNs()), compromised_since: null, revoked_at: row.revoked_at ?? null }
    await ledgers.get(tenant).append({ own: { registry: { ...key, ...times, change, cause: null } as RegistryChange } })
  }
  const kept = stack.move()
  const leavesOf = async (tenant: string) =>
    (await ledgers.get(tenant).read(0, 100_000)).map(
      ({ line }) => JSON.parse(Buffer.from(line).toString()) as Record<string, Record<string, unknown>>,
    )
  return {
    rows,
    gate,
    replays,
    loose,
    keys,
    store,
    outbox,
    quarantine,
    rowBook,
    indexed,
    ledgers,
    ledger: ledgers.get('acme'),
    tell,
    /** Registers a key as trust/ does: in the ledger first. */
    enter: async (row: KeyRow) => {
      await tell(row, 'added')
      await enterKey(store, keys, row)
    },
    textsIn: async (tenant = 'acme') => (await leavesOf(tenant)).flatMap(({ row }) => (row ? [row.text] : [])),
    marksIn: async () => (await leavesOf('acme')).flatMap(({ row }) => (row ? [row.mark] : [])),
    stubsIn: async () => (await leavesOf('acme')).flatMap(({ submission_stub: stub }) => (stub ? [stub] : [])),
    leavesOf,
    seal: () => ledgers.seal(),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

export const temporary = () => mkdtempDisposable(join(tmpdir(), 'sealwatch-rows-'))
