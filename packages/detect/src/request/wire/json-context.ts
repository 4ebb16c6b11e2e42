// SPDX-License-Identifier: Apache-2.0

import { detectError } from '../../errors.ts'
import { type RequestContext, readContext } from '../context.ts'

/** A request as JSON tells it. Text is Unicode here, and is taken as its UTF-8. */
export type JsonContext = {
  readonly method: string
  /** Path and query, still encoded. */
  readonly url: string
  /** `1.1` when it is left out. */
  readonly version?: string | undefined
  readonly headers?: readonly (readonly [name: string, value: string])[] | undefined
  readonly body?: string | undefined
  /** In the place of `body`, for what is no text. */
  readonly body_base64?: string | undefined
  /** That it is the beginning of a longer one. */
  readonly body_is_cut?: boolean | undefined
  readonly address: string
  readonly user?: string | undefined
  readonly route?: string | undefined
}

const members = new Set([
  'method',
  'url',
  'version',
  'headers',
  'body',
  'body_base64',
  'body_is_cut',
  'address',
  'user',
  'route',
])

/** Throws SealwatchError CONTEXT_SHAPE or CONTEXT_TOO_LARGE. */
export function contextOfJson(input: unknown, tenant?: string): RequestContext {
  const isObject = typeof input === 'object' && input !== null && !Array.isArray(input)
  if (!isObject) throw shape('it', input)
  const given = input as Readonly<Record<string, unknown>>
  for (const name of Object.keys(given)) if (!members.has(name)) throw shape('a member', name)
  const { method, url, version, headers = [], body, body_base64: base64, address, user, route } = given
  const { body_is_cut: isBodyCut } = given
  if (typeof url !== 'string') throw shape('url', typeof url)
  if (!Array.isArray(headers)) throw shape('headers', typeof headers)
  const cut = url.indexOf('?')
  return readContext({
    method: bytesOf(method),
    path: bytesOf(cut < 0 ? url : url.slice(0, cut)),
    query: cut < 0 ? '' : bytesOf(url.slice(cut + 1)),
    headers: headers.map((pair: unknown) => (Array.isArray(pair) ? pair.map(bytesOf) : pair)),
    address,
    ...(version !== undefined && { version }),
    ...bodyOf(body, base64),
    ...(isBodyCut !== undefined && { isBodyCut }),
    ...(user !== undefined && { user }),
    ...(route !== undefined && { route }),
    ...(tenant !== undefined && { tenant }),
  })
}

const bytesOf = (text: unknown) => (typeof text === 'string' ? Buffer.from(text) : text)

function bodyOf(body: unknown, base64: unknown): { readonly body?: Uint8Array } {
  if (body !== undefined && base64 !== undefined) throw shape('body', 'body and body_base64')
  if (body === undefined && base64 === undefined) return {}
  const text = body ?? base64
  if (typeof text !== 'string') throw shape('body', typeof text)
  if (body !== undefined) return { body: Buffer.from(text) }
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0)
    throw shape('body_base64', `${text.length} characters`)
  return { body: Buffer.from(text, 'base64') }
}

const shape = (what: string, received: unknown) =>
  detectError('CONTEXT_SHAPE', {
    attempted: `reading ${what} of a request to judge`,
    received,
    advice:
      'It is an object: method, url, address; and if there are any: headers (pairs), body or body_base64, body_is_cut, version, user, route',
  })
