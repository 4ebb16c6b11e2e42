// SPDX-License-Identifier: Apache-2.0

import crypto from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { systemClock, systemDisk } from '@sealwatch/base'
import { kmsMasterKey, openSealing } from '@sealwatch/keys/sealing'
import { openOwnSigner } from '../../packages/keys/src/signers/own-key.ts'
import { checkDisk, checkServer } from './checks.ts'
import { checkEnd } from './ending.ts'
import { createHost, type HostMachine } from './host.ts'
import { createNetwork, type Network } from './network.ts'
import { count, createRecord, type Record } from './record.ts'
import { createLife, createScheduler, Ended, type Scheduler, seededRandom } from './scheduler.ts'
import { createServer, type ServerMachine, type ServerWorld, sparesMax, tenants } from './server.ts'

export type SimulationReport = {
  readonly seed: number
  readonly steps: number
  /** Empty is the promise. */
  readonly violations: readonly string[]
  readonly counts: Readonly<globalThis.Record<string, number>>
  readonly simulatedMs: number
}

const yearMs = 365 * 86_400_000
const hostsCount = 3
const tenantAt = (host: number) => tenants[host % tenants.length] as string
/** Once nothing fails any more, everything sealed must be acknowledged within so many steps. */
const settlingStepsMax = 60_000
const violationsMax = 5

/**
 * Hosts and a server on simulated machines: the seed decides the order of everything, and what breaks when. Meanwhile
 * and at the end, what lies on the disks is held against what everybody was told.
 */
export async function simulate(seed: number, steps: number): Promise<SimulationReport> {
  await using home = await mkdtempDisposable(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'sealwatch-sim-'))
  using _seeded = seedRuntime(seed)
  const scheduler = createScheduler(seed)
  const network = createNetwork(scheduler)
  const record = createRecord()
  const hosts = Array.from({ length: hostsCount }, (_, i) => createHost(i, tenantAt(i), scheduler, network, record))
  const world: ServerWorld = {
    scheduler,
    network,
    record,
    databaseDir: home.path,
    sealing: await openWorldSealing(home.path),
    auditSigner: await openOwnSigner(join(home.path, 'signer.key'), systemDisk),
    hosts: hosts.map(({ id }, i) => ({ id, tenant: tenantAt(i), seed: 10 + i })),
  }
  const server = createServer(world)
  const machines = { server, hosts, network, scheduler, record, world }
  const hurt = createHurting(machines)
  const keep = keepRunning(machines)
  let done = 0
  let older: (() => void) | undefined
  for (; done < steps && record.violations.length < violationsMax; done += 1) {
    await keep()
    hurt()
    await scheduler.step()
    if (done > steps / 4) older ??= server.disk.save('/ledgers')
  }
  for (const { disk } of [server, ...hosts]) Object.assign(disk, { room: Number.MAX_SAFE_INTEGER, failingSyncs: 0 })
  for (const host of hosts) host.busy = false
  await settle(machines, keep)
  if (record.violations.length === 0) await checkEnd({ ...machines, older: older ?? (() => undefined) })
  for (const { life } of hosts) life?.end()
  server.end()
  world.sealing.close()
  const { violations, counts } = record
  return { seed, steps: done, violations, counts, simulatedMs: Math.round(scheduler.elapsedMs) }
}

export type Machines = {
  readonly server: ServerMachine
  readonly hosts: readonly HostMachine[]
  readonly network: Network
  readonly scheduler: Scheduler
  readonly record: Record
  readonly world: ServerWorld
}

async function settle({ hosts, server, scheduler, record }: Machines, keep: () => Promise<void>): Promise<void> {
  for (let left = settlingStepsMax; record.violations.length < violationsMax; left -= 1) {
    await keep()
    const { open } = server
    const nextOf = (tenant: string, chain: string) => open?.ledgers.get(tenant).position(chain).nextSeq ?? -1
    const isDone = open?.inFlight === 0 && hosts.every((host) => host.isDone(nextOf))
    if (isDone && open?.ledgers.root.signed !== undefined) return
    if (left === 0) {
      const states = [...hosts.map((host) => host.state()), `server: ${server.open?.inFlight} in flight`].join('; ')
      return void record.violations.push(`stuck: ${states}`)
    }
    await scheduler.step()
  }
}

