// SPDX-License-Identifier: Apache-2.0

import { SealwatchError } from '@sealwatch/base/errors'
import { type Json, type JsonObject, parseCanonical } from '@sealwatch/base/json'
import { type DsseVerifier, openDsse, parseDsse } from '@sealwatch/keys/dsse'

type Fail = (received: string | undefined, cause?: SealwatchError) => SealwatchError

/**
 * The payload of an envelope that one of `trusted` has signed, which is a canonical JSON object with exactly `members`,
 * `v` being 1. Throws what `unverified` and `malformed` make.
 */
export function openPayload(
  envelope: Json | undefined,
  form: {
    readonly type: string
    /** In the order of their names. */
    readonly members: readonly string[]
    readonly attempted: string
    readonly unverified: Fail
    readonly malformed: Fail
  },
  trusted: readonly DsseVerifier[],
): { readonly fields: JsonObject; readonly payload: Uint8Array; readonly signers: readonly string[] } {
  const { type, members, attempted, unverified, malformed } = form
  const parsed = parseDsse(envelope, attempted)
  let opened: ReturnType<typeof openDsse>
  try {
    opened = openDsse(parsed, type, trusted, attempted)
  } catch (cause) {
    if (!(cause instanceof SealwatchError)) throw cause
    throw unverified(cause.received, cause)
  }
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(opened.payload)
  } catch {
    throw malformed('a payload that is not UTF-8')
  }
  const fields = parseCanonical(text, attempted)
  const isFormed = isObject(fields) && fields.v === 1 && Object.keys(fields).sort().join() === members.join()
  if (!isFormed) throw malformed(text)
  return { ...opened, fields }
}

const isObject = (value: Json): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
