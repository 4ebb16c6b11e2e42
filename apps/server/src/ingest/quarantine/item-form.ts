// SPDX-License-Identifier: Apache-2.0

import { canonicalize, type Json } from '@sealwatch/base'
import { type ChainPosition, sha256 } from '@sealwatch/ledger'
import { ingestError } from '../errors.ts'

/** Who sent it: where from, and by which certificate (hex serial) or token (its id). */
export type Sender = { readonly address: string; readonly certificate: string | null; readonly token: string | null }

export const unknownSender: Sender = { address: '', certificate: null, token: null }

/** What stands beside quarantined bytes, sealed with them (quarantine.md, 2). */
export type Beside = {
  readonly encoding: string
  readonly peer: Sender
  /** By this server's clock, RFC 3339: as of then its key is judged, whenever that is. */
  readonly receivedAt: string
  /** Where the chain stood, as the bytes were judged by it; null: they are of no chain. */
  readonly position: ChainPosition | null
  /** Personal values by the number of their line, as they came. */
  readonly side: readonly (readonly [seq: number, values: Uint8Array])[]
}

export type Item = {
  readonly bytes: Uint8Array /** Undefined: kept before there was any. */
  readonly beside: Beside | undefined
}

const newline = 0x0a

/** One line of canonical JSON, and the bytes behind it, exactly as they came. */
export function itemForm({ encoding, peer, receivedAt, position, side }: Beside, bytes: Uint8Array): Uint8Array {
  const header = canonicalize({
    encoding,
    peer: { ...peer },
    position: position === null ? null : (JSON.parse(JSON.stringify(position)) as Json),
    received_at: receivedAt,
    side: side.map(([seq, values]) => [seq, Buffer.from(values).toString('base64')]),
    v: 1,
  })
  return Buffer.concat([Buffer.from(`${header}\n`), bytes])
}

/** Throws QUARANTINE_ALTERED unless the bytes are those of the item's name. */
export function readItem(item: string, opened: Uint8Array): Item {
  const isItem = (bytes: Uint8Array) => sha256(bytes).toHex() === item
  if (isItem(opened)) return { bytes: opened, beside: undefined }
  const end = opened.indexOf(newline)
  const bytes = opened.subarray(end + 1)
  if (end < 0 || !isItem(bytes))
    throw ingestError('QUARANTINE_ALTERED', { attempted: `reading the quarantined bytes ${item}`, received: 'others' })
  const { encoding, peer, position, received_at, side } = JSON.parse(
    Buffer.from(opened.subarray(0, end)).toString(),
  ) as {
    encoding: string
    peer: Sender
    position: ChainPosition | null
    received_at: string
    side: [number, string][]
  }
  const values = side.map(([seq, text]) => [seq, new Uint8Array(Buffer.from(text, 'base64'))] as const)
  return { bytes, beside: { encoding, peer, receivedAt: received_at, position, side: values } }
}
