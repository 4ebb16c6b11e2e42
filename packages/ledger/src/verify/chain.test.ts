// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isSealwatchError } from '@sealwatch/base'
import { verifyEd25519 } from '@sealwatch/keys'
import { sampleHost } from '../../test/sample.ts'
import { sealLine } from '../chain/seal.ts'
import { createNoteSigner } from '../note-signer.ts'
import { sha256 } from '../sha256.ts'
import { linkBatch, verifyBatch } from './batch.ts'
import { type ChainPosition, chainStart, createChainWalk, extendChain } from './chain.ts'
import { headText, readHead, verifyHead } from './head.ts'
import { type Body, type ParsedLine, parseLine, type Stub } from './line.ts'

const parse = (text: string) => parseLine(sha256, Buffer.from(text), 'testing')
const own = 'aa'.repeat(16)
const line = (chain: string, position: ChainPosition, body: Body) => parse(sealLine(chain, position, 0n, body).text)
const after = (parsed: ParsedLine): ChainPosition => ({ nextSeq: parsed.line.seq + 1, tip: parsed.hash.toHex() })
const noFile = { prev_file: null, prev_last_hash: null, prev_sequence_num: null }
const ownAnchor = { anchor: { tenant: 'default', key_id: null, origin: 'o', ...noFile } }
const broken = { code: 'CHAIN_BROKEN', kind: 'unverified' }

function codeOf(work: () => unknown): string {
  try {
    work()
    return 'accepted'
  } catch (error) {
    if (isSealwatchError(error)) return error.code
    throw error
  }
}

test('a chain takes its lines in order alone: none missing, none twice, none from elsewhere', () => {
  const lines = sampleHost(1)
    .batch(3)
    .sealed.map(({ text }) => parse(text)) as [ParsedLine, ParsedLine, ParsedLine, ParsedLine, ParsedLine]
  let position = chainStart
  for (const parsed of lines) position = extendChain(position, parsed, 'testing')
  assert.deepEqual(position, after(lines[4]))
  const afterTwo = after(lines[1])
  for (const wrong of [lines[0], lines[1], lines[3], lines[4]])
    assert.throws(() => extendChain(afterTwo, wrong, 'testing'), broken)
  assert.throws(() => extendChain({ ...afterTwo, tip: '11'.repeat(32) }, lines[2], 'testing'), broken)
  assert.deepEqual(extendChain({ ...afterTwo, tip: null }, lines[2], 'testing'), after(lines[2]))
})

test('the first line is an anchor, and an anchor says what was before it', () => {
  const anchor = { tenant: 'default', key_id: null, origin: null, ...noFile }
  const tip = '22'.repeat(32)
  const later = { nextSeq: 5, tip }
  const tied = { ...anchor, prev_file: '0.ndjson', prev_last_hash: tip, prev_sequence_num: 4 }
  const right: [ChainPosition, Body][] = [
    [chainStart, { anchor }],
    [later, { anchor: tied }],
  ]
  const wrong: [ChainPosition, Body][] = [
    [chainStart, { event: {} }],
    [chainStart, { anchor: tied }],
    [later, { anchor }],
    [later, { anchor: { ...tied, prev_sequence_num: 3 } }],
    [later, { anchor: { ...tied, prev_last_hash: '33'.repeat(32) } }],
    [later, { anchor: { ...tied, prev_file: null } }],
  ]
  for (const [position, body] of right) extendChain(position, line(own, position, body), 'testing')
  for (const [position, body] of wrong)
    assert.throws(() => extendChain(position, line(own, position, body), 'testing'), broken)
})

test('a head is signed by its producer, over its own place', () => {
  const host = sampleHost(1)
  const { sealed } = host.batch(1)
  const head = parse(sealed.at(-1)?.text ?? '')
  const judge = (parsed: ParsedLine, key = host.key) =>
    codeOf(() => verifyHead(sha256, verifyEd25519, readHead(parsed, 'testing'), key, 'testing'))
  assert.equal(judge(head), 'accepted')
  assert.equal(judge(head, sampleHost(2).key), 'NOTE_UNVERIFIED')
  assert.equal(judge(parse(sealed[0]?.text ?? '')), 'HEAD_UNVERIFIED')
  const position = { nextSeq: head.line.seq, tip: head.line.prev }
  const { note } = (head.line as unknown as { head: { note: string } }).head
  assert.equal(judge(line('bb'.repeat(16), position, { head: { note } })), 'HEAD_UNVERIFIED')
  assert.equal(judge(line(host.chain, { ...position, nextSeq: 9 }, { head: { note } })), 'HEAD_UNVERIFIED')
  assert.equal(judge(line(host.chain, { ...position, tip: '00'.repeat(32) }, { head: { note } })), 'HEAD_UNVERIFIED')
  const named = createNoteSigner('sealwatch.dev/key/other', host.signer)
  const text = headText(host.chain, head.line.seq, head.line.prev)
  assert.equal(judge(line(host.chain, position, { head: { note: named.sign(text) } })), 'NOTE_UNVERIFIED')
})

