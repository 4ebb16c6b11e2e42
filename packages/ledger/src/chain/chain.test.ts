// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { cp, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Disk, systemDisk } from '@sealwatch/base'
import { limits } from '@sealwatch/contract'
import { verifyEd25519 } from '@sealwatch/keys'
import { createFaultyDisk } from '../../test/faulty-disk.ts'
import { sampleEvent, sampleSigner, temporary, tickingClock } from '../../test/sample.ts'
import { sha256 } from '../sha256.ts'
import { linkBatch, verifyBatch } from '../verify/batch.ts'
import { chainStart } from '../verify/chain.ts'
import type { KeyRecord, Line } from '../verify/line.ts'
import { openSide } from '../verify/personal.ts'
import { type Chain, type ChainOptions, openChain } from './chain.ts'

const signer = sampleSigner(1)
const key: KeyRecord = {
  algorithm: 'ed25519',
  host_id: 'h',
  key_id: signer.keyId,
  public_key: signer.publicKey.toHex(),
  valid_from: '2026-11-21T00:00:00.000000000Z',
  valid_until: null,
}

const open = (dir: string, options: Partial<ChainOptions> = {}) =>
  openChain({
    dir,
    tenant: 'default',
    signer,
    clock: tickingClock(),
    disk: systemDisk,
    segmentBytesMax: 1_000_000,
    totalBytesMax: 10_000_000,
    ...options,
  })

const events = (from: number, count: number) => Array.from({ length: count }, (_, i) => sampleEvent(from + i))

type Shipped = { messages: string[]; lines: Line[] }

/**
 * What a server would see: every batch from `from` on, verified, with its personal values but for lines before
 * `forgotten`; the events' messages.
 */
async function shipAll(chain: Chain, from = 0, start = chainStart, forgotten = 0): Promise<Shipped> {
  const messages: string[] = []
  const lines: Line[] = []
  let position = start
  for (let seq = from; seq < chain.position.nextSeq; seq = position.nextSeq) {
    const batch = await chain.readBatch(seq)
    assert.ok(batch !== undefined, `a batch at ${seq}`)
    const linked = linkBatch(sha256, batch, position, limits.batchLinesMax)
    verifyBatch(sha256, verifyEd25519, linked, key)
    assert.equal(linked.count, batch.count)
    position = linked.end
    const side = new Map(batch.side.map(({ seq: at, values }) => [at, Buffer.from(values).toString()]))
    for (let i = 0; i < linked.count; i += 1) {
      const { line } = linked.lineAt(i)
      lines.push(line)
      if (!('event' in line)) continue
      const message = line.event.message as string
      messages.push(message)
      if (line.seq < forgotten) continue
      const opened = openSide(sha256, line, side.get(line.seq) ?? '', 'testing')
      assert.equal(opened['/event/actor/user/name']?.value, message.replace('process ', 'user-'))
      side.delete(line.seq)
    }
    assert.equal(side.size, 0, 'values without a line')
  }
  assert.deepEqual(position, chain.position)
  return { messages, lines }
}

const messagesOf = async (chain: Chain) => (await shipAll(chain)).messages
const processes = (count: number) => Array.from({ length: count }, (_, i) => `process ${i}`)

test('what is sealed is there again after a restart, and goes on', async () => {
  await using dir = await temporary()
  const path = join(dir.path, 'chain')
  const first = await open(path)
  assert.deepEqual([first.position, first.shipped, first.sensor, first.bytes], [chainStart, 0, undefined, 0])
  await first.seal(events(0, 2), { era: 'a' })
  await first.seal(events(2, 1))
  const { id, position, bytes } = first
  await first.close()
  const second = await open(path)
  assert.deepEqual([second.id, second.position, second.bytes, second.sensor], [id, position, bytes, { era: 'a' }])
  assert.equal(second.replacesDamaged, false)
  await second.seal(events(3, 1), { era: 'b' })
  assert.deepEqual(second.sensor, { era: 'b' })
  assert.deepEqual(await messagesOf(second), processes(4))
  await second.close()
})

test('seals that come at once are done one after the other', async () => {
  await using dir = await temporary()
  const chain = await open(dir.path)
  await Promise.all(processes(20).map((_, i) => chain.seal(events(i, 1))))
  assert.deepEqual(await messagesOf(chain), processes(20))
  await chain.close()
})

