// SPDX-License-Identifier: Apache-2.0

import type { IncomingMessage, ServerResponse } from 'node:http'
import { createJudging } from './judging.ts'
import type { JudgingOptions, Opinion } from './options.ts'

export { askServer, type ServerOptions } from './ask-server.ts'
export type { Instead, JudgingOptions, Leak, Mode, Opinion, Threat, Whose } from './options.ts'

/** As much as is needed of Fastify 5. */
export type FastifyRequest = {
  readonly raw: IncomingMessage
  readonly originalUrl: string
  /** By `trustProxy` of the application. */
  readonly ip: string
  sealwatch?: Opinion | null | undefined
}
type Reply = {
  readonly raw: ServerResponse
  code(status: number): Reply
  headers(values: Record<string, string>): Reply
  send(text: string): Reply
  hijack(): Reply
}
type App = {
  decorateRequest(name: string, value: null): unknown
  addHook(name: 'onRequest', hook: (request: FastifyRequest, reply: Reply) => Promise<unknown>): unknown
}

/** For `app.register`: what passes goes on. It is of the whole application, and not of a part of it (as fastify-plugin does it). */
export const sealwatch = Object.assign(
  async (app: App, options: JudgingOptions<FastifyRequest>): Promise<void> => {
    const judging = createJudging(options)
    app.decorateRequest('sealwatch', null)
    app.addHook('onRequest', async (request, reply) => {
      const { raw, originalUrl: url, ip: address } = request
      const outcome = await judging.before({ request, raw, url, address }, reply.raw)
      if (outcome.kind === 'left') return reply.hijack()
      request.sealwatch = outcome.opinion
      if (outcome.kind === 'pass') return undefined
      const { status, headers, text } = outcome.answer
      return reply
        .code(status)
        .headers({ ...headers })
        .send(text)
    })
  },
  { [Symbol.for('skip-override')]: true, [Symbol.for('fastify.display-name')]: 'sealwatch' },
)
