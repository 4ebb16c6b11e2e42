// SPDX-License-Identifier: Apache-2.0

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { createClient } from '@connectrpc/connect'
import { createConnectTransport } from '@connectrpc/connect-node'
import { createLog, systemClock, systemDisk, systemRandom } from '@sealwatch/base'
import { AdminService, protocol } from '@sealwatch/contract'
import { type Ed25519Signer, generateSigner } from '@sealwatch/keys'
import type { ChainBatch, Draft } from '@sealwatch/ledger'
import { queueLimitsDefault } from '../apps/agent/src/journal/journal.ts'
import { connectAgent } from '../apps/agent/src/ship/client.ts'
import { openIdentity, readHostFacts } from '../apps/agent/src/ship/index.ts'
import { startChild } from './child.ts'
import { compareAll, type Figure, figureOf, quantileOf } from './figure.ts'
import { eventsAtOnce, launches, leanLaunches, openBenchChain, temporary } from './material.ts'
import { createWindow, onTheWayMax } from './window.ts'

const leanEvents = 24 * eventsAtOnce
const fullEvents = 4 * eventsAtOnce
/** As a producer sends them that waits for nobody. */
const smallBatch = 100
/** A turn of the paced part, whose batches are as large as an agent's journal makes them when it has more than enough to do. */
const pace = { eventsPerSecond: 100_000, seconds: 5, eventsAtOnce: queueLimitsDefault.watcherBuffer }

/**
 * From one host to an acknowledgement by the control plane: mTLS, verification, the ledger and its disk; the index and the
 * detection follow meanwhile. What is sent was sealed before.
 */
export async function* benchIngest(runs = 5): AsyncGenerator<Figure> {
  await using dir = await temporary()
  const signer = generateSigner()
  const serverDir = join(dir.path, 'server')
  await using server = await startChild('ingest-server.ts', serverDir)
  await using host = await enrol(serverDir, dir.path, server.port, signer)
  await using peer = await startChild('ingest-peer.ts', join(dir.path, 'peer'))
  let run = 0
  let sealed: ChainBatch[] = []
  const perCoreSecond: number[] = []

  const kinds = [
    ['ingest.acknowledged', leanLaunches(eventsAtOnce), leanEvents],
    ['ingest.acknowledged-full', launches(eventsAtOnce), fullEvents],
    ['ingest.acknowledged-by-100', leanLaunches(smallBatch), leanEvents],
  ] as const
  for (const [name, drafts, count] of kinds) {
    yield* compareAll({
      name,
      unit: 'lines/s',
      runs,
      before: async () => {
        sealed = await sealChain(host, signer, join(dir.path, `chain-${run++}`), drafts, count)
      },
      ours: async () => {
        const before = server.cpuSeconds()
        const { lines } = await host.ship(sealed)
        if (drafts.length === smallBatch) perCoreSecond.push(lines / (server.cpuSeconds() - before))
        return lines
      },
      peers: [
        {
          name: 'the same batches over TLS to a process that syncs each, answers, and does no more',
          work: () => sendToPeer(peer.port, sealed),
        },
      ],
    })
  }

  yield figureOf('ingest.per-core-second', 'lines', perCoreSecond.slice(1))
  yield* paced('ingest', pace.eventsAtOnce)
  yield* paced('ingest.by-100', smallBatch)
  yield figureOf('ingest.memory', 'MB', [server.peakMb()])

  async function* paced(name: string, atOnce: number): AsyncGenerator<Figure> {
    const taken: Shipped[] = []
    for (let turn = 0; turn <= runs; turn += 1) {
      const count = pace.eventsPerSecond * pace.seconds
      const path = join(dir.path, `${name}-${turn}`)
      taken.push(await host.ship(await sealChain(host, signer, path, leanLaunches(atOnce), count), { pace }))
    }
    // As with all others, a first turn is not counted.
    const counted = taken.slice(1)
    const rates = counted.map(({ lines, seconds }) => lines / seconds)
    yield figureOf(`${name}.paced`, 'lines/s', rates)
    for (const quantile of [0.5, 0.99])
      yield figureOf(
        `${name}.latency-p${100 * quantile}`,
        'ms',
        counted.map(({ latenciesMs }) => quantileOf(latenciesMs, quantile)),
      )
  }
}

