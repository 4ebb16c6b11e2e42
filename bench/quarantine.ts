// SPDX-License-Identifier: Apache-2.0

import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type Ed25519Signer, generateSigner } from '@sealwatch/keys'
import type { ChainBatch } from '@sealwatch/ledger'
import { rootAt } from '../test/api/server.ts'
import { startChild } from './child.ts'
import { compareAll, type Figure, figureOf } from './figure.ts'
import { enrol, sealChain } from './ingest.ts'
import { leanLaunches, temporary } from './material.ts'

/** As a producer sends them that waits for nobody. */
const batchEvents = 100
const pageItems = 100

/**
 * A host whose key nobody knows ships batches of a hundred events over mTLS; held against the same by one whose key is known.
 * `rows` is what is quarantined in all, and what is admitted again.
 */
export async function* benchQuarantineSpike(runs = 4, rows = 1_000_000): AsyncGenerator<Figure> {
  await using dir = await temporary()
  const serverDir = join(dir.path, 'server')
  await using server = await startChild('ingest-server.ts', serverDir)
  const signer = generateSigner()
  const unknown = generateSigner()
  await using host = await enrol(serverDir, dir.path, server.port, signer)
  const events = Math.ceil(rows / (runs + 1) / batchEvents) * batchEvents
  let run = 0
  let known: ChainBatch[] = []
  let strange: ChainBatch[] = []
  const residentMb = [server.residentMb()]
  const cpuSeconds = { known: [] as number[], strange: [] as number[] }
  const seal = (by: Ed25519Signer, name: string) =>
    sealChain(host, by, join(dir.path, `${name}-${run}`), leanLaunches(batchEvents), events)
  const shipped = async (sealed: ChainBatch[], due: 'acknowledged' | 'quarantined', into: number[]) => {
    // A connection ships the chains that it named last.
    await host.register((sealed[0] as ChainBatch).chain)
    const before = server.cpuSeconds()
    const { lines } = await host.ship(sealed, { due })
    into.push((1e6 * (server.cpuSeconds() - before)) / lines)
    residentMb.push(server.residentMb())
    return lines
  }
  yield* compareAll({
    name: 'quarantine.spike',
    unit: 'lines/s',
    runs,
    before: async () => {
      run += 1
      known = await seal(signer, 'known')
      strange = await seal(unknown, 'strange')
    },
    ours: () => shipped(strange, 'quarantined', cpuSeconds.strange),
    peers: [
      { name: 'the same batches under a known key', work: () => shipped(known, 'acknowledged', cpuSeconds.known) },
    ],
  })
  for (const [name, values] of Object.entries(cpuSeconds))
    yield figureOf(`quarantine.cpu-${name}`, 'us/line', values.slice(1))
  const at = (part: number) => residentMb[Math.floor(part * (residentMb.length - 1))] as number
  for (const [name, part] of [
    ['start', 0],
    ['middle', 0.5],
    ['end', 1],
  ] as const)
    yield figureOf(`quarantine.resident-${name}`, 'MB', [at(part)])
}

/** What was quarantined for want of a key is admitted once the key is there: by pages, as `sealwatch quarantine replay` asks. */
export async function* benchReplay(runs = 3, rows = 300_000): AsyncGenerator<Figure> {
  await using dir = await temporary()
  const serverDir = join(dir.path, 'server')
  const signer = generateSigner()
  const events = Math.ceil(rows / runs / batchEvents) * batchEvents
  const rates: number[] = []
  const dryRates: number[] = []
  const unknown = Array.from({ length: runs }, () => generateSigner())
  {
    await using server = await startChild('ingest-server.ts', serverDir)
    await using host = await enrol(serverDir, dir.path, server.port, signer)
    for (const [run, by] of unknown.entries()) {
      const path = join(dir.path, `strange-${run}`)
      await host.ship(await sealChain(host, by, path, leanLaunches(batchEvents), events), { due: 'quarantined' })
    }
  }
  for (const by of unknown) addKey(serverDir, signer.keyId, by)
  await using server = await startChild('ingest-server.ts', serverDir)
  const api = rootAt(join(serverDir, 'api.sock'))('default')
  for (const { keyId } of unknown)
    for (const [dry_run, into] of [
      [true, dryRates],
      [false, rates],
    ] as const) {
      const startMs = performance.now()
      let lines = 0
      for (let cursor: number | undefined; ; ) {
        const body = { key_id: keyId, limit: pageItems, dry_run, ...(cursor !== undefined && { cursor }) }
        const page = await api.call('replayQuarantine', { body })
        for (const item of page.items) {
          if (item.outcome !== 'admitted') throw new Error(`an item is ${item.outcome}: ${item.detail}`)
          lines += item.lines
        }
        if (page.next === null) break
        cursor = Number(page.next)
      }
      into.push((1000 * lines) / (performance.now() - startMs))
    }
  yield figureOf('replay.looked-at', 'lines/s', dryRates)
  yield figureOf('replay.admitted', 'lines/s', rates)
  yield figureOf('replay.memory', 'MB', [server.peakMb()])
}

/** The host has another key, as if it had renewed before its batches came; the server does not run. */
function addKey(serverDir: string, like: string, { keyId, publicKey }: Ed25519Signer): void {
  const database = new DatabaseSync(join(serverDir, 'index.sqlite'))
  const row = database.prepare('SELECT * FROM signing_keys WHERE key_id = ?').get(like) as Record<string, string | null>
  const added = { ...row, key_id: keyId, public_key: publicKey.toHex() }
  const names = Object.keys(added)
  database
    .prepare(`INSERT INTO signing_keys (${names.join()}) VALUES (${names.map(() => '?').join()})`)
    .run(...Object.values(added))
  database.close()
}
