// SPDX-License-Identifier: Apache-2.0
// Quarantined lines and rows that enter their ledger after all (stub.md, 5; submission.md, 8): what readers make of them, and what a crash leaves.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { readFile, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { isSealwatchError, systemDisk } from '@sealwatch/base'
import { verifyEd25519 } from '@sealwatch/keys'
import { wholeFills } from '../src/bundle.ts'
import { auditLedgers } from '../src/log/audit.ts'
import { fsckLedgers } from '../src/log/fsck.ts'
import type { Ledger } from '../src/log/ledger.ts'
import { sha256 } from '../src/sha256.ts'
import { type Fill, unverifiedFill, verifiedFill } from '../src/verify/fill.ts'
import { parseLine, type Stub, verifyBundle } from '../src/verify/index.ts'
import { createLeafJudge } from '../src/verify/leaf-judge.ts'
import { keptSubmission, submissionFill } from '../src/verify/submission-fill.ts'
import { bundleOf, oneByOne, openSampleLedger, origins, sampleHost, sealTenant, temporary, vkeys } from './sample.ts'
import { sampleSubmission } from './sample-submission.ts'

type Row = { name: string; leaves: string[]; code?: string }
const rows = ['leaves', 'revoked', 'rows'].flatMap(
  (name) => JSON.parse(readFileSync(new URL(`../../../vectors/replay/${name}.json`, import.meta.url), 'utf8')) as Row[],
)

function judgeAll(leaves: readonly string[]) {
  const judge = createLeafJudge({ sha256, verify: verifyEd25519, tenant: 'default', origin: origins.tenant })
  for (const text of leaves) judge.take(parseLine(sha256, Buffer.from(text), 'testing'), 'testing')
  return judge
}

for (const { name, leaves, code } of rows) {
  test(`ING-4 replay: ${name}`, () => {
    let found: string | undefined
    try {
      const { uncovered, counts } = judgeAll(leaves)
      if (uncovered > 0) found = 'UNCOVERED'
      else if (code === undefined && leaves.some((text) => /"(submission_)?replay"/.test(text)))
        assert.ok(counts.replayed > 0)
    } catch (error) {
      if (!isSealwatchError(error)) throw error
      found = error.code
    }
    assert.equal(found, code)
  })
}

test('ING-3 lines that nobody vouches for are counted as such', () => {
  const countsOf = (name: string) => judgeAll(rows.find((row) => row.name === name)?.leaves ?? []).counts
  const { replayed, unverified, signedByHost } = countsOf('released without a signature that holds')
  assert.deepEqual([replayed, unverified, signedByHost], [3, 3, 6])
  const verified = countsOf('verified, behind later lines of the chain')
  assert.deepEqual([verified.replayed, verified.unverified, verified.signedByHost], [3, 0, 9])
})

test('ING-3 lines admitted in non-strict mode: no signature is asked for, and none is counted', () => {
  const found = rows.filter(({ leaves }) => leaves.some((text) => text.includes('"how":"non_strict"')))
  const good = found.filter(({ code }) => code === undefined)
  assert.ok(good.length > 0)
  for (const { leaves } of good) {
    const { replayed, unverified } = judgeAll(leaves).counts
    assert.ok(replayed > 0 && unverified === replayed)
    // The same lines, said to be verified: somebody would have had to sign them.
    const claimed = leaves.map((text) => text.replace('"how":"non_strict"', '"how":"verified"'))
    assert.throws(() => judgeAll(claimed), isSealwatchError)
  }
})

/** A ledger with a stub, lines behind it, and what fills it. */
async function stubbedLedger(dir: string) {
  const ledger = await openSampleLedger(dir)
  await (await openSampleLedger(dir, 'root')).close()
  const host = sampleHost(1)
  const [first, lost, third] = [host.batch(2), host.batch(2), host.batch(1)]
  await ledger.append({ own: { key: host.key } })
  await ledger.append(host.verified(first))
  const stub: Stub = {
    chain: host.chain,
    first_seq: lost.firstSeq,
    next_seq: third.firstSeq,
    reason: 'unknown_key',
    item: sha256(lost.lines).toHex(),
  }
  const { first: stubLeaf } = await ledger.append({ own: { stub } })
  await ledger.append(host.verified(third))
  const place = { stub, stubLeaf, registry: 1 }
  const fill = verifiedFill(sha256, host.verified(lost), place)
  return { ledger, host, lost, place, fill }
}

