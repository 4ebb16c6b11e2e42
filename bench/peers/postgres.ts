// SPDX-License-Identifier: Apache-2.0
// PostgreSQL 15 at its best: one table, binary COPY, a transaction for as many rows as we seal at once, one connection, no
// sealing of any kind. It has the indexes that our entries have: one over the place, and one over blocks of rows for time and
// class. The rows are made from parsed events by a client on the other core, as ours begin; or lie ready in files,
// which nobody has, and which shows what the database alone can take.

import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { finished } from 'node:stream/promises'
import type { Draft } from '@sealwatch/ledger'
import pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'

const bin = '/usr/lib/postgresql/15/bin'

export type Postgres = {
  /** Makes rows from events, so many in all, and copies them into an empty table; seconds. */
  copyEvents(drafts: readonly Draft[], events: number): Promise<number>
  /** Copies the rows that lie in files into an empty table; seconds. */
  copyFiles(): number
  stop(): void
}

/** Undefined, with a word about it, where it cannot run. It refuses root, so it runs as the user `postgres`. */
export function openPostgres(dir: string, lines: readonly string[], rowsAtOnce: number): Postgres | undefined {
  if (!existsSync(join(bin, 'initdb')) || process.getuid?.() !== 0) {
    const why = existsSync(bin) ? 'not root, to become the user postgres' : 'apt-get install postgresql-15'
    console.error(`SKIPPED: PostgreSQL 15: ${why}`)
    return undefined
  }
  const home = join(dir, 'postgres')
  mkdirSync(home)
  chmodSync(dir, 0o755)
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
  chownSync(home, id('-u'), id('-g'))
  const as = (command: string, input?: string) => {
    const done = spawnSync('runuser', ['-u', 'postgres', '--', 'sh', '-c', command], {
      input,
      encoding: 'utf8',
      cwd: home,
    })
    if (done.status !== 0) throw new Error(`PostgreSQL failed: ${done.stderr}`)
  }
  const data = join(home, 'data')
  const sql = `${bin}/psql -q -v ON_ERROR_STOP=1 -h "${home}" -d postgres -f -`
  const settings = `-c listen_addresses= -c unix_socket_directories=${home} -c max_wal_size=4GB -c shared_buffers=256MB`
  as(`${bin}/initdb -D "${data}" -A trust -E UTF8 --no-sync`)
  as(`${bin}/pg_ctl -D "${data}" -w -l "${home}/log" -o "${settings}" start`)
  const files: string[] = []
  for (let from = 0; from < lines.length; from += rowsAtOnce) {
    const path = join(home, `rows-${from}`)
    writeFileSync(path, rowsOfLines(lines.slice(from, from + rowsAtOnce), from))
    files.push(path)
  }
  const copies = files.map((path) => `COPY lines FROM '${path}' (FORMAT binary);`).join('\n')
  const begin = () =>
    as(
      sql,
      'DROP TABLE IF EXISTS lines; CREATE TABLE lines (leaf bigint PRIMARY KEY, time_ms bigint, class_uid int, line bytea); CREATE INDEX ON lines USING brin (time_ms, class_uid); CHECKPOINT;',
    )
  return {
    copyEvents: async (drafts, events) => {
      begin()
      const client = new pg.Client({ host: home, user: 'postgres', database: 'postgres' })
      await client.connect()
      const startMs = performance.now()
      for (let from = 0; from < events; from += drafts.length) {
        const copy = client.query(copyFrom('COPY lines FROM STDIN (FORMAT binary)'))
        copy.end(rowsOfEvents(drafts, from))
        await finished(copy)
      }
      const seconds = (performance.now() - startMs) / 1000
      await client.end()
      return seconds
    },
    copyFiles: () => {
      begin()
      const startMs = performance.now()
      as(sql, copies)
      return (performance.now() - startMs) / 1000
    },
    stop: () => as(`${bin}/pg_ctl -D "${data}" -m immediate stop`),
  }
}

const firstMs = 1_795_262_400_000
const head = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1')

const rowBytes = 38
/** More than an event takes. */
const rowBytesMax = 1024

const rowsOfEvents = (drafts: readonly Draft[], first: number): Buffer =>
  rowsOf(
    drafts.length,
    first,
    (i) => JSON.stringify(drafts[i]?.event),
    (i) => Number((drafts[i] as Draft).timeNs / 1_000_000n),
    (i) => ((drafts[i] as Draft).event as { class_uid: number }).class_uid,
  )

const rowsOfLines = (lines: readonly string[], first: number): Buffer =>
  rowsOf(
    lines.length,
    first,
    (i) => lines[i] as string,
    (i) => firstMs + first + i,
    () => 1007,
  )

function rowsOf(
  count: number,
  first: number,
  textAt: (i: number) => string,
  timeMsAt: (i: number) => number,
  classAt: (i: number) => number,
): Buffer {
  const rows = Buffer.allocUnsafe(head.length + count * rowBytesMax + 2)
  let at = head.copy(rows)
  for (let i = 0; i < count; i += 1) {
    const length = rows.write(textAt(i), at + rowBytes)
    rows.writeInt16BE(4, at)
    rows.writeInt32BE(8, at + 2)
    writeInt64(rows, first + i, at + 6)
    rows.writeInt32BE(8, at + 14)
    writeInt64(rows, timeMsAt(i), at + 18)
    rows.writeInt32BE(4, at + 26)
    rows.writeInt32BE(classAt(i), at + 30)
    rows.writeInt32BE(length, at + 34)
    at += rowBytes + length
  }
  return rows.subarray(0, rows.writeInt16BE(-1, at))
}

function writeInt64(bytes: Buffer, value: number, at: number): void {
  bytes.writeUInt32BE(Math.floor(value / 2 ** 32), at)
  bytes.writeUInt32BE(value % 2 ** 32, at + 4)
}