test('no events still make a head, which tells that somebody is alive', async () => {
  await using dir = await temporary()
  const chain = await open(dir.path)
  await chain.seal([], { era: 'a' })
  await chain.seal([], { era: 'b' })
  const { lines } = await shipAll(chain)
  assert.deepEqual(
    lines.map((line) => Object.keys(line)[0]),
    ['anchor', 'chain', 'chain'],
  )
  await chain.close()
})

test('many events become batches within the limits of the wire, and only the last head has the account', async () => {
  await using dir = await temporary()
  const chain = await open(dir.path)
  await chain.seal(events(0, 9_000), { era: 'a' })
  const { messages, lines } = await shipAll(chain)
  assert.deepEqual(messages, processes(9_000))
  const heads = lines.filter((line) => 'head' in line)
  assert.deepEqual(
    heads.map((line) => 'sensor' in line.head),
    [false, false, true],
  )
  await chain.close()
})

test('an append that fills its batch exactly ends in one head', async () => {
  await using dir = await temporary()
  const chain = await open(dir.path)
  // The anchor is the first of its lines.
  await chain.seal(events(0, 3_999))
  assert.equal((await chain.readBatch(0))?.count, 4_001)
  assert.equal(chain.position.nextSeq, 4_001)
  await chain.close()
})

test('the newest append is read from memory, and what was read is not written over by the next', async () => {
  await using dir = await temporary()
  let reads = 0
  const disk: Disk = {
    ...systemDisk,
    readAt: (path, offset, length) => {
      if (path.endsWith('.ndjson')) reads += 1
      return systemDisk.readAt(path, offset, length)
    },
  }
  const chain = await open(dir.path, { disk })
  const read = async (seq: number) => {
    const batch = await chain.readBatch(seq)
    assert.ok(batch !== undefined)
    return batch
  }
  const kept: { seq: number; lines: Uint8Array; text: string }[] = []
  for (let i = 0; i < 3; i += 1) {
    let seq = chain.position.nextSeq
    await chain.seal(events(5_000 * i, 5_000))
    for (; seq < chain.position.nextSeq; seq += (await read(seq)).count) {
      const batch = await read(seq)
      kept.push({ seq, lines: batch.lines, text: Buffer.from(batch.lines).toString() })
    }
  }
  assert.equal(reads, 0)
  assert.equal(kept.length, 6)
  for (const { seq, lines, text } of kept) {
    assert.equal(Buffer.from(lines).toString(), text)
    assert.equal(Buffer.from((await read(seq)).lines).toString(), text)
  }
  assert.equal(reads, 4)
  await chain.close()
})

test('a reader waits for what is not there yet', async () => {
  await using dir = await temporary()
  const chain = await open(dir.path)
  assert.equal(await chain.readBatch(0), undefined)
  const waiting = chain.waitFor(0, new AbortController().signal)
  await chain.seal(events(0, 1))
  await waiting
  assert.equal((await chain.readBatch(0))?.count, 3)
  assert.equal(await chain.readBatch(1), undefined, 'no batch starts here')
  await chain.waitFor(99, AbortSignal.abort())
  await chain.close()
})

test('a crash at any byte of an append leaves the chain as before it, or after', async () => {
  for (const [appended, step] of [
    [events(1, 2), 1],
    [events(1, 4_200), 60_013],
  ] as const) {
    await using dir = await temporary()
    const chain = await open(dir.path, { segmentBytesMax: 10_000_000 })
    await chain.seal(events(0, 1), { era: 'a' })
    const [before, sizes] = [chain.position, await sizesOf(dir.path)]
    await chain.seal(appended, { era: 'b' })
    const [after, grown] = [chain.position, await sizesOf(dir.path)]
    await chain.close()
    const [lines, side] = await Promise.all([linesFile, sideFile].map((file) => readFile(join(dir.path, file))))
    for (let size = grown.lines; size >= sizes.lines; size -= step) {
      await writeFile(join(dir.path, linesFile), (lines as Buffer).subarray(0, size))
      await writeFile(join(dir.path, sideFile), side as Buffer)
      const again = await open(dir.path)
      const isWhole = size === grown.lines
      assert.equal(again.replacesDamaged, false, `cut to ${size}`)
      assert.deepEqual([again.position, again.sensor], isWhole ? [after, { era: 'b' }] : [before, { era: 'a' }])
      assert.deepEqual(await sizesOf(dir.path), isWhole ? grown : sizes, 'nothing of it is left, values included')
      if (size % 8 === 0 && !isWhole) {
        await again.seal(events(1, 1))
        assert.deepEqual(await messagesOf(again), processes(2))
      }
      await again.close()
    }
  }
})

