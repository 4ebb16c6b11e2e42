// SPDX-License-Identifier: Apache-2.0
// One service in each framework: it answers with what came through, and counts how often it was asked.

import { once } from 'node:events'
import { request as ask, createServer, type IncomingMessage, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import express from 'express'
import fastify from 'fastify'
import * as forExpress from '../express.ts'
import * as forFastify from '../fastify.ts'
import * as forHttp from '../http.ts'
import type { JudgingOptions, Opinion } from '../options.ts'

export type Came = {
  readonly method: string
  readonly url: string
  readonly body: unknown
  readonly opinion: Opinion | null
}
export type Reply = { readonly status: number; readonly headers: IncomingMessage['headers']; readonly text: string }
export type Sent = {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Several go out one by one, in pieces of their own. */
  readonly body?: string | readonly string[]
}
export type Service = AsyncDisposable & {
  /** What came to the handler, in order. */
  readonly came: readonly Came[]
  send(path: string, sent?: Sent): Promise<Reply>
  /** To say what no client says. */
  connect(): Socket
}
/** Without what a framework names its own: the same for all. */
export type Options = Omit<JudgingOptions<never>, 'whose' | 'readsBody'> & { readonly answer?: string }

type Answering = (came: Came) => string
const starts = {
  http: async (options: Options, answering: Answering): Promise<Server> =>
    createServer(
      forHttp.sealwatch(options, async (request, response) => {
        const pieces: Buffer[] = []
        for await (const piece of request) pieces.push(piece as Buffer)
        const { method = '', url = '', sealwatch } = request
        const text = answering({ method, url, body: Buffer.concat(pieces).toString(), opinion: sealwatch ?? null })
        response.setHeader('content-type', 'text/plain').end(text)
      }),
    ),
  express: async (options: Options, answering: Answering): Promise<Server> => {
    const app = express()
    app.use(forExpress.sealwatch(options))
    app.use(express.json(), express.urlencoded(), express.text({ type: '*/*', limit: '1mb' }))
    app.use((request, response) => {
      const { method, originalUrl: url, body } = request
      const { sealwatch = null } = request as forExpress.ExpressRequest
      response.type('text/plain').send(answering({ method, url, body: body as unknown, opinion: sealwatch }))
    })
    return createServer(app)
  },
  fastify: async (options: Options, answering: Answering): Promise<Server> => {
    const app = fastify({ bodyLimit: 1024 * 1024 })
    app.addContentTypeParser('*', { parseAs: 'string' }, async (_request: unknown, body: string) => body)
    await app.register(forFastify.sealwatch, options)
    app.all('/*', async (request, reply) => {
      const { method, url, body } = request
      const { sealwatch = null } = request as forFastify.FastifyRequest
      return reply.type('text/plain').send(answering({ method, url, body, opinion: sealwatch }))
    })
    await app.ready()
    return createServer(app.routing)
  },
} as const
export type Framework = keyof typeof starts
export const frameworks = Object.keys(starts) as readonly Framework[]

export async function startService(framework: Framework, options: Options): Promise<Service> {
  const came: Came[] = []
  const server = await starts[framework](options, (one) => {
    came.push(one)
    return options.answer ?? JSON.stringify(one)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    came,
    connect: () => connect(port, '127.0.0.1'),
    send: (path, { method = 'GET', headers = {}, body = [] } = {}) => {
      const { promise, resolve, reject } = Promise.withResolvers<Reply>()
      const asking = ask({ host: '127.0.0.1', port, agent: false, path, method, headers }, (answer) => {
        const pieces: Buffer[] = []
        answer.on('data', (piece: Buffer) => pieces.push(piece)).once('error', reject)
        answer.once('end', () => {
          const { statusCode: status = 0, headers } = answer
          resolve({ status, headers, text: Buffer.concat(pieces).toString() })
        })
      })
      // Who is refused before the end of what it sends may find the connection closed.
      asking.on('error', reject)
      for (const piece of [body].flat()) asking.write(piece)
      asking.end()
      return promise
    },
    [Symbol.asyncDispose]: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
