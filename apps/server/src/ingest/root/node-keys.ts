// SPDX-License-Identifier: Apache-2.0

import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { type Clock, type Disk, type ErrorTable, errorsOf, type Json, parseRfc3339 } from '@sealwatch/base'
import { type DsseEnvelope, type Ed25519Signer, parseDsse, signerOf, verifyEd25519 } from '@sealwatch/keys'
import {
  createNoteSigner,
  logKeyVerifier,
  type NodeKey,
  type NoteSigner,
  type NoteVerifier,
  noteVerifier,
  openDelegation,
  sha256,
  signDelegation,
} from '@sealwatch/ledger'
import type { LogKey } from './log-key.ts'

export const nodeKeyErrors = {
  NODE_KEY_EXPIRED: {
    kind: 'unavailable',
    rule: 'checkpoints are signed by a node key that the deployment has certified for at most 24 hours',
    advice:
      'The signer has not answered for half a day: `sealwatch status` names it. Lines are kept and acknowledged meanwhile, and signing goes on by itself',
  },
  NODE_KEY_DAMAGED: {
    kind: 'fatal',
    rule: 'the file of the node key holds it with its delegation',
    advice:
      'Restore the file from a backup, or remove it when that is lost for good: a new key is certified at the next start, and checkpoints by the old one must then be removed by hand after `sealwatch audit fsck`',
  },
} as const satisfies ErrorTable
const nodeKeyError = errorsOf(nodeKeyErrors)

/** The keys this server signs checkpoints with: one at a time, for at most 24 hours, each certified by the log key. */
export type NodeKeys = {
  /** Signs under an origin as of now. Throws NODE_KEY_EXPIRED. */
  signerFor(origin: string): () => NoteSigner
  /** Earlier keys, whose checkpoints may still lie on the disk. */
  knownFor(origin: string): readonly NoteVerifier[]
  readonly publicKey: Uint8Array
  readonly delegation: DsseEnvelope
  readonly validUntil: string
  /** Half its life is over, or the clock stands before it: time for the next one. */
  isDue(): boolean
  /**
   * Draws and certifies the next key and keeps both on the disk. `log` brings the delegation into the root ledger; from
   * then on the new key signs. Throws what the signer throws, and the old key goes on.
   */
  renew(log: (delegation: DsseEnvelope) => Promise<void>, signal: AbortSignal): Promise<void>
  /** Every checkpoint on the disk is signed by the key of now: earlier ones need not be known any more. */
  forgetEarlier(): Promise<void>
}

/** Private key as PKCS#8 PEM; earlier public keys raw, in hex. */
type Stored = { readonly private_key: string; readonly delegation: DsseEnvelope; readonly earlier: readonly string[] }
type Current = { readonly stored: Stored; readonly signer: Ed25519Signer; readonly certified: NodeKey }

const earlierMax = 64

/**
 * Id of the deployment's signer by the newest delegation; undefined before the first one. The signer is the first of
 * those that sign one (log-key.ts). Throws NODE_KEY_DAMAGED.
 */
export async function delegatorIn(path: string, disk: Disk): Promise<string | undefined> {
  const found = await disk.read(path)
  if (found === undefined) return undefined
  const attempted = `reading who signed the delegation in ${path}`
  try {
    const { delegation } = JSON.parse(Buffer.from(found).toString('utf8')) as { readonly delegation?: Json }
    return parseDsse(delegation, attempted).signatures[0]?.keyid
  } catch (cause) {
    throw nodeKeyError('NODE_KEY_DAMAGED', { attempted, cause })
  }
}

export async function openNodeKeys(options: {
  readonly path: string
  /** Of the root ledger. */
  readonly origin: string
  readonly logKey: LogKey
  readonly clock: Clock
  readonly disk: Disk
  readonly signal: AbortSignal
}): Promise<NodeKeys> {
  const { path, origin, logKey, clock, disk } = options
  const trusted = [logKeyVerifier(sha256, verifyEd25519, noteVerifier(sha256, origin, logKey.publicKey))]

  function load(stored: Stored): Current {
    const certified = openDelegation(stored.delegation as unknown as Json, trusted, `reading ${path}`)
    return { stored, signer: signerOf(createPrivateKey(stored.private_key)), certified }
  }

  async function next(earlier: readonly string[], signal: AbortSignal): Promise<Current> {
    const { privateKey } = generateKeyPairSync('ed25519')
    const { publicKey } = signerOf(privateKey)
    const fromNs = clock.nowNs()
    const delegation = await signDelegation({ origin, publicKey, fromNs }, logKey.dsseSigners, signal)
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
    const stored = { private_key: pem, delegation, earlier: earlier.slice(-earlierMax) }
    const made = load(stored)
    await disk.replace(path, JSON.stringify(stored), 0o600)
    return made
  }

  const withCurrent = ({ stored, certified }: Current) => [...stored.earlier, certified.publicKey.toHex()]
  const found = await disk.read(path)
  let current: Current
  if (found === undefined) current = await next([], options.signal)
  else {
    try {
      current = load(JSON.parse(Buffer.from(found).toString('utf8')) as Stored)
    } catch (cause) {
      throw nodeKeyError('NODE_KEY_DAMAGED', { attempted: `reading ${path}`, cause })
    }
    // A signer that is new to this deployment vouches from the start.
    if (isOver(current) || !isByAll(current)) current = await next(withCurrent(current), options.signal)
  }

  function isByAll({ stored }: Current): boolean {
    const by = new Set(stored.delegation.signatures.map(({ keyid }) => keyid))
    return logKey.dsseSigners.every(({ keyid }) => by.has(keyid))
  }

  function isOver({ certified }: Current): boolean {
    return clock.nowNs() >= (parseRfc3339(certified.validUntil) as bigint)
  }

  return {
    signerFor: (name) => () => {
      if (isOver(current)) {
        const received = `a key valid until ${current.certified.validUntil}`
        throw nodeKeyError('NODE_KEY_EXPIRED', { attempted: `signing a checkpoint of ${name}`, received })
      }
      return createNoteSigner(name, current.signer)
    },
    knownFor: (name) => current.stored.earlier.map((key) => noteVerifier(sha256, name, Uint8Array.fromHex(key))),
    get publicKey() {
      return current.certified.publicKey
    },
    get delegation() {
      return current.stored.delegation
    },
    get validUntil() {
      return current.certified.validUntil
    },
    isDue: () => {
      const { validFrom, validUntil } = current.certified
      const [from, until] = [validFrom, validUntil].map((time) => parseRfc3339(time)) as [bigint, bigint]
      const now = clock.nowNs()
      return now < from || now >= (from + until) / 2n
    },
    renew: async (log, signal) => {
      const renewed = await next(withCurrent(current), signal)
      await log(renewed.stored.delegation)
      current = renewed
    },
    forgetEarlier: async () => {
      if (current.stored.earlier.length === 0) return
      const stored = { ...current.stored, earlier: [] }
      await disk.replace(path, JSON.stringify(stored), 0o600)
      current = { ...current, stored }
    },
  }
}
