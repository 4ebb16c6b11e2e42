// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { on, once } from 'node:events'
import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { systemDisk } from '@sealwatch/base'
import { loadOrCreateSigner } from '@sealwatch/keys'
import { atEnd } from './at-end.ts'
import { enrolled, prepareAgent, type Server, startServer } from './fixture.ts'

type Said = { readonly id: string; readonly shipped: number; readonly lines: readonly string[] }

/** Guard and agent as processes that are killed and begin again. */
async function machine(t: TestContext, server: Server) {
  const agent = await prepareAgent(t, { url: server.url })
  const key = join(agent.dir, 'host.key')
  const signer = await loadOrCreateSigner(key, systemDisk)
  await enrolled(server, { ...agent, options: { ...agent.options, signer } })
  const start = (program: string, ...args: string[]) => {
    const argv = ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, program), agent.dir, ...args]
    const child = spawn(process.execPath, argv, { stdio: ['pipe', 'pipe', 'pipe'] })
    atEnd(t, () => child.kill('SIGKILL'))
    return child
  }
  return {
    dir: agent.dir,
    guard: () => {
      const child = start('guard-process.ts', key)
      const lines = on(createInterface({ input: child.stdout }), 'line')
      const seal = async (count: number): Promise<Said> => {
        child.stdin.write(`${count}\n`)
        const { value } = await lines.next()
        return JSON.parse(String(value?.[0])) as Said
      }
      return { child, seal }
    },
    agent: () => start('carrying-process.ts', server.url),
  }
}

async function killed(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}

const writers = ({ log }: Server) => log.lines.filter(({ msg }) => msg === 'agent registered').length

test('RIM-5: what the guard seals arrives once and whole, whoever of guard and agent is killed in the middle', async (t) => {
  const server = await startServer(t)
  const { guard: startGuard, agent: startAgent } = await machine(t, server)
  let agent = startAgent()
  // The agent is there before the guard, and registers again when there is something to carry.
  await server.log.until(({ msg }) => msg === 'agent registered')
  let guard = startGuard()
  const { id } = await guard.seal(1)
  await server.ingest.until(id, 1)
  assert.equal(writers(server), 2)

  for (let round = 1; round <= 2; round++) {
    const behind = server.ingest.chains.get(id)?.nextSeq ?? 0
    // Killed while it seals, and while what it has sealed is on its way.
    const sealing = guard.seal(100)
    sealing.catch(() => undefined)
    await server.ingest.until(id, behind + 6)
    await killed(guard.child)
    guard = startGuard()
    const { lines } = await guard.seal(5)
    await server.ingest.until(id, lines.length)

    const more = guard.seal(60)
    await server.ingest.until(id, lines.length + 6)
    await killed(agent)
    const sealed = await more
    agent = startAgent()
    await server.ingest.until(id, sealed.lines.length)
  }
  const { lines } = await guard.seal(0)
  assert.deepEqual(server.ingest.chains.get(id)?.lines, lines)
  assert.equal(server.ingest.counts.refused, 0)
  // What the server has is said in the guard's own chain, and makes room there.
  for (let shipped = 0; shipped < lines.length; ) ({ shipped } = await guard.seal(0))
  assert.deepEqual(
    server.log.lines.filter(({ level }) => level === 'critical'),
    [],
  )
})

test('LOG-4 RIM-5: a guard whose chain was put back begins a new one, which is told, and what it seals then arrives', async (t) => {
  const server = await startServer(t)
  const { dir, guard: startGuard, agent: startAgent } = await machine(t, server)
  startAgent()
  const before = startGuard()
  const { id } = await before.seal(3)
  await server.ingest.until(id, 3)
  await killed(before.child)
  cpSync(join(dir, 'guard'), join(dir, 'kept'), { recursive: true })
  const after = startGuard()
  const { lines } = await after.seal(3)
  await server.ingest.until(id, lines.length)
  await killed(after.child)
  rmSync(join(dir, 'guard'), { recursive: true })
  cpSync(join(dir, 'kept'), join(dir, 'guard'), { recursive: true })

  const back = startGuard()
  await server.log.until(({ msg }) => msg === 'the log of a host lost lines at its end that the ledger has')
  for (let now = id; now === id; ) ({ id: now } = await back.seal(0))
  const next = await back.seal(2)
  await server.log.until(({ msg }) => msg === 'the log of a host is not continued: the host began a new one')
  await server.ingest.until(next.id, next.lines.length)
  assert.deepEqual(server.ingest.chains.get(next.id)?.lines, next.lines)
})