const linesFile = '0000000000000000.ndjson'
const sideFile = '0000000000000000.side'
const sizeOf = async (path: string) => (await readFile(path)).length
const sizesOf = async (dir: string) => ({
  lines: await sizeOf(join(dir, linesFile)),
  side: await sizeOf(join(dir, sideFile)),
})

test('a crash between the values and their lines leaves no value behind', async () => {
  await using dir = await temporary()
  const path = join(dir.path, 'chain')
  const chain = await open(path)
  await chain.seal(events(0, 1))
  const { lines, side } = await sizesOf(path)
  await chain.seal(events(1, 2))
  const grown = await sizesOf(path)
  await chain.close()
  for (let size = side; size <= grown.side; size += 1) {
    const copy = join(dir.path, 'copy')
    await cp(path, copy, { recursive: true })
    await truncate(join(copy, linesFile), lines)
    await truncate(join(copy, sideFile), size)
    const again = await open(copy)
    assert.deepEqual(await sizesOf(copy), { lines, side })
    await again.seal(events(1, 1))
    assert.deepEqual(await messagesOf(again), processes(2))
    await again.close()
    await rm(copy, { recursive: true })
  }
})

test('zeros, as some file systems leave them where a write did not arrive, are taken back', async () => {
  await using dir = await temporary()
  const chain = await open(dir.path)
  await chain.seal(events(0, 1))
  const { lines } = await sizesOf(dir.path)
  await chain.seal(events(1, 3))
  await chain.close()
  const path = join(dir.path, linesFile)
  const bytes = await readFile(path)
  for (const [from, to] of [
    [lines, lines + 400],
    [lines + 100, lines + 900],
    [bytes.length - 10, bytes.length],
  ]) {
    await writeFile(path, Buffer.from(bytes).fill(0, from, to))
    const again = await open(dir.path)
    assert.deepEqual([again.replacesDamaged, await messagesOf(again)], [false, processes(1)])
    await again.close()
  }
})

test('a changed byte in a whole line is damage: the chain is set aside as it is, and a new one begins', async () => {
  await using dir = await temporary()
  const path = join(dir.path, 'chain')
  const chain = await open(path)
  for (let i = 0; i < 3; i += 1) await chain.seal(events(i, 1))
  const { id } = chain
  await chain.close()
  const bytes = await readFile(join(path, linesFile))
  // The last head is covered only by the next one.
  const lastHead = bytes.lastIndexOf('\n', bytes.length - 2) + 1
  for (let at = 0; at < lastHead; at += 17) {
    const altered = Buffer.from(bytes)
    altered[at] = (altered[at] as number) ^ 0x01
    const home = join(dir.path, `${at}`)
    const copy = join(home, 'chain')
    await cp(path, copy, { recursive: true })
    await writeFile(join(copy, linesFile), altered)
    const again = await open(copy)
    assert.equal(again.replacesDamaged, true, `byte ${at}`)
    assert.notEqual(again.id, id)
    assert.deepEqual([again.position, again.shipped], [chainStart, 0])
    await again.seal(events(0, 1))
    assert.deepEqual(await messagesOf(again), processes(1))
    await again.close()
    const aside = (await readdir(home)).find((name) => name.startsWith('chain.damaged-'))
    assert.deepEqual(await readFile(join(home, aside as string, linesFile)), altered)
  }
})

test("another key's chain is not ours to go on with", async () => {
  await using dir = await temporary()
  const path = join(dir.path, 'chain')
  const chain = await open(path)
  await chain.seal(events(0, 1))
  await chain.close()
  const other = await open(path, { signer: sampleSigner(2) })
  assert.equal(other.replacesDamaged, true)
  await other.close()
})

const rotating = { segmentBytesMax: 1 }

test('every file begins with an anchor that ties it to the one before (LOG-3)', async () => {
  await using dir = await temporary()
  const chain = await open(dir.path, rotating)
  for (let i = 0; i < 4; i += 1) await chain.seal(events(i, 1))
  await chain.close()
  const again = await open(dir.path, rotating)
  const { messages, lines } = await shipAll(again)
  assert.deepEqual(messages, processes(4))
  await again.close()
  const files = (await readdir(dir.path)).filter((name) => name.endsWith('.ndjson')).sort()
  assert.deepEqual(
    files,
    [0, 3, 6, 9].map((seq) => `${String(seq).padStart(16, '0')}.ndjson`),
  )
  for (const [i, file] of files.entries()) {
    const text = await readFile(join(dir.path, file), 'utf8')
    const first = JSON.parse(text.split('\n')[0] as string) as Line
    assert.ok('anchor' in first)
    const { prev_file, prev_last_hash, prev_sequence_num, tenant, key_id, origin } = first.anchor
    assert.deepEqual([tenant, key_id, origin], ['default', signer.keyId, null])
    const due = i === 0 ? [null, null, null] : [files[i - 1], first.prev, first.seq - 1]
    assert.deepEqual([prev_file, prev_last_hash, prev_sequence_num], due)
    assert.deepEqual(first, lines[first.seq])
  }
})

