// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { createBell } from '@sealwatch/base'
import { leafHash, noHash, parseLine, sha256, splitLines } from '@sealwatch/ledger'
import { ingestError } from '../../apps/server/src/ingest/errors.ts'
import type { IngestPort, Outcome } from '../../apps/server/src/ingest/transport/ingest-port.ts'

type Recorded = { nextSeq: number; tip: string | null; batches: number; hostId: string; readonly lines: string[] }

/** Takes what continues a chain, refuses a gap, acknowledges a repetition, and keeps a record that is checked as it grows. */
export type RecordingIngest = IngestPort & {
  readonly chains: ReadonlyMap<string, Recorded>
  /** Serials of the certificates under which batches came. */
  readonly certificates: ReadonlySet<string | null>
  readonly counts: { duplicate: number; refused: number; atOnceMax: number; bytesAtOnceMax: number }
  /** Awaited before each outcome. */
  before: () => Promise<void>
  /** Resolves when the chain holds everything before `nextSeq`. */
  until(chain: string, nextSeq: number): Promise<void>
  /** Resolves when `bytes` wait for their outcome. */
  untilHeld(bytes: number): Promise<void>
}

export function recordingIngest(): RecordingIngest {
  const chains = new Map<string, Recorded>()
  const counts = { duplicate: 0, refused: 0, atOnceMax: 0, bytesAtOnceMax: 0 }
  const certificates = new Set<string | null>()
  const grown = createBell()
  const forever = new AbortController().signal
  let atOnce = 0
  let bytesAtOnce = 0
  const of = (chain: string): Recorded => {
    const known = chains.get(chain) ?? { nextSeq: 0, tip: noHash, batches: 0, hostId: '', lines: [] }
    chains.set(chain, known)
    return known
  }

  const ingest: RecordingIngest = {
    chains,
    certificates,
    counts,
    before: async () => undefined,
    position: async (_tenant, chain) => ({ ...of(chain) }),
    submit: async (host, _tenant, batch, sender) => {
      certificates.add(sender?.certificate ?? null)
      counts.atOnceMax = Math.max(counts.atOnceMax, ++atOnce)
      const { length } = batch.lines
      bytesAtOnce += length
      counts.bytesAtOnceMax = Math.max(counts.bytesAtOnceMax, bytesAtOnce)
      const outcome = take(host.hostId, batch.chain, Number(batch.firstSeq), batch.count, batch.lines)
      grown.ring()
      try {
        await ingest.before()
        return outcome
      } finally {
        atOnce--
        bytesAtOnce -= length
      }
    },
    until: async (chain, nextSeq) => {
      while (of(chain).nextSeq < nextSeq) await grown.wait(forever)
    },
    untilHeld: async (bytes) => {
      while (bytesAtOnce < bytes) await grown.wait(forever)
    },
  }

  function take(hostId: string, chain: string, firstSeq: number, count: number, bytes: Uint8Array): Outcome {
    const recorded = of(chain)
    const nextSeq = firstSeq + count
    if (nextSeq <= recorded.nextSeq) {
      counts.duplicate++
      return { kind: 'acknowledged', nextSeq, leafIndex: nextSeq }
    }
    if (firstSeq !== recorded.nextSeq) {
      counts.refused++
      const error = ingestError('INGEST_GAP', { attempted: 'taking a batch', received: `line ${firstSeq}` })
      return { kind: 'refused', error, expected: { ...recorded } }
    }
    const lines = splitLines(bytes, 1024, 'recording')
    assert.equal(lines.length, count)
    for (const line of lines) {
      const { prev, seq } = parseLine(sha256, line, 'recording').line
      assert.deepEqual([prev, seq], [recorded.tip, recorded.nextSeq])
      recorded.tip = leafHash(sha256, line).toHex()
      recorded.nextSeq++
      recorded.lines.push(Buffer.from(line).toString())
    }
    recorded.hostId = hostId
    recorded.batches++
    return { kind: 'acknowledged', nextSeq, leafIndex: nextSeq - 1 }
  }

  return ingest
}
