// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, rmSync, truncateSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { type TestContext, test } from 'node:test'
import { type Clock, createBell, createLog, systemClock, systemDisk } from '@sealwatch/base'
import { generateSigner } from '@sealwatch/keys'
import { openGuardChains } from '../guard/guard-chains.ts'
import { actAt, thief } from '../guard/sample-acts.ts'
import type { Observation, SensorMessage } from '../sources/observation.ts'
import { openAgentEnd } from './agent-end.ts'
import { createFrameReader, frameOf } from './framing.ts'
import { openGuardEnd } from './guard-end.ts'
import { judgedAct } from './guard-word.ts'
import { carriageLimits, type Delivery, type GuardReport, readAgentAsks, readGuardSays } from './messages.ts'

const onFatal = (error: unknown) => assert.fail(String(error))
/** What comes every two seconds comes every fiftieth of one. */
const hasty: Clock = { ...systemClock, sleep: (ms, signal) => systemClock.sleep(ms / 100, signal) }
const forever = new AbortController().signal

function room(t: TestContext) {
  const dir = mkdtempSync(join(tmpdir(), 'sealwatch-carriage-'))
  chmodSync(dir, 0o711)
  const closes: (() => Promise<void>)[] = []
  t.after(async () => {
    for (const close of closes) await close()
    rmSync(dir, { recursive: true, force: true })
  })
  const said: string[] = []
  const written = createBell()
  const log = createLog(
    'test',
    (line) => {
      said.push(line)
      written.ring()
    },
    systemClock.nowMs,
  )
  const until = async (text: RegExp) => {
    while (!said.some((line) => text.test(line))) await written.wait(forever)
  }
  return { dir, path: join(dir, 'agent.sock'), said, log, until, closes }
}

/** Somebody opened the memory of the one that the guard protects. */
const act = () => {
  const target = { pid: 900, startNs: 12_340_000_000n, comm: 'keyservice', ppid: 1 }
  const seen = { kind: 'mem_open', site: 'openat', timeNs: actAt, truncated: false, actor: thief }
  return { ...seen, target, syscall: null, flags: 0 } as SensorMessage & Observation
}

const sample: GuardReport = {
  pid: 7,
  mode: 'observe',
  tier: 'polling',
  protected: 2,
  incidents: 1,
  kill: 'dry-run',
  hands: {
    connected: true,
    order: { version: 2, digest: 'b'.repeat(64), until: '2026-12-01T00:00:00.000000000Z' },
    refused: null,
  },
  commandKey: 'a'.repeat(64),
  prevent: 'off',
  preventsNothing: null,
  names: [{ name: 'vault', processes: 2 }],
  configVersion: 0,
}

async function guard({ dir, path, log, closes }: ReturnType<typeof room>) {
  const chains = await openGuardChains({
    dir: join(dir, 'chains'),
    tenants: ['default', 'cluster'],
    signer: generateSigner(),
    totalBytesMax: 1 << 26,
    clock: systemClock,
    disk: systemDisk,
    log,
    onFatal,
  })
  let state = sample
  const protectedNow = { processes: ['900:1234'], paths: ['/etc/billing.key'] }
  const taken: Delivery[] = []
  const there: boolean[] = []
  const hosts: string[] = []
  const end = await openGuardEnd({
    path,
    agentUid: process.getuid?.() ?? 0,
    chains: () => chains.all,
    replace: chains.replace,
    take: async (delivery) => {
      if (delivery.envelope === 'bad') throw new Error('not for me')
      taken.push(delivery)
    },
    onHost: (host) => hosts.push(host),
    state: () => state,
    protects: () => protectedNow,
    onAgent: (isThere) => there.push(isThere),
    onFatal,
    clock: hasty,
    log,
  })
  closes.push(end.close, chains.close)
  return {
    chains,
    taken,
    there,
    hosts,
    set: (next: GuardReport) => {
      state = next
      end.changed()
    },
    drift: (next: GuardReport) => {
      state = next
    },
    judge: end.judged,
    seal: (tenant: string) => chains.add(tenant, { event: { tenant }, personalPointers: [], timeNs: 1n }),
  }
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await systemClock.sleep(1)
}

