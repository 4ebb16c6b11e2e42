// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf, type Log } from '@sealwatch/base'
import type { Health } from '@sealwatch/base/health'
import type { Chain, Rotation } from '@sealwatch/ledger/chain'
import type { AgentEnd } from './carriage/agent-end.ts'
import { blindSpotsOf } from './observe/modes.ts'
import type { IdentityKeeper } from './ship/index.ts'
import { domains, modes, sites } from './sources/observation.ts'
import type { AgentState } from './status.ts'
import type { WatchState } from './watch.ts'

export const agentHealthErrors = {
  SENSOR_GONE: {
    kind: 'unavailable',
    rule: 'the sensor is connected to the agent',
    advice: 'Look at its log; what happens meanwhile becomes an unknown interval in the ledger',
  },
  SERVER_GONE: {
    kind: 'unavailable',
    rule: 'the agent is registered with its server',
    advice: 'Look at the log of the agent; events wait on this host and are shipped later',
  },
} as const satisfies ErrorTable
const agentHealthError = errorsOf(agentHealthErrors)

export type Rotations = {
  take(tenant: string, rotation: Rotation): void
  /** Somebody wrote into the personal values beside this file. */
  valuesAltered(tenant: string, file: string): void
  /** What was lost since it was asked last, in words. */
  lost(): readonly string[]
}

/** What is told in words until somebody asks for it; beyond that it is counted. */
const lostTextsMax = 64

/** Tells of chain files that somebody renamed or emptied under the agent, logrotate usually (docs/runbooks/logrotate.md). */
export function countRotations(health: Health, log: Log): Rotations {
  const texts: string[] = []
  const say = (text: string) => texts.length < lostTextsMax && !texts.includes(text) && texts.push(text)
  const counts = { rotated: 0, restoredBytes: 0, lostLines: 0 }
  health.show('rotation', () => ({ level: counts.lostLines > 0 ? 'critical' : 'ok', ...counts }))
  const count = (name: string, help: string, read: () => number) =>
    health.metrics.counter({ name: `sealwatch_chain_${name}_total`, help }, read)
  count('rotated', 'Chain files that were rotated by somebody else', () => counts.rotated)
  count('restored_bytes', 'Put back behind a rotation', () => counts.restoredBytes)
  count('lost_lines', 'Lost on this host by a rotation', () => counts.lostLines)
  return {
    take(tenant, { file, parts, restoredBytes, lost }) {
      const fields = { tenant, file, parts, restored_bytes: restoredBytes, runbook: 'docs/runbooks/logrotate.md' }
      counts.rotated += 1
      counts.restoredBytes += restoredBytes
      if (lost === undefined) {
        log.info('a chain file was rotated; the chain goes on in a new one', fields)
        return
      }
      counts.lostLines += lost.toSeq - lost.fromSeq + 1
      say(
        `the file ${file} of its chain of ${tenant} was emptied or removed: the lines ${lost.fromSeq} to ${lost.toSeq} are not on this host any more`,
      )
      log.critical('a chain file was emptied under the agent, and lines are lost on this host', {
        ...fields,
        from_seq: lost.fromSeq,
        to_seq: lost.toSeq,
      })
    },
    valuesAltered(tenant, file) {
      log.critical('somebody wrote into the personal values beside a chain file; those that are lost are left out', {
        tenant,
        file,
      })
      say(`the personal values beside the file ${file} of its chain of ${tenant} were altered: some may be lost`)
    },
    lost: () => texts.splice(0),
  }
}

/** Who this host is to its server, how long that lasts, and whether the next start would find the same. */
export function showIdentity({ show, metrics }: Health, identity: Pick<IdentityKeeper, 'current' | 'problem'>): void {
  show('identity', () => ({
    level: identity.problem === undefined ? 'ok' : 'critical',
    certificateSerial: identity.current.serial,
    expiresAt: new Date(identity.current.expiresAtMs).toISOString(),
    problem: identity.problem?.message ?? null,
  }))
  metrics.gauge(
    { name: 'sealwatch_identity_expiry_time_seconds', help: 'When the certificate of this host ends' },
    () => identity.current.expiresAtMs / 1000,
  )
}

