// SPDX-License-Identifier: Apache-2.0

import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import {
  type AppendFile,
  type Clock,
  createBell,
  type Disk,
  type ErrorTable,
  errorsOf,
  isSealwatchError,
  type JsonObject,
} from '@sealwatch/base'
import type { Ed25519Signer } from '@sealwatch/keys'
import { createNoteSigner } from '../note-signer.ts'
import { type ChainPosition, chainStart, headText } from '../verify/chain.ts'
import type { Anchor } from '../verify/line.ts'
import { type Draft, type SealedLine, sealDraft, sealLine } from './seal.ts'
import {
  type Extent,
  firstSeqOf,
  readExtent,
  type Segment,
  scanSegment,
  segmentForm,
  segmentName,
  sideFile,
} from './segment.ts'

export const chainFileErrors = {
  CHAIN_FULL: {
    kind: 'exhausted',
    rule: 'lines that the server has not acknowledged fill at most max_audit_log_size_mb',
    advice: 'Restore the connection to the server or raise the limit; what is dropped meanwhile is counted',
  },
} as const satisfies ErrorTable
const chainFileError = errorsOf(chainFileErrors)

export type ChainOptions = {
  readonly dir: string
  readonly tenant: string
  readonly signer: Ed25519Signer
  readonly clock: Clock
  readonly disk: Disk
  /** A file that has reached this size is not written on: the next batch begins a new one with an anchor. */
  readonly segmentBytesMax: number
  /** All files together; shipped ones make room first. */
  readonly totalBytesMax: number
}

/** A whole batch as it lies on disk: `count` lines, each ended by a newline, the last one a head. */
export type ChainBatch = {
  readonly chain: string
  readonly firstSeq: number
  readonly count: number
  readonly lines: Uint8Array
  readonly side: readonly { readonly seq: number; readonly values: Uint8Array }[]
}

export type Chain = {
  readonly id: string
  readonly tenant: string
  readonly position: ChainPosition
  /** Everything before this number is in the server's ledger. */
  readonly shipped: number
  /** Bytes of all files. */
  readonly bytes: number
  /** The `sensor` member of the newest head: what had been consumed when it was sealed. */
  readonly sensor: JsonObject | undefined
  /** True when the files on disk did not hang together and this chain was begun in their place. */
  readonly replacesDamaged: boolean
  /**
   * Seals events and heads over them, one for each batch they fill, in a single durable append. When it rejects with
   * DISK_FULL or CHAIN_FULL nothing of it is sealed. A crash meanwhile leaves nothing of it, or all; where no account
   * of the sensor was ever given, perhaps its first batches.
   */
  seal(drafts: readonly Draft[], sensor?: JsonObject): Promise<void>
  /** The batch that starts at `seq`; undefined when there is none. */
  readBatch(seq: number): Promise<ChainBatch | undefined>
  waitFor(seq: number, signal: AbortSignal): Promise<void>
  /** The server has everything before `nextSeq` on stable storage. */
  acknowledge(nextSeq: number): Promise<void>
  close(): Promise<void>
}

/** A head follows once a batch has met either: with one more line it stays within the limits of the wire. */
const batchFull = { lines: 512, bytes: 3 * 1024 * 1024 } as const

/** Opens the chain in `dir`, or begins one; a damaged chain is set aside whole, and a new one begins in its place. */
export async function openChain(options: ChainOptions): Promise<Chain> {
  const { dir, clock, disk } = options
  await disk.makeDirectory(dir)
  try {
    return await createChain(options, await load(options), false)
  } catch (cause) {
    if (!isSealwatchError(cause, 'CHAIN_DAMAGED')) throw cause
    await disk.rename(dir, `${dir}.damaged-${clock.nowMs()}`)
    await disk.makeDirectory(dir)
    return createChain(options, await load(options), true)
  }
}

type Loaded = {
  id: string
  segments: Segment[]
  position: ChainPosition
  shipped: number
  sensor: JsonObject | undefined
}

