// SPDX-License-Identifier: Apache-2.0

import { type Clock, type JsonObject, rfc3339 } from '@sealwatch/base'
import type { Ed25519Signer } from '@sealwatch/keys'
import { createNoteSigner, type NoteSigner } from '../note-signer.ts'
import { sha256 } from '../sha256.ts'
import type { ChainPosition } from '../verify/chain.ts'
import type { Epoch } from '../verify/epoch.ts'
import { epochKeyName, headTextV2 } from '../verify/head.ts'
import { type Body, type Close, noHash } from '../verify/line.ts'
import { type Draft, type SealedLine, sealDraft, sealLine } from './seal.ts'
import type { Extent } from './segment.ts'

/** A head follows once a batch has met either: with a close and a head it stays within the limits of the wire. */
const batchFull = { lines: 4_000, bytes: 3 * 1024 * 1024 } as const

export type Sealed = {
  readonly lines: Uint8Array
  readonly side: Uint8Array
  readonly extents: readonly Extent[]
  readonly end: ChainPosition
}

/** Makes the lines of one append: batches, each ended by a head that the host's key and the epoch's key sign. */
export type Batcher = {
  add(body: Body): void
  addDraft(draft: Draft): void
  /** The last head, with the sensor's account; behind a close it ends the epoch. */
  end(sensor: JsonObject | undefined, close: Omit<Close, 'first_seq' | 'lines'> | undefined): Sealed
}

export function createBatcher(options: {
  readonly chain: string
  readonly start: ChainPosition & { readonly epoch: Epoch }
  /** Where in its files the append begins. */
  readonly segment: { readonly bytes: number; readonly sideBytes: number }
  readonly host: NoteSigner
  readonly epochKey: Ed25519Signer
  readonly clock: Clock
}): Batcher {
  const { chain, start, host, epochKey, clock } = options
  const { epoch } = start
  const own = createNoteSigner(epochKeyName(chain, epoch.number), epochKey)
  const batches: SealedLine[][] = []
  const extents: Extent[] = []
  let { bytes, sideBytes } = options.segment
  let next: ChainPosition & { readonly epoch: Epoch } = start
  let batch: SealedLine[] = []
  let batchBytes = 0

  function take(line: SealedLine): void {
    batch.push(line)
    batchBytes += line.bytes + 1
    next = { nextSeq: line.seq + 1, tip: line.hash, epoch }
  }

  function addHead(sensor: JsonObject | undefined): void {
    const timeNs = clock.nowNs()
    const place = { chain, epoch: epoch.number, prev: next.tip ?? noHash, seq: next.nextSeq, time: rfc3339(timeNs) }
    const text = headTextV2(sha256, place, sensor)
    const note = host.sign(text) + own.signature(text)
    take(sealLine(chain, next, timeNs, { head: sensor === undefined ? { note } : { note, sensor } }))
    const side = batch.map(sideText).join('')
    const lengths = { bytes: batchBytes, sideBytes: Buffer.byteLength(side) }
    extents.push({
      firstSeq: next.nextSeq - batch.length,
      count: batch.length,
      offset: bytes,
      sideOffset: sideBytes,
      ...lengths,
    })
    bytes += lengths.bytes
    sideBytes += lengths.sideBytes
    batches.push(batch)
    batch = []
    batchBytes = 0
  }

  const add = (body: Body) => take(sealLine(chain, next, clock.nowNs(), body))

  return {
    add,
    addDraft(draft) {
      take(sealDraft(chain, next, draft))
      if (batch.length >= batchFull.lines || batchBytes >= batchFull.bytes) addHead(undefined)
    },
    end(sensor, close) {
      const firstSeq = epoch.firstSeq ?? next.nextSeq
      if (close !== undefined) add({ close: { ...close, first_seq: firstSeq, lines: next.nextSeq - firstSeq } })
      // The account stands in the last head alone, so that a crash never keeps it without all that it accounts for.
      addHead(sensor)
      const sealed = batches.flat()
      return {
        lines: ndjson(sealed, bytes - options.segment.bytes),
        side: Buffer.from(sealed.map(sideText).join('')),
        extents,
        end: { ...next, epoch: close === undefined ? epoch : epochAfter(epoch, close, next.nextSeq) },
      }
    },
  }
}

/** Written where it will lie, without a text of all of it. */
function ndjson(lines: readonly SealedLine[], bytes: number): Uint8Array {
  const written = Buffer.allocUnsafe(bytes)
  let at = 0
  for (const { text } of lines) {
    at += written.write(text, at)
    written[at++] = 0x0a
  }
  return written
}

const sideText = ({ seq, side }: SealedLine) => (side === undefined ? '' : `${seq} ${side}\n`)

const epochAfter = (
  epoch: Epoch,
  { next_key, acknowledged }: Omit<Close, 'first_seq' | 'lines'>,
  firstSeq: number,
) => ({
  ...epoch,
  number: epoch.number + 1,
  key: next_key,
  firstSeq,
  acknowledged: acknowledged.next_seq,
})
