// SPDX-License-Identifier: Apache-2.0

import { once } from 'node:events'
import { chmod, unlink } from 'node:fs/promises'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { connectNodeAdapter } from '@connectrpc/connect-node'
import type { Clock } from '@sealwatch/base'
import { AdminService } from '@sealwatch/contract'
import { apiError } from './errors.ts'
import type { ApiPorts } from './ports.ts'
import { adminService } from './service.ts'

/** The control socket. It is made while the process is still root, and serves once the ledgers are open. */
export type ApiSocket = {
  /** `rest`: the REST API, for root. */
  readonly serve: (ports: ApiPorts, rest: RequestListener) => void
  /** Ends the streams that follow, lets the other calls finish (for at most `drainMs`), and closes. */
  readonly close: () => Promise<void>
}

const connectionsMax = 64
const requestBytesMax = 64 * 1024
/** For the whole of a request to arrive. */
const requestTimeoutMs = 30_000
/** Each command makes few calls: an idle connection is one that nobody needs, and would hold up the end. */
const keepAliveTimeoutMs = 100
/** Less than a supervisor waits: a client that stopped, or does not read, is no reason to be killed. */
const drainMs = 3_000

/** Throws API_SOCKET. The folder of `path` must let in only those who may command this server. */
export async function openApiSocket(path: string, clock: Clock): Promise<ApiSocket> {
  const stopping = new AbortController()
  let handle: RequestListener = (_request, response) => response.writeHead(503).end()
  const server = createServer(
    { requestTimeout: requestTimeoutMs, keepAliveTimeout: keepAliveTimeoutMs },
    (request, response) => handle(request, response),
  )
  server.maxConnections = connectionsMax
  try {
    await removeOrphan(path)
    server.listen(path)
    await once(server, 'listening')
    await chmod(path, 0o600)
  } catch (cause) {
    const received = (cause as NodeJS.ErrnoException).code
    throw apiError('API_SOCKET', { attempted: `listening on ${path}`, received, cause })
  }
  return {
    serve: (ports, rest) => {
      handle = connectNodeAdapter({
        routes: (router) => router.service(AdminService, adminService(ports, stopping.signal)),
        readMaxBytes: requestBytesMax,
        grpc: false,
        grpcWeb: false,
        fallback: (request, response) => rest(request as IncomingMessage, response as ServerResponse),
      })
    },
    close: async () => {
      stopping.abort()
      server.close()
      server.closeIdleConnections()
      const closed = new AbortController()
      const patience = clock.sleep(drainMs, closed.signal).then(() => server.closeAllConnections())
      await once(server, 'close')
      closed.abort()
      await patience
    },
  }
}

/** A server that was killed leaves its socket behind; one that lives answers on it. */
async function removeOrphan(path: string): Promise<void> {
  const probe = connect(path)
  try {
    await once(probe, 'connect')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ECONNREFUSED') await unlink(path)
  } finally {
    probe.destroy()
  }
}
