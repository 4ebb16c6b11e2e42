// SPDX-License-Identifier: Apache-2.0

import { execFileSync } from 'node:child_process'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { fileChunks, systemClock } from '@sealwatch/base'
import { limits } from '@sealwatch/contract'
import { type Ed25519Signer, generateSigner, verifyEd25519 } from '@sealwatch/keys'
import {
  type BlockReader,
  chainStart,
  createNoteSigner,
  type Draft,
  ed25519KeyId,
  type Ledger,
  linkBatch,
  openBlockReaders,
  rootLeafAt,
  sha256,
  signCountersignature,
  signDelegation,
  verifyBatch,
  verifyBundle,
  writeBundle,
} from '@sealwatch/ledger'
import { compareAll, type Figure, type Peer, timed } from './figure.ts'
import {
  eventsAtOnce,
  keyRecord,
  launches,
  leanLaunches,
  openBenchChain,
  openBenchLedger,
  temporary,
} from './material.ts'
import { journalEntries, openJournal } from './peers/journald.ts'

/** Enough that the second in which code is compiled does not count. */
const events = 245 * eventsAtOnce
const fullEvents = 25 * eventsAtOnce

/** A complete bundle, verified from its file as `sealwatch audit verify` does. */
export async function* benchVerify(runs = 5): AsyncGenerator<Figure> {
  await using dir = await temporary()
  const lean = await bundleOf(join(dir.path, 'lean'), leanLaunches(eventsAtOnce), events)
  const some = lean.texts.slice(0, journalEntries)
  const journal = openJournal(dir.path, some)
  const name = 'journalctl --verify with Forward Secure Sealing'
  const peers = journal ? [{ name, work: timed(some.length, journal.verify) }] : []
  journal?.seal()
  await using readers = openBlockReaders()
  yield* verified('verify.bundle', lean, runs, peers, readers)
  yield* verified('verify.bundle-one-thread', lean, runs, [])
  yield* verified(
    'verify.bundle-full',
    await bundleOf(join(dir.path, 'full'), launches(eventsAtOnce), fullEvents),
    runs,
    [],
    readers,
  )
}

type Bundle = { readonly path: string; readonly lines: number; readonly texts: readonly string[] }

function verified(
  name: string,
  { path, lines }: Bundle,
  runs: number,
  peers: readonly Peer[],
  blockReader?: BlockReader,
): AsyncGenerator<Figure> {
  const work = async () => {
    execFileSync('sha256sum', [path])
    return lines
  }
  return compareAll({
    name,
    unit: 'lines/s',
    runs,
    ours: async () => {
      const checks = { sha256, verify: verifyEd25519, trust: [], ...(blockReader && { blockReader }) }
      await using file = await open(path)
      const report = await verifyBundle(fileChunks(file), checks)
      if (!report.ok || report.lines !== lines)
        throw new Error(`the bundle does not verify: ${report.problem?.message}`)
      return lines
    },
    peers: [...peers, { name: 'sha256sum of the same file', work }],
  })
}

async function bundleOf(dir: string, drafts: readonly Draft[], count: number): Promise<Bundle> {
  const node = generateSigner()
  const tenant = await openBenchLedger(join(dir, 'tenant'), createNoteSigner('bench.test/tenant/0', node))
  const root = await openBenchLedger(join(dir, 'root'), createNoteSigner('bench.test/root', node))
  const texts = await fill(tenant, join(dir, 'chain'), drafts, count)
  const path = join(dir, 'all.bundle')
  const lines = await exportAll(tenant, root, path, generateSigner())
  await tenant.close()
  await root.close()
  return { path, lines, texts }
}

async function fill(ledger: Ledger, path: string, drafts: readonly Draft[], count: number): Promise<string[]> {
  const signer = generateSigner()
  const chain = await openBenchChain(path, signer)
  await ledger.append({ own: { key: keyRecord(signer) } })
  const texts: string[] = []
  let position = chainStart
  for (let i = 0; i < count; i += eventsAtOnce) {
    await chain.seal(drafts)
    while (position.nextSeq < chain.position.nextSeq) {
      const batch = await chain.readBatch(position.nextSeq)
      if (batch === undefined) throw new Error('a sealed batch is not there')
      texts.push(...Buffer.from(batch.lines).toString().split('\n').slice(0, -1))
      const linked = linkBatch(sha256, batch, position, limits.batchLinesMax)
      position = linked.end
      await ledger.append(verifyBatch(sha256, verifyEd25519, linked, keyRecord(signer)))
    }
  }
  await chain.close()
  return texts
}

async function exportAll(ledger: Ledger, root: Ledger, path: string, logKey: Ed25519Signer): Promise<number> {
  const dsse = [
    { keyid: ed25519KeyId(sha256, logKey.publicKey), sign: async (bytes: Uint8Array) => logKey.sign(bytes) },
  ]
  const never = new AbortController().signal
  const checkpoint = await ledger.checkpoint()
  const { origin, size, signedBy } = checkpoint
  const node = { origin: root.origin, publicKey: signedBy.publicKey, fromNs: systemClock.nowNs() }
  const { first } = await root.append({ own: { delegation: await signDelegation(node, dsse, never) } })
  const tenantHead = { label: '0'.repeat(32), origin, size, root: checkpoint.root.toHex(), prev_size: 0, proof: [] }
  const { first: index } = await root.append({ own: { tenant_head: tenantHead } })
  const { note, size: rootSize } = await root.checkpoint()
  const countersignature = await signCountersignature({ note, atNs: systemClock.nowNs() }, dsse, never)
  const head = { note, size: rootSize, countersignature, ...(await rootLeafAt(root, index, rootSize)) }
  const sealed = { checkpoint, root: head, delegation: await rootLeafAt(root, first, rootSize) }
  const vkeys = [createNoteSigner(root.origin, logKey).vkey]
  await using file = await open(path, 'w')
  const request = { ledger, sealed, vkeys, ranges: [{ from: 0, to: size }] }
  for await (const { bytes } of writeBundle(request)) await file.write(bytes)
  return size
}
