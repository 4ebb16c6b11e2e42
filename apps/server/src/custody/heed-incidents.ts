// SPDX-License-Identifier: Apache-2.0

import type { JsonObject, Log } from '@sealwatch/base'
import type { ServerVoice } from '../identity/index.ts'
import type { GuardedServer } from './ask-guard.ts'
import type { KeyOrder, KeyOrders } from './key-orders.ts'

const codes: readonly unknown[] = ['guard_incident_opened', 'guard_incident_updated']
const critical = 5

/**
 * Does for an incident that comes with a ledger what is done for one that the guard tells of at once: whoever cuts the
 * server's connection to its guard gains nothing by it. What the guard was told not to do is not done here either. Durable when it
 * resolves, and once for an incident.
 */
export const heedIncidents =
  (options: {
    readonly keyOrders: KeyOrders
    readonly guarded: Pick<GuardedServer, 'decides'>
    readonly voice: ServerVoice
    readonly log: Log
  }): ((event: JsonObject) => Promise<void>) =>
  async (event) => {
    const { keyOrders, guarded, voice, log } = options
    const order = orderOf(event, voice.device.boot_uid)
    if (order === undefined || guarded.decides(order.incident)) return
    log.critical('an incident of the memory of our own parts came with the ledger', { ...order })
    const { answers } = membersOf(membersOf(event.unmapped).guard_incident)
    const isOn = (step: string) => !Array.isArray(answers) || answers.includes(step)
    if (isOn('evict')) await keyOrders.evict(order)
    if (isOn('rotate')) await keyOrders.order(order)
  }

/** What a host's guard says of the server, on the machine as it runs now, or of the signing proxy, wherever that is. */
function orderOf(event: JsonObject, bootUid: string | undefined): KeyOrder | undefined {
  const [metadata, device, unmapped] = [event.metadata, event.device, event.unmapped].map(membersOf)
  const { incident, name, way, reached } = membersOf(unmapped?.guard_incident)
  if (!codes.includes(metadata?.event_code) || event.severity_id !== critical) return undefined
  if (typeof incident !== 'string' || typeof way !== 'string' || incident.length > 128 || way.length > 64)
    return undefined
  const isHere = bootUid !== undefined && device?.boot_uid === bootUid
  const isOurs = name === 'signing-proxy' || (name === 'server' && isHere)
  return isOurs && Object.values(membersOf(reached)).some(wasReached) ? { incident, way, source: 'ledger' } : undefined
}

/** The kernel did not refuse all of it. */
function wasReached(by: unknown): boolean {
  const { count, refused = 0 } = membersOf(by)
  return typeof count === 'number' && typeof refused === 'number' && count > refused
}

const membersOf = (value: unknown): JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {}
