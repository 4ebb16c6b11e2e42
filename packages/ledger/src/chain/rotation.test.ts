// SPDX-License-Identifier: Apache-2.0
// LOG-3: Debian's logrotate on a living chain, in both of its modes, and what its race may cost.

import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { appendFile, cp, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { systemDisk } from '@sealwatch/base'
import { sampleEvent, sampleSigner, temporary, tickingClock } from '../../test/sample.ts'
import type { Line } from '../verify/line.ts'
import { type Chain, type ChainOptions, openChain } from './chain.ts'
import { chainFilesIn } from './rotated.ts'
import { type Rotation, recentBytesMax } from './rotation.ts'
import { type DirectoryChecks, verifyChainDirectory } from './verify-directory.ts'

const run = promisify(execFile)
const signer = sampleSigner(1)
const events = (from: number, count: number) => Array.from({ length: count }, (_, i) => sampleEvent(from + i))
const first = '0000000000000000.ndjson'
const isMissing =
  (spawnSync('logrotate', ['--version']).status !== 0 && 'no logrotate here') ||
  (process.getuid?.() !== 0 && 'logrotate needs root')

async function open(dir: string, options: Partial<ChainOptions> = {}): Promise<Chain & { rotations: Rotation[] }> {
  const rotations: Rotation[] = []
  const chain = await openChain({
    dir,
    tenant: 'default',
    signer,
    clock: tickingClock(),
    disk: systemDisk,
    segmentBytesMax: 10_000_000,
    totalBytesMax: 100_000_000,
    onRotation: (rotation) => rotations.push(rotation),
    ...options,
  })
  return Object.assign(chain, { rotations })
}

const verify = (dir: string, checks: DirectoryChecks = {}) =>
  verifyChainDirectory(dir, { hostKey: signer.publicKey, tenant: 'default', ...checks })

async function messagesOf(chain: Chain): Promise<string[]> {
  const messages: string[] = []
  for (let seq = 0; seq < chain.position.nextSeq; ) {
    const batch = await chain.readBatch(seq)
    assert.ok(batch !== undefined, `a batch at ${seq}`)
    const lines = Buffer.from(batch.lines).toString().split('\n').slice(0, -1)
    for (const text of lines) {
      const line = JSON.parse(text) as Line
      if ('event' in line) messages.push(line.event.message as string)
    }
    seq += batch.count
  }
  return messages
}
const processes = (count: number) => Array.from({ length: count }, (_, i) => `process ${i}`)

for (const mode of ['create', 'copytruncate'])
  for (const compression of ['nocompress', 'compress', 'compress\n delaycompress', 'dateext\n dateformat -%Y%m%d-%s'])
    test(`logrotate, ${mode}, ${compression.replace('\n', ' and')}: nothing is lost while the chain is written`, {
      skip: isMissing,
    }, async () => {
      await using dir = await temporary()
      const path = join(dir.path, 'chain')
      const config = join(dir.path, 'config')
      await writeFile(
        config,
        `${path}/*.ndjson {\n rotate 100\n missingok\n notifempty\n ${compression}\n ${mode}\n}\n`,
      )
      const chain = await open(path)
      let sealed = 0
      let isOver = false
      const writing = (async () => {
        for (; !isOver; sealed += 2) await chain.seal(events(sealed, 2))
      })()
      const state = join(dir.path, 'state')
      // A file that is named after the second can be rotated once in it.
      const rounds = compression.startsWith('dateext') ? 1 : 4
      for (let i = 0; i < rounds; i += 1) {
        const due = sealed + 20
        while (sealed < due) await new Promise(setImmediate)
        await run('logrotate', ['--force', '--state', state, config])
      }
      isOver = true
      await writing
      await chain.seal(events(sealed, 2))
      sealed += 2
      assert.ok(chain.rotations.length >= rounds - 1, `${chain.rotations.length} rotations`)
      assert.ok(chain.rotations.length > 0)
      assert.deepEqual(
        chain.rotations.filter(({ lost }) => lost !== undefined),
        [],
      )
      const report = await verify(path)
      assert.equal(report.problem, undefined)
      assert.equal(report.nextSeq, chain.position.nextSeq)
      assert.deepEqual(await messagesOf(chain), processes(sealed))
      await chain.close()
      const again = await open(path)
      assert.deepEqual([again.replacesDamaged, again.position], [false, chain.position])
      await again.seal(events(sealed, 1))
      assert.deepEqual(await messagesOf(again), processes(sealed + 1))
      await again.close()
      assert.equal((await verify(path)).problem, undefined)
    })

test('logrotate with the file that we deliver compresses what is full, unforced, and the chain verifies', {
  skip: isMissing,
}, async () => {
  await using dir = await temporary()
  const path = join(dir.path, 'chain')
  const config = join(dir.path, 'config')
  const delivered = await readFile(new URL('../../../../deploy/logrotate/sealwatch', import.meta.url), 'utf8')
  await writeFile(config, delivered.replace('/var/lib/sealwatch/agent/chains/*', path))
  const chain = await open(path, { segmentBytesMax: 8 * 1024 * 1024 })
  const rotate = () => run('logrotate', ['--state', join(dir.path, 'state'), config])
  const names = async () => (await readdir(path)).filter((name) => name.includes('.ndjson'))
  await chain.seal(events(0, 2))
  await rotate()
  assert.deepEqual(await names(), [first], 'it is not full')
  for (let i = 0; i < 18; i += 1) await chain.seal(bulky(500_000))
  await rotate()
  assert.ok((await names()).includes(`${first}.1.gz`))
  await chain.seal(events(2, 2))
  await rotate()
  assert.deepEqual((await names()).filter((name) => name.startsWith(first)).sort(), [first, `${first}.1.gz`])
  const report = await verify(path)
  assert.equal(report.problem, undefined)
  assert.equal(report.nextSeq, chain.position.nextSeq)
  await chain.close()
})

/** The two steps of copytruncate, with something between them. */
async function copyTruncate(path: string, between: () => Promise<void>, suffix = '.1'): Promise<void> {
  await cp(path, `${path}${suffix}`)
  await between()
  await truncate(path, 0)
}

test('what is written between the copy and the truncation is put back', async () => {
  await using dir = await temporary()
  const chain = await open(dir.path)
  await chain.seal(events(0, 2))
  await copyTruncate(join(dir.path, first), () => chain.seal(events(2, 2)))
  await chain.seal(events(4, 2))
  const [rotation] = chain.rotations
  assert.deepEqual([chain.rotations.length, rotation?.file, rotation?.lost], [1, first, undefined])
  assert.ok((rotation?.restoredBytes ?? 0) > 0)
  await chain.seal(events(6, 2))
  assert.deepEqual((await readdir(dir.path)).filter((name) => name.includes('ndjson')).length, 3)
  assert.deepEqual(await messagesOf(chain), processes(8))
  assert.equal((await verify(dir.path)).problem, undefined)
  await chain.close()
})

test('what a compressor did not read any more is put back when its part is replaced', async () => {
  await using dir = await temporary()
  const chain = await open(dir.path)
  await chain.seal(events(0, 2))
  const path = join(dir.path, first)
  const early = await readFile(path)
  await chain.seal(events(2, 2))
  await rename(path, `${path}.1`)
  await chain.seal(events(4, 2))
  assert.deepEqual([chain.rotations.length, chain.rotations[0]?.restoredBytes], [1, 0], 'the part is whole')
  await writeFile(`${path}.1.gz`, gzipSync(early))
  await rm(`${path}.1`)
  await chain.seal(events(6, 2))
  assert.equal(chain.rotations.length, 2)
  assert.ok((chain.rotations[1]?.restoredBytes ?? 0) > 0)
  assert.deepEqual(await messagesOf(chain), processes(8))
  assert.equal((await verify(dir.path)).problem, undefined)
  await chain.close()
})

test('a copy that is still being made is left alone', async () => {
  await using dir = await temporary()
  const chain = await open(dir.path)
  await chain.seal(events(0, 2))
  const path = join(dir.path, first)
  await copyTruncate(path, () => chain.seal(events(2, 2)))
  await chain.seal(events(4, 2))
  const tail = await readFile(path)
  assert.ok(tail.length > 0, 'what was put back')
  await rename(`${path}.1`, `${path}.2`)
  for (const length of [0, 1, 400, tail.length - 1, tail.length]) {
    await writeFile(`${path}.1`, tail.subarray(0, length))
    await chain.seal(events(0, 1))
    assert.deepEqual([await readFile(path), chain.rotations.length], [tail, 1], `${length} bytes of the copy`)
  }
  await truncate(path, 0)
  await chain.seal(events(0, 1))
  assert.equal(chain.rotations.length, 1)
  assert.equal((await verify(dir.path)).problem, undefined)
  await chain.close()
})

test('a file that is emptied without a copy is written again from memory, as far as that reaches', async () => {
  await using dir = await temporary()
  const chain = await open(dir.path)
  await chain.seal(events(0, 2))
  await truncate(join(dir.path, first), 0)
  await chain.seal(events(2, 2))
  assert.equal(chain.rotations[0]?.lost, undefined)
  assert.equal((await verify(dir.path)).problem, undefined)
  const much = Math.ceil(recentBytesMax / 100_000) + 2
  for (let i = 0; i < much; i += 1) await chain.seal(bulky(100_000))
  const newest = (await readdir(dir.path)).filter((name) => name.endsWith('.ndjson')).at(-1) as string
  await truncate(join(dir.path, newest), 0)
  await chain.seal(events(0, 1))
  const lost = chain.rotations[1]?.lost
  assert.ok(lost !== undefined && lost.fromSeq === Number(newest.slice(0, 16)) && lost.toSeq > lost.fromSeq)
  await chain.seal(events(1, 1))
  await chain.close()
  const { problem } = await verify(dir.path)
  assert.equal(problem?.file, newest, 'and the verifier says where lines are missing')
  const again = await open(dir.path)
  assert.equal(again.replacesDamaged, true)
  await again.close()
})

const bulky = (bytes: number) =>
  Array.from({ length: Math.ceil(bytes / 50_000) }, () => ({
    event: { message: 'x'.repeat(50_000) },
    personalPointers: [],
    timeNs: 0n,
  }))

test('what happened while nobody was writing is taken in at the next start', async () => {
  for (const rotate of [
    (path: string) => copyTruncate(path, async () => undefined),
    (path: string) => copyTruncate(path, async () => undefined, '-20261121'),
    async (path: string) => {
      await rename(path, `${path}.1`)
      await writeFile(path, '')
    },
    (path: string) => rename(path, `${path}.1`),
    async (path: string) => {
      await writeFile(`${path}.1.gz`, gzipSync(await readFile(path)))
      await rm(path)
    },
    // It died between its two steps.
    (path: string) => cp(path, `${path}.1`),
  ]) {
    await using dir = await temporary()
    const chain = await open(dir.path)
    await chain.seal(events(0, 3))
    await chain.close()
    await rotate(join(dir.path, first))
    assert.equal((await verify(dir.path)).problem, undefined)
    const again = await open(dir.path)
    assert.deepEqual([again.replacesDamaged, again.position], [false, chain.position])
    await again.seal(events(3, 1))
    assert.deepEqual(await messagesOf(again), processes(4))
    await again.close()
    assert.equal((await verify(dir.path)).problem, undefined)
  }
})

test('what is not the file as it was written is no part of it: the verifier says which', async () => {
  await using dir = await temporary()
  const chain = await open(dir.path)
  await chain.seal(events(0, 3))
  await chain.seal(events(3, 3))
  await chain.close()
  const path = join(dir.path, first)
  const bytes = await readFile(path)
  await rm(path)
  const cases: [string, Uint8Array, string][] = [
    ['.1.gz', Buffer.concat([gzipSync(bytes), Buffer.from('x')]), 'CHAIN_DAMAGED'],
    ['.1.gz', gzipSync(bytes).subarray(0, -9), 'CHAIN_DAMAGED'],
    ['.1.gz', gzipSync(Buffer.from(bytes.toString().replace('process 1', 'process 9'))), 'CHAIN_BROKEN'],
  ]
  for (const [suffix, content, code] of cases) {
    await writeFile(`${path}${suffix}`, content)
    const { problem } = await verify(dir.path)
    assert.equal(problem?.code, code, suffix)
    await rm(`${path}${suffix}`)
  }
})

test('parts are put in order: counted ones oldest first, dated ones by date, the file itself last', () => {
  const parts = (...names: string[]) => chainFilesIn(names.map((name) => `${first}${name}`)).map((file) => file.parts)
  const named = (...names: string[]) => [names.map((name) => `${first}${name}`)]
  assert.deepEqual(parts('', '.1', '.10.gz', '.2.gz'), named('.10.gz', '.2.gz', '.1', ''))
  assert.deepEqual(parts('', '-20261121', '-20261120.gz'), named('-20261120.gz', '-20261121', ''))
  assert.deepEqual(
    parts('-20261121-1763733601', '-20261121-1763733600'),
    named('-20261121-1763733600', '-20261121-1763733601'),
  )
  assert.deepEqual(parts('.1', '.1.gz'), named('.1'), 'it is being compressed')
  assert.deepEqual(chainFilesIn(['shipped.json', 'epoch-0.key', `${first}.new`, `${first}.xz`, 'x.ndjson']), [])
})

test('LOG-5 AGT-8 whoever writes into the personal values beside a chain, or takes them away, costs those values alone, and is told of', async () => {
  await using dir = await temporary()
  const altered: string[] = []
  const chain = await open(dir.path, { onValuesAltered: (file) => altered.push(file) })
  const side = join(dir.path, first.replace('.ndjson', '.side'))
  const valuesOf = async () => {
    const values: number[] = []
    for (let seq = 0; seq < chain.position.nextSeq; ) {
      const batch = await chain.readBatch(seq)
      assert.ok(batch !== undefined)
      values.push(...batch.side.map((row) => row.seq))
      seq += batch.count
    }
    return values
  }
  await chain.seal(events(0, 2))
  assert.deepEqual(await valuesOf(), [1, 2])
  await appendFile(side, 'x')
  await chain.seal(events(2, 2))
  await chain.seal(events(4, 2))
  assert.deepEqual(altered, [])
  assert.deepEqual(await valuesOf(), [1, 2, 5, 7, 8], 'the row that it was put before is lost')
  assert.deepEqual(new Set(altered), new Set([first]))
  await chain.seal(events(6, 1))
  assert.deepEqual((await valuesOf()).at(-1), 10)
  await truncate(side, 10)
  assert.deepEqual(await valuesOf(), [])
  await rm(side)
  assert.deepEqual(await valuesOf(), [])
  assert.equal((await messagesOf(chain)).length, 7)
  await chain.close()
})
