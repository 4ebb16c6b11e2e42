// SPDX-License-Identifier: Apache-2.0
// AGT-8: whoever takes a host first makes its agent blind or silent. On the whole platform, that is told at the server.

import assert from 'node:assert/strict'
import process from 'node:process'
import { test } from 'node:test'
import { systemClock } from '@sealwatch/base'
import { eventually, type Platform, startPlatform, whyNot } from './platform.ts'

type Finding = {
  readonly time: number
  readonly activity_name: string
  readonly metadata: { readonly event_code: string }
  readonly evidences: readonly { readonly data: { readonly last_heartbeat?: string } }[]
}

/** What is told of hosts, as "Create host_silent". */
async function told(platform: Platform): Promise<(Finding & { readonly as: string })[]> {
  const { stdout } = await platform.sealwatch('alerts', '--json')
  const findings = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Finding)
  return findings.map((finding) => ({ ...finding, as: `${finding.activity_name} ${finding.metadata.event_code}` }))
}

test('an agent that is stopped by a signal is told of within ten seconds, and so is its return', {
  skip: whyNot() ?? false,
}, async (t) => {
  const platform = await startPlatform()
  try {
    const agent = (await platform.pidOf('agent')) as number
    const stoppedMs = systemClock.nowMs()
    process.kill(agent, 'SIGSTOP')
    const silent = await eventually('the alert', async () => (await told(platform)).at(0))
    t.diagnostic(`told after ${silent.time - stoppedMs} ms`)
    assert.equal(silent.as, 'Create host_silent')
    assert(silent.time - stoppedMs < 10_000)
    assert.match(silent.evidences[0]?.data.last_heartbeat ?? '', /^sealwatch\.dev\/heartbeat\/v1\//)
    const status = await platform.sealwatch('status')
    assert.match(status.stdout, /cannot be relied on \(silent\)/)
    process.kill(agent, 'SIGCONT')
    const over = await eventually('its end', async () => (await told(platform)).at(1))
    assert.equal(over.as, 'Close host_silent')
  } finally {
    await platform.down()
  }
})
