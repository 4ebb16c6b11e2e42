// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf, SealwatchError } from '@sealwatch/base/errors'
import { type Json, type JsonObject, parseCanonical } from '@sealwatch/base/json'
import { checkKeyRecord, createChainWalk, headKeyId, verifyHead } from './chain.ts'
import { type Checkpoint, parseCheckpoint } from './checkpoint.ts'
import { type KeyRecord, type Line, type ParsedLine, parseLine } from './line.ts'
import { createFrontier, equal, leafHash, type Sha256, subtreesOf, verifyInclusion } from './merkle.ts'
import { type NoteVerifier, openNote, parseVkey, type VerifyEd25519 } from './note.ts'
import { openSide } from './personal.ts'

export const bundleErrors = {
  BUNDLE_MALFORMED: {
    kind: 'invalid',
    rule: 'a bundle is a header and then the whole tree from left to right, as lines or as hashes (bundle.md, 2)',
    advice: 'Export it again; a copy that was cut or edited cannot be repaired',
  },
  BUNDLE_ALTERED: {
    kind: 'unverified',
    rule: 'every line has the hash that the signed tree holds for it (bundle.md, 4)',
    advice: 'The line was changed, removed, added or moved after the export: ask for the original',
  },
  BUNDLE_UNTRUSTED: {
    kind: 'unverified',
    rule: 'the checkpoints are signed by a key that you trust (bundle.md, 5)',
    advice: 'Pass the right key with --trust; `sealwatch status` shows it on the machine of the control plane',
  },
} as const satisfies ErrorTable
const bundleError = errorsOf(bundleErrors)

export type Problem = {
  /** Line of the file, from 1. */
  readonly fileLine: number
  readonly leaf: number | undefined
  readonly chain: string | undefined
  readonly seq: number | undefined
  readonly code: string
  readonly message: string
}

export type BundleReport = {
  readonly ok: boolean
  readonly problem: Problem | undefined
  readonly tenant: string | undefined
  readonly origin: string | undefined
  readonly size: number
  /** Leaves shown as lines. */
  readonly lines: number
  /** Leaves shown as hashes only. */
  readonly withheld: number
  /** Every leaf of the ledger up to the checkpoint is shown. */
  readonly complete: boolean
  /** Lines of hosts that a head in this bundle covers with a valid signature, and those that none does. */
  readonly signedByHost: number
  readonly notCovered: number
  readonly stubs: number
  readonly revealed: number
  readonly rootSize: number
  readonly signers: readonly string[]
  /** `pinned`: by a key the caller trusts. `self-asserted`: by keys that the bundle itself brought. */
  readonly trust: 'pinned' | 'self-asserted'
}

export type BundleChecks = {
  readonly sha256: Sha256
  readonly verify: VerifyEd25519
  /** Verifier keys trusted for the checkpoints; empty: those the bundle brings, and the report says so. */
  readonly trust: readonly string[]
  /** Called with each line that was in its place, but before the whole bundle is known to be good. */
  readonly onLine?: (line: Line, leaf: number) => void
  readonly onBytes?: (bytes: number) => void
}

const recordBytesMax = 1024 * 1024
const keysMax = 16

/**
 * Verifies a bundle as it streams by, in memory that does not grow with it. Never throws for what the bundle holds:
 * the first thing that is wrong stands in the report.
 */
export async function verifyBundle(chunks: AsyncIterable<Uint8Array>, checks: BundleChecks): Promise<BundleReport> {
  const reader = createReader(checks)
  try {
    for await (const record of splitRecords(chunks, checks.onBytes)) reader.take(record)
    return reader.finish()
  } catch (error) {
    if (!(error instanceof SealwatchError)) throw error
    return reader.report(error)
  }
}

type Header = { tenant: string; checkpoint: Checkpoint; root: Checkpoint; signers: readonly NoteVerifier[] }

