// SPDX-License-Identifier: Apache-2.0
// AGT-2: the whole agent in each mode of its sensor: the line and doctor; kill -9 of each part; a full chain under load, with its account.

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { agentStatus, type EventView, readLedger, reported } from '../system/crash.ts'
import { besideBpf, testTheLine, withoutBpf } from '../system/modes.ts'
import { assertAccounted, healthz, isIdle, startFlood, tellsOfShed } from '../system/overload.ts'
import { eventually, type Platform, startPlatform, whyNot } from '../system/platform.ts'

const small = {
  SEALWATCH_AGENT_MAX_AUDIT_LOG_SIZE_MB: '16',
  SEALWATCH_AGENT_WATCHER_BUFFER: '100',
  SEALWATCH_AGENT_MAX_QUEUE_DEPTH: '400',
}
const patienceMs = 240_000

for (const watched of [...withoutBpf, besideBpf])
  describe(`by ${watched.name}`, { skip: whyNot() ?? false }, () => {
    let platform: Platform
    before(async () => {
      platform = await startPlatform(undefined, { ...small, ...watched.env })
    })
    after(() => platform.down())

    testTheLine(() => platform, watched)

    test('AGT-2 AGT-8 each part is killed and back, in the same modes, and the ledger has the interval', async () => {
      for (const part of ['sensor', 'agent', 'server'] as const) {
        const before = await platform.pidOf(part)
        assert.ok(await platform.kill(part), part)
        await eventually(
          `another ${part}`,
          async () => {
            const now = await platform.pidOf(part)
            const { sensor, agent, server } = JSON.parse((await platform.sealwatch('status', '--json')).stdout || '{}')
            const works = sensor?.connected && agent?.state === 'registered' && server !== null
            return (works && now !== undefined && now !== before) || undefined
          },
          patienceMs,
        )
      }
      const { sensor } = JSON.parse((await platform.sealwatch('status', '--json')).stdout)
      assert.deepEqual(sensor.modes, watched.modes)
      const causes = await eventually(
        'the gaps to be in the ledger',
        async () => {
          const view = await readLedger(platform, [])
          const gaps = view?.lines.flatMap((line) => ('event' in line ? [(line.event as EventView).unmapped?.gap] : []))
          const found = new Set(gaps?.flatMap((gap) => (gap === undefined ? [] : [(gap as { cause?: string }).cause])))
          return found.has('sensor_died') ? found : undefined
        },
        patienceMs,
      )
      assert.ok(!causes.has('counters_removed'), 'counters outlive the sensor')
    })

    test('AGT-5 nothing is lost uncounted: a full chain, programs in a loop, kill -9', async (t) => {
      await platform.signalBoth('server', 'SIGSTOP')
      const flood = startFlood(watched.modes.process === 'polling' ? 'lasting' : 'brief')
      try {
        const isFull = async () => (await healthz(platform)).audit_log.stalled || undefined
        await eventually('the chain to be full', isFull, patienceMs)
        const isShedding = async () => (await healthz(platform)).queue_depth.shed > 0 || undefined
        await eventually('something to be shed', isShedding, patienceMs)
      } finally {
        await platform.signalBoth('server', 'SIGCONT')
      }
      try {
        const isFree = async () => !(await healthz(platform)).audit_log.stalled || undefined
        await eventually('the chain to have room', isFree, patienceMs)
        await eventually('the ledger to tell of what was shed', () => tellsOfShed(platform), patienceMs)
        const { pid: first } = await agentStatus(platform)
        assert.ok(await platform.kill('agent'))
        await eventually(
          'another agent',
          async () => (await agentStatus(platform)).pid !== first || undefined,
          patienceMs,
        )
      } finally {
        await flood.stop()
      }
      await reported(platform, patienceMs)
      await eventually('the ledger to have it', () => isIdle(platform), patienceMs)
      const violations: string[] = []
      const ledger = await readLedger(platform, violations)
      assert.ok(ledger)
      assert.deepEqual(violations, [])
      const { heads, shed, lost } = assertAccounted(ledger.lines)
      assert.ok(heads > 0 && shed > 0)
      t.diagnostic(`${ledger.lines.length} lines, ${shed} shed, ${lost} lost in gaps, ${heads} heads`)
    })
  })
