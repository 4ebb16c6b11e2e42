// SPDX-License-Identifier: Apache-2.0

import { hash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { type RequestContext, readContext } from '@sealwatch/detect/request'
import { corpusManifest, type Row } from '../../tools/train/corpus.ts'

/** A request of which it is known whether it is an attack. `seen`: what the model of this release had of it. */
export type Labelled = {
  readonly source: string
  readonly isAttack: boolean
  readonly seen: 'learned from' | 'calibrated on' | 'held out'
  readonly context: RequestContext
  /** Of all of it. */
  readonly bytes: number
}

export function rowsOf(path: string): Row[] {
  const bytes = readFileSync(path)
  const text = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8')
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Row)
}

type RequestRow = Omit<Row, 'source' | 'label'>

/** Bodies are latin1, headers UTF-8. */
export function contextOfRow({ method, path, query, headers, body }: RequestRow): RequestContext {
  const utf8 = (text: string) => Buffer.from(text, 'utf8')
  return readContext({
    method,
    path,
    query,
    headers: headers.map(([name, value]) => [utf8(name), utf8(value)]),
    body: Buffer.from(body, 'latin1'),
    address: '192.0.2.1',
  })
}

/** The same again, as a line. */
export function rowOfContext({ method, path, query, headers, body }: RequestContext): string {
  const utf8 = (text: string) => Buffer.from(text, 'latin1').toString('utf8')
  const told = headers.map(([name, value]) => [utf8(name), utf8(value)])
  return JSON.stringify({ method, path, query, headers: told, body: Buffer.from(body).toString('latin1') })
}

/** Of each source at most `perSource` requests, from all over it. Undefined, with a word about it, where there is no corpus. */
export function readCorpus(dir: string | undefined, perSource: number): Labelled[] | undefined {
  const names =
    dir !== undefined && existsSync(dir) ? readdirSync(dir).filter((name) => /\.jsonl(?:\.gz)?$/.test(name)) : []
  if (dir === undefined || names.length === 0) {
    console.error(
      `SKIPPED: detect: ${dir === undefined ? 'no corpus is named' : `${dir} holds no *.jsonl and no *.jsonl.gz`}: --corpus DIR, or SEALWATCH_BENCH_CORPUS (bench/README.md, Requests to replay)`,
    )
    return undefined
  }
  return names.sort().flatMap((name) => {
    const path = join(dir, name)
    const seen = seenOf(path)
    const bySource = Object.groupBy(rowsOf(path), ({ source, label }) => `${source} ${label}`)
    return Object.values(bySource).flatMap((rows = []) =>
      spread(rows, perSource).map((row) => {
        const context = contextOfRow(row)
        return { source: row.source, isAttack: row.label === 1, seen, context, bytes: bytesOf(context) }
      }),
    )
  })
}

export function spread<One>(all: readonly One[], count: number): One[] {
  const step = Math.max(1, all.length / count)
  return Array.from({ length: Math.min(count, all.length) }, (_, at) => all[Math.floor(at * step)] as One)
}

/** The trainer pins the files that it reads. */
function seenOf(path: string): Labelled['seen'] {
  const sha256 = hash('sha256', readFileSync(path))
  const use = corpusManifest.files.find((pin) => pin.sha256 === sha256)?.use
  return use === undefined ? 'held out' : use === 'train' ? 'learned from' : 'calibrated on'
}

const bytesOf = ({ method, path, query, headers, body }: RequestContext): number =>
  headers.reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0) +
  method.length +
  path.length +
  query.length +
  body.length +
  14
