// SPDX-License-Identifier: Apache-2.0

import type { IncomingMessage } from 'node:http'
import type { Proxies } from '@sealwatch/base'
import { isLoopback } from './loopback.ts'
import { httpError } from './problems.ts'
import { protocolOf } from './whence.ts'

/** Said twice they are a way to have two readers see two requests. */
const once: ReadonlySet<string> = new Set(['host', 'authorization', 'content-type', 'origin'])
const hostForm = /^(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::\d{1,5})?$/i

/**
 * What node's parser lets through. `origin`: of our own pages. On loopback a page of elsewhere may have had its name resolved
 * to this machine: it is told apart by the name it asks for. Nor does anybody come in the open by a proxy of ours where our
 * own pages come by TLS. Throws REQUEST_INVALID or HOST_FOREIGN.
 */
export function checkForm(request: IncomingMessage, origin: string, proxies: Proxies): void {
  const { rawHeaders, headers, httpVersion, socket } = request
  const wrong = (received: string, advice: string) =>
    httpError('REQUEST_INVALID', { attempted: 'reading the head of a request', received, advice })
  const seen = new Set<string>()
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] as string).toLowerCase()
    if (once.has(name) && seen.has(name)) throw wrong(`two of ${name}`, `Send ${name} once`)
    seen.add(name)
  }
  if (httpVersion !== '1.1' && httpVersion !== '1.0') throw wrong(`HTTP/${httpVersion}`, 'Send it as HTTP/1.1')
  if (origin.startsWith('https:') && proxies.has(socket.remoteAddress) && protocolOf(request, proxies) === 'http')
    throw httpError('HOST_FOREIGN', { attempted: 'reading the head of a request', received: 'plain HTTP at the proxy' })
  const host = hostForm
    .exec(headers.host ?? '')?.[1]
    ?.replace(/^\[|\]$/g, '')
    .toLowerCase()
  if (host === undefined) {
    if (headers.host === undefined && httpVersion === '1.0') return
    throw wrong('no host, or what is none', 'Name the host, and its port, in the header Host')
  }
  if ('encrypted' in socket || isLoopback(host) || host === URL.parse(origin)?.hostname.replace(/^\[|\]$/g, '')) return
  throw httpError('HOST_FOREIGN', { attempted: 'reading the head of a request', received: host })
}
