// SPDX-License-Identifier: Apache-2.0

import type { Ed25519Signer } from '@sealwatch/keys'
import { sha256 } from '../sha256.ts'
import {
  type CosignerKey,
  cosignedMessage,
  cosignerKey,
  encodeCosignature,
  formatCosignerVkey,
} from '../verify/cosignature.ts'
import { formatSignature } from '../verify/note.ts'

/** Cosigns checkpoints under one name (C2SP tlog-cosignature, type 0x04). Whether it may is the caller's to know. */
export type Cosigner = {
  readonly key: CosignerKey
  readonly vkey: string
  /** The signature line over a checkpoint's text. */
  cosign(text: string, timeS: number): string
}

export function createCosigner(name: string, signer: Ed25519Signer): Cosigner {
  const key = cosignerKey(sha256, name, signer.publicKey)
  return {
    key,
    vkey: formatCosignerVkey(key),
    cosign: (text, timeS) =>
      formatSignature({
        name,
        id: key.id,
        signature: encodeCosignature(timeS, signer.sign(cosignedMessage(text, timeS))),
      }),
  }
}
