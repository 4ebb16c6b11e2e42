// SPDX-License-Identifier: Apache-2.0

import { renameSync, writeFileSync } from 'node:fs'
import { isSealwatchError } from '@sealwatch/base'
import type { Json } from '@sealwatch/base/json'
import { type DsseEnvelope, manifestType, parseDsse, trustRootType } from '@sealwatch/keys'
import { cliError, fileError } from '../errors.ts'
import { readSmallFile } from '../small-file.ts'

/** Sixteen signatures of the longest kind, and a payload. */
const fileBytesMax = 256 * 1024

/** A root or a manifest in a file, which nobody may have signed yet. Throws CLI_MANIFEST_FILE. */
export function readEnvelope(path: string): DsseEnvelope {
  const attempted = `reading ${path}`
  try {
    const value = JSON.parse(readSmallFile(path, fileBytesMax)) as Json
    const envelope = isUnsigned(value) ? unsigned(value, attempted) : parseDsse(value, attempted)
    if (![trustRootType, manifestType].includes(envelope.payloadType))
      throw cliError('CLI_MANIFEST_FILE', { attempted, received: `the type ${envelope.payloadType}` })
    return envelope
  } catch (cause) {
    if (isSealwatchError(cause, 'CLI_MANIFEST_FILE')) throw cause
    const received = isSealwatchError(cause) ? cause.received : (cause as NodeJS.ErrnoException).code
    throw cliError('CLI_MANIFEST_FILE', { attempted, received: received ?? 'no JSON', cause })
  }
}

const isUnsigned = (value: Json): value is { readonly [member: string]: Json; readonly signatures: readonly [] } =>
  typeof value === 'object' && value !== null && 'signatures' in value && String(value.signatures) === ''

/** DSSE has no envelope without a signature: with one in its place, it is read by the same rules. */
function unsigned(value: { readonly [member: string]: Json }, attempted: string): DsseEnvelope {
  const { payload, payloadType } = parseDsse({ ...value, signatures: [{ keyid: '', sig: '' }] }, attempted)
  return { payload, payloadType, signatures: [] }
}

/** `replace`: what is there stays whole until the new one is, for it may hold the signatures of others. */
export function writeEnvelope(path: string, envelope: DsseEnvelope, how: 'new' | 'replace'): void {
  const text = `${JSON.stringify(envelope)}\n`
  try {
    if (how === 'new') writeFileSync(path, text, { flag: 'wx' })
    else {
      writeFileSync(`${path}.new`, text, { flush: true })
      renameSync(`${path}.new`, path)
    }
  } catch (cause) {
    throw fileError(path, cause)
  }
}

export const isRoot = ({ payloadType }: DsseEnvelope): boolean => payloadType === trustRootType
