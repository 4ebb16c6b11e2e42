// SPDX-License-Identifier: Apache-2.0

import { once } from 'node:events'
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, isIPv6, type Socket } from 'node:net'
import { clientOf } from '@sealwatch/base'
import { submissionBytesMax, type Witness, type WitnessAnswer } from '@sealwatch/ledger/witness'
import type { Clients } from './clients.ts'
import { witnessProgramError } from './errors.ts'

export type ListenerOptions = {
  readonly witness: Pick<Witness, 'addCheckpoint' | 'latest'>
  readonly address: string
  readonly port: number
  readonly tls: { readonly cert: Buffer; readonly key: Buffer } | undefined
  readonly connections: number
  readonly clients: Clients
  /** The witness may not answer any further: what is durable is in doubt. */
  readonly onFatal: (error: unknown) => void
}

export type Listener = {
  readonly url: string
  /** Answers by status, and what was refused before it was read. */
  readonly counters: { readonly answers: ReadonlyMap<number, number>; readonly connectionsRefused: number }
  close(): Promise<void>
}

const headersBytesMax = 8 * 1024
const headersMs = 5_000
const requestMs = 10_000
const idleMs = 30_000
/** How late a connection that is too slow may be noticed. */
const checkMs = 2_000
const requestsPerConnectionMax = 10_000

/** Serves C2SP tlog-witness, and a log's last checkpoint under `/checkpoint/<hex SHA-256 of its origin>`. */
export async function listen(options: ListenerOptions): Promise<Listener> {
  const { address, port, tls, clients } = options
  const answers = new Map<number, number>()
  let connectionsRefused = 0
  const limits = {
    maxHeaderSize: headersBytesMax,
    headersTimeout: headersMs,
    requestTimeout: requestMs,
    keepAliveTimeout: idleMs,
    connectionsCheckingInterval: checkMs,
  }
  const onRequest: RequestListener = (request, response) => {
    answerTo(options, request)
      .then((answer) => {
        answers.set(answer.status, (answers.get(answer.status) ?? 0) + 1)
        write(request, response, answer)
      })
      // The client went away.
      .catch(() => response.destroy())
  }
  const attempted = `listening on ${address} port ${port}`
  const server = createServer()

  function createServer() {
    try {
      return tls === undefined
        ? createHttpServer(limits, onRequest)
        : createHttpsServer({ ...limits, ...tls, handshakeTimeout: headersMs }, onRequest)
    } catch (cause) {
      throw witnessProgramError('WITNESS_LISTEN', { attempted, received: (cause as NodeJS.ErrnoException).code, cause })
    }
  }

  server.maxConnections = options.connections
  server.maxRequestsPerSocket = requestsPerConnectionMax
  server.timeout = idleMs
  server.on('connection', (socket: Socket) => {
    const client = clientOf(socket.remoteAddress)
    if (clients.enter(client)) {
      socket.once('close', () => clients.leave(client))
    } else {
      connectionsRefused += 1
      socket.destroy()
    }
  })
  server.on('drop', () => {
    connectionsRefused += 1
  })
  server.on('clientError', (_error, socket) => socket.destroy())
  server.listen(port, address)
  try {
    await once(server, 'listening')
  } catch (cause) {
    throw witnessProgramError('WITNESS_LISTEN', { attempted, received: (cause as NodeJS.ErrnoException).code, cause })
  }
  const bound = (server.address() as AddressInfo).port
  return {
    url: `${tls === undefined ? 'http' : 'https'}://${isIPv6(address) ? `[${address}]` : address}:${bound}`,
    counters: {
      answers,
      get connectionsRefused() {
        return connectionsRefused
      },
    },
    close: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

const checkpointPath = /^\/checkpoint\/([0-9a-f]{64})$/

/** Rejects when the client goes away before it has said all. */
async function answerTo(options: ListenerOptions, request: IncomingMessage): Promise<WitnessAnswer> {
  const { witness, clients } = options
  const { method, url = '' } = request
  if (!clients.admits(clientOf(request.socket.remoteAddress))) return plain(429, 'too many requests')
  const id = checkpointPath.exec(url)?.[1]
  if (id !== undefined) {
    if (method !== 'GET') return plain(405, 'GET is answered here')
    const note = witness.latest(id)
    return note === undefined ? plain(404, 'nothing was cosigned of such a log') : plain(200, note.slice(0, -1))
  }
  if (url !== '/add-checkpoint') return plain(404, 'there is /add-checkpoint')
  if (method !== 'POST') return plain(405, 'POST is answered here')
  const body = await bodyOf(request)
  if (body === undefined) return plain(413, `more than ${submissionBytesMax} bytes`)
  return await witness.addCheckpoint(body).catch((error: unknown) => {
    options.onFatal(error)
    return plain(500, 'this witness must be looked after')
  })
}

/** Undefined when there is more than a submission may have. Rejects when the client goes away. */
async function bodyOf(request: IncomingMessage): Promise<Uint8Array | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > submissionBytesMax) return undefined
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Uint8Array>) {
    bytes += chunk.length
    if (bytes > submissionBytesMax) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function write(request: IncomingMessage, response: ServerResponse, { status, type, body }: WitnessAnswer): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(status === 405 && { allow: request.url === '/add-checkpoint' ? 'POST' : 'GET' }),
    ...(status === 429 && { 'retry-after': '1' }),
    // What is left of the request is not read.
    ...(request.complete ? {} : { connection: 'close' }),
  })
  response.end(body)
}

const plain = (status: number, reason: string): WitnessAnswer => ({
  status,
  type: 'text/plain; charset=utf-8',
  body: `${reason}\n`,
})