test('a crash at any byte of a new file leaves the old one the newest, shipped or not', async () => {
  await using dir = await temporary()
  const path = join(dir.path, 'chain')
  const chain = await open(path, rotating)
  await chain.seal(events(0, 1), { era: 'a' })
  await chain.seal(events(1, 1), { era: 'b' })
  const before = chain.position
  await chain.seal(events(2, 600), { era: 'c' })
  const { id } = chain
  await chain.close()
  const newest = `${String(before.nextSeq).padStart(16, '0')}.ndjson`
  const bytes = await sizeOf(join(path, newest))
  for (const shipped of [0, 3, before.nextSeq]) {
    for (let size = 0; size < bytes; size += 1 + Math.floor(bytes / 15)) {
      const copy = join(dir.path, 'copy')
      await cp(path, copy, { recursive: true })
      await truncate(join(copy, newest), size)
      await writeFile(join(copy, 'shipped.json'), JSON.stringify({ next_seq: shipped }))
      const again = await open(copy, rotating)
      assert.deepEqual([again.replacesDamaged, again.id, again.position], [false, id, before], `${shipped} ${size}`)
      assert.deepEqual(again.sensor, { era: 'b' })
      await again.seal(events(2, 1))
      assert.deepEqual(await messagesOf(again), processes(3))
      await again.close()
      await rm(copy, { recursive: true })
    }
  }
})

test('a file that is gone, or moved to another place, is damage', async () => {
  await using dir = await temporary()
  const path = join(dir.path, 'chain')
  const chain = await open(path, rotating)
  for (let i = 0; i < 4; i += 1) await chain.seal(events(i, 1))
  await chain.close()
  const file = (seq: number) => `${String(seq).padStart(16, '0')}.ndjson`
  const harms: ((copy: string) => Promise<void>)[] = [
    (copy) => rm(join(copy, file(3))),
    (copy) => rename(join(copy, file(3)), join(copy, file(4))),
    (copy) => cp(join(copy, file(3)), join(copy, file(6))),
    async (copy) => writeFile(join(copy, file(6)), (await readFile(join(copy, file(6)))).subarray(0, -1)),
    async (copy) => writeFile(join(copy, file(6)), `${await readFile(join(copy, file(6)), 'utf8')}x`),
  ]
  for (const [i, harm] of harms.entries()) {
    const copy = join(dir.path, `copy-${i}`)
    await cp(path, copy, { recursive: true })
    await harm(copy)
    const again = await open(copy, rotating)
    assert.equal(again.replacesDamaged, true, `harm ${i}`)
    await again.close()
  }
})

test('acknowledged files make room when the limit is met, and others never (LOG-3)', async () => {
  await using dir = await temporary()
  const options = { segmentBytesMax: 1, totalBytesMax: 12_000 }
  const chain = await open(dir.path, options)
  let sealed = 0
  const sealUntilFull = async () => {
    for (;;) {
      try {
        await chain.seal(events(sealed, 1))
        sealed += 1
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'CHAIN_FULL')
        return
      }
    }
  }
  await sealUntilFull()
  assert.ok(sealed >= 4)
  assert.deepEqual(await messagesOf(chain), processes(sealed), 'nothing that is not acknowledged makes room')
  await chain.acknowledge(9)
  assert.equal((await readdir(dir.path)).includes(linesFile), true, 'kept for as long as there is room')
  await chain.seal(events(sealed, 1))
  assert.equal((await readdir(dir.path)).includes(linesFile), false)
  assert.equal(await chain.readBatch(0), undefined)
  await chain.close()

  const again = await open(dir.path, options)
  assert.deepEqual([again.id, again.shipped, again.position], [chain.id, 9, chain.position])
  await shipAll(again, 9, { nextSeq: 9, tip: null })
  await again.close()
})