test('RIM-5: the agent has the chains that have a line, their batches as they were sealed, the state, and what is told is taken', async (t) => {
  const place = room(t)
  const { chains, taken, there, hosts, set, drift, judge, seal } = await guard(place)
  const stop = new AbortController()
  const agent = openAgentEnd({ path: place.path, clock: systemClock, log: place.log })
  agent.introduce('h1')
  const running = agent.run(stop.signal)
  await until(() => agent.state !== undefined && hosts.length > 0)
  agent.introduce('h2')
  await until(() => hosts.length > 1)
  assert.deepEqual(hosts, ['h1', 'h2'])
  assert.deepEqual([agent.state, agent.chains], [sample, []])
  set({ ...sample, mode: 'off' })
  await until(() => agent.state?.mode === 'off')
  drift({ ...sample, incidents: 5 })
  await until(() => agent.state?.incidents === 5)

  const others = agent.otherChains([], stop.signal)
  seal('default')
  await others
  const [carried] = agent.chains
  const [chain] = chains.all
  assert.ok(carried !== undefined && chain !== undefined)
  assert.deepEqual([carried.id, carried.tenant, carried.writer], [chain.id, 'default', 'guard'])
  await carried.waitFor(0, stop.signal)
  assert.deepEqual(await carried.readBatch(0, stop.signal), await chain.readBatch(0))
  assert.equal(await carried.readBatch(1, stop.signal), undefined, 'no batch begins there')
  const aimed = act()
  assert.equal(agent.word.on(aimed), undefined)
  const heard = agent.word.heard([aimed])
  judge({ untilNs: String(actAt), acts: [judgedAct(aimed, 'inc_1')] })
  await heard
  assert.equal(agent.word.on(aimed), 'inc_1')
  rmSync(place.path)
  await until(() => existsSync(place.path))
  const end = chain.position.nextSeq
  const grown = carried.waitFor(end, stop.signal)
  seal('default')
  await grown
  assert.ok(carried.position.nextSeq > end)
  await carried.acknowledge(end)
  await until(() => chain.shipped === end)
  assert.equal(carried.acknowledged, end)

  agent.deliver({ kind: 'host_config', envelope: 'bad', identity: '' })
  await place.until(/the guard does not take what the server has signed.*not for me/)
  assert.equal(agent.refusalOf('host_config'), 'not for me')
  agent.deliver({ kind: 'host_config', envelope: 'good', identity: 'pem' })
  await until(() => taken.length === 1 && agent.refusalOf('host_config') === undefined)
  assert.deepEqual(taken, [{ kind: 'host_config', envelope: 'good', identity: 'pem' }])
  stop.abort()
  await running
  await until(() => there.length === 2)
  assert.deepEqual(there, [true, false])
  assert.equal(agent.state, undefined)
})

test('AGT-8 what of the guard cannot be read any more ends that chain, and what it seals after that goes on in another', async (t) => {
  const place = room(t)
  const { chains, seal } = await guard(place)
  const stop = new AbortController()
  const agent = openAgentEnd({ path: place.path, clock: hasty, log: place.log })
  const running = agent.run(stop.signal)
  seal('default')
  await until(() => agent.chains.length === 1)
  const [damaged] = agent.chains
  assert.ok(damaged)
  const end = damaged.position.nextSeq
  seal('default')
  await damaged.waitFor(end, stop.signal)
  // While it is written on, what somebody empties is put back from memory.
  await chains.flushed()
  truncateSync(join(place.dir, 'chains/default/0000000000000000.ndjson'))
  const over = new AbortController()
  const read = damaged.readBatch(0, over.signal)
  await place.until(/a batch of the guard cannot be read/)
  await until(() => chains.all[0]?.id !== damaged.id)
  over.abort()
  assert.equal(await read, undefined)
  seal('default')
  await until(() => agent.chains.some(({ id }) => id === chains.all[0]?.id))
  stop.abort()
  await running
})

