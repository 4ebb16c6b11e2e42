// SPDX-License-Identifier: Apache-2.0
// AGT-5, LOG-6: the whole platform on a disk that fills up under it, while programs start in a loop.

import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { checkCounts, quietCount, readLedger, reported } from './crash.ts'
import { act, assertAccounted, assertWatchedOpens, healthz, isIdle, startFlood } from './overload.ts'
import { eventually, repository, startPlatform, whyNot } from './platform.ts'

const small = { SEALWATCH_AGENT_WATCHER_BUFFER: '100', SEALWATCH_AGENT_MAX_QUEUE_DEPTH: '400' }
const diskMb = 512
const patienceMs = 90_000

test('AGT-5 LOG-6 nothing is lost uncounted on a full disk: what matters waits, the rest is shed by count, and all goes on once there is room', {
  skip: whyNot() ?? false,
}, async (t) => {
  await using ended = new AsyncDisposableStack()
  const disk = mkdtempSync(join(tmpdir(), 'sealwatch-disk-'))
  const elsewhere = mkdtempSync(join(tmpdir(), 'sealwatch-acts-'))
  for (const folder of [disk, elsewhere]) ended.defer(() => rmSync(folder, { recursive: true }))
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${diskMb}m`, 'sealwatch-test', disk])
  ended.defer(() => void execFileSync('umount', ['-l', disk]))
  const platform = await startPlatform(repository, small, undefined, disk)
  ended.defer(() => platform.down())
  const flood = startFlood()
  ended.defer(() => flood.stop())

  const filler = join(disk, 'filler')
  // To the last byte, which is how it ends: with an error.
  assert.equal(spawnSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=1M']).status, 1)
  const isShedding = async () => (await healthz(platform)).queue_depth.shed > 0 || undefined
  await eventually('something to be shed', isShedding, patienceMs)
  await act(platform, join(elsewhere, 'acts.ndjson'))
  rmSync(filler)
  await flood.stop()

  await reported(platform, patienceMs)
  await eventually('the ledger to have it', () => isIdle(platform), patienceMs)
  const opened = await eventually('the sensor to report', () => quietCount(platform, 'openat'), patienceMs)
  const violations: string[] = []
  const ledger = await readLedger(platform, violations)
  assert.ok(ledger)
  checkCounts(ledger, 'openat', opened, violations)
  assert.deepEqual(violations, [])
  const account = assertAccounted(ledger.lines)
  assert.ok(account.heads > 0 && account.shed > 0)
  assertWatchedOpens(ledger, account.watched)
  t.diagnostic(`${ledger.lines.length} lines, ${account.shed} shed, ${account.lost} lost in gaps`)
})
