// SPDX-License-Identifier: Apache-2.0

import type { Hardening } from '@sealwatch/base'
import type { Chain } from '@sealwatch/ledger/chain'
import type { AgentEnd } from './carriage/agent-end.ts'
import type { SealedCheck } from './integrity/baseline.ts'
import type { ShedTally } from './journal/shed-tally.ts'
import { blindSpotsOf } from './observe/modes.ts'
import type { ServerTrouble } from './ship/index.ts'
import { sites } from './sources/observation.ts'
import type { WatchState } from './watch.ts'

export type AgentState = 'unenrolled' | 'connecting' | 'registered'

/** What `sealwatch status` shows of the agent (docs/reference/status.md). Counts are decimal strings: they pass 2^53. */
export function statusOf(options: {
  readonly nowMs: number
  readonly pid: number
  readonly state: AgentState
  readonly hostId: string | null
  /** What stands between this host and its server; null: it is registered, or has only begun. */
  readonly trouble: ServerTrouble | null
  /** Where /healthz, /readyz and /metrics are. */
  readonly health: string
  readonly hardening: Hardening
  readonly watch: WatchState
  readonly chains: readonly Chain[]
  /** Undefined: this machine has none. */
  readonly guard: Pick<AgentEnd, 'state' | 'chains' | 'refusalOf'> | undefined
  /** Events of a tenant that wait to be sealed. */
  readonly toSeal: (tenant: string) => number
  readonly tally: ShedTally
  readonly baseline: SealedCheck | undefined
}): object {
  const { nowMs, pid, state, hostId, trouble, health, hardening, watch, chains, guard, toSeal, tally, baseline } =
    options
  return {
    time: new Date(nowMs).toISOString(),
    pid,
    state,
    hostId,
    trouble,
    health,
    hardening,
    sensor: sensorStatus(watch, tally),
    chains: [
      ...chains.map(({ id, tenant, position, shipped }) => ({
        chain: id,
        tenant,
        toSeal: toSeal(tenant),
        nextSeq: position.nextSeq,
        acknowledged: shipped,
      })),
      ...(guard?.chains ?? []).map(({ id, tenant, position, acknowledged }) => ({
        chain: id,
        tenant,
        writer: 'guard',
        toSeal: 0,
        nextSeq: position.nextSeq,
        acknowledged,
      })),
    ],
    guard: guard === undefined ? null : guardStatus(guard),
    gaps: watch.gaps,
    baseline: baseline === undefined ? null : baselineStatus(baseline),
  }
}

function guardStatus({ state, refusalOf }: Pick<AgentEnd, 'state' | 'refusalOf'>): object {
  const refused = refusalOf('host_config') ?? null
  if (state === undefined) return { connected: false, refused }
  const {
    mode,
    tier,
    protected: guarded,
    names,
    incidents,
    kill,
    prevent,
    preventsNothing,
    hands,
    configVersion,
  } = state
  const handsNow = hands && {
    connected: hands.connected,
    orderUntil: hands.order?.until ?? null,
    refused: hands.refused,
  }
  return {
    ...{ connected: true, mode, tier, protected: guarded, names, incidents, kill, prevent, preventsNothing },
    ...{ hands: handsNow, configVersion, refused },
  }
}

function baselineStatus({ endedMs, digest, rows, untold, isAltered }: SealedCheck): object {
  return { checkedAt: new Date(endedMs).toISOString(), digest, rows, untold, altered: isAltered }
}

function sensorStatus({ hello, connected, account }: WatchState, tally: ShedTally): object | null {
  if (hello === undefined) return null
  const rows = sites.map((site) => {
    const { produced, dropped, sent } = (account ?? hello).counts[site]
    const { ok, reason } = hello.attached[site]
    const shed = (account?.toldShed[site] ?? 0n) + BigInt(tally.untold(hello.era, site))
    const counts = { produced, dropped, sent, shed }
    const texts = Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, String(count)]))
    return [site, { attached: ok, reason, ...texts }] as const
  })
  return {
    connected,
    version: hello.sensorVersion,
    era: hello.era,
    kernel: hello.kernel,
    modes: hello.modes,
    unseen: blindSpotsOf(hello.modes),
    sites: Object.fromEntries(rows),
  }
}
