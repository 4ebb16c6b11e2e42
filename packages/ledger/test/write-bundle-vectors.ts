// SPDX-License-Identifier: Apache-2.0
//
// Writes vectors/bundle: bundles of version 2, of a host's chain with epochs, good and altered. Run once for a version of
// the formats, since keys and salts are random: `node packages/ledger/test/write-bundle-vectors.ts`.

import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemDisk } from '@sealwatch/base'
import { verifyEd25519 } from '@sealwatch/keys'
import { openChain } from '../src/chain/chain.ts'
import { sha256 } from '../src/sha256.ts'
import { linkBatch, verifyBatch } from '../src/verify/batch.ts'
import { chainStart } from '../src/verify/chain.ts'
import {
  bundleOf,
  openSampleLedger,
  sampleEvent,
  sampleHost,
  sealTenant,
  temporary,
  tickingClock,
  vkeys,
} from './sample.ts'

const out = new URL('../../../vectors/bundle/', import.meta.url).pathname
await mkdir(out, { recursive: true })
await using dir = await temporary()
const tenant = await openSampleLedger(dir.path)
const root = await openSampleLedger(dir.path, 'root')
const { signer, key } = sampleHost(1)
const files = { dir: join(dir.path, 'chain'), segmentBytesMax: 65_536, totalBytesMax: 1_000_000 }
const chain = await openChain({ ...files, tenant: 'default', signer, clock: tickingClock(), disk: systemDisk })
await tenant.append({ own: { key } })
for (let i = 0; i < 3; i += 1) {
  await chain.seal([sampleEvent(2 * i), sampleEvent(2 * i + 1)])
  if (i === 1) await chain.closeEpoch()
}

const side = new Map<number, string>()
let position = chainStart
for (let batch = await chain.readBatch(0); batch !== undefined; batch = await chain.readBatch(position.nextSeq)) {
  const linked = linkBatch(sha256, batch, position, 1024)
  const { first } = await tenant.append(verifyBatch(sha256, verifyEd25519, linked, key))
  for (const { seq, values } of batch.side) side.set(first + seq - batch.firstSeq, Buffer.from(values).toString())
  position = linked.end
}
await tenant.append({ own: { event: { class_uid: 2004, message: 'a finding' } } })
const sealed = await sealTenant(tenant, root)
const complete = (await bundleOf(tenant, sealed, [{ from: 0, to: tenant.size }], side)).toString()
await writeFile(join(out, 'complete.bundle'), complete)
await writeFile(join(out, 'sparse.bundle'), await bundleOf(tenant, sealed, [{ from: 1, to: 6 }]))
await writeFile(join(out, 'vkeys'), vkeys.map((vkey) => `${vkey}\n`).join(''))
await chain.close()
await tenant.close()
await root.close()

/** What a verifier must say when one text of the complete bundle becomes another; the line is that of the file. */
const lineOf = (text: string) => complete.slice(0, complete.indexOf(text)).split('\n').length
const heads = [...complete.matchAll(/"head":\{"note":"[^"]*"/g)].map(([text]) => text)
const flip = (text: string) =>
  text.replace(/(.)(.{6})$/, (_, letter: string, rest: string) => (letter === 'A' ? 'B' : 'A') + rest)
const rows = [
  ['an event changed', 'process 1', 'process 9', 'BUNDLE_ALTERED'],
  ['a personal value changed', '"user-0"', '"user-9"', 'SIDE_UNMATCHED'],
  ['the last head changed', heads.at(-1) ?? '', flip(heads.at(-1) ?? ''), 'BUNDLE_ALTERED'],
  ['the size changed', `\\n${sealed.checkpoint.size}\\n`, '\\n9\\n', 'BUNDLE_UNTRUSTED'],
  ['another root size', `\\n${sealed.root.size}\\n`, '\\n2\\n', 'BUNDLE_UNTRUSTED'],
  [
    'a delegation without its proof',
    `"delegation":{"index":${sealed.delegation.index}`,
    '"delegation":{"index":0',
    'PROOF_INVALID',
  ],
  ['no countersignature', '"countersignature":{', '"countersigned":{', 'BUNDLE_MALFORMED'],
  ['a version to come', '"v":2', '"v":3', 'BUNDLE_MALFORMED'],
].map(([name, from = '', to, code]) => ({ name, from, to, code, fileLine: lineOf(from) }))
await writeFile(join(out, 'altered.json'), `[\n${rows.map((row) => JSON.stringify(row)).join(',\n')}\n]\n`)
