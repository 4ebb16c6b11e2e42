// SPDX-License-Identifier: Apache-2.0

import type { Sealing } from '@sealwatch/keys/sealing'
import {
  createChainWalk,
  createFrontier,
  type Line,
  type ParsedLine,
  parseCheckpoint,
  parseLine,
  sha256,
  splitLines,
  verifyConsistency,
} from '@sealwatch/ledger'
import { readItem } from '../../apps/server/src/ingest/index.ts'
import { outboxUid } from '../../apps/server/src/store/index.ts'
import type { Record } from './record.ts'
import type { OpenServer } from './server.ts'
import type { SimDisk } from './sim-disk.ts'

/** A ledger as it lies on the disk, read by nobody's code but the verifier's. */
export type LedgerView = {
  readonly folder: string
  readonly lines: readonly ParsedLine[]
  /** Root (base64) of the tree of each size. */
  readonly roots: readonly string[]
}

export const folders = { root: 'root', default: 'tenant-default', cluster: 'tenant-cluster' } as const

export function readLedger(disk: SimDisk, folder: string): LedgerView {
  const files = disk.paths(`/ledgers/${folder}/lines`)
  const bytes = Buffer.concat(files.map((path) => disk.read(path) as Buffer))
  const whole = bytes.subarray(0, bytes.lastIndexOf(0x0a) + 1)
  const attempted = `reading ${folder}`
  const lines = splitLines(whole, Number.MAX_SAFE_INTEGER, attempted).map((line) => parseLine(sha256, line, attempted))
  const frontier = createFrontier(sha256)
  const roots = [frontier.root().toBase64()]
  for (const { hash } of lines) {
    frontier.append(hash)
    roots.push(frontier.root().toBase64())
  }
  return { folder, lines, roots }
}

/** Holds the server's files against what everybody outside was told. Call it when the server is open. */
export async function checkDisk(disk: SimDisk, record: Record, sealing: Sealing): Promise<void> {
  const wrong = (text: string) => void record.violations.push(text)
  let views: LedgerView[]
  try {
    views = Object.values(folders).map((folder) => readLedger(disk, folder))
  } catch (error) {
    return wrong(`unreadable: ${(error as Error).message}`)
  }
  for (const view of views) {
    checkOrder(view, wrong)
    checkCheckpoints(view, record, wrong)
  }
  await checkAcknowledged(views, disk, sealing, record, wrong)
}

type Wrong = (text: string) => void

/** Every chain runs without gap, double or change, stubs included; the server says nothing twice. */
function checkOrder({ folder, lines }: LedgerView, wrong: Wrong): void {
  const walk = createChainWalk()
  const said = new Set<string>()
  for (const [leaf, parsed] of lines.entries()) {
    try {
      walk.step(parsed, `following leaf ${leaf} of ${folder}`)
    } catch (error) {
      wrong(`order: ${(error as Error).message}`)
      return
    }
    if (parsed.line.chain !== walk.own || 'tenant_head' in parsed.line) continue
    const uid = outboxUid(folder, bodyOf(parsed.line))
    if (said.has(uid)) wrong(`doubled: leaf ${leaf} of ${folder} says again what stands there already`)
    said.add(uid)
  }
}

const bodyOf = (line: Line) => {
  const { chain: _chain, epoch: _epoch, prev: _prev, seq: _seq, time: _time, v: _v, ...body } = line
  return body
}

/** Whatever was ever published is a prefix of what lies there. */
function checkCheckpoints({ folder, lines, roots }: LedgerView, record: Record, wrong: Wrong): void {
  const anchor = lines[0]?.line
  const origin = anchor !== undefined && 'anchor' in anchor ? anchor.anchor.origin : null
  for (const note of record.checkpoints.get(origin ?? '') ?? []) {
    const { size, root } = parseCheckpoint(note.slice(0, note.indexOf('\n\n') + 1), 'reading a checkpoint')
    if (roots[size] === undefined) wrong(`cut: ${folder} has ${lines.length} lines and published ${size}`)
    else if (roots[size] !== root.toBase64()) wrong(`rewritten: the first ${size} lines of ${folder}`)
  }
}

