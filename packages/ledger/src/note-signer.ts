// SPDX-License-Identifier: Apache-2.0

import type { Ed25519Signer } from '@sealwatch/keys'
import { sha256 } from './sha256.ts'
import { formatSignature, formatVkey, type NoteVerifier, noteVerifier } from './verify/note.ts'

/** Signs note texts under one name (C2SP signed-note, type 0x01). */
export type NoteSigner = {
  readonly verifier: NoteVerifier
  readonly vkey: string
  /** Returns the signed note; `text` must end in a newline. */
  sign(text: string): string
  /** The signature line alone, to be put behind a note of the same text. */
  signature(text: string): string
}

export function createNoteSigner(name: string, signer: Ed25519Signer): NoteSigner {
  const verifier = noteVerifier(sha256, name, signer.publicKey)
  const signature = (text: string) => formatSignature({ ...verifier, signature: signer.sign(Buffer.from(text)) })
  return {
    verifier,
    vkey: formatVkey(verifier),
    sign: (text) => `${text}\n${signature(text)}`,
    signature,
  }
}
