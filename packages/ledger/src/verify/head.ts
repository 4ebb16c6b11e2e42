// SPDX-License-Identifier: Apache-2.0

import { errorsOf } from '@sealwatch/base/errors'
import { canonicalize } from '@sealwatch/base/json'
import { chainErrors } from './chain-errors.ts'
import type { Epoch } from './epoch.ts'
import type { Body, Envelope, Head, KeyRecord, ParsedLine } from './line.ts'
import { equal, type Sha256 } from './merkle.ts'
import {
  type Note,
  type NoteVerifier,
  noteErrors,
  noteVerifier,
  parseNote,
  signersOf,
  type VerifyEd25519,
} from './note.ts'

const chainError = errorsOf(chainErrors)
const noteError = errorsOf(noteErrors)

export const hostKeyName = (keyId: string): string => `sealwatch.dev/key/${keyId}`
export const epochKeyName = (chain: string, epoch: number): string => `sealwatch.dev/epoch/${chain}/${epoch}`

const base64 = (hex: string) => Uint8Array.fromHex(hex).toBase64()
const utf8 = new TextEncoder()

/** The text that a head of version 1 signs: origin, its number, base64 leaf hash of the line before (batch-head.md, 1). */
export function headText(chain: string, seq: number, prev: string): string {
  return `sealwatch.dev/chain/${chain}\n${seq}\n${base64(prev)}\n`
}

/** In version 2 the text covers all of the head's own line, too: its epoch, time and account (batch-head.md, 2). */
export function headTextV2(
  sha256: Sha256,
  { chain, seq, prev, epoch, time }: Omit<Envelope, 'v'>,
  sensor: Head['sensor'],
): string {
  const account = sensor === undefined ? '-' : sha256(utf8.encode(canonicalize(sensor))).toBase64()
  return `sealwatch.dev/chain/v2/${chain}\n${seq}\n${base64(prev)}\n${epoch}\n${time}\n${account}\n`
}

type HeadLine = Envelope & Extract<Body, { head: unknown }>
/** A head and the note in it, taken apart once. Nothing of it is verified. */
export type ReadHead = { readonly parsed: ParsedLine; readonly line: HeadLine; readonly note: Note }

/** Throws HEAD_UNVERIFIED for a line of another kind, or NOTE_MALFORMED. */
export function readHead(parsed: ParsedLine, attempted: string): ReadHead {
  const { line } = parsed
  if (!('head' in line)) throw chainError('HEAD_UNVERIFIED', { attempted, received: 'a line that is not a head' })
  return { parsed, line, note: parseNote(line.head.note, attempted) }
}

const textOf = (sha256: Sha256, line: HeadLine) =>
  line.v === 1 ? headText(line.chain, line.seq, line.prev) : headTextV2(sha256, line, line.head.sensor)

export const hostVerifier = (sha256: Sha256, keyId: string, publicKey: Uint8Array): NoteVerifier =>
  noteVerifier(sha256, hostKeyName(keyId), publicKey)

/** The key id of the host that a head claims to be signed by; the key of an epoch, where there is one, signs second. */
export function headKeyId({ signatures }: Note, attempted: string): string {
  const [host, epoch, ...more] = signatures
  const match = /^sealwatch\.dev\/key\/([0-9a-f]{64})$/.exec(host?.name ?? '')
  const isEpoch = epoch === undefined || /^sealwatch\.dev\/epoch\/[0-9a-f]{32}\/\d+$/.test(epoch.name)
  if (match === null || !isEpoch || more.length > 0) {
    throw noteError('NOTE_MALFORMED', {
      attempted,
      received: [host, epoch, ...more].map((signature) => signature?.name).join(', '),
      advice: 'A head carries one signature by sealwatch.dev/key/<key id>, and in version 2 one by its epoch',
    })
  }
  return match[1] as string
}

/**
 * Throws HEAD_UNVERIFIED or a note error unless the head is signed by `key` over its own place in the chain, and, in
 * version 2, by the key of `epoch`: that in which the head stands, as far as the chain was seen to name its key.
 */
export function verifyHead(
  sha256: Sha256,
  verify: VerifyEd25519,
  { line, note }: ReadHead,
  key: KeyRecord | undefined,
  attempted: string,
  epoch?: Epoch,
): void {
  const wrong = (received: string) => chainError('HEAD_UNVERIFIED', { attempted, received })
  const { text, signatures } = note
  const epochName = line.v === 1 ? undefined : epochKeyName(line.chain, line.epoch)
  if (signatures[1]?.name !== epochName || signatures.length > 2)
    throw wrong(`signatures by ${signatures.map(({ name }) => name).join(', ')}`)
  const host = key && hostVerifier(sha256, key.key_id, Uint8Array.fromHex(key.public_key))
  const own =
    epochName !== undefined && epoch?.key ? noteVerifier(sha256, epochName, Uint8Array.fromHex(epoch.key)) : []
  const due = [host ?? [], own].flat()
  const signers = signersOf(note, due, verify, attempted)
  if (signers.length !== due.length) throw wrong(`no signature by ${due.map(({ name }) => name).join(' and ')}`)
  if (text !== textOf(sha256, line)) throw wrong(text)
}

/** Throws unless the record's key id is the SHA-256 of its key. */
export function checkKeyRecord(sha256: Sha256, key: KeyRecord, attempted: string): KeyRecord {
  if (!equal(sha256(Uint8Array.fromHex(key.public_key)), Uint8Array.fromHex(key.key_id))) {
    throw chainError('HEAD_UNVERIFIED', { attempted, received: `a key whose id ${key.key_id} is not its hash` })
  }
  return key
}
