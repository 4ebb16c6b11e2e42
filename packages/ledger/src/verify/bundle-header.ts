// SPDX-License-Identifier: Apache-2.0

import { SealwatchError } from '@sealwatch/base/errors'
import type { Json, JsonObject } from '@sealwatch/base/json'
import { parseRfc3339 } from '@sealwatch/base/time'
import type { DsseVerifier } from '@sealwatch/keys/dsse'
import { bundleError, hasOnly, isHashes, isObject, isTexts, parseRecord } from './bundle-records.ts'
import { type Checkpoint, parseCheckpoint } from './checkpoint.ts'
import { logKeyVerifier, type NodeKey, openCountersignature, openDelegation } from './delegation.ts'
import { type Line, parseLine } from './line.ts'
import { equal, leafHash, type Sha256, verifyInclusion } from './merkle.ts'
import { type NoteVerifier, noteVerifier, openNote, parseVkey, type VerifyEd25519 } from './note.ts'
import type { VerifyRsa } from './submission.ts'

/** What the header of a bundle proves before the first leaf is read. */
export type Header = {
  readonly tenant: string
  readonly checkpoint: Checkpoint
  /** The tenant's checkpoint as it was signed, and by which key. */
  readonly note: string
  readonly notedBy: NoteVerifier
  readonly root: Checkpoint
  /** The root checkpoint with all its signatures. */
  readonly rootNote: string
  /** Names of the keys that vouch for the checkpoints. */
  readonly signers: readonly string[]
  /** Undefined in a bundle of version 1, whose checkpoints are signed by the pinned keys themselves. */
  readonly node: Pick<NodeKey, 'validFrom' | 'validUntil'> | undefined
  readonly countersigned: { readonly time: string; readonly signers: readonly string[] } | undefined
}

export type HeaderChecks = {
  readonly sha256: Sha256
  readonly verify: VerifyEd25519
  /** Without it, rows that services signed by RSA count as not covered: browsers verify RSA in another way. */
  readonly verifyRsa?: VerifyRsa
  readonly trust: readonly string[]
  /** The deployment's signer, where the verifier knows it: it must then have signed delegation and checkpoint, too. */
  readonly auditSigner?: DsseVerifier
}

const keysMax = 16

export function readHeader(checks: HeaderChecks, bytes: Uint8Array, attempted: string): Header {
  const { bundle: header } = parseRecord(bytes, attempted)
  if (header?.v === 1) return readFirstVersion(checks, header, attempted)
  if (header?.v === 2) return readSecondVersion(checks, header, attempted)
  const received = header === undefined ? 'a file that does not begin with a bundle header' : `version ${header.v}`
  throw bundleError('BUNDLE_MALFORMED', { attempted, received })
}

/** A line of the root ledger and its way to the root checkpoint. */
type RootLeaf = { readonly index: number; readonly line: string; readonly proof: readonly string[] }

const isRootLeaf = (value: Json | undefined, more: readonly string[] = []): value is JsonObject & RootLeaf =>
  isObject(value) &&
  hasOnly(value, [...more, 'index', 'line', 'proof']) &&
  typeof value.line === 'string' &&
  Number.isSafeInteger(value.index) &&
  isHashes(value.proof)

