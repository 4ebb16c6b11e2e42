// SPDX-License-Identifier: Apache-2.0

import { once } from 'node:events'
import { constants, createSecureServer, type Http2SecureServer, type Http2Session, type Http2Stream } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import { createContextValues } from '@connectrpc/connect'
import { connectNodeAdapter } from '@connectrpc/connect-node'
import { limitConnections } from '@sealwatch/base'
import { type CertificateState, type Identity, keepCertificate } from '../identity/index.ts'
import type { Ledgers } from './ledgers.ts'
import { type ChainBookOptions, createChainBook } from './transport/chain-book.ts'
import { transportError } from './transport/errors.ts'
import { agentRoutes, type HandlerOptions, type TransportCounters } from './transport/handlers.ts'
import type { IngestPort } from './transport/ingest-port.ts'
import { createLiveStreams } from './transport/live-streams.ts'
import { type Peer, peerAt, peerKey } from './transport/peer.ts'
import { createSenderConnections } from './transport/sender-connections.ts'
import { type Call, callKey, type SubmissionDoor, submitRoutes } from './transport/submit/submit-routes.ts'

export type TransportOptions = ChainBookOptions & {
  /** Address to listen on; port 0 takes a free one. */
  readonly address: string
  readonly port: number
  /** Host names and IP addresses by which agents reach this server: its certificate is for these. */
  readonly names: readonly string[]
  /** Of one address, and of one host or service. */
  readonly connectionsMax: { readonly perAddress: number; readonly perSender: number }
  readonly gate: HandlerOptions['gate']
  readonly identity: Identity
  readonly ingest: IngestPort
  readonly presence: HandlerOptions['presence']
  readonly configs: HandlerOptions['configs']
  readonly orders: HandlerOptions['orders']
  readonly submissions: SubmissionDoor
  readonly ledgers: Pick<Ledgers, 'get'>
  readonly onGuess?: HandlerOptions['onGuess']
}

/** The one port for agents and services: HTTP/2 over TLS 1.3, with a client certificate, a token, or to enrol. */
export type Transport = {
  readonly port: number
  readonly certificate: CertificateState
  readonly counters: Readonly<TransportCounters>
  /** Connections that were cut, for their address had too many, or their sender newer ones. */
  readonly connections: { readonly refused: number; readonly outnumbered: number }
  /** Ship streams open now. */
  readonly streams: number
  /** Ids of the hosts that have a stream open. */
  readonly connected: ReadonlySet<string>
  /** Chains that hosts came with for the first time, since the start. */
  readonly chainsBound: number
  /** Rejects when a call met a fatal error: what is on disk is unknown, and the process must stop. Never resolves. */
  readonly failed: Promise<never>
  /** Takes nothing new, answers what was received (for at most `drainMs`), then ends every connection. */
  close(): Promise<void>
}

const MiB = 1024 * 1024
const connectionsMax = 4096
const methodsAtOnceMax = 16
const handshakeTimeoutMs = 10_000
const idleTimeoutMs = 120_000
const drainMs = 5_000
/** What a peer may send before it is read: bounds memory, and is ample for a batch on its way. */
const window = { stream: 1 * MiB, connection: 4 * MiB } as const

