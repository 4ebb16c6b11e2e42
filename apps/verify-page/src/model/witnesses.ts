// SPDX-License-Identifier: Apache-2.0

import { parseCosignerVkey, parseNote, verifyCosignatures } from '@sealwatch/ledger/verify'
import { verifyEd25519 } from './ed25519.ts'
import { sha256 } from './sha256.ts'

/** A witness that the reader has named, and when it saw this root checkpoint; undefined: it has not said so here. */
export type Witness = { readonly name: string; readonly vkey: string; readonly seenS: number | undefined }

/**
 * Who of `vkeys` has cosigned the root checkpoint `note` (C2SP tlog-cosignature). Throws a note error when one of them
 * seems to have, and the signature is out of form or does not hold.
 */
export function witnessesOf(note: string, vkeys: readonly string[]): Witness[] {
  const attempted = 'verifying the cosignatures of the root checkpoint'
  const keys = vkeys.map((vkey) => parseCosignerVkey(sha256, vkey))
  const found = verifyCosignatures(parseNote(note, attempted), keys, verifyEd25519, attempted)
  return keys.map((key, i) => ({
    name: key.name,
    vkey: vkeys[i] as string,
    seenS: found.find((cosignature) => cosignature.key === key)?.timeS,
  }))
}