/** bundle.md, 2.1 and 5: log key -> delegation -> node key -> both checkpoints. */
function readSecondVersion(checks: HeaderChecks, header: JsonObject, attempted: string): Header {
  const { sha256, verify, auditSigner } = checks
  const wrong = (received: string) => bundleError('BUNDLE_MALFORMED', { attempted, received })
  const { checkpoint, delegation, keys, root, tenant } = header
  const isFormed =
    hasOnly(header, ['checkpoint', 'delegation', 'keys', 'root', 'tenant', 'v']) &&
    typeof checkpoint === 'string' &&
    typeof tenant === 'string' &&
    isTexts(keys) &&
    keys.length <= keysMax &&
    isRootLeaf(delegation) &&
    isRootLeaf(root, ['checkpoint', 'countersignature']) &&
    typeof root.checkpoint === 'string'
  if (!isFormed) throw wrong('a header with a member of another form')
  const brought = keys.map((vkey) => parseVkey(sha256, vkey))
  const trusted = trustedOf(checks, brought)
  const judges = trusted.map((key) => logKeyVerifier(sha256, verify, key))
  const extra = auditSigner === undefined ? [] : [auditSigner]

  const delegating = parseLine(sha256, utf8.encode(delegation.line), attempted).line
  if (!('delegation' in delegating)) throw wrong('a root line that is no delegation')
  const envelope = delegating.delegation as unknown as Json
  const node = untrusted(attempted, () => openDelegation(envelope, judges, attempted))
  if (extra.length > 0) untrusted(attempted, () => openDelegation(envelope, extra, attempted))
  const vouching = trusted.filter((key, i) => key.name === node.origin && node.signers.includes(judges[i]?.keyid ?? ''))
  if (vouching.length === 0) {
    const received = `a delegation for ${node.origin} by keys of ${trusted.map(({ name }) => name).join(', ')}`
    throw bundleError('BUNDLE_UNTRUSTED', { attempted, received })
  }

  const signedByNode = (note: string, origin: string): Checkpoint => {
    const verifier = noteVerifier(sha256, origin, node.publicKey)
    const opened = untrusted(attempted, () => openNote(note, [verifier], verify, attempted))
    const parsed = parseCheckpoint(opened.text, attempted)
    if (parsed.origin !== origin) throw wrong(`a checkpoint of ${parsed.origin} where one of ${origin} is due`)
    return parsed
  }
  const rootCheckpoint = signedByNode(root.checkpoint as string, node.origin)
  inRoot(sha256, rootCheckpoint, delegation)
  const head = headOf(inRootLine(sha256, rootCheckpoint, root, attempted), wrong)
  const tenantCheckpoint = signedByNode(checkpoint, head.origin)
  agree(head, tenantCheckpoint, attempted)

  const countersigned = readCountersignature(root.countersignature, root.checkpoint as string, [...judges, ...extra])
  const window = [node.validFrom, node.validUntil].map((time) => parseRfc3339(time)) as [bigint, bigint]
  const signedAt = [head.time, ...(countersigned === undefined ? [] : [countersigned.time])]
  const isLate = (parseRfc3339(head.time) as bigint) >= window[1]
  const isOutside = countersigned !== undefined && !isWithin(parseRfc3339(countersigned.time) as bigint, window)
  if (isLate || isOutside) {
    const received = `a node key valid from ${node.validFrom} until ${node.validUntil}, used at ${signedAt.join(' and ')}`
    throw bundleError('BUNDLE_UNTRUSTED', { attempted, received })
  }
  sameKeys(brought, vouching, attempted)
  return {
    tenant,
    checkpoint: tenantCheckpoint,
    note: checkpoint,
    notedBy: noteVerifier(sha256, head.origin, node.publicKey),
    root: rootCheckpoint,
    rootNote: root.checkpoint as string,
    signers: vouching.map(({ name }) => name),
    node,
    countersigned,
  }

  function readCountersignature(given: Json | undefined, note: string, by: readonly DsseVerifier[]) {
    if (given === null && auditSigner === undefined) return undefined
    const text = note.slice(0, note.indexOf('\n\n') + 1)
    const opened = untrusted(attempted, () => openCountersignature(given, text, by, attempted))
    if (auditSigner !== undefined && !opened.signers.includes(auditSigner.keyid)) {
      const received = `a countersignature by ${opened.signers.join(', ')}`
      throw bundleError('BUNDLE_UNTRUSTED', { attempted, received })
    }
    return opened
  }
}

const isWithin = (at: bigint, [from, until]: readonly [bigint, bigint]) => at >= from && at < until

