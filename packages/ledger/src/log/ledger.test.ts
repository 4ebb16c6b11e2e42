// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { cp, mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Disk, systemDisk } from '@sealwatch/base'
import { verifyEd25519 } from '@sealwatch/keys'
import { createFaultyDisk } from '../../test/faulty-disk.ts'
import { naiveRoot } from '../../test/naive-merkle.ts'
import { nodeKey, openSampleLedger, origins, sampleHost, sampleSigner, temporary } from '../../test/sample.ts'
import { createNoteSigner } from '../note-signer.ts'
import { sha256 } from '../sha256.ts'
import { parseCheckpoint } from '../verify/checkpoint.ts'
import { equal, verifyConsistency, verifyInclusion } from '../verify/merkle.ts'
import { openNote } from '../verify/note.ts'
import type { Ledger } from './ledger.ts'

/** Every line of a ledger, read in pieces. */
async function linesOf(ledger: Ledger): Promise<Buffer[]> {
  const lines: Buffer[] = []
  while (lines.length < ledger.size) {
    const leaves = await ledger.read(lines.length, 100)
    for (const { index, line } of leaves) {
      assert.equal(index, lines.length)
      lines.push(Buffer.from(line))
    }
  }
  assert.deepEqual(await ledger.read(ledger.size, 1), [])
  return lines
}

/** The ledger's hashes are those of its lines. */
async function assertSound(ledger: Ledger): Promise<Buffer[]> {
  const lines = await linesOf(ledger)
  const { size, root } = await ledger.checkpoint()
  assert.equal(size, lines.length)
  assert.ok(equal(root, naiveRoot(lines)), 'the signed root is the root of the lines')
  return lines
}

const messagesIn = (lines: readonly Buffer[]) =>
  lines.flatMap((line) => /"message":"(process \d+)"/.exec(line.toString())?.[1] ?? [])
const processes = (count: number) => Array.from({ length: count }, (_, i) => `process ${i}`)

test('a ledger begins with the anchor of its own chain, once', async () => {
  await using dir = await temporary()
  for (let i = 0; i < 2; i += 1) {
    const ledger = await openSampleLedger(dir.path)
    const [line, ...others] = await linesOf(ledger)
    assert.equal(others.length, 0)
    const { anchor, chain } = JSON.parse(line?.toString() ?? '')
    assert.deepEqual([anchor.tenant, anchor.origin, anchor.key_id], ['default', origins.tenant, null])
    assert.equal(chain, ledger.chain)
    await ledger.close()
  }
})

test('LOG-1: what is saved is of one moment, whatever is appended while it is signed: the ledger opens again', async () => {
  await using dir = await temporary()
  let appended: Promise<unknown> | undefined
  // At each step of the disk that signing takes, lines come in between.
  const meanwhile = async () => {
    const event = { message: 'meanwhile' }
    if (appended === undefined) appended = ledger.append({ own: { event } })
    await appended
  }
  const between: Partial<Disk> = {
    sizeOf: async (path) => {
      if (isSigning) await meanwhile()
      return systemDisk.sizeOf(path)
    },
    read: async (path) => {
      if (isSigning) await meanwhile()
      return systemDisk.read(path)
    },
  }
  let isSigning = false
  const ledger = await openSampleLedger(dir.path, 'tenant', { ...systemDisk, ...between })
  for (let i = 0; i < 5; i += 1) {
    await ledger.append({ own: { event: { message: `before ${i}` } } })
    appended = undefined
    isSigning = true
    await ledger.checkpoint()
    isSigning = false
  }
  await ledger.close()
  const again = await openSampleLedger(dir.path)
  await assertSound(again)
  await again.close()
})

test('LOG-6: nothing is signed once the file of lines is not under its name', async () => {
  await using dir = await temporary()
  const ledger = await openSampleLedger(dir.path)
  const { size } = await ledger.checkpoint()
  await ledger.append({ own: { event: { message: 'written into a file without a name' } } })
  const [name] = await readdir(join(dir.path, 'tenant/lines'))
  await rm(join(dir.path, 'tenant/lines', name as string))
  await assert.rejects(ledger.checkpoint(), { code: 'LINES_MISSING', kind: 'fatal' })
  assert.equal(ledger.signed?.size, size)
  await ledger.close()
})

