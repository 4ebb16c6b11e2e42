// SPDX-License-Identifier: Apache-2.0

import { Code, ConnectError } from '@connectrpc/connect'
import { type Clock, isSealwatchError, type Log } from '@sealwatch/base'
import { type PolicyStanding, protocol } from '@sealwatch/contract'
import type { ConfigurationKeeper } from '../configuration/keep-configuration.ts'
import type { AgentConnection } from './client.ts'

/** How the policies that are in force are followed, and when that is another. */
export type Standings = {
  now(): readonly PolicyStanding[]
  changed(signal: AbortSignal): Promise<void>
}

/** What the hands of this host have, by way of its guard, and where a standing order for them goes (docs/formats/orders.md). */
export type HandsPort = {
  /** Undefined: nobody has said. */
  now(): HandsSaid | undefined
  changed(signal: AbortSignal): Promise<void>
  take(standingOrder: string): void
}
export type HandsSaid = {
  /** Raw Ed25519 public key of the guard. */
  readonly guardKey: Uint8Array
  /** Of the standing order that they hold; 0: none. */
  readonly version: number
  /** Hex SHA-256 of its payload; empty: none. */
  readonly digest: string
  /** Why they did not take the newest; empty: they did. */
  readonly refusedWhy: string
}

export type ConfigureOptions = {
  readonly client: Pick<AgentConnection['client'], 'configure'>
  readonly keeper: Pick<ConfigurationKeeper, 'report' | 'changed' | 'take' | 'confirm'>
  /** Undefined: the server does not ask. */
  readonly standings: Standings | undefined
  /** Undefined: the server does not ask, or nobody here has any. */
  readonly hands: HandsPort | undefined
  /** Called when another one is in force: that the server is heard is then shown by a connection that begins after it. */
  readonly onTaken: () => void
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
}

/** Says what is in force here, and takes what the server tells (agent-protocol.md, 9), until the signal fires. */
export async function takeConfigurations(options: ConfigureOptions): Promise<void> {
  const { client, keeper, standings, hands, onTaken, clock, log, signal } = options
  async function* reports() {
    while (!signal.aborted) {
      const turn = new AbortController()
      const until = AbortSignal.any([signal, turn.signal])
      // Asked for first: what changes meanwhile is not missed.
      const changed = Promise.race([keeper, standings, hands].flatMap((each) => each?.changed(until) ?? []))
      const { version, refusedVersion, ...said } = keeper.report
      const has = hands?.now()
      const policyStates = standings && { policies: standings.now().map(messageOf) }
      yield {
        version: BigInt(version),
        refusedVersion: BigInt(refusedVersion),
        ...said,
        ...(policyStates && { policyStates }),
        ...(has && { hands: handsMessage(has) }),
      }
      await changed
      turn.abort()
    }
  }
  while (!signal.aborted) {
    try {
      for await (const { said } of client.configure(reports(), { signal })) {
        if (said.case === 'confirmedVersion') await keeper.confirm(Number(said.value))
        if (said.case === 'standingOrder') hands?.take(said.value)
        if (said.case === 'envelope' && (await keeper.take(said.value))) return onTaken()
      }
    } catch (error) {
      if (isSealwatchError(error) && error.kind === 'fatal') throw error
      if (ConnectError.from(error).code === Code.Unimplemented) return
      if (!signal.aborted) log.debug('the server tells no configuration', { error })
    }
    await clock.sleep(protocol.heartbeatEveryMs, signal)
  }
}

const handsMessage = ({ guardKey, version, digest, refusedWhy }: HandsSaid) => ({
  guardKey: Uint8Array.from(guardKey),
  orderVersion: BigInt(version),
  orderDigest: digest,
  refusedWhy,
})
const messageOf = ({ version, ...same }: PolicyStanding) => ({ ...same, version: BigInt(version) })