test('the place up to which the server has everything is kept, only grows, and is no truth', async () => {
  await using dir = await temporary()
  const chain = await open(dir.path, rotating)
  for (let i = 0; i < 4; i += 1) await chain.seal(events(i, 1))
  await chain.acknowledge(6)
  await chain.acknowledge(3)
  assert.equal(chain.shipped, 6)
  await chain.close()
  const again = await open(dir.path, rotating)
  assert.equal(again.shipped, 6)
  const { messages } = await shipAll(again, 0, chainStart, 6)
  assert.deepEqual(messages, processes(4), 'files that were not read at the start are read when asked for')
  await again.close()
  for (const text of ['', '{', 'null', '{"next_seq":-1}', '{"next_seq":"6"}', '[]']) {
    await writeFile(join(dir.path, 'shipped.json'), text)
    const careless = await open(dir.path, rotating)
    assert.equal(careless.shipped, 0, JSON.stringify(text))
    assert.deepEqual(careless.position, chain.position)
    await careless.close()
  }
})

test('LOG-5: personal values are here no longer than the server needs to have them; lines stay, and prove', async () => {
  await using dir = await temporary()
  const chain = await open(dir.path, rotating)
  const sideBytes = async () => {
    const names = (await readdir(dir.path)).filter((name) => name.endsWith('.side'))
    return (await Promise.all(names.map((name) => readFile(join(dir.path, name), 'utf8')))).join('')
  }
  for (let i = 0; i < 4; i += 1) await chain.seal(events(i, 1))
  const each = chain.position.nextSeq / 4
  await chain.acknowledge(each * 2 - 1)
  assert.deepEqual((await sideBytes()).match(/user-\d/g), ['user-1', 'user-2', 'user-3'], 'not of a file in part')
  await chain.acknowledge(each * 2)
  const bytes = chain.bytes
  assert.deepEqual((await sideBytes()).match(/user-\d/g), ['user-2', 'user-3'])
  assert.deepEqual((await shipAll(chain, 0, chainStart, each * 2)).messages, processes(4))
  await chain.close()
  const again = await open(dir.path, rotating)
  assert.equal(again.bytes, bytes)
  await again.seal(events(4, 1))
  await again.acknowledge(again.position.nextSeq)
  assert.deepEqual((await sideBytes()).match(/user-\d/g), ['user-4'], 'of the newest file, to which more may come')
  assert.deepEqual((await shipAll(again, 0, chainStart, each * 4)).messages, processes(5))
  await again.close()
})

test('a full disk seals nothing, keeps what was there, and sealing resumes', async () => {
  for (const part of ['.ndjson', '.side']) {
    for (const segmentBytesMax of [1, 1_000_000]) {
      await using dir = await temporary()
      const disk = createFaultyDisk()
      const chain = await open(dir.path, { disk, segmentBytesMax })
      await chain.seal(events(0, 1), { era: 'a' })
      const before = chain.position
      disk.fail(part)
      for (let i = 0; i < 3; i += 1)
        await assert.rejects(chain.seal(events(1, 2), { era: 'b' }), { code: 'DISK_FULL', kind: 'exhausted' })
      assert.deepEqual([chain.position, chain.sensor], [before, { era: 'a' }])
      disk.fail(undefined)
      await chain.seal(events(1, 2), { era: 'b' })
      assert.deepEqual(await messagesOf(chain), processes(3))
      await chain.close()
      const again = await open(dir.path, { segmentBytesMax })
      assert.deepEqual([again.replacesDamaged, await messagesOf(again)], [false, processes(3)])
      await again.close()
    }
  }
})

test('a disk that is full when the chain begins is no damage', async () => {
  await using dir = await temporary()
  const disk = createFaultyDisk()
  const chain = await open(dir.path, { disk })
  disk.fail('.side')
  await assert.rejects(chain.seal(events(0, 1)), { code: 'DISK_FULL' })
  await chain.close()
  const again = await open(dir.path)
  assert.equal(again.replacesDamaged, false)
  await again.seal(events(0, 1))
  assert.deepEqual(await messagesOf(again), processes(1))
  await again.close()
})

test('an event that does not fit a line is refused, and nothing of its batch is sealed', async () => {
  await using dir = await temporary()
  const chain = await open(dir.path)
  const tooLong = { event: { x: 'x'.repeat(70_000) }, personalPointers: [], timeNs: 0n }
  await assert.rejects(chain.seal([sampleEvent(0), tooLong]), { code: 'LINE_TOO_LONG' })
  await chain.seal(events(0, 1))
  assert.deepEqual(await messagesOf(chain), processes(1))
  await chain.close()
})
