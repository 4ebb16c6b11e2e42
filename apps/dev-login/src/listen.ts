// SPDX-License-Identifier: Apache-2.0

import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { devLoginError } from './errors.ts'

/** From this machine alone. */
const address = '127.0.0.1'
const connectionsMax = 256

export type Door = {
  readonly issuer: string
  serve(handle: RequestListener): void
  close(): Promise<void>
}

/** Takes the port while it may be anybody's; answers once it is told how. Throws DEV_LOGIN_PORT. */
export async function openDoor(port: number): Promise<Door> {
  let handle: RequestListener = (_request, response) => response.writeHead(503).end()
  const server = createServer(
    { requestTimeout: 10_000, headersTimeout: 5_000, keepAliveTimeout: 5_000, maxHeaderSize: 16 * 1024 },
    (request, response) => handle(request, response),
  )
  server.maxConnections = connectionsMax
  server.listen({ host: address, port, exclusive: true })
  try {
    await once(server, 'listening')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw devLoginError('DEV_LOGIN_PORT', { attempted: `listening on ${address}:${port}`, received: code, cause })
  }
  return {
    issuer: `http://${address}:${(server.address() as AddressInfo).port}`,
    serve: (given) => {
      handle = given
    },
    close: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
