// SPDX-License-Identifier: Apache-2.0

import type { Log } from '@sealwatch/base'
import type { Health } from '@sealwatch/base/health'
import { type GuardMode, protect, type Threat } from '@sealwatch/protect'
import type { KeyOrder, KeyOrders } from './key-orders.ts'

export type GuardedServer = {
  /** The guard has told of the incident and said what is to be done; or it is not to have anything done at all. */
  decides(incident: string): boolean
  stop(): void
}

const rememberedMax = 1_024

/**
 * Has the memory of this process guarded, as any service may (docs/formats/protect.md). Who reaches for it has the keys in
 * it wiped and the master key rotated.
 */
export function askGuard(options: {
  /** Of the guard of this machine. */
  readonly socket: string
  readonly keyOrders: KeyOrders
  readonly health: Health
  readonly log: Log
}): GuardedServer {
  const { socket, keyOrders, health, log } = options
  const heard = new Set<string>()
  const ordered = new Set<string>()
  let mode: GuardMode = 'on'
  const orderOf = ({ incident, way }: Threat): KeyOrder => ({ incident, way, source: 'guard' })
  /** Keys were read after the step was done: the guard orders it anew. */
  const isAgain = (step: 'evict' | 'rotate', { incident }: Threat) => !keep(ordered, `${step} ${incident}`)
  const protection = protect({
    name: 'server',
    socket,
    onThreat: (threat) => {
      keep(heard, threat.incident)
      log.critical('somebody reaches for the memory of the server', { ...threat })
    },
    evict: async (threat) => `${await keyOrders.evict(orderOf(threat), isAgain('evict', threat))} keys`,
    rotate: async (threat, queued) =>
      `epoch ${await keyOrders.rotate(orderOf(threat), queued, isAgain('rotate', threat))}`,
    onProtected: ({ id, mode: said, audit }) => {
      mode = said
      log.info('the guard watches over the memory of the server', { registration: id, mode, audit: [...audit] })
    },
    onNotice: (text) => log.warn(text),
  })
  health.metrics.gauge(
    { name: 'sealwatch_server_guarded', help: 'Whether a guard watches over the memory of the server: 1 or 0' },
    () => (protection.registered === undefined ? 0 : 1),
  )
  return { decides: (incident) => mode !== 'on' || heard.has(incident), stop: () => protection.stop() }
}

/** Whether it was not there. */
function keep(kept: Set<string>, key: string): boolean {
  if (kept.has(key)) return false
  if (kept.size >= rememberedMax) kept.delete(kept.values().next().value as string)
  kept.add(key)
  return true
}
