// SPDX-License-Identifier: Apache-2.0

import { type Clock, rfc3339 } from '@sealwatch/base'
import type { Outbox, Store } from '../store/index.ts'
import type { ServerVoice } from './audit-event.ts'
import { identityError } from './errors.ts'
import { auditTenant, hostRevoked } from './events.ts'
import type { HostFacts } from './host-facts.ts'

/** A host whose certificate was verified for this call. */
export type Host = { readonly hostId: string; readonly hostname: string }

export type Hosts = {
  /** Throws HOST_UNKNOWN or HOST_REVOKED. */
  admit(hostId: string): Promise<Host>
  /** What a host says of itself at registration. */
  seen(host: Host, facts: HostFacts, agentVersion: string): Promise<void>
  /** Calls `close` when the host is revoked; the returned function ends that. */
  attach(hostId: string, close: () => void): () => void
  /**
   * Revokes a host and its signing keys for good, ends its live connections, and resolves once that stands in the
   * ledger, or is parked for it: a revocation does not wait for a disk. Throws HOST_UNKNOWN; a host that is revoked already stays so.
   */
  revoke(hostId: string, cause: string): Promise<void>
}

export type HostsOptions = {
  readonly store: Store
  readonly outbox: Outbox
  readonly voice: ServerVoice
  readonly clock: Clock
}

export function createHosts({ store, outbox, voice, clock }: HostsOptions): Hosts {
  const live = new Map<string, Set<() => void>>()
  const unknown = (attempted: string, received: string) => identityError('HOST_UNKNOWN', { attempted, received })

  async function revokeInStore(hostId: string, cause: string): Promise<string | undefined> {
    const nowNs = clock.nowNs()
    const now = rfc3339(nowNs)
    return store.transaction(async (tx) => {
      const host = await tx.selectFrom('hosts').selectAll().where('host_id', '=', hostId).executeTakeFirst()
      if (host === undefined) throw unknown('revoking a host', hostId)
      if (host.revoked_at !== null) return undefined
      await tx.updateTable('hosts').set({ revoked_at: now }).where('host_id', '=', hostId).execute()
      const keys = await tx
        .updateTable('signing_keys')
        .set({ revoked_at: now })
        .where('host_id', '=', hostId)
        .where('revoked_at', 'is', null)
        .returning('key_id')
        .execute()
      for (const { key_id } of keys)
        await tx.insertInto('signing_key_revocations').values({ key_id, revoked_at: now, cause }).execute()
      return outbox.enqueue(tx, auditTenant, hostRevoked(voice, nowNs, hostId, host.hostname, cause))
    })
  }

  return {
    admit: async (hostId) => {
      const row = await store.db
        .selectFrom('hosts')
        .select(['hostname', 'revoked_at'])
        .where('host_id', '=', hostId)
        .executeTakeFirst()
      const attempted = `admitting the host ${hostId}`
      if (row === undefined) throw unknown(attempted, hostId)
      if (row.revoked_at !== null)
        throw identityError('HOST_REVOKED', { attempted, received: `revoked at ${row.revoked_at}` })
      return { hostId, hostname: row.hostname }
    },
    seen: async ({ hostId }, facts, agentVersion) => {
      const seen = {
        hostname: facts.hostname,
        facts: JSON.stringify(facts),
        agent_version: agentVersion,
        last_seen_at: rfc3339(clock.nowNs()),
      }
      await store.db.updateTable('hosts').set(seen).where('host_id', '=', hostId).execute()
    },
    attach: (hostId, close) => {
      const closers = live.get(hostId) ?? new Set()
      live.set(hostId, closers.add(close))
      return () => {
        closers.delete(close)
        if (closers.size === 0 && live.get(hostId) === closers) live.delete(hostId)
      }
    },
    revoke: async (hostId, cause) => {
      const uid = await revokeInStore(hostId, cause)
      // From here on admit() refuses the host, so no connection can come in between.
      for (const close of live.get(hostId) ?? []) close()
      outbox.ring()
      if (uid !== undefined) await outbox.recorded(uid, `revoking the host ${hostId}`)
    },
  }
}
