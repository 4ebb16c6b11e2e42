// SPDX-License-Identifier: Apache-2.0
// Every HTTP request that a program makes of its own. Who names the place is not always who runs the program, and whoever
// answers for a name in DNS is neither: so the place is judged by what is connected to, not by what it is called.

import { promises as dns } from 'node:dns'
import { type IncomingMessage, Agent as PlainAgent, request as plainRequest } from 'node:http'
import { Agent as TlsAgent, request as tlsRequest } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import type { Clock } from '../clock.ts'
import { type ErrorTable, errorsOf } from '../errors.ts'
import { addressKind } from './address.ts'

export const outgoingErrors = {
  OUTGOING_REFUSED: {
    kind: 'denied',
    rule: 'a request goes to an origin that a setting names, or by https to a public address where others may name one; in plain HTTP to this machine alone (docs/threat-model.md)',
    advice:
      'Name the origin in the setting that it is for, if it is meant; if it is named, look who answers for it in DNS',
  },
  OUTGOING_ANSWER: {
    kind: 'invalid',
    rule: 'an answer is no redirect, is not compressed, and stays within its size',
    advice: 'Name the place where the answer itself is, and ask its operator what it sends',
  },
  OUTGOING_LATE: {
    kind: 'unavailable',
    rule: 'an answer is whole within its time',
    advice: 'Look whether the other side is up, and reachable from this machine',
  },
} as const satisfies ErrorTable
const outgoingError = errorsOf(outgoingErrors)

