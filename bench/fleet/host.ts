// SPDX-License-Identifier: Apache-2.0
// One agent without its sensor: the product's own identity, journals, chains, heartbeats and stream. Its disk is in memory,
// as each host has a disk of its own.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock as clock, createLog, systemDisk as disk, type JsonObject, systemRandom } from '@sealwatch/base'
import { generateSigner } from '@sealwatch/keys'
import { noHash, openChain } from '@sealwatch/ledger'
import { createHeartbeats } from '../../apps/agent/src/heartbeat.ts'
import { createJournal } from '../../apps/agent/src/journal/journal.ts'
import { connectAgent } from '../../apps/agent/src/ship/client.ts'
import { type Identity, openIdentity, ship } from '../../apps/agent/src/ship/index.ts'
import type { WatchState } from '../../apps/agent/src/watch.ts'
import { type Answered, delayed } from './answers.ts'

export type FleetHost = {
  /** What the sensor's frames become. */
  see(event: JsonObject): void
  readonly isRegistered: boolean
  /** Its own chain and that for the deployment: where they end, and up to where the server has them. */
  readonly chains: readonly {
    readonly id: string
    readonly tenant: string
    readonly sealed: number
    readonly shipped: number
  }[]
  /** Milliseconds from when events were handed over to be sealed to the acknowledgement, since the last call. */
  takeLatencies(): number[]
  /** From now on answers of the server take so much longer. */
  answerAfter(ms: number): void
  /** Ends its connection and stays away. */
  stop(): Promise<void>
}

export type FleetHostOptions = {
  readonly name: string
  readonly dir: string
  readonly url: string
  readonly token: string
}

const facts = (hostname: string) => ({ hostname, machineId: hostname, bootId: 'b', kernel: '6.1', os: 'Debian 12' })
const sizes = { segmentBytesMax: 1 << 23, totalBytesMax: 1 << 29 }
/** As agents have it by default. */
const epochMax = { lines: 4_096, ageMs: 10_000 }
const epochIdleMs = 60_000
const watching = {
  hello: { attached: { exec: { ok: true } } },
  connected: true,
  account: undefined,
  gaps: 0,
} as unknown as WatchState

export async function startFleetHost({ name, dir, url, token }: FleetHostOptions): Promise<FleetHost> {
  const over = new AbortController()
  const { signal } = over
  const log = createLog('agent', () => undefined, clock.nowMs)
  const signer = generateSigner()
  mkdirSync(dir, { recursive: true })
  const files = { tokenFile: join(dir, 'token'), identityFile: join(dir, 'identity.pem') }
  writeFileSync(files.tokenFile, token)
  const common = { url, facts: facts(name), clock, disk, random: systemRandom, log, signal }
  const identity = await openIdentity({ ...common, ...files, signer })
  if (identity === undefined) throw new Error(`${name} did not enrol`)

  const open = (tenant: string) =>
    openChain({ dir: join(dir, tenant), tenant, signer, clock, disk, epochMax, ...sizes })
  const [own, cluster] = [await open('default'), await open('cluster')]
  const handed: { readonly upTo: number; readonly atMs: number }[] = []
  const timed: typeof own = Object.assign(Object.create(own), {
    seal: async (...given: Parameters<typeof own.seal>) => {
      const atMs = performance.now()
      await own.seal(...given)
      handed.push({ upTo: own.position.nextSeq, atMs })
    },
  })
  const latencies: number[] = []
  const onAnswer = ({ chain, outcome }: Answered) => {
    if (chain !== own.id || outcome.case !== 'acknowledged') return
    for (let [first] = handed; first !== undefined && first.upTo <= outcome.value.nextSeq; [first] = handed) {
      latencies.push(performance.now() - first.atMs)
      handed.shift()
    }
  }
  const onFatal = (error: unknown) => {
    throw error
  }
  const journals = [timed, cluster].map((chain) => createJournal({ chain: () => chain, clock, log, onFatal }))
  const startNs = clock.monotonicNs()
  const heartbeat = createHeartbeats(
    signer,
    () => ({
      chain: cluster.id,
      nextSeq: cluster.position.nextSeq,
      tip: cluster.position.tip ?? noHash,
      timeNs: clock.nowNs(),
      bootId: 'b',
      bootNs: clock.monotonicNs() - startNs,
      waiting: 0,
    }),
    () => watching,
  )
  let isRegistered = false
  let answersAfterMs = 0
  const connect = (used: Identity) => {
    const connection = connectAgent(url, used.authorityPem, used)
    const answers: typeof connection.client.ship = (...given) =>
      delayed(connection.client.ship(...given), () => answersAfterMs, onAnswer)
    return { ...connection, client: { ...connection.client, ship: answers } }
  }
  const shipping = ship({
    ...common,
    identity,
    connect,
    agentVersion: '0.1.0',
    chains: () => [own, cluster],
    heartbeat,
    onRegistered: (is) => {
      isRegistered = is
    },
    onRollback: async ({ id }) => onFatal(new Error(`${name}: the chain ${id} does not go on where the server has it`)),
  })
  const keeping = journals.map((journal) => journal.keepEpochs(epochIdleMs, signal))
  return {
    see: (event) => journals[0]?.add({ event, personalPointers: ['/event/actor/user/name'], timeNs: clock.nowNs() }),
    get isRegistered() {
      return isRegistered
    },
    get chains() {
      return [own, cluster].map(({ id, tenant, position, shipped }) => ({
        ...{ id, tenant, shipped },
        sealed: position.nextSeq,
      }))
    },
    takeLatencies: () => latencies.splice(0),
    answerAfter: (ms) => {
      answersAfterMs = ms
    },
    stop: async () => {
      over.abort()
      await Promise.all([shipping, ...keeping, ...journals.map((journal) => journal.flushed())])
      for (const chain of [own, cluster]) await chain.close()
    },
  }
}
