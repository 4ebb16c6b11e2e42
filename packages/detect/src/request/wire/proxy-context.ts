// SPDX-License-Identifier: Apache-2.0

import { detectError } from '../../errors.ts'
import { type RequestContext, readContext } from '../context.ts'

/** What proxies put before `method`, `uri` and `host` of the request they hold: nginx as its documents have it; Caddy and Traefik. */
const manners = ['x-original-', 'x-forwarded-'] as const

/** Of the way from the proxy to us, and not of the request. */
const ofTheWay: ReadonlySet<string> = new Set(['host', 'connection', 'content-length', 'sealwatch-token'])

/**
 * A request of which a proxy asks before it passes it on, without its body: names and values of headers as node hands them out
 * (`rawHeaders`). Clients send headers too, and a proxy hands on those that it does not set itself: where URI or method is named twice,
 * nobody can say which the proxy vouches for. Throws SealwatchError CONTEXT_SHAPE or CONTEXT_TOO_LARGE.
 */
export function contextOfProxy(rawHeaders: readonly string[], address: string, tenant?: string): RequestContext {
  const headers = pairsOf(rawHeaders)
  const uri = told(headers, 'uri')
  const method = told(headers, 'method')
  if (uri.manner !== method.manner) throw shape('the method', `${method.manner}method beside ${uri.manner}uri`)
  const own = new Set([...ofTheWay, ...['method', 'uri', 'host'].map((what) => uri.manner + what)])
  // Where the token has a header of its own, this one is the client's.
  if (!headers.some(([name]) => name.toLowerCase() === 'sealwatch-token')) own.add('authorization')
  const host = headers.find(([name]) => name.toLowerCase() === `${uri.manner}host`)?.[1]
  const cut = uri.value.indexOf('?')
  return readContext({
    method: method.value,
    path: cut < 0 ? uri.value : uri.value.slice(0, cut),
    query: cut < 0 ? '' : uri.value.slice(cut + 1),
    headers: [
      ...(host === undefined ? [] : [['Host', host]]),
      ...headers.filter(([name]) => !own.has(name.toLowerCase())),
    ],
    address,
    ...(tenant !== undefined && { tenant }),
  })
}

type Pair = readonly [name: string, value: string]

const pairsOf = (raw: readonly string[]): Pair[] =>
  raw.flatMap((name, at) => (at % 2 === 0 ? [[name, raw[at + 1] ?? ''] as const] : []))

function told(headers: readonly Pair[], what: 'uri' | 'method'): { readonly manner: string; readonly value: string } {
  const found = headers.flatMap(([name, value]) => {
    const manner = manners.find((manner) => name.toLowerCase() === manner + what)
    return manner === undefined ? [] : [{ manner, value }]
  })
  const [one, ...more] = found
  if (one === undefined || more.length > 0) throw shape(`the ${what}`, `${found.length} headers that name it`)
  return one
}

const shape = (what: string, received: string) =>
  detectError('CONTEXT_SHAPE', {
    attempted: `reading ${what} of a request that a proxy holds`,
    received,
    advice:
      'Let the proxy set X-Original-URI and X-Original-Method, or X-Forwarded-Uri and X-Forwarded-Method (docs/middleware.md)',
  })
