// SPDX-License-Identifier: Apache-2.0
// Forward security of a host's chain (chain.md, 5 and 6): what a crash may leave, and what root can do who comes later.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cp, readdir, readFile, rm, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { test } from 'node:test'
import { type AppendFile, type Clock, canonicalize, type Disk, diskErrors, errorsOf, systemDisk } from '@sealwatch/base'
import { type Ed25519Signer, signerOfKept, verifyEd25519 } from '@sealwatch/keys'
import { ndjson, sampleEvent, sampleHost, sampleSigner, temporary, tickingClock } from '../../test/sample.ts'
import { createNoteSigner } from '../note-signer.ts'
import { sha256 } from '../sha256.ts'
import { linkBatch, verifyBatch } from '../verify/batch.ts'
import { type ChainPosition, chainStart, skipStub } from '../verify/chain.ts'
import { epochKeyName, headText, headTextV2, hostKeyName } from '../verify/head.ts'
import type { Line } from '../verify/line.ts'
import { leafHash } from '../verify/merkle.ts'
import { type ChainOptions, openChain } from './chain.ts'
import { sealLine } from './seal.ts'
import { type DirectoryChecks, verifyChainDirectory } from './verify-directory.ts'

const signer = sampleSigner(1)
const hostKey = signer.publicKey
const events = (from: number, count: number) => Array.from({ length: count }, (_, i) => sampleEvent(from + i))
const verify = (dir: string, checks: DirectoryChecks = {}) =>
  verifyChainDirectory(dir, { hostKey, tenant: 'default', ...checks })

const open = (dir: string, options: Partial<ChainOptions> = {}) =>
  openChain({
    dir,
    tenant: 'default',
    signer,
    clock: tickingClock(),
    disk: systemDisk,
    segmentBytesMax: 1_000_000,
    totalBytesMax: 10_000_000,
    epochMax: { lines: 1_000, ageMs: 1_000_000 },
    ...options,
  })

async function linesIn(dir: string): Promise<Line[]> {
  const files = (await readdir(dir)).filter((name) => name.endsWith('.ndjson')).sort()
  const texts = await Promise.all(files.map((file) => readFile(join(dir, file), 'utf8')))
  return texts.flatMap((text) =>
    text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Line),
  )
}
const kindOf = (line: Line) => Object.keys(line).find((member) => !'chain epoch prev seq time v'.includes(member))

/** Epochs for which a private key lies in the directory, by the public keys that the chain names. */
async function keysLeft(dir: string): Promise<number[]> {
  const named = new Map<string, number>()
  for (const line of await linesIn(dir)) {
    if ('anchor' in line) named.set(line.anchor.epoch_key as string, line.epoch)
    if ('close' in line) named.set(line.close.next_key, line.epoch + 1)
  }
  const left: number[] = []
  for (const name of ['epoch-0.key', 'epoch-1.key']) {
    const key = signerOfKept(await readFile(join(dir, name)).catch(() => Buffer.alloc(0)))
    const epoch = key && named.get(key.publicKey.toHex())
    if (epoch !== undefined) left.push(epoch)
  }
  return left
}

