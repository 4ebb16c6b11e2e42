// SPDX-License-Identifier: Apache-2.0

import { createHmac, createSecretKey } from 'node:crypto'
import { auditKeyId } from './algorithms.ts'
import { signerError } from './errors.ts'
import { mockKey } from './mock.ts'
import { hmacKeyIdText } from './signer.ts'

/** Keys of documentation, of CI and of specifications, which anybody can sign with. */
const publishedTexts = [
  'test-ci-signing-key',
  'mock-audit-signing-key',
  'test-signing-key',
  'test-key',
  'test',
  'mock',
  'secret',
  'password',
  'changeme',
]
/** RFC 8032, 7.1: the public keys of its examples. */
const publishedEd25519 = [
  'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
  '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
  'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
  '278117fc144c72340f67d0f2316e8386ceffbf2b2428c9c51fef7c597f1d426e',
  'ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf',
]
const telling = /(^|[^a-z0-9])(test|mock|dummy|example|sample|changeme)([^a-z0-9]|$)/i
const secretBytesMin = 32

/** Without case and separators; a text that repeats itself is what it repeats. */
function coreOf(text: string): string {
  const letters = text.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, '')
  for (let period = 1; period <= letters.length * 0.75; period += 1)
    if (letters.slice(period) === letters.slice(0, -period)) return letters.slice(0, period)
  return letters
}

const publishedCores: ReadonlySet<string> = new Set(publishedTexts.map(coreOf))
/** Long enough that no random text has one in it. */
const publishedParts = [...publishedCores].filter((core) => core.length >= 7)
const orders = ['0123456789abcdefghijklmnopqrstuvwxyz', 'qwertyuiopasdfghjklzxcvbnm', '1234567890']
const surprisesMin = 16

/** Letters that neither repeat the one before them nor stand beside it in the alphabet, in a row of digits or of keys. */
function surprisesIn(core: string): number {
  const isStep = (from: string, to: string) =>
    from === to ||
    orders.some((order) => order.includes(from) && Math.abs(order.indexOf(from) - order.indexOf(to)) === 1)
  return [...core].filter((letter, at, all) => at === 0 || !isStep(all[at - 1] as string, letter)).length
}

/** Refuses, where production is at stake, a secret that is published, tells of a test, or can be guessed. */
export function refuseKnownSecret(text: string, attempted: string): void {
  const core = coreOf(text)
  const isShort = Buffer.byteLength(text) < secretBytesMin || new Set(text).size < 8
  const received =
    publishedCores.has(core) || publishedParts.some((part) => core.includes(part))
      ? 'a published test key'
      : telling.test(text)
        ? 'a key that calls itself a test'
        : isShort || surprisesIn(core) < surprisesMin
          ? 'a secret that can be guessed: it must have 32 bytes or more, as `openssl rand -hex 32` gives'
          : undefined
  if (received !== undefined) throw signerError('SIGNER_FORBIDDEN', { attempted, received })
}

/** The same for what a keeper, be it a proxy or an HSM, says is its key: by the name of the key itself. */
export function refuseKnownKey(keyId: string, attempted: string): void {
  known ??= knownKeyIds()
  if (known.has(keyId)) throw signerError('SIGNER_FORBIDDEN', { attempted, received: 'a published test key' })
}

let known: ReadonlySet<string> | undefined

function knownKeyIds(): ReadonlySet<string> {
  const ofTexts = publishedTexts.flatMap((text) => {
    const secret = createSecretKey(Buffer.from(text))
    return [createHmac('sha256', secret).update(hmacKeyIdText).digest('hex'), mockKey('ed25519', text).keyId]
  })
  const spki = (raw: string) => Buffer.from(`302a300506032b6570032100${raw}`, 'hex')
  return new Set([...ofTexts, ...publishedEd25519.map((raw) => auditKeyId(spki(raw)))])
}
