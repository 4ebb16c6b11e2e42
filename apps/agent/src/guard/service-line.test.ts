// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { after, test } from 'node:test'
import { createBell, createLog, openPeerCredentials, systemClock } from '@sealwatch/base'
import { protect } from '@sealwatch/protect'
import type { Done } from '@sealwatch/protect/protocol'
import { createProcesses } from './processes.ts'
import { createRegistry, type Registered } from './registry.ts'
import { listenForServices } from './service-line.ts'

const dir = mkdtempSync(join(tmpdir(), 'service-line-'))
after(() => rmSync(dir, { recursive: true }))
const log = createLog('guard', () => undefined, systemClock.nowMs)
const threat = { incident: 'inc_1', severity: 'critical', way: 'proc_mem_read', technique: 'T1003.007' } as const
const vectors = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../../../vectors/protect/lines.json'), 'utf8'),
) as { readonly from_service: readonly { readonly line: string; readonly code?: string }[] }

async function openLine() {
  const path = join(dir, 'protect.sock')
  const done: [string, Done][] = []
  const heard = createBell()
  let last = 0
  const registry = createRegistry({ own: [], newId: () => `prt_${++last}` })
  const processes = createProcesses(new Map())
  const line = await listenForServices({
    path,
    peerOf: openPeerCredentials(),
    processAt: processes.one,
    register: ({ pid }, { protect: name, steps }) => {
      const look = processes.one(pid)
      return look && registry.register({ ...look, name, steps }, 0n)
    },
    audit: async () => [{ finding: 'core_limit', severity: 'medium', advice: 'x' }],
    mode: () => 'on',
    onDone: ({ id }, said) => {
      done.push([id, said])
      heard.ring()
    },
    clock: systemClock,
    log,
  })
  return { path, done, heard, registry, line }
}

function talk(path: string) {
  const socket = connect(path).on('error', () => undefined)
  const lines = createInterface(socket)[Symbol.asyncIterator]()
  return {
    socket,
    say: (message: object | string) =>
      void socket.write(`${typeof message === 'string' ? message : JSON.stringify(message)}\n`),
    hear: async () => JSON.parse((await lines.next()).value ?? 'null') as Record<string, unknown> | null,
  }
}

test('RIM-3 RIM-4 a service registers by one call, hears of a threat, does what it can and says so', async () => {
  const { path, done, heard, registry, line } = await openLine()
  const evicted: string[] = []
  const told: string[] = []
  const hurry = AbortSignal.timeout(30_000)
  const protection = protect({
    name: 'billing',
    socket: path,
    onThreat: ({ severity }) => told.push(severity),
    evict: async ({ incident }) => {
      evicted.push(incident)
      return '3 keys'
    },
  })
  const registered = await registeredOf(() => registry.all, hurry)
  assert.deepEqual([registered.process.pid, registered.process.steps], [process.pid, ['kill', 'evict']])
  const order = async () => {
    while (!line.threaten(registered, threat, ['evict'])) await systemClock.sleep(1, hurry)
  }
  await order()
  while (done.length === 0 && !hurry.aborted) await heard.wait(hurry)
  assert.deepEqual(done, [[registered.id, { done: 'evict', incident: 'inc_1', number: 1, ok: true, detail: '3 keys' }]])
  assert.deepEqual(evicted, ['inc_1'])
  await order()
  while (done.length === 1 && !hurry.aborted) await heard.wait(hurry)
  assert.deepEqual(evicted, ['inc_1', 'inc_1'], 'an order that is given again in one incident is done again')
  assert.deepEqual(told, ['critical', 'critical'])
  protection.stop()
  await line.close()
})

async function registeredOf(all: () => readonly Registered[], signal: AbortSignal): Promise<Registered> {
  for (;;) {
    const [first] = all()
    if (first !== undefined) return first
    signal.throwIfAborted()
    await systemClock.sleep(1, signal)
  }
}

test('RIM-3 what a service says wrongly is refused by its code, and costs nobody else anything', async () => {
  const { path, line } = await openLine()
  for (const { line: said, code } of vectors.from_service) {
    const { socket, say, hear } = talk(path)
    say(said)
    const expected = code ?? (said.includes('"done"') ? 'PROTECT_NOT_REGISTERED' : undefined)
    const answer = await hear()
    if (expected !== undefined) assert.deepEqual([answer?.ok, answer?.code], [false, expected], said)
    else assert(answer !== null && (answer.ok === true || answer.code === 'PROTECT_OTHER_NAME'), said)
    socket.destroy()
  }
  const { socket, hear } = talk(path)
  socket.write('x'.repeat(5_000))
  assert.equal((await hear())?.code, 'PROTECT_MALFORMED')
  await closed(socket)
  await line.close()
})

const closed = (socket: Socket) => (socket.destroyed ? undefined : once(socket, 'close'))

test('RIM-4 what was not answered before a connection was lost is ordered again, and what waits for its KMS stays open', async () => {
  const { path, done, heard, registry, line } = await openLine()
  const hurry = AbortSignal.timeout(30_000)
  const first = talk(path)
  first.say({ v: 1, protect: 'billing', steps: ['evict', 'rotate'] })
  const { audit, ...welcome } = (await first.hear()) ?? {}
  assert.deepEqual(welcome, { ok: true, id: 'prt_1', mode: 'on' })
  assert.equal((audit as unknown[]).length, 1)
  const [registered] = registry.all
  assert(registered !== undefined)
  assert.equal(line.threaten(registered, threat, ['evict', 'rotate']), true)
  assert.deepEqual(await first.hear(), { threat, steps: ['evict', 'rotate'], number: 1 })
  first.say({ done: 'evict', incident: 'inc_1', number: 1, ok: true })
  first.say({ done: 'rotate', incident: 'inc_1', ok: false, detail: 'queued: no KMS' })
  while (done.length < 2 && !hurry.aborted) await heard.wait(hurry)
  // Keys were read again: the step that was done is another order, which an answer to the one before does not end.
  assert.equal(line.threaten(registered, threat, ['evict']), true)
  assert.deepEqual(await first.hear(), { threat, steps: ['evict'], number: 2 })
  first.say({ done: 'evict', incident: 'inc_1', number: 1, ok: true })
  first.socket.end()
  await closed(first.socket)
  // AGT-8: who removes the socket keeps no service from coming.
  rmSync(path)
  while (!existsSync(path)) await systemClock.sleep(20, hurry)
  const second = talk(path)
  second.say({ v: 1, protect: 'billing', steps: ['evict', 'rotate'] })
  assert.equal((await second.hear())?.id, 'prt_1', 'it is the same registration')
  assert.deepEqual(await second.hear(), { threat, steps: ['rotate'], number: 1 }, 'with the number that it had')
  assert.deepEqual(await second.hear(), { threat, steps: ['evict'], number: 2 })
  second.say({ done: 'rotate', incident: 'inc_1', number: 1, ok: true })
  second.say({ done: 'evict', incident: 'inc_1', ok: true })
  while (done.length < 4 && !hurry.aborted) await heard.wait(hurry)
  assert.deepEqual(
    done.map(([, { done: step, number, ok }]) => [step, number, ok]),
    [
      ['evict', 1, true],
      ['rotate', undefined, false],
      ['rotate', 1, true],
      ['evict', undefined, true],
    ],
  )
  line.forget(registered.process)
  assert.equal(line.threaten(registered, threat, []), false)
  await line.close()
})
