// SPDX-License-Identifier: Apache-2.0
// The witness as its operator has it: the command line, a process of its own, kill -9.

import assert from 'node:assert/strict'
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempDisposable, readFile, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { verifyEd25519 } from '@sealwatch/keys'
import {
  parseCosignerVkey,
  parseForeignCheckpoint,
  parseNote,
  parseSignatures,
  sha256,
  verifyCosignatures,
} from '@sealwatch/ledger'
import { createForkedLog } from '../../packages/ledger/test/forked-log.ts'
import { eventually, repository } from '../system/platform.ts'

const log = createForkedLog('example.com/log', { common: 6, size: 90 })

type Ended = { readonly code: number; readonly out: string; readonly err: string }

function sealwatch(data: string, ...args: string[]): Promise<Ended> {
  const argv = [join(repository, 'apps/cli/src/main.ts'), ...args, '--data', data]
  return new Promise((done) => {
    execFile(process.execPath, argv, { timeout: 60_000 }, (error, out, err) =>
      done({ code: error === null ? 0 : Number(error.code ?? 1), out, err }),
    )
  })
}

type Running = { readonly child: ChildProcess; readonly url: string; readonly health: string; readonly said: string[] }

async function run(data: string): Promise<Running> {
  const argv = [join(repository, 'apps/cli/src/main.ts'), 'witness', 'run', '--listen', '127.0.0.1:0', '--data', data]
  const env = { ...process.env, SEALWATCH_WITNESS_REQUESTS_PER_SECOND: '100000' }
  const child = spawn(process.execPath, argv, { env, stdio: ['ignore', 'pipe', 'inherit'] })
  return await served(child)
}

/** The program itself, so that its pid is the one that is killed. */
async function runBare(data: string): Promise<Running> {
  // It refuses what loads code into Node.
  const { NODE_OPTIONS: _, ...own } = process.env
  const env = {
    ...own,
    SEALWATCH_WITNESS_DATA_DIR: join(data, 'witness'),
    SEALWATCH_WITNESS_PORT: '0',
    SEALWATCH_WITNESS_REQUESTS_PER_SECOND: '100000',
  }
  const program = join(repository, 'apps/witness/src/main.ts')
  return await served(spawn(process.execPath, [program], { env, stdio: ['ignore', 'pipe', 'inherit'] }))
}

async function served(child: ChildProcess): Promise<Running> {
  const said: string[] = []
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
  lines.on('line', (line) => said.push(line))
  const line = await eventually('the witness to serve', async () => said.find((each) => each.includes('"serving"')))
  const { url, health } = JSON.parse(line) as { url: string; health: string }
  return { child, url, health, said }
}

async function stop({ child }: Running): Promise<void> {
  child.kill('SIGTERM')
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}

const post = (url: string, body: Buffer) => fetch(`${url}/add-checkpoint`, { method: 'POST', body })