/** Every acknowledged line stands in the ledger once, or its exact bytes lie in quarantine under a stub. */
async function checkAcknowledged(
  views: readonly LedgerView[],
  disk: SimDisk,
  sealing: Sealing,
  record: Record,
  wrong: Wrong,
): Promise<void> {
  /** Leaf hash of the line, or `stub`. */
  const found = new Map<string, string>()
  for (const { folder, lines } of views) {
    const kept = itemsIn(disk, tenantOf(folder))
    for (const { line, hash } of lines) {
      found.set(`${line.chain} ${line.seq}`, hash.toHex())
      if (!('stub' in line)) continue
      const { chain, first_seq, next_seq, item } = line.stub
      for (let seq = first_seq; seq < next_seq; seq += 1) found.set(`${chain} ${seq}`, 'stub')
      const sealed = kept.get(item)
      if (sealed === undefined) wrong(`lost: the quarantined bytes of a stub in ${folder}`)
      else if ((await openItem(sealing, folder, item, sealed)) !== item)
        wrong(`altered: quarantined bytes of a stub in ${folder}`)
    }
  }
  for (const [chain, end] of record.acknowledged) {
    const due = record.lines.get(chain) ?? []
    for (let seq = 0; seq < end; seq += 1) {
      const stands = found.get(`${chain} ${seq}`)
      if (stands === undefined) wrong(`lost: acknowledged line ${seq} of chain ${chain}`)
      else if (stands !== 'stub' && stands !== due[seq]) wrong(`altered: acknowledged line ${seq} of chain ${chain}`)
    }
  }
}

/** What lies in quarantine of a tenant (quarantine.md, 6): the newest of each item; what is torn ends its file. */
function itemsIn(disk: SimDisk, tenant: string): Map<string, Uint8Array> {
  const items = new Map<string, Uint8Array>()
  for (const path of disk.paths(`/quarantine/${tenant}`)) {
    const bytes = disk.read(path) as Buffer
    for (let at = 0; at + 68 <= bytes.length; ) {
      const end = at + 68 + bytes.readUInt32BE(at)
      const sealed = bytes.subarray(at + 68, end)
      if (end > bytes.length || !sha256(sealed).every((byte, i) => byte === bytes[at + 36 + i])) break
      items.set(bytes.toString('hex', at + 4, at + 36), sealed)
      at = end
    }
  }
  return items
}

const tenantOf = (folder: string) => folder.replace(/^tenant-/, '')

/** The hash of what was quarantined. */
async function openItem(sealing: Sealing, folder: string, item: string, sealed: Uint8Array): Promise<string> {
  const tenant = tenantOf(folder)
  const place = { tenant, purpose: 'quarantine', place: `quarantine/${item}` } as const
  return sha256(readItem(item, await sealing.open(place, sealed)).bytes).toHex()
}

/** An act that was confirmed to whoever asked for it stands in the ledger, once the outbox is empty. */
export function checkConfirmed(disk: SimDisk, record: Record): void {
  const cluster = readLedger(disk, folders.cluster)
  const revoked = cluster.lines.flatMap(({ line }) =>
    'event' in line && (line.event.metadata as { event_code?: string })?.event_code === 'host_revoked'
      ? [(line.event.entity as { uid: string }).uid]
      : [],
  )
  for (const hostId of record.confirmed)
    if (!revoked.includes(hostId)) record.violations.push(`lost: the revocation of ${hostId}, which was confirmed`)
}

/** Of what the running server says of itself. */
export function checkServer({ ledgers, rowBook }: OpenServer, record: Record, below: (n: number) => number): void {
  for (const [tenant, counts] of rowBook.tenants)
    if (rowBook.missing(tenant) !== 0) record.violations.push(`unaccounted in ${tenant}: ${JSON.stringify(counts)}`)
  for (const ledger of [ledgers.root, ...ledgers.tenants.map((tenant) => ledgers.get(tenant))]) {
    const notes = [...(record.checkpoints.get(ledger.origin) ?? [])]
    const note = notes[below(notes.length)]
    if (note === undefined || ledger.signed === undefined) continue
    // What a power cut took back is checked by its root alone, until it is signed again.
    const older = parseCheckpoint(note.slice(0, note.indexOf('\n\n') + 1), 'reading a checkpoint')
    const { size, root } = ledger.signed
    if (older.size > size) continue
    try {
      const proof = ledger.consistency(older.size, size)
      const claim = { oldSize: older.size, oldRoot: older.root, newSize: size, newRoot: root }
      verifyConsistency(sha256, claim, proof)
    } catch (error) {
      record.violations.push(`inconsistent: ${(error as Error).message}`)
    }
  }
}
