// SPDX-License-Identifier: Apache-2.0
// AGT-5: the whole agent with a real sensor, while its chain is full and programs start in a loop, and when it dies of kill -9.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Line } from '@sealwatch/ledger'
import { agentStatus, checkCounts, type EventView, quietCount, readLedger } from './crash.ts'
import { eventually, type Platform, repository, startPlatform, whyNot } from './platform.ts'

const maxQueueDepth = 400
const small = {
  SEALWATCH_AGENT_MAX_AUDIT_LOG_SIZE_MB: '16',
  SEALWATCH_AGENT_WATCHER_BUFFER: '100',
  SEALWATCH_AGENT_MAX_QUEUE_DEPTH: String(maxQueueDepth),
}
const patienceMs = 90_000
/** Three of four acts open a watched file. */
const acts = { perSecond: 50, seconds: 2 }

type Healthz = {
  readonly audit_log: { readonly stalled: boolean }
  readonly queue_depth: { readonly level: string; readonly to_seal: number; readonly shed: number }
}
/** What the agent that runs now says. */
const healthz = (platform: Platform) =>
  eventually('the agent to answer', async () => {
    const { health } = await agentStatus(platform)
    const response = await fetch(`${health}/healthz`).catch(() => undefined)
    return (await response?.json()) as Healthz | undefined
  })

function startFlood(): { stop(): Promise<void> } {
  const child = spawn('/bin/sh', ['-c', 'while :; do /bin/true; done'], { stdio: 'ignore' })
  return {
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}

async function act(platform: Platform): Promise<void> {
  const file = join(platform.run, 'canary', 'workload')
  writeFileSync(file, '')
  const numbers = ['--rate', String(acts.perSecond), '--seconds', String(acts.seconds)]
  const argv = [...numbers, '--log', join(platform.data, 'acts.ndjson'), '--file', file]
  const [code] = await once(spawn(join(repository, 'apps/sensor/build/workload'), argv, { stdio: 'inherit' }), 'exit')
  assert.equal(code, 0)
}

type Told = { sealed: number; shed: number; lost: number; dropped: number }
type Account = { readonly sites: Readonly<Record<string, readonly string[]>> }

/** Of each head: what it says was consumed, dropped and shed at each site is what the lines up to it have or tell of; a fork is none. */
function assertAccounted(lines: readonly Line[]): { heads: number; shed: number; lost: number; watched: Told } {
  const told = new Map<string, Told>()
  const base = new Map<string, number>()
  const at = (site: string) => {
    const row = told.get(site) ?? { sealed: 0, shed: 0, lost: 0, dropped: 0 }
    told.set(site, row)
    return row
  }
  let heads = 0
  for (const line of lines) {
    const { unmapped } = ('event' in line ? line.event : {}) as EventView
    if (unmapped?.site !== undefined) at(unmapped.site).sealed += 1
    for (const [site, count] of Object.entries(unmapped?.shed?.sites ?? {})) at(site).shed += count
    for (const [site, count] of Object.entries(unmapped?.gap?.lost ?? {})) at(site).lost += count
    for (const [site, count] of Object.entries(unmapped?.drop?.dropped ?? {})) at(site).dropped += count
    const account = 'head' in line ? (line.head.sensor as Account | undefined) : undefined
    if (account === undefined) continue
    heads += 1
    for (const [site, numbers] of Object.entries(account.sites)) {
      if (site === 'fork') continue
      const [, , , consumed = 0, toldDropped, toldShed] = numbers.map(Number)
      const { sealed, shed, lost, dropped } = at(site)
      const known = sealed + shed + lost
      if (!base.has(site)) base.set(site, consumed - known)
      assert.deepEqual([consumed - (base.get(site) ?? 0), toldDropped, toldShed], [known, dropped, shed], site)
    }
  }
  const sum = (count: (row: Told) => number) => [...told.values()].reduce((total, row) => total + count(row), 0)
  return { heads, shed: sum(({ shed }) => shed), lost: sum(({ lost }) => lost), watched: at('openat') }
}

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
  await act(platform)
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
  // Programs still start in a loop.
  const { pid: first } = await agentStatus(platform)
  assert.ok(await platform.kill('agent'))
  await eventually('another agent', async () => (await agentStatus(platform)).pid !== first || undefined, patienceMs)
  await flood.stop()

  const violations: string[] = []
  const isIdle = async () => {
    const [{ chains }, { queue_depth }] = [await agentStatus(platform), await healthz(platform)]
    const behind = chains.reduce((sum, { nextSeq, acknowledged }) => sum + nextSeq - acknowledged, 0)
    return (behind < 200 && queue_depth.to_seal < 50) || undefined
  }
  await eventually('the ledger to have it', isIdle, patienceMs)
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
  const opens = ledger.lines.filter((line) => {
    const { actor, unmapped } = ('event' in line ? line.event : {}) as EventView
    return unmapped?.site === 'openat' && /^w\d+$/.test(actor?.process?.name ?? '')
  })
  // None was shed; what waited to be sealed as the agent was killed is lost, and counted.
  const missing = (acts.perSecond * acts.seconds * 3) / 4 - opens.length
  assert.equal(account.watched.shed, 0)
  assert.ok(missing >= 0 && missing <= account.watched.lost, `${missing} of ${account.watched.lost}`)
})
