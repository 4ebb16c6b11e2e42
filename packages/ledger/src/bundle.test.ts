// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { verifyEd25519 } from '@sealwatch/keys'
import fc from 'fast-check'
import { bundleOf, openSampleLedger, sampleHost, sealTenant, temporary, vkeys } from '../test/sample.ts'
import { bundleRecordLeavesMax, mergeRanges, writeBundle } from './bundle.ts'
import { sha256 } from './sha256.ts'
import { verifyBundle } from './verify/bundle.ts'

test('ranges are sorted, joined where they touch, and cut at the end', () => {
  const range = (from: number, to: number) => ({ from, to })
  assert.deepEqual(mergeRanges([range(5, 7), range(0, 1), range(6, 9), range(9, 10), range(12, 12)], 100), [
    range(0, 1),
    range(5, 10),
  ])
  assert.deepEqual(mergeRanges([range(3, 9), range(8, 2), range(20, 30)], 8), [range(3, 8)])
  const ranges = fc.array(fc.record({ from: fc.nat(50), to: fc.nat(50) }))
  fc.assert(
    fc.property(ranges, fc.nat(40), (given, size) => {
      const covered = (all: readonly { from: number; to: number }[]) =>
        [...Array(size).keys()].filter((leaf) => all.some(({ from, to }) => from <= leaf && leaf < to))
      const merged = mergeRanges(given, size)
      assert.deepEqual(covered(merged), covered(given))
      for (const [i, { from, to }] of merged.entries()) {
        assert.ok(from < to && to <= size)
        assert.ok(i === 0 || (merged[i - 1]?.to as number) < from)
      }
    }),
  )
})

test('a long bundle comes in records of bounded size, at the checkpoint and not beyond', async () => {
  await using dir = await temporary()
  const ledger = await openSampleLedger(dir.path)
  const root = await openSampleLedger(dir.path, 'root')
  const host = sampleHost(1)
  await ledger.append({ own: { key: host.key } })
  await ledger.append(host.verified(host.batch(700)))
  const sealed = await sealTenant(ledger, root)
  await ledger.append(host.verified(host.batch(5)))
  const { size } = sealed.checkpoint
  const lines: number[] = []
  const request = { ledger, sealed, vkeys, ranges: [{ from: 0, to: ledger.size }] }
  for await (const piece of writeBundle(request)) lines.push(piece.lines)
  assert.deepEqual(lines, [0, bundleRecordLeavesMax, bundleRecordLeavesMax, size - 2 * bundleRecordLeavesMax])

  const bundle = await bundleOf(ledger, sealed, [{ from: 100, to: 600 }])
  async function* inOne() {
    yield bundle
  }
  const report = await verifyBundle(inOne(), { sha256, verify: verifyEd25519, trust: vkeys })
  assert.deepEqual([report.problem, report.lines, report.size], [undefined, 501, size])
  await ledger.close()
  await root.close()
})
