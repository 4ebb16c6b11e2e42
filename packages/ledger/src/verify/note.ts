// SPDX-License-Identifier: Apache-2.0

import { decodeBase64 } from '@sealwatch/base/base64'
import { type ErrorTable, errorsOf } from '@sealwatch/base/errors'
import type { Sha256 } from './merkle.ts'

export const noteErrors = {
  NOTE_MALFORMED: {
    kind: 'invalid',
    rule: 'a signed note is a text, an empty line and signature lines (C2SP signed-note)',
    advice: 'Take the note from its source again, byte for byte',
  },
  NOTE_UNVERIFIED: {
    kind: 'unverified',
    rule: 'a note carries a valid signature by a key that is trusted for it',
    advice: 'Check that the trusted key is the right one; a note that stays unverified was altered',
  },
  VKEY_MALFORMED: {
    kind: 'invalid',
    rule: 'a verifier key is <name>+<8 hex>+<base64>, for logs of type 0x01, for witnesses of type 0x04 (C2SP signed-note)',
    advice: 'Copy the whole key, as `sealwatch status` shows it',
  },
} as const satisfies ErrorTable
const noteError = errorsOf(noteErrors)

export type VerifyEd25519 = (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean

/** A key that notes are checked against; `id` is the first four bytes of SHA-256(name || 0x0A || 0x01 || key). */
export type NoteVerifier = { readonly name: string; readonly id: Uint8Array; readonly publicKey: Uint8Array }
export type NoteSignature = { readonly name: string; readonly id: Uint8Array; readonly signature: Uint8Array }
/** `text` ends in a newline and is what was signed. */
export type Note = { readonly text: string; readonly signatures: readonly NoteSignature[] }

/** The specification wants room for 16 signatures, of at most 5 kB each where they resist quantum computers. */
const noteCharsMax = 131_072
const signaturesMax = 64
const utf8 = new TextEncoder()

/** Both carry a raw Ed25519 key of 32 bytes: one signs a note's text, one the text with a time (C2SP tlog-cosignature). */
export const signatureTypes = { note: 0x01, cosignature: 0x04 } as const
type SignatureType = (typeof signatureTypes)[keyof typeof signatureTypes]

export function noteVerifier(
  sha256: Sha256,
  name: string,
  publicKey: Uint8Array,
  type: SignatureType = signatureTypes.note,
): NoteVerifier {
  const prefix = utf8.encode(`${name}\n`)
  const preimage = new Uint8Array(prefix.length + 1 + publicKey.length)
  preimage.set(prefix)
  preimage[prefix.length] = type
  preimage.set(publicKey, prefix.length + 1)
  return { name, id: sha256(preimage).slice(0, 4), publicKey }
}

export function formatVkey(verifier: NoteVerifier, type: SignatureType = signatureTypes.note): string {
  const { name, id, publicKey } = verifier
  return `${name}+${id.toHex()}+${Uint8Array.of(type, ...publicKey).toBase64()}`
}

export function parseVkey(sha256: Sha256, vkey: string, type: SignatureType = signatureTypes.note): NoteVerifier {
  const wrong = () => noteError('VKEY_MALFORMED', { attempted: 'reading a verifier key', received: vkey })
  const match = /^([^\s\x85+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)$/.exec(vkey)
  const key = match === null ? undefined : decodeBase64(match[3] as string)
  if (match === null || key?.[0] !== type || key.length !== 33) throw wrong()
  const verifier = noteVerifier(sha256, match[1] as string, key.slice(1), type)
  if (verifier.id.toHex() !== match[2]) throw wrong()
  return verifier
}

export function parseNote(note: string, attempted: string): Note {
  const wrong = (received: string) => noteError('NOTE_MALFORMED', { attempted, received })
  if (note.length > noteCharsMax) throw wrong(`${note.length} characters, more than ${noteCharsMax}`)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the clause forbids exactly these
  if (!note.isWellFormed() || /[\x00-\x09\x0b-\x1f]/.test(note)) throw wrong('control characters or broken UTF-16')
  const split = note.lastIndexOf('\n\n')
  if (split < 0 || !note.endsWith('\n')) throw wrong(note)
  return { text: note.slice(0, split + 1), signatures: parseSignatures(note.slice(split + 2), attempted) }
}

/** Parses signature lines, each ended by a newline. */
export function parseSignatures(lines: string, attempted: string): NoteSignature[] {
  const wrong = (received: string) => noteError('NOTE_MALFORMED', { attempted, received })
  if (!lines.endsWith('\n')) throw wrong(lines)
  const signatures = lines
    .slice(0, -1)
    .split('\n')
    .map((line) => {
      const match = /^— ([^\s\x85+]+) ([A-Za-z0-9+/]+=*)$/.exec(line)
      const blob = match === null ? undefined : decodeBase64(match[2] as string)
      if (match === null || blob === undefined || blob.length < 5) throw wrong(line)
      return { name: match[1] as string, id: blob.slice(0, 4), signature: blob.slice(4) }
    })
  if (signatures.length > signaturesMax) throw wrong(`${signatures.length} signatures, more than ${signaturesMax}`)
  return signatures
}

export function formatSignature({ name, id, signature }: NoteSignature): string {
  return `— ${name} ${Uint8Array.of(...id, ...signature).toBase64()}\n`
}

/** The text of a note, with its signersOf. */
export function openNote(
  note: string,
  trusted: readonly NoteVerifier[],
  verify: VerifyEd25519,
  attempted: string,
): { text: string; signers: readonly NoteVerifier[] } {
  const parsed = parseNote(note, attempted)
  return { text: parsed.text, signers: signersOf(parsed, trusted, verify, attempted) }
}

/**
 * Returns the verifiers of `trusted` whose valid signature the note carries, at least one, or throws. Signatures by
 * keys that are not trusted are passed over; one by a trusted key that does not hold condemns the note.
 */
export function signersOf(
  { text, signatures }: Note,
  trusted: readonly NoteVerifier[],
  verify: VerifyEd25519,
  attempted: string,
): readonly NoteVerifier[] {
  const message = utf8.encode(text)
  const signers: NoteVerifier[] = []
  for (const { name, id, signature } of signatures) {
    const verifier = trusted.find((key) => isBy(key, { name, id }))
    if (verifier === undefined || signers.includes(verifier)) continue
    if (!verify(verifier.publicKey, message, signature)) {
      throw noteError('NOTE_UNVERIFIED', { attempted, received: `a wrong signature by ${name}` })
    }
    signers.push(verifier)
  }
  if (signers.length === 0) {
    throw noteError('NOTE_UNVERIFIED', {
      attempted,
      received: `signatures by ${signatures.map((s) => s.name).join(', ')}`,
    })
  }
  return signers
}

/** Is a signature made under that name and id? Whether it holds is another question. */
export const isBy = (key: NoteVerifier, { name, id }: Pick<NoteSignature, 'name' | 'id'>): boolean =>
  key.name === name && key.id.every((byte, i) => byte === id[i])
