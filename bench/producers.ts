// SPDX-License-Identifier: Apache-2.0

import { generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock as clock } from '@sealwatch/base'
import { grpcSender, keySigner, type RowSigner, type Sender, signRows } from '@sealwatch/producer'
import { rootAt } from '../test/api/server.ts'
import { startChild } from './child.ts'
import { type Figure, figureOf, medianOf, quantileOf } from './figure.ts'
import { startHostile } from './hostile-producer.ts'
import { temporary } from './material.ts'

const producers = 999
const load = { seconds: 10, everyMs: 10_000, rows: 10 }
const atOnce = 40

type Producer = { readonly signer: RowSigner; readonly send: Sender }

/**
 * A thousand services of one tenant, each on a connection of its own, send ten rows every ten seconds over gRPC. Then one of
 * them is hostile: it floods, or it holds what it can get and is slow.
 */
export async function* benchProducers(runs = 3): AsyncGenerator<Figure> {
  await using dir = await temporary()
  const serverDir = join(dir.path, 'server')
  await using server = await startChild('ingest-server.ts', serverDir, { SEALWATCH_SERVER_API_PER_TENANT: '100000' })
  const api = rootAt(join(serverDir, 'api.sock'))('default')
  const pem = readFileSync(join(serverDir, 'keys', 'ca.pem'), 'utf8')
  const ca = pem.slice(pem.indexOf('-----BEGIN CERTIFICATE'))
  const url = `https://127.0.0.1:${server.port}`

  async function enter(name: string): Promise<{ readonly token: string; readonly signer: RowSigner }> {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519')
    const public_key = publicKey.export({ type: 'spki', format: 'pem' }) as string
    const params = { producer: name }
    await api.call('addProducer', { body: params })
    await api.call('addSigningKey', { params, body: { key_id: name, algorithm: 'ed25519', public_key } })
    const body = { name, actions: ['rows:write'], service: name, ttl_seconds: 3600 }
    return { token: (await api.call('createToken', { body })).token, signer: keySigner(name, privateKey) }
  }

  const all: Producer[] = []
  for (let from = 0; from < producers; from += atOnce) {
    const names = Array.from({ length: Math.min(atOnce, producers - from) }, (_, i) => `service-${from + i}`)
    for (const { token, signer } of await Promise.all(names.map(enter)))
      all.push({ signer, send: grpcSender({ url, ca, token: () => token }) })
  }
  const { token: hostileToken } = await enter('hostile')
  // Connections are opened on nobody's time.
  await turn(all, load)

  for (const kind of ['floods', 'is slow'] as const) {
    const [alone, beside]: [number[], number[]] = [[], []]
    for (let run = 0; run <= runs; run += 1) {
      const quiet = quantileOf(await turn(all, load), 0.99)
      const hostile = await startHostile({ kind, url, ca, token: hostileToken })
      const loud = quantileOf(await turn(all, load), 0.99)
      await hostile.stop()
      // As with all others, a first turn is not counted.
      if (run > 0) alone.push(quiet)
      if (run > 0) beside.push(loud)
    }
    const figure = figureOf(`producers.p99-one-${kind.replace(' ', '-')}`, 'ms', beside)
    const [peer_median, ratio] = [medianOf(alone), medianOf(beside) / medianOf(alone)]
    const peer = 'p99 of the same without it'
    yield { ...figure, peer, peer_median: Number(peer_median.toPrecision(3)), ratio: Number(ratio.toFixed(3)) }
  }
  yield figureOf('producers.memory', 'MB', [server.peakMb()])
}

let sent = 0
/** Milliseconds from when each request was due to its answer; throws where rows were not admitted. */
async function turn(all: readonly Producer[], { seconds, everyMs, rows }: typeof load): Promise<number[]> {
  const signal = new AbortController().signal
  const latencies: number[] = []
  const beganMs = performance.now()
  await Promise.all(
    all.map(async ({ signer, send }, i) => {
      for (let dueMs = (i * everyMs) / all.length; dueMs < 1000 * seconds; dueMs += everyMs) {
        const leftMs = beganMs + dueMs - performance.now()
        if (leftMs > 0) await clock.sleep(leftMs)
        sent += 1
        const texts = Array.from({ length: rows }, (_, n) => JSON.stringify({ invoice: sent, line: n, by: 'ana' }))
        const [outcome] = await send([await signRows(signer, texts)], signal)
        if (outcome?.kind !== 'admitted') throw new Error(`rows that were ${JSON.stringify(outcome)}`)
        latencies.push(performance.now() - beganMs - dueMs)
      }
    }),
  )
  return latencies
}
