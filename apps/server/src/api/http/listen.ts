// SPDX-License-Identifier: Apache-2.0

import { once } from 'node:events'
import { createServer as createPlainServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { BlockList, isIP } from 'node:net'
import { type ErrorTable, errorsOf } from '@sealwatch/base'

export const listenErrors = {
  API_PORT_TAKEN: {
    kind: 'conflict',
    rule: 'the port of the API is free',
    advice: 'Set SEALWATCH_SERVER_API_PORT to another one, or to 0 for any',
  },
} as const satisfies ErrorTable
const listenError = errorsOf(listenErrors)

export type Credentials = { readonly cert: string | Buffer; readonly key: string | Buffer }

export type HttpDoor = {
  readonly url: string
  readonly server: Server
  close(): Promise<void>
}

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

/** Reached from this machine alone, where a browser trusts `localhost` without a certificate. */
export const isLoopback = (address: string): boolean =>
  address === 'localhost' || (isIP(address) !== 0 && loopback.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4'))

const connectionsMax = 8_192
const headersTimeoutMs = 10_000
const requestTimeoutMs = 30_000
const keepAliveTimeoutMs = 65_000

/** Listens for the API and the dashboard; beyond loopback by TLS 1.3 alone. Throws API_PORT_TAKEN. */
export async function openHttpDoor(options: {
  readonly address: string
  readonly port: number
  readonly handle: RequestListener
  readonly credentials: () => Promise<Credentials>
}): Promise<HttpDoor> {
  const { address, port, handle, credentials } = options
  const bounds = {
    headersTimeout: headersTimeoutMs,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: keepAliveTimeoutMs,
    maxHeaderSize: 16 * 1024,
  }
  const isPlain = isLoopback(address)
  const server: Server = isPlain
    ? createPlainServer(bounds, handle)
    : createTlsServer({ ...bounds, ...(await credentials()), minVersion: 'TLSv1.3' }, handle)
  server.maxConnections = connectionsMax
  server.maxRequestsPerSocket = 100_000
  server.listen({ host: address, port })
  try {
    await once(server, 'listening')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code !== 'EADDRINUSE') throw cause
    throw listenError('API_PORT_TAKEN', { attempted: `listening on ${address}:${port}`, received: code, cause })
  }
  const { port: taken } = server.address() as AddressInfo
  // A browser keeps `localhost` apart from all other names and takes it for safe.
  const host = isPlain ? 'localhost' : isIP(address) === 6 ? `[${address}]` : address
  return {
    url: `${isPlain ? 'http' : 'https'}://${host}:${taken}`,
    server,
    close: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
