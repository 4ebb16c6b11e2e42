// SPDX-License-Identifier: Apache-2.0
// PostgreSQL 15 at its best: one table, binary COPY from files that lie ready, a transaction for as many rows as we seal at
// once, one connection, no sealing of any kind. It has the indexes that our entries have: place, time, class.

import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'

const bin = '/usr/lib/postgresql/15/bin'

export type Postgres = {
  /** Copies every row into an empty table; seconds. */
  copy(): number
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
    writeFileSync(path, rowsOf(lines.slice(from, from + rowsAtOnce), from))
    files.push(path)
  }
  const copies = files.map((path) => `COPY lines FROM '${path}' (FORMAT binary);`).join('\n')
  return {
    copy: () => {
      as(
        sql,
        'DROP TABLE IF EXISTS lines; CREATE TABLE lines (leaf bigint PRIMARY KEY, time_ms bigint, class_uid int, line bytea); CREATE INDEX ON lines (time_ms); CREATE INDEX ON lines (class_uid, leaf); CHECKPOINT;',
      )
      const startMs = performance.now()
      as(sql, copies)
      return (performance.now() - startMs) / 1000
    },
    stop: () => as(`${bin}/pg_ctl -D "${data}" -m immediate stop`),
  }
}

const firstMs = 1_795_262_400_000
const head = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1')

function rowsOf(lines: readonly string[], first: number): Buffer {
  const rows = lines.map((line, i) => {
    const row = Buffer.alloc(38 + Buffer.byteLength(line))
    row.writeInt16BE(4, 0)
    row.writeInt32BE(8, 2)
    row.writeBigInt64BE(BigInt(first + i), 6)
    row.writeInt32BE(8, 14)
    row.writeBigInt64BE(BigInt(firstMs + first + i), 18)
    row.writeInt32BE(4, 26)
    row.writeInt32BE(1007, 30)
    row.writeInt32BE(row.length - 38, 34)
    row.write(line, 38)
    return row
  })
  return Buffer.concat([head, ...rows, Buffer.from([0xff, 0xff])])
}
