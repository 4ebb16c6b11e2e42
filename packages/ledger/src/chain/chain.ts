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
import type { ChainPosition } from '../verify/chain.ts'
import { type Epoch, firstEpoch } from '../verify/epoch.ts'
import { hostKeyName } from '../verify/head.ts'
import type { Anchor } from '../verify/line.ts'
import { createBatcher } from './batcher.ts'
import { type ChainBatch, readBatchAt, type Written } from './batches.ts'
import { type EpochKeys, openEpochKeys } from './epoch-keys.ts'
import { acknowledgedFile, acknowledgedText, keptCheckpoint, type Loaded, loadChain, removeSegment } from './load.ts'
import { type Rotation, watchRotation } from './rotation.ts'
import type { Draft } from './seal.ts'
import { firstSeqOf, type Segment, segmentName, sideFile } from './segment.ts'

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
  /** An epoch that has met either is closed (chain.md, 5). */
  readonly epochMax?: { readonly lines: number; readonly ageMs: number }
  /** Called when the file that is written on was renamed or emptied; sealing goes on in a new one. */
  readonly onRotation?: (rotation: Rotation) => void
  /** Somebody wrote into the personal values beside this file: what of them is of no line any more is left out. */
  readonly onValuesAltered?: (file: string) => void
}

/**
 * What the server has is kept here as long as all files together take less than this part of the limit. So a chain that
 * is fuller is full of what the server does not have, which somebody should know.
 */
const acknowledgedShare = 0.75

/** Of memory that is kept from one append to the next. */
const roomBytesMax = 8 * 1024 * 1024
const noRoom = Buffer.alloc(0)

export const epochMaxDefault = { lines: 65_536, ageMs: 10_000 } as const

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
  /** When the epoch is due to be closed, in nanoseconds of the monotonic clock; undefined while it has no line. */
  readonly epochDueNs: bigint | undefined
  /**
   * Closes the epoch, with or without lines in it: its key is destroyed, so that nobody who takes this host later can
   * alter, drop or cut what was sealed until now without it being seen. Rejects as `seal` does.
   */
  closeEpoch(sensor?: JsonObject): Promise<void>
  /** The server has everything before `nextSeq` on stable storage. `checkpoint`: the newest of the tenant, a signed note. */
  acknowledge(nextSeq: number, checkpoint?: string): Promise<void>
  close(): Promise<void>
}

/** Opens the chain in `dir`, or begins one; a damaged chain is set aside whole, and a new one begins in its place. */
export async function openChain(options: ChainOptions): Promise<Chain> {
  const { dir, clock, disk } = options
  await disk.makeDirectory(dir)
  try {
    return await begin(options, false)
  } catch (cause) {
    if (!isSealwatchError(cause, 'CHAIN_DAMAGED')) throw cause
    await disk.rename(dir, `${dir}.damaged-${clock.nowMs()}`)
    await disk.makeDirectory(dir)
    return await begin(options, true)
  }
}

async function begin(options: ChainOptions, replacesDamaged: boolean): Promise<Chain> {
  const loaded = await loadChain(options)
  const keys = await openEpochKeys(options.dir, options.disk, loaded.position)
  return createChain(options, loaded, keys, replacesDamaged)
}