const audit = (dir: string) => auditLedgers(dir, { disk: systemDisk, trust: [] })
const tenantOf = async (dir: string) => (await audit(dir)).ledgers.find(({ name }) => name === 'tenant')

test('ING-4 a fill stands behind its replay, verbatim, is proven by bundles, and survives audit, fsck and restart', async () => {
  await using dir = await temporary()
  const { ledger, host, lost, fill } = await stubbedLedger(dir.path)
  const root = await openSampleLedger(dir.path, 'root')
  const before = ledger.position(host.chain)
  const values = new Map([[lost.firstSeq, Buffer.from('sealed')]])
  const placed = await ledger.append({ fill }, values)
  assert.deepEqual(ledger.position(host.chain), before)
  await ledger.append(host.verified(host.batch(1)))
  const leaves = await ledger.read(placed.first + 1, 3)
  assert.deepEqual(
    leaves.map(({ line }) => Buffer.from(line).toString()),
    lost.sealed.map(({ text }) => text),
  )
  assert.equal((await ledger.readSide(0, ledger.size)).rows[0]?.index, placed.first + 1)
  const sealed = await sealTenant(ledger, root)
  const judge = async (bytes: Uint8Array, blockReader?: typeof oneByOne) =>
    verifyBundle(
      (async function* () {
        yield bytes
      })(),
      { sha256, verify: verifyEd25519, trust: vkeys, ...(blockReader && { blockReader }) },
    )
  const whole = await bundleOf(ledger, sealed, [{ from: 0, to: ledger.size }])
  for (const reader of [undefined, oneByOne]) {
    const report = await judge(whole, reader)
    assert.deepEqual([report.problem, report.complete, report.replayed, report.stubs], [undefined, true, 3, 1])
  }
  const fillAt = async (leaf: number) =>
    leaf >= placed.first && leaf < placed.next ? { from: placed.first, to: placed.next } : undefined
  const inner = [{ from: placed.first + 2, to: placed.first + 3 }]
  const part = await judge(await bundleOf(ledger, sealed, await wholeFills(inner, fillAt)))
  assert.deepEqual([part.problem, part.lines, part.replayed, part.notCovered], [undefined, 5, 3, 3])
  await ledger.close()
  await root.close()
  const [tenant] = (await fsckLedgers(dir.path, { disk: systemDisk, trust: [], repair: false })).filter(
    ({ name }) => name === 'tenant',
  )
  assert.deepEqual([tenant?.findings, tenant?.replayed], [[], 3])
  const again = await openSampleLedger(dir.path)
  assert.deepEqual(again.position(host.chain), host.position)
  await again.close()
})

test('ING-8 a crash in the middle of a fill leaves nothing of it, at whatever byte', async () => {
  const sizes = async (dir: string, work: (ledger: Ledger, fill: Fill) => Promise<void>) => {
    const { ledger, fill } = await stubbedLedger(dir)
    const path = join(dir, 'tenant', 'lines', `${'0'.repeat(20)}.ndjson`)
    const bytes = (await readFile(path)).length
    const { size } = ledger
    await work(ledger, fill)
    await ledger.close()
    return { path, bytes, size }
  }
  await using probe = await temporary()
  const { path: whole, bytes: from } = await sizes(probe.path, async (ledger, fill) => {
    await ledger.append({ fill })
  })
  const { length } = await readFile(whole)
  const cuts = [1, 100, Math.floor((length - from) / 2), length - from - 200, length - from - 1, length - from]
  for (const cut of cuts) {
    await using dir = await temporary()
    const { path, bytes, size } = await sizes(dir.path, async (ledger, fill) => {
      await ledger.append({ fill })
    })
    await truncate(path, bytes + cut)
    const opened = await openSampleLedger(dir.path)
    const isWhole = cut === length - from
    assert.equal(opened.size, isWhole ? size + 4 : size, `cut after ${cut} bytes`)
    await opened.close()
    assert.equal((await tenantOf(dir.path))?.replayed, isWhole ? 3 : 0)
  }
})