/** Starts whatever is down, as a supervisor does; a server that has just opened is held against what was promised. */
function keepRunning({ server, hosts, record, scheduler, world }: Machines): () => Promise<void> {
  let checked: unknown
  const idle = createLife('supervisor')
  const restart = (machine: HostMachine | ServerMachine) => {
    if (machine.life !== undefined && !machine.life.ended) return
    machine.life = createLife('starting')
    const due = machine.life
    void scheduler.sleep(idle, 100 * scheduler.random()).then(() => {
      if (machine.life === due && !due.ended) machine.start()
    })
  }
  return async () => {
    restart(server)
    for (const host of hosts) restart(host)
    if (server.open === undefined || server.open === checked) return
    checked = server.open
    count(record, 'server opened')
    await checkDisk(server.disk, record, world.sealing)
  }
}

/** What may go wrong at any step, each with its own chance. */
function createHurting({ server, hosts, network, scheduler, record }: Machines): () => void {
  const { oneIn, below } = scheduler
  const someHost = () => hosts[below(hosts.length)] as HostMachine
  let spares = 0
  const acts: [oneIn: number, name: string, act: () => void][] = [
    [450, 'server killed', () => server.end()],
    [
      800,
      'server lost power',
      () => {
        server.end()
        server.disk.powerCut()
      },
    ],
    [900, 'host killed', () => someHost().life?.end()],
    [
      900,
      'host lost power',
      () => {
        const host = someHost()
        host.life?.end()
        host.disk.powerCut()
      },
    ],
    [250, 'connection cut', () => network.cutOne()],
    [
      3000,
      'sync failed',
      () => {
        ;(oneIn(2) ? server : someHost()).disk.failingSyncs = 1
      },
    ],
    [
      1200,
      'clock set',
      () => {
        const machine = oneIn(2) ? server : someHost()
        machine.clock.offsetMs = oneIn(3) ? 0 : (scheduler.random() - 0.5) * 2 * (oneIn(2) ? 86_400_000 : yearMs)
      },
    ],
    [
      1500,
      'disk full',
      () => {
        ;(oneIn(2) ? server : someHost()).disk.room = below(3000)
      },
    ],
    [
      400,
      'room again',
      () => {
        for (const { disk } of [server, ...hosts]) disk.room = Number.MAX_SAFE_INTEGER
      },
    ],
    [
      250,
      'batch repeated',
      () => {
        someHost().repeats = true
      },
    ],
    [
      120,
      'batch forged',
      () => {
        someHost().forges = true
      },
    ],
    [600, 'host revoked', () => revoke()],
    [
      60,
      'server checked',
      () => {
        if (server.open !== undefined) checkServer(server.open, record, below)
      },
    ],
  ]

  function revoke(): void {
    if (server.open === undefined || spares >= sparesMax) return
    const hostId = `spare-${spares++}`
    server.open.revoke(hostId).then(
      () => record.confirmed.add(hostId),
      () => count(record, 'revocation failed'),
    )
  }

  return () => {
    for (const [chance, name, act] of acts) {
      if (!oneIn(chance)) continue
      count(record, name)
      act()
    }
  }
}

/**
 * The keys of values at rest outlive every process here: what may break them is tested beside them. All are in memory
 * before anything begins, for whatever waits for a real file is not in the seed's hand.
 */
async function openWorldSealing(dir: string) {
  const clock = systemClock
  const cache = { ttlMs: 86_400_000, keysMax: 8192 }
  const sealing = await openSealing({ dir, kmsKeyId: '', kms: kmsMasterKey({ clock }), cache, clock, disk: systemDisk })
  for (const tenant of tenants) {
    await sealing.seal({ tenant, purpose: 'quarantine', place: 'first' }, Buffer.alloc(1))
    await sealing.sealPersonal(tenant, [{ place: 'first', values: [{ subject: 'first', plain: Buffer.alloc(1) }] }])
  }
  return sealing
}

/** Keys, salts and ids come from the seed too, and what a process that has ended still does is nobody's concern. */
function seedRuntime(seed: number): Disposable {
  const random = seededRandom(seed ^ 0x5ea1)
  const real = crypto.randomBytes
  const seeded = (size: number) => Buffer.from(Array.from({ length: size }, () => Math.floor(random() * 256)))
  crypto.randomBytes = seeded as typeof crypto.randomBytes
  syncBuiltinESMExports()
  const ignoreEnded = (error: unknown) => {
    if (!(error instanceof Ended) && !/database is not open|statement has been finalized/.test(String(error)))
      throw error
  }
  process.on('unhandledRejection', ignoreEnded)
  return {
    [Symbol.dispose]: () => {
      process.off('unhandledRejection', ignoreEnded)
      crypto.randomBytes = real
      syncBuiltinESMExports()
    },
  }
}