/** Throws PORT_TAKEN, ADDRESS_NOT_HERE or PORT_DENIED. */
export async function openTransport(options: TransportOptions): Promise<Transport> {
  const { identity, names, clock, log } = options
  const { authority } = identity
  const counters: TransportCounters = { denied: 0, refused: 0, broken: 0 }
  const stopping = new AbortController()
  const failed = Promise.withResolvers<never>()
  const peers = new Map<Http2Session, Peer>()
  const sockets = new Set<Socket>()
  const streams = createLiveStreams(identity.hosts, clock)
  const chainBook = createChainBook(options)
  const senders = createSenderConnections(options.connectionsMax.perSender, clock, log)
  const routes = {
    ...options,
    chainBook,
    streams,
    senders,
    counters,
    checkpointOf: (tenant: string) => options.ledgers.get(tenant).signed?.note,
    stopping: stopping.signal,
    onFatal: failed.reject,
  }
  const handle = connectNodeAdapter({
    routes: (router) => {
      agentRoutes(routes)(router)
      submitRoutes(routes)(router)
    },
    acceptCompression: [],
    contextValues: (request) => {
      const stream = 'stream' in request ? request.stream : undefined
      const peer = stream?.session && peers.get(stream.session)
      return createContextValues()
        .set(peerKey, peer)
        .set(callKey, stream && callOn(stream))
    },
  })

  const issue = () => authority.issueServer(names)
  const first = await issue()
  const secure = ({ cert, key }: typeof first) => ({
    cert,
    key,
    ca: authority.certificate.toString(),
    minVersion: 'TLSv1.3' as const,
  })
  const server = createSecureServer({
    ...secure(first),
    requestCert: true,
    // Enrolment comes without a certificate; every other method checks it itself (transport/handlers.ts).
    rejectUnauthorized: false,
    handshakeTimeout: handshakeTimeoutMs,
    settings: { initialWindowSize: window.stream, maxConcurrentStreams: methodsAtOnceMax },
  })
  server.maxConnections = connectionsMax
  server.on('request', handle)
  server.on('session', (session) => {
    session.setLocalWindowSize(window.connection)
    const peer = peerAt(session, authority.issuers)
    peers.set(session, peer)
    session.once('close', () => peers.delete(session))
    session.setTimeout(idleTimeoutMs, () => peer.streams === 0 && session.close())
  })
  const connections = limitConnections(server, {
    name: 'the agent port',
    atOnceMax: options.connectionsMax.perAddress,
    setting: 'SEALWATCH_SERVER_CONNECTIONS_PER_ADDRESS',
    clock,
    log,
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  // Counted and not logged: whoever reaches the port can break as many as he likes.
  const broken = () => {
    counters.broken++
  }
  server.on('tlsClientError', broken)
  server.on('sessionError', broken)

  await listen(server, options)
  const { port } = server.address() as AddressInfo
  // New connections see the new certificate; those that live go on.
  const put = (next: typeof first) => server.setSecureContext(secure(next))
  const keeper = keepCertificate({ name: 'the agent port', first, issue, put, clock, log, signal: stopping.signal })

  return {
    port,
    get certificate() {
      return keeper.state
    },
    counters,
    get connections() {
      return { refused: connections.refused, outnumbered: senders.outnumbered }
    },
    failed: failed.promise,
    get streams() {
      return streams.count
    },
    get chainsBound() {
      return chainBook.bound
    },
    get connected() {
      return streams.hostIds
    },
    close: async () => {
      stopping.abort(transportError('SERVER_STOPPING', { attempted: 'closing the agent port' }))
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const session of peers.keys()) session.close()
      const done = new AbortController()
      const patience = clock.sleep(drainMs, done.signal).then(() => {
        for (const socket of sockets) socket.destroy()
      })
      await closed
      done.abort()
      await Promise.all([patience, keeper.ended])
    },
  }
}

function callOn(stream: Http2Stream): Call {
  // Who was answered has no more to say: of a request that was not read whole, node would wait for the rest.
  stream.once('wantTrailers', () => setImmediate(() => stream.close(constants.NGHTTP2_NO_ERROR)))
  return {
    end: () => stream.close(constants.NGHTTP2_CANCEL),
    onEnd: (listener) => void (stream.closed ? listener() : stream.once('close', listener)),
  }
}

async function listen(server: Http2SecureServer, { address, port }: TransportOptions): Promise<void> {
  const attempted = `listening on ${address} port ${port}`
  server.listen(port, address)
  try {
    await once(server, 'listening')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const fault = { EADDRINUSE: 'PORT_TAKEN', EADDRNOTAVAIL: 'ADDRESS_NOT_HERE' } as const
    const name = fault[code as keyof typeof fault] ?? 'PORT_DENIED'
    throw transportError(name, { attempted, received: code, cause })
  }
}
