// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { type Clock, isSealwatchError, rfc3339, systemClock } from '@sealwatch/base'
import type { ReportedSubmission } from '@sealwatch/ledger'
import { testIo } from '../../test/test-io.ts'
import { waitForAlert } from './alerted.ts'
import type { DecoyProcess } from './decoy-process.ts'
import type { Drilling } from './drilled.ts'
import { prometheusAt } from './prometheus.ts'
import { alertName } from './rule.ts'

type Alert = { readonly state: string; readonly activeAt: string }
/** The clock of Prometheus is another one. */
const skewMs = -3_600_000

/** A drill whose first row was rejected just now, before a Prometheus that answers as `alertsAt` says. */
async function room(alertsAt: (asked: number, rows: number, theirMs: number) => readonly Alert[], alertSeconds = 60) {
  let [nowMs, asked, rows] = [Date.parse('2026-11-22T12:00:00Z'), 0, 0]
  const clock: Clock = {
    ...systemClock,
    nowMs: () => nowMs,
    nowNs: () => BigInt(nowMs) * 1_000_000n,
    sleep: async (ms) => {
      nowMs += ms
      await systemClock.sleep(1)
    },
  }
  const server = createServer(({ url = '' }, response) => {
    const labels = { alertname: alertName, tenant: 'drill' }
    const alerts = () => alertsAt(asked++, rows, nowMs + skewMs).map((one) => ({ ...one, labels }))
    const data = url.startsWith('/api/v1/alerts') ? { alerts: alerts() } : { result: [(nowMs + skewMs) / 1000, ''] }
    response.end(JSON.stringify({ status: 'success', data }))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const rejected = () => ({ rows: 1, outcome: 'quarantined', told_at: rfc3339(clock.nowNs()) }) as ReportedSubmission
  const process = {
    send: async (count: number) => {
      rows += count
      return Array.from({ length: count }, rejected)
    },
  } as unknown as DecoyProcess
  const notes: string[] = []
  const told: string[] = []
  const of = {
    alertSource: prometheusAt(`http://127.0.0.1:${port}`, clock),
    bounds: { rows: 10, perSecond: 10, alertSeconds },
    io: testIo({ clock }),
    tenant: 'drill',
    startedAt: rfc3339(clock.nowNs()),
    sent: [rejected()],
    progress: () => undefined,
    alert: (how: string) => void told.push(how),
  } as unknown as Drilling
  return {
    wait: () => waitForAlert(of, process, 'decoy', (line) => void notes.push(line)),
    told,
    notes,
    asked: () => asked,
    rows: () => rows,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
const at = (ms: number) => new Date(ms).toISOString()

test('ING-7 an alert that an earlier drill has caused is let end: only one that became active by this drill has fired', async () => {
  let begunMs: number | undefined
  let sentMeanwhile = 0
  await using it = await room((asked, rows, theirMs) => {
    if (asked < 3) {
      sentMeanwhile += rows
      return [{ state: 'firing', activeAt: at(theirMs - 200_000) }]
    }
    if (rows === 0) return []
    begunMs ??= theirMs
    return [{ state: theirMs - begunMs < 5000 ? 'pending' : 'firing', activeAt: at(begunMs) }]
  })
  const sent = await it.wait()
  assert.ok(begunMs !== undefined && sent.length > 0)
  assert.equal(sentMeanwhile, 0, 'rows would keep the earlier one up')
  assert.deepEqual(it.told, ['fired'])
  assert.match(it.notes[0] ?? '', /was firing for drill before, since .*: it was let end, and does not count/)
  assert.ok(it.notes[1]?.includes(`fires for drill, active since ${at(begunMs)}`), it.notes.join())
})

test('ING-7 an alert that became active by the first rejected rows is waited for without a break', async () => {
  await using it = await room((asked, _rows, theirMs) => [
    { state: asked < 3 ? 'pending' : 'firing', activeAt: at(theirMs) },
  ])
  await it.wait()
  assert.deepEqual(it.told, ['fired'])
  assert.equal(it.notes.length, 1)
})

test('ING-7 an earlier alert that does not end is told as it is, and not as fired', async () => {
  await using it = await room(
    (_asked, _rows, theirMs) => [{ state: 'firing', activeAt: at(theirMs - 10_000_000) }],
    0.1,
  )
  await assert.rejects(it.wait(), (error) => {
    assert.ok(isSealwatchError(error, 'DRILL_ALERT_SILENT'), String(error))
    assert.match(error.received ?? '', /was firing for drill before, since .*, and is not over/)
    return true
  })
  assert.deepEqual([it.told, it.rows()], [[], 0])
})
