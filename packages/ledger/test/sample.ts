// SPDX-License-Identifier: Apache-2.0
// What the tests of this package build on: hosts, ledgers and bundles that are the same in every run, but for salts.

import { createPrivateKey, createPublicKey, sign } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Clock, type Disk, systemDisk } from '@sealwatch/base'
import { type Ed25519Signer, keyIdOf, verifyEd25519 } from '@sealwatch/keys'
import { type SealedTenant, writeBundle } from '../src/bundle.ts'
import { type Draft, type SealedLine, sealDraft, sealLine } from '../src/chain/seal.ts'
import { type Ledger, openLedger } from '../src/log/ledger.ts'
import { createNoteSigner } from '../src/note-signer.ts'
import { sha256 } from '../src/sha256.ts'
import { linkBatch, type VerifiedBatch, verifyBatch } from '../src/verify/batch.ts'
import { type ChainPosition, chainStart, headText } from '../src/verify/chain.ts'
import type { Body, KeyRecord } from '../src/verify/line.ts'

/** In memory where that can be had: these tests sync thousands of files. */
const home = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
export const temporary = () => mkdtempDisposable(join(home, 'sealwatch-ledger-'))

/** A clock that goes on by a millisecond whenever somebody looks. */
export function tickingClock(startMs = 1_795_262_400_000): Clock {
  let ms = startMs
  const nowMs = () => {
    ms += 1
    return ms
  }
  const nowNs = () => BigInt(nowMs()) * 1_000_000n
  return { nowMs, nowNs, monotonicNs: nowNs, sleep: async () => undefined }
}

const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex') // RFC 8410, 7

/** The key whose seed is 32 times one byte. */
export function sampleSigner(seed: number): Ed25519Signer {
  const der = Buffer.concat([pkcs8Prefix, Buffer.alloc(32, seed)])
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  const publicKey = new Uint8Array(createPublicKey(privateKey).export({ type: 'spki', format: 'der' }).subarray(12))
  return { keyId: keyIdOf(publicKey), publicKey, sign: (message) => sign(null, message, privateKey) }
}

export const sampleEvent = (i: number): Draft => ({
  event: { class_uid: 1007, message: `process ${i}`, actor: { user: { uid: '0', name: `user-${i}` } } },
  personalPointers: ['/event/actor/user/name'],
  timeNs: 1_795_262_400_000_000_000n + BigInt(i),
})

export type SampleBatch = {
  readonly chain: string
  readonly firstSeq: number
  readonly lines: Buffer
  readonly sealed: readonly SealedLine[]
}

/** A host's chain without its files. */
export type SampleHost = {
  readonly chain: string
  readonly signer: Ed25519Signer
  readonly key: KeyRecord
  readonly position: ChainPosition
  /** `events` events and a head; the first batch begins with the anchor. */
  batch(events: number): SampleBatch
  verified(batch: SampleBatch): VerifiedBatch
}

export function sampleHost(seed: number, tenant = 'default'): SampleHost {
  const signer = sampleSigner(seed)
  const chain = Buffer.alloc(16, seed).toString('hex')
  const head = createNoteSigner(`sealwatch.dev/key/${signer.keyId}`, signer)
  const clock = tickingClock()
  const key: KeyRecord = {
    algorithm: 'ed25519',
    host_id: `host-${seed}`,
    key_id: signer.keyId,
    public_key: signer.publicKey.toHex(),
    valid_from: '2026-11-21T00:00:00.000000000Z',
    valid_until: null,
  }
  const starts = new Map<number, ChainPosition>()
  let position = chainStart
  let events = 0
  return {
    chain,
    signer,
    key,
    get position() {
      return position
    },
    batch(count) {
      const first = position
      starts.set(first.nextSeq, first)
      const sealed: SealedLine[] = []
      const add = (line: SealedLine) => {
        sealed.push(line)
        position = { nextSeq: line.seq + 1, tip: line.hash }
      }
      const addBody = (body: Body) => add(sealLine(chain, position, clock.nowNs(), body))
      const anchor = { tenant, key_id: signer.keyId, origin: null }
      const noFile = { prev_file: null, prev_last_hash: null, prev_sequence_num: null }
      if (first.nextSeq === 0) addBody({ anchor: { ...anchor, ...noFile } })
      for (let i = 0; i < count; i += 1) add(sealDraft(chain, position, sampleEvent(events++)))
      addBody({ head: { note: head.sign(headText(chain, position.nextSeq, position.tip as string)) } })
      return { chain, firstSeq: first.nextSeq, lines: ndjson(sealed), sealed }
    },
    verified(batch) {
      const linked = linkBatch(sha256, batch, starts.get(batch.firstSeq) as ChainPosition, 1024)
      return verifyBatch(sha256, verifyEd25519, linked, key)
    },
  }
}

export const ndjson = (lines: readonly { text: string }[]): Buffer =>
  Buffer.from(lines.map(({ text }) => `${text}\n`).join(''))

export const origins = { tenant: 'sealwatch.test/tenant/0f', root: 'sealwatch.test/root' }

export const openSampleLedger = (dir: string, kind: 'tenant' | 'root' = 'tenant', disk: Disk = systemDisk) =>
  openLedger({
    dir: join(dir, kind),
    tenant: kind === 'tenant' ? 'default' : 'root',
    origin: origins[kind],
    signer: createNoteSigner(origins[kind], sampleSigner(kind === 'tenant' ? 0xa1 : 0xa2)),
    clock: tickingClock(),
    disk,
  })

/** Has the root ledger vouch for the tenant's present checkpoint. */
export async function sealTenant(tenant: Ledger, root: Ledger): Promise<SealedTenant> {
  const checkpoint = await tenant.checkpoint()
  const { origin, size } = checkpoint
  const own = { tenant_head: { label: '0f'.repeat(16), origin, size, root: checkpoint.root.toHex() } }
  const { first: index } = await root.append({ own })
  const rootCheckpoint = await root.checkpoint()
  const [leaf] = await root.read(index, 1)
  const proof = root.inclusion(index, rootCheckpoint.size)
  return { checkpoint, root: { checkpoint: rootCheckpoint, index, line: (leaf as { line: Uint8Array }).line, proof } }
}

export const vkeys = [
  createNoteSigner(origins.tenant, sampleSigner(0xa1)).vkey,
  createNoteSigner(origins.root, sampleSigner(0xa2)).vkey,
]

/** The bundle of some leaves; `side`: the values to reveal, by leaf. */
export async function bundleOf(
  ledger: Ledger,
  sealed: SealedTenant,
  ranges: readonly { from: number; to: number }[],
  side: ReadonlyMap<number, string> = new Map(),
): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  const reveal = async (index: number) => side.get(index)
  for await (const { bytes } of writeBundle({ ledger, sealed, vkeys, ranges, reveal })) chunks.push(bytes)
  return Buffer.concat(chunks)
}