test('made, told of a log, run, asked: from the command line alone', async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-witness-'))
  const data = join(dir.path, 'data')
  assert.deepEqual((await sealwatch(data, 'witness', 'status')).code, 1)
  const made = await sealwatch(data, 'witness', 'init', 'witness.example/w', '--json')
  const { key, created } = JSON.parse(made.out) as { key: string; created: boolean }
  assert.deepEqual([made.code, created], [0, true])
  const keyFile = await stat(join(data, 'witness/witness.key'))
  assert.equal(keyFile.mode & 0o777, 0o600)
  if (process.getuid?.() === 0) assert.notEqual(keyFile.uid, 0)
  assert.equal((await sealwatch(data, 'witness', 'init', 'witness.example/w')).out, `${key}\n`)
  assert.equal((await sealwatch(data, 'witness', 'init', 'another')).code, 3)

  const running = await run(data)
  assert.equal((await post(running.url, log.submission(0, 0, 5))).status, 404)
  const added = await sealwatch(data, 'witness', 'add-log', '--key', log.vkey, '--json')
  assert.deepEqual(JSON.parse(added.out), { origin: log.origin, keys: [log.vkey], created: true })
  const first = await eventually('the witness to know the log', async () => {
    const response = await post(running.url, log.submission(0, 0, 11))
    return response.status === 200 ? await response.text() : undefined
  })
  const { text } = parseNote(log.note(0, 11), 'testing')
  const keys = [parseCosignerVkey(sha256, key)]
  const found = verifyCosignatures(
    { text, signatures: parseSignatures(first, 'testing') },
    keys,
    verifyEd25519,
    'testing',
  )
  assert.equal(found.length, 1)

  // A second one on the same folder would be a second memory.
  const second = await sealwatch(data, 'witness', 'run', '--listen', '127.0.0.1:0')
  assert.equal(second.code, 3)
  assert.match(second.out, /WITNESS_RUNNING/)

  const calm = JSON.parse((await sealwatch(data, 'witness', 'status', '--json')).out)
  assert.deepEqual(
    [calm.running, calm.logs[0].size, calm.splitViews],
    [true, 11, { proven: 0, unproven: 0, settled: 0 }],
  )
  assert.equal((await post(running.url, log.submission(1, 11, 15))).status, 422)
  await eventually('a critical line', async () => running.said.find((line) => /"critical".*SPLIT VIEW/.test(line)))
  const metrics = await (await fetch(`${running.health}/metrics`)).text()
  assert.match(metrics, /^sealwatch_witness_split_views\{kind="proven"\} 1$/m)
  assert.match(metrics, /^sealwatch_witness_log_size\{origin="example\.com\/log"\} 11$/m)
  const { status } = (await (await fetch(`${running.health}/healthz`)).json()) as { status: string }
  assert.equal(status, 'critical')
  assert.equal((await fetch(`${running.health}/readyz`)).status, 200)

  const alarmed = await sealwatch(data, 'witness', 'status')
  assert.equal(alarmed.code, 1)
  assert.match(alarmed.out, /CRITICAL: 1 proven/)
  const [{ id }] = JSON.parse((await sealwatch(data, 'witness', 'evidence', '--json')).out)
  const file = join(dir.path, 'split-view.json')
  await writeFile(file, (await sealwatch(data, 'witness', 'evidence', id)).out)
  const nowhere = join(dir.path, 'nowhere')
  const judged = await sealwatch(nowhere, 'witness', 'evidence', '--verify', file, '--trust', log.vkey)
  assert.equal(judged.code, 0, judged.err)
  assert.match(judged.out, /^SPLIT VIEW PROVEN(.|\n)*pinned by --trust/)
  const other = createForkedLog(log.origin, { common: 1, size: 2 }, 0x21)
  assert.equal((await sealwatch(nowhere, 'witness', 'evidence', '--verify', file, '--trust', other.vkey)).code, 1)
  const altered = (await readFile(file, 'utf8')).replace('\\n15\\n', '\\n16\\n')
  await writeFile(file, altered)
  assert.equal((await sealwatch(nowhere, 'witness', 'evidence', '--verify', file)).code, 1)

  await stop(running)
  assert.equal(running.child.exitCode, 0)
  const list = await sealwatch(data, 'witness', 'list')
  assert.match(list.out, /example\.com\/log {2}11 /)
})

test('kill -9 in the middle of requests for two branches: what was cosigned is one growing tree', async (t) => {
  await using dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-witness-'))
  const data = join(dir.path, 'data')
  const { key } = JSON.parse((await sealwatch(data, 'witness', 'init', 'witness.example/w', '--json')).out)
  await sealwatch(data, 'witness', 'add-log', '--key', log.vkey)
  const keys = [parseCosignerVkey(sha256, key)]
  const cosigned: { size: number; root: string }[] = []
  let killed = 0

  for (let life = 0; life < 8; life += 1) {
    const running = await runBare(data)
    const over = once(running.child, 'exit')
    let answers = 0
    const client = async (branch: number): Promise<void> => {
      let known = 0
      while (running.child.exitCode === null && running.child.signalCode === null) {
        const to = Math.min(90, known + 1 + (answers % 3))
        const response = await post(running.url, log.submission(branch, known, to)).catch(() => undefined)
        const body = await response?.text().catch(() => undefined)
        if (response === undefined || body === undefined) return
        answers += 1
        if (response.status === 409) known = Number(body)
        if (response.status === 422) known = 0
        if (response.status === 200) {
          const { text } = parseNote(log.note(branch, to), 'testing')
          const signatures = parseSignatures(body, 'testing')
          assert.equal(verifyCosignatures({ text, signatures }, keys, verifyEd25519, 'testing').length, 1)
          const { size, root } = parseForeignCheckpoint(text, 'testing')
          cosigned.push({ size, root: root.toHex() })
          known = to
        }
        // Others are under way just now.
        if (answers >= 12 + life && killed === life) {
          killed += 1
          running.child.kill('SIGKILL')
        }
      }
    }
    await Promise.all([client(0), client(1), client(0), client(1)])
    await over
  }
  t.diagnostic(`${cosigned.length} cosignatures over 8 lives, up to size ${cosigned.at(-1)?.size}`)
  assert.ok(cosigned.length > 16)
  const holds = (branch: number) =>
    cosigned.every(({ size, root }) => log.rootOf(branch, size).toString('hex') === root)
  assert.ok(holds(0) || holds(1))
  const running = await runBare(data)
  const largest = Math.max(...cosigned.map(({ size }) => size))
  const { status } = await post(running.url, log.submission(holds(0) ? 1 : 0, 0, largest))
  assert.equal(status, 409)
  await stop(running)
})
