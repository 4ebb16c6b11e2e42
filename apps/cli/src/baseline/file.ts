// SPDX-License-Identifier: Apache-2.0

import { createHash } from 'node:crypto'
import { type FileHandle, open, rm } from 'node:fs/promises'
import { isSealwatchError } from '@sealwatch/base'
import type { Json } from '@sealwatch/base/json'
import { type DsseEnvelope, type DsseVerifier, openDsse, parseDsse } from '@sealwatch/keys'
import { fileError } from '../errors.ts'
import { baselineError } from './errors.ts'
import { comparePaths, formatRow, parseRow, type Row, rowCharsMax } from './row.ts'
import { baselineType, readStatement, type Statement } from './statement.ts'

export const rowsMax = 10_000_000
/** A statement of a KMS's size, and sixteen signatures. */
const envelopeBytesMax = 256 * 1024
const lineFeed = 0x0a

/** What rows come to; `sha256` is of all, each with its line feed. */
export type Sums = { readonly rows: number; readonly unread: number; readonly bytes: number; readonly sha256: string }

/**
 * Writes rows and then what `seal` makes of their sums, as one more line, into a file that must not exist; a file that was
 * begun and not finished is removed.
 */
export async function writeBaseline(
  path: string,
  rows: AsyncIterable<Row>,
  seal: (sums: Sums) => Promise<DsseEnvelope>,
): Promise<DsseEnvelope> {
  const file = await open(path, 'wx', 0o600).catch((cause: unknown) => {
    throw fileError(path, cause)
  })
  try {
    const envelope = await seal(await writeRows(file, rows))
    await file.appendFile(`${JSON.stringify(envelope)}\n`)
    await file.sync()
    await file.close()
    return envelope
  } catch (cause) {
    await file.close()
    await rm(path, { force: true })
    throw isSealwatchError(cause) || (cause as Error).name === 'AbortError' ? cause : fileError(path, cause)
  }
}

const writeCharsMin = 256 * 1024

async function writeRows(file: FileHandle, rows: AsyncIterable<Row>): Promise<Sums> {
  const digest = createHash('sha256')
  const sums = { rows: 0, unread: 0, bytes: 0 }
  let waiting = ''
  const flush = async () => {
    digest.update(waiting)
    await file.appendFile(waiting)
    waiting = ''
  }
  for await (const row of rows) {
    if (sums.rows >= rowsMax)
      throw baselineError('BASELINE_TOO_LARGE', {
        attempted: 'writing a baseline',
        received: `more than ${rowsMax} rows`,
      })
    waiting += `${formatRow(row)}\n`
    sums.rows += 1
    sums.bytes += row.facts.size ?? 0
    if (row.facts.unread !== undefined) sums.unread += 1
    if (waiting.length >= writeCharsMin) await flush()
  }
  await flush()
  return { ...sums, sha256: digest.digest('hex') }
}

/** A baseline whose statement is signed by a trusted key, and whose rows are not looked at yet. */
export type Baseline = {
  readonly statement: Statement
  readonly signers: readonly string[]
  /**
   * The rows, in order. Believe none before the last: only then it throws BASELINE_ALTERED where they are not those that were
   * signed.
   */
  readonly rows: () => AsyncGenerator<Row>
  readonly close: () => Promise<void>
}

/** Throws CLI_FILE, DSSE_UNVERIFIED, BASELINE_MALFORMED. Whoever calls closes it. */
export async function openBaseline(path: string, trusted: DsseVerifier): Promise<Baseline> {
  const attempted = `verifying ${path}`
  const file = await openRegular(path)
  try {
    const { envelope, rowsEnd } = await readEnvelope(file, attempted)
    const { payload, signers } = openDsse(envelope, baselineType, [trusted], attempted)
    const statement = readStatement(payload, attempted)
    return { statement, signers, rows: () => readRows(file, rowsEnd, statement, attempted), close: () => file.close() }
  } catch (cause) {
    await file.close()
    throw cause
  }
}

async function openRegular(path: string): Promise<FileHandle> {
  let file: FileHandle | undefined
  try {
    file = await open(path, 'r')
    if ((await file.stat()).isFile()) return file
    throw Object.assign(new Error(), { code: 'not a regular file' })
  } catch (cause) {
    await file?.close()
    throw fileError(path, cause, 'reading')
  }
}

/** The last line, and where it begins. */
async function readEnvelope(file: FileHandle, attempted: string): Promise<{ envelope: DsseEnvelope; rowsEnd: number }> {
  const wrong = (received: string) => baselineError('BASELINE_MALFORMED', { attempted, received })
  const { size } = await file.stat()
  const tail = Buffer.alloc(Math.min(size, envelopeBytesMax))
  const { bytesRead } = await file.read(tail, 0, tail.length, size - tail.length)
  if (bytesRead !== tail.length || tail.at(-1) !== lineFeed) throw wrong('a file that does not end in a whole line')
  const begin = tail.lastIndexOf(lineFeed, tail.length - 2) + 1
  if (begin === 0 && size > tail.length) throw wrong('a last line that is longer than an envelope')
  try {
    const envelope = parseDsse(JSON.parse(tail.toString('utf8', begin)) as Json, attempted)
    return { envelope, rowsEnd: size - tail.length + begin }
  } catch (cause) {
    throw wrong(isSealwatchError(cause) ? (cause.received ?? cause.message) : 'a last line that is no JSON')
  }
}

async function* readRows(file: FileHandle, end: number, statement: Statement, attempted: string): AsyncGenerator<Row> {
  const altered = (received: string) => baselineError('BASELINE_ALTERED', { attempted, received })
  const digest = createHash('sha256')
  let count = 0
  let last: Row | undefined
  for await (const line of linesOf(file, end, altered)) {
    digest.update(line).update('\n')
    const row = parseRow(line.toString())
    count += 1
    if (row === undefined) throw altered(`line ${count}, which is no row`)
    if (last !== undefined && comparePaths(last.path, row.path) >= 0)
      throw altered(`line ${count}, which is out of order`)
    last = row
    yield row
  }
  const sha256 = digest.digest('hex')
  if (count !== statement.rows || sha256 !== statement.rows_sha256)
    throw altered(`${count} rows of digest ${sha256}, where ${statement.rows} of ${statement.rows_sha256} were signed`)
}

/** Of the first `end` bytes, without their line feeds. */
async function* linesOf(file: FileHandle, end: number, altered: (received: string) => Error): AsyncGenerator<Buffer> {
  const chunk = Buffer.alloc(1024 * 1024)
  let rest: Buffer = Buffer.of()
  for (let at = 0; at < end; ) {
    const { bytesRead } = await file.read(chunk, 0, Math.min(chunk.length, end - at), at)
    if (bytesRead === 0) throw altered('fewer rows than there were')
    at += bytesRead
    let from = 0
    for (let to = chunk.indexOf(lineFeed); to >= 0 && to < bytesRead; to = chunk.indexOf(lineFeed, from)) {
      yield Buffer.concat([rest, chunk.subarray(from, to)])
      rest = Buffer.of()
      from = to + 1
    }
    rest = Buffer.concat([rest, chunk.subarray(from, bytesRead)])
    if (rest.length > rowCharsMax) throw altered(`a row of more than ${rowCharsMax} bytes`)
  }
  if (rest.length > 0) throw altered('a last row without its end')
}
