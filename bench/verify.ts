// SPDX-License-Identifier: Apache-2.0

import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { execArgv, execPath } from 'node:process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { systemClock } from '@sealwatch/base'
import { limits } from '@sealwatch/contract'
import { type Ed25519Signer, generateSigner, verifyEd25519 } from '@sealwatch/keys'
import {
  chainStart,
  createNoteSigner,
  type Draft,
  ed25519KeyId,
  type Ledger,
  linkBatch,
  rootLeafAt,
  sha256,
  signCountersignature,
  signDelegation,
  verifyBatch,
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
  yield* verified('verify.bundle', lean, 'all', runs, peers)
  yield* verified('verify.bundle-one-thread', lean, 'one', runs, [])
  const full = await bundleOf(join(dir.path, 'full'), launches(eventsAtOnce), fullEvents)
  yield* verified('verify.bundle-full', full, 'all', runs, [])
}

type Bundle = { readonly path: string; readonly lines: number; readonly texts: readonly string[] }

/** In a process of its own: what else was done in this one would be felt. */
async function* verified(
  name: string,
  { path, lines }: Bundle,
  threads: 'all' | 'one',
  runs: number,
  peers: readonly Peer[],
): AsyncGenerator<Figure> {
  const program = fileURLToPath(new URL('verify-bundle.ts', import.meta.url))
  const child = spawn(execPath, [...execArgv, program, path, threads], { stdio: ['pipe', 'pipe', 'inherit'] })
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const ours = async () => {
    child.stdin.write('again\n')
    const { value } = await answers.next()
    if (Number(value) !== lines) throw new Error(`${value} of ${lines} lines were verified`)
    return lines
  }
  const work = async () => {
    execFileSync('sha256sum', [path])
    return lines
  }
  const all = [...peers, { name: 'sha256sum of the same file', work }]
  yield* compareAll({ name, unit: 'lines/s', runs, ours, peers: all })
  child.stdin.end()
  await once(child, 'exit')
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
      // No more than the peer takes: a heap full of them would be gone through each time that memory is freed.
      if (texts.length < journalEntries) texts.push(...Buffer.from(batch.lines).toString().split('\n').slice(0, -1))
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