/** A chain of `count` events, so many in a batch as there are drafts; `host` has registered it. */
export async function sealChain(
  host: { register(chain: string): Promise<void> },
  signer: Ed25519Signer,
  path: string,
  drafts: readonly Draft[],
  count: number,
): Promise<ChainBatch[]> {
  const chain = await openBenchChain(path, signer)
  const read: ChainBatch[] = []
  for (let i = 0; i < count; i += drafts.length) {
    let { nextSeq } = chain.position
    await chain.seal(drafts)
    for (; nextSeq < chain.position.nextSeq; nextSeq += read.at(-1)?.count ?? 0)
      read.push((await chain.readBatch(nextSeq)) as ChainBatch)
  }
  await chain.close()
  await host.register(chain.id)
  return read
}

type Pace = { readonly eventsPerSecond: number }
type Shipped = { readonly lines: number; readonly seconds: number; readonly latenciesMs: number[] }

/** Enrols this process as a host of the control plane that runs over `serverDir`. */
export async function enrol(serverDir: string, dir: string, port: number, signer: Ed25519Signer) {
  const admin = createClient(
    AdminService,
    createConnectTransport({
      baseUrl: 'http://sealwatch.invalid',
      httpVersion: '1.1',
      nodeOptions: { socketPath: join(serverDir, 'api.sock') },
    }),
  )
  const { token } = await admin.createJoinToken({ ttlSeconds: 60 })
  const files = { tokenFile: join(dir, 'join-token'), identityFile: join(dir, 'identity') }
  await writeFile(files.tokenFile, token)
  const url = `https://127.0.0.1:${port}`
  const facts = await readHostFacts()
  const identity = await openIdentity({
    ...files,
    url,
    facts,
    signer,
    clock: systemClock,
    disk: systemDisk,
    random: systemRandom,
    log: createLog('bench', () => undefined, systemClock.nowMs),
    signal: new AbortController().signal,
  })
  if (identity === undefined) throw new Error('the host could not enrol')
  const { client, close } = connectAgent(url, identity.current.authorityPem, identity.current)

  async function register(chain: string): Promise<void> {
    const chains = [{ chain, tenant: 'default', nextSeq: 0n }]
    await client.register({
      agentProtoVersion: protocol.version,
      agentVersion: '0.1.0',
      capabilities: [...protocol.capabilities],
      facts,
      chains,
    })
  }

  async function ship(
    sealed: readonly ChainBatch[],
    { pace, due = 'acknowledged' }: { pace?: Pace; due?: 'acknowledged' | 'quarantined' } = {},
  ): Promise<Shipped> {
    const window = createWindow(onTheWayMax)
    const sentMs: number[] = []
    const startMs = performance.now()
    async function* requests() {
      let dueMs = startMs
      for (const { chain, firstSeq, count, lines, side } of sealed) {
        const values = side.map((row) => ({ seq: BigInt(row.seq), values: row.values }))
        await window.enter()
        if (pace !== undefined && dueMs > performance.now()) await systemClock.sleep(dueMs - performance.now())
        if (pace !== undefined) dueMs += (1000 * count) / pace.eventsPerSecond
        sentMs.push(performance.now())
        yield { chain, firstSeq: BigInt(firstSeq), count, lines, side: values }
      }
    }
    let lines = 0
    const latenciesMs: number[] = []
    for await (const { outcome } of client.ship(requests())) {
      if (outcome.case !== due) throw new Error(`a batch was ${outcome.case}`)
      window.leave()
      lines += sealed[latenciesMs.length]?.count ?? 0
      latenciesMs.push(performance.now() - (sentMs[latenciesMs.length] as number))
      if (latenciesMs.length === sealed.length) break
    }
    return { lines, seconds: (performance.now() - startMs) / 1000, latenciesMs }
  }

  return { register, ship, [Symbol.asyncDispose]: async () => close() }
}

async function sendToPeer(port: number, sealed: readonly ChainBatch[]): Promise<number> {
  // The peer made its certificate a moment ago and has no name that could be checked.
  const socket: TLSSocket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false })
  const window = createWindow(onTheWayMax)
  const { promise: done, resolve, reject } = Promise.withResolvers<void>()
  let answered = 0
  socket.on('error', reject).on('data', (answers) => {
    for (const _ of answers) window.leave()
    answered += answers.length
    if (answered === sealed.length) resolve()
  })
  for (const { lines } of sealed) {
    await window.enter()
    const length = Buffer.alloc(4)
    length.writeUInt32BE(lines.length)
    socket.write(Buffer.concat([length, lines]))
  }
  await done
  socket.destroy()
  return sealed.reduce((sum, { count }) => sum + count, 0)
}
