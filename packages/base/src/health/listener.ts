// SPDX-License-Identifier: Apache-2.0

import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, isIPv6 } from 'node:net'
import { type ErrorTable, errorsOf } from '../errors.ts'
import type { Health } from './health.ts'
import { createHostCheck } from './hosts.ts'

export const healthErrors = {
  HEALTH_LISTEN: {
    kind: 'conflict',
    rule: 'the address and port for /healthz, /readyz and /metrics must be free and of this machine',
    advice: 'Set another …_HEALTH_ADDRESS or …_HEALTH_PORT; port 0 takes a free one',
  },
} as const satisfies ErrorTable
const healthError = errorsOf(healthErrors)

export type HealthListener = { readonly url: string; close(): Promise<void> }

const connectionsMax = 32
const requestsPerConnectionMax = 1_000
const headersBytesMax = 8 * 1024
const timeoutMs = 5_000

/**
 * Answers /healthz (with its alias /health), /readyz (/ready) and /metrics, to GET and HEAD alone, and to whoever asks for
 * `address`, localhost, an address in digits, or one of `hosts` (hosts.ts). Whoever reaches the port so may read them: they
 * tell names of tenants and folders, and nothing that is secret. Throws HEALTH_LISTEN.
 */
export async function listenForHealth(
  health: Health,
  { address, port, hosts }: { readonly address: string; readonly port: number; readonly hosts?: string },
): Promise<HealthListener> {
  const isOurs = createHostCheck(address, hosts)
  const server = createServer(
    {
      maxHeaderSize: headersBytesMax,
      headersTimeout: timeoutMs,
      requestTimeout: timeoutMs,
      keepAliveTimeout: timeoutMs,
    },
    (request, response) => {
      answer(health, isOurs(request.headers.host), request, response).catch(() => response.destroy())
    },
  )
  server.maxConnections = connectionsMax
  server.maxRequestsPerSocket = requestsPerConnectionMax
  server.timeout = timeoutMs
  server.on('clientError', (_error, socket) => socket.destroy())
  server.listen(port, address)
  try {
    await once(server, 'listening')
  } catch (cause) {
    const received = (cause as NodeJS.ErrnoException).code
    throw healthError('HEALTH_LISTEN', { attempted: `listening on ${address} port ${port}`, received, cause })
  }
  const bound = (server.address() as AddressInfo).port
  return {
    url: `http://${isIPv6(address) ? `[${address}]` : address}:${bound}`,
    close: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

type Answer = { readonly status: number; readonly type: string; readonly body: string }

const json = (status: number, value: object): Answer => ({
  status,
  type: 'application/json',
  body: `${JSON.stringify(value)}\n`,
})

const routes: Readonly<Record<string, (health: Health) => Promise<Answer> | Answer>> = {
  // Alive is whoever answers: no restart makes room on a disk, so a critical state is told and is no failure here.
  '/healthz': (health) => json(200, health.liveness()),
  '/readyz': async (health) => {
    const { serves, ...readiness } = await health.readiness()
    return json(serves ? 200 : 503, readiness)
  },
  '/metrics': (health) => ({
    status: 200,
    type: 'text/plain; version=0.0.4; charset=utf-8',
    body: health.metrics.text(),
  }),
}
/** RFC 9110, 15.5.20. */
const misdirected = json(421, { error: 'this is asked by a name that is not ours: …_HEALTH_HOSTS lists more' })
const aliases: Readonly<Record<string, string>> = { '/health': '/healthz', '/ready': '/readyz' }

async function answer(
  health: Health,
  isOurs: boolean,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = (request.url ?? '').split('?')[0] as string
  const route = Object.hasOwn(aliases, path) ? (aliases[path] as string) : path
  const { status, type, body } = isOurs ? await answerTo(health, request, route) : misdirected
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(status === 405 && { allow: 'GET, HEAD' }),
    ...(status === 400 && { connection: 'close' }),
  })
  response.end(request.method === 'HEAD' ? undefined : body)
}

async function answerTo(health: Health, { method, headers }: IncomingMessage, route: string): Promise<Answer> {
  const hasBody = headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0'
  if (hasBody) return json(400, { error: 'a request without a body was due' })
  if (method !== 'GET' && method !== 'HEAD') return json(405, { error: 'GET and HEAD are answered' })
  if (!Object.hasOwn(routes, route)) return json(404, { error: `there are ${Object.keys(routes).join(', ')}` })
  return await (routes[route] as (health: Health) => Promise<Answer>)(health)
}