async function load(options: ChainOptions): Promise<Loaded> {
  const { dir, disk } = options
  const files = (await disk.list(dir)).filter((name) => segmentForm.test(name))
  const shipped = await readShipped(dir, disk)
  const loaded: Loaded = { id: '', segments: [], position: chainStart, shipped, sensor: undefined }
  for (const [i, file] of files.entries()) {
    const [next, nextButOne] = files.slice(i + 1)
    // The newest may turn out to be the begin of an append that a crash cut short: then the one before it counts.
    if (next !== undefined && nextButOne !== undefined && firstSeqOf(next) <= shipped) {
      const bytes = (await disk.sizeOf(join(dir, file))) ?? 0
      const sideBytes = (await disk.sizeOf(join(dir, sideFile(file)))) ?? 0
      loaded.segments.push({ file, bytes, sideBytes, extents: undefined })
      continue
    }
    const isFirst = loaded.id === ''
    // Older files may have been reclaimed or need no reading: the first one read says itself where it begins.
    const start = isFirst && firstSeqOf(file) > 0 ? { nextSeq: firstSeqOf(file), tip: null } : loaded.position
    const { sensor } = loaded
    const scan = await scanSegment(dir, file, start, { ...options, sensor, isNewest: next === undefined })
    if (scan.segment.extents.length === 0) {
      await removeSegment(disk, dir, file)
      continue
    }
    loaded.segments.push(scan.segment)
    loaded.id ||= scan.chain
    loaded.position = scan.end
    loaded.sensor = scan.sensor
  }
  return loaded
}

async function readShipped(dir: string, disk: Disk): Promise<number> {
  const stored = await disk.read(join(dir, 'shipped.json'))
  try {
    const { next_seq } = JSON.parse(Buffer.from(stored ?? []).toString('utf8')) as { next_seq?: unknown }
    return Number.isSafeInteger(next_seq) && (next_seq as number) > 0 ? (next_seq as number) : 0
  } catch {
    // Without the cursor everything on disk is offered again, and the server knows what it already has.
    return 0
  }
}

async function removeSegment(disk: Disk, dir: string, file: string): Promise<void> {
  await disk.remove(join(dir, file))
  await disk.remove(join(dir, sideFile(file)))
}

