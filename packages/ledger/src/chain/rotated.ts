// SPDX-License-Identifier: Apache-2.0

import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { type Disk, errorsOf } from '@sealwatch/base'
import { segmentErrors } from './segment-errors.ts'

const segmentError = errorsOf(segmentErrors)

/** A file of a chain as it lies on disk: in one piece, or in parts since logrotate has been there (chain.md, 7). */
export type ChainFile = {
  readonly file: string
  /** Oldest first; together they are the file. The last may be the file itself. */
  readonly parts: readonly string[]
}

/** More than any file of ours: what is larger was not written by us, or unpacks to harm. */
export const fileBytesMax = 256 * 1024 * 1024

// NAME, NAME.1, NAME.1.gz, NAME-20261121, NAME-20261121.gz, NAME-20261121-1763733600: logrotate's own forms.
const form = /^(?<file>\d{16}\.ndjson)(?:\.(?<count>\d{1,6})|-(?<date>\d{8}(?:-?\d{1,12})?))?(?<gz>\.gz)?$/

type Part = { readonly name: string; readonly file: string; readonly place: string; readonly rank: [number, string] }

/** The files of a chain in order, with the parts that logrotate made of them. */
export function chainFilesIn(names: readonly string[]): ChainFile[] {
  const parts = new Map<string, Part>()
  for (const name of names) {
    const groups = form.exec(name)?.groups
    if (groups === undefined) continue
    const { file = '', count, date, gz } = groups
    const place = name.slice(0, name.length - (gz?.length ?? 0))
    if (place === file && gz !== undefined) continue
    // While logrotate compresses a part both are there, and only the one that is not compressed is whole.
    if (gz !== undefined && parts.has(place)) continue
    const isPlain = count === undefined && date === undefined
    parts.set(place, { name, file, place, rank: [isPlain ? 1 : -Number(count ?? 0), date ?? (isPlain ? '~' : '')] })
  }
  const byFile = Map.groupBy(parts.values(), ({ file }) => file)
  return [...byFile]
    .map(([file, own]) => ({ file, parts: own.sort(inOrder).map(({ name }) => name) }))
    .sort((a, b) => (a.file < b.file ? -1 : 1))
}

const inOrder = (a: Part, b: Part) =>
  a.rank[0] === b.rank[0] ? (a.rank[1] < b.rank[1] ? -1 : 1) : a.rank[0] - b.rank[0]

/** A part that is compressed meanwhile vanishes under its old name. */
const triesMax = 10

/** What each part holds, of those that are `wanted`. Throws CHAIN_DAMAGED. */
export async function readParts(
  disk: Disk,
  dir: string,
  { file, parts }: ChainFile,
  wanted: (part: string) => boolean = () => true,
): Promise<Uint8Array[]> {
  let names = parts
  for (let attempt = 1; ; attempt += 1) {
    const read = await readAll(disk, dir, names.filter(wanted))
    if (read !== undefined) return read
    if (attempt === triesMax) throw damaged(join(dir, file), 'parts that come and go')
    names = (await findChainFile(disk, dir, file)).parts
  }
}

async function readAll(disk: Disk, dir: string, parts: readonly string[]): Promise<Uint8Array[] | undefined> {
  const read: Uint8Array[] = []
  for (const name of parts) {
    const path = join(dir, name)
    const size = (await disk.sizeOf(path)) ?? 0
    if (size > fileBytesMax) throw damaged(path, `${size} bytes`)
    const bytes = await disk.read(path)
    if (bytes === undefined) return undefined
    const whole = name.endsWith('.gz') ? unpack(path, bytes) : bytes
    if (whole.length === 0) continue
    // Between the two steps of copytruncate the copy and the original hold the same lines: the original counts.
    const copy = read.findIndex((earlier) => isSameStart(earlier, whole))
    if (copy >= 0) read.length = copy
    read.push(whole)
  }
  return read
}

/** As it was written, from the parts that there are. */
export async function readChainFile(disk: Disk, dir: string, file: ChainFile): Promise<Uint8Array> {
  const parts = await readParts(disk, dir, file)
  return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts)
}

/** The file of that name as it lies there now. */
export async function findChainFile(disk: Disk, dir: string, file: string): Promise<ChainFile> {
  return chainFilesIn(await disk.list(dir)).find((found) => found.file === file) ?? { file, parts: [] }
}

export const isRotated = ({ file, parts }: ChainFile): boolean => parts.length !== 1 || parts[0] !== file

function isSameStart(a: Uint8Array, b: Uint8Array): boolean {
  const end = a.indexOf(0x0a)
  return end >= 0 && Buffer.compare(a.subarray(0, end + 1), b.subarray(0, end + 1)) === 0
}

function unpack(path: string, bytes: Uint8Array): Uint8Array {
  let unpacked: { buffer: Uint8Array; engine: { bytesWritten: number } }
  try {
    unpacked = gunzipSync(bytes, { maxOutputLength: fileBytesMax, info: true }) as unknown as typeof unpacked
  } catch (cause) {
    throw damaged(path, 'a compressed file that cannot be unpacked', cause)
  }
  const { buffer, engine } = unpacked
  if (engine.bytesWritten !== bytes.length) throw damaged(path, 'bytes behind the compressed ones')
  return buffer
}

const damaged = (path: string, received: string, cause?: unknown) =>
  segmentError('CHAIN_DAMAGED', { attempted: `reading ${path}`, received, cause })