function createChain(options: ChainOptions, loaded: Loaded, keys: EpochKeys, replacesDamaged: boolean): Chain {
  const { dir, tenant, signer, clock, disk, segmentBytesMax, totalBytesMax } = options
  const { epochMax = epochMaxDefault } = options
  const id = loaded.id || randomBytes(16).toString('hex')
  const host = createNoteSigner(hostKeyName(signer.keyId), signer)
  const bell = createBell()
  let { segments, position, acknowledged, sensor } = loaded
  const watch = watchRotation({ ...options, isRotated: loaded.isRotated, closeFiles })
  // Of an epoch that a stop left open nobody knows the age.
  let epochBeganNs = linesInEpoch() > 0 ? clock.monotonicNs() : undefined
  let open: { file: string; lines: AppendFile; side: AppendFile } | undefined
  let queue: Promise<unknown> = Promise.resolve()
  // The newest append lies there until the next is written: memory that is used again need not be collected again.
  let room = noRoom
  let newest: Written | undefined
  /** How many of the oldest files are without personal values. */
  let forgotten = 0

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

  /** Lets go of what the server has, and of nothing that no close says it has: a verifier would miss those lines. */
  async function makeRoom(attempted: string): Promise<void> {
    while (totalBytes() >= totalBytesMax * acknowledgedShare) {
      const [oldest, next] = segments
      const isFull = totalBytes() >= totalBytesMax
      const isLetGo = (nextSeq: number) => next !== undefined && firstSeqOf(next.file) <= nextSeq
      const recorded = () => position.epoch?.acknowledged ?? 0
      if (isFull && isLetGo(acknowledged.nextSeq) && !isLetGo(recorded())) await write([], sensor, true)
      if (!isFull && !isLetGo(recorded())) return
      if (oldest === undefined || !isLetGo(recorded())) {
        throw chainFileError('CHAIN_FULL', { attempted, received: `${totalBytes()} of ${totalBytesMax} bytes used` })
      }
      await removeSegment(disk, dir, oldest.file)
      segments = segments.slice(1)
      forgotten = Math.max(0, forgotten - 1)
    }
  }

  /**
   * Removes the personal values of files that the server has whole: it keeps them sealed, person by person, and here they
   * lie in the open (LOG-5). The lines stay, and prove what they proved.
   */
  async function forgetValues(): Promise<void> {
    const next = segments.findLastIndex(({ file }) => firstSeqOf(file) <= acknowledged.nextSeq)
    for (const segment of segments.slice(forgotten, Math.max(next, forgotten))) {
      if (segment.sideBytes > 0) await disk.remove(join(dir, sideFile(segment.file)))
      segment.sideBytes = 0
      segment.extents = undefined
      forgotten += 1
    }
  }

  function linesInEpoch(): number {
    return position.epoch === undefined ? 0 : position.nextSeq - (position.epoch.firstSeq ?? position.nextSeq)
  }
  const epochDueNs = () => (epochBeganNs === undefined ? undefined : epochBeganNs + BigInt(epochMax.ageMs) * 1_000_000n)
  const isEpochDue = (more: number) =>
    linesInEpoch() + more >= epochMax.lines || clock.monotonicNs() >= (epochDueNs() ?? clock.monotonicNs() + 1n)

  async function append(drafts: readonly Draft[], account: JsonObject | undefined, closes: boolean): Promise<void> {
    await makeRoom(`sealing ${drafts.length} events of tenant ${tenant}`)
    await write(drafts, account, closes)
  }

  async function write(drafts: readonly Draft[], account: JsonObject | undefined, closes: boolean): Promise<void> {
    const last = segments.at(-1)
    if (last !== undefined && watch.isOpen) await watch.look(last)
    // Epochs begin with a file: a chain of version 1 goes on in a new one.
    const isOpen = last !== undefined && last.bytes < segmentBytesMax && position.epoch !== undefined && watch.isOpen
    const current = isOpen ? last : undefined
    const segment: Segment = current ?? { file: segmentName(position.nextSeq), bytes: 0, sideBytes: 0, extents: [] }
    const epoch = position.epoch ?? firstEpoch(keys.current.publicKey.toHex(), position.nextSeq)
    const nextKey = closes || isEpochDue(drafts.length) ? await keys.prepare(epoch.number) : undefined
    newest = undefined
    const batcher = createBatcher({
      chain: id,
      start: { ...position, epoch },
      segment,
      host,
      epochKey: keys.current,
      clock,
      room,
    })
    if (current === undefined) batcher.add({ anchor: anchorAfter(last, epoch) })
    for (const draft of drafts) batcher.addDraft(draft)
    const state = account ?? sensor
    const sealed = batcher.end(state, nextKey && closeOf(nextKey))

    const { lines, side } = await openFiles(segment.file)
    // Personal values first: if we stop between the two writes they belong to no line, and scanSegment cuts them off.
    if (sealed.side.length > 0) await side.append([sealed.side])
    await lines.append([sealed.lines]).catch(async (cause: unknown) => {
      if (isSealwatchError(cause, 'DISK_FULL')) await side.truncate(segment.sideBytes)
      throw cause
    })

    newest = { file: segment.file, offset: segment.bytes, lines: sealed.lines }
    room = sealed.lines.buffer.byteLength > roomBytesMax ? noRoom : Buffer.from(sealed.lines.buffer)
    segment.extents?.push(...sealed.extents)
    segment.bytes += sealed.lines.length
    segment.sideBytes += sealed.side.length
    if (current === undefined) {
      segments = [...segments, segment]
      watch.begin()
    }
    watch.wrote(sealed.lines)
    position = sealed.end
    sensor = state
    epochBeganNs = nextKey === undefined ? (epochBeganNs ?? clock.monotonicNs()) : undefined
    bell.ring()
    if (nextKey !== undefined) await keys.promote(epoch.number, nextKey)
    await watch.look(segment)
  }

  const closeOf = (nextKey: Ed25519Signer) => ({
    next_key: nextKey.publicKey.toHex(),
    acknowledged: {
      // The cursor on disk may be lost; what a close has said once is said for good.
      next_seq: Math.max(Math.min(acknowledged.nextSeq, position.nextSeq), position.epoch?.acknowledged ?? 0),
      checkpoint: acknowledged.checkpoint,
    },
  })

  function anchorAfter(last: Segment | undefined, epoch: Epoch): Anchor {
    const own = {
      tenant,
      key_id: signer.keyId,
      origin: null,
      epoch_key: keys.current.publicKey.toHex(),
      epoch_first_seq: epoch.firstSeq ?? position.nextSeq,
      epoch_acknowledged: epoch.acknowledged,
    }
    if (last === undefined) return { ...own, prev_file: null, prev_last_hash: null, prev_sequence_num: null }
    return { ...own, prev_file: last.file, prev_last_hash: position.tip, prev_sequence_num: position.nextSeq - 1 }
  }

  return {
    id,
    tenant,
    replacesDamaged,
    get position() {
      return position
    },
    get shipped() {
      return acknowledged.nextSeq
    },
    get bytes() {
      return totalBytes()
    },
    get sensor() {
      return sensor
    },
    get epochDueNs() {
      return epochDueNs()
    },
    seal: (drafts, account) => serially(() => append(drafts, account, false)),
    closeEpoch: (account) => serially(() => append([], account, true)),
    readBatch: (seq) => serially(() => readBatchAt(options, { id, segments, seq, newest })),
    waitFor: async (seq, signal) => {
      while (!signal.aborted && position.nextSeq <= seq) await bell.wait(signal)
    },
    acknowledge: (nextSeq, checkpoint) =>
      serially(async () => {
        const kept = checkpoint === undefined ? null : keptCheckpoint(checkpoint)
        const next = { nextSeq, checkpoint: kept ?? acknowledged.checkpoint }
        if (nextSeq <= acknowledged.nextSeq) return
        await disk.replace(join(dir, acknowledgedFile), acknowledgedText(next))
        acknowledged = next
        await forgetValues()
      }),
    close: () => serially(closeFiles),
  }
}
