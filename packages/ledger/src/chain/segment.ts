// SPDX-License-Identifier: Apache-2.0

import { join } from 'node:path'
import { type Disk, errorsOf, type JsonObject, messageOf } from '@sealwatch/base'
import type { Ed25519Signer } from '@sealwatch/keys'
import { verifyEd25519 } from '@sealwatch/keys'
import { sha256 } from '../sha256.ts'
import { isTorn } from '../torn.ts'
import { type ChainPosition, extendChain } from '../verify/chain.ts'
import { readHead, verifyHead } from '../verify/head.ts'
import { type KeyRecord, parseLine } from '../verify/line.ts'
import { type ChainFile, findChainFile, readChainFile } from './rotated.ts'
import { segmentErrors } from './segment-errors.ts'

const segmentError = errorsOf(segmentErrors)

/** Where a batch lies: its lines in the segment, their personal values in the file beside it. */
export type Extent = {
  readonly firstSeq: number
  readonly count: number
  readonly offset: number
  readonly bytes: number
  readonly sideOffset: number
  readonly sideBytes: number
}

/**
 * A file of a chain, named after the number of its first line. `bytes` are those that were written, whatever logrotate
 * made of them. `extents` is undefined until somebody needs them.
 */
export type Segment = { readonly file: string; bytes: number; sideBytes: number; extents: Extent[] | undefined }

export type Scan = {
  readonly segment: Segment & { extents: Extent[] }
  readonly chain: string
  readonly end: ChainPosition
  readonly sensor: JsonObject | undefined
}

export const segmentName = (firstSeq: number): string => `${String(firstSeq).padStart(16, '0')}.ndjson`
export const firstSeqOf = (file: string): number => Number(file.slice(0, 16))
export const sideFile = (file: string): string => file.replace('.ndjson', '.side')

/**
 * Reads a segment and finds its batches. In the newest segment the last append may have been cut short by a crash: what
 * follows its last whole append is then taken back, for it was never reported as sealed. A whole line that is out of
 * form or out of place was not cut short, so it is CHAIN_DAMAGED.
 */
export async function scanSegment(
  dir: string,
  chainFile: ChainFile,
  start: ChainPosition,
  options: {
    isNewest: boolean
    sensor: JsonObject | undefined
    tenant: string
    signer: Ed25519Signer
    disk: Disk
  },
): Promise<Scan> {
  const { isNewest, tenant, signer, disk } = options
  const { file } = chainFile
  const attempted = `opening the chain file ${join(dir, file)}`
  const bytes = await readChainFile(disk, dir, chainFile)
  const side = (await disk.read(join(dir, sideFile(file)))) ?? new Uint8Array(0)
  const sideRows = createSideCursor(side)
  const extents: Extent[] = []
  const key = keyRecordOf(signer)
  let { sensor } = options
  let chain = ''
  let position = start
  let batch = { firstSeq: start.nextSeq, offset: 0 }
  let whole = { batches: 0, bytes: 0, sideBytes: 0, end: start }
  try {
    for (let from = 0; from < bytes.length; ) {
      const newline = bytes.indexOf(0x0a, from)
      if (isNewest && isTorn(bytes, from, newline)) break
      if (newline < 0) throw new RangeError('a line without its newline')
      if (firstSeqOf(file) !== start.nextSeq) throw new RangeError(`a file where ${segmentName(start.nextSeq)} was due`)
      const parsed = parseLine(sha256, bytes.subarray(from, newline), attempted)
      chain ||= parsed.line.chain
      if (parsed.line.chain !== chain) throw new RangeError(`a line of chain ${parsed.line.chain}`)
      if ('anchor' in parsed.line && parsed.line.anchor.tenant !== tenant)
        throw new RangeError(`a line of the tenant ${parsed.line.anchor.tenant}`)
      const { epoch } = position
      position = extendChain(position, parsed, attempted)
      from = newline + 1
      if (!('head' in parsed.line)) continue
      verifyHead(sha256, verifyEd25519, readHead(parsed, attempted), key, attempted, epoch)
      const count = position.nextSeq - batch.firstSeq
      extents.push({ ...batch, count, bytes: from - batch.offset, ...sideRows.takeBefore(position.nextSeq) })
      batch = { firstSeq: position.nextSeq, offset: from }
      // The last head of an append has the sensor's account; one without it, after others had it, does not end its append.
      const account = parsed.line.head.sensor
      if (account === undefined && sensor !== undefined) continue
      sensor = account
      whole = { batches: extents.length, bytes: from, sideBytes: sideRows.taken, end: position }
    }
    if (!isNewest && whole.bytes < bytes.length) throw new RangeError('lines after the last whole append')
  } catch (cause) {
    throw segmentError('CHAIN_DAMAGED', { attempted, received: messageOf(cause), cause })
  }
  if (whole.bytes < bytes.length) {
    // Only the last part is written on, and only there a write can have been cut short.
    const kept = whole.bytes - bytes.length + ((await disk.sizeOf(join(dir, file))) ?? 0)
    if (kept < 0) throw segmentError('CHAIN_DAMAGED', { attempted, received: 'a torn line in a rotated file' })
    await cut(disk, join(dir, file), kept)
  }
  if (whole.sideBytes < side.length) await cut(disk, join(dir, sideFile(file)), whole.sideBytes)
  extents.length = whole.batches
  return { segment: { file, bytes: whole.bytes, sideBytes: whole.sideBytes, extents }, chain, end: whole.end, sensor }
}

