// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtempDisposable, rm } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { idleClock } from '@sealwatch/base/clock'
import { defaultSocket, protect } from './index.ts'
import { createLines, lineOf, type Order, type Registered, readFromService } from './protocol.ts'

const run = promisify(execFile)
/** It waits so long for the guard's word. */
const answerMs = 30_000
const registered: Registered = { ok: true, id: 'p-1', audit: [], mode: 'on' }
const order: Order = {
  threat: { incident: '9f1c', severity: 'critical', way: 'proc_mem_read', technique: 'T1003.007' },
  steps: ['evict', 'rotate'],
}

/** A guard's end of the socket; what is said there comes out of `said`, one at a time. */
async function openGuard() {
  const dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-protect-'))
  const socket = join(dir.path, 'protect.sock')
  const waiting: { line: string; from: Socket }[] = []
  const bell = Promise.withResolvers<void>()
  let ring = bell
  const open = new Set<Socket>()
  let server: Server | undefined
  const close = async () => {
    for (const connection of open) connection.destroy()
    server?.close()
    await rm(socket, { force: true })
  }
  const listen = async () => {
    server = createServer((connection) => {
      open.add(connection)
      connection.on('close', () => open.delete(connection))
      connection.on('error', () => undefined)
      const lines = createLines((line) => {
        waiting.push({ line, from: connection })
        ring.resolve()
      })
      connection.setEncoding('utf8').on('data', (text: string) => assert.ok(lines(text)))
    }).listen(socket)
    await once(server, 'listening')
  }
  const said = async () => {
    while (waiting.length === 0) {
      await ring.promise
      ring = Promise.withResolvers()
    }
    const { line, from } = waiting.shift() as (typeof waiting)[number]
    return {
      message: readFromService(line),
      say: (text: string) => void from.write(text),
      hangUp: () => from.destroy(),
    }
  }
  const end = async () => {
    await close()
    await dir.remove()
  }
  return { socket, listen, close, said, [Symbol.asyncDispose]: end }
}

test('RIM-3 a process registers, hears of a threat, does its steps and says so', async () => {
  await using guard = await openGuard()
  await guard.listen()
  const told: unknown[] = []
  const protection = protect({
    name: 'billing',
    socket: guard.socket,
    onThreat: (threat) => told.push(threat),
    onProtected: (answer) => told.push(answer),
    evict: () => '3 keys',
    rotate: async () => undefined,
  })
  const { message, say } = await guard.said()
  assert.deepEqual(message, { v: 1, protect: 'billing', steps: ['evict', 'rotate'] })
  assert.equal(protection.registered, undefined)
  say(lineOf(registered) + lineOf(order))
  const done = { incident: '9f1c', ok: true }
  assert.deepEqual((await guard.said()).message, { done: 'evict', ...done, detail: '3 keys' })
  assert.deepEqual((await guard.said()).message, { done: 'rotate', ...done })
  assert.deepEqual(told, [registered, order.threat])
  assert.deepEqual(protection.registered, registered)
  protection.stop()
})

test('RIM-3 without a guard it says so once; a guard that comes, goes and comes back has it, with what was done meanwhile', async () => {
  await using guard = await openGuard()
  const notices: string[] = []
  const noticed = Promise.withResolvers<void>()
  const evicted = Promise.withResolvers<void>()
  const sleeps: number[] = []
  const protection = protect(
    {
      name: 'billing',
      socket: guard.socket,
      evict: () => evicted.promise,
      onNotice: (text) => {
        notices.push(text)
        noticed.resolve()
        throw new Error('of the service')
      },
    },
    {
      sleep: (ms, signal) => {
        if (ms === answerMs) return idleClock.sleep(ms, signal)
        sleeps.push(ms)
        return idleClock.sleep(1, signal)
      },
    },
  )
  await noticed.promise
  while (sleeps.length < 20) await new Promise(setImmediate)
  assert.equal(notices.length, 1)
  assert.match(notices[0] as string, /^billing is not protected for now, .*ENOENT/)
  assert.ok(sleeps.every((ms) => ms >= 100 && ms < 30_100))
  await guard.listen()
  const first = await guard.said()
  first.say(lineOf(registered) + lineOf({ ...order, steps: ['evict'] }))
  while (protection.registered === undefined) await new Promise(setImmediate)
  first.hangUp()
  while (protection.registered !== undefined) await new Promise(setImmediate)
  evicted.resolve()
  const again = await guard.said()
  assert.ok('protect' in again.message)
  again.say(lineOf(registered))
  assert.deepEqual((await guard.said()).message, { done: 'evict', incident: '9f1c', ok: true })
  assert.equal(notices.length, 1, 'a guard that is back at once is not worth a word')
  protection.stop()
})