test('what is appended is durable, in place, and proven by a checkpoint that anybody can check', async () => {
  await using dir = await temporary()
  const ledger = await openSampleLedger(dir.path)
  const host = sampleHost(1)
  const placed = await ledger.append({ own: { key: host.key } })
  assert.deepEqual(placed, { first: 1, next: 2 })
  const batch = host.batch(3)
  assert.deepEqual(await ledger.append(host.verified(batch)), { first: 2, next: 7 })
  assert.deepEqual(ledger.position(host.chain), host.position)
  const lines = await assertSound(ledger)
  assert.deepEqual(Buffer.concat(lines.slice(2).flatMap((line) => [line, Buffer.from('\n')])), batch.lines)

  const note = await readFile(join(dir.path, 'tenant', 'checkpoint'), 'utf8')
  const trusted = [createNoteSigner(origins.tenant, nodeKey).verifier]
  const { size, root } = parseCheckpoint(openNote(note, trusted, verifyEd25519, 'testing').text, 'testing')
  assert.equal(size, 7)
  for (const index of lines.keys()) {
    const [leaf] = ledger.leafHashes(index, index + 1)
    const claim = { index, size, leaf: leaf as Uint8Array, root }
    verifyInclusion(sha256, claim, ledger.inclusion(index, size))
  }
  assert.equal((await ledger.checkpoint()).note, note, 'a size is signed once')
  await ledger.close()
})

test('what waits while a write is under way goes into the next one', async () => {
  await using dir = await temporary()
  const disk = createFaultyDisk()
  const ledger = await openSampleLedger(dir.path, 'tenant', disk)
  const hosts = [1, 2, 3].map((seed) => sampleHost(seed))
  const before = disk.writes
  const release = disk.hold('.ndjson')
  const appended = hosts.flatMap((host) =>
    [host.batch(2), host.batch(1)].map((batch) => ledger.append(host.verified(batch))),
  )
  assert.deepEqual(ledger.position(hosts[0]?.chain ?? ''), hosts[0]?.position, 'positions run ahead of the disk')
  assert.equal(ledger.size, 1, 'nothing counts before it is durable')
  release()
  const placed = await Promise.all(appended)
  assert.deepEqual(
    placed.map(({ first }) => first),
    [1, 5, 7, 11, 13, 17],
  )
  assert.equal(disk.writes - before, 2, 'the first alone, then all that waited')
  await assertSound(ledger)
  await ledger.close()
})

test('many appends at once, with checkpoints among them, end in one sound ledger', async () => {
  await using dir = await temporary()
  const ledger = await openSampleLedger(dir.path)
  const hosts = Array.from({ length: 8 }, (_, i) => sampleHost(i + 1))
  const earlier: { size: number; root: Uint8Array }[] = []
  const work = hosts.map(async (host) => {
    for (let i = 0; i < 10; i += 1) {
      await ledger.append(host.verified(host.batch(i % 4)))
      if (i % 3 === 0) earlier.push(await ledger.checkpoint())
      if (i % 5 === 0) await ledger.append({ own: { event: { message: `finding ${i}` } } })
    }
  })
  await Promise.all(work)
  await assertSound(ledger)
  const { size, root } = await ledger.checkpoint()
  for (const { size: oldSize, root: oldRoot } of earlier)
    verifyConsistency(sha256, { oldSize, oldRoot, newSize: size, newRoot: root }, ledger.consistency(oldSize, size))
  await ledger.close()
  const again = await openSampleLedger(dir.path)
  assert.equal(again.size, size)
  for (const host of hosts) assert.deepEqual(again.position(host.chain), host.position)
  await assertSound(again)
  await again.close()
})

test('a reader waits for a leaf, and a settled ledger has nothing under way', async () => {
  await using dir = await temporary()
  const ledger = await openSampleLedger(dir.path)
  const waiting = ledger.waitFor(2, new AbortController().signal)
  const appended = [0, 1].map((i) => ledger.append({ own: { event: { message: `${i}` } } }))
  await waiting
  assert.ok(ledger.size > 2)
  await ledger.waitFor(99, AbortSignal.abort())
  await ledger.settled()
  await Promise.all(appended)
  await ledger.close()
})