test('an epoch ends in a close and a head under its own key, and its key is destroyed', async () => {
  await using dir = await temporary()
  const chain = await open(dir.path)
  await chain.seal(events(0, 2), { era: 'a' })
  assert.deepEqual(await keysLeft(dir.path), [0])
  await chain.closeEpoch()
  assert.deepEqual(await keysLeft(dir.path), [1])
  await chain.closeEpoch({ era: 'b' })
  await chain.acknowledge(4, sampleNote)
  await chain.seal(events(2, 1))
  await chain.closeEpoch()
  const lines = await linesIn(dir.path)
  assert.deepEqual(
    lines.map((line) => [line.epoch, kindOf(line)]),
    [
      [0, 'anchor'],
      [0, 'event'],
      [0, 'event'],
      [0, 'head'],
      [0, 'close'],
      [0, 'head'],
      [1, 'close'],
      [1, 'head'],
      [2, 'event'],
      [2, 'head'],
      [2, 'close'],
      [2, 'head'],
    ],
  )
  const closes = lines.flatMap((line) => ('close' in line ? [line.close] : []))
  assert.deepEqual(
    closes.map(({ first_seq, lines: count, acknowledged }) => [first_seq, count, acknowledged]),
    [
      [0, 4, { next_seq: 0, checkpoint: null }],
      [6, 0, { next_seq: 0, checkpoint: null }],
      [8, 2, { next_seq: 4, checkpoint: sampleNote }],
    ],
  )
  await chain.close()
  assert.deepEqual(await verify(dir.path), {
    ok: true,
    problem: undefined,
    chain: chain.id,
    tenant: 'default',
    keyId: signer.keyId,
    files: 1,
    lines: 12,
    firstSeq: 0,
    nextSeq: 12,
    heads: 5,
    headsOfHost: 5,
    unsealed: 0,
    epochs: { closed: 3, sealedBefore: 12, open: 3 },
    acknowledged: { nextSeq: 4, checkpoint: sampleNote },
    end: 'matches',
  })
})

const sampleNote = createNoteSigner('log', sampleSigner(9)).sign('log\n1\nAAAA\n')

test('an epoch is closed by the append that fills it, or that finds it old', async () => {
  await using dir = await temporary()
  let ns = 0n
  const ticking = tickingClock()
  const clock: Clock = { ...ticking, monotonicNs: () => ns }
  const chain = await open(join(dir.path, 'a'), { clock, epochMax: { lines: 5, ageMs: 10 } })
  assert.equal(chain.epochDueNs, undefined)
  await chain.seal(events(0, 1))
  assert.equal(chain.epochDueNs, 10_000_000n)
  assert.equal(chain.position.epoch?.number, 0)
  await chain.seal(events(1, 2))
  assert.deepEqual([chain.position.epoch?.number, chain.epochDueNs], [1, undefined])
  await chain.seal(events(3, 1))
  ns = 9_999_999n
  await chain.seal(events(4, 1))
  assert.equal(chain.position.epoch?.number, 1)
  ns = 10_000_000n
  await chain.seal(events(5, 1))
  assert.equal(chain.position.epoch?.number, 2)
  await chain.close()
  const again = await open(join(dir.path, 'a'), { clock })
  assert.deepEqual([again.position, again.epochDueNs], [chain.position, undefined])
  await again.seal(events(6, 1))
  await again.close()
  const third = await open(join(dir.path, 'a'), { clock, epochMax: { lines: 5, ageMs: 10 } })
  assert.equal(third.epochDueNs, ns + 10_000_000n, 'of an epoch that a stop left open')
  await third.close()
  assert.equal((await verify(join(dir.path, 'a'))).problem, undefined)
})

class Crash extends Error {}

/** The real disk, until step `at`, which is not done, or (`done`) is the last that is. */
function crashingDisk(at: number, isDone: boolean): Disk & AsyncDisposable {
  const files: AppendFile[] = []
  let steps = 0
  const step = async <T>(work: () => Promise<T>): Promise<T> => {
    steps += 1
    if (steps > at || (steps === at && !isDone)) throw new Crash()
    const result = await work()
    if (steps === at) throw new Crash()
    return result
  }
  return {
    ...systemDisk,
    [Symbol.asyncDispose]: async () => {
      for (const file of files) await file.close()
    },
    replace: (path, data, mode) => step(() => systemDisk.replace(path, data, mode)),
    overwrite: (path, data) => step(() => systemDisk.overwrite(path, data)),
    remove: (path) => step(() => systemDisk.remove(path)),
    openAppend: async (...given) => {
      const file = await systemDisk.openAppend(...given)
      files.push(file)
      return {
        path: file.path,
        get size() {
          return file.size
        },
        append: (chunks) => step(() => file.append(chunks)),
        truncate: (size) => step(() => file.truncate(size)),
        close: async () => undefined,
      }
    },
  }
}

