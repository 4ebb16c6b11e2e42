// SPDX-License-Identifier: Apache-2.0

import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import pg from 'pg'

const bin = '/usr/lib/postgresql/15/bin'

/** Why no PostgreSQL can be started here; undefined: one can. */
export const noPostgres: string | undefined = !existsSync(join(bin, 'initdb'))
  ? 'apt-get install postgresql-15'
  : process.getuid?.() !== 0
    ? 'not root, to become the user postgres'
    : undefined

/** A real PostgreSQL of one's own, on a Unix socket, durable or not: the tests pull no plug. */
export function startPostgres(): { pool(max?: number): pg.Pool; [Symbol.asyncDispose](): Promise<void> } {
  const home = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'sealwatch-pg-'))
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
  chownSync(home, id('-u'), id('-g'))
  chmodSync(home, 0o755)
  const as = (command: string) => {
    const done = spawnSync('runuser', ['-u', 'postgres', '--', 'sh', '-c', command], { encoding: 'utf8', cwd: home })
    if (done.status !== 0) throw new Error(`PostgreSQL failed: ${done.stderr}`)
  }
  const settings = `-c listen_addresses= -c unix_socket_directories=${home} -c fsync=off -c shared_buffers=16MB`
  as(`${bin}/initdb -D "${home}/data" -A trust -E UTF8 --no-sync`)
  as(`${bin}/pg_ctl -D "${home}/data" -w -l "${home}/log" -o "${settings}" start`)
  const pools: pg.Pool[] = []
  return {
    pool: (max = 4) => {
      const pool = new pg.Pool({ host: home, user: 'postgres', database: 'postgres', max })
      pool.on('error', () => undefined)
      pools.push(pool)
      return pool
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(pools.filter(({ ended }) => !ended).map((pool) => pool.end()))
      as(`${bin}/pg_ctl -D "${home}/data" -m immediate stop`)
      rmSync(home, { recursive: true })
    },
  }
}
