// SPDX-License-Identifier: Apache-2.0
// The thread that writes the index dies in the middle of it: the server says so and ends, and its next start loses nothing.

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { eventually } from '../system/platform.ts'
import { joinHost } from './host.ts'
import { rootAt } from './server.ts'

const program = join(import.meta.dirname, '../../apps/server/src/main.ts')
const uid = 64_701
/** SIGUSR2 ends the thread, as a fault in it would. */
const killer = "process.on('worker', (worker) => process.on('SIGUSR2', () => worker.terminate()))"

type Line = { readonly msg: string; readonly port: number; readonly level: string; readonly code?: string }

async function startMain(dir: string, port: number) {
  const child: ChildProcess = spawn(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      '--import',
      `data:text/javascript,${encodeURIComponent(killer)}`,
      program,
    ],
    {
      env: {
        PATH: process.env.PATH,
        NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
        SEALWATCH_SERVER_DATA_DIR: dir,
        SEALWATCH_SERVER_RUN_DIR: dir,
        SEALWATCH_SERVER_PORT: String(port),
        SEALWATCH_SERVER_UID: String(uid),
        SEALWATCH_SERVER_GID: String(uid),
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  const lines: Line[] = []
  const serving = Promise.withResolvers<number>()
  const reader = createInterface({ input: child.stdout as NodeJS.ReadableStream })
  reader.on('line', (text) => {
    const line = JSON.parse(text) as Line
    lines.push(line)
    if (line.msg === 'serving') serving.resolve(line.port)
  })
  const ended = once(child, 'exit').then(([code]) => code as number | null)
  const failed = ended.then((code) => assert.fail(`it ended with ${code}: ${JSON.stringify(lines.at(-1))}`))
  failed.catch(() => undefined)
  const agentPort = await Promise.race([serving.promise, failed])
  return { child, lines, ended, agentPort, root: rootAt(join(dir, 'api.sock')) }
}

test('LOG-6: the thread of the index dies: the server ends with a clear error, and the next start has every line once', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'sealwatch-index-thread-'))
  if (process.getuid?.() === 0) chownSync(dir, uid, uid)
  const first = await startMain(dir, 0)
  const host = await joinHost(first, 'default', 'web-1')
  let seen = 0
  const see = (count: number) => {
    for (const end = seen + count; seen < end; seen += 1) host.see({ class_uid: 1007, message: `line ${seen}` })
  }
  const listed = async ({ root }: Pick<typeof first, 'root'>) => {
    const { items } = await root('default').call('listEvents', { query: { filter: 'class=process', limit: 500 } })
    return items
      .map(({ line }) => /line (\d+)/.exec(JSON.stringify(line))?.[1])
      .filter((n) => n !== undefined)
      .map(Number)
      .toSorted((a, b) => a - b)
  }
  see(50)
  await eventually('the first lines', async () => (await listed(first)).length >= 50 || undefined)
  see(50)
  first.child.kill('SIGUSR2')
  see(50)
  assert.equal(await first.ended, 1)
  const last = first.lines.at(-1)
  assert.deepEqual([last?.level, last?.code], ['critical', 'INDEX_THREAD_ENDED'])
  assert.match(last?.msg ?? '', /nothing is lost/)

  const second = await startMain(dir, first.agentPort)
  see(50)
  await eventually('all lines', async () => (await listed(second)).length >= seen || undefined)
  assert.deepEqual(
    await listed(second),
    Array.from({ length: seen }, (_, n) => n),
  )
  await host[Symbol.asyncDispose]()
  second.child.kill('SIGTERM')
  assert.equal(await second.ended, 0)
  rmSync(dir, { recursive: true })
})