test('LOG-3: a crash at any durable step leaves a chain that goes on, with the key of its open epoch and no other', async () => {
  for (const segmentBytesMax of [1, 1_000_000]) {
    let isOver = false
    for (let at = 1; !isOver; at += 1) {
      for (const isDone of [false, true]) {
        await using dir = await temporary()
        await using disk = crashingDisk(at, isDone)
        let sealed = 0
        let closed = 0
        const play = async () => {
          const chain = await open(dir.path, { disk, segmentBytesMax, epochMax: { lines: 8, ageMs: 1_000_000 } })
          for (let i = 0; i < 4; i += 1) {
            await chain.seal(events(sealed, 2))
            sealed += 2
            await chain.acknowledge(i + 1)
            await chain.closeEpoch()
            closed = chain.position.epoch?.number ?? 0
          }
          await chain.close()
        }
        try {
          await play()
          isOver = true
        } catch (error) {
          assert.ok(error instanceof Crash, String(error))
        }
        const again = await open(dir.path, { segmentBytesMax })
        const where = `crash at step ${at}${isDone ? ', done' : ''}`
        assert.equal(again.replacesDamaged, false, where)
        assert.ok((again.position.epoch?.number ?? 0) >= closed, where)
        await again.seal(events(sealed, 1))
        const { number = 0 } = again.position.epoch ?? {}
        assert.deepEqual(await keysLeft(dir.path), [number], where)
        const report = await verify(dir.path)
        assert.equal(report.problem, undefined, where)
        await again.closeEpoch()
        await again.close()
        assert.deepEqual(await keysLeft(dir.path), [number + 1], where)
        assert.equal((await verify(dir.path)).problem, undefined, where)
        const messages = (await linesIn(dir.path)).filter((line) => 'event' in line).length
        assert.ok(messages > sealed && messages <= sealed + 3, `${where}: ${messages} of ${sealed}`)
      }
    }
  }
})

test('a full disk closes no epoch, and the same chain goes on', async () => {
  await using dir = await temporary()
  let isFull = false
  const disk: Disk = {
    ...systemDisk,
    overwrite: async (path, data) => {
      if (isFull) throw errorsOf(diskErrors)('DISK_FULL', { attempted: `writing over ${path}` })
      await systemDisk.overwrite(path, data)
    },
  }
  const chain = await open(dir.path, { disk })
  await chain.seal(events(0, 1))
  const before = chain.position
  isFull = true
  await assert.rejects(chain.closeEpoch(), { code: 'DISK_FULL' })
  assert.deepEqual(chain.position, before)
  await chain.seal(events(1, 1))
  isFull = false
  await chain.closeEpoch()
  await chain.close()
  assert.equal((await verify(dir.path)).problem, undefined)
})

test('LOG-6: a disk that really fills up, at any point of an append or a close', {
  skip: process.getuid?.() !== 0 && 'needs root, to mount a small disk',
}, async () => {
  await using dir = await temporary()
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', dir.path])
  try {
    const path = join(dir.path, 'chain')
    const chain = await open(path, { segmentBytesMax: 20_000 })
    const filler = join(dir.path, 'filler')
    let sealed = 0
    let refused = 0
    for (let round = 0; round < 12; round += 1) {
      await writeFile(filler, '')
      const { bavail, bsize } = await statfs(dir.path)
      // From round to round another number of pages is left.
      await writeFile(filler, Buffer.alloc(Math.max(0, bavail - (round % 4)) * bsize))
      for (let i = 0; i < 4; i += 1) {
        const before = chain.position
        try {
          if (i % 2 === 0) await chain.seal(events(sealed, 3))
          else await chain.closeEpoch()
          if (i % 2 === 0) sealed += 3
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'DISK_FULL')
          assert.deepEqual(chain.position, before)
          refused += 1
        }
      }
      await rm(filler)
      await chain.seal(events(sealed, 3))
      sealed += 3
      assert.equal((await verify(path)).problem, undefined, `round ${round}`)
    }
    assert.ok(refused > 0)
    await chain.close()
    const again = await open(path)
    assert.equal(again.replacesDamaged, false)
    await again.close()
    assert.equal((await linesIn(path)).filter((line) => 'event' in line).length, sealed)
  } finally {
    execFileSync('umount', [dir.path])
  }
})

