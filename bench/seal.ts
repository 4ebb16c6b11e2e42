// SPDX-License-Identifier: Apache-2.0

import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { systemDisk } from '@sealwatch/base'
import { limits } from '@sealwatch/contract'
import { generateSigner, verifyEd25519 } from '@sealwatch/keys'
import { type ChainBatch, chainStart, linkBatch, sha256, type VerifiedBatch, verifyBatch } from '@sealwatch/ledger'
import { compare, type Figure } from './figure.ts'
import {
  eventsPerBatch,
  keyRecord,
  launches,
  noteSigner,
  openBenchChain,
  openBenchLedger,
  temporary,
} from './material.ts'

const batches = 100
const runs = 5

/** Events that become evidence: on the host, into its chain; on the server, from verified batches into the ledger. */
export async function* benchSeal(): AsyncGenerator<Figure> {
  await using dir = await temporary()
  const drafts = launches(eventsPerBatch)
  const signer = generateSigner()
  let run = 0
  const place = () => join(dir.path, `${run++}`)

  yield await compare({
    name: 'seal.chain',
    unit: 'events/s',
    runs,
    ours: async () => {
      const chain = await openBenchChain(place(), signer)
      for (let i = 0; i < batches; i += 1) await chain.seal(drafts)
      await chain.close()
      return batches * eventsPerBatch
    },
    peer: 'JSON.stringify and one synchronous append a batch',
    theirs: async () => {
      const file = await systemDisk.openAppend(place())
      for (let i = 0; i < batches; i += 1)
        await file.append([Buffer.from(drafts.map(({ event }) => `${JSON.stringify(event)}\n`).join(''))])
      await file.close()
      return batches * eventsPerBatch
    },
  })

  const sealed = await sealBatches(join(dir.path, 'chain'))
  yield await compare({
    name: 'seal.ledger',
    unit: 'lines/s',
    runs,
    ours: async () => {
      const ledger = await openBenchLedger(place(), noteSigner())
      await Promise.all(sealed.verified.map((batch) => ledger.append(batch)))
      await ledger.checkpoint()
      const { size } = ledger
      await ledger.close()
      return size
    },
    peer: 'node:sqlite, WAL, synchronous=FULL, a transaction a batch',
    theirs: async () => insertAll(place(), sealed.verified),
  })

  yield await compare({
    name: 'seal.verify-and-ledger',
    unit: 'lines/s',
    runs,
    ours: async () => {
      const ledger = await openBenchLedger(place(), noteSigner())
      await Promise.all(verifyAll(sealed.raw, sealed.key).map((batch) => ledger.append(batch)))
      await ledger.checkpoint()
      const { size } = ledger
      await ledger.close()
      return size
    },
    peer: 'node:sqlite, WAL, synchronous=FULL, a transaction a batch, after JSON.parse of each line',
    theirs: async () => {
      const lines = sealed.raw.flatMap(({ lines: bytes }) => Buffer.from(bytes).toString().split('\n').slice(0, -1))
      for (const line of lines) JSON.parse(line)
      return insertAll(place(), sealed.verified)
    },
  })

  async function sealBatches(path: string) {
    const chain = await openBenchChain(path, signer)
    for (let i = 0; i < batches; i += 1) await chain.seal(drafts)
    const raw: ChainBatch[] = []
    for (let seq = 0; seq < chain.position.nextSeq; seq += raw.at(-1)?.count ?? 0)
      raw.push((await chain.readBatch(seq)) as ChainBatch)
    await chain.close()
    const key = keyRecord(signer)
    return { raw, key, verified: verifyAll(raw, key) }
  }
}

function verifyAll(raw: readonly ChainBatch[], key: ReturnType<typeof keyRecord>): VerifiedBatch[] {
  let position = chainStart
  return raw.map((batch) => {
    const linked = linkBatch(sha256, batch, position, limits.batchLinesMax)
    position = linked.end
    return verifyBatch(sha256, verifyEd25519, linked, key)
  })
}

function insertAll(path: string, batches: readonly VerifiedBatch[]): number {
  using db = new DatabaseSync(path)
  db.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE lines (id INTEGER PRIMARY KEY, line BLOB)')
  const insert = db.prepare('INSERT INTO lines (line) VALUES (?)')
  let count = 0
  for (const { lines } of batches) {
    db.exec('BEGIN')
    for (const { bytes } of lines) insert.run(bytes)
    db.exec('COMMIT')
    count += lines.length
  }
  return count
}