test('what does not go on where its chain stands, or is not for this tenant, is refused and disturbs nothing', async () => {
  await using dir = await temporary()
  const ledger = await openSampleLedger(dir.path)
  const [host, foreign] = [sampleHost(1), sampleHost(2, 'other')]
  const [first, second] = [host.verified(host.batch(1)), host.verified(host.batch(1))]
  const stub = { chain: host.chain, first_seq: 0, next_seq: 3, reason: 'unknown_key', item: '00'.repeat(32) }
  const good = ledger.append(first)
  const refused = [
    [ledger.append(first), 'CHAIN_BROKEN'],
    [ledger.append(foreign.verified(foreign.batch(1))), 'BATCH_MALFORMED'],
    [ledger.append({ own: { stub } }), 'CHAIN_BROKEN'],
    [ledger.append({ own: { event: { x: 'x'.repeat(65_500) } } }), 'LINE_TOO_LONG'],
    [ledger.append({ own: { key: { ...host.key, public_key: 'x' } } }), 'LINE_MALFORMED'],
  ] as const
  const next = ledger.append(second)
  for (const [promise, code] of refused) await assert.rejects(promise, { code })
  assert.deepEqual(
    [await good, await next],
    [
      { first: 1, next: 4 },
      { first: 4, next: 6 },
    ],
  )
  assert.deepEqual(messagesIn(await assertSound(ledger)), processes(2))
  await ledger.close()
})

test("a host cannot write on the ledger's own chain", async () => {
  await using dir = await temporary()
  const ledger = await openSampleLedger(dir.path)
  const [anchor] = await ledger.read(0, 1)
  const { tip } = ledger.position(ledger.chain)
  const event = Buffer.from(anchor?.line ?? '')
  assert.ok(tip !== null && event.length > 0)
  const forged = { chain: ledger.chain, firstSeq: 1, end: { nextSeq: 2, tip }, others: new Map(), head: undefined }
  await assert.rejects(ledger.append(forged as unknown as Parameters<Ledger['append']>[0]), { code: 'BATCH_MALFORMED' })
  assert.deepEqual(ledger.position(ledger.chain), { nextSeq: 1, tip })
  await ledger.append({ own: { event: { message: 'still here' } } })
  await ledger.close()
})

test('a stub moves its chain, and the chain goes on behind it, also after a restart', async () => {
  await using dir = await temporary()
  const ledger = await openSampleLedger(dir.path)
  const host = sampleHost(1)
  await ledger.append(host.verified(host.batch(1)))
  host.batch(4)
  const [third, fourth] = [host.batch(1), host.batch(1)]
  const stub = { chain: host.chain, first_seq: 3, next_seq: 8, reason: 'unknown_key', item: '00'.repeat(32) }
  await ledger.append({ own: { stub } })
  assert.deepEqual(ledger.position(host.chain), { nextSeq: 8, tip: null })
  await ledger.append(host.verified(third))
  await ledger.close()
  const again = await openSampleLedger(dir.path)
  await again.append(host.verified(fourth))
  assert.deepEqual(again.position(host.chain), host.position)
  await assertSound(again)
  await again.close()
})

type Write = Parameters<Ledger['append']>

/** A ledger with two writes, the second of which holds four things; the sizes of its files before and after it. */
async function twoWrites(path: string, isSignedBetween: boolean) {
  const ledger = await openSampleLedger(path)
  const [a, b] = [sampleHost(1), sampleHost(2)]
  const side = (...rows: [number, string][]) => new Map(rows.map(([seq, text]) => [seq, Buffer.from(text)]))
  await ledger.append(a.verified(a.batch(2)), side([1, 'sealed 1'], [2, 'sealed 2']))
  if (isSignedBetween) await ledger.checkpoint()
  const before = await filesOf(path)
  const ofA: Write = [a.verified(a.batch(1)), side([4, 'sealed 4'])]
  const ofB: Write = [b.verified(b.batch(1)), side([1, 'sealed b'])]
  const blocker = ledger.append({ own: { event: { message: 'alone in its write' } } })
  const last = { own: { event: { message: 'last of its write' } } }
  await Promise.all([blocker, ledger.append(...ofA), ledger.append(...ofB), ledger.append(last)])
  const lines = await linesOf(ledger)
  await ledger.close()
  return { before, after: await filesOf(path), lines, ofA, ofB }
}

