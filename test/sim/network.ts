// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import {
  Code,
  ConnectError,
  type ConnectRouter,
  createClient,
  createConnectRouter,
  createContextValues,
} from '@connectrpc/connect'
import { createUniversalHandlerClient } from '@connectrpc/connect/protocol'
import { createTransport } from '@connectrpc/connect/protocol-connect'
import { AgentService } from '@sealwatch/contract'
import type { AgentConnection } from '../../apps/agent/src/ship/client.ts'
import type { Peer } from '../../apps/server/src/ingest/transport/peer.ts'
import { peerKey } from '../../apps/server/src/ingest/transport/peer.ts'
import type { Life, Scheduler } from './scheduler.ts'

/** The server's side of the wire, for as long as its process lives. */
export type Listener = { readonly life: Life; readonly routes: (router: ConnectRouter) => void }

export type Network = {
  /** Who listens on the agents' port just now. */
  listener: Listener | undefined
  connect(hostId: string, agent: Life): AgentConnection
  /** Cuts one of the connections that are open: whatever is under way on it is lost, in both directions. */
  cutOne(): void
}

const bytesMax = 16 * 1024 * 1024

/** The real handlers behind the real client, over a wire on which every piece comes in its own time, or never. */
export function createNetwork(scheduler: Scheduler): Network {
  const open = new Set<AbortController>()
  const network: Network = { listener: undefined, connect, cutOne }

  function cutOne(): void {
    const chosen = [...open][scheduler.below(open.size)]
    chosen?.abort(new ConnectError('the connection was cut', Code.Unavailable))
  }

  function connect(hostId: string, agent: Life): AgentConnection {
    const wire = new AbortController()
    const { listener } = network
    const gone = () => wire.abort(new ConnectError('the connection is gone', Code.Unavailable))
    open.add(wire)
    wire.signal.addEventListener('abort', () => open.delete(wire), { once: true })
    agent.onEnd(gone)
    if (listener === undefined) gone()
    listener?.life.onEnd(gone)
    const validity = { holder: hostId, serial: '00', notBeforeMs: 0, expiresAtMs: Date.UTC(2099, 0) }
    const peer: Peer = {
      address: hostId,
      client: hostId,
      certificate: () => ({ hostId, ...validity }),
      chains: undefined,
      streams: 0,
      serviceCertificate: () => assert.fail('no service comes here'),
      close: gone,
      onClose: () => undefined,
    }
    const router = createConnectRouter({ connect: true, grpc: false, grpcWeb: false })
    listener?.routes(router)
    const handlers = router.handlers.map((handler) =>
      Object.assign(
        async (request: Parameters<typeof handler>[0]) => {
          await scheduler.turn(listener?.life as Life)
          const contextValues = createContextValues().set(peerKey, peer)
          return handler({ ...request, contextValues, signal: wire.signal })
        },
        { ...handler, requestPath: handler.requestPath },
      ),
    )
    const reach = createUniversalHandlerClient(handlers as unknown as typeof router.handlers)
    const transport = createTransport({
      baseUrl: 'https://simulated',
      httpClient: async (request) => {
        await travel(agent)
        const body = request.body && pieces(request.body, listener?.life as Life)
        const response = await unlessCut(reach({ ...request, ...(body && { body }) } as typeof request))
        await travel(agent)
        return { ...response, body: pieces(response.body, agent) }
      },
      useBinaryFormat: true,
      interceptors: [],
      acceptCompression: [],
      sendCompression: null,
      compressMinBytes: bytesMax,
      readMaxBytes: bytesMax,
      writeMaxBytes: bytesMax,
    })

    /** Whatever comes over the wire comes before it is cut, or never. */
    function unlessCut<T>(coming: Promise<T>): Promise<T> {
      return new Promise((resolve, reject) => {
        const cut = () => reject(wire.signal.reason)
        if (wire.signal.aborted) return cut()
        wire.signal.addEventListener('abort', cut, { once: true })
        coming.then(resolve, reject).finally(() => wire.signal.removeEventListener('abort', cut))
      })
    }

    const travel = (to: Life) => unlessCut(scheduler.turn(to))

    async function* pieces(body: AsyncIterable<Uint8Array>, to: Life): AsyncGenerator<Uint8Array> {
      const iterator = body[Symbol.asyncIterator]()
      for (;;) {
        const next = await unlessCut(iterator.next())
        await travel(to)
        if (next.done === true) return
        yield next.value
      }
    }

    return { client: createClient(AgentService, transport), close: gone }
  }

  return network
}
