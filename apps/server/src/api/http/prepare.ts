// SPDX-License-Identifier: Apache-2.0

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { systemClock } from '@sealwatch/base'
import { createOutgoing } from '@sealwatch/base/outgoing'
import { bareServer } from './serve-routes.ts'

const requests = [
  ['GET', '/', undefined],
  ['POST', '/', '{"a":1}'],
  ['POST', '/', '{'],
  ['GET', '/none', undefined],
] as const

/**
 * Serves a few requests on a free port, and closes it: Fastify loads parts of itself late, and a process that has given up
 * root may find its own code where only root may read.
 */
export async function prepareHttp(): Promise<void> {
  const app = bareServer()
  app.route({ method: ['GET', 'POST'], url: '/', handler: async () => ({}) })
  await app.ready()
  const server = createServer(app.routing).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const origin = `http://127.0.0.1:${port}`
  const ask = createOutgoing({ what: 'itself', origins: new Set([origin]), clock: systemClock })
  const headers = { 'content-type': 'application/json' }
  for (const [method, path, body] of requests)
    await ask(origin + path, { method, ...(body === undefined ? {} : { headers, body }) })
  server.closeAllConnections()
  server.close()
  await app.close()
}
