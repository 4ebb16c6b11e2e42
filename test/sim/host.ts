// SPDX-License-Identifier: Apache-2.0

import { create } from '@bufbuild/protobuf'
import { createLog, isSealwatchError, messageOf } from '@sealwatch/base'
import { type ShipRequest, ShipRequestSchema } from '@sealwatch/contract'
import { type Chain, openChain, sha256 } from '@sealwatch/ledger'
import { createJournal } from '../../apps/agent/src/journal/journal.ts'
import type { AgentConnection } from '../../apps/agent/src/ship/client.ts'
import { type IdentityKeeper, ship } from '../../apps/agent/src/ship/index.ts'
import { sampleSigner } from '../../packages/ledger/test/sample.ts'
import type { Network } from './network.ts'
import { count, noteAnswer, noteSent, type Record } from './record.ts'
import { createLife, createSimClock, type Life, type Scheduler } from './scheduler.ts'
import { createSimDisk, type SimDisk } from './sim-disk.ts'

/** A machine with an agent: the real chain, journal and shipping, without sensor and TLS. */
export type HostMachine = {
  readonly id: string
  readonly disk: SimDisk
  /** How far its clock is off. */
  readonly clock: { offsetMs: number }
  /** Of its present process; undefined while it is down. */
  life: Life | undefined
  /** While false, nothing new happens on it. */
  busy: boolean
  /** The next batch leaves with one bit changed. */
  forges: boolean
  /** The next batch leaves twice, as after an acknowledgement that was lost. */
  repeats: boolean
  start(): void
  /**
   * Nothing waits to be sealed, and the server has all that is: whose answer was lost is told so when it registers again,
   * and never gets an acknowledgement.
   */
  isDone(nextOf: (tenant: string, chain: string) => number): boolean
  /** Where it stands, for whoever reads a violation. */
  state(): string
}

const sizes = { segmentBytesMax: 12_000, totalBytesMax: 200_000 }
const eventEveryMs = 40

export function createHost(
  index: number,
  tenant: string,
  scheduler: Scheduler,
  network: Network,
  record: Record,
): HostMachine {
  const disk = createSimDisk(scheduler)
  const id = `host-${index}`
  const signer = sampleSigner(10 + index)
  let events = 0
  let chain: Chain | undefined
  let depth = () => 0

  function start(): void {
    const life = createLife(id)
    machine.life = life
    chain = undefined
    run(life).catch((error: unknown) => {
      if (life.ended) return
      count(record, `host stopped: ${isSealwatchError(error) ? error.code : messageOf(error)}`)
      if (!isSealwatchError(error, 'DISK_FAILED')) record.violations.push(`crashed: ${id}: ${(error as Error).stack}`)
      life.end()
    })
  }

  async function run(life: Life): Promise<void> {
    const clock = createSimClock(scheduler, life, machine.clock)
    const log = createLog(id, () => undefined, clock.nowMs)
    const opened = await openChain({ dir: '/chain', tenant, signer, clock, disk: disk.for(life), ...sizes })
    chain = opened
    if (opened.replacesDamaged) record.violations.push(`damaged: ${id} set its chain aside, and nobody touched it`)
    checkOpened(opened)
    const failed = Promise.withResolvers<never>()
    const journal = createJournal({ chain: () => watched(opened), clock, log, onFatal: failed.reject })
    depth = () => journal.depth
    const signal = new AbortController().signal
    const shipping = ship({
      url: 'https://simulated',
      identity: { current: { hostId: id } } as unknown as IdentityKeeper,
      agentVersion: '0.0.0-simulated',
      facts: { hostname: id, machineId: id, bootId: id, kernel: 'none', os: 'none' },
      chains: () => [opened],
      connect: () => forging(network.connect(id, life)),
      clock,
      random: scheduler.random,
      log,
      signal,
      onRegistered: () => undefined,
      onRollback: async ({ id: lost }) => {
        record.violations.push(`rolled back: the server does not continue chain ${lost} of ${id}`)
      },
    })
    const producing = (async () => {
      for (;;) {
        await clock.sleep(eventEveryMs * scheduler.random() * 2)
        if (!machine.busy) continue
        await journal.room()
        const of = { n: events++, user: { name: `user-${events}` } }
        const personalPointers = scheduler.oneIn(4) ? ['/event/user/name'] : []
        journal.add({ event: of, personalPointers, timeNs: clock.nowNs() })
      }
    })()
    await Promise.race([failed.promise, shipping, producing])
  }

  /** Everything that was reported as sealed is still there, in the same chain. */
  function checkOpened({ id: chainId, position }: Chain): void {
    for (const [sealedChain, end] of record.sealed) {
      if (record.tenants.get(sealedChain) !== `${tenant} ${id}`) continue
      if (sealedChain !== chainId) record.violations.push(`lost: ${id} begins a new chain in place of ${sealedChain}`)
      else if (position.nextSeq < end)
        record.violations.push(`lost: ${id} sealed ${end} lines and has ${position.nextSeq} after a restart`)
    }
    record.tenants.set(chainId, `${tenant} ${id}`)
  }

  function watched(opened: Chain): Chain {
    const seal: Chain['seal'] = async (drafts, sensor) => {
      await opened.seal(drafts, sensor)
      record.sealed.set(opened.id, opened.position.nextSeq)
    }
    return Object.create(opened, { seal: { value: seal } }) as Chain
  }

  /** Listens in at the host's end, and lies on demand. */
  function forging({ client, close }: AgentConnection): AgentConnection {
    /** By chain, in the order of the wire: whether an answer is to a batch that the agent did not send. */
    const answers = new Map<string, boolean[]>()
    async function* leaving(requests: AsyncIterable<ShipRequest>): AsyncGenerator<ShipRequest> {
      for await (const request of requests) {
        noteSent(record, request)
        const due = answers.get(request.chain) ?? []
        answers.set(request.chain, due)
        due.push(false)
        const sent = machine.forges ? forge(request) : request
        yield sent
        if (!machine.repeats) continue
        machine.repeats = false
        count(record, 'repeated')
        due.push(true)
        yield sent
      }
    }
    async function* ship(requests: AsyncIterable<ShipRequest>, options: object) {
      for await (const response of client.ship(leaving(requests), options)) {
        noteAnswer(record, response)
        if (answers.get(response.chain)?.shift() === true) continue
        yield response
      }
    }
    return { client: { ...client, ship } as AgentConnection['client'], close }
  }

  function forge(request: ShipRequest): ShipRequest {
    machine.forges = false
    count(record, 'forged')
    const lines = Uint8Array.from(request.lines)
    // What a head says beside its signature is only covered by the next line, so it is left alone.
    const head = lines.lastIndexOf(0x0a, lines.length - 2) + 1
    const at = scheduler.below(head)
    lines[at] = (lines[at] as number) ^ (1 << scheduler.below(8))
    record.forged.add(sha256(lines).toHex())
    const { chain: of, firstSeq, count: due, side } = request
    return create(ShipRequestSchema, { chain: of, firstSeq, count: due, lines, side })
  }

  const machine: HostMachine = {
    id,
    disk,
    clock: { offsetMs: 0 },
    life: undefined,
    busy: true,
    forges: false,
    repeats: false,
    start,
    state: () =>
      `${id}${machine.life?.ended === false ? '' : ' (down)'}: ${chain?.position.nextSeq} sealed, ${depth()} waiting, ${record.acknowledged.get(chain?.id ?? '')} acknowledged, saved ${chain?.shipped}`,
    isDone: (nextOf) => chain !== undefined && depth() === 0 && nextOf(tenant, chain.id) === chain.position.nextSeq,
  }
  return machine
}
