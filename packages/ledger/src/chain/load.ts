// SPDX-License-Identifier: Apache-2.0

import { join } from 'node:path'
import type { Disk, JsonObject } from '@sealwatch/base'
import type { Ed25519Signer } from '@sealwatch/keys'
import { type ChainPosition, chainStart } from '../verify/chain.ts'
import { noteCharsMax } from '../verify/line.ts'
import { parseNote } from '../verify/note.ts'
import { chainFilesIn, findChainFile, isRotated, readChainFile } from './rotated.ts'
import { firstSeqOf, type Segment, scanSegment, sideFile } from './segment.ts'

/** What the server has said that it has: every line before `nextSeq`; its newest signed checkpoint. */
export type Acknowledged = { readonly nextSeq: number; readonly checkpoint: string | null }

export type Loaded = {
  id: string
  segments: Segment[]
  position: ChainPosition
  acknowledged: Acknowledged
  sensor: JsonObject | undefined
  /** The newest file was rotated: it is not written on. */
  isRotated: boolean
}

/** Reads the files of a chain; throws CHAIN_DAMAGED. */
export async function loadChain(options: {
  readonly dir: string
  readonly tenant: string
  readonly signer: Ed25519Signer
  readonly disk: Disk
}): Promise<Loaded> {
  const { dir, disk } = options
  const files = chainFilesIn(await disk.list(dir))
  const acknowledged = await readAcknowledged(dir, disk)
  const shipped = acknowledged.nextSeq
  const loaded: Loaded = {
    id: '',
    segments: [],
    position: chainStart,
    acknowledged,
    sensor: undefined,
    isRotated: false,
  }
  for (const [i, chainFile] of files.entries()) {
    const { file } = chainFile

    const [next, nextButOne] = files.slice(i + 1)
    // The newest may turn out to be the begin of an append that a crash cut short: then the one before it counts.
    if (next !== undefined && nextButOne !== undefined && firstSeqOf(next.file) <= shipped) {
      const bytes = isRotated(chainFile)
        ? (await readChainFile(disk, dir, chainFile)).length
        : ((await disk.sizeOf(join(dir, file))) ?? 0)
      const sideBytes = (await disk.sizeOf(join(dir, sideFile(file)))) ?? 0
      loaded.segments.push({ file, bytes, sideBytes, extents: undefined })
      continue
    }
    const isFirst = loaded.id === ''
    // Older files may have been reclaimed or need no reading: the first one read says itself where it begins.
    const start = isFirst && firstSeqOf(file) > 0 ? { nextSeq: firstSeqOf(file), tip: null } : loaded.position
    const { sensor } = loaded
    const scan = await scanSegment(dir, chainFile, start, { ...options, sensor, isNewest: next === undefined })
    if (scan.segment.extents.length === 0) {
      await removeSegment(disk, dir, file)
      continue
    }
    loaded.segments.push(scan.segment)
    loaded.id ||= scan.chain
    loaded.position = scan.end
    loaded.sensor = scan.sensor
    loaded.isRotated = isRotated(chainFile)
  }
  const newest = loaded.segments.at(-1)
  if (newest !== undefined && !loaded.isRotated) await makeDurable(disk, dir, newest.file)
  return loaded
}

/** What was read may be in memory alone, left by a process whose last sync failed; the file may be full and not be opened again. */
async function makeDurable(disk: Disk, dir: string, file: string): Promise<void> {
  for (const path of [join(dir, file), join(dir, sideFile(file))])
    if ((await disk.sizeOf(path)) !== undefined) await (await disk.openAppend(path)).close()
}

export const acknowledgedText = ({ nextSeq, checkpoint }: Acknowledged): string =>
  `${JSON.stringify({ next_seq: nextSeq, checkpoint })}\n`

export const acknowledgedFile = 'shipped.json'

async function readAcknowledged(dir: string, disk: Disk): Promise<Acknowledged> {
  const stored = await disk.read(join(dir, acknowledgedFile))
  try {
    const { next_seq, checkpoint } = JSON.parse(Buffer.from(stored ?? []).toString('utf8')) as Record<string, unknown>
    const nextSeq = Number.isSafeInteger(next_seq) && (next_seq as number) > 0 ? (next_seq as number) : 0
    return { nextSeq, checkpoint: typeof checkpoint === 'string' ? keptCheckpoint(checkpoint) : null }
  } catch {
    // Without the cursor everything on disk is offered again, and the server knows what it already has.
    return { nextSeq: 0, checkpoint: null }
  }
}

/** The note as a close carries it: null where it does not fit a line, or is none. */
export function keptCheckpoint(note: string): string | null {
  try {
    parseNote(note, 'keeping a checkpoint of the server')
    return note.length <= noteCharsMax ? note : null
  } catch {
    return null
  }
}

export async function removeSegment(disk: Disk, dir: string, file: string): Promise<void> {
  const { parts } = await findChainFile(disk, dir, file)
  for (const part of parts) await disk.remove(join(dir, part))
  await disk.remove(join(dir, sideFile(file)))
}
