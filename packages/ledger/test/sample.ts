// SPDX-License-Identifier: Apache-2.0
// What the tests of this package build on: hosts, ledgers and bundles that are the same in every run, but for salts.

import { createPrivateKey, createPublicKey, sign } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Clock, type Disk, systemDisk } from '@sealwatch/base'
import { type DsseEnvelope, type Ed25519Signer, keyIdOf, verifyEd25519 } from '@sealwatch/keys'
import { type SealedTenant, writeBundle } from '../src/bundle.ts'
import { commitPersonal, type Draft, type SealedLine, sealLine } from '../src/chain/seal.ts'
import { rootLeafAt, signCountersignature, signDelegation } from '../src/delegate.ts'
import { type Ledger, openLedger } from '../src/log/ledger.ts'
import { createNoteSigner } from '../src/note-signer.ts'
import { sha256 } from '../src/sha256.ts'
import { linkBatch, type VerifiedBatch, verifyBatch } from '../src/verify/batch.ts'
import { type ChainPosition, chainStart } from '../src/verify/chain.ts'
import { ed25519KeyId } from '../src/verify/delegation.ts'
import { headText } from '../src/verify/head.ts'
import type { Body, KeyRecord } from '../src/verify/line.ts'
import type { BlockReader } from '../src/verify/read-block.ts'

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
  readonly sealed: readonly SampleLine[]
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

export function sampleHost(seed: number, tenant = 'default', eventOf = sampleEvent): SampleHost {
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
      const sealed: SampleLine[] = []
      const add = (line: SampleLine) => {
        sealed.push(line)
        position = { nextSeq: line.seq + 1, tip: line.hash }
      }
      const addBody = (body: Body) => add(sealLine(chain, position, clock.nowNs(), body))
      const anchor = { tenant, key_id: signer.keyId, origin: null }
      const noFile = { prev_file: null, prev_last_hash: null, prev_sequence_num: null }
      if (first.nextSeq === 0) addBody({ anchor: { ...anchor, ...noFile } })
      for (let i = 0; i < count; i += 1) add(sealEvent(chain, position, eventOf(events++)))
      addBody({ head: { note: head.sign(headText(chain, position.nextSeq, position.tip as string)) } })
      return { chain, firstSeq: first.nextSeq, lines: ndjson(sealed), sealed }
    },
    verified(batch) {
      const linked = linkBatch(sha256, batch, starts.get(batch.firstSeq) as ChainPosition, 1024)
      return verifyBatch(sha256, verifyEd25519, linked, key)
    },
  }
}

type SampleLine = SealedLine & { readonly side?: string }

/** Of version 1, with its personal values beside it. */
export function sealEvent(chain: string, position: ChainPosition, draft: Draft): SampleLine {
  const { event, side } = commitPersonal(draft)
  return { ...sealLine(chain, position, draft.timeNs, { event }), ...(side !== undefined && { side }) }
}

export const ndjson = (lines: readonly { text: string }[]): Buffer =>
  Buffer.from(lines.map(({ text }) => `${text}\n`).join(''))

export const origins = { tenant: 'sealwatch.test/tenant/0f', root: 'sealwatch.test/root' }

export const openSampleLedger = (dir: string, kind: 'tenant' | 'root' = 'tenant', disk: Disk = systemDisk) =>
  openLedger({
    dir: join(dir, kind),
    tenant: kind === 'tenant' ? 'default' : 'root',
    origin: origins[kind],
    signer: () => createNoteSigner(origins[kind], nodeKey),
    clock: tickingClock(),
    disk,
  })

/** Signs the checkpoints of both ledgers; certified by the log key for the day of the ticking clock. */
export const nodeKey = sampleSigner(0xa1)
export const logKey = sampleSigner(0xa3)
export const logDsseSigner = {
  keyid: ed25519KeyId(sha256, logKey.publicKey),
  sign: async (message: Uint8Array) => logKey.sign(message),
}
export const never = new AbortController().signal
const sampleDayNs = 1_795_219_200_000_000_000n // 2026-11-21T00:00:00Z, the day of the ticking clock

/** Has the root ledger vouch for the tenant's present checkpoint, under a delegation that it holds. */
export async function sealTenant(tenant: Ledger, root: Ledger, delegation?: DsseEnvelope): Promise<SealedTenant> {
  const certified = { origin: root.origin, publicKey: nodeKey.publicKey, fromNs: sampleDayNs }
  const own = delegation ?? (await signDelegation(certified, [logDsseSigner], never))
  const delegating = (await root.append({ own: { delegation: own } })).first
  const checkpoint = await tenant.checkpoint()
  const { origin, size } = checkpoint
  const tenantHead = { label: '0f'.repeat(16), origin, size, root: checkpoint.root.toHex(), prev_size: 0, proof: [] }
  const { first: index } = await root.append({ own: { tenant_head: tenantHead } })
  const { note, size: rootSize } = await root.checkpoint()
  const countersignature = await signCountersignature({ note, atNs: sampleDayNs + 1n }, [logDsseSigner], never)
  const head = { note, size: rootSize, countersignature, ...(await rootLeafAt(root, index, rootSize)) }
  return { checkpoint, root: head, delegation: await rootLeafAt(root, delegating, rootSize) }
}

export const vkeys = [createNoteSigner(origins.root, logKey).vkey]

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

const nothing = { rows: new Float64Array(0), hashes: new Uint8Array(0), follows: new Uint8Array(0) }
/** Sees nothing ahead: whoever judges what it read takes every record by itself. */
export const oneByOne: BlockReader = {
  bytes: 0,
  atOnce: 1,
  read: async (block) => ({ block, ...nothing, leaves: [], others: [], holding: [] }),
}
