// SPDX-License-Identifier: Apache-2.0

import type { ShipRequest, ShipResponse } from '@sealwatch/contract'
import { leafHash, sha256, splitLines } from '@sealwatch/ledger'

/** What everybody outside the server was told or could see: the yardstick that its files are held against. */
export type Record = {
  /** By chain: the number up to which the host holds an acknowledgement in its hands. */
  readonly acknowledged: Map<string, number>
  /** By chain: the leaf hash (hex) of each line as its host sealed it. */
  readonly lines: Map<string, string[]>
  /** By chain: how far the host itself was told that its lines are sealed. */
  readonly sealed: Map<string, number>
  readonly tenants: Map<string, string>
  /** Every checkpoint that anybody could have read, by origin. */
  readonly checkpoints: Map<string, Set<string>>
  /** Bytes that were sent where the host had others: these must never be admitted. Hex SHA-256. */
  readonly forged: Set<string>
  /** Ids of hosts whose revocation was confirmed to whoever asked for it. */
  readonly confirmed: Set<string>
  /** What happened, for whoever replays. */
  readonly counts: globalThis.Record<string, number>
  readonly violations: string[]
}

export function createRecord(): Record {
  return {
    acknowledged: new Map(),
    lines: new Map(),
    sealed: new Map(),
    tenants: new Map(),
    checkpoints: new Map(),
    forged: new Set(),
    confirmed: new Set(),
    counts: {},
    violations: [],
  }
}

export function count(record: Record, name: string, by = 1): void {
  record.counts[name] = (record.counts[name] ?? 0) + by
}

/** The host seals a line once; to send another in its place later is a fork. */
export function noteSent(record: Record, { chain, firstSeq, lines, count: due }: ShipRequest): void {
  const known = record.lines.get(chain) ?? []
  record.lines.set(chain, known)
  for (const [i, line] of splitLines(lines, due, 'recording what a host sends').entries()) {
    const seq = Number(firstSeq) + i
    const hash = leafHash(sha256, line).toHex()
    if (known[seq] !== undefined && known[seq] !== hash)
      record.violations.push(`forked: the host itself sends another line ${seq} of chain ${chain}`)
    known[seq] = hash
  }
}

export function noteAnswer(record: Record, { chain, outcome }: ShipResponse): void {
  count(record, outcome.case ?? 'nothing')
  if (outcome.case !== 'acknowledged' && outcome.case !== 'quarantined') return
  record.acknowledged.set(chain, Math.max(record.acknowledged.get(chain) ?? 0, Number(outcome.value.nextSeq)))
}
