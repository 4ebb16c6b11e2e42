// SPDX-License-Identifier: Apache-2.0

import { type Clock, createRate, rfc3339, rfc3339From } from '@sealwatch/base'
import { across, isNotKept, notDurable, type Outbox, type Store } from '../store/index.ts'
import type { ActBy } from './act.ts'
import type { ServerVoice } from './audit-event.ts'
import { identityError } from './errors.ts'
import { hostRevoked, sayOfHost } from './events.ts'
import type { HostFacts } from './host-facts.ts'
import type { HostKeys, Recorded } from './record-act.ts'
import { registryLine } from './registry-line.ts'
import { renameHost } from './rename-host.ts'

/** A host whose certificate was verified for this call. */
export type Host = { readonly hostId: string; readonly hostname: string; readonly tenant: string }

export type Hosts = {
  /** Throws HOST_UNKNOWN or HOST_REVOKED. */
  admit(hostId: string): Promise<Host>
  /** What a host says of itself at registration; another name is an act, told in the ledgers. Resolves with the host by its name now. */
  seen(host: Host, facts: HostFacts, agentVersion: string): Promise<Host>
  /** Calls `close` when the host is revoked; the returned function ends that. */
  attach(hostId: string, close: () => void): () => void
  /**
   * Revokes a host of the tenant and its signing keys for good, ends its live connections, and resolves once that stands
   * in the ledgers, or is parked for them: a revocation does not wait for a disk. Throws HOST_UNKNOWN; a host that is
   * revoked already stays so. Throws NOT_DURABLE where the database could not keep it: the host is out, and is written
   * down as revoked later. `since`: from then on somebody else may have signed under its keys (RFC 3339); throws HOST_SINCE
   * where that is no time, or has not come.
   */
  revoke(by: ActBy | undefined, tenant: string, hostId: string, cause: string, since?: string): Promise<Recorded>
  /** Since when a host is out that the database has not got as revoked. */
  deniedSince(hostId: string): string | undefined
  /** Writes down what the database could not keep, as far as it can now. */
  tend(): Promise<void>
}

type Unkept = {
  readonly by: ActBy | undefined
  readonly tenant: string
  readonly cause: string
  readonly timeNs: bigint
  /** From then on somebody else may have had its keys. */
  readonly compromisedSince: string | null
  readonly since: string
}

export type HostsOptions = {
  readonly store: Store
  readonly outbox: Outbox
  readonly keys: HostKeys
  readonly voice: ServerVoice
  readonly clock: Clock
}

/** Other names that a host may take, each of which is two lines: at once, and then one a minute. Beyond them it keeps the one that it has. */
const namesOf = { burst: 10, perSecond: 1 / 60, keysMax: 10_000 } as const