/** A chain of five closed epochs and an open one, as it lies there when root comes. */
async function atTimeT(path: string, options: Partial<ChainOptions> = {}): Promise<void> {
  const chain = await open(path, options)
  for (let i = 0; i < 5; i += 1) {
    await chain.seal(events(2 * i, 2), { era: `${i}` })
    await chain.closeEpoch()
  }
  await chain.seal(events(10, 2))
  await chain.close()
}

const first = '0000000000000000.ndjson'

/** All that root has who comes at time T: the host's key, the key of the open epoch, and every file. */
async function resign(path: string, lines: readonly Line[], from = 0): Promise<void> {
  const kept = await Promise.all(['epoch-0.key', 'epoch-1.key'].map((name) => readFile(join(path, name))))
  const epochKey = kept.map(signerOfKept).find((key): key is Ed25519Signer => key !== undefined) as Ed25519Signer
  const host = createNoteSigner(hostKeyName(signer.keyId), signer)
  let prev = '0'.repeat(64)
  const texts = lines.map((line, seq) => {
    if (seq < from) return sealed(line)
    const { chain, epoch, time, v, ...body } = { ...line, prev }
    const place = { chain, epoch, time, prev, seq }
    const own = createNoteSigner(epochKeyName(chain, epoch), epochKey)
    if ('head' in body) {
      const text = headTextV2(sha256, place, body.head.sensor)
      Object.assign(body, { head: { ...body.head, note: host.sign(text) + own.signature(text) } })
    }
    const text = canonicalize({ ...body, chain, epoch, prev, seq, time, v })
    prev = tipOf(text)
    return text
  })
  function sealed(line: Line): string {
    const text = canonicalize(line)
    prev = tipOf(text)
    return text
  }
  await writeFile(join(path, first), `${texts.join('\n')}\n`)
}

test('root at time T cannot alter, drop or cut what was closed before T without the verifier saying so', async () => {
  await using dir = await temporary()
  const source = join(dir.path, 'source')
  await atTimeT(source)
  const lines = await linesIn(source)
  const lastClosed = lines.findLastIndex((line) => 'close' in line) + 1
  let copies = 0
  const tampered = async (harm: (path: string) => Promise<void>, checks?: DirectoryChecks) => {
    const path = join(dir.path, `copy-${copies++}`)
    await cp(source, path, { recursive: true })
    await harm(path)
    const { ok, problem } = await verify(path, checks)
    assert.equal(ok, problem === undefined)
    if (!ok) {
      const again = await open(path)
      const isTaken = !again.replacesDamaged
      await again.close()
      assert.ok(!isTaken, 'and the agent does not go on with it')
    }
    return problem?.code
  }
  assert.equal(await tampered(async () => undefined), undefined)

  for (let at = 0; at <= lastClosed; at += 1) {
    if ('event' in (lines[at] as Line)) {
      const altered = lines.map((line, i) => (i === at ? { ...line, event: { message: 'nothing was here' } } : line))
      assert.equal(await tampered((path) => resign(path, altered as Line[])), 'HEAD_UNVERIFIED', `line ${at} altered`)
      const without = lines.toSpliced(at, 1)
      assert.notEqual(await tampered((path) => resign(path, without)), undefined, `line ${at} dropped`)
    }
    const isHead = 'head' in (lines[at] as Line)
    if (isHead && at < lastClosed)
      assert.equal(await tampered((path) => cutTo(path, at + 1)), 'CHAIN_CUT', `cut behind line ${at}`)
  }
  // An epoch of one's own in the place of one that was closed: its key is not the one that the close before it names.
  const renamed = lines.map((line) => ('close' in line && line.epoch === 2 ? { ...line, close: ownKey(line) } : line))
  assert.equal(await tampered((path) => resign(path, renamed)), 'HEAD_UNVERIFIED')
  const readTime = lines.map((line, i) => (i === 3 ? { ...line, time: '2020-01-01T00:00:00.000000000Z' } : line))
  assert.equal(await tampered((path) => resign(path, readTime)), 'HEAD_UNVERIFIED', "the time of a head's own line")

  for (const key of ['epoch-0.key', 'epoch-1.key']) {
    const isOpen = signerOfKept(await readFile(join(source, key))) !== undefined
    const code = await tampered((path) => rm(join(path, key)))
    assert.equal(code, isOpen ? 'CHAIN_CUT' : undefined, `${key} deleted`)
  }
  const foreign = join(dir.path, 'foreign')
  await atTimeT(foreign)
  for (const key of ['epoch-0.key', 'epoch-1.key'])
    assert.equal(
      await tampered(async (path) => {
        await rm(join(path, 'epoch-0.key'))
        await rm(join(path, 'epoch-1.key'))
        await cp(join(foreign, key), join(path, key))
      }),
      'CHAIN_CUT',
      'the key of another chain',
    )

  async function cutTo(path: string, count: number): Promise<void> {
    const text = await readFile(join(path, first), 'utf8')
    await writeFile(join(path, first), `${text.split('\n').slice(0, count).join('\n')}\n`)
  }
  function ownKey(line: Extract<Line, { close: unknown }>) {
    return { ...line.close, next_key: sampleSigner(7).publicKey.toHex() }
  }
})

