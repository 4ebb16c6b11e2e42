// SPDX-License-Identifier: Apache-2.0

import { once } from 'node:events'
import { createServer as createPlain, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTls } from 'node:https'
import { type AddressInfo, isIPv6 } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { ProxyAnswer, ProxyRequest } from './answer.ts'
import { proxyError } from './errors.ts'

export type TlsFiles = {
  readonly cert: string
  readonly key: string
  /** CA of callers' certificates. */
  readonly clientCa: string | undefined
}
export type Listener = { readonly url: string; close(): Promise<void> }

const bodyBytesMax = 16 * 1024
const limits = {
  maxHeaderSize: 8 * 1024,
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  keepAliveTimeout: 60_000,
} as const
const connectionsMax = 256
const idleMs = 90_000

/** Serves over TLS 1.3, or where there are no certificates, which `run` allows tests alone, over plain HTTP. */
export async function listen(
  { host, port, tls }: { readonly host: string; readonly port: number; readonly tls: TlsFiles | undefined },
  answering: (request: ProxyRequest) => Promise<ProxyAnswer>,
): Promise<Listener> {
  const onRequest = (request: IncomingMessage, response: ServerResponse) => {
    respond(request, response, answering).catch(() => response.destroy())
  }
  const server = tls === undefined ? createPlain(limits, onRequest) : createTls({ ...limits, ...tlsOf(tls) }, onRequest)
  server.maxConnections = connectionsMax
  server.timeout = idleMs
  server.on('clientError', (_error, socket) => socket.destroy())
  server.listen(port, host)
  await once(server, 'listening')
  const bound = (server.address() as AddressInfo).port
  return {
    url: `${tls === undefined ? 'http' : 'https'}://${isIPv6(host) ? `[${host}]` : host}:${bound}`,
    close: async () => {
      server.close()
      server.closeIdleConnections()
      await once(server, 'close')
    },
  }
}

/** A caller without a certificate may still have an API key, so TLS asks and does not insist. */
const tlsOf = ({ cert, key, clientCa }: TlsFiles) => ({
  cert,
  key,
  minVersion: 'TLSv1.3' as const,
  handshakeTimeout: 5_000,
  ...(clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: false }),
})

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  answering: (request: ProxyRequest) => Promise<ProxyAnswer>,
): Promise<void> {
  const { socket } = request
  const certificate =
    socket instanceof TLSSocket && socket.authorized ? (socket.getPeerX509Certificate() ?? undefined) : undefined
  const { status, body } = await answering({
    method: request.method ?? '',
    path: request.url ?? '',
    credentials: { authorization: request.headers.authorization, certificate },
    body: () => read(request),
  })
  const text = JSON.stringify(body)
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    // What was not read of a refused request would be taken for the next one.
    ...(request.complete ? {} : { connection: 'close' }),
  })
  response.end(text)
}

async function read(request: IncomingMessage): Promise<Uint8Array> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request) {
    size += (chunk as Buffer).length
    if (size > bodyBytesMax) throw proxyError('PROXY_TOO_LARGE', { attempted: 'reading a request' })
    chunks.push(chunk as Buffer)
  }
  return Buffer.concat(chunks)
}
