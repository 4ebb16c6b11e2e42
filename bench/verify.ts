// SPDX-License-Identifier: Apache-2.0

import { execFileSync } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { limits } from '@sealwatch/contract'
import { generateSigner, verifyEd25519 } from '@sealwatch/keys'
import { chainStart, type Ledger, linkBatch, sha256, verifyBatch, verifyBundle, writeBundle } from '@sealwatch/ledger'
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

const batches = 200
const runs = 5

/** A complete bundle, verified from its file as `sealwatch audit verify` does. */
export async function* benchVerify(): AsyncGenerator<Figure> {
  await using dir = await temporary()
  const signers = [noteSigner(), noteSigner('bench.test/root')] as const
  const tenant = await openBenchLedger(join(dir.path, 'tenant'), signers[0])
  const root = await openBenchLedger(join(dir.path, 'root'), signers[1])
  await fill(tenant, join(dir.path, 'chain'))
  const path = join(dir.path, 'all.bundle')
  const lines = await exportAll(
    tenant,
    root,
    path,
    signers.map(({ vkey }) => vkey),
  )
  await tenant.close()
  await root.close()

  yield await compare({
    name: 'verify.bundle',
    unit: 'lines/s',
    runs,
    ours: async () => {
      const report = await verifyBundle(createReadStream(path), { sha256, verify: verifyEd25519, trust: [] })
      if (!report.ok || report.lines !== lines)
        throw new Error(`the bundle does not verify: ${report.problem?.message}`)
      return lines
    },
    peer: 'sha256sum of the same file',
    theirs: async () => {
      execFileSync('sha256sum', [path])
      return lines
    },
  })
}

async function fill(ledger: Ledger, path: string): Promise<void> {
  const signer = generateSigner()
  const chain = await openBenchChain(path, signer)
  const drafts = launches(eventsPerBatch)
  await ledger.append({ own: { key: keyRecord(signer) } })
  let position = chainStart
  for (let i = 0; i < batches; i += 1) {
    await chain.seal(drafts)
    const batch = await chain.readBatch(position.nextSeq)
    if (batch === undefined) throw new Error('a sealed batch is not there')
    const linked = linkBatch(sha256, batch, position, limits.batchLinesMax)
    position = linked.end
    await ledger.append(verifyBatch(sha256, verifyEd25519, linked, keyRecord(signer)))
  }
  await chain.close()
}

async function exportAll(ledger: Ledger, root: Ledger, path: string, vkeys: readonly string[]): Promise<number> {
  const checkpoint = await ledger.checkpoint()
  const { origin, size } = checkpoint
  const tenantHead = { label: '0'.repeat(32), origin, size, root: checkpoint.root.toHex() }
  const { first: index } = await root.append({ own: { tenant_head: tenantHead } })
  const rootCheckpoint = await root.checkpoint()
  const [leaf] = await root.read(index, 1)
  if (leaf === undefined) throw new Error('the root line is not there')
  const proof = root.inclusion(index, rootCheckpoint.size)
  const sealed = { checkpoint, root: { checkpoint: rootCheckpoint, index, line: leaf.line, proof } }
  await using file = await open(path, 'w')
  const request = { ledger, sealed, vkeys, ranges: [{ from: 0, to: size }] }
  for await (const { bytes } of writeBundle(request)) await file.write(bytes)
  return size
}