test('a batch is whole lines of one chain, the last and only the last a head', () => {
  const host = sampleHost(1)
  const first = host.batch(2)
  const second = host.batch(2)
  const link = (lines: Uint8Array, start: ChainPosition = chainStart, chain = host.chain, linesMax = 64) =>
    codeOf(() => linkBatch(sha256, { chain, lines }, start, linesMax))
  const texts = first.sealed.map(({ text }) => `${text}\n`)
  const cut = (...keep: (string | undefined)[]) => Buffer.from(keep.join(''))
  assert.equal(link(first.lines), 'accepted')
  assert.equal(link(second.lines, { nextSeq: 4, tip: first.sealed[3]?.hash ?? '' }), 'accepted')
  assert.equal(link(new Uint8Array(0)), 'BATCH_MALFORMED')
  assert.equal(link(cut(...texts.slice(0, 3))), 'BATCH_MALFORMED', 'without its head')
  assert.equal(link(Buffer.concat([first.lines, second.lines])), 'BATCH_MALFORMED', 'two heads')
  assert.equal(link(first.lines, chainStart, 'bb'.repeat(16)), 'BATCH_MALFORMED', 'of another chain')
  assert.equal(link(first.lines.subarray(0, -1)), 'LINE_MALFORMED', 'without its last newline')
  assert.equal(link(first.lines, chainStart, host.chain, 3), 'LINE_MALFORMED', 'too many lines')
  assert.equal(link(cut(texts[0], texts[2], texts[3])), 'CHAIN_BROKEN', 'with a gap')
  assert.equal(link(cut(texts[0], texts[2], texts[1], texts[3])), 'CHAIN_BROKEN', 'out of order')
  assert.equal(link(cut(texts[0], texts[1], texts[1], texts[2], texts[3])), 'CHAIN_BROKEN', 'with a line twice')
  assert.equal(link(second.lines), 'CHAIN_BROKEN', 'from a later place')
  const forged: Body[] = [
    { key: host.key },
    { stub },
    { tenant_head: { label: own, origin: 'o', size: 0, root: '00'.repeat(32) } },
  ]
  for (const body of forged) {
    const wrong = sealLine(host.chain, after(parse(first.sealed[0]?.text ?? '')), 0n, body)
    assert.equal(link(cut(texts[0], `${wrong.text}\n`, texts[2], texts[3])), 'BATCH_MALFORMED', wrong.text)
  }
})

const stub: Stub = { chain: 'bb'.repeat(16), first_seq: 0, next_seq: 4, reason: 'unknown_key', item: '00'.repeat(32) }

test('a host cannot pass off the anchor of a ledger', () => {
  const host = sampleHost(1)
  const anchor = sealLine(host.chain, chainStart, 0n, ownAnchor)
  const position = { nextSeq: 1, tip: anchor.hash }
  const note = createNoteSigner(`sealwatch.dev/key/${host.key.key_id}`, host.signer).sign(
    headText(host.chain, 1, anchor.hash),
  )
  const lines = Buffer.from(`${anchor.text}\n${sealLine(host.chain, position, 0n, { head: { note } }).text}\n`)
  assert.equal(
    codeOf(() => linkBatch(sha256, { chain: host.chain, lines }, chainStart, 8)),
    'BATCH_MALFORMED',
  )
})

test('only a head under the right key makes a batch verified', () => {
  const host = sampleHost(1)
  const batch = host.batch(1)
  const linked = linkBatch(sha256, batch, chainStart, 8)
  assert.equal(verifyBatch(sha256, verifyEd25519, linked, host.key), linked)
  assert.throws(() => verifyBatch(sha256, verifyEd25519, linked, sampleHost(2).key), { code: 'NOTE_UNVERIFIED' })
  const stolen = { ...sampleHost(2).key, key_id: host.key.key_id }
  assert.throws(() => verifyBatch(sha256, verifyEd25519, linked, stolen), { code: 'NOTE_UNVERIFIED' })
})

