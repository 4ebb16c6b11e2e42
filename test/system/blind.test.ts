// SPDX-License-Identifier: Apache-2.0
// AGT-8: whoever takes a host first makes its agent blind or silent. On the whole platform, that is told at the server.

import assert from 'node:assert/strict'
import { chmodSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '@sealwatch/base'
import { eventually, repository, startPlatform, whyNot } from './platform.ts'

type Finding = {
  readonly time: number
  readonly message: string
  readonly activity_name: string
  readonly metadata: { readonly event_code: string }
  readonly evidences: readonly { readonly data: { readonly last_heartbeat?: string } }[]
}

/** That silence is told of after 8 to 8.5 s by the server's clock, presence.test.ts shows: here a machine may be as slow as it likes. */
const patienceMs = 120_000

test('AGT-8 an agent that is stopped together with its supervisor, whatever is killed, and whoever changes our program, is told of', {
  skip: whyNot() ?? false,
}, async (t) => {
  const platform = await startPlatform()
  // Whatever else happens on this machine meanwhile is told of, too.
  const told = (message: RegExp) =>
    eventually(
      `an alert like ${message}`,
      async () => {
        const { stdout } = await platform.sealwatch('alerts', '--json')
        const lines = stdout.split('\n').filter((line) => line !== '')
        return lines.map((line) => JSON.parse(line) as Finding).find((finding) => message.test(finding.message))
      },
      patienceMs,
    )
  async function alerted(message: RegExp, act: () => unknown): Promise<Finding> {
    const actedMs = systemClock.nowMs()
    await act()
    const finding = await told(message)
    t.diagnostic(`${finding.message}: after ${finding.time - actedMs} ms`)
    return finding
  }
  try {
    const silent = await alerted(/says nothing any more/, () => platform.signalBoth('agent', 'SIGSTOP'))
    assert.deepEqual([silent.activity_name, silent.metadata.event_code], ['Create', 'host_silent'])
    assert.match(silent.evidences[0]?.data.last_heartbeat ?? '', /^sealwatch\.dev\/heartbeat\/v1\//)
    assert.match((await platform.sealwatch('status')).stdout, /cannot be relied on \(silent\)/)
    const over = await alerted(/is back, after/, () => platform.signalBoth('agent', 'SIGCONT'))
    assert.deepEqual([over.activity_name, over.metadata.event_code], ['Close', 'host_silent'])

    for (const part of ['sensor', 'agent'] as const)
      await alerted(new RegExp(`the ${part} ended unexpectedly`), async () => assert(await platform.kill(part)))

    const ours = join(repository, 'apps/agent/package.json')
    await alerted(/Sealwatch's own program or settings changed/, () => chmodSync(ours, statSync(ours).mode & 0o7777))
  } finally {
    await platform.down()
  }
})
