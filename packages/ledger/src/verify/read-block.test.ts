// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { systemDisk } from '@sealwatch/base'
import { limits } from '@sealwatch/contract'
import { verifyEd25519 } from '@sealwatch/keys'
import {
  bundleOf,
  oneByOne,
  openSampleLedger,
  sampleEvent,
  sampleHost,
  sampleSigner,
  sealTenant,
  temporary,
  tickingClock,
  vkeys,
} from '../../test/sample.ts'
import { openBlockReaders } from '../block-readers.ts'
import { openChain } from '../chain/chain.ts'
import { sha256 } from '../sha256.ts'
import { linkBatch, verifyBatch } from './batch.ts'
import { createHeadReader, type NamedKey } from './block-heads.ts'
import { type BundleChecks, type BundleReport, verifyBundle } from './bundle.ts'
import { readLeaves } from './bundle-records.ts'
import { type ChainPosition, chainStart } from './chain.ts'
import type { Checkpoint } from './checkpoint.ts'
import { leafHash } from './merkle.ts'
import { type BlockReader, readBlock } from './read-block.ts'

// Two hosts of version 1 and one of version 2, in turns; lines of the ledger between them, and a stub.
const dir = await temporary()
const tenant = await openSampleLedger(dir.path)
const root = await openSampleLedger(dir.path, 'root')
after(async () => {
  await tenant.close()
  await root.close()
  await dir.remove()
})
const side = new Map<number, string>()
const [a, b] = [sampleHost(1), sampleHost(2)]
async function appended(host: typeof a, events: number): Promise<void> {
  const batch = host.batch(events)
  const { first } = await tenant.append(host.verified(batch))
  const values = batch.sealed.find((line) => line.side !== undefined)
  if (values?.side !== undefined) side.set(first + values.seq - batch.firstSeq, values.side)
}
const signer = sampleSigner(3)
const key = { ...a.key, host_id: 'host-3', key_id: signer.keyId, public_key: signer.publicKey.toHex() }
const own = { segmentBytesMax: 1 << 24, totalBytesMax: 1 << 26, clock: tickingClock(), disk: systemDisk }
const chain = await openChain({ dir: `${dir.path}/chain`, tenant: 'default', signer, ...own })
let position: ChainPosition = chainStart
async function sealed(events: number): Promise<void> {
  await chain.seal(Array.from({ length: events }, (_, i) => sampleEvent(i)))
  while (position.nextSeq < chain.position.nextSeq) {
    const batch = await chain.readBatch(position.nextSeq)
    assert.ok(batch !== undefined)
    const linked = linkBatch(sha256, batch, position, limits.batchLinesMax)
    position = linked.end
    await tenant.append(verifyBatch(sha256, verifyEd25519, linked, key))
  }
}
for (const own of [a.key, b.key, key]) await tenant.append({ own: { key: own } })
await appended(a, 6)
await sealed(5)
await appended(b, 3)
await tenant.append({ own: { event: { message: 'a finding' } } })
await tenant.append({ own: { event: { message: 'another' } } })
const early = await tenant.checkpoint()
await appended(a, 4)
const lost = b.batch(1)
const stub = { chain: b.chain, first_seq: lost.firstSeq, next_seq: lost.firstSeq + 2, reason: 'invalid_signature' }
await tenant.append({ own: { stub: { ...stub, item: sha256(lost.lines).toHex() } } })
await appended(b, 2)
await sealed(6)
await chain.close()
const proven = await sealTenant(tenant, root)
const size = proven.checkpoint.size
const all = [{ from: 0, to: size }]
const complete = (await bundleOf(tenant, proven, all)).toString('utf8')
const shown = (await bundleOf(tenant, proven, all, side)).toString('utf8')
const sparse = (
  await bundleOf(
    tenant,
    proven,
    [
      { from: 3, to: 15 },
      { from: 21, to: 33 },
    ],
    side,
  )
).toString('utf8')