test('RIM-5 AGT-4: nobody but the agent is let in, and what is not of the form ends the connection alone', {
  skip: process.getuid?.() === 0 ? false : 'needs root',
}, async (t) => {
  const place = room(t)
  const { seal } = await guard(place)
  chmodSync(place.path, 0o666)
  const script = `require('node:net').connect(${JSON.stringify(place.path)}).on('data', () => process.exit(1)).on('close', () => process.exit(3))`
  const other = spawn(process.execPath, ['-e', script], { uid: 65_534, gid: 65_534, stdio: 'ignore' })
  assert.deepEqual((await once(other, 'exit'))[0], 3)
  await place.until(/not the agent.*65534/)

  const tooLong = Buffer.alloc(8)
  tooLong.writeUInt32LE(carriageLimits.headerBytesMax + 1)
  const hostile = [
    tooLong,
    frameOf({ ask: 'kill' }),
    frameOf({ ask: 'read', number: -1, chain: 'a'.repeat(32), seq: 0 }),
    frameOf({ ask: 'deliver', number: 1, delivery: { kind: 'binary', envelope: '', identity: '' } }),
    Buffer.concat([Buffer.from([3, 0, 0, 0, 0, 0, 0, 0]), Buffer.from('no!')]),
  ]
  for (const bytes of hostile) {
    const socket = connect(place.path)
    socket.resume().write(bytes)
    await once(socket, 'close')
  }
  const agent = openAgentEnd({ path: place.path, clock: systemClock, log: place.log })
  const stop = new AbortController()
  const running = agent.run(stop.signal)
  seal('default')
  await agent.otherChains([], stop.signal)
  const unknown = { ...agent.chains[0], id: 'f'.repeat(32) } as (typeof agent.chains)[number]
  await agent.replace(unknown)
  assert.equal(agent.chains.length, 1)
  stop.abort()
  await running
})

test('RIM-5: a guard that says what it may not is left, and asked anew; nobody waits for what it does not answer', async (t) => {
  const place = room(t)
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket.on('error', () => undefined).resume())
    if (sockets.length === 1) socket.write(frameOf({ say: 'chains', chains: [{ chain: 'x' }] }))
    else {
      const chain = { chain: 'c'.repeat(32), tenant: 'default', nextSeq: 5, tip: null, acknowledged: 0 }
      socket.write(frameOf({ say: 'chains', chains: [chain] }))
    }
  })
  await new Promise<void>((resolve) => server.listen(place.path, resolve))
  t.after(() => server.close())
  const agent = openAgentEnd({ path: place.path, clock: systemClock, log: place.log })
  const stop = new AbortController()
  const running = agent.run(stop.signal)
  await place.until(/what the guard says cannot be read/)
  await agent.otherChains([], stop.signal)
  const over = new AbortController()
  const reading = agent.chains[0]?.readBatch(0, over.signal)
  over.abort()
  assert.equal(await reading, undefined)
  stop.abort()
  await running
  for (const socket of sockets) socket.destroy()
})

test('what comes in pieces of any size is read as it was written', () => {
  const frames = [
    frameOf({ say: 'alive' }),
    frameOf({ say: 'no_batch', number: 1 }, [Buffer.from('ab'), Buffer.from('c')]),
  ]
  const bytes = Buffer.concat(frames)
  for (const size of [1, 7, bytes.length]) {
    const read = createFrameReader()
    const found = []
    for (let at = 0; at < bytes.length; at += size) found.push(...read(bytes.subarray(at, at + size)))
    assert.deepEqual(
      found.map(({ header, body }) => [readGuardSays(header).say, body.toString()]),
      [
        ['alive', ''],
        ['no_batch', 'abc'],
      ],
    )
  }
  assert.throws(() => readAgentAsks('{"ask":"constructor"}'), { code: 'CARRIAGE_MALFORMED' })
})
