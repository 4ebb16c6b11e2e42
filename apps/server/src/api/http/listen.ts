// SPDX-License-Identifier: Apache-2.0

import { once } from 'node:events'
import { createServer as createPlainServer, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, isIP, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import {
  type Clock,
  type ErrorTable,
  errorsOf,
  type Log,
  limitConnections,
  noProxies,
  type Proxies,
} from '@sealwatch/base'
import { type CertificateKeeper, type CertificateState, keepCertificate } from '../../identity/index.ts'
import { isLoopback } from './loopback.ts'
import { securityHeaders } from './serve-routes.ts'

export const listenErrors = {
  API_PORT_TAKEN: {
    kind: 'conflict',
    rule: 'the port of the API is free',
    advice: 'Set SEALWATCH_SERVER_API_PORT to another one, or to 0 for any',
  },
} as const satisfies ErrorTable
const listenError = errorsOf(listenErrors)

export type Credentials = {
  readonly cert: string | Buffer
  readonly key: string | Buffer
  readonly notBeforeMs: number
  readonly expiresAtMs: number
}

export type HttpDoor = {
  readonly url: string
  readonly server: Server
  /** Undefined where it listens in plain HTTP. */
  readonly certificate: CertificateState | undefined
  /** Those that were cut, for their address had as many as it may. */
  readonly connections: { readonly refused: number }
  close(): Promise<void>
}

export type DoorBounds = {
  /** Of all peers together, and of one address or IPv6 /64; this machine and trusted proxies may have all. */
  readonly connectionsMax: number
  readonly connectionsOfAddressMax: number
  readonly handshakeMs: number
  readonly headersMs: number
  readonly requestMs: number
  /** How long nothing may move on a connection while an answer is due: who does not read it is left. */
  readonly stillMs: number
  readonly keepAliveMs: number
  /** How often these times are looked at. */
  readonly lookMs: number
}

const standing: DoorBounds = {
  connectionsMax: 8_192,
  connectionsOfAddressMax: 1_024,
  handshakeMs: 10_000,
  headersMs: 10_000,
  requestMs: 30_000,
  stillMs: 120_000,
  keepAliveMs: 65_000,
  lookMs: 2_000,
}

/** Listens for the API and the dashboard; beyond loopback by TLS 1.3 alone. Throws API_PORT_TAKEN. */
export async function openHttpDoor(options: {
  readonly address: string
  readonly port: number
  readonly handle: RequestListener
  readonly credentials: () => Promise<Credentials>
  readonly proxies?: Proxies
  readonly clock: Clock
  readonly log: Log
  readonly bounds?: Partial<DoorBounds>
}): Promise<HttpDoor> {
  const { address, port, handle, credentials, clock, log, proxies = noProxies } = options
  const bounds = { ...standing, ...options.bounds }
  const forNode = {
    headersTimeout: bounds.headersMs,
    requestTimeout: bounds.requestMs,
    keepAliveTimeout: bounds.keepAliveMs,
    connectionsCheckingInterval: bounds.lookMs,
    maxHeaderSize: 16 * 1024,
    // Answered as everything else is (form.ts).
    requireHostHeader: false,
  }
  const stopping = new AbortController()
  let keeper: CertificateKeeper | undefined
  const isPlain = isLoopback(address)
  let server: Server
  if (isPlain) server = createPlainServer(forNode, handle)
  else {
    const first = await credentials()
    const tls = createTlsServer(
      { ...forNode, ...first, minVersion: 'TLSv1.3', handshakeTimeout: bounds.handshakeMs },
      handle,
    )
    server = tls
    const put = (next: Credentials) => tls.setSecureContext({ ...next, minVersion: 'TLSv1.3' })
    keeper = keepCertificate({ name: 'the API', first, issue: credentials, put, clock, log, signal: stopping.signal })
  }
  server.timeout = bounds.stillMs
  server.maxConnections = bounds.connectionsMax
  server.maxRequestsPerSocket = 100_000
  const connections = limitConnections(server, {
    name: 'the API',
    atOnceMax: bounds.connectionsOfAddressMax,
    setting: 'SEALWATCH_SERVER_API_CONNECTIONS_PER_ADDRESS',
    isExempt: (from) => isLoopback(from) || proxies.has(from),
    clock,
    log,
  })
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  answerBroken(server)
  // Whatever a client expects, it gets an answer.
  server.on('checkExpectation', handle)
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
    get certificate() {
      return keeper?.state
    },
    connections,
    close: async () => {
      stopping.abort()
      server.close()
      // Those too that have not said a word in TLS yet, or speak another protocol by now.
      for (const socket of sockets) socket.destroy()
      await Promise.all([once(server, 'close'), keeper?.ended])
    },
  }
}

const reasons: Readonly<Record<string, readonly [number, string, string, string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'Request Header Fields Too Large', 'REQUEST_TOO_LARGE', 'Too large'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'Payload Too Large', 'REQUEST_TOO_LARGE', 'Too large'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request Timeout', 'REQUEST_INVALID', 'Invalid request'],
}

/** What node's parser refuses never reaches a route: it is answered here, and nothing that came with it is read. */
function answerBroken(server: Server): void {
  const underWay = new WeakMap<Duplex, ServerResponse[]>()
  server.on('request', ({ socket }, response) => {
    const answers = underWay.get(socket) ?? []
    answers.push(response)
    underWay.set(socket, answers)
    response.once('close', () => answers.splice(answers.indexOf(response), 1))
  })
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    // What is being sent must not be mistaken for part of this.
    const isAnswering = underWay.get(socket)?.some(({ headersSent }) => headersSent) === true
    if (isAnswering || !socket.writable || error.code === 'ECONNRESET') return void socket.destroy()
    const [status, phrase, code, title] = reasons[error.code ?? ''] ?? [
      400,
      'Bad Request',
      'REQUEST_INVALID',
      'Invalid request',
    ]
    const type = `https://sealwatch.dev/problems/${code.toLowerCase().replaceAll('_', '-')}`
    const body = JSON.stringify({ type, title, status, code })
    const headers = {
      ...securityHeaders,
      'content-type': 'application/problem+json; charset=utf-8',
      'content-length': Buffer.byteLength(body),
      connection: 'close',
    }
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
    socket.end(`HTTP/1.1 ${status} ${phrase}\r\n${lines.join('')}\r\n${body}`, () => socket.destroy())
  })
}