/** A walk after the ledger's anchor, with a way to write its next own line. */
function walked() {
  const walk = createChainWalk()
  const first = line(own, chainStart, ownAnchor)
  walk.step(first, 'testing')
  let position = after(first)
  const stepOwn = (body: Body) => {
    const parsed = line(own, position, body)
    walk.step(parsed, 'testing')
    position = after(parsed)
  }
  const step = (parsed: ParsedLine) => walk.step(parsed, 'testing')
  return { walk, step, stepOwn }
}

test("the first leaf is the anchor of the ledger's own chain", () => {
  const host = sampleHost(1)
  for (const text of host.batch(1).sealed.map((sealed) => sealed.text))
    assert.throws(() => createChainWalk().step(parse(text), 'testing'), broken)
  assert.throws(() => createChainWalk().step(line(own, chainStart, { event: {} }), 'testing'), broken)
})

test('a walk follows many chains through one ledger', () => {
  const { walk, step, stepOwn } = walked()
  const [a, b] = [sampleHost(1), sampleHost(2)]
  const [a1, b1, a2] = [a.batch(1), b.batch(2), a.batch(1)]
  for (const { text } of a1.sealed) step(parse(text))
  stepOwn({ key: a.key })
  for (const { text } of b1.sealed) step(parse(text))
  assert.throws(() => step(parse(a2.sealed[1]?.text ?? '')), broken)
  for (const { text } of a2.sealed) step(parse(text))
  assert.deepEqual(walk.position(a.chain), a.position)
  assert.deepEqual(walk.position(b.chain), b.position)
  assert.deepEqual(walk.position('cc'.repeat(16)), chainStart)
  assert.equal(walk.own, own)
})

test("hosts hold no line of the ledger's kinds, and the ledger none of theirs", () => {
  const host = sampleHost(1)
  const [anchor] = host.batch(1).sealed
  const next = after(parse(anchor?.text ?? ''))
  for (const body of [{ key: host.key }, { stub }, ownAnchor]) {
    const { step } = walked()
    step(parse(anchor?.text ?? ''))
    assert.throws(() => step(line(host.chain, next, body)), broken)
  }
  assert.throws(() => walked().stepOwn({ head: { note: 'n' } }), broken)
  assert.throws(() => walked().stepOwn({ anchor: { ...ownAnchor.anchor, origin: null } }), broken)
})

test('a stub stands for exactly the lines that would come next', () => {
  const host = sampleHost(1)
  const batches = [host.batch(1), host.batch(1), host.batch(1)]
  const [first, second, third] = batches.map(({ sealed }) => sealed.map(({ text }) => parse(text))) as [
    ParsedLine[],
    ParsedLine[],
    ParsedLine[],
  ]
  const stubFor = (first_seq: number, next_seq: number) => ({
    stub: { ...stub, chain: host.chain, first_seq, next_seq },
  })
  const { step, stepOwn, walk } = walked()
  for (const parsed of first) step(parsed)
  stepOwn(stubFor(3, 5))
  assert.deepEqual(walk.position(host.chain), { nextSeq: 5, tip: null })
  assert.throws(() => step(second[0] as ParsedLine), broken)
  for (const parsed of third) step(parsed)

  for (const wrong of [stubFor(4, 5), stubFor(2, 5), stubFor(3, 3), stubFor(3, 2)]) {
    const again = walked()
    for (const parsed of first) again.step(parsed)
    assert.throws(() => again.stepOwn(wrong), broken, 'lines would vanish between the chain and its stub')
  }
  assert.throws(() => walked().stepOwn({ stub: { ...stub, chain: own, first_seq: 2, next_seq: 9 } }), broken)
  assert.throws(() => walked().stepOwn(stubFor(1, 2)), broken, 'a chain begins at 0')
})

test('where leaves were left out, chains go on from where their next line says', () => {
  const host = sampleHost(1)
  const [, second] = [host.batch(1), host.batch(2)]
  const { step, walk } = walked()
  walk.skip()
  const lines = second.sealed.map(({ text }) => parse(text)) as [ParsedLine, ParsedLine, ParsedLine]
  step(lines[0])
  assert.throws(() => step(lines[2]), broken, 'but from then on without gaps')
  step(lines[1])
  step(lines[2])
  step(
    line(
      own,
      { nextSeq: 7, tip: '00'.repeat(32) },
      { stub: { ...stub, chain: 'dd'.repeat(16), first_seq: 7, next_seq: 9 } },
    ),
  )
  assert.deepEqual(walk.position('dd'.repeat(16)), { nextSeq: 9, tip: null })
})