test('the limit: lines of the open epoch, and everything at once put back, are for the server to see', async () => {
  await using dir = await temporary()
  const path = join(dir.path, 'chain')
  await atTimeT(path)
  const older = join(dir.path, 'older')
  await cp(path, older, { recursive: true })
  const lines = await linesIn(path)
  const from = lines.findLastIndex((line) => 'close' in line) + 2
  assert.ok('event' in (lines[from] as Line))
  await resign(path, lines.with(from, { ...(lines[from] as Line), event: { message: 'x' } } as Line), from)
  assert.equal((await verify(path)).ok, true, 'its key lies there')
  const chain = await open(path)
  await chain.closeEpoch()
  await chain.close()
  assert.equal((await verify(older)).ok, true, 'a copy of it all, keys included, is whole')
  for (const key of ['epoch-0.key', 'epoch-1.key']) await cp(join(older, key), join(path, key))
  assert.equal((await verify(path)).problem?.code, 'CHAIN_CUT', 'older keys beside newer lines are not')
})

test('LOG-7: a chain verifies while it is written on, epoch after epoch and file after file', async () => {
  await using dir = await temporary()
  const chain = await open(dir.path, {
    segmentBytesMax: 50_000,
    totalBytesMax: 1_000_000_000,
    epochMax: { lines: 40, ageMs: 1_000_000 },
  })
  let isOver = false
  let sealed = 1
  await chain.seal(events(0, 1))
  const writing = (async () => {
    for (; !isOver; sealed += 1) await chain.seal(events(sealed, 1))
  })()
  try {
    for (let closed = 0; closed < 10; ) {
      const { problem, end, epochs } = await verify(dir.path)
      assert.deepEqual([problem, end], [undefined, 'matches'])
      assert.ok(epochs.closed >= closed)
      closed = epochs.closed
    }
  } finally {
    isOver = true
    await writing
    await chain.close()
  }
  assert.equal((await verify(dir.path)).nextSeq, chain.position.nextSeq)
})

