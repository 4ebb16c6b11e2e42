// SPDX-License-Identifier: Apache-2.0

import { SealwatchError } from '@sealwatch/base/errors'
import type { Header, HeaderChecks } from './bundle-header.ts'
import { createReader } from './bundle-reader.ts'
import { blocksOf } from './bundle-records.ts'
import type { Witnessed } from './bundle-witnesses.ts'
import type { Checkpoint } from './checkpoint.ts'
import type { Line, ParsedLine } from './line.ts'
import type { Policy } from './policy.ts'
import { type BlockReader, createBlockReader, readAhead } from './read-block.ts'

export type Problem = {
  /** Line of the file, from 1. */
  readonly fileLine: number
  readonly leaf: number | undefined
  readonly chain: string | undefined
  readonly seq: number | undefined
  readonly code: string
  readonly message: string
}

export type BundleReport = {
  readonly ok: boolean
  readonly problem: Problem | undefined
  readonly tenant: string | undefined
  readonly origin: string | undefined
  readonly size: number
  /** Leaves shown as lines. */
  readonly lines: number
  /** Leaves shown as hashes only. */
  readonly withheld: number
  /** Every leaf of the ledger up to the checkpoint is shown. */
  readonly complete: boolean
  /** Lines of hosts that a head in this bundle covers with a valid signature, and those that none does. */
  readonly signedByHost: number
  /** Rows of services whose submission is signed by the key that was registered before it. */
  readonly signedByService: number
  readonly notCovered: number
  readonly stubs: number
  /** Lines that came out of turn, into the place of a stub, and of these those without a valid signature. */
  readonly replayed: number
  readonly unverified: number
  readonly revealed: number
  readonly rootSize: number
  /** Names of the keys that vouch for the checkpoints. */
  readonly signers: readonly string[]
  /** When the node key that signed the checkpoints was allowed to; undefined in version 1. */
  readonly nodeKey: { readonly validFrom: string; readonly validUntil: string } | undefined
  /** When the deployment's signer saw the root checkpoint, by its word, and the ids of the keys that were checked. */
  readonly countersigned: { readonly time: string; readonly signers: readonly string[] } | undefined
  /** Who cosigned the root checkpoint, of those the caller knows; undefined: nobody was asked for. */
  readonly witnesses: Witnessed | undefined
  /** The size of the saved checkpoint that this ledger extends. */
  readonly since: number | undefined
  /** `pinned`: by a key the caller trusts. `self-asserted`: by keys that the bundle itself brought. */
  readonly trust: 'pinned' | 'self-asserted'
}

/** `trust`: verifier keys of log keys (version 1: of the ledgers); empty: those the bundle brings, and the report says so. */
export type BundleChecks = HeaderChecks & {
  /** Called with each line that was in its place, but before the whole bundle is known to be good. */
  readonly onLine?: (line: Line, leaf: number, parsed: ParsedLine) => void
  readonly onHeader?: (header: Header, record: Uint8Array) => void
  /** A checkpoint of this tenant from before, verified by the caller: the ledger must still hold all of it. */
  readonly since?: Checkpoint
  /** The root checkpoint must have the cosignatures that this policy asks for. */
  readonly witnesses?: Policy
  readonly onBytes?: (bytes: number) => void
  /** Reads blocks ahead on other threads. */
  readonly blockReader?: BlockReader
}

/**
 * Verifies a bundle as it streams by, in memory that does not grow with it. Never throws for what the bundle holds:
 * the first thing that is wrong stands in the report. A chunk may be used again once the next is asked for.
 */
export async function verifyBundle(chunks: AsyncIterable<Uint8Array>, checks: BundleChecks): Promise<BundleReport> {
  const reader = createReader(checks)
  const { blockReader = createBlockReader(checks.sha256) } = checks
  try {
    const blocks = blocksOf(chunks, checks.onBytes, blockReader.bytes)
    for await (const read of readAhead(blocks, blockReader)) reader.take(read)
    return reader.finish()
  } catch (error) {
    if (!(error instanceof SealwatchError)) throw error
    return reader.report(error)
  }
}
