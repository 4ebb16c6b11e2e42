// SPDX-License-Identifier: Apache-2.0
// What roots and manifests share: canonical JSON that is signed whole, and the form of its members. No node: imports.

import { decodeBase64 } from '@sealwatch/base/base64'
import { isSealwatchError } from '@sealwatch/base/errors'
import { canonicalize, type Json, type JsonObject, parseCanonical } from '@sealwatch/base/json'
import { type DsseEnvelope, preAuthEncoding } from '../dsse.ts'
import type { ManifestAlgorithm } from './public-keys.ts'

/** What a program brings along: a browser has other means than node. */
export type ManifestCrypto = {
  readonly sha256: (bytes: Uint8Array) => Uint8Array
  /** False for a signature that does not hold; `spki` has passed `identityOf`. */
  readonly verify: (
    algorithm: ManifestAlgorithm,
    spki: Uint8Array,
    message: Uint8Array,
    signature: Uint8Array,
  ) => boolean
}

/** An HSM or a KMS is asked to sign the whole message, and takes no more of it (AWS KMS, MessageType RAW). */
export const signedBytesMax = 4096
export const timeForm = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/
export const hexForm = /^[0-9a-f]{64}$/
/** What people read before they sign: nothing that a terminal could show as something else. */
export const wordsForm = /^[!-~](?:[ -~]{0,198}[!-~])?$/

const utf8 = new TextEncoder()

export const encodeSigned = (value: object): Uint8Array => utf8.encode(canonicalize(value))

export type SignedObject = { readonly object: JsonObject; readonly message: Uint8Array }

/** The object that is signed. `wrong` makes the error of the room. */
export function readSigned(
  payloadType: string,
  payload: Uint8Array,
  attempted: string,
  wrong: (received: string) => Error,
): SignedObject {
  const message = preAuthEncoding(payloadType, payload)
  if (message.length > signedBytesMax)
    throw wrong(`${message.length} bytes to sign, of which a KMS takes ${signedBytesMax}: fewer keys, or smaller ones`)
  let value: Json
  try {
    value = parseCanonical(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(payload), attempted)
  } catch (cause) {
    throw wrong(isSealwatchError(cause) ? cause.message : 'bytes that are no UTF-8')
  }
  if (!isObject(value)) throw wrong('no object')
  return { object: value, message }
}

/** Of an envelope that claims to be of the type. */
export function payloadOf(envelope: DsseEnvelope, payloadType: string, wrong: (received: string) => Error): Uint8Array {
  if (envelope.payloadType !== payloadType) throw wrong(`the type ${envelope.payloadType}`)
  const payload = decodeBase64(envelope.payload)
  if (payload === undefined) throw wrong('a payload that is not base64')
  return payload
}

export const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export const hasOnly = (object: JsonObject, members: readonly string[]): boolean =>
  Object.keys(object).length === members.length && members.every((member) => Object.hasOwn(object, member))

export const isText = (value: Json | undefined, form: RegExp): value is string =>
  typeof value === 'string' && form.test(value)
