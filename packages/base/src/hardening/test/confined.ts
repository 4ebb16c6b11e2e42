// SPDX-License-Identifier: Apache-2.0
// `node confined.ts OWN ELSEWHERE`: confined to the folder OWN it does what our programs do, and then what they must not. Says how
// each went, as JSON: `ok`, or the name of the error.

import { execFileSync } from 'node:child_process'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import process from 'node:process'
import { DatabaseSync } from 'node:sqlite'
import { Worker } from 'node:worker_threads'
import { takeLock } from '../../lock.ts'
import { createLog } from '../../log.ts'
import { confine } from '../hardening.ts'
import { openLibc } from '../libc.ts'
import { placesOf } from '../places.ts'
import { deniedCalls } from '../syscalls.ts'

const [own = '', elsewhere = ''] = process.argv.slice(2)
const secret = join(elsewhere, 'secret')
process.env.SQLITE_TMPDIR = own
const said: string[] = []
const log = createLog(
  'test',
  (line) => said.push(line),
  () => 0,
)
const hardening = confine(placesOf({ env: {}, folders: [own] }), log)

const outcomes: Record<string, string> = {}
async function attempt(what: string, act: () => unknown): Promise<void> {
  try {
    await act()
    outcomes[what] = 'ok'
  } catch (error) {
    outcomes[what] = (error as NodeJS.ErrnoException).code ?? String(error)
  }
}
const inWorker = (code: string) =>
  new Promise<void>((resolve, reject) => {
    const worker = new Worker(code, { eval: true })
    worker.once('error', reject).once('exit', () => resolve())
  })

await attempt('write a file of its own, make folders, rename across them', async () => {
  await mkdir(join(own, 'a/b'), { recursive: true })
  await writeFile(join(own, 'a/file'), 'x')
  renameSync(join(own, 'a/file'), join(own, 'a/b/file'))
})
await attempt('write a database anew, beside itself', () => {
  const database = new DatabaseSync(join(own, 'database'))
  database.exec('PRAGMA journal_mode=WAL; CREATE TABLE t (a)')
  database.exec(`INSERT INTO t SELECT randomblob(4096) FROM json_each('[${Array(2_000).fill(1)}]'); VACUUM`)
  database.close()
})
await attempt('take a lock, with a program of the system', async () => {
  await (await takeLock(join(own, 'lock')))?.release()
})
await attempt('answer and ask over the network', async () => {
  const server = createServer((_request, response) => response.end('x')).listen(0, '127.0.0.1')
  await new Promise((done) => server.once('listening', done))
  const { port } = server.address() as AddressInfo
  await (await fetch(`http://localhost:${port}`)).text()
  server.close()
  server.closeAllConnections()
})
await attempt('read what is there for all', () => readFileSync('/etc/passwd'))
await attempt('work on a thread of its own', () => inWorker(`require('node:fs').readFileSync('/etc/passwd')`))

await attempt('read elsewhere', () => readFileSync(secret))
await attempt('read elsewhere, on a thread of the pool', () => readFile(secret))
await attempt('read elsewhere, on a thread of its own', () => inWorker(`require('node:fs').readFileSync('${secret}')`))
await attempt('read elsewhere, by a program', () => execFileSync('cat', [secret], { stdio: 'ignore' }))
await attempt('write elsewhere', () => writeFile(join(elsewhere, 'new'), 'x'))
await attempt('rename to elsewhere', () => renameSync(join(own, 'a/b/file'), join(elsewhere, 'file')))
await attempt('start what it wrote', () => {
  writeFileSync(join(own, 'script'), '#!/bin/sh\n', { mode: 0o755 })
  execFileSync(join(own, 'script'))
})
const libc = openLibc()
const machine = process.arch as 'x64' | 'arm64'
for (const [name, row] of Object.entries(deniedCalls))
  await attempt(name, () => libc.syscall(name, row[machine], 0xffff_ffff, 0, 0, 0, 0))
process.stdout.write(JSON.stringify({ hardening, outcomes, said }))
process.exit(0)