const segment = join('lines', `${'0'.repeat(20)}.ndjson`)
const filesOf = async (path: string) => ({
  lines: (await readFile(join(path, 'tenant', segment))).length,
  side: (await readFile(join(path, 'tenant', 'side'))).length,
})

async function sideOf(ledger: Ledger): Promise<[number, string][]> {
  const { rows } = await ledger.readSide(0, ledger.size)
  return rows.map(({ index, sealed }) => [index, Buffer.from(sealed).toString()])
}

test('a crash at any byte of a write keeps whole batches of it, and everything before', async () => {
  for (const isSignedBetween of [true, false]) {
    await using dir = await temporary()
    const { before, after, lines } = await twoWrites(dir.path, isSignedBetween)
    const path = join(dir.path, 'tenant', segment)
    const bytes = await readFile(path)
    for (let size = before.lines; size <= after.lines; size += isSignedBetween ? 1 : 13) {
      await writeFile(path, bytes.subarray(0, size))
      const ledger = await openSampleLedger(dir.path)
      const kept = await linesOf(ledger)
      await ledger.close()
      assert.deepEqual(kept, lines.slice(0, kept.length), `cut to ${size}`)
      assert.ok(wholeBatches.includes(kept.length), `${kept.length} lines are whole batches`)
    }
  }
})

const wholeBatches = [5, 6, 8, 11, 12]

test('zeros, as some file systems leave them where a write did not arrive, are taken back', async () => {
  await using dir = await temporary()
  const { before, lines } = await twoWrites(dir.path, true)
  const path = join(dir.path, 'tenant', segment)
  const bytes = await readFile(path)
  for (const [from, to] of [
    [before.lines, bytes.length],
    [before.lines + 700, before.lines + 1500],
    [bytes.length - 20, bytes.length - 10],
  ]) {
    await writeFile(path, Buffer.from(bytes).fill(0, from, to))
    const ledger = await openSampleLedger(dir.path)
    const kept = await linesOf(ledger)
    assert.ok(wholeBatches.includes(kept.length) && kept.length < lines.length)
    assert.deepEqual(kept, lines.slice(0, kept.length))
    await ledger.close()
  }
})

