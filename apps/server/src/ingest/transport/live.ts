// SPDX-License-Identifier: Apache-2.0

import { ConnectError, type HandlerContext } from '@connectrpc/connect'
import type { Clock } from '@sealwatch/base'
import type { LiveRequest } from '@sealwatch/contract'
import { checkValidity, type Host, type Hosts } from '../../identity/index.ts'
import type { HostWatch } from '../../presence/index.ts'
import { transportError } from './errors.ts'
import { peerOf } from './peer.ts'
import { callKey } from './submit/submit-routes.ts'

export type LiveOptions = {
  readonly hosts: Pick<Hosts, 'attach'>
  readonly presence: Pick<HostWatch, 'heartbeat'>
  /** Fires when the server stops. */
  readonly stopping: AbortSignal
  readonly clock: Clock
}

/** Takes the heartbeats of a host until its connection or the server ends, or one comes that is none (agent-protocol.md, 8). */
export async function takeSignsOfLife(
  { hosts, presence, stopping, clock }: LiveOptions,
  host: Host,
  requests: AsyncIterable<LiveRequest>,
  context: HandlerContext,
): Promise<object> {
  const peer = peerOf(context)
  const { chains } = peer
  if (chains === undefined) throw transportError('NOT_REGISTERED', { attempted: 'taking signs of life' })
  const detach = hosts.attach(host.hostId, () => peer.close())
  const end = () => context.values.get(callKey)?.end()
  stopping.addEventListener('abort', end, { once: true })
  try {
    for await (const { heartbeat } of requests) {
      checkValidity(peer.certificate(), clock.nowMs())
      presence.heartbeat(host, chains, heartbeat)
    }
  } catch (error) {
    // Whether the host lives is seen by what does not come.
    if (!(error instanceof ConnectError) && !isCut(error)) throw error
  } finally {
    stopping.removeEventListener('abort', end)
    detach()
  }
  return {}
}

/** As node says that a connection ended in the middle of what was sent. */
const isCut = (error: unknown) => (error as NodeJS.ErrnoException).code === 'ERR_STREAM_PREMATURE_CLOSE'
