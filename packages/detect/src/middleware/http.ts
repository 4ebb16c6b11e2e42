// SPDX-License-Identifier: Apache-2.0

import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { clientBehind, noProxies, readProxies } from '@sealwatch/base'
import { detectError } from '../errors.ts'
import { createJudging } from './judging.ts'
import type { JudgingOptions, Opinion } from './options.ts'
import { answerSafely } from './safe-answer.ts'

export { askServer, type ServerOptions } from './ask-server.ts'
export type { Instead, JudgingOptions, Leak, Mode, Opinion, Threat, Whose } from './options.ts'

export type JudgedIncoming = IncomingMessage & { sealwatch?: Opinion | undefined }
export type HttpOptions = JudgingOptions<IncomingMessage> & {
  /** Addresses and CIDR blocks, with commas between, of proxies whose X-Forwarded-For is believed; without, nobody's is. */
  readonly trustedProxies?: string | undefined
}

/** For `createServer` of node:http and node:https: calls the handler with what passes. Throws JUDGE_PROXIES. */
export function sealwatch(
  options: HttpOptions,
  handler: (request: JudgedIncoming, response: ServerResponse) => unknown,
): RequestListener {
  const { trustedProxies } = options
  const proxies = trustedProxies === undefined ? noProxies : readProxies(trustedProxies)
  if (proxies === undefined)
    throw detectError('JUDGE_PROXIES', { attempted: 'reading trustedProxies', received: trustedProxies })
  const judging = createJudging(options)
  return (request, response) => {
    const forwarded = request.headers['x-forwarded-for']
    const address = clientBehind(request.socket.remoteAddress, [forwarded].flat().join(',') || undefined, proxies) ?? ''
    void judging.before({ request, raw: request, url: request.url ?? '/', address }, response).then((outcome) => {
      if (outcome.kind === 'left') return
      Object.assign(request, { sealwatch: outcome.opinion })
      if (outcome.kind === 'refuse') return answerSafely(response, outcome.answer)
      return handler(request, response)
    })
  }
}
