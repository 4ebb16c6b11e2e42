// SPDX-License-Identifier: Apache-2.0
// What puts a whole agent under pressure, and holds what it says against what it sealed.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Line } from '@sealwatch/ledger'
import { agentStatus, type EventView, framesOf, type LedgerView, readLedger } from './crash.ts'
import { eventually, type Platform, repository } from './platform.ts'

/** Three of four acts open a watched file. */
const acts = { perSecond: 50, seconds: 2 }
export const watchedActs = (acts.perSecond * acts.seconds * 3) / 4

type Healthz = {
  readonly audit_log: { readonly stalled: boolean }
  readonly queue_depth: { readonly level: string; readonly to_seal: number; readonly shed: number }
}
/** What the agent that runs now says. */
export const healthz = (platform: Platform) =>
  eventually('the agent to answer', async () => {
    const { health } = await agentStatus(platform)
    const response = await fetch(`${health}/healthz`).catch(() => undefined)
    return (await response?.json()) as Healthz | undefined
  })

const floods = {
  brief: 'while :; do /bin/true; done',
  // For who looks four times a second.
  lasting: 'while :; do i=0; while [ $i -lt 60 ]; do /bin/sleep 0.4 & i=$((i+1)); done; wait; done',
} as const

/** Programs in a loop: more than the agent can take. */
export function startFlood(of: keyof typeof floods = 'brief'): { stop(): Promise<void> } {
  const child = spawn('/bin/sh', ['-c', floods[of]], { stdio: 'ignore' })
  return {
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}

/** `log` is a file, which must not lie on a disk that is full. */
export async function act(platform: Platform, log: string): Promise<void> {
  const file = join(platform.run, 'canary', 'workload')
  writeFileSync(file, '')
  const numbers = ['--rate', String(acts.perSecond), '--seconds', String(acts.seconds)]
  const argv = [...numbers, '--log', log, '--file', file]
  const [code] = await once(spawn(join(repository, 'apps/sensor/build/workload'), argv, { stdio: 'inherit' }), 'exit')
  assert.equal(code, 0)
}

/** Sources that tell all of processes. */
const tellsForks = ['proc_connector', 'proc_poll']

type Told = { sealed: number; shed: number; lost: number; dropped: number }
type Account = { readonly sites: Readonly<Record<string, readonly string[]>> }

/** Of each head: what it says was consumed, dropped and shed at each site is what the lines up to it have or tell of; a fork is none. */
export function assertAccounted(lines: readonly Line[]): { heads: number; shed: number; lost: number; watched: Told } {
  const told = new Map<string, Told>()
  const base = new Map<string, number>()
  const at = (site: string) => {
    const row = told.get(site) ?? { sealed: 0, shed: 0, lost: 0, dropped: 0 }
    told.set(site, row)
    return row
  }
  let heads = 0
  for (const line of lines) {
    const event = ('event' in line ? line.event : {}) as EventView
    const { unmapped } = event
    if (unmapped?.site !== undefined) at(unmapped.site).sealed += framesOf(event)
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
      // Forks are consumed there, too, and make no events.
      if (tellsForks.includes(site)) {
        assert.ok(sealed + shed + lost <= consumed, site)
        assert.deepEqual([toldDropped, toldShed], [dropped, shed], site)
        continue
      }
      const known = sealed + shed + lost
      if (!base.has(site)) base.set(site, consumed - known)
      assert.deepEqual([consumed - (base.get(site) ?? 0), toldDropped, toldShed], [known, dropped, shed], site)
    }
  }
  const sum = (count: (row: Told) => number) => [...told.values()].reduce((total, row) => total + count(row), 0)
  return { heads, shed: sum(({ shed }) => shed), lost: sum(({ lost }) => lost), watched: at('openat') }
}

/** Of watched files none is shed; what waited to be sealed as an agent was killed is lost, and counted. */
export function assertWatchedOpens({ lines }: LedgerView, { shed, lost }: Told): void {
  const opens = lines.filter((line) => {
    const { actor, unmapped } = ('event' in line ? line.event : {}) as EventView
    return unmapped?.site === 'openat' && /^w\d+$/.test(actor?.process?.name ?? '')
  })
  const missing = watchedActs - opens.length
  assert.equal(shed, 0)
  assert.ok(missing >= 0 && missing <= lost, `${missing} of ${lost}`)
}

export const tellsOfShed = async (platform: Platform): Promise<true | undefined> => {
  const ledger = await readLedger(platform, [])
  return (
    ledger?.lines.some((line) => 'event' in line && (line.event as EventView).unmapped?.shed !== undefined) || undefined
  )
}

/** Nothing waits on the host any more. */
export const isIdle = async (platform: Platform): Promise<true | undefined> => {
  const [{ chains }, { queue_depth }] = [await agentStatus(platform), await healthz(platform)]
  const behind = chains.reduce((sum, { nextSeq, acknowledged }) => sum + nextSeq - acknowledged, 0)
  return (behind < 200 && queue_depth.to_seal < 50) || undefined
}
