// SPDX-License-Identifier: Apache-2.0

import { type SignedRows, submissionForms, submissionIdForm, submissionLimits } from '@sealwatch/contract'
import { signedBytes, verifyAudit, verifyEd25519 } from '@sealwatch/keys'
import type { SigningKey } from '../../trust/index.ts'

/** What is wrong with the form of a submission, its payload aside; undefined: nothing. */
export function formFault({ id, form, payloadType, keyId, algorithm, signature }: SignedRows): string | undefined {
  const { payloadTypeMax, signatureBytesMax } = submissionLimits
  if (!submissionIdForm.test(id)) return 'an id that is not 1 to 128 printable characters'
  if (!submissionForms.includes(form)) return 'a form that is neither detached nor dsse'
  if (payloadType.length < 1 || payloadType.length > payloadTypeMax || !payloadType.isWellFormed())
    return `a payload_type of ${payloadType.length} characters`
  if (!submissionIdForm.test(keyId)) return 'a key_id that is not 1 to 128 printable characters'
  if (!algorithms.includes(algorithm)) return 'an algorithm that is neither ed25519 nor rsa-sha256'
  if (signature.length < 1 || signature.length > signatureBytesMax) return `a signature of ${signature.length} bytes`
  return undefined
}

const algorithms: readonly string[] = ['ed25519', 'rsa-sha256']

/** Whether the key signed these very bytes, by the algorithm that both name. */
export function isSignedBy({ algorithm, publicKey }: SigningKey, submission: SignedRows): boolean {
  if (algorithm !== submission.algorithm) return false
  const { form, payloadType, payload, signature } = submission
  const message = signedBytes(form, payloadType, payload)
  const key = Uint8Array.fromHex(publicKey)
  return algorithm === 'ed25519'
    ? verifyEd25519(key, message, signature)
    : verifyAudit(algorithm, key, message, signature)
}
