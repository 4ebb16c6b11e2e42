// SPDX-License-Identifier: Apache-2.0
// DSSE 1.0 (github.com/secure-systems-lab/dsse). No node: imports: a browser verifies envelopes with the same code.

import { decodeBase64 } from '@sealwatch/base/base64'
import { type ErrorTable, errorsOf } from '@sealwatch/base/errors'
import type { Json, JsonObject } from '@sealwatch/base/json'

export const dsseErrors = {
  DSSE_MALFORMED: {
    kind: 'invalid',
    rule: 'an envelope holds payload, payloadType and signatures, and nothing else (DSSE 1.0, envelope)',
    advice: 'Take the envelope from its source again, byte for byte',
  },
  DSSE_UNVERIFIED: {
    kind: 'unverified',
    rule: 'an envelope counts when a trusted key has signed its type and payload (DSSE 1.0, protocol)',
    advice: 'Check that the trusted key is the right one; an envelope that stays unverified was altered',
  },
} as const satisfies ErrorTable
const dsseError = errorsOf(dsseErrors)

export type DsseSignature = { readonly keyid: string; readonly sig: string }
/** `payload` and each `sig` in base64, standard alphabet with padding. */
export type DsseEnvelope = {
  readonly payload: string
  readonly payloadType: string
  readonly signatures: readonly DsseSignature[]
}
/** `keyid` finds the signatures to try; it says nothing about who made them. */
export type DsseVerifier = {
  readonly keyid: string
  readonly verify: (message: Uint8Array, signature: Uint8Array) => boolean
}

/** `sign` gets the pre-authentication encoding. */
export type DsseSigner = {
  readonly keyid: string
  readonly sign: (message: Uint8Array, signal: AbortSignal) => Promise<Uint8Array>
}

const payloadCharsMax = 1_400_000
const signaturesMax = 16
const signatureCharsMax = 8192
const utf8 = new TextEncoder()

/** What is signed: "DSSEv1" SP LEN(type) SP type SP LEN(payload) SP payload, lengths in decimal bytes. */
export function preAuthEncoding(payloadType: string, payload: Uint8Array): Uint8Array {
  const type = utf8.encode(payloadType)
  const prefix = utf8.encode(`DSSEv1 ${type.length} ${payloadType} ${payload.length} `)
  const encoded = new Uint8Array(prefix.length + payload.length)
  encoded.set(prefix)
  encoded.set(payload, prefix.length)
  return encoded
}

/** What a signature beside a payload is over: the payload itself, or, as in an envelope, its type, too. */
export const signedBytes = (form: 'detached' | 'dsse', payloadType: string, payload: Uint8Array): Uint8Array =>
  form === 'dsse' ? preAuthEncoding(payloadType, payload) : payload

export async function signDsse(
  payloadType: string,
  payload: Uint8Array,
  signers: readonly DsseSigner[],
  signal: AbortSignal,
): Promise<DsseEnvelope> {
  const message = preAuthEncoding(payloadType, payload)
  const signatures = await Promise.all(
    signers.map(async ({ keyid, sign }) => ({ keyid, sig: (await sign(message, signal)).toBase64() })),
  )
  return { payload: payload.toBase64(), payloadType, signatures }
}

export function parseDsse(value: Json | undefined, attempted: string): DsseEnvelope {
  const wrong = (received: string) => dsseError('DSSE_MALFORMED', { attempted, received })
  if (!isObject(value) || !hasOnly(value, ['payload', 'payloadType', 'signatures'])) throw wrong(JSON.stringify(value))
  const { payload, payloadType, signatures } = value
  if (typeof payload !== 'string' || payload.length > payloadCharsMax || decodeBase64(payload) === undefined)
    throw wrong('a payload that is not base64')
  if (typeof payloadType !== 'string' || payloadType === '' || payloadType.length > 256)
    throw wrong('a payloadType that is no text of 1 to 256 characters')
  if (!Array.isArray(signatures) || signatures.length === 0 || signatures.length > signaturesMax)
    throw wrong(`signatures that are no list of 1 to ${signaturesMax}`)
  for (const signature of signatures as readonly Json[]) {
    const isFormed =
      isObject(signature) &&
      hasOnly(signature, ['keyid', 'sig']) &&
      typeof signature.keyid === 'string' &&
      signature.keyid.length <= 256 &&
      typeof signature.sig === 'string' &&
      signature.sig.length <= signatureCharsMax &&
      decodeBase64(signature.sig) !== undefined
    if (!isFormed) throw wrong(`the signature ${JSON.stringify(signature)}`)
  }
  return value as unknown as DsseEnvelope
}

/**
 * The payload of an envelope that at least one of `trusted` has signed under `payloadType`, with the key ids of all of
 * them that have. Signatures by other keys, and such as do not hold, are passed over (DSSE 1.0, protocol).
 */
export function openDsse(
  envelope: DsseEnvelope,
  payloadType: string,
  trusted: readonly DsseVerifier[],
  attempted: string,
): { payload: Uint8Array; signers: readonly string[] } {
  if (envelope.payloadType !== payloadType)
    throw dsseError('DSSE_UNVERIFIED', { attempted, received: `the type ${envelope.payloadType}` })
  const payload = decodeBase64(envelope.payload) as Uint8Array
  const message = preAuthEncoding(payloadType, payload)
  const signers = trusted
    .filter(({ keyid, verify }) =>
      envelope.signatures.some((one) => one.keyid === keyid && verify(message, decodeBase64(one.sig) as Uint8Array)),
    )
    .map(({ keyid }) => keyid)
  if (signers.length === 0) {
    const received = `signatures by ${envelope.signatures.map(({ keyid }) => keyid).join(', ')}`
    throw dsseError('DSSE_UNVERIFIED', { attempted, received })
  }
  return { payload, signers }
}

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const hasOnly = (object: JsonObject, members: readonly string[]) =>
  Object.keys(object).length === members.length && members.every((member) => Object.hasOwn(object, member))
