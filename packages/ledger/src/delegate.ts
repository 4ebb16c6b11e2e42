// SPDX-License-Identifier: Apache-2.0

import { canonicalize, rfc3339 } from '@sealwatch/base'
import { type DsseEnvelope, type DsseSigner, signDsse } from '@sealwatch/keys'
import type { RootLeaf } from './bundle.ts'
import type { Ledger } from './log/ledger.ts'
import {
  type Countersignature,
  countersignatureType,
  type Delegation,
  delegationNsMax,
  delegationType,
} from './verify/delegation.ts'

/** Certifies `publicKey` (Ed25519, raw) for 24 hours from `fromNs` (Unix time) on. */
export function signDelegation(
  { origin, publicKey, fromNs }: { readonly origin: string; readonly publicKey: Uint8Array; readonly fromNs: bigint },
  signers: readonly DsseSigner[],
  signal: AbortSignal,
): Promise<DsseEnvelope> {
  const delegation: Delegation = {
    key: publicKey.toHex(),
    origin,
    v: 1,
    valid_from: rfc3339(fromNs),
    valid_until: rfc3339(fromNs + delegationNsMax),
  }
  return signDsse(delegationType, Buffer.from(canonicalize(delegation)), signers, signal)
}

/** Says that the signers have seen this root checkpoint at `atNs`; its signatures are not part of what they sign. */
export function signCountersignature(
  { note, atNs }: { readonly note: string; readonly atNs: bigint },
  signers: readonly DsseSigner[],
  signal: AbortSignal,
): Promise<DsseEnvelope> {
  const checkpoint = note.slice(0, note.indexOf('\n\n') + 1)
  const countersignature: Countersignature = { checkpoint, time: rfc3339(atNs), v: 1 }
  return signDsse(countersignatureType, Buffer.from(canonicalize(countersignature)), signers, signal)
}

/** Leaf `index` of the root ledger, proven under its checkpoint of `size`. */
export async function rootLeafAt(root: Ledger, index: number, size: number): Promise<RootLeaf> {
  const [leaf] = await root.read(index, 1)
  if (leaf === undefined) throw new RangeError(`root leaf ${index} is durable and cannot be read`)
  return { index, line: leaf.line, proof: root.inclusion(index, size) }
}
