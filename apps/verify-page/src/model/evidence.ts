// SPDX-License-Identifier: Apache-2.0

import { errorsOf } from '@sealwatch/base/errors'
import {
  type BundleReport,
  chainErrors,
  type KeyRecord,
  type Line,
  type SideValues,
  verifyBundle,
} from '@sealwatch/ledger/verify'
import { type BundleMap, createBundleMap } from './bundle-map.ts'
import { type Column, column } from './columns.ts'
import { verifyEd25519 } from './ed25519.ts'
import { type BundleHeader, readVerifiedHeader } from './header.ts'
import { createRsaChecks } from './rsa.ts'
import { sha256 } from './sha256.ts'
import { policyOf, type Trust } from './trust.ts'
import { kindOf, type LineKind, type LineWords, lineKinds, severityOf, wordsOf } from './words.ts'

/** A file that can be read in parts, as a browser's File and node's Blob can. */
export type BundleFile = Pick<Blob, 'size' | 'slice' | 'stream'>

/** What the page needs of a bundle once it is judged. Lines are read from the file again when they are asked for. */
export type Evidence = {
  readonly report: BundleReport
  /** Undefined unless the report is good: before that, nothing in the file means anything. */
  readonly shown: Shown | undefined
}

export type Shown = {
  readonly header: BundleHeader
  readonly hostKeys: readonly KeyRecord[]
  readonly gaps: BundleMap['gaps']
  readonly kinds: Readonly<Record<LineKind, number>>
  readonly map: BundleMap
  readonly rows: number
  readonly leaf: Column
  readonly kind: Column
  readonly severity: Column
  /** First and last time that a shown line names. */
  readonly span: { readonly first: string; readonly last: string } | undefined
  readonly read: (offset: number, bytes: number) => Promise<Uint8Array>
  /** Row -> its line as bytes, what it says, and its personal values. */
  line(row: number): Promise<ShownLine>
  /** Many of them; those that stand close to each other in the file are read at once. */
  lines(rows: readonly number[]): Promise<ShownLine[]>
}

export type ShownLine = {
  readonly row: number
  readonly leaf: number
  readonly fileLine: number
  readonly bytes: Uint8Array
  readonly line: Line
  readonly side: SideValues | undefined
  readonly words: LineWords
}

const hostKeysMax = 1000
const hostNamesMax = 10_000
const readBytesMax = 1024 * 1024

/** Verifies `file` with the verifier's own code, and notes on the way where everything stands. */
export async function examine(
  file: BundleFile,
  trust: Trust,
  onProgress?: (bytesDone: number) => void,
): Promise<Evidence> {
  const map = createBundleMap(sha256)
  const leaf = column(Float64Array)
  const kind = column(Uint8Array)
  const severity = column(Uint8Array)
  const hostKeys = new Map<string, KeyRecord>()
  const hosts = new Map<string, string>()
  const kinds = Object.fromEntries(lineKinds.map((name) => [name, 0])) as Record<LineKind, number>
  let first: string | undefined
  let last: string | undefined
  let bytesDone = 0

  const onLine = (line: Line, at: number): void => {
    const lineKind = kindOf(line)
    leaf.push(at)
    kind.push(lineKinds.indexOf(lineKind))
    severity.push(severityOf(line))
    kinds[lineKind] += 1
    if (first === undefined || line.time < first) first = line.time
    if (last === undefined || line.time > last) last = line.time
    if ('key' in line && hostKeys.size < hostKeysMax) hostKeys.set(line.key.key_id, line.key)
    const host = 'anchor' in line ? hostKeys.get(line.anchor.key_id ?? '')?.host_id : undefined
    if (host !== undefined && hosts.size < hostNamesMax) hosts.set(line.chain, host)
    if ('key' in line) hosts.set(line.key.key_id, line.key.host_id)
  }
  const onBytes = (bytes: number): void => {
    bytesDone += bytes
    onProgress?.(bytesDone)
  }
  async function* mapped() {
    for await (const chunk of chunksOf(file)) {
      map.take(chunk)
      yield chunk
      await rsa.room()
    }
  }

  const witnesses = policyOf(trust)
  // By the row that is judged.
  const rsa = createRsaChecks(() => leaf.length)
  const judged = await verifyBundle(mapped(), {
    sha256,
    verify: verifyEd25519,
    ...(rsa.verify && { verifyRsa: rsa.verify }),
    trust: trust.vkeys,
    onLine,
    onBytes,
    ...(witnesses === undefined ? {} : { witnesses }),
  })
  // What was judged behind it is further down than a signature that turns out not to hold.
  const wrong = await rsa.settled()
  const report = wrong === undefined ? judged : unverified(judged, map.fileLine.at(wrong))
  if (!report.ok) return { report, shown: undefined }
  if (map.offset.length !== leaf.length) throw new Error('the map and the verifier disagree about the number of lines')
  const read = async (offset: number, bytes: number) =>
    new Uint8Array(await file.slice(offset, offset + bytes).arrayBuffer())
  const endOf = (row: number) => map.offset.at(row) + map.bytes.at(row) + 1 + map.revealBytes.at(row)
  const lines = async (rows: readonly number[]): Promise<ShownLine[]> => {
    const found: ShownLine[] = []
    for (let i = 0; i < rows.length; ) {
      const start = map.offset.at(rows[i] as number)
      let next = i + 1
      while (next < rows.length && endOf(rows[next] as number) - start <= readBytesMax) next += 1
      const text = await read(start, endOf(rows[next - 1] as number) - start)
      for (; i < next; i += 1) {
        const row = rows[i] as number
        const at = map.offset.at(row) - start
        const end = at + map.bytes.at(row)
        found.push(shownLine(row, text.subarray(at, end), text.subarray(end + 1, end + 1 + map.revealBytes.at(row))))
      }
    }
    return found
  }
  const line = async (row: number) => (await lines([row]))[0] as ShownLine
  const shownLine = (row: number, bytes: Uint8Array, reveal: Uint8Array): ShownLine => {
    const parsed = JSON.parse(utf8.decode(bytes)) as Line
    const side = reveal.length === 0 ? undefined : (JSON.parse(utf8.decode(reveal)) as { reveal: SideValues }).reveal
    const words = wordsOf(parsed, side, hosts)
    return { row, leaf: leaf.at(row), fileLine: map.fileLine.at(row), bytes, line: parsed, side, words }
  }
  const shown: Shown = {
    header: readVerifiedHeader(map.header),
    hostKeys: [...hostKeys.values()],
    gaps: map.gaps,
    kinds,
    map,
    rows: leaf.length,
    leaf,
    kind,
    severity,
    span: first === undefined || last === undefined ? undefined : { first, last },
    read,
    line,
    lines,
  }
  return { report, shown }
}

function unverified(report: BundleReport, fileLine: number): BundleReport {
  const attempted = 'checking an RSA signature'
  const { code, message } = chainError('SUBMISSION_UNVERIFIED', { attempted, received: `line ${fileLine} of the file` })
  return {
    ...report,
    ok: false,
    problem: { fileLine, leaf: undefined, chain: undefined, seq: undefined, code, message },
  }
}

const utf8 = new TextDecoder()
const chainError = errorsOf(chainErrors)

/** By its reader, for not every browser's stream is an async iterable. */
async function* chunksOf(file: BundleFile): AsyncGenerator<Uint8Array> {
  const reader = file.stream().getReader()
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}
