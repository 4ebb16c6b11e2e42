// SPDX-License-Identifier: Apache-2.0
// AGT-5: the whole agent with a real sensor, while its chain is full and programs start in a loop, and when it dies of kill -9.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { agentStatus, checkCounts, quietCount, readLedger, reported } from './crash.ts'
import { act, assertAccounted, assertWatchedOpens, healthz, isIdle, startFlood, tellsOfShed } from './overload.ts'
import { eventually, repository, startPlatform, whyNot } from './platform.ts'

const maxQueueDepth = 400
const small = {
  SEALWATCH_AGENT_MAX_AUDIT_LOG_SIZE_MB: '16',
  SEALWATCH_AGENT_WATCHER_BUFFER: '100',
  SEALWATCH_AGENT_MAX_QUEUE_DEPTH: String(maxQueueDepth),
}
const patienceMs = 90_000

test('AGT-5 nothing is lost uncounted: a full chain, programs in a loop, kill -9; and watched files are never shed', {
  skip: whyNot() ?? false,
}, async (t) => {
  const platform = await startPlatform(repository, small)
  t.after(async () => {
    await platform.signalBoth('server', 'SIGCONT')
    await platform.down()
  })

  // The server lives and acknowledges nothing: the chain fills up.
  await platform.signalBoth('server', 'SIGSTOP')
  const flood = startFlood()
  t.after(() => flood.stop())
  await eventually(
    'the chain to be full',
    async () => (await healthz(platform)).audit_log.stalled || undefined,
    patienceMs,
  )
  await act(platform, join(platform.data, 'acts.ndjson'))
  const pressed = await eventually(
    'something to be shed',
    async () => {
      const health = await healthz(platform)
      return health.queue_depth.shed > 0 ? health : undefined
    },
    patienceMs,
  )
  assert.equal(pressed.queue_depth.level, 'critical')
  await platform.signalBoth('server', 'SIGCONT')
  const isFree = async () => !(await healthz(platform)).audit_log.stalled || undefined
  await eventually('the chain to have room', isFree, patienceMs)
  // Else the kill comes before it: what is shed and not yet told is lost with the agent, and counted as lost.
  await eventually('the ledger to tell of what was shed', () => tellsOfShed(platform), patienceMs)
  // Programs still start in a loop.
  const { pid: first } = await agentStatus(platform)
  assert.ok(await platform.kill('agent'))
  await eventually('another agent', async () => (await agentStatus(platform)).pid !== first || undefined, patienceMs)
  await flood.stop()

  const violations: string[] = []
  await reported(platform, patienceMs)
  await eventually('the ledger to have it', () => isIdle(platform), patienceMs)
  const opened = await eventually('the sensor to report', () => quietCount(platform, 'openat'), patienceMs)
  const ledger = await readLedger(platform, violations)
  assert.ok(ledger)
  checkCounts(ledger, 'openat', opened, violations)
  assert.deepEqual(violations, [])

  const account = assertAccounted(ledger.lines)
  assert.ok(account.heads > 0 && account.shed > 0)
  t.diagnostic(
    `${ledger.lines.length} lines, ${account.shed} shed, ${account.lost} lost in gaps, ${account.heads} heads`,
  )
  assertWatchedOpens(ledger, account.watched)
})
