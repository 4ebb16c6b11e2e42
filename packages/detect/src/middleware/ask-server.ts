// SPDX-License-Identifier: Apache-2.0

import { isUtf8 } from 'node:buffer'
import { type IncomingMessage, Agent as PlainAgent, request as plainRequest } from 'node:http'
import { Agent, request as tlsRequest } from 'node:https'
import { rootCertificates } from 'node:tls'
import { type Clock, isSealwatchError, messageOf } from '@sealwatch/base'
import { idleClock } from '@sealwatch/base/clock'
import { safeUrl } from '@sealwatch/base/outgoing'
import { detectError } from '../errors.ts'
import type { RequestContext } from '../request/context.ts'
import type { Opinion, ServerJudge } from './options.ts'
import { readAnswer } from './server-answer.ts'

export type ServerOptions = {
  /** Origin of the server: https://HOST:PORT; on this machine http://127.0.0.1:PORT, too. */
  readonly url: string
  /**
   * One that may `threat:analyze`; white space around it is left out. A function is asked before each request, so that a new one counts at
   * once.
   */
  readonly token: string | (() => string | Promise<string>)
  /** Certificates (PEM) to trust besides those of the system. */
  readonly ca?: string | undefined
  readonly limits?: { readonly [name in keyof typeof serverLimits]?: number } | undefined
  readonly clock?: Clock | undefined
}

export const serverLimits = {
  /** For an answer, the ledger's included: a threat is answered when it is recorded. */
  answerMs: 2_000,
  atOnceMax: 64,
  answerBytesMax: 256 * 1024,
  /** After so many failures in a row nobody is asked for so long. */
  failuresMax: 5,
  restMs: 5_000,
} as const

/** Judges by `POST /api/v1/security/threats/analyze`, over connections that are kept. Throws JUDGE_URL, JUDGE_TOKEN. */
export function askServer({ url, token, ca, limits: given, clock = idleClock }: ServerOptions): ServerJudge {
  const limits = { ...serverLimits, ...given }
  const origin = safeUrl(url)
  if (origin === undefined) throw detectError('JUDGE_URL', { attempted: opening, received: URL.parse(url)?.origin })
  if (typeof token !== 'function') readToken(token, opening)
  const target = new URL('/api/v1/security/threats/analyze', origin)
  const isPlain = origin.protocol === 'http:'
  const kept = { keepAlive: true, maxSockets: limits.atOnceMax }
  const agent = isPlain
    ? new PlainAgent(kept)
    : new Agent({ ...kept, ...(ca !== undefined && { ca: [...rootCertificates, ca] }) })
  let underWay = 0
  let failures = 0
  let restsUntilNs = 0n

  async function exchange(context: RequestContext, signal: AbortSignal): Promise<Opinion> {
    const body = JSON.stringify({ request_context: jsonOf(context) })
    const headers = {
      authorization: `Bearer ${readToken(typeof token === 'function' ? await token() : token, attempted)}`,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    }
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    const asking = (isPlain ? plainRequest : tlsRequest)(target, { method: 'POST', agent, headers, signal }, resolve)
    asking.on('error', reject).end(body)
    const answer = await promise
    // Who refuses one question is there for the next: nobody stops all of them by making some that are refused.
    if ((answer.statusCode ?? 500) < 500) failures = 0
    return readAnswer(answer, await textOf(answer, limits.answerBytesMax))
  }

  return {
    async ask(context) {
      if (clock.monotonicNs() < restsUntilNs) throw away(`${failures} failures in a row, so it is not asked for now`)
      if (underWay >= limits.atOnceMax)
        throw detectError('JUDGE_REFUSED', { attempted, received: `${underWay} under way` })
      underWay += 1
      const over = new AbortController()
      const done = new AbortController()
      void clock.sleep(limits.answerMs, done.signal).then(() => over.abort())
      try {
        const opinion = await exchange(context, over.signal)
        failures = 0
        return opinion
      } catch (error) {
        failures += 1
        if (failures >= limits.failuresMax) restsUntilNs = clock.monotonicNs() + BigInt(limits.restMs) * 1_000_000n
        if (isSealwatchError(error)) throw error
        throw away(over.signal.aborted ? `no answer in ${limits.answerMs} ms` : messageOf(error), error)
      } finally {
        done.abort()
        underWay -= 1
      }
    },
  }
}

/** JSON is Unicode: what is UTF-8 is that, and any other byte the character of its number. */
function textOfBytes(latin1: string): string {
  const bytes = Buffer.from(latin1, 'latin1')
  return isUtf8(bytes) ? bytes.toString() : latin1
}

function jsonOf({ method, path, query, version, headers, body, isBodyCut, address, user, route }: RequestContext) {
  return {
    method,
    url: textOfBytes(query === '' ? path : `${path}?${query}`),
    version,
    headers: headers.map((pair) => pair.map(textOfBytes)),
    ...(body.length > 0 && {
      body_base64: Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('base64'),
    }),
    body_is_cut: isBodyCut,
    address,
    user,
    route,
  }
}

async function textOf(answer: IncomingMessage, bytesMax: number): Promise<string> {
  const pieces: Buffer[] = []
  let bytes = 0
  for await (const piece of answer as AsyncIterable<Buffer>) {
    bytes += piece.length
    if (bytes > bytesMax) throw away(`an answer of more than ${bytesMax} bytes`)
    pieces.push(piece)
  }
  return Buffer.concat(pieces).toString()
}

/** What is none is told by its kind alone: it may be half a secret. Throws JUDGE_TOKEN. */
function readToken(given: unknown, attempted: string): string {
  if (typeof given !== 'string')
    throw detectError('JUDGE_TOKEN', { attempted, received: given === null ? null : typeof given })
  const token = given.trim()
  if (tokenForm.test(token)) return token
  throw detectError('JUDGE_TOKEN', { attempted, shown: `a text of ${token.length} characters` })
}
const tokenForm = /^[\x21-\x7e]+$/

const opening = 'opening a judge of requests'
const attempted = 'having a request judged by the server'
const away = (received: string, cause?: unknown) => detectError('JUDGE_AWAY', { attempted, received, cause })
