// SPDX-License-Identifier: Apache-2.0

import { follow, type JsonObject, type Log } from '@sealwatch/base'
import { type Leaf, type Ledger, parseLine, sha256 } from '@sealwatch/ledger'
import type { ServerVoice } from '../identity/index.ts'
import type { Store } from '../store/index.ts'
import type { GuardedServer } from './ask-guard.ts'
import type { KeyOrder, KeyOrders } from './key-orders.ts'

const batchMax = 1024
const follower = 'key-incidents'
/** What a line that tells of an incident holds, so that other lines need not be parsed. */
const mark = '"guard_incident":'
const codes: readonly unknown[] = ['guard_incident_opened', 'guard_incident_updated']
const critical = 5

/**
 * Does for an incident that comes with the ledger what is done for one that the guard tells of at once: whoever cuts the
 * server's connection to its guard gains nothing by it. Once for an incident, also over restarts.
 */
export async function followIncidents(options: {
  /** Of the cluster: what guards tell of Sealwatch's own parts is there. */
  readonly ledger: Ledger
  readonly store: Store
  readonly keyOrders: KeyOrders
  readonly guarded: Pick<GuardedServer, 'decides'>
  readonly voice: ServerVoice
  readonly log: Log
  readonly signal: AbortSignal
}): Promise<void> {
  const { ledger, store, keyOrders, guarded, voice, log, signal } = options
  const { tenant } = ledger
  const saved = await store.db
    .selectFrom('cursors')
    .select('position')
    .where('follower', '=', follower)
    .where('tenant', '=', tenant)
    .executeTakeFirst()

  async function handle(leaves: readonly Leaf[], position: number): Promise<void> {
    for (const leaf of leaves) {
      const order = orderIn(ledger, leaf, voice.device.boot_uid)
      if (order === undefined || guarded.decides(order.incident)) continue
      log.critical('an incident of the memory of our own parts came with the ledger', { ...order, leaf: leaf.index })
      await keyOrders.evict(order)
      // Durable before it is passed over.
      await keyOrders.order(order)
    }
    await store.derived((tx) =>
      tx
        .insertInto('cursors')
        .values({ follower, tenant, position, side_position: 0 })
        .onConflict((conflict) => conflict.columns(['follower', 'tenant']).doUpdateSet({ position }))
        .execute(),
    )
  }

  await follow({ name: follower, feed: ledger, cursor: saved?.position ?? 0, batchMax, signal, handle })
}

/** What a host's guard says of the server, on the machine as it runs now, or of the signing proxy, wherever that is. */
function orderIn(ledger: Ledger, { index, line: bytes }: Leaf, bootUid: string | undefined): KeyOrder | undefined {
  if (!Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes(mark)) return undefined
  const { line } = parseLine(sha256, bytes, `reading leaf ${index} of ${ledger.tenant}`)
  if (line.chain === ledger.chain || !('event' in line)) return undefined
  const event = line.event as JsonObject
  const [metadata, device, unmapped] = [event.metadata, event.device, event.unmapped].map(membersOf)
  const { incident, name, way, reached } = membersOf(unmapped?.guard_incident)
  if (!codes.includes(metadata?.event_code) || event.severity_id !== critical) return undefined
  if (typeof incident !== 'string' || typeof way !== 'string' || incident.length > 128 || way.length > 64)
    return undefined
  const isOurs =
    name === 'signing-proxy' || (name === 'server' && device?.boot_uid === bootUid && bootUid !== undefined)
  return isOurs && Object.values(membersOf(reached)).some(wasReached) ? { incident, way, source: 'ledger' } : undefined
}

/** The kernel did not refuse all of it. */
function wasReached(by: unknown): boolean {
  const { count, refused = 0 } = membersOf(by)
  return typeof count === 'number' && typeof refused === 'number' && count > refused
}

const membersOf = (value: unknown): JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {}