test('what a false guard sends ends the connection, and nothing else', async () => {
  await using guard = await openGuard()
  await guard.listen()
  const notices: string[] = []
  const clock = {
    sleep: (ms: number, signal?: AbortSignal) => idleClock.sleep(ms === answerMs ? ms : 1, signal),
  }
  const protection = protect({ name: 'billing', socket: guard.socket, onNotice: (text) => notices.push(text) }, clock)
  for (const text of [
    'no json\n',
    'x'.repeat(5000),
    '{"ok":true}\n',
    '{"ok":false,"code":"PROTECT_FULL","message":"full"}\n',
  ])
    (await guard.said()).say(text)
  const { say } = await guard.said()
  say(`{"later":1}\n${lineOf(registered)}`)
  while (protection.registered === undefined) await new Promise(setImmediate)
  assert.equal(notices.length, 1)
  protection.stop()
})

test('a name that no guard takes is told, and nothing is thrown', async () => {
  const { promise, resolve } = Promise.withResolvers<string>()
  protect({ name: 'Billing', onNotice: resolve })
  assert.match(await promise, /^Billing is not protected: PROTECT_NAME .*lower-case/)
})

test('it keeps no process alive, with a guard or without, and warns once', async () => {
  await using guard = await openGuard()
  const program = (socket: string) => `
    import { protect } from './index.ts'
    protect({ name: 'billing', socket: ${JSON.stringify(socket)}, evict: () => {} })
    await new Promise((resolve) => setTimeout(resolve, 300))
    process.stdout.write('done')`
  const child = (socket: string) =>
    run(process.execPath, ['--input-type=module', '--eval', program(socket)], { cwd: import.meta.dirname, env: {} })
  const without = await child(guard.socket)
  assert.equal(without.stdout, 'done')
  assert.equal(without.stderr.match(/SealwatchProtect: billing is not protected for now/g)?.length, 1, without.stderr)
  assert.equal(without.stderr.match(/Warning/g), null, without.stderr)
  await guard.listen()
  const held = guard.said().then(({ say }) => say(lineOf(registered)))
  const withOne = await child(guard.socket)
  await held
  assert.deepEqual({ ...withOne }, { stdout: 'done', stderr: '' })
})

test('RIM-3 the service in docs/formats/protect.md, 6, whole, in Python', async () => {
  await using guard = await openGuard()
  await guard.listen()
  const page = readFileSync(join(import.meta.dirname, '../../../docs/formats/protect.md'), 'utf8')
  const example = /```python\n([\s\S]*?)```/.exec(page)?.[1] as string
  const service = run('python3', [
    '-c',
    `${example}\nn = 0\ndef evict():\n  global n\n  n += 1\n  return f"evicted {n}"\nprotect("billing", {"evict": evict, "rotate": lambda: n}, ${JSON.stringify(guard.socket)})`,
  ])
  const { message, say, hangUp } = await guard.said()
  assert.deepEqual(message, { v: 1, protect: 'billing', steps: ['evict', 'rotate'] })
  say(lineOf({ ...registered, audit: [{ finding: 'core_limit', severity: 'medium', advice: 'ulimit -c 0' }] }))
  const done = { incident: '9f1c', ok: true }
  for (const [number, had] of [
    [1, 'evicted 1'],
    [1, 'evicted 1'],
    [2, 'evicted 2'],
  ] as const) {
    say(lineOf({ ...order, number }))
    assert.deepEqual((await guard.said()).message, { done: 'evict', ...done, number, detail: had })
    assert.deepEqual((await guard.said()).message, { done: 'rotate', ...done, number, detail: `${number}` })
  }
  hangUp()
  await service
})

test('the default socket is that of /var/lib/sealwatch', () => {
  const instance = createHash('sha256').update('/var/lib/sealwatch').digest('hex').slice(0, 12)
  assert.equal(defaultSocket, `/run/sealwatch/${instance}/guard/protect.sock`)
  assert.ok(readFileSync(join(import.meta.dirname, '../../../docs/formats/protect.md'), 'utf8').includes(defaultSocket))
})
