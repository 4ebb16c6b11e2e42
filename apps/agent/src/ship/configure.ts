// SPDX-License-Identifier: Apache-2.0

import { Code, ConnectError } from '@connectrpc/connect'
import { type Clock, isSealwatchError, type Log } from '@sealwatch/base'
import { protocol } from '@sealwatch/contract'
import type { ConfigurationKeeper } from '../configuration/keep-configuration.ts'
import type { AgentConnection } from './client.ts'

export type ConfigureOptions = {
  readonly client: Pick<AgentConnection['client'], 'configure'>
  readonly keeper: Pick<ConfigurationKeeper, 'report' | 'changed' | 'take' | 'confirm'>
  /** Called when another one is in force: that the server is heard is then shown by a connection that begins after it. */
  readonly onTaken: () => void
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
}

/** Says what is in force here, and takes what the server tells (agent-protocol.md, 9), until the signal fires. */
export async function takeConfigurations(options: ConfigureOptions): Promise<void> {
  const { client, keeper, onTaken, clock, log, signal } = options
  async function* reports() {
    while (!signal.aborted) {
      // Asked for first: what changes meanwhile is not missed.
      const changed = keeper.changed(signal)
      const { version, refusedVersion, ...said } = keeper.report
      yield { version: BigInt(version), refusedVersion: BigInt(refusedVersion), ...said }
      await changed
    }
  }
  while (!signal.aborted) {
    try {
      for await (const { said } of client.configure(reports(), { signal })) {
        if (said.case === 'confirmedVersion') await keeper.confirm(Number(said.value))
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
