// SPDX-License-Identifier: Apache-2.0

import { type Clock, createRate, type Log, rfc3339 } from '@sealwatch/base'
import { limits } from '@sealwatch/contract'
import type { Host, ServerVoice } from '../../identity/index.ts'
import { across, type Outbox, type Store, type Tx } from '../../store/index.ts'
import { alarmEvent, alarmText, type ChainAlarm } from './chain-alarm.ts'
import { transportError } from './errors.ts'
import { compare, type Position, type RegisteredChain } from './register.ts'

/** Which host seals which chain for which tenant, and whether the host still has what the server has seen of it. */
export type ChainBook = {
  /** Chains that were bound since the start. */
  readonly bound: number
  /**
   * Binds chains to the host and their tenants, or finds them bound so; a chain that takes the place of another one
   * raises an alarm. Throws CHAIN_OF_ANOTHER or CHAINS_TOO_MANY, and then has bound none of them.
   */
  bind(host: Host, chains: readonly RegisteredChain[]): Promise<void>
  /** Raises an alarm when the host's chain is not what the ledger has of it. */
  compare(host: Host, chain: RegisteredChain, server: Position): Promise<void>
}

type Bound = Pick<RegisteredChain, 'chain' | 'tenant'>

export type ChainBookOptions = {
  readonly store: Store
  readonly outbox: Outbox
  readonly voice: ServerVoice
  readonly clock: Clock
  readonly log: Log
}

const raisedMax = 1024
/** A host can say each time that its chain ends elsewhere: of each chain and kind of alarm. */
const raisedOf = { burst: 1, perSecond: 1 / 60, keysMax: 10_000 } as const

export function createChainBook({ store, outbox, voice, clock, log }: ChainBookOptions): ChainBook {
  // A host that registers the same broken chain again and again raises one alarm.
  const raised = new Set<string>()
  const rate = createRate(clock, raisedOf)
  let boundCount = 0

  async function raise(tx: Tx, host: Host, { chain, tenant }: Bound, alarm: ChainAlarm): Promise<void> {
    log.critical(alarmText(alarm), { host_id: host.hostId, tenant, chain, ...alarm })
    await outbox.enqueue(tx, tenant, alarmEvent(voice, clock.nowNs(), host, { chain, tenant }, alarm))
  }

  async function bindOne(tx: Tx, host: Host, { chain, tenant, writer }: RegisteredChain): Promise<boolean> {
    const attempted = `registering the chain ${chain} of the host ${host.hostId}`
    const found = await across(tx, 'chain')
      .selectFrom('chains')
      .selectAll()
      .where('chain', '=', chain)
      .executeTakeFirst()
    if (found?.host_id === host.hostId && found.tenant === tenant && found.writer === writer) return false
    if (found !== undefined) {
      const ofHost = found.tenant === tenant ? 'another program' : `the tenant ${found.tenant}`
      const whose = found.host_id === host.hostId ? ofHost : 'another host'
      throw transportError('CHAIN_OF_ANOTHER', { attempted, received: `a chain of ${whose}` })
    }
    const bound = await across(tx, 'chain')
      .selectFrom('chains')
      .select(['chain', 'tenant', 'writer'])
      .where('host_id', '=', host.hostId)
      .orderBy('registered_at', 'desc')
      .execute()
    if (bound.length >= limits.chainsPerHostMax) throw transportError('CHAINS_TOO_MANY', { attempted })
    const row = { chain, tenant, writer, host_id: host.hostId, registered_at: rfc3339(clock.nowNs()) }
    await tx.insertInto('chains').values(row).execute()
    const predecessor = bound.find((earlier) => earlier.tenant === tenant && earlier.writer === writer)
    if (predecessor !== undefined) await raise(tx, host, predecessor, { kind: 'replaced', successor: chain })
    return true
  }

  async function raiseOnce(host: Host, bound: Bound, alarm: ChainAlarm, known: string): Promise<void> {
    if (raised.has(known) || rate.take(`${bound.chain} ${alarm.kind}`) > 0) return
    await store.transaction((tx) => raise(tx, host, bound, alarm))
    outbox.ring()
    if (raised.size >= raisedMax) raised.clear()
    raised.add(known)
  }

  return {
    get bound() {
      return boundCount
    },
    bind: async (host, chains) => {
      const count = await store.transaction(async (tx) => {
        let bound = 0
        for (const chain of chains) if (await bindOne(tx, host, chain)) bound += 1
        return bound
      })
      boundCount += count
      if (count > 0) outbox.ring()
    },
    compare: async (host, registered, server) => {
      const { chain, position: agent } = registered
      const kind = compare(agent, server)
      if (kind === 'continues') return
      const known = `${chain} ${agent.nextSeq} ${agent.tip} ${server.nextSeq}`
      await raiseOnce(host, registered, { kind, agent, server }, known)
    },
  }
}
