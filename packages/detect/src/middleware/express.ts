// SPDX-License-Identifier: Apache-2.0

import type { IncomingMessage, ServerResponse } from 'node:http'
import { createJudging } from './judging.ts'
import type { JudgingOptions, Opinion } from './options.ts'
import { answerSafely } from './safe-answer.ts'

export { askServer, type ServerOptions } from './ask-server.ts'
export type { Instead, JudgingOptions, Leak, Mode, Opinion, Threat, Whose } from './options.ts'

/** As much as is needed of Express's request, 4 and 5. */
export type ExpressRequest = IncomingMessage & {
  readonly originalUrl: string
  /** By `trust proxy` of the application. */
  readonly ip?: string | undefined
  sealwatch?: Opinion | undefined
}

/** For `app.use`, before anything that reads bodies: what passes goes on. */
export function sealwatch(options: JudgingOptions<ExpressRequest>) {
  const judging = createJudging(options)
  return (request: ExpressRequest, response: ServerResponse, next: (error?: unknown) => void): void => {
    const { originalUrl: url, ip: address = '' } = request
    void judging.before({ request, raw: request, url, address }, response).then((outcome) => {
      if (outcome.kind === 'left') return
      request.sealwatch = outcome.opinion
      if (outcome.kind === 'refuse') return answerSafely(response, outcome.answer)
      return next()
    })
  }
}