function createChain(options: ChainOptions, loaded: Loaded, replacesDamaged: boolean): Chain {
  const { dir, tenant, signer, clock, disk, segmentBytesMax, totalBytesMax } = options
  const id = loaded.id || randomBytes(16).toString('hex')
  const head = createNoteSigner(`sealwatch.dev/key/${signer.keyId}`, signer)
  const bell = createBell()
  let { segments, position, shipped, sensor } = loaded
  let open: { file: string; lines: AppendFile; side: AppendFile } | undefined
  let queue: Promise<unknown> = Promise.resolve()

  const serially = <T>(work: () => Promise<T>): Promise<T> => {
    const result = queue.then(work)
    queue = result.catch(() => undefined)
    return result
  }
  const totalBytes = () => segments.reduce((sum, { bytes, sideBytes }) => sum + bytes + sideBytes, 0)

  async function openFiles(file: string): Promise<{ lines: AppendFile; side: AppendFile }> {
    if (open?.file === file) return open
    await closeFiles()
    const lines = await disk.openAppend(join(dir, file))
    try {
      open = { file, lines, side: await disk.openAppend(join(dir, sideFile(file))) }
      return open
    } catch (cause) {
      await lines.close()
      throw cause
    }
  }

  async function closeFiles(): Promise<void> {
    await open?.lines.close()
    await open?.side.close()
    open = undefined
  }

  async function makeRoom(attempted: string): Promise<void> {
    while (totalBytes() >= totalBytesMax) {
      const [oldest, next] = segments
      if (oldest === undefined || next === undefined || firstSeqOf(next.file) > shipped) {
        throw chainFileError('CHAIN_FULL', { attempted, received: `${totalBytes()} of ${totalBytesMax} bytes used` })
      }
      await removeSegment(disk, dir, oldest.file)
      segments = segments.slice(1)
    }
  }

  async function append(drafts: readonly Draft[], sensorState: JsonObject | undefined): Promise<void> {
    await makeRoom(`sealing ${drafts.length} events of tenant ${tenant}`)
    const last = segments.at(-1)
    const current = last !== undefined && last.bytes < segmentBytesMax ? last : undefined
    const segment: Segment = current ?? { file: segmentName(position.nextSeq), bytes: 0, sideBytes: 0, extents: [] }
    const state = sensorState ?? sensor
    const extents: Extent[] = []
    let next = position
    let bytes = segment.bytes
    let sideBytes = segment.sideBytes
    let batch: SealedLine[] = []
    let batchBytes = 0
    const batches: SealedLine[][] = []

    const add = (line: SealedLine) => {
      batch.push(line)
      batchBytes += line.bytes + 1
      next = { nextSeq: line.seq + 1, tip: line.hash }
    }
    const closeBatch = (account?: JsonObject) => {
      const note = head.sign(headText(id, next.nextSeq, next.tip as string))
      add(sealLine(id, next, clock.nowNs(), { head: account === undefined ? { note } : { note, sensor: account } }))
      const firstSeq = next.nextSeq - batch.length
      const lengths = { bytes: batchBytes, sideBytes: Buffer.byteLength(batch.map(sideText).join('')) }
      extents.push({ firstSeq, count: batch.length, offset: bytes, sideOffset: sideBytes, ...lengths })
      bytes += lengths.bytes
      sideBytes += lengths.sideBytes
      batches.push(batch)
      batch = []
      batchBytes = 0
    }

    if (current === undefined) add(sealLine(id, next, clock.nowNs(), { anchor: anchorAfter(last) }))
    for (const draft of drafts) {
      add(sealDraft(id, next, draft))
      if (batch.length >= batchFull.lines || batchBytes >= batchFull.bytes) closeBatch()
    }
    // The account stands in the last head alone, so that a crash never keeps it without all that it accounts for.
    closeBatch(state)

    const { lines, side } = await openFiles(segment.file)
    const sealed = batches.flat()
    // Personal values first: if we stop between the two writes they belong to no line, and scanSegment cuts them off.
    if (sideBytes > segment.sideBytes) await side.append([Buffer.from(sealed.map(sideText).join(''))])
    await lines.append([Buffer.from(sealed.map(lineText).join(''))]).catch(async (cause: unknown) => {
      if (isSealwatchError(cause, 'DISK_FULL')) await side.truncate(segment.sideBytes)
      throw cause
    })

    segment.extents?.push(...extents)
    segment.bytes = bytes
    segment.sideBytes = sideBytes
    if (current === undefined) segments = [...segments, segment]
    position = next
    sensor = state
    bell.ring()
  }

  function anchorAfter(last: Segment | undefined): Anchor {
    const own = { tenant, key_id: signer.keyId, origin: null }
    if (last === undefined) return { ...own, prev_file: null, prev_last_hash: null, prev_sequence_num: null }
    return { ...own, prev_file: last.file, prev_last_hash: position.tip, prev_sequence_num: position.nextSeq - 1 }
  }

  async function extentsOf(segment: Segment): Promise<readonly Extent[]> {
    if (segment.extents === undefined) {
      const start = firstSeqOf(segment.file) === 0 ? chainStart : { nextSeq: firstSeqOf(segment.file), tip: null }
      const asRead = { ...options, sensor: undefined, isNewest: false }
      segment.extents = (await scanSegment(dir, segment.file, start, asRead)).segment.extents
    }
    return segment.extents
  }

  return {
    id,
    tenant,
    replacesDamaged,
    get position() {
      return position
    },
    get shipped() {
      return shipped
    },
    get bytes() {
      return totalBytes()
    },
    get sensor() {
      return sensor
    },
    seal: (drafts, sensorState) => serially(() => append(drafts, sensorState)),
    readBatch: (seq) =>
      serially(async () => {
        const segment = segments.findLast(({ file }) => firstSeqOf(file) <= seq)
        const extent = segment && extentAt(await extentsOf(segment), seq)
        if (segment === undefined || extent === undefined) return undefined
        const { lines, side } = await readExtent(disk, dir, segment.file, extent)
        return { chain: id, firstSeq: seq, count: extent.count, lines, side: parseSide(side) }
      }),
    waitFor: async (seq, signal) => {
      while (!signal.aborted && position.nextSeq <= seq) await bell.wait(signal)
    },
    acknowledge: (nextSeq) =>
      serially(async () => {
        if (nextSeq <= shipped) return
        await disk.replace(join(dir, 'shipped.json'), `${JSON.stringify({ next_seq: nextSeq })}\n`)
        shipped = nextSeq
      }),
    close: () => serially(closeFiles),
  }
}

const lineText = ({ text }: SealedLine) => `${text}\n`
const sideText = ({ seq, side }: SealedLine) => (side === undefined ? '' : `${seq} ${side}\n`)

/** Extents lie in order, so a search by halves finds the one that starts at `seq`. */
function extentAt(extents: readonly Extent[], seq: number): Extent | undefined {
  let [low, high] = [0, extents.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((extents[middle] as Extent).firstSeq < seq) low = middle + 1
    else high = middle
  }
  return extents[low]?.firstSeq === seq ? extents[low] : undefined
}

function parseSide(side: Uint8Array): ChainBatch['side'] {
  const rows = Buffer.from(side).toString('utf8').split('\n').slice(0, -1)
  return rows.map((row) => {
    const space = row.indexOf(' ')
    return { seq: Number(row.slice(0, space)), values: Buffer.from(row.slice(space + 1)) }
  })
}
