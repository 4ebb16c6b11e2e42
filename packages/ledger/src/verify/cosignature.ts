// SPDX-License-Identifier: Apache-2.0

import { errorsOf } from '@sealwatch/base/errors'
import type { Sha256 } from './merkle.ts'
import {
  formatVkey,
  isBy,
  type NoteSignature,
  type NoteVerifier,
  noteErrors,
  noteVerifier,
  parseVkey,
  signatureTypes,
  type VerifyEd25519,
} from './note.ts'

const noteError = errorsOf(noteErrors)

/** A witness's key: its id is that of type 0x04 (C2SP tlog-cosignature), so no signature of another type fits it. */
export type CosignerKey = NoteVerifier & { readonly type: typeof signatureTypes.cosignature }

/** A witness's word that at `timeS`, in Unix seconds, this was the largest tree of its log that it knew. */
export type Cosignature = { readonly key: CosignerKey; readonly timeS: number; readonly signature: NoteSignature }

const type = signatureTypes.cosignature
const timeBytes = 8
const signatureBytes = 64
/** The last second of the year 9999: what claims to be later is refused, as verifiers may refuse the future. */
const timeMaxS = 253_402_300_799

export const cosignerKey = (sha256: Sha256, name: string, publicKey: Uint8Array): CosignerKey => ({
  ...noteVerifier(sha256, name, publicKey, type),
  type,
})

export const formatCosignerVkey = (key: CosignerKey): string => formatVkey(key, type)

export const parseCosignerVkey = (sha256: Sha256, vkey: string): CosignerKey => ({
  ...parseVkey(sha256, vkey, type),
  type,
})

/** What a witness signs: two lines of its own, and the checkpoint's whole text. */
export const cosignedMessage = (text: string, timeS: number): Uint8Array =>
  new TextEncoder().encode(`cosignature/v1\ntime ${timeS}\n${text}`)

/** The signature line's payload: u64 seconds, big-endian, and the Ed25519 signature. */
export function encodeCosignature(timeS: number, ed25519: Uint8Array): Uint8Array {
  const payload = new Uint8Array(timeBytes + signatureBytes)
  new DataView(payload.buffer).setBigUint64(0, BigInt(timeS))
  payload.set(ed25519, timeBytes)
  return payload
}

/**
 * The cosignatures by `keys` among the signatures of the checkpoint `text`; of each witness the earliest. Signatures by
 * others are passed over; one by a known witness that is out of form (NOTE_MALFORMED) or does not hold
 * (NOTE_UNVERIFIED) condemns them all.
 */
export function verifyCosignatures(
  { text, signatures }: { readonly text: string; readonly signatures: readonly NoteSignature[] },
  keys: readonly CosignerKey[],
  verify: VerifyEd25519,
  attempted: string,
): Cosignature[] {
  const found = new Map<CosignerKey, Cosignature>()
  for (const signature of signatures) {
    const key = keys.find((known) => isBy(known, signature))
    if (key === undefined) continue
    const { timeS, ed25519 } = decode(signature, attempted)
    if (!verify(key.publicKey, cosignedMessage(text, timeS), ed25519))
      throw noteError('NOTE_UNVERIFIED', { attempted, received: `a wrong cosignature by ${key.name}` })
    if (timeS < (found.get(key)?.timeS ?? Number.POSITIVE_INFINITY)) found.set(key, { key, timeS, signature })
  }
  return [...found.values()]
}

function decode({ name, signature }: NoteSignature, attempted: string): { timeS: number; ed25519: Uint8Array } {
  const wrong = (received: string) => noteError('NOTE_MALFORMED', { attempted, received })
  if (signature.length !== timeBytes + signatureBytes)
    throw wrong(`a cosignature by ${name} of ${signature.length} bytes where 72 are due (C2SP tlog-cosignature)`)
  const time = new DataView(signature.buffer, signature.byteOffset).getBigUint64(0)
  if (time > BigInt(timeMaxS)) throw wrong(`a cosignature by ${name} of the time ${time}`)
  return { timeS: Number(time), ed25519: signature.slice(timeBytes) }
}