const isLine = (row: string) => /^\{"(?!bundle|leaves|gap|reveal)/.test(row)

/** Rows with their newlines; the `leaves` records in pieces of so many lines. */
const rowsOf = (bundle: string, leavesMax = 256): string[] => {
  const rows: string[] = []
  let due: { from: number; hashes: string[] } = { from: 0, hashes: [] }
  let reveals = -1
  const begin = () => {
    const hashes = due.hashes.splice(0, leavesMax)
    reveals = rows.push(`{"leaves":${JSON.stringify({ from: due.from, hashes, revealed: 0 })}}\n`) - 1
    due.from += hashes.length
  }
  let taken = 0
  for (const row of bundle.split(/(?<=\n)/)) {
    if (row.startsWith('{"leaves":')) {
      due = JSON.parse(row).leaves
      taken = 0
      continue
    }
    if (isLine(row) && taken++ % leavesMax === 0) begin()
    if (row.startsWith('{"reveal":'))
      rows[reveals] = (rows[reveals] as string).replace(/"revealed":(\d+)/, (_, n) => `"revealed":${Number(n) + 1}`)
    rows.push(row)
  }
  return rows
}

/** The same, with hashes of the lines that follow where those were due that stood there: only chains and trees still tell. */
const rehashed = (rows: readonly string[]): string[] => {
  const found = [...rows]
  for (const [i, row] of rows.entries()) {
    if (!row.startsWith('{"leaves":')) continue
    const { leaves } = JSON.parse(row)
    const lines = rows.slice(i + 1).filter((line) => !line.startsWith('{"reveal":'))
    const end = lines.findIndex((line) => !isLine(line))
    const own = lines.slice(0, end < 0 ? lines.length : end)
    leaves.hashes = own.map((line) => leafHash(sha256, Buffer.from(line.slice(0, -1))).toHex())
    found[i] = `${JSON.stringify({ leaves })}\n`
  }
  return found
}

/** All in the same memory, as a reader of files may give them. */
async function* piecesOf(bundle: Buffer, bytes: number): AsyncGenerator<Uint8Array> {
  const piece = Buffer.alloc(bytes)
  for (let at = 0; at < bundle.length; at += bytes) yield piece.subarray(0, bundle.copy(piece, 0, at, at + bytes))
}

const checks = { sha256, verify: verifyEd25519, trust: vkeys }
const inBlocks: BlockReader = { bytes: 0, atOnce: 3, read: async (block) => readBlock(sha256, block) }

type Seen = { readonly report: BundleReport; readonly lines: readonly string[] }
async function seen(bundle: Buffer, bytes: number, more: Partial<BundleChecks>): Promise<Seen> {
  const lines: string[] = []
  const onLine: BundleChecks['onLine'] = (line, leaf, { seq, hash }) =>
    void lines.push(`${leaf} ${line.chain} ${line.seq} ${seq} ${Buffer.from(hash).toString('hex')}`)
  return { report: await verifyBundle(piecesOf(bundle, bytes), { ...checks, onLine, ...more }), lines }
}

let turn = 0
/** What all ways of reading find, which is one thing. */
async function found(rows: readonly string[], what: string, since?: Checkpoint): Promise<BundleReport> {
  const bundle = Buffer.from(rows.join(''))
  const more = since === undefined ? {} : { since }
  const due = await seen(bundle, bundle.length, { ...more, blockReader: oneByOne })
  // The boundaries of blocks fall elsewhere each time.
  for (const [bytes, blockReader] of [
    [bundle.length, undefined],
    [97 + (turn++ % 1500), inBlocks],
  ] as const)
    assert.deepEqual(await seen(bundle, bytes, { ...more, ...(blockReader && { blockReader }) }), due, what)
  const { report } = await seen(bundle, bundle.length, { ...more, onLine: () => undefined })
  assert.deepEqual(await verifyBundle(piecesOf(bundle, 4096), { ...checks, ...more }), report, what)
  return due.report
}

const layouts = [
  ['complete', rowsOf(complete)],
  ['complete, seven to a record', rowsOf(complete, 7)],
  ['with personal values', rowsOf(shown, 9)],
  ['sparse', rowsOf(sparse)],
] as const

test('LOG-7 whole blocks and single lines prove the same, wherever blocks end', async () => {
  for (const [name, rows] of layouts) {
    const bundle = Buffer.from(rows.join(''))
    const due = await seen(bundle, bundle.length, { blockReader: oneByOne })
    assert.ok(due.report.ok, `${name}: ${JSON.stringify(due.report.problem)}`)
    assert.equal(due.report.complete, name !== 'sparse')
    for (const bytes of [1, 64, 500, 501, 1999, bundle.length])
      assert.deepEqual(await seen(bundle, bytes, { blockReader: inBlocks }), due, `${name}, ${bytes} bytes at a time`)
    for (let end = 1; end < rows.length; end += 1) {
      const cut = async function* () {
        yield Buffer.from(rows.slice(0, end).join(''))
        yield Buffer.from(rows.slice(end).join(''))
      }
      assert.deepEqual(await verifyBundle(cut(), { ...checks, blockReader: inBlocks }), due.report, `${name}, ${end}`)
    }
  }
})

test('LOG-7 runs end where a chain, a record or the block does', () => {
  const block = Buffer.from(`\n${rowsOf(complete, 7).slice(1).join('')}`)
  const { follows, leaves, rows, hashes } = readBlock(sha256, new Uint8Array(block))
  const numbers = rows.length / follows.length
  assert.equal(hashes.length, 32 * follows.length)
  assert.equal(leaves.length, Math.ceil(size / 7))
  for (const [i, follow] of follows.entries()) {
    const line = (at: number) => block.subarray(rows[at * numbers], rows[at * numbers + 1]).toString('utf8')
    const isBehind = i > 0 && rows[(i - 1) * numbers + 1] === (rows[i * numbers] as number) - 1
    const isNext = i > 0 && line(i).includes(`"prev":"${leafHash(sha256, Buffer.from(line(i - 1))).toHex()}"`)
    assert.equal(follow === 1, isBehind && isNext, line(i))
  }
  assert.ok(follows.filter((follow) => follow === 1).length > 12)
})

const flip = (row: string, at: number) =>
  `${row.slice(0, at)}${String.fromCharCode(row.charCodeAt(at) ^ 1)}${row.slice(at + 1)}`
/** Each says what becomes of row `i`, and of the one behind it. */
const alterations: Readonly<Record<string, (row: string, next: string, rows: readonly string[]) => readonly string[]>> =
  {
    'a byte near the beginning': (row, next) => [flip(row, 14), next],
    'a byte in the middle': (row, next) => [flip(row, row.length >> 1), next],
    'a byte of prev or of a hash': (row, next) => [flip(row, row.search(/[0-9a-f]{64}/) + 30), next],
    'a byte near the end': (row, next) => [flip(row, row.length - 12), next],
    'another number': (row, next) => [row.replace(/"seq":(\d+)/, (_, seq) => `"seq":${Number(seq) + 1}`), next],
    'another epoch': (row, next) => [row.replace(/"epoch":(\d+)/, (_, epoch) => `"epoch":${Number(epoch) + 1}`), next],
    'another event': (row, next) => [row.replace('"message":"', '"message":"not '), next],
    'not canonical': (row, next) => [row.replace('"epoch"', ' "epoch"'), next],
    swapped: (row, next) => [next, row],
    missing: (_, next) => [next],
    twice: (row, next) => [row, row, next],
    'of another chain': (row, next, rows) => [rows.findLast((other) => other.startsWith('{"chain":')) ?? row, next],
    'another signature': (row, next) => [
      row.replace(/(— \S+ )(.{40})(.)/, (_, who, some, c) => `${who}${some}${c === 'A' ? 'B' : 'A'}`),
      next,
    ],
    'values of nobody': (row, next) => [row, '{"reveal":{"/event/message":{"salt":"00","value":"x"}}}\n', next],
    'no newline': (row, next) => [row.slice(0, -1), next],
  }

test('LOG-7 whatever is altered, whole blocks and single lines find the same first thing that is wrong', async () => {
  const codes = new Map<string, number>()
  for (const [layout, rows] of layouts.slice(1))
    for (const [name, alter] of Object.entries(alterations))
      for (let i = layouts.length; i < rows.length; i += 5) {
        const [row, next] = [rows[i] as string, rows[i + 1] ?? '']
        const altered = [...rows.slice(0, i), ...alter(row, next, rows), ...rows.slice(i + 2)]
        for (const given of name === 'no newline' ? [altered] : [altered, rehashed(altered)]) {
          if (given.join('') === rows.join('')) continue
          const what = `${layout}: row ${i}, ${name}`
          const { ok, problem } = await found(given, what)
          // Of two `leaves` records one may be made.
          if (isLine(row)) assert.equal(ok, false, what)
          codes.set(problem?.code ?? '', (codes.get(problem?.code ?? '') ?? 0) + 1)
        }
      }
  for (const code of ['BUNDLE_ALTERED', 'BUNDLE_MALFORMED', 'CHAIN_BROKEN', 'LINE_MALFORMED', 'NOTE_UNVERIFIED'])
    assert.ok((codes.get(code) ?? 0) > 0, `${code}: ${JSON.stringify([...codes])}`)
})

test('LOG-7 a checkpoint saved earlier is met within a run, and so is one that says another thing', async () => {
  const rows = rowsOf(complete, 16)
  const { origin } = proven.checkpoint
  assert.ok((await found(rows, 'met', early)).ok)
  for (let at = 1; at < size; at += 1) {
    const { ok, problem } = await found(rows, `another at ${at}`, { origin, size: at, root: new Uint8Array(32) })
    assert.equal(ok, false)
    assert.equal(problem?.leaf, at - 1)
    assert.equal(problem?.code, 'CHECKPOINT_CONTRADICTED')
  }
})

test('LOG-7 threads find what one alone finds, whatever is altered', async () => {
  await using readers = openBlockReaders(2)
  const rows = rowsOf(shown, 7)
  for (const [name, alter] of [
    ['nothing', (row: string, next: string) => [row, next]] as const,
    ...Object.entries(alterations),
  ])
    for (const i of [1, 6, 9, 20, rows.length - 4]) {
      const altered = [
        ...rows.slice(0, i),
        ...alter(rows[i] as string, rows[i + 1] as string, rows),
        ...rows.slice(i + 2),
      ]
      const bundle = Buffer.from((i % 2 === 0 && name !== 'no newline' ? rehashed(altered) : altered).join(''))
      const due = await seen(bundle, bundle.length, { blockReader: oneByOne })
      assert.deepEqual(await seen(bundle, 999, { blockReader: { ...readers, bytes: 2000 } }), due, `${name} at ${i}`)
    }
})

test('LOG-7 signatures that were verified ahead are not verified again, and vouch for nothing else', async () => {
  const headLines = rowsOf(complete).filter((row) => row.includes('"head":{'))
  const signatures = headLines.join('').match(/\\n— /g)?.length as number
  const verifiedHere = async (rows: readonly string[], bytes: number, blockReader: BlockReader) => {
    let calls = 0
    const verify: BundleChecks['verify'] = (...of) => {
      calls += 1
      return verifyEd25519(...of)
    }
    const { report } = await seen(Buffer.from(rows.join('')), bytes, { verify, blockReader })
    return { report, calls }
  }
  const rows = rowsOf(complete, 7)
  const due = await verifiedHere(rows, 1 << 20, oneByOne)
  assert.equal(signatures, 4 + 2 * 2)
  // All in one block, which names the keys itself; and record by record, by the keys of earlier ones alone.
  const atOnce = createHeadReader(sha256, verifyEd25519)
  const told: NamedKey[] = []
  const all = new Set<string>()
  const readWith = (heads: typeof atOnce, block: Uint8Array) => {
    const read = readBlock(sha256, block)
    const holding = heads.read(read)
    for (const id of holding) all.add(id)
    return { ...read, holding }
  }
  const whole: BlockReader = { ...inBlocks, read: async (block) => readWith(atOnce, block) }
  const single: BlockReader = {
    bytes: 0,
    atOnce: 1,
    learn: (named) => void told.push(named),
    read: async (block) => {
      const heads = createHeadReader(sha256, verifyEd25519)
      told.forEach(heads.learn)
      return readWith(heads, block)
    },
  }
  for (const [bytes, blockReader] of [
    [1 << 20, whole],
    [1, single],
  ] as const)
    assert.deepEqual(await verifiedHere(rows, bytes, blockReader), { ...due, calls: due.calls - signatures })
  assert.equal(all.size, signatures)
  const vouching: BlockReader = {
    ...inBlocks,
    read: async (block) => ({ ...readBlock(sha256, block), holding: [...all] }),
  }
  const alter = alterations['another signature'] as (typeof alterations)[string]
  for (const [i, row] of rows.entries()) {
    if (!row.includes('"head":{')) continue
    const altered = rehashed([...rows.slice(0, i), ...alter(row, '', rows), ...rows.slice(i + 1)])
    const { report } = await verifiedHere(altered, 1 << 20, vouching)
    assert.equal(report.problem?.code, 'NOTE_UNVERIFIED')
    assert.deepEqual(report, (await verifiedHere(altered, 1 << 20, oneByOne)).report)
  }
})

test('LOG-7 a `leaves` record that is not plainly in order is the strict reader’s', () => {
  const hash = 'ab'.repeat(32)
  const read = (text: string) => readLeaves(Buffer.from(`\n${text}`), 1)
  const good = `{"leaves":{"from":7,"hashes":["${hash}","${hash}"],"revealed":1}}\n`
  const found = read(good)
  assert.deepEqual(found && { ...found, hashes: Buffer.from(found.hashes).toString('hex') }, {
    at: 1,
    to: 1 + good.length,
    from: 7,
    hashes: hash + hash,
    revealed: 1,
  })
  for (const bad of [
    good.replace('7', '07'),
    good.replace('7', '-7'),
    good.replace('7', '9007199254740993'),
    good.replace('7', ''),
    good.replace('ab', 'AB'),
    good.replace('ab', 'a'),
    good.replace('ab', 'ég'),
    good.replace('","', '", "'),
    good.replace('1}}', '1,"x":1}}'),
    good.replace('1}}', '1.5}}'),
    good.replace(`"${hash}","${hash}"`, ''),
    good.slice(0, -1),
    good.slice(0, 60),
  ])
    assert.equal(read(bad), undefined, bad)
})