function createReader(checks: BundleChecks) {
  const { sha256 } = checks
  const frontier = createFrontier(sha256)
  const walk = createChainWalk()
  const keys = new Map<string, KeyRecord>()
  const uncovered = new Map<string, number>()
  let header: Header | undefined
  let due: string[] = []
  let dueReveals = 0
  let last: ParsedLine | undefined
  let linesTaken = 0
  let at: { leaf?: number; line?: Line } = {}
  const counts = { lines: 0, withheld: 0, signedByHost: 0, notCovered: 0, stubs: 0, revealed: 0 }

  function take(bytes: Uint8Array): void {
    const attempted = `verifying line ${linesTaken + 1} of the bundle`
    if (header === undefined) header = readHeader(checks, bytes, attempted)
    else if (due.length > 0) takeLine(bytes, attempted)
    else takeRecord(bytes, attempted)
    linesTaken += 1
    at = {}
  }

  function takeRecord(bytes: Uint8Array, attempted: string): void {
    const record = parseRecord(bytes, attempted)
    if (record.reveal !== undefined) {
      takeReveal(record.reveal, attempted)
      return
    }
    checkReveals(attempted)
    if (record.gap !== undefined) takeGap(record.gap, attempted)
    else if (record.leaves !== undefined) takeLeaves(record.leaves, attempted)
    else throw bundleError('BUNDLE_MALFORMED', { attempted, received: Object.keys(record).join(', ') })
  }

  function takeGap(gap: JsonObject, attempted: string): void {
    last = undefined
    const { from, to, hashes } = gap
    const isPlaced =
      frontier.size > 0 &&
      from === frontier.size &&
      Number.isSafeInteger(to) &&
      (to as number) > frontier.size &&
      (to as number) <= sizeDue()
    const parts = isPlaced ? [...subtreesOf(from as number, to as number)] : []
    if (!isPlaced || !isHashes(hashes) || hashes.length !== parts.length || !hasOnly(gap, ['from', 'hashes', 'to'])) {
      throw bundleError('BUNDLE_MALFORMED', {
        attempted,
        received: `a gap from ${from} to ${to} at leaf ${frontier.size}`,
      })
    }
    for (const [i, { level }] of parts.entries()) frontier.append(Uint8Array.fromHex(hashes[i] as string), level)
    walk.skip()
    // A head beyond the gap cannot be followed back to these lines.
    counts.notCovered += countUncovered()
    uncovered.clear()
    counts.withheld += (to as number) - (from as number)
  }

  function takeLeaves(leaves: JsonObject, attempted: string): void {
    last = undefined
    const { from, hashes, revealed } = leaves
    const fits =
      from === frontier.size &&
      isHashes(hashes) &&
      hashes.length > 0 &&
      frontier.size + hashes.length <= sizeDue() &&
      Number.isSafeInteger(revealed)
    if (!fits || !hasOnly(leaves, ['from', 'hashes', 'revealed'])) {
      throw bundleError('BUNDLE_MALFORMED', { attempted, received: `leaves from ${from} at leaf ${frontier.size}` })
    }
    due = [...hashes]
    dueReveals = revealed as number
  }

  function takeLine(bytes: Uint8Array, attempted: string): void {
    // Personal values follow the line they belong to, also between two lines of one record.
    if (last !== undefined && isReveal(bytes)) {
      takeReveal(parseRecord(bytes, attempted).reveal ?? {}, attempted)
      return
    }
    const leaf = frontier.size
    at = { leaf }
    const dueHash = Uint8Array.fromHex(due.shift() as string)
    frontier.append(dueHash)
    counts.lines += 1
    if (!equal(leafHash(sha256, bytes), dueHash))
      throw bundleError('BUNDLE_ALTERED', { attempted, received: excerpt(bytes) })
    const parsed = parseLine(sha256, bytes, attempted, dueHash)
    at = { leaf, line: parsed.line }
    walk.step(parsed, attempted)
    readMeaning(parsed, attempted)
    last = parsed
    checks.onLine?.(parsed.line, leaf)
  }

  function readMeaning(parsed: ParsedLine, attempted: string): void {
    const { line } = parsed
    if ('anchor' in line && line.anchor.tenant !== header?.tenant) {
      throw bundleError('BUNDLE_ALTERED', { attempted, received: `a line of tenant ${line.anchor.tenant}` })
    }
    if (line.chain === walk.own) {
      if ('anchor' in line && line.anchor.origin !== header?.checkpoint.origin) {
        throw bundleError('BUNDLE_ALTERED', { attempted, received: `an anchor of the ledger ${line.anchor.origin}` })
      }
      if ('key' in line) keys.set(line.key.key_id, checkKeyRecord(sha256, line.key, attempted))
      if ('stub' in line) counts.stubs += 1
      return
    }
    const open = (uncovered.get(line.chain) ?? 0) + 1
    if (!('head' in line)) {
      uncovered.set(line.chain, open)
      return
    }
    const key = keys.get(headKeyId(line.head.note, attempted))
    if (key === undefined) {
      uncovered.set(line.chain, open)
      return
    }
    verifyHead(sha256, checks.verify, parsed, key, attempted)
    uncovered.delete(line.chain)
    counts.signedByHost += open
  }

  function takeReveal(values: JsonObject, attempted: string): void {
    if (last === undefined)
      throw bundleError('BUNDLE_MALFORMED', { attempted, received: 'personal values that follow no line' })
    openSide(sha256, last.line, JSON.stringify(values), attempted)
    counts.revealed += 1
    dueReveals -= 1
    last = undefined
  }

  function checkReveals(attempted: string): void {
    if (dueReveals !== 0)
      throw bundleError('BUNDLE_ALTERED', { attempted, received: `${dueReveals} personal values too few` })
  }

  const sizeDue = () => header?.checkpoint.size ?? 0

  function finish(): BundleReport {
    const attempted = 'verifying the end of the bundle'
    if (header === undefined) throw bundleError('BUNDLE_MALFORMED', { attempted, received: 'an empty file' })
    at = { leaf: frontier.size }
    checkReveals(attempted)
    if (frontier.size !== header.checkpoint.size || due.length > 0) {
      throw bundleError('BUNDLE_ALTERED', {
        attempted,
        received: `${frontier.size} of ${header.checkpoint.size} leaves: the tail is cut off`,
      })
    }
    if (!equal(frontier.root(), header.checkpoint.root)) {
      throw bundleError('BUNDLE_ALTERED', { attempted, received: 'hashes that do not lead to the signed root' })
    }
    if (counts.withheld === 0 && countUncovered() > 0) {
      throw bundleError('BUNDLE_ALTERED', {
        attempted,
        received: `${countUncovered()} lines of hosts that no signed head covers`,
      })
    }
    return report(undefined)
  }

  const countUncovered = () => [...uncovered.values()].reduce((sum, count) => sum + count, 0)

  function report(error: SealwatchError | undefined): BundleReport {
    return {
      ok: error === undefined,
      problem: error && {
        fileLine: linesTaken + 1,
        leaf: at.leaf,
        chain: at.line?.chain,
        seq: at.line?.seq,
        code: error.code,
        message: error.message,
      },
      tenant: header?.tenant,
      origin: header?.checkpoint.origin,
      size: sizeDue(),
      ...counts,
      complete: error === undefined && counts.withheld === 0,
      notCovered: counts.notCovered + countUncovered(),
      rootSize: header?.root.size ?? 0,
      signers: header?.signers.map(({ name }) => name) ?? [],
      trust: checks.trust.length > 0 ? 'pinned' : 'self-asserted',
    }
  }

  return { take, finish, report }
}

