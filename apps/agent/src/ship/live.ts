// SPDX-License-Identifier: Apache-2.0

import { Code, ConnectError } from '@connectrpc/connect'
import type { Clock, Log } from '@sealwatch/base'
import { protocol } from '@sealwatch/contract'
import type { AgentConnection } from './client.ts'

export type LiveOptions = {
  readonly client: Pick<AgentConnection['client'], 'live'>
  /** A signed heartbeat, as of now. */
  readonly heartbeat: () => string
  readonly clock: Clock
  readonly log: Log
  /** Fires when the agent is about to stop, which it then says in its chain, or when the connection ends. */
  readonly signal: AbortSignal
}

/**
 * Says that the host lives (agent-protocol.md, 8), until the signal fires. A server that does not know this is not told again;
 * what else goes wrong is the connection's matter, which whoever ships over it notices.
 */
export async function live({ client, heartbeat, clock, log, signal }: LiveOptions): Promise<void> {
  // Made as it is taken: one that waited behind others would tell of what was.
  async function* heartbeats() {
    while (!signal.aborted) {
      yield { heartbeat: heartbeat() }
      await clock.sleep(protocol.heartbeatEveryMs, signal)
    }
  }
  while (!signal.aborted) {
    try {
      await client.live(heartbeats(), { signal })
    } catch (error) {
      if (ConnectError.from(error).code === Code.Unimplemented) return
      if (!signal.aborted) log.debug('signs of life are not taken', { error })
    }
    await clock.sleep(protocol.heartbeatEveryMs, signal)
  }
}