test('files of another tenant, or of another chain, are not taken for those of this one', async () => {
  await using dir = await temporary()
  const [a, b] = [join(dir.path, 'a'), join(dir.path, 'b')]
  const options = { segmentBytesMax: 1 }
  await atTimeT(a, options)
  await atTimeT(b, { ...options, tenant: 'other' })
  assert.equal((await verify(b, { tenant: 'other' })).ok, true)
  assert.equal((await verify(b)).problem?.code, 'CHAIN_MOVED')
  const swapped = await open(b)
  assert.equal(swapped.replacesDamaged, true)
  await swapped.close()
  const files = (await readdir(a)).filter((name) => name.endsWith('.ndjson')).sort()
  await cp(join(a, files[0] as string), join(a, files[2] as string))
  assert.equal((await verify(a)).problem?.code, 'CHAIN_MOVED')
  assert.equal((await verify(join(dir.path))).problem?.code, 'CHAIN_CUT', 'no chain at all')
})

test('files that the server has may go, and then the anchor says where the chain stands; no others may', async () => {
  await using dir = await temporary()
  const chain = await open(dir.path, { segmentBytesMax: 1 })
  for (let i = 0; i < 4; i += 1) await chain.seal(events(i, 1))
  await chain.acknowledge(3)
  await chain.closeEpoch()
  const { position } = chain
  await chain.close()
  const files = (await readdir(dir.path)).filter((name) => name.endsWith('.ndjson')).sort()
  await rm(join(dir.path, files[0] as string))
  const report = await verify(dir.path)
  assert.deepEqual([report.problem, report.firstSeq, report.end], [undefined, 3, 'matches'])
  const again = await open(dir.path, { segmentBytesMax: 1 })
  assert.deepEqual(again.position, position)
  await again.closeEpoch()
  await again.close()
  assert.equal((await verify(dir.path)).ok, true)
  await rm(join(dir.path, files[1] as string))
  assert.equal((await verify(dir.path)).problem?.code, 'CHAIN_CUT', 'the server had not said that it has those')
})

test('room is made only of what a close says to be acknowledged', async () => {
  await using dir = await temporary()
  const chain = await open(dir.path, { segmentBytesMax: 1, totalBytesMax: 12_000 })
  let sealed = 0
  const seal = async () => {
    await chain.seal(events(sealed, 1))
    sealed += 1
  }
  while (chain.bytes < 12_000) await seal()
  await assert.rejects(seal(), { code: 'CHAIN_FULL' })
  await chain.acknowledge(6)
  await seal()
  const report = await verify(dir.path)
  assert.deepEqual([report.problem, report.firstSeq > 0, report.acknowledged.nextSeq], [undefined, true, 6])
  await chain.close()
})

test('a chain of version 1 goes on in a new file, with epochs from there on', async () => {
  await using dir = await temporary()
  const host = sampleHost(1)
  const [a, b] = [host.batch(2), host.batch(1)]
  await writeFile(join(dir.path, first), Buffer.concat([a.lines, b.lines]))
  assert.deepEqual((await verify(dir.path)).epochs, { closed: 0, open: null, sealedBefore: 0 })
  const chain = await open(dir.path)
  assert.deepEqual([chain.replacesDamaged, chain.id, chain.position], [false, host.chain, host.position])
  await chain.seal(events(3, 1))
  await chain.closeEpoch()
  await chain.close()
  const lines = await linesIn(dir.path)
  assert.deepEqual(
    lines.map(({ v }) => v),
    [1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2].slice(0, lines.length),
  )
  const report = await verify(dir.path)
  assert.deepEqual([report.problem, report.files, report.epochs.open], [undefined, 2, 1])
  // And there is no way back.
  const last = lines.at(-1) as Line
  const back = sealLine(host.chain, { nextSeq: last.seq + 1, tip: tipOf(await readLast(dir.path)) }, 0n, { event: {} })
  const note = createNoteSigner(hostKeyName(signer.keyId), signer).sign(headText(host.chain, back.seq + 1, back.hash))
  const head = sealLine(host.chain, { nextSeq: back.seq + 1, tip: back.hash }, 0n, { head: { note } })
  const newest = (await readdir(dir.path))
    .filter((name) => name.endsWith('.ndjson'))
    .sort()
    .at(-1) as string
  await writeFile(join(dir.path, newest), ndjson([back, head]), { flag: 'a' })
  assert.equal((await verify(dir.path)).problem?.code, 'CHAIN_BROKEN')
})

