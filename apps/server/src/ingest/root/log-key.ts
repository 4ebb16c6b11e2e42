// SPDX-License-Identifier: Apache-2.0

import type { Disk } from '@sealwatch/base'
import { type AuditSigner, type DsseSigner, openOwnSigner } from '@sealwatch/keys'
import { formatVkey, noteVerifier, sha256 } from '@sealwatch/ledger'

/**
 * The key that outsiders pin: Ed25519, the same for as long as the deployment lives. It certifies the node keys, and
 * witnesses know the log by it. It is the key in a file of its own where there is one: so a deployment that began with
 * that can be given another signer. Else it is the deployment's signer where that is Ed25519, which anybody can verify
 * with a C2SP tool; else the file is made.
 */
export type LogKey = {
  /** Raw. */
  readonly publicKey: Uint8Array
  vkey(origin: string): string
  /** The text of a checkpoint as a note line: "— <origin> <base64>\n". */
  noteSignature(origin: string, text: string, signal: AbortSignal): Promise<string>
  /** Who signs delegations and countersignatures: the deployment's signer, and the log key where that is another. */
  readonly dsseSigners: readonly DsseSigner[]
}

export async function openLogKey(auditSigner: AuditSigner, path: string, disk: Disk): Promise<LogKey> {
  const hasFile = (await disk.sizeOf(path)) !== undefined
  const log = auditSigner.algorithm === 'ed25519' && !hasFile ? auditSigner : await openOwnSigner(path, disk)
  const key = log.keyId === auditSigner.keyId ? auditSigner : log
  // SubjectPublicKeyInfo of Ed25519 ends in the raw key (RFC 8410, 4).
  const publicKey = (key.publicKey as Uint8Array).slice(-32)
  return {
    publicKey,
    vkey: (origin) => formatVkey(noteVerifier(sha256, origin, publicKey)),
    noteSignature: async (origin, text, signal) => {
      const { id } = noteVerifier(sha256, origin, publicKey)
      const signature = await key.sign(Buffer.from(text), signal)
      return `— ${origin} ${Buffer.concat([id, signature]).toString('base64')}\n`
    },
    dsseSigners: (key === auditSigner ? [key] : [auditSigner, key]).map(({ keyId, sign }) => ({ keyid: keyId, sign })),
  }
}