/** Rows are "<seq> <values>\n" in order of seq. */
function createSideCursor(side: Uint8Array) {
  let taken = 0
  return {
    get taken() {
      return taken
    },
    takeBefore(seq: number): { sideOffset: number; sideBytes: number } {
      const sideOffset = taken
      for (;;) {
        const newline = side.indexOf(0x0a, taken)
        if (newline < 0 || Number.parseInt(Buffer.from(side.subarray(taken, taken + 20)).toString('latin1'), 10) >= seq)
          break
        taken = newline + 1
      }
      return { sideOffset, sideBytes: taken - sideOffset }
    },
  }
}

/** What there is of it: the lines are evidence without their values, too. */
export const readSideExtent = async (
  disk: Disk,
  dir: string,
  { file }: Segment,
  { sideOffset, sideBytes }: Extent,
): Promise<Uint8Array> =>
  (sideBytes === 0 ? undefined : await disk.readAt(join(dir, sideFile(file)), sideOffset, sideBytes)) ??
  new Uint8Array(0)

export async function readExtent(
  disk: Disk,
  dir: string,
  { file, bytes }: Segment,
  extent: Extent,
): Promise<Uint8Array> {
  const path = join(dir, file)
  if ((await disk.sizeOf(path)) === bytes) return readAt(disk, path, extent.offset, extent.bytes)
  const whole = await readChainFile(disk, dir, await findChainFile(disk, dir, file))
  if (whole.length < extent.offset + extent.bytes)
    throw segmentError('CHAIN_DAMAGED', { attempted: `reading ${path}`, received: `${whole.length} of ${bytes} bytes` })
  return whole.subarray(extent.offset, extent.offset + extent.bytes)
}

async function readAt(disk: Disk, path: string, offset: number, length: number): Promise<Uint8Array> {
  const bytes = await disk.readAt(path, offset, length)
  if (bytes?.length === length) return bytes
  throw segmentError('CHAIN_DAMAGED', {
    attempted: `reading ${length} bytes at ${offset} of ${path}`,
    received: bytes === undefined ? 'no file' : `${bytes.length} bytes`,
  })
}

async function cut(disk: Disk, path: string, size: number): Promise<void> {
  const file = await disk.openAppend(path)
  try {
    await file.truncate(size)
  } finally {
    await file.close()
  }
}

const keyRecordOf = (signer: Ed25519Signer): KeyRecord => ({
  algorithm: 'ed25519',
  host_id: 'self',
  key_id: signer.keyId,
  public_key: signer.publicKey.toHex(),
  valid_from: '',
  valid_until: null,
})