test('LOG-4: a chain rewritten as version 1, which no epoch sealed, is not taken for an old one', async () => {
  await using dir = await temporary()
  await atTimeT(dir.path)
  const host = sampleHost(1)
  await writeFile(join(dir.path, first), host.batch(2).lines)
  const { ok, problem } = await verify(dir.path)
  assert.deepEqual([ok, problem?.code], [false, 'CHAIN_CUT'])
  assert.equal((await verify(dir.path, { withoutKeys: true })).ok, true, 'the files alone do not show it')
  const chain = await open(dir.path)
  await chain.close()
  assert.equal(chain.replacesDamaged, true, 'and the agent does not go on with it')
})

test('a crash before the first line of version 2 leaves a chain of version 1 that goes on', async () => {
  await using dir = await temporary()
  const host = sampleHost(1)
  await writeFile(join(dir.path, first), host.batch(2).lines)
  await (await open(dir.path)).close()
  assert.equal((await verify(dir.path)).problem, undefined)
  const chain = await open(dir.path)
  await chain.close()
  assert.deepEqual([chain.replacesDamaged, chain.id], [false, host.chain])
})

async function readLast(dir: string): Promise<string> {
  const newest = (await readdir(dir))
    .filter((name) => name.endsWith('.ndjson'))
    .sort()
    .at(-1) as string
  return (await readFile(join(dir, newest), 'utf8')).split('\n').at(-2) as string
}
const tipOf = (text: string) => leafHash(sha256, Buffer.from(text)).toHex()

test('LOG-4: a server that has seen an epoch begin takes no head of it by another key, whatever the host key signs', async () => {
  await using dir = await temporary()
  await atTimeT(dir.path)
  const key = {
    algorithm: 'ed25519',
    host_id: 'h',
    key_id: signer.keyId,
    public_key: hostKey.toHex(),
    valid_from: '',
    valid_until: null,
  } as const
  const lines = await linesIn(dir.path)
  const batches = async () => {
    const found: Uint8Array[] = []
    const texts = (await readFile(join(dir.path, first), 'utf8')).split('\n').slice(0, -1)
    for (let from = 0, at = 0; at < texts.length; at += 1) {
      if (!('head' in (JSON.parse(texts[at] as string) as Line))) continue
      found.push(Buffer.from(`${texts.slice(from, at + 1).join('\n')}\n`))
      from = at + 1
    }
    return found
  }
  const honest = await batches()
  const chain = lines[0]?.chain as string
  const judge = (batch: Uint8Array, position: ChainPosition) =>
    verifyBatch(sha256, verifyEd25519, linkBatch(sha256, { chain, lines: batch }, position, 1_024), key)
  // The server has all but the last three batches when root comes, who signs those again with every key that is left.
  const from = honest.length - 3
  const position = honest.slice(0, from).reduce((at, batch) => judge(batch, at).end, chainStart)
  assert.ok((position.epoch?.number ?? 0) > 0)
  await resign(dir.path, lines, position.nextSeq)
  const forged = await batches()
  assert.throws(() => judge(forged[from] as Uint8Array, position), { code: 'HEAD_UNVERIFIED' })
  assert.ok(judge(honest[from] as Uint8Array, position))
  // Behind a stub the epoch's key still counts, unless the epoch moved on where nobody saw it.
  const head = lines[position.nextSeq - 1] as Line
  const stub = {
    chain,
    first_seq: position.nextSeq - 1,
    next_seq: position.nextSeq,
    reason: 'r',
    item: '00'.repeat(32),
  }
  const behind = skipStub({ ...position, nextSeq: head.seq }, stub, 'testing')
  assert.throws(() => judge(forged[from] as Uint8Array, behind), { code: 'HEAD_UNVERIFIED' })
  assert.ok(judge(honest[from] as Uint8Array, behind))
})
