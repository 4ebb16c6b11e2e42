// SPDX-License-Identifier: Apache-2.0

import type { IncomingMessage } from 'node:http'
import { type RequestContext, readContext } from '../request/context.ts'
import type { SeenBody } from './incoming-body.ts'
import type { Whose } from './options.ts'

export type From = Whose & {
  /** As it was asked for: frameworks rewrite `url`. */
  readonly url: string
  readonly address: string
}

/** A request as node received it. Throws SealwatchError CONTEXT_SHAPE or CONTEXT_TOO_LARGE. */
export function contextOfIncoming(request: IncomingMessage, body: SeenBody | undefined, from: From): RequestContext {
  const { url, address, user, route, tenant } = from
  const { method = 'GET', httpVersion, rawHeaders } = request
  const cut = url.indexOf('?')
  const headers = rawHeaders.flatMap((name, at) => (at % 2 === 0 ? headerOf(name, rawHeaders[at + 1] ?? '') : []))
  return readContext({
    method,
    path: cut < 0 ? url : url.slice(0, cut),
    query: cut < 0 ? '' : url.slice(cut + 1),
    version: httpVersion,
    headers,
    ...(body !== undefined && { body: body.bytes, isBodyCut: body.end === 'more' || body.end === 'late' }),
    address,
    ...(user !== undefined && { user }),
    ...(route !== undefined && { route }),
    ...(tenant !== undefined && { tenant }),
  })
}

/** Method, path and scheme of HTTP/2 come as headers that no client of HTTP/1 can send; its authority is the host (RFC 9113, 8.3.1). */
function headerOf(name: string, value: string): (readonly [string, string])[] {
  if (name === ':authority') return [['Host', value]]
  return name.startsWith(':') ? [] : [[name, value]]
}
