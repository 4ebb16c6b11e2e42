// SPDX-License-Identifier: Apache-2.0
// AGT-8: whoever takes a host first makes its agent blind or silent. On the whole platform, that is told at the server.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '@sealwatch/base'
import { eventually, startPlatform, whyNot } from './platform.ts'

type Finding = {
  readonly time: number
  readonly message: string
  readonly activity_name: string
  readonly metadata: { readonly event_code: string }
  readonly evidences: readonly { readonly data: { readonly last_heartbeat?: string } }[]
}

const toldWithinMs = 10_000

test('AGT-8 an agent that is stopped together with its supervisor, and whatever is killed, is told of within ten seconds', {
  skip: whyNot() ?? false,
}, async (t) => {
  const platform = await startPlatform()
  // Whatever else happens on this machine meanwhile is told of, too.
  const told = (message: RegExp) =>
    eventually(`an alert like ${message}`, async () => {
      const { stdout } = await platform.sealwatch('alerts', '--json')
      const lines = stdout.split('\n').filter((line) => line !== '')
      return lines.map((line) => JSON.parse(line) as Finding).find((finding) => message.test(finding.message))
    })
  async function within(message: RegExp, act: () => unknown): Promise<Finding> {
    const actedMs = systemClock.nowMs()
    await act()
    const finding = await told(message)
    t.diagnostic(`${finding.message}: after ${finding.time - actedMs} ms`)
    assert(finding.time - actedMs < toldWithinMs)
    return finding
  }
  try {
    const silent = await within(/says nothing any more/, () => platform.signalBoth('agent', 'SIGSTOP'))
    assert.deepEqual([silent.activity_name, silent.metadata.event_code], ['Create', 'host_silent'])
    assert.match(silent.evidences[0]?.data.last_heartbeat ?? '', /^sealwatch\.dev\/heartbeat\/v1\//)
    assert.match((await platform.sealwatch('status')).stdout, /cannot be relied on \(silent\)/)
    const over = await within(/is back, after/, () => platform.signalBoth('agent', 'SIGCONT'))
    assert.deepEqual([over.activity_name, over.metadata.event_code], ['Close', 'host_silent'])

    for (const part of ['sensor', 'agent'] as const)
      await within(new RegExp(`the ${part} ended unexpectedly`), async () => assert(await platform.kill(part)))
  } finally {
    await platform.down()
  }
})
