// SPDX-License-Identifier: Apache-2.0

import { type Clock, type JsonObject, rfc3339 } from '@sealwatch/base'
import type { Ed25519Signer } from '@sealwatch/keys'
import { createNoteSigner, type NoteSigner } from '../note-signer.ts'
import { sha256 } from '../sha256.ts'
import type { ChainPosition } from '../verify/chain.ts'
import type { Epoch } from '../verify/epoch.ts'
import { epochKeyName, headTextV2 } from '../verify/head.ts'
import type { Body, Close } from '../verify/line.ts'
import { createLineWriter } from './line-writer.ts'
import { commitPersonal, type Draft } from './seal.ts'
import type { Extent } from './segment.ts'

/** A batch that has met either takes no more events: with a close and a head it stays within the limits of the wire. */
const batchFull = { lines: 4_000, bytes: 3 * 1024 * 1024 } as const

export type Sealed = {
  /** They begin the memory that they lie in. */
  readonly lines: Uint8Array<ArrayBuffer>
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
  /** Memory to write the lines to, while it is enough. */
  readonly room: Buffer<ArrayBuffer>
}): Batcher {
  const { chain, start, segment, host, epochKey, clock } = options
  const { epoch } = start
  const own = createNoteSigner(epochKeyName(chain, epoch.number), epochKey)
  const lines = createLineWriter(chain, start, options.room)
  const side: string[] = []
  const extents: Extent[] = []
  let sideBytes = 0
  let batch = { firstSeq: start.nextSeq, from: 0, sideFrom: 0 }

  function addHead(sensor: JsonObject | undefined): void {
    const timeNs = clock.nowNs()
    const { nextSeq: seq } = lines
    const place = { chain, epoch: epoch.number, prev: lines.tip(), seq, time: rfc3339(timeNs) }
    const text = headTextV2(sha256, place, sensor)
    const note = host.sign(text) + own.signature(text)
    lines.line({ head: sensor === undefined ? { note } : { note, sensor } }, timeNs)
    extents.push({
      firstSeq: batch.firstSeq,
      count: lines.nextSeq - batch.firstSeq,
      offset: segment.bytes + batch.from,
      bytes: lines.bytes - batch.from,
      sideOffset: segment.sideBytes + batch.sideFrom,
      sideBytes: sideBytes - batch.sideFrom,
    })
    batch = { firstSeq: lines.nextSeq, from: lines.bytes, sideFrom: sideBytes }
  }

  const add = (body: Body) => lines.line(body, clock.nowNs())
  const isFull = () => lines.nextSeq - batch.firstSeq >= batchFull.lines || lines.bytes - batch.from >= batchFull.bytes

  return {
    add,
    addDraft(draft) {
      // Only now, for behind the last line of an append there is a head anyway.
      if (isFull()) addHead(undefined)
      const { event, side: values } = commitPersonal(draft)
      const row = values && `${lines.nextSeq} ${values}\n`
      lines.event(event, draft.timeNs)
      if (row !== undefined) sideBytes += Buffer.byteLength(row)
      if (row !== undefined) side.push(row)
    },
    end(sensor, close) {
      const firstSeq = epoch.firstSeq ?? lines.nextSeq
      if (close !== undefined) add({ close: { ...close, first_seq: firstSeq, lines: lines.nextSeq - firstSeq } })
      // The account stands in the last head alone, so that a crash never keeps it without all that it accounts for.
      addHead(sensor)
      const { nextSeq } = lines
      return {
        lines: lines.written(),
        side: Buffer.from(side.join('')),
        extents,
        end: { nextSeq, tip: lines.tip(), epoch: close === undefined ? epoch : epochAfter(epoch, close, nextSeq) },
      }
    },
  }
}

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
