// SPDX-License-Identifier: Apache-2.0

import { parseNote, rootLeafAt } from '@sealwatch/ledger'
import type { ApiPorts } from '../ports.ts'
import type { Reader } from './entries.ts'
import { leafHashAt } from './sides.ts'

/**
 * How far a line is proven: it is on stable storage; the newest checkpoint of its tenant covers it; the published
 * checkpoint of the root ledger does, which the deployment's signer countersigned and witnesses cosigned.
 */
export type ProofState = 'durable' | 'signed' | 'published'

/** Leaves before each number are so far. */
export type ProvenSizes = { readonly size: number; readonly signed: number; readonly published: number }

export function provenSizes(ledgers: ApiPorts['ledgers'], tenant: string): ProvenSizes {
  const { size, signed } = ledgers.get(tenant)
  return { size, signed: signed?.size ?? 0, published: ledgers.vouched(tenant)?.head.size ?? 0 }
}

export const proofState = ({ signed, published }: ProvenSizes, leaf: number): ProofState =>
  leaf < published ? 'published' : leaf < signed ? 'signed' : 'durable'

/** All that it takes to verify a line without us: docs/api.md, Proofs. */
export type Proof = {
  readonly leaf_hash: string
  readonly state: ProofState
  /** The tenant's newest checkpoint, signed by a node key, and the way from the leaf to its root. */
  readonly checkpoint: {
    readonly size: number
    readonly root: string
    readonly note: string
    readonly path: string[]
  } | null
  readonly published: PublishedProof | null
}

export type PublishedProof = {
  /** The tenant's tree as the root ledger has it, and the way from the leaf to its root. */
  readonly size: number
  readonly root: string
  readonly path: string[]
  /** The line of the root ledger that says so, and the way from it to the root checkpoint. */
  readonly head: { readonly leaf_index: number; readonly line: string; readonly path: string[] }
  readonly root_checkpoint: RootCheckpoint
}

export type RootCheckpoint = {
  readonly size: number
  /** Signed by node key, log key and witnesses. */
  readonly note: string
  readonly published_at: string
  readonly quorum: 'met' | 'below' | 'none'
  readonly witnesses: readonly string[]
  readonly countersigned: { readonly at: string; readonly key_ids: readonly string[] }
}

/** Resolves with what is known already: nobody is asked to sign. `leaf` must be in the ledger. */
export async function proofOf({ ledgers }: ApiPorts, { tenant }: Reader, leaf: number): Promise<Proof> {
  const ledger = ledgers.get(tenant)
  const { signed } = ledger
  const vouched = ledgers.vouched(tenant)
  const pathIn = (size: number) => ledger.inclusion(leaf, size).map((hash) => hash.toHex())
  const checkpoint =
    signed === undefined || leaf >= signed.size
      ? null
      : { size: signed.size, root: signed.root.toHex(), note: signed.note, path: pathIn(signed.size) }
  const leaf_hash = leafHashAt(ledger, leaf)
  const state = proofState(provenSizes(ledgers, tenant), leaf)
  if (vouched === undefined || leaf >= vouched.head.size) return { leaf_hash, state, checkpoint, published: null }
  const { head, published } = vouched
  const { index, line, proof } = await rootLeafAt(ledgers.root, head.index, published.size)
  return {
    leaf_hash,
    state,
    checkpoint,
    published: {
      size: head.size,
      root: head.root,
      path: pathIn(head.size),
      head: {
        leaf_index: index,
        line: Buffer.from(line).toString('utf8'),
        path: proof.map((hash) => hash.toHex()),
      },
      root_checkpoint: rootCheckpointOf(ledgers, published),
    },
  }
}

export function rootCheckpointOf(
  { root }: Pick<ApiPorts['ledgers'], 'root'>,
  { note, size, atMs, quorum, countersignature }: NonNullable<ReturnType<ApiPorts['ledgers']['vouched']>>['published'],
): RootCheckpoint {
  const { signatures } = parseNote(note, 'reading the published root checkpoint')
  const { time } = JSON.parse(Buffer.from(countersignature.payload, 'base64').toString('utf8')) as { time: string }
  return {
    size,
    note,
    published_at: new Date(atMs).toISOString(),
    quorum,
    // Node key and log key sign under the name of the log itself.
    witnesses: signatures.map(({ name }) => name).filter((name) => name !== root.origin),
    countersigned: { at: time, key_ids: countersignature.signatures.map(({ keyid }) => keyid) },
  }
}