export function createHosts({ store, outbox, keys, voice, clock }: HostsOptions): Hosts {
  const live = new Map<string, Set<() => void>>()
  // Revoked, and in the database still, which had no room: no more than that has rows.
  const unkept = new Map<string, Unkept>()
  const names = createRate(clock, namesOf)
  const unknown = (attempted: string, received: string) => identityError('HOST_UNKNOWN', { attempted, received })

  async function revokeInStore(
    { by, tenant, cause, timeNs, compromisedSince }: Omit<Unkept, 'since'>,
    hostId: string,
    onFound: () => void,
  ): Promise<readonly string[]> {
    const now = rfc3339(timeNs)
    return store.taking(async (tx) => {
      const host = await tx
        .selectFrom('hosts')
        .select(['hostname', 'revoked_at'])
        .where('tenant', '=', tenant)
        .where('host_id', '=', hostId)
        .executeTakeFirst()
      if (host === undefined) throw unknown('revoking a host', hostId)
      onFound()
      if (host.revoked_at !== null) return []
      await tx
        .updateTable('hosts')
        .set({ revoked_at: now })
        .where('tenant', '=', tenant)
        .where('host_id', '=', hostId)
        .execute()
      const revoked = await tx
        .updateTable('signing_keys')
        .set({ revoked_at: now })
        .where('tenant', '=', tenant)
        .where('producer_kind', '=', 'host')
        .where('producer', '=', hostId)
        .where('revoked_at', 'is', null)
        .returningAll()
        .execute()
      const { hostname } = host
      const uids = await sayOfHost(tx, outbox, tenant, hostRevoked(voice, timeNs, by, { hostId, hostname, cause }))
      for (const key of revoked) {
        const { key_id } = key
        await tx
          .insertInto('signing_key_revocations')
          .values({ tenant, key_id, revoked_at: now, cause, compromised_since: compromisedSince })
          .execute()
        const line = registryLine(key, { change: 'revoked', changedAt: now, cause, compromisedSince })
        uids.push(...(await sayOfHost(tx, outbox, tenant, () => line)))
      }
      return uids
    })
  }

  async function revoke(act: Omit<Unkept, 'since'>, hostId: string): Promise<Recorded> {
    const attempted = `revoking the host ${hostId}`
    const close = () => {
      for (const end of live.get(hostId) ?? []) end()
    }
    let isTheirs = false
    const write = revokeInStore(act, hostId, () => {
      isTheirs = true
    })
    const uids = await write.catch((error: unknown) => {
      if (!isTheirs || !isNotKept(error)) throw error
      unkept.set(hostId, { ...act, since: rfc3339(act.timeNs) })
      keys.hostRevoked(hostId, rfc3339(act.timeNs), act.compromisedSince)
      close()
      throw notDurable(attempted, error)
    })
    unkept.delete(hostId)
    keys.hostRevoked(hostId, rfc3339(act.timeNs), act.compromisedSince)
    // From here on admit() refuses the host, so no connection can come in between.
    close()
    outbox.ring()
    const [leafIndex] = await Promise.all(uids.map((uid) => outbox.recorded(uid, attempted)))
    return { tenant: act.tenant, leafIndex }
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
      const revokedAt = row.revoked_at ?? unkept.get(hostId)?.since
      if (revokedAt !== undefined)
        throw identityError('HOST_REVOKED', { attempted, received: `revoked at ${revokedAt}` })
      return { hostId, hostname: row.hostname, tenant: row.tenant }
    },
    seen: async (host, facts, agentVersion) => {
      const { hostId, tenant } = host
      const timeNs = clock.nowNs()
      const isRenamed = facts.hostname !== host.hostname && names.take(hostId) === 0
      const now = isRenamed ? { ...host, hostname: facts.hostname } : host
      const seen = {
        facts: JSON.stringify({ ...facts, hostname: now.hostname }),
        agent_version: agentVersion,
        last_seen_at: rfc3339(timeNs),
      }
      if (isRenamed) {
        await store.transaction((tx) => renameHost(tx, { outbox, voice }, now, timeNs))
        outbox.ring()
      }
      // What a power cut takes of it comes again: whoever was connected registers anew.
      await store.derived((tx) =>
        tx.updateTable('hosts').set(seen).where('tenant', '=', tenant).where('host_id', '=', hostId).execute(),
      )
      return now
    },
    attach: (hostId, close) => {
      const closers = live.get(hostId) ?? new Set()
      live.set(hostId, closers.add(close))
      return () => {
        closers.delete(close)
        if (closers.size === 0 && live.get(hostId) === closers) live.delete(hostId)
      }
    },
    revoke: async (by, tenant, hostId, cause, since) => {
      const timeNs = clock.nowNs()
      const compromisedSince = since === undefined ? null : checkSince(since, timeNs)
      return revoke({ by, tenant, cause, timeNs, compromisedSince }, hostId)
    },
    deniedSince: (hostId) => unkept.get(hostId)?.since,
    tend: async () => {
      for (const [hostId, act] of [...unkept])
        await revoke(act, hostId).catch((error: unknown) => {
          if (!isNotKept(error)) throw error
        })
    },
  }
}

function checkSince(text: string, nowNs: bigint): string {
  const since = rfc3339From(text)
  if (since !== undefined && since <= rfc3339(nowNs)) return since
  throw identityError('HOST_SINCE', { attempted: 'revoking a host', received: text.slice(0, 64) })
}