/** How the guard of this machine is. Undefined: it has none. */
export function showGuard({ show, tell }: Health, guard: Pick<AgentEnd, 'state'> | undefined): void {
  tell('guard_mode', () => (guard === undefined ? 'none' : (guard.state?.mode ?? 'away')))
  if (guard === undefined) return
  tell('guard_tier', () => guard.state?.tier ?? 'none')
  show('guard', () => {
    const { state } = guard
    if (state === undefined) return { level: 'critical', connected: false }
    const { mode, kill, prevent, preventsNothing, hands, incidents, protected: guarded } = state
    const canAct = hands === null || (hands.connected && (kill !== 'on' || hands.order !== null))
    return {
      level: mode === 'on' && canAct && (prevent !== 'on' || preventsNothing === null) ? 'ok' : 'warning',
      connected: true,
      protected: guarded,
      incidents,
      prevent,
      preventsNothing,
      hands: hands?.connected ?? null,
      standingOrderUntil: hands?.order?.until ?? null,
    }
  })
}

/** What the agent tells of itself on /healthz, /readyz and /metrics. */
export function addHealth(
  health: Health,
  of: {
    readonly watch: WatchState
    readonly state: () => AgentState
    readonly chains: () => readonly Chain[]
  },
): void {
  const { watch, state, chains } = of
  const ask = 'answering /readyz'
  health.probe({
    name: 'sensor',
    everyMs: 0,
    check: async () => {
      if (!watch.connected) throw agentHealthError('SENSOR_GONE', { attempted: ask })
      return undefined
    },
  })
  health.probe({
    name: 'server',
    everyMs: 0,
    // Without it the agent goes on sealing: that is what its chain is for.
    required: false,
    check: async () => {
      if (state() !== 'registered') throw agentHealthError('SERVER_GONE', { attempted: ask, received: state() })
      return undefined
    },
  })

  for (const domain of domains) health.tell(`${domain}_monitor_mode`, () => watch.hello?.modes[domain] ?? 'none')
  health.show('blind_spots', () => {
    const unseen = watch.hello === undefined ? [] : blindSpotsOf(watch.hello.modes)
    return { level: unseen.length > 0 ? 'warning' : 'ok', unseen }
  })

  const perChain = (read: (chain: Chain) => number) => () =>
    chains().map((chain) => [[chain.tenant], read(chain)] as const)
  const labels = ['tenant']
  const { metrics } = health
  metrics.gauge({ name: 'sealwatch_agent_unknown_intervals', help: 'Sealed since the start' }, () => watch.gaps)
  metrics.gauge(
    { name: 'sealwatch_chain_next_seq', help: 'Number of the next line of a chain', labels },
    perChain(({ position }) => position.nextSeq),
  )
  metrics.gauge(
    { name: 'sealwatch_chain_acknowledged_seq', help: 'Lines before this number are in the ledger', labels },
    perChain(({ shipped }) => shipped),
  )
  metrics.gauge(
    { name: 'sealwatch_sensor_mode', help: '1 where this watches the domain, else 0', labels: ['domain', 'mode'] },
    () =>
      domains.flatMap((domain) => modes.map((mode) => [[domain, mode], watch.hello?.modes[domain] === mode ? 1 : 0])),
  )
  const perSite = (count: 'produced' | 'dropped' | 'sent' | 'repeated') => () =>
    sites.map((site) => [[site], watch.account?.counts[site][count] ?? 0n] as const)
  for (const count of ['produced', 'dropped', 'sent', 'repeated'] as const)
    metrics.gauge(
      { name: `sealwatch_sensor_events_${count}`, help: `Events ${count} in this era of the sensor`, labels: ['site'] },
      perSite(count),
    )
}
