// SPDX-License-Identifier: Apache-2.0

import { detectError } from '../errors.ts'
import { contextLimits } from './limits.ts'

/**
 * A request as its server received it. Text is latin1: one character for each byte, nothing decoded, so that what was
 * sent can be told from what it means.
 */
export type RequestContext = {
  readonly method: string
  /** Up to the `?`, still encoded. */
  readonly path: string
  /** Behind the `?`, still encoded; empty when there is none. */
  readonly query: string
  /** `1.0`, `1.1`, `2` or `3`. */
  readonly version: string
  /** In the order of their arrival, each as often as it came, names as they were written. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: Uint8Array
  /** Whoever hands it over has not seen all of the body. Left out: where `Content-Length` says so. */
  readonly isBodyCut?: boolean
  /** Of the client: IPv4 or IPv6, without a port. */
  readonly address: string
  readonly user?: string
  readonly tenant?: string
  /** The service's own name for what was called, such as `/users/:id`. */
  readonly route?: string
}

/** As a caller hands it over. Bytes of headers are taken as latin1. */
export type RequestInput = Omit<RequestContext, 'headers' | 'version' | 'body'> & {
  readonly version?: string
  readonly headers: readonly (readonly [name: string | Uint8Array, value: string | Uint8Array])[]
  readonly body?: Uint8Array
}

const members = new Set([
  'method',
  'path',
  'query',
  'version',
  'headers',
  'body',
  'isBodyCut',
  'address',
  'user',
  'tenant',
  'route',
])
const empty = new Uint8Array()

/** Throws SealwatchError CONTEXT_SHAPE or CONTEXT_TOO_LARGE, for what comes from outside has any form. */
export function readContext(input: unknown): RequestContext {
  if (typeof input !== 'object' || input === null) throw shape('a request', typeof input)
  const given = input as Readonly<Record<string, unknown>>
  for (const name of Object.keys(given)) if (!members.has(name)) throw shape('a member', name)
  const { body = empty, version = '1.1', isBodyCut = false } = given
  if (!(body instanceof Uint8Array)) throw shape('body', typeof body)
  if (typeof isBodyCut !== 'boolean') throw shape('isBodyCut', typeof isBodyCut)
  if (body.length > contextLimits.bodyBytesMax) throw tooLarge('body', body.length, contextLimits.bodyBytesMax)
  return {
    method: latin1('method', given.method, contextLimits.methodCharsMax),
    path: latin1('path', given.path, contextLimits.targetCharsMax),
    query: latin1('query', given.query, contextLimits.targetCharsMax),
    version: latin1('version', version, contextLimits.versionCharsMax),
    headers: headersOf(given.headers),
    body,
    ...(isBodyCut && { isBodyCut }),
    address: latin1('address', given.address, contextLimits.addressCharsMax),
    ...nameOf('user', given.user),
    ...nameOf('tenant', given.tenant),
    ...nameOf('route', given.route),
  }
}

function headersOf(given: unknown): RequestContext['headers'] {
  if (!Array.isArray(given)) throw shape('headers', typeof given)
  if (given.length > contextLimits.headersMax) throw tooLarge('headers', given.length, contextLimits.headersMax)
  let chars = 0
  return given.map((pair: unknown) => {
    if (!Array.isArray(pair) || pair.length !== 2) throw shape('a header', pair)
    const [name, value] = pair.map((text) => latin1('a header', text, contextLimits.headerCharsMax))
    chars += (name as string).length + (value as string).length
    if (chars > contextLimits.headerCharsMax) throw tooLarge('headers', chars, contextLimits.headerCharsMax)
    return [name as string, value as string] as const
  })
}

function latin1(what: string, given: unknown, charsMax: number): string {
  if (typeof given !== 'string' && !(given instanceof Uint8Array)) throw shape(what, typeof given)
  if (given.length > charsMax) throw tooLarge(what, given.length, charsMax)
  const text = typeof given === 'string' ? given : Buffer.from(given).toString('latin1')
  if (beyondLatin1.test(text)) throw shape(what, text)
  return text
}

const beyondLatin1 = /[^\0-\xff]/

function nameOf(what: 'user' | 'tenant' | 'route', given: unknown) {
  if (given === undefined) return {}
  if (typeof given !== 'string') throw shape(what, typeof given)
  if (given.length > contextLimits.nameCharsMax) throw tooLarge(what, given.length, contextLimits.nameCharsMax)
  return { [what]: given }
}

const shape = (what: string, received: unknown) =>
  detectError('CONTEXT_SHAPE', { attempted: `reading ${what} of a request to judge`, received })
const tooLarge = (what: string, length: number, max: number) =>
  detectError('CONTEXT_TOO_LARGE', {
    attempted: `reading ${what} of a request to judge`,
    received: length,
    advice: `Hand over the beginning and the end of it, ${max} at most`,
  })