function readHeader({ sha256, verify, trust }: BundleChecks, bytes: Uint8Array, attempted: string): Header {
  const wrong = (received: string) => bundleError('BUNDLE_MALFORMED', { attempted, received })
  const record = parseRecord(bytes, attempted)
  const header = record.bundle
  if (header === undefined || !hasOnly(header, ['checkpoint', 'keys', 'root', 'tenant', 'v'])) {
    throw wrong('a file that does not begin with a bundle header')
  }
  const { checkpoint, keys, root, tenant, v } = header
  const isFormed =
    v === 1 &&
    typeof checkpoint === 'string' &&
    typeof tenant === 'string' &&
    isTexts(keys) &&
    keys.length <= keysMax &&
    isObject(root) &&
    hasOnly(root, ['checkpoint', 'index', 'line', 'proof']) &&
    typeof root.checkpoint === 'string' &&
    typeof root.line === 'string' &&
    Number.isSafeInteger(root.index) &&
    isHashes(root.proof)
  if (!isFormed) throw wrong('a header with a member of another form')
  const brought = keys.map((vkey) => parseVkey(sha256, vkey))
  const trusted = trust.length > 0 ? trust.map((vkey) => parseVkey(sha256, vkey)) : brought
  const signers: NoteVerifier[] = []
  const open = (note: string, origin?: string): Checkpoint => {
    const opened = openTrusted(note, trusted, verify, attempted)
    const parsed = parseCheckpoint(opened.text, attempted)
    if (origin !== undefined && parsed.origin !== origin) throw wrong(`a checkpoint of ${parsed.origin}`)
    for (const signer of opened.signers) if (!signers.includes(signer)) signers.push(signer)
    return parsed
  }
  const rootCheckpoint = open(root.checkpoint as string)
  const rootLine = new TextEncoder().encode(root.line as string)
  verifyInclusion(
    sha256,
    {
      index: root.index as number,
      size: rootCheckpoint.size,
      leaf: leafHash(sha256, rootLine),
      root: rootCheckpoint.root,
    },
    (root.proof as unknown as string[]).map((hash) => Uint8Array.fromHex(hash)),
  )
  const { line } = parseLine(sha256, rootLine, attempted)
  if (!('tenant_head' in line)) throw wrong('a root line that is no tenant head')
  const tenantCheckpoint = open(checkpoint, line.tenant_head.origin)
  if (tenantCheckpoint.size === 0) throw wrong('a checkpoint of an empty ledger')
  if (tenantCheckpoint.size !== line.tenant_head.size || tenantCheckpoint.root.toHex() !== line.tenant_head.root) {
    throw bundleError('BUNDLE_ALTERED', {
      attempted,
      received: 'a tenant checkpoint that the root ledger does not hold',
    })
  }
  // The keys that signed, no more and no fewer: any other would be a word without proof.
  const isSame = (a: NoteVerifier) => (b: NoteVerifier) => a.name === b.name && equal(a.publicKey, b.publicKey)
  if (brought.length !== signers.length || !brought.every((key) => signers.some(isSame(key)))) {
    throw bundleError('BUNDLE_UNTRUSTED', {
      attempted,
      received: `the keys [${brought.map(({ name }) => name).join(', ')}] where ${signers.map(({ name }) => name).join(', ')} signed`,
    })
  }
  return { tenant, checkpoint: tenantCheckpoint, root: rootCheckpoint, signers }
}

