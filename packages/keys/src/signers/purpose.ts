// SPDX-License-Identifier: Apache-2.0

import { auditProbeText } from './signer.ts'

/** What a test signature stands for: nothing, so every caller may have one. */
export const probePurpose = 'probe'

/**
 * What a message is for, read from the message itself, so that no caller can say otherwise (docs/formats/signing-proxy.md,
 * clause 4); undefined for whatever has no form of ours. A DSSE encoding is for its payload type, a checkpoint for
 * `checkpoint:<origin>`, a cosignature for `cosignature:<origin>`.
 */
export function purposeOf(message: Uint8Array): string | undefined {
  const bytes = Buffer.from(message.buffer, message.byteOffset, message.byteLength)
  const text = bytes.toString('utf8')
  if (!Buffer.from(text).equals(bytes)) return payloadTypeOf(bytes)
  if (text === auditProbeText) return probePurpose
  const cosigned = /^cosignature\/v1\ntime \d{1,15}\n/.exec(text)?.[0]
  if (cosigned !== undefined) return checkpointPurpose('cosignature', text.slice(cosigned.length))
  return payloadTypeOf(bytes) ?? checkpointPurpose('checkpoint', text)
}

/** With its slash and without a colon it is never taken for a purpose of another kind. */
const mediaType = /^(?=.{1,200}$)[A-Za-z0-9][A-Za-z0-9.+_-]*\/[A-Za-z0-9.+_-]+$/

function checkpointPurpose(kind: string, text: string): string | undefined {
  const form = /^([^\s+\p{Cc}]{1,200})\n(?:0|[1-9]\d{0,15})\n[A-Za-z0-9+/]{43}=\n(?:[^\n\p{Cc}]+\n)*$/u
  const origin = form.exec(text)?.[1]
  return origin === undefined ? undefined : `${kind}:${origin}`
}

/** "DSSEv1" SP LEN(type) SP type SP LEN(payload) SP payload: every length must be exactly what it says. */
function payloadTypeOf(bytes: Buffer): string | undefined {
  const typeBytes = /^DSSEv1 (0|[1-9]\d{0,3}) /.exec(bytes.toString('latin1', 0, 12))
  if (typeBytes === null) return undefined
  const typeAt = typeBytes[0].length
  const typeEnd = typeAt + Number(typeBytes[1])
  const payload = /^ (0|[1-9]\d{0,3}) /.exec(bytes.toString('latin1', typeEnd, typeEnd + 6))
  if (payload === null || typeEnd + payload[0].length + Number(payload[1]) !== bytes.length) return undefined
  const type = bytes.toString('latin1', typeAt, typeEnd)
  return mediaType.test(type) ? type : undefined
}