export type OutgoingInit = {
  readonly method?: string | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly body?: string | Uint8Array<ArrayBuffer> | URLSearchParams | null | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Called as `fetch` is. The answer is whole, of any status but a redirect; of its headers those are kept that
 * `keptHeaders` names. Throws OUTGOING_REFUSED, OUTGOING_ANSWER, OUTGOING_LATE, and what the network throws.
 */
export type Outgoing = (url: string, init?: OutgoingInit) => Promise<Response>

export type Address = { readonly address: string; readonly family: number }

export type OutgoingOptions = {
  /** What is called, for messages: "a witness". */
  readonly what: string
  /** Origins that the operator named: they may lie in a private network, or on this machine. */
  readonly origins: ReadonlySet<string>
  /** Others may name places too, on the public Internet: an error then tells them no more than that theirs is none. */
  readonly isOpen?: boolean
  /** PEM of the CA that certificates must come from; else those that the runtime trusts. */
  readonly ca?: string | undefined
  readonly timeoutMs?: number
  readonly answerBytesMax?: number
  readonly clock: Clock
  /** All addresses of a name; the system's resolver unless told. */
  readonly resolve?: (hostname: string) => Promise<readonly Address[]>
}

/** https, or http on this very machine: what a setting may name. Undefined for all else. */
export function safeUrl(text: string): URL | undefined {
  const url = URL.parse(text)
  if (url === null || url.username !== '' || url.password !== '') return undefined
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const isHere = host === 'localhost' || (isIP(host) !== 0 && addressKind(host) === 'loopback')
  return url.protocol === 'https:' || (url.protocol === 'http:' && isHere) ? url : undefined
}

const timeoutMsDefault = 10_000
const answerBytesMaxDefault = 256 * 1024
const headersBytesMax = 16 * 1024
const addressesMax = 16
const keptHeaders = ['content-type', 'etag', 'last-modified', 'retry-after', 'www-authenticate'] as const
/** They say how the bytes travel, which is not the caller's matter. */
const ownHeaders = /^(host|connection|content-length|transfer-encoding|upgrade|te|trailer|expect|proxy-.*)$/i

const systemResolve = (hostname: string): Promise<Address[]> => dns.lookup(hostname, { all: true, order: 'verbatim' })

export function createOutgoing(options: OutgoingOptions): Outgoing {
  const { what, clock, timeoutMs = timeoutMsDefault, answerBytesMax = answerBytesMaxDefault } = options
  const attempted = `calling ${what}`
  const refused = (received: string, cause?: unknown) =>
    outgoingError('OUTGOING_REFUSED', { attempted, received, cause })

  function placeOf(text: string): URL {
    const url = URL.parse(text)
    if (url === null) throw refused('what is no URL')
    if (url.protocol !== 'https:' && url.protocol !== 'http:') throw refused(`the scheme ${url.protocol}`)
    if (url.username !== '' || url.password !== '') throw refused(`a URL with a password, at ${url.origin}`)
    const isNamed = options.origins.has(url.origin)
    if (!isNamed && (options.isOpen !== true || url.protocol !== 'https:')) throw refused(url.origin)
    return url
  }

  /** Asked once: what is judged here is what is connected to. One address out of order spoils them all. */
  async function addressesOf(url: URL): Promise<readonly Address[]> {
    const host = url.hostname.replace(/^\[|\]$/g, '')
    const family = isIP(host)
    const found = family === 0 ? await (options.resolve ?? systemResolve)(host) : [{ address: host, family }]
    const may = options.origins.has(url.origin) ? ['public', 'private', 'loopback'] : ['public']
    const due = url.protocol === 'http:' ? ['loopback'] : may
    if (found.length === 0 || !found.every(({ address }) => due.includes(addressKind(address))))
      throw refused(`${url.origin}, which leads to an address of another kind than ${due.join(', ')}`)
    return found.slice(0, addressesMax)
  }

  async function exchange(url: URL, init: OutgoingInit, signal: AbortSignal): Promise<Response> {
    const addresses = await unlessAborted(addressesOf(url), signal)
    const body = init.body instanceof URLSearchParams ? String(init.body) : (init.body ?? undefined)
    const headers = Object.entries(init.headers ?? {}).filter(([name]) => !ownHeaders.test(name))
    const isPlain = url.protocol === 'http:'
    // Of its own: nothing is left open, and no proxy of the environment gets between.
    const agent = isPlain ? new PlainAgent() : new TlsAgent()
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    const request = (isPlain ? plainRequest : tlsRequest)(url, {
      agent,
      method: init.method ?? 'GET',
      headers: {
        ...Object.fromEntries(headers),
        ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }),
      },
      lookup: answering(addresses),
      maxHeaderSize: headersBytesMax,
      signal,
      ...(isPlain
        ? {}
        : { rejectUnauthorized: true, minVersion: 'TLSv1.2', ...(options.ca === undefined ? {} : { ca: options.ca }) }),
    })
    request.once('response', resolve)
    request.on('error', reject)
    // An upgrade that nobody asked for.
    request.once('upgrade', (_response, socket) => socket.destroy())
    request.once('close', () => reject(new Error('the connection ended before an answer')))
    request.end(body)
    try {
      return await answerOf(await promise)
    } finally {
      request.destroy()
      agent.destroy()
    }
  }

  async function answerOf(response: IncomingMessage): Promise<Response> {
    const unfit = (received: string) => outgoingError('OUTGOING_ANSWER', { attempted, received })
    const { statusCode: status = 0, headers } = response
    if (status >= 300 && status < 400 && status !== 304) throw unfit(`the redirect ${status}`)
    if (status < 200 || status > 599) throw unfit(`the status ${status}`)
    if ((headers['content-encoding'] ?? 'identity') !== 'identity') throw unfit('a compressed answer')
    const tooLarge = () => unfit(`an answer of more than ${answerBytesMax} bytes`)
    if (Number(headers['content-length'] ?? 0) > answerBytesMax) throw tooLarge()
    const chunks: Buffer[] = []
    let size = 0
    for await (const chunk of response) {
      size += (chunk as Buffer).length
      if (size > answerBytesMax) throw tooLarge()
      chunks.push(chunk as Buffer)
    }
    const kept = keptHeaders.flatMap((name): [string, string][] => {
      const value = headers[name]
      return value === undefined ? [] : [[name, value]]
    })
    const isEmpty = status === 204 || status === 205 || status === 304
    return new Response(isEmpty ? null : Buffer.concat(chunks), { status, headers: kept })
  }

  return async (text, init = {}) => {
    const url = placeOf(text)
    const done = new AbortController()
    const late = new AbortController()
    void clock.sleep(timeoutMs, done.signal).then(() => late.abort())
    const signal = AbortSignal.any([late.signal, ...(init.signal === undefined ? [] : [init.signal])])
    try {
      return await exchange(url, init, signal)
    } catch (cause) {
      if (!late.signal.aborted || done.signal.aborted) throw cause
      throw outgoingError('OUTGOING_LATE', { attempted, received: `none of ${url.origin} in ${timeoutMs} ms`, cause })
    } finally {
      done.abort()
    }
  }
}

/** In place of the system's resolver, for one connection. */
export const answering =
  (addresses: readonly Address[]): LookupFunction =>
  (_hostname, { all }, callback) => {
    const [first] = addresses
    if (all === true) callback(null, [...addresses])
    else callback(null, first?.address ?? '', first?.family)
  }

/** A name that is looked up cannot be called back. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const stop = () => reject(signal.reason)
  if (signal.aborted) stop()
  signal.addEventListener('abort', stop, { once: true })
  return Promise.race([work, promise]).finally(() => signal.removeEventListener('abort', stop))
}