test('after a crash the same batches come again, and everything is there once', async () => {
  await using dir = await temporary()
  const home = join(dir.path, 'home')
  const { before, after, lines, ofA, ofB } = await twoWrites(home, true)
  const copy = join(dir.path, 'copy')
  for (let size = before.lines; size <= after.lines; size += 97) {
    await cp(home, copy, { recursive: true })
    await truncate(join(copy, 'tenant', segment), size)
    const ledger = await openSampleLedger(copy)
    if (ledger.size < 8) await ledger.append(...ofA)
    if (ledger.size < 11) await ledger.append(...ofB)
    assert.deepEqual(messagesIn(await assertSound(ledger)), messagesIn(lines))
    const side = await sideOf(ledger)
    assert.deepEqual(
      side.map(([, text]) => text.slice(-1)),
      ['1', '2', '4', 'b'],
      'one value for each line',
    )
    for (const [index] of side) {
      const [leaf] = await ledger.read(index, 1)
      assert.match(Buffer.from(leaf?.line ?? '').toString(), /"commit:/)
    }
    await ledger.close()
    await rm(copy, { recursive: true })
  }
})

test('values without their lines are taken back, at whatever byte the crash came', async () => {
  await using dir = await temporary()
  const home = join(dir.path, 'home')
  const { before, after } = await twoWrites(home, true)
  for (let size = before.side; size <= after.side; size += 1) {
    const copy = join(dir.path, 'copy')
    await cp(home, copy, { recursive: true })
    await truncate(join(copy, 'tenant', segment), before.lines)
    await truncate(join(copy, 'tenant', 'side'), size)
    const ledger = await openSampleLedger(copy)
    assert.deepEqual(await sideOf(ledger), [
      [2, 'sealed 1'],
      [3, 'sealed 2'],
    ])
    assert.deepEqual(await filesOf(copy), before)
    await ledger.close()
    await rm(copy, { recursive: true })
  }
})

/** The values of a write are on disk before its lines: wait for them, turn by turn. */
async function untilTrue(check: () => Promise<boolean>): Promise<void> {
  while (!(await check())) await new Promise(setImmediate)
}

test('a checkpoint that is signed while a write is under way covers exactly what was durable', async () => {
  await using dir = await temporary()
  const disk = createFaultyDisk()
  const ledger = await openSampleLedger(dir.path, 'tenant', disk)
  const host = sampleHost(1)
  const [first, second] = [host.batch(1), host.batch(1)]
  await ledger.append(host.verified(first), new Map([[1, Buffer.from('one')]]))
  const { side: sideBefore } = await filesOf(dir.path)
  const release = disk.hold('.ndjson')
  const appended = ledger.append(host.verified(second), new Map([[3, Buffer.from('two')]]))
  await untilTrue(async () => (await filesOf(dir.path)).side > sideBefore)
  const { size } = await ledger.checkpoint()
  assert.equal(size, 4)
  const copy = join(dir.path, 'copy')
  await mkdir(copy)
  await cp(join(dir.path, 'tenant'), join(copy, 'tenant'), { recursive: true })
  release()
  await appended
  await ledger.close()

  const crashed = await openSampleLedger(copy)
  assert.equal(crashed.size, 4)
  await crashed.append(host.verified(second), new Map([[3, Buffer.from('two')]]))
  assert.deepEqual(await sideOf(crashed), [
    [2, 'one'],
    [4, 'two'],
  ])
  await assertSound(crashed)
  await crashed.close()
})

test('checkpoints raced by appends never save more or less than they sign', async () => {
  await using dir = await temporary()
  const ledger = await openSampleLedger(dir.path)
  const host = sampleHost(1)
  for (let i = 0; i < 20; i += 1) {
    const appended = ledger.append(
      host.verified(host.batch(1)),
      new Map([[host.position.nextSeq - 2, Buffer.from('x')]]),
    )
    const signed = Promise.all([ledger.checkpoint(), appended.then(() => ledger.checkpoint())])
    await signed
    const saved = JSON.parse(await readFile(join(dir.path, 'tenant', 'saved.json'), 'utf8'))
    const text = await readFile(join(dir.path, 'tenant', segment), 'utf8')
    assert.equal(text.slice(0, saved.bytes).split('\n').length - 1, saved.size)
  }
  await ledger.close()
})

/** A signed ledger of more than one tile, closed. */
async function tallLedger(path: string, isSigned = true): Promise<Buffer[]> {
  const ledger = await openSampleLedger(path)
  const host = sampleHost(1)
  for (let i = 0; i < 3; i += 1) await ledger.append(host.verified(host.batch(250)))
  if (isSigned) await ledger.checkpoint()
  const lines = await linesOf(ledger)
  await ledger.close()
  return lines
}

test('derived files that are lost, short, long or wrong are made again from the lines', async () => {
  await using dir = await temporary()
  const home = join(dir.path, 'home')
  const lines = await tallLedger(home)
  const derived = ['hashes-0', 'hashes-1', 'bundles', 'saved.json', 'checkpoint']
  assert.deepEqual(
    (await readdir(join(home, 'tenant'))).filter((name) => name.startsWith('hashes')),
    ['hashes-0', 'hashes-1'],
  )
  const harms: [string, (path: string) => Promise<unknown>][] = [
    ['lost', (path) => rm(path)],
    ['empty', (path) => truncate(path, 0)],
    ['short', async (path) => truncate(path, (await readFile(path)).length - 8)],
    ['long', async (path) => writeFile(path, Buffer.concat([await readFile(path), Buffer.alloc(64, 7)]))],
    ['wrong at its end', async (path) => writeFile(path, flipped(await readFile(path)))],
  ]
  for (const name of derived) {
    for (const [what, harm] of harms) {
      // A note that was altered is no derived file; 'long' and 'wrong' garble the offsets without their being noticed here.
      if (name === 'checkpoint' && what !== 'lost') continue
      if (name === 'bundles' && what === 'wrong at its end') continue
      const copy = join(dir.path, 'copy')
      await cp(home, copy, { recursive: true })
      await harm(join(copy, 'tenant', name))
      const ledger = await openSampleLedger(copy)
      assert.deepEqual(await assertSound(ledger), lines, `${name} ${what}`)
      const size = ledger.size
      for (const index of [0, 255, 256, 600, size - 1]) {
        const [leaf] = ledger.leafHashes(index, index + 1)
        const claim = { index, size, leaf: leaf as Uint8Array, root: naiveRoot(lines) }
        verifyInclusion(sha256, claim, ledger.inclusion(index, size))
      }
      await ledger.close()
      await rm(copy, { recursive: true })
    }
  }
})

const flipped = (bytes: Buffer) => bytes.map((byte, i) => (i < bytes.length - 32 ? byte : byte ^ 1))

test('hashes of lines that a crash took back do not come again', async () => {
  await using dir = await temporary()
  const ledger = await openSampleLedger(dir.path)
  const host = sampleHost(1)
  await ledger.append(host.verified(host.batch(200)))
  await ledger.checkpoint()
  const { lines: kept } = await filesOf(dir.path)
  await ledger.append(host.verified(host.batch(100)))
  await ledger.close()
  // The second batch is torn, its hashes are there, and they made the first tile of the next level full.
  await truncate(join(dir.path, 'tenant', segment), kept + 5_000)
  const again = await openSampleLedger(dir.path)
  const other = sampleHost(2)
  await again.append(other.verified(other.batch(300)))
  const lines = await assertSound(again)
  const root = naiveRoot(lines)
  for (const index of [0, 210, 300]) {
    const [leaf] = again.leafHashes(index, index + 1)
    verifyInclusion(
      sha256,
      { index, size: lines.length, leaf: leaf as Uint8Array, root },
      again.inclusion(index, lines.length),
    )
  }
  await again.close()
})

const behind = { code: 'LEDGER_BEHIND', kind: 'fatal' }

test('a ledger that holds less than was signed does not open, and nothing of it is touched', async () => {
  await using dir = await temporary()
  const home = join(dir.path, 'home')
  await tallLedger(home)
  const { lines: bytes } = await filesOf(home)
  for (const lost of [[], ['saved.json'], ['checkpoint']]) {
    for (const cut of [1, 500, bytes - 10, bytes]) {
      const copy = join(dir.path, 'copy')
      await cp(home, copy, { recursive: true })
      for (const name of lost) await rm(join(copy, 'tenant', name))
      await truncate(join(copy, 'tenant', segment), bytes - cut)
      await assert.rejects(openSampleLedger(copy), behind, `without ${lost}, ${cut} bytes less`)
      assert.equal((await filesOf(copy)).lines, bytes - cut)
      await rm(copy, { recursive: true })
    }
  }
})

test('lines that were altered below the checkpoint do not open once their hashes have to be made again', async () => {
  await using dir = await temporary()
  const home = join(dir.path, 'home')
  await tallLedger(home)
  const text = await readFile(join(home, 'tenant', segment), 'utf8')
  const alterations = [
    (whole: string) => whole.replace('process 3', 'process 4'),
    (whole: string) => whole.replace('process 749', 'process 750'),
    (whole: string) => whole.replace('\n', ' '),
    (whole: string) => whole.replace('"v":1', '"v":2'),
    (whole: string) => whole.split('\n').toSpliced(5, 1).join('\n'),
    (whole: string) => whole.split('\n').toSpliced(700, 2).join('\n'),
  ]
  for (const [i, alter] of alterations.entries()) {
    for (const lost of ['saved.json', 'hashes-0']) {
      const copy = join(dir.path, 'copy')
      await cp(home, copy, { recursive: true })
      await rm(join(copy, 'tenant', lost))
      await writeFile(join(copy, 'tenant', segment), alter(text))
      await assert.rejects(openSampleLedger(copy), behind, `alteration ${i} without ${lost}`)
      assert.equal(await readFile(join(copy, 'tenant', segment), 'utf8'), alter(text))
      await rm(copy, { recursive: true })
    }
  }
})

test('lines altered after the last checkpoint were acknowledged all the same: they are not taken for torn', async () => {
  await using dir = await temporary()
  await tallLedger(dir.path, false)
  const path = join(dir.path, 'tenant', segment)
  const text = await readFile(path, 'utf8')
  await writeFile(path, text.replace('process 3', 'process 4'))
  await assert.rejects(openSampleLedger(dir.path), behind)
  assert.equal((await readFile(path, 'utf8')).length, text.length)
})

test('a checkpoint by another key, or of nothing, does not pass for the last one signed', async () => {
  await using dir = await temporary()
  await tallLedger(dir.path)
  const path = join(dir.path, 'tenant', 'checkpoint')
  const note = await readFile(path, 'utf8')
  const other = createNoteSigner(origins.tenant, sampleSigner(0xbb)).sign(`${note.split('\n\n')[0]}\n`)
  for (const text of [other, note.replace(/\n\d+\n/, '\n5\n'), '']) {
    await writeFile(path, text)
    await assert.rejects(openSampleLedger(dir.path), { code: 'LEDGER_BEHIND', kind: 'fatal' })
  }
})

test('two processes on one ledger: the second that signs is stopped, from its first signature on', async () => {
  await using dir = await temporary()
  const first = await openSampleLedger(dir.path)
  await first.checkpoint()
  await first.close()
  const [one, two] = [await openSampleLedger(dir.path), await openSampleLedger(dir.path)]
  await one.append({ own: { event: { message: 'one' } } })
  await one.checkpoint()
  const signed = await readFile(join(dir.path, 'tenant', 'checkpoint'), 'utf8')
  await two.append({ own: { event: { message: 'two' } } })
  await assert.rejects(two.checkpoint(), { code: 'LEDGER_FORKED', kind: 'fatal' })
  assert.equal(await readFile(join(dir.path, 'tenant', 'checkpoint'), 'utf8'), signed)
  await one.close()
  await two.close()
})

test('saved.json that goes back, goes away or forks is noticed before anything is signed', async () => {
  await using dir = await temporary()
  const ledger = await openSampleLedger(dir.path)
  await ledger.checkpoint()
  const path = join(dir.path, 'tenant', 'saved.json')
  const saved = await readFile(path, 'utf8')
  await ledger.append({ own: { event: { message: 'more' } } })
  for (const text of [saved.replace(/"root":"./, '"root":"g'), saved.replace('"size":1', '"size":9'), '']) {
    await writeFile(path, text)
    await assert.rejects(ledger.checkpoint(), { code: 'LEDGER_FORKED' })
  }
  await writeFile(path, saved)
  assert.equal((await ledger.checkpoint()).size, 2)
  await ledger.close()
})

test('ING-1 the last line about keys is known when the ledger opens again, saved or not, and from files of before', async () => {
  await using dir = await temporary()
  const key = {
    algorithm: 'ed25519',
    host_id: 'host-1',
    key_id: 'a'.repeat(64),
    public_key: 'b'.repeat(64),
    valid_from: '2026-01-01T00:00:00.000000000Z',
    valid_until: null,
  } as const
  const ledger = await openSampleLedger(dir.path)
  assert.equal(ledger.registry, 0)
  await Promise.all([{ event: { n: 1 } }, { key }, { event: { n: 2 } }].map((own) => ledger.append({ own })))
  assert.equal(ledger.registry, 2)
  await ledger.checkpoint()
  await ledger.append({ own: { event: { n: 3 } } })
  await ledger.close()
  const path = join(dir.path, 'tenant', 'saved.json')
  const saved = JSON.parse(await readFile(path, 'utf8'))
  assert.deepEqual([saved.registry, saved.keyLines], [2, 1])
  const { registry: _, ...before } = saved
  const { keyLines: __, ...uncounted } = saved
  for (const text of [JSON.stringify(saved), JSON.stringify(before), JSON.stringify(uncounted), '']) {
    await writeFile(path, text)
    const again = await openSampleLedger(dir.path)
    assert.deepEqual([again.registry, again.keyLines], [2, 1])
    await again.close()
  }
})

test('a full disk refuses what it cannot hold, keeps what was there, and the ledger goes on', async () => {
  for (const part of ['.ndjson', '/side']) {
    await using dir = await temporary()
    const disk = createFaultyDisk()
    const ledger = await openSampleLedger(dir.path, 'tenant', disk)
    const host = sampleHost(1)
    const side = (seq: number) => new Map([[seq, Buffer.from('x')]])
    const [first, second, third] = [host.batch(1), host.batch(1), host.batch(1)]
    await ledger.append(host.verified(first), side(1))
    const before = ledger.position(host.chain)
    disk.fail(part)
    const refused = [ledger.append(host.verified(second), side(3)), ledger.append(host.verified(third), side(5))]
    for (const append of refused) await assert.rejects(append, { code: 'DISK_FULL' })
    assert.deepEqual([ledger.position(host.chain), ledger.size], [before, 4])
    disk.fail(undefined)
    await ledger.append(host.verified(second), side(3))
    await ledger.append(host.verified(third), side(5))
    await assertSound(ledger)
    assert.equal((await sideOf(ledger)).length, 3)
    await ledger.close()
    const again = await openSampleLedger(dir.path)
    assert.equal(again.size, 8)
    await again.close()
  }
})

test('a full disk while signing signs nothing, and signing resumes', async () => {
  await using dir = await temporary()
  const disk = createFaultyDisk()
  const ledger = await openSampleLedger(dir.path, 'tenant', disk)
  for (const part of ['saved.json', 'checkpoint']) {
    await ledger.append({ own: { event: { message: part } } })
    const { signed } = ledger
    disk.fail(part)
    await assert.rejects(ledger.checkpoint(), { code: 'DISK_FULL' })
    assert.equal(ledger.signed, signed)
    disk.fail(undefined)
    assert.equal((await ledger.checkpoint()).size, ledger.size)
  }
  await ledger.close()
})

test('a write whose outcome is unknown stops the ledger: it takes nothing more', async () => {
  await using dir = await temporary()
  const disk = createFaultyDisk()
  const ledger = await openSampleLedger(dir.path, 'tenant', disk)
  disk.fail('.ndjson', 'DISK_FAILED')
  await assert.rejects(ledger.append({ own: { event: {} } }), { code: 'DISK_FAILED', kind: 'fatal' })
  disk.fail(undefined)
  await assert.rejects(ledger.append({ own: { event: {} } }), { code: 'DISK_FAILED' })
  await ledger.close()
  const again = await openSampleLedger(dir.path)
  assert.equal(again.size, 1)
  await again.close()
})

test('a ledger can be read from any leaf on, in pieces of any size', async () => {
  await using dir = await temporary()
  const lines = await tallLedger(dir.path)
  const ledger = await openSampleLedger(dir.path)
  for (const from of [0, 1, 255, 256, 257, 511, 512, lines.length - 1]) {
    for (const max of [1, 3, 256, 1000]) {
      const leaves = await ledger.read(from, max)
      assert.ok(leaves.length > 0 && leaves.length <= max)
      for (const [i, { index, line }] of leaves.entries()) {
        assert.equal(index, from + i)
        assert.ok(Buffer.from(line).equals(lines[index] as Buffer))
      }
    }
  }
  await ledger.close()
})

test('what waits for something else has its place at once, and where that fails nothing of its write is there', async () => {
  await using dir = await temporary()
  const ledger = await openSampleLedger(dir.path)
  const chain = 'ab'.repeat(16)
  const stub = (first_seq: number) => ({
    own: { stub: { chain, first_seq, next_seq: first_seq + 5, reason: 'unknown_key', item: 'cd'.repeat(32) } },
  })
  const kept = Promise.withResolvers<void>()
  const both = [ledger.append(stub(0), undefined, kept.promise), ledger.append(stub(5))]
  assert.deepEqual([ledger.position(chain).nextSeq, ledger.size], [10, 1])
  kept.resolve()
  assert.deepEqual(await Promise.all(both), [
    { first: 1, next: 2 },
    { first: 2, next: 3 },
  ])
  const failed = [
    ledger.append(stub(10), undefined, Promise.reject(new RangeError('no room beside it'))),
    ledger.append(stub(15)),
  ]
  for (const append of failed) await assert.rejects(append, /no room beside it/)
  assert.deepEqual([ledger.position(chain).nextSeq, ledger.size], [10, 3])
  assert.deepEqual(await ledger.append(stub(10)), { first: 3, next: 4 })
  await assertSound(ledger)
  await ledger.close()
})