test('ING-8 a crash in the middle of rows that come in after all leaves nothing of them, at whatever byte', async () => {
  const texts = ['{"n":1}', '{"n":2}']
  const { submission, payload } = sampleSubmission(texts, undefined, { registry: 1 })
  const signed = { ...submission, payload }
  const { producer, id, rows: count, digest, received_at } = submission
  const item = sha256(keptSubmission(signed)).toHex()
  const stub = { producer, id, rows: count, digest, received_at, item, reason: 'invalid_signature', registry: 1 }
  const run = async (dir: string) => {
    const ledger = await openSampleLedger(dir)
    await (await openSampleLedger(dir, 'root')).close()
    const { first: stubLeaf } = await ledger.append({ own: { submission_stub: stub } })
    const path = join(dir, 'tenant', 'lines', `${'0'.repeat(20)}.ndjson`)
    const { length } = await readFile(path)
    const { size } = ledger
    const place = { stub, stubLeaf, registry: 1, how: 'released' } as const
    await ledger.append({ own: submissionFill(sha256, { signed, texts }, place) })
    await ledger.close()
    return { path, length, size }
  }
  await using probe = await temporary()
  const { path: whole, length: from } = await run(probe.path)
  const added = (await readFile(whole)).subarray(from)
  const ends = [...added.keys()].filter((at) => added[at] === 0x0a).map((at) => at + 1)
  assert.equal(ends.length, 4)
  for (const cut of [1, ...ends.slice(0, -1), added.length - 1, added.length]) {
    await using dir = await temporary()
    const { path, length, size } = await run(dir.path)
    await truncate(path, length + cut)
    const opened = await openSampleLedger(dir.path)
    const isWhole = cut === added.length
    assert.equal(opened.size, isWhole ? size + 4 : size, `cut after ${cut} bytes`)
    await opened.close()
    assert.equal((await tenantOf(dir.path))?.unverified, isWhole ? 2 : 0)
  }
})

test('ING-4 what is no fill of the stub is none: other bytes, other numbers, other lines', async () => {
  await using dir = await temporary()
  const { ledger, host, lost, place, fill } = await stubbedLedger(dir.path)
  const broken = { code: 'CHAIN_BROKEN' }
  const forged = Buffer.from(lost.lines.toString().replace('process 2', 'process 9'))
  assert.throws(() => unverifiedFill(sha256, forged, 'released', place), broken)
  assert.throws(() => unverifiedFill(sha256, host.batch(1).lines, 'released', place), broken)
  assert.throws(() => unverifiedFill(sha256, Buffer.from('no line\n'), 'released', place), { kind: 'invalid' })
  assert.throws(
    () => verifiedFill(sha256, host.verified(lost), { ...place, stub: { ...place.stub, next_seq: 9 } }),
    broken,
  )
  // Behind where the chain stands nothing can be filled.
  const ahead = { ...fill, replay: { ...fill.replay, first_seq: 90, next_seq: 93 } } as Fill
  await assert.rejects(ledger.append({ fill: ahead }), broken)
  const size = ledger.size
  const forgedPlace = { ...place, stub: { ...place.stub, item: sha256(forged).toHex() } }
  await ledger.append({ fill: unverifiedFill(sha256, forged, 'non_strict', forgedPlace) })
  assert.equal(ledger.size, size + 4)
  await ledger.close()
  // The ledger takes its server's word; whoever verifies does not.
  assert.match((await tenantOf(dir.path))?.problem?.message ?? '', /no open stub stands at leaf/)
})
