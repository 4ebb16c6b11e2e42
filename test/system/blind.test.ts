// SPDX-License-Identifier: Apache-2.0
// AGT-8: whoever takes a host first makes its agent blind or silent. On the whole platform, that is told at the server.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, readFileSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
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

const ip = (...args: string[]) => execFileSync('ip', args)

function whyNotHere(): string | false {
  if (whyNot() !== undefined) return whyNot() as string
  try {
    ip('-V')
    return false
  } catch {
    return 'needs ip, of the package iproute2'
  }
}

test('AGT-8 an agent that is stopped with its supervisor or cut off from its server, a part that is killed, and whoever changes our program, are told of', {
  skip: whyNotHere(),
}, async (t) => {
  // A network of its own, whose packets can be dropped.
  const network = `sw${process.pid}b`
  ip('netns', 'add', network)
  t.after(() => ip('netns', 'delete', network))
  ip('-n', network, 'link', 'set', 'lo', 'up')
  const enter = ['nsenter', `--net=/run/netns/${network}`]
  const platform = await startPlatform(repository, {}, undefined, tmpdir(), enter)
  // Whatever else happens on this machine meanwhile is told of, too.
  const told = (message: RegExp, sinceMs: number) =>
    eventually(
      `an alert like ${message}`,
      async () => {
        const { stdout } = await platform.sealwatch('alerts', '--json')
        const lines = stdout.split('\n').filter((line) => line !== '')
        return lines
          .map((line) => JSON.parse(line) as Finding)
          .find(({ time, message: text }) => time >= sinceMs && message.test(text))
      },
      patienceMs,
    )
  async function alerted(message: RegExp, act: () => unknown): Promise<Finding> {
    const actedMs = systemClock.nowMs()
    await act()
    const finding = await told(message, actedMs)
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

    const agentState = () => JSON.parse(readFileSync(join(platform.run, 'agent/status.json'), 'utf8')).state as string
    const isState = (state: string) => async () => agentState() === state || undefined
    await eventually('the agent to be back', isState('registered'), patienceMs)
    const cutMs = systemClock.nowMs()
    const known = eventually('the agent to know that it has no server', isState('connecting'), patienceMs).then(() =>
      t.diagnostic(`the agent knew after ${systemClock.nowMs() - cutMs} ms`),
    )
    await alerted(/says nothing any more/, () => ip('-n', network, 'link', 'set', 'lo', 'down'))
    await known
    await alerted(/is back, after/, () => ip('-n', network, 'link', 'set', 'lo', 'up'))

    const ours = join(repository, 'apps/agent/package.json')
    await alerted(/Sealwatch's own program or settings changed/, () => chmodSync(ours, statSync(ours).mode & 0o7777))
  } finally {
    await platform.down()
  }
})
