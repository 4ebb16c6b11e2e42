// SPDX-License-Identifier: Apache-2.0

import type { Hardening } from '@sealwatch/base'
import type { Chain } from '@sealwatch/ledger'
import { sites } from './sources/observation.ts'
import type { WatchState } from './watch.ts'

export type AgentState = 'unenrolled' | 'connecting' | 'registered'

/** What `sealwatch status` shows of the agent (docs/reference/status.md). Counts are decimal strings: they pass 2^53. */
export function statusOf(options: {
  readonly nowMs: number
  readonly pid: number
  readonly state: AgentState
  readonly hostId: string | null
  /** Where /healthz, /readyz and /metrics are. */
  readonly health: string
  readonly hardening: Hardening
  readonly watch: WatchState
  readonly chains: readonly Chain[]
}): object {
  const { nowMs, pid, state, hostId, health, hardening, watch, chains } = options
  return {
    time: new Date(nowMs).toISOString(),
    pid,
    state,
    hostId,
    health,
    hardening,
    sensor: sensorStatus(watch),
    chains: chains.map(({ id, tenant, position, shipped }) => ({
      chain: id,
      tenant,
      nextSeq: position.nextSeq,
      acknowledged: shipped,
    })),
    gaps: watch.gaps,
  }
}

function sensorStatus({ hello, connected, account }: WatchState): object | null {
  if (hello === undefined) return null
  const rows = sites.map((site) => {
    const { produced, dropped, sent } = (account ?? hello).counts[site]
    const { ok, reason } = hello.attached[site]
    return [
      site,
      { attached: ok, reason, produced: String(produced), dropped: String(dropped), sent: String(sent) },
    ] as const
  })
  return {
    connected,
    version: hello.sensorVersion,
    era: hello.era,
    kernel: hello.kernel,
    sites: Object.fromEntries(rows),
  }
}
