// SPDX-License-Identifier: Apache-2.0

import { epochKeyName, hostKeyName } from './head.ts'
import { type Line, type ParsedLine, parseLine } from './line.ts'
import type { Sha256 } from './merkle.ts'
import { parseNote, type VerifyEd25519 } from './note.ts'
import type { BlockRead, BlockReader } from './read-block.ts'

/** A public key (hex) under the name by which heads call it. */
export type NamedKey = { readonly name: string; readonly publicKey: string }

/** The keys that a line names, of hosts and of epochs. */
function keysNamedIn(line: Line): readonly NamedKey[] {
  if ('key' in line) return [{ name: hostKeyName(line.key.key_id), publicKey: line.key.public_key }]
  if ('close' in line) return [{ name: epochKeyName(line.chain, line.epoch + 1), publicKey: line.close.next_key }]
  if (!('anchor' in line) || line.anchor.epoch_key === undefined) return []
  return [{ name: epochKeyName(line.chain, line.epoch), publicKey: line.anchor.epoch_key }]
}

/** Names a signature with all that it is over: what holds once of the three holds always, whoever they belong to. */
export const signatureId = (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): string =>
  `${publicKey.toHex()} ${signature.toHex()} ${message.toHex()}`

/** Of several chains, of which each ends an epoch now and then. */
const keysMax = 65_536
const utf8 = new TextEncoder()

/**
 * Verifies the signatures of heads ahead of whoever has to judge them, under the keys that it has heard of. It decides
 * nothing: which key a head needs, and whether its text is the right one, is the judge's to say.
 */
export function createHeadReader(sha256: Sha256, verify: VerifyEd25519) {
  const keys = new Map<string, Uint8Array>()
  function learn({ name, publicKey }: NamedKey): void {
    if (keys.size === keysMax) keys.delete(keys.keys().next().value as string)
    keys.set(name, Uint8Array.fromHex(publicKey))
  }
  /** The ids of the signatures that hold. */
  function read({ block, others }: BlockRead): string[] {
    const holding: string[] = []
    for (let i = 0; i < others.length; i += 2) {
      const line = lineIn(block.subarray(others[i], others[i + 1]))
      if (line === undefined) continue
      keysNamedIn(line).forEach(learn)
      if ('head' in line) holding.push(...holdingIn(line.head.note))
    }
    return holding
  }
  return { learn, read }

  function lineIn(bytes: Uint8Array): Line | undefined {
    try {
      return parseLine(sha256, bytes, 'reading ahead', noHash).line
    } catch {
      // Whoever comes to it says what is wrong with it.
      return undefined
    }
  }

  function holdingIn(note: string): string[] {
    try {
      const { text, signatures } = parseNote(note, 'reading ahead')
      // More of them no head has (headKeyId), and each takes its time.
      if (signatures.length > 2) return []
      const message = utf8.encode(text)
      return signatures.flatMap(({ name, signature }) => {
        const key = keys.get(name)
        return key !== undefined && verify(key, message, signature) ? [signatureId(key, message, signature)] : []
      })
    } catch {
      return []
    }
  }
}

/** `verify`, but that it takes the word of whoever read the block ahead. */
export function verifierBehind(verify: VerifyEd25519) {
  let holding: ReadonlySet<string> = new Set()
  return {
    verify: (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean =>
      (holding.size > 0 && holding.has(signatureId(publicKey, message, signature))) ||
      verify(publicKey, message, signature),
    /** The block that is judged from now on. */
    begin(read: BlockRead): void {
      holding = new Set(read.holding)
    },
  }
}

/** Tells whoever reads ahead of the keys that a line names. */
export function teach(reader: BlockReader | undefined, { kind, line }: ParsedLine): void {
  if (reader?.learn === undefined || kind === 'event') return
  for (const key of keysNamedIn(line)) reader.learn(key)
}

const noHash = new Uint8Array(32)
