// SPDX-License-Identifier: Apache-2.0

import { mkdir, open, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock, systemDisk } from '@sealwatch/base'
import { generateSigner, verifyEd25519 } from '@sealwatch/keys'
import {
  type ChainBatch,
  chainStart,
  formatCheckpoint,
  type Hash,
  type Ledger,
  linkBatch,
  type NoteSigner,
  nodeHash,
  openHashStore,
  sha256,
  tileHeight,
  tileWidth,
  verifyBatch,
  verifyInclusion,
} from '@sealwatch/ledger'
import { chartOf, type Series } from './chart.ts'
import { type Figure, figureOf, secondsSince } from './figure.ts'
import {
  eventsAtOnce,
  keyRecord,
  leanLaunches,
  noteSigner,
  openBenchChain,
  openBenchLedger,
  temporary,
} from './material.ts'

const sizes = [1e5, 1e6, 1e7, 1e8] as const
const sealed = 24 * eventsAtOnce
const proofs = 2000
const opens = 5
const lineBytes = 415
const chart = new URL('growth.svg', import.meta.url)

/**
 * What may become dearer as a ledger grows: sealing into it, proving an entry in it, opening it. Each is the product's own
 * ledger, opened over the files of one that has so many entries.
 */
export async function* benchGrowth(): AsyncGenerator<Figure> {
  const series: Series[] = ['sealing', 'proving', 'opening'].map((name) => ({ name, points: [] }))
  await using dir = await temporary()
  const signer = generateSigner()
  const batches = await sealBatches(join(dir.path, 'chain'), signer)
  for (const size of sizes) {
    const exponent = Math.log10(size)
    const path = join(dir.path, `ledger-${exponent}`)
    const note = noteSigner()
    await pretend(path, size, note)
    const openRates: number[] = []
    for (let i = 0; i < opens; i += 1) {
      const startNs = systemClock.monotonicNs()
      const ledger = await openBenchLedger(path, note)
      openRates.push(1 / secondsSince(startNs))
      await ledger.close()
    }
    const ledger = await openBenchLedger(path, note)
    const sealRates = await sealInto(ledger, batches, signer)
    const proofRates = await proveIn(ledger)
    await ledger.close()
    const figures = [
      figureOf(`growth.seal-1e${exponent}`, 'events/s', sealRates),
      figureOf(`growth.prove-1e${exponent}`, 'proofs/s', proofRates),
      figureOf(`growth.open-1e${exponent}`, 'opens/s', openRates),
    ]
    for (const [i, figure] of figures.entries()) {
      series[i]?.points.push({ x: size, y: figure.median })
      yield figure
    }
  }
  await writeFile(chart, chartOf('entries in the ledger; rates as a share of those at 10^5', series))
}

async function sealBatches(path: string, signer: ReturnType<typeof generateSigner>): Promise<ChainBatch[]> {
  const chain = await openBenchChain(path, signer)
  const drafts = leanLaunches(eventsAtOnce)
  const batches: ChainBatch[] = []
  while (chain.position.nextSeq < sealed) {
    let { nextSeq } = chain.position
    await chain.seal(drafts)
    for (; nextSeq < chain.position.nextSeq; nextSeq += batches.at(-1)?.count ?? 0)
      batches.push((await chain.readBatch(nextSeq)) as ChainBatch)
  }
  await chain.close()
  return batches
}

const batchesAtOnce = 8

async function sealInto(
  ledger: Ledger,
  batches: readonly ChainBatch[],
  signer: ReturnType<typeof generateSigner>,
): Promise<number[]> {
  const rates: number[] = []
  let position = chainStart
  for (let i = 0; i < batches.length; i += batchesAtOnce) {
    const startNs = systemClock.monotonicNs()
    const group = batches.slice(i, i + batchesAtOnce)
    const appends = group.map((batch) => {
      const linked = linkBatch(sha256, batch, position, batch.count)
      position = linked.end
      return ledger.append(verifyBatch(sha256, verifyEd25519, linked, keyRecord(signer)))
    })
    await Promise.all(appends)
    rates.push(group.reduce((sum, { count }) => sum + count, 0) / secondsSince(startNs))
  }
  return rates
}

/** Each proof is checked, outside of its time. */
async function proveIn(ledger: Ledger): Promise<number[]> {
  const { size, root } = await ledger.checkpoint()
  return Array.from({ length: proofs }, (_, i) => {
    const index = Math.floor((i * size) / proofs)
    const startNs = systemClock.monotonicNs()
    const proof = ledger.inclusion(index, size)
    const rate = 1 / secondsSince(startNs)
    verifyInclusion(sha256, { index, size, leaf: ledger.leafHashes(index, index + 1)[0] as Hash, root }, proof)
    return rate
  })
}

/**
 * Writes the files of a ledger of `size` entries without the entries: every leaf hash is zero, which a file of holes holds for
 * nothing, so all subtrees of one height are the same, and what is above them is a row of copies. Of the lines only the
 * place where they end is there. Nothing here is ever verified against lines; the tree, its proofs and its root are real.
 */
async function pretend(dir: string, size: number, note: NoteSigner): Promise<void> {
  await mkdir(join(dir, 'lines'), { recursive: true })
  let hash: Hash = new Uint8Array(32)
  for (let level = 0, count = size; count > 0; level += 1, count = Math.floor(count / tileWidth)) {
    await using file = await open(join(dir, `hashes-${level}`), 'w')
    if (level === 0) await file.truncate(count * hash.length)
    else await file.writeFile(Buffer.alloc(count * hash.length, hash))
    for (let i = 0; i < tileHeight; i += 1) hash = nodeHash(sha256, hash, hash)
  }
  const bundles = Math.ceil(size / tileWidth)
  const starts = Buffer.alloc(bundles * 8)
  for (let i = 0; i < bundles; i += 1) starts.writeBigUInt64BE(BigInt(i * tileWidth * lineBytes), i * 8)
  await writeFile(join(dir, 'bundles'), starts)
  const store = openHashStore(dir, size, systemDisk)
  if (store === undefined) throw new Error('the files of a tree are too short')
  const root = store.root()
  store.close()
  const bytes = size * lineBytes
  await writeFile(join(dir, 'lines', `${String(bytes).padStart(20, '0')}.ndjson`), '')
  const own = 'aa'.repeat(16)
  const saved = { size, bytes, sideBytes: 0, root: root.toHex(), own, chains: [[own, size, root.toHex()]] }
  await writeFile(join(dir, 'saved.json'), JSON.stringify(saved))
  await writeFile(join(dir, 'checkpoint'), note.sign(formatCheckpoint({ origin: note.verifier.name, size, root })))
}
