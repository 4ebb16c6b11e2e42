// SPDX-License-Identifier: Apache-2.0

import type { JsonObject } from '@sealwatch/base/json'
import type { DsseEnvelope } from '@sealwatch/keys/dsse'
import { parseCheckpoint, parseNote } from '@sealwatch/ledger/verify'

/** A checkpoint as the page draws it. `root` in hex; `note` is the whole signed note. */
export type DrawnCheckpoint = {
  readonly note: string
  readonly origin: string
  readonly size: number
  readonly root: string
  /** Names on the note, whether or not anybody here can check them. */
  readonly signedBy: readonly string[]
}

/** A line of the root ledger, with its way to the root checkpoint; `proof` in hex, lowest first. */
export type RootLeaf = { readonly index: number; readonly line: string; readonly proof: readonly string[] }

/** What the header of a bundle says (bundle.md, 2.1). Of both versions; the second has a delegation. */
export type BundleHeader = {
  readonly version: number
  readonly keys: readonly string[]
  readonly tenant: DrawnCheckpoint
  readonly root: DrawnCheckpoint
  readonly rootLeaf: RootLeaf
  readonly delegation: (RootLeaf & Delegation) | undefined
}

/** A log key's word, in a line of the root ledger, that the node key may sign from when until when. */
export type Delegation = {
  readonly envelope: DsseEnvelope
  /** Raw Ed25519 key, hex. */
  readonly nodeKey: string
  readonly validFrom: string
  readonly validUntil: string
}

/** Reads a header that the verifier has found good; it checks nothing by itself. */
export function readVerifiedHeader(record: Uint8Array): BundleHeader {
  const { bundle } = JSON.parse(new TextDecoder().decode(record)) as { bundle: JsonObject }
  const root = bundle.root as JsonObject & RootLeaf
  const delegation = bundle.delegation as (JsonObject & RootLeaf) | undefined
  return {
    version: bundle.v as number,
    keys: bundle.keys as readonly string[],
    tenant: checkpointOf(bundle.checkpoint as string),
    root: checkpointOf(root.checkpoint as string),
    rootLeaf: leafOf(root),
    delegation: delegation && { ...leafOf(delegation), ...delegationIn(delegation.line) },
  }
}

const leafOf = ({ index, line, proof }: RootLeaf): RootLeaf => ({ index, line, proof })

function checkpointOf(note: string): DrawnCheckpoint {
  const { text, signatures } = parseNote(note, 'drawing a checkpoint')
  const { origin, size, root } = parseCheckpoint(text, 'drawing a checkpoint')
  return { note, origin, size, root: root.toHex(), signedBy: [...new Set(signatures.map(({ name }) => name))] }
}

function delegationIn(line: string): Delegation {
  const { delegation: envelope } = JSON.parse(line) as { delegation: DsseEnvelope }
  const payload = new TextDecoder().decode(Uint8Array.fromBase64(envelope.payload))
  const { key, valid_from, valid_until } = JSON.parse(payload) as Record<string, string>
  return { envelope, nodeKey: key as string, validFrom: valid_from as string, validUntil: valid_until as string }
}
