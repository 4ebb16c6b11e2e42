// SPDX-License-Identifier: Apache-2.0
// Holds the code to vectors/ledger: the formats as they were frozen, good and bad.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { canonicalize, isSealwatchError } from '@sealwatch/base'
import { verifyEd25519 } from '@sealwatch/keys'
import { createNoteSigner } from '../src/note-signer.ts'
import { sha256 } from '../src/sha256.ts'
import {
  type ChainPosition,
  type KeyRecord,
  linkBatch,
  openNote,
  parseCheckpoint,
  parseLine,
  parseVkey,
  verifyBatch,
  verifyBundle,
} from '../src/verify/index.ts'
import { parseNote } from '../src/verify/note.ts'
import { sampleSigner } from './sample.ts'

const read = (file: string) => readFileSync(new URL(`../../../vectors/ledger/${file}`, import.meta.url), 'utf8')
const rows = <Row>(file: string) => JSON.parse(read(file)) as (Row & { name: string; code?: string })[]
const vkeys = read('vkeys').trim().split('\n')

function codeOf(work: () => unknown): string | undefined {
  try {
    work()
    return undefined
  } catch (error) {
    if (isSealwatchError(error)) return error.code
    throw error
  }
}

for (const { name, line, hash, code } of ['lines.json', 'registry-lines.json'].flatMap(
  rows<{ line: string; hash?: string }>,
)) {
  test(`line: ${name}`, () => {
    const parse = () => parseLine(sha256, Buffer.from(line), 'testing')
    assert.equal(codeOf(parse), code)
    if (hash !== undefined) assert.equal(parse().hash.toHex(), hash)
  })
}

const key = JSON.parse(read('key.json')) as KeyRecord
type BatchRow = { chain: string; position: ChainPosition; lines: string }
for (const { name, chain, position, lines, code } of rows<BatchRow>('batches.json')) {
  test(`batch: ${name}`, () => {
    const judge = () => {
      const linked = linkBatch(sha256, { chain, lines: Buffer.from(lines) }, position, 1024)
      return verifyBatch(sha256, verifyEd25519, linked, key)
    }
    assert.equal(codeOf(judge), code)
  })
}

test('checkpoint', () => {
  const trusted = vkeys.map((vkey) => parseVkey(sha256, vkey))
  const { text, signers } = openNote(read('checkpoint'), trusted, verifyEd25519, 'testing')
  const { origin, size } = parseCheckpoint(text, 'testing')
  assert.deepEqual([origin, size, signers], [signers[0]?.name, 10, [trusted[0]]])
})

async function judgeBundle(text: string, trust: readonly string[] = vkeys) {
  async function* whole() {
    yield Buffer.from(text)
  }
  return await verifyBundle(whole(), { sha256, verify: verifyEd25519, trust })
}

test('bundles: complete and sparse', async () => {
  const complete = await judgeBundle(read('complete.bundle'))
  assert.deepEqual(
    [complete.problem, complete.complete, complete.lines, complete.signedByHost, complete.stubs, complete.revealed],
    [undefined, true, 10, 6, 1, 2],
  )
  const sparse = await judgeBundle(read('sparse.bundle'))
  assert.deepEqual(
    [sparse.problem, sparse.complete, sparse.lines, sparse.withheld, sparse.signedByHost],
    [undefined, false, 6, 4, 4],
  )
  assert.equal((await judgeBundle(read('complete.bundle'), [])).trust, 'self-asserted')
})

test('SIG-1 a bundle of version 1 is no way around the signer of the deployment', async () => {
  async function* whole() {
    yield Buffer.from(read('complete.bundle'))
  }
  const auditSigner = { keyid: 'ab'.repeat(32), verify: () => true }
  const report = await verifyBundle(whole(), { sha256, verify: verifyEd25519, trust: vkeys, auditSigner })
  assert.equal(report.problem?.code, 'BUNDLE_UNTRUSTED')
})

test('in a bundle of version 1 the key of one ledger signs no checkpoint of another', async () => {
  const rootKey = sampleSigner(0xa2)
  const signer = createNoteSigner('sealwatch.test/root', rootKey)
  assert.equal(signer.vkey, vkeys[1])
  const [first = '', ...rest] = read('complete.bundle').split('\n')
  const { bundle } = JSON.parse(first) as { bundle: { checkpoint: string; keys: string[] } }
  bundle.checkpoint = signer.sign(parseNote(bundle.checkpoint, 'testing').text)
  bundle.keys = [signer.vkey]
  const { problem } = await judgeBundle([canonicalize({ bundle }), ...rest].join('\n'))
  assert.equal(problem?.code, 'BUNDLE_UNTRUSTED')
})

type Alteration = { from: string; to: string; fileLine: number }
for (const { name, from, to, fileLine, code } of rows<Alteration>('altered-bundles.json')) {
  test(`bundle: ${name}`, async () => {
    const whole = read('complete.bundle')
    assert.ok(whole.includes(from))
    const { ok, problem } = await judgeBundle(whole.replace(from, to))
    assert.deepEqual([ok, problem?.code, problem?.fileLine], [false, code, fileLine])
  })
}

// Version 2, of a chain with epochs.
const second = (file: string) => readFileSync(new URL(`../../../vectors/bundle/${file}`, import.meta.url), 'utf8')
const secondKeys = second('vkeys').trim().split('\n')

test('bundles of version 2: complete and sparse', async () => {
  const complete = await judgeBundle(second('complete.bundle'), secondKeys)
  assert.deepEqual(
    [complete.problem, complete.complete, complete.trust, complete.notCovered, complete.revealed],
    [undefined, true, 'pinned', 0, 6],
  )
  assert.ok(complete.nodeKey !== undefined && complete.countersigned !== undefined)
  const sparse = await judgeBundle(second('sparse.bundle'), secondKeys)
  assert.deepEqual([sparse.problem, sparse.complete, sparse.lines], [undefined, false, 6])
})

for (const row of JSON.parse(second('altered.json')) as (Alteration & { name: string; code: string })[]) {
  test(`bundle of version 2: ${row.name}`, async () => {
    const whole = second('complete.bundle')
    assert.ok(whole.includes(row.from))
    const { ok, problem } = await judgeBundle(whole.replace(row.from, row.to), secondKeys)
    assert.deepEqual([ok, problem?.code, problem?.fileLine], [false, row.code, row.fileLine])
  })
}