function openTrusted(note: string, trusted: readonly NoteVerifier[], verify: VerifyEd25519, attempted: string) {
  try {
    return openNote(note, trusted, verify, attempted)
  } catch (cause) {
    if (cause instanceof SealwatchError && cause.code === 'NOTE_UNVERIFIED') {
      throw bundleError('BUNDLE_UNTRUSTED', { attempted, received: cause.received, cause })
    }
    throw cause
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** One member, and an object in it. */
type BundleRecord = { readonly [kind: string]: JsonObject }

function parseRecord(bytes: Uint8Array, attempted: string): BundleRecord {
  let text: string
  try {
    text = utf8.decode(bytes)
  } catch (cause) {
    throw bundleError('BUNDLE_MALFORMED', { attempted, received: 'bytes that are not UTF-8', cause })
  }
  const record = parseCanonical(text, attempted)
  const members = isObject(record) ? Object.values(record) : []
  if (members.length !== 1 || !isObject(members[0]))
    throw bundleError('BUNDLE_MALFORMED', { attempted, received: text })
  return record as BundleRecord
}

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const revealMark = new TextEncoder().encode('{"reveal":')
const isReveal = (bytes: Uint8Array) => revealMark.every((byte, i) => bytes[i] === byte)
const excerpt = (bytes: Uint8Array) => new TextDecoder().decode(bytes.subarray(0, 200))
const hasOnly = (object: JsonObject, members: readonly string[]) =>
  Object.keys(object).length === members.length && members.every((member) => Object.hasOwn(object, member))
const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((item) => typeof item === 'string')
const isHashes = (value: unknown): value is string[] =>
  isTexts(value) && value.every((item) => /^[0-9a-f]{64}$/.test(item))

/** Records are lines of the file; the newline of the last one is part of the form. */
async function* splitRecords(chunks: AsyncIterable<Uint8Array>, onBytes: ((bytes: number) => void) | undefined) {
  let rest: Uint8Array = new Uint8Array(0)
  for await (const chunk of chunks) {
    let from = 0
    for (let newline = chunk.indexOf(0x0a); newline >= 0; newline = chunk.indexOf(0x0a, from)) {
      const piece = chunk.subarray(from, newline)
      yield fitting(rest.length === 0 ? piece : concat(rest, piece))
      rest = new Uint8Array(0)
      from = newline + 1
    }
    rest = fitting(concat(rest, chunk.subarray(from)))
    onBytes?.(chunk.length)
  }
  if (rest.length > 0)
    throw bundleError('BUNDLE_MALFORMED', {
      attempted: 'reading the end of the bundle',
      received: 'a last record without its newline',
    })
}

function fitting(record: Uint8Array): Uint8Array {
  if (record.length <= recordBytesMax) return record
  throw bundleError('BUNDLE_MALFORMED', {
    attempted: 'reading the bundle',
    received: `a record of more than ${recordBytesMax} bytes`,
  })
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const whole = new Uint8Array(a.length + b.length)
  whole.set(a)
  whole.set(b, a.length)
  return whole
}