/** bundle.md, 6: the pinned keys have signed both checkpoints themselves, each that of the ledger it is named after. */
function readFirstVersion(checks: HeaderChecks, header: JsonObject, attempted: string): Header {
  const { sha256, verify, auditSigner } = checks
  const wrong = (received: string) => bundleError('BUNDLE_MALFORMED', { attempted, received })
  const distrusted = (received: string) => bundleError('BUNDLE_UNTRUSTED', { attempted, received })
  if (auditSigner !== undefined) throw distrusted('version 1, which the signer of the deployment never vouches for')
  const { checkpoint, keys, root, tenant } = header
  const isFormed =
    hasOnly(header, ['checkpoint', 'keys', 'root', 'tenant', 'v']) &&
    typeof checkpoint === 'string' &&
    typeof tenant === 'string' &&
    isTexts(keys) &&
    keys.length <= keysMax &&
    isRootLeaf(root, ['checkpoint']) &&
    typeof root.checkpoint === 'string'
  if (!isFormed) throw wrong('a header with a member of another form')
  const brought = keys.map((vkey) => parseVkey(sha256, vkey))
  const trusted = trustedOf(checks, brought)
  const signers: NoteVerifier[] = []
  const open = (note: string, origin?: string): Checkpoint => {
    const opened = untrusted(attempted, () => openNote(note, trusted, verify, attempted))
    const parsed = parseCheckpoint(opened.text, attempted)
    if (origin !== undefined && parsed.origin !== origin) throw wrong(`a checkpoint of ${parsed.origin}`)
    const own = opened.signers.find(({ name }) => name === parsed.origin)
    if (own === undefined)
      throw distrusted(`a checkpoint of ${parsed.origin}, by ${opened.signers.map(({ name }) => name).join(', ')}`)
    if (!signers.includes(own)) signers.push(own)
    return parsed
  }
  const rootCheckpoint = open(root.checkpoint as string)
  const head = headOf(inRootLine(sha256, rootCheckpoint, root, attempted), wrong)
  const tenantCheckpoint = open(checkpoint, head.origin)
  agree(head, tenantCheckpoint, attempted)
  sameKeys(brought, signers, attempted)
  return {
    tenant,
    checkpoint: tenantCheckpoint,
    note: checkpoint,
    notedBy: signers.find(({ name }) => name === head.origin) as NoteVerifier,
    root: rootCheckpoint,
    rootNote: root.checkpoint as string,
    signers: signers.map(({ name }) => name),
    node: undefined,
    countersigned: undefined,
  }
}

const trustedOf = ({ sha256, trust }: HeaderChecks, brought: readonly NoteVerifier[]) =>
  trust.length > 0 ? trust.map((vkey) => parseVkey(sha256, vkey)) : brought

const utf8 = new TextEncoder()

function inRoot(sha256: Sha256, { size, root }: Checkpoint, { index, line, proof }: RootLeaf): void {
  verifyInclusion(
    sha256,
    { index, size, leaf: leafHash(sha256, utf8.encode(line)), root },
    proof.map((hash) => Uint8Array.fromHex(hash)),
  )
}

function inRootLine(sha256: Sha256, checkpoint: Checkpoint, leaf: RootLeaf, attempted: string): Line {
  inRoot(sha256, checkpoint, leaf)
  return parseLine(sha256, utf8.encode(leaf.line), attempted).line
}

function headOf(line: Line, wrong: (received: string) => Error) {
  if (!('tenant_head' in line)) throw wrong('a root line that is no tenant head')
  return { ...line.tenant_head, time: line.time }
}

function agree(head: { size: number; root: string }, checkpoint: Checkpoint, attempted: string): void {
  if (checkpoint.size === 0)
    throw bundleError('BUNDLE_MALFORMED', { attempted, received: 'a checkpoint of an empty ledger' })
  if (checkpoint.size === head.size && checkpoint.root.toHex() === head.root) return
  throw bundleError('BUNDLE_ALTERED', {
    attempted,
    received: 'a tenant checkpoint that the root ledger does not hold',
  })
}

/** The keys that signed, no more and no fewer: any other would be a word without proof. */
function sameKeys(brought: readonly NoteVerifier[], signers: readonly NoteVerifier[], attempted: string): void {
  const isSame = (a: NoteVerifier) => (b: NoteVerifier) => a.name === b.name && equal(a.publicKey, b.publicKey)
  if (brought.length === signers.length && brought.every((key) => signers.some(isSame(key)))) return
  throw bundleError('BUNDLE_UNTRUSTED', {
    attempted,
    received: `the keys [${brought.map(({ name }) => name).join(', ')}] where ${signers.map(({ name }) => name).join(', ')} signed`,
  })
}

/** Whatever does not hold of a signature is one thing to whoever reads the report: the bundle is not to be trusted. */
function untrusted<T>(attempted: string, open: () => T): T {
  try {
    return open()
  } catch (cause) {
    if (cause instanceof SealwatchError && cause.kind === 'unverified')
      throw bundleError('BUNDLE_UNTRUSTED', { attempted, received: cause.received, cause })
    throw cause
  }
}
