// SPDX-License-Identifier: Apache-2.0

import { type Clock, rfc3339 } from '@sealwatch/base'
import { across, type Outbox, type Store } from '../store/index.ts'
import type { ActBy } from './act.ts'
import type { ServerVoice } from './audit-event.ts'
import { identityError } from './errors.ts'
import { hostRevoked, sayOfHost } from './events.ts'
import type { HostFacts } from './host-facts.ts'
import type { Recorded } from './record-act.ts'

/** A host whose certificate was verified for this call. */
export type Host = { readonly hostId: string; readonly hostname: string; readonly tenant: string }

export type Hosts = {
  /** Throws HOST_UNKNOWN or HOST_REVOKED. */
  admit(hostId: string): Promise<Host>
  /** What a host says of itself at registration. */
  seen(host: Host, facts: HostFacts, agentVersion: string): Promise<void>
  /** Calls `close` when the host is revoked; the returned function ends that. */
  attach(hostId: string, close: () => void): () => void
  /**
   * Revokes a host of the tenant and its signing keys for good, ends its live connections, and resolves once that stands
   * in the ledgers, or is parked for them: a revocation does not wait for a disk. Throws HOST_UNKNOWN; a host that is
   * revoked already stays so.
   */
  revoke(by: ActBy | undefined, tenant: string, hostId: string, cause: string): Promise<Recorded>
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

  async function revokeInStore(
    by: ActBy | undefined,
    tenant: string,
    hostId: string,
    cause: string,
  ): Promise<readonly string[]> {
    const nowNs = clock.nowNs()
    const now = rfc3339(nowNs)
    return store.transaction(async (tx) => {
      const host = await tx
        .selectFrom('hosts')
        .select(['hostname', 'revoked_at'])
        .where('tenant', '=', tenant)
        .where('host_id', '=', hostId)
        .executeTakeFirst()
      if (host === undefined) throw unknown('revoking a host', hostId)
      if (host.revoked_at !== null) return []
      await tx
        .updateTable('hosts')
        .set({ revoked_at: now })
        .where('tenant', '=', tenant)
        .where('host_id', '=', hostId)
        .execute()
      const keys = await tx
        .updateTable('signing_keys')
        .set({ revoked_at: now })
        .where('host_id', '=', hostId)
        .where('revoked_at', 'is', null)
        .returning('key_id')
        .execute()
      for (const { key_id } of keys)
        await tx.insertInto('signing_key_revocations').values({ key_id, revoked_at: now, cause }).execute()
      const { hostname } = host
      return sayOfHost(tx, outbox, tenant, hostRevoked(voice, nowNs, by, { hostId, hostname, cause }))
    })
  }

  return {
    admit: async (hostId) => {
      const row = await across(store.db, 'certificate')
        .selectFrom('hosts')
        .select(['hostname', 'tenant', 'revoked_at'])
        .where('host_id', '=', hostId)
        .executeTakeFirst()
      const attempted = `admitting the host ${hostId}`
      if (row === undefined) throw unknown(attempted, hostId)
      if (row.revoked_at !== null)
        throw identityError('HOST_REVOKED', { attempted, received: `revoked at ${row.revoked_at}` })
      return { hostId, hostname: row.hostname, tenant: row.tenant }
    },
    seen: async ({ hostId, tenant }, facts, agentVersion) => {
      const seen = {
        hostname: facts.hostname,
        facts: JSON.stringify(facts),
        agent_version: agentVersion,
        last_seen_at: rfc3339(clock.nowNs()),
      }
      await store.db.updateTable('hosts').set(seen).where('tenant', '=', tenant).where('host_id', '=', hostId).execute()
    },
    attach: (hostId, close) => {
      const closers = live.get(hostId) ?? new Set()
      live.set(hostId, closers.add(close))
      return () => {
        closers.delete(close)
        if (closers.size === 0 && live.get(hostId) === closers) live.delete(hostId)
      }
    },
    revoke: async (by, tenant, hostId, cause) => {
      const uids = await revokeInStore(by, tenant, hostId, cause)
      // From here on admit() refuses the host, so no connection can come in between.
      for (const close of live.get(hostId) ?? []) close()
      outbox.ring()
      const [leafIndex] = await Promise.all(uids.map((uid) => outbox.recorded(uid, `revoking the host ${hostId}`)))
      return { tenant, leafIndex }
    },
  }
}
