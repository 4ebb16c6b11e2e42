// SPDX-License-Identifier: Apache-2.0

import { type Clock, type Log, rfc3339 } from '@sealwatch/base'
import { type Classification, limits } from '@sealwatch/contract'
import type { Body } from '@sealwatch/ledger'
import { auditEvent, type Host, type ServerVoice } from '../../identity/index.ts'
import type { Outbox, Store, Tx } from '../../store/index.ts'
import type { Ledgers } from '../ledgers.ts'
import { transportError } from './errors.ts'
import { compare, type Position, type RegisteredChain } from './register.ts'

/** Which host seals which chain for which tenant, and whether the host still has what the server has seen of it. */
export type ChainBook = {
  /**
   * Binds chains to the host and their tenants, or finds them bound so. Throws CHAIN_OF_ANOTHER, CHAINS_TOO_MANY or
   * TENANT_UNKNOWN, and then has bound none of them.
   */
  bind(host: Host, chains: readonly RegisteredChain[]): Promise<void>
  /** Raises the alarm, in the log and in the tenant's ledger, when the host's chain is not what it was (LOG-4). */
  compare(host: Host, chain: RegisteredChain, server: Position): Promise<void>
}

export type ChainBookOptions = {
  readonly store: Store
  readonly outbox: Outbox
  readonly ledgers: Pick<Ledgers, 'get'>
  readonly voice: ServerVoice
  readonly clock: Clock
  readonly log: Log
}

const alarmsMax = 1024

export function createChainBook({ store, outbox, ledgers, voice, clock, log }: ChainBookOptions): ChainBook {
  // A host that registers the same broken chain again and again raises one alarm.
  const alarms = new Set<string>()

  async function bindOne(tx: Tx, host: Host, { chain, tenant }: RegisteredChain): Promise<void> {
    const attempted = `registering the chain ${chain} of the host ${host.hostId}`
    const found = await tx.selectFrom('chains').selectAll().where('chain', '=', chain).executeTakeFirst()
    if (found?.host_id === host.hostId && found.tenant === tenant) return
    if (found !== undefined) {
      const whose = found.host_id === host.hostId ? `the tenant ${found.tenant}` : 'another host'
      throw transportError('CHAIN_OF_ANOTHER', { attempted, received: `a chain of ${whose}` })
    }
    const { count } = await tx
      .selectFrom('chains')
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .where('host_id', '=', host.hostId)
      .executeTakeFirstOrThrow()
    if (count >= limits.chainsPerHostMax) throw transportError('CHAINS_TOO_MANY', { attempted })
    const row = { chain, tenant, host_id: host.hostId, registered_at: rfc3339(clock.nowNs()) }
    await tx.insertInto('chains').values(row).execute()
  }

  return {
    bind: async (host, chains) => {
      for (const { tenant } of chains) ledgers.get(tenant)
      await store.transaction(async (tx) => {
        for (const chain of chains) await bindOne(tx, host, chain)
      })
    },
    compare: async (host, registered, server) => {
      const { chain, tenant, position: agent } = registered
      const state = compare(agent, server)
      const alarm = `${chain} ${agent.nextSeq} ${agent.tip} ${server.nextSeq}`
      if (state === 'continues' || alarms.has(alarm)) return
      if (alarms.size >= alarmsMax) alarms.clear()
      alarms.add(alarm)
      const body = chainBroken(voice, clock.nowNs(), host, registered, server, state)
      log.critical(`the log of a host was ${state === 'cut_off' ? 'cut off' : 'rewritten'}`, {
        host_id: host.hostId,
        chain,
        host_next_seq: agent.nextSeq,
        server_next_seq: server.nextSeq,
      })
      await store.transaction((tx) => outbox.enqueue(tx, tenant, body))
      outbox.ring()
    },
  }
}

// OCSF knows no activity for either; 99 is its "Other", whose name is the source's own.
const kinds = {
  cut_off: { activity_name: 'Cut Off', told: 'was cut off at its end' },
  forked: { activity_name: 'Rewrite', told: 'was rewritten at its end' },
} as const

function chainBroken(
  voice: ServerVoice,
  timeNs: bigint,
  host: Host,
  { chain, tenant, position: agent }: RegisteredChain,
  server: Position,
  state: keyof typeof kinds,
): Body {
  const { activity_name, told } = kinds[state]
  const kind: Classification = {
    activity_id: 99,
    activity_name,
    category_uid: 1,
    category_name: 'System Activity',
    class_uid: 1008,
    class_name: 'Event Log Activity',
    type_uid: 100899,
    type_name: 'Event Log Activity: Other',
  }
  return auditEvent(voice, {
    code: `chain_${state}`,
    component: 'ingest',
    tenant,
    timeNs,
    about: chain,
    kind,
    severity: 'critical',
    message: `the log of the host ${host.hostname} ${told}: it ends before line ${agent.nextSeq}, the ledger has ${server.nextSeq}`,
    members: {
      log_name: `sealwatch chain ${chain}`,
      log_type_id: 99,
      log_type: 'Host Chain',
      unmapped: {
        host_id: host.hostId,
        chain,
        host_position: { next_seq: agent.nextSeq, tip: agent.tip },
        server_position: { next_seq: server.nextSeq, tip: server.tip },
      },
    },
  })
}
