// SPDX-License-Identifier: Apache-2.0

import { type IncomingMessage, type Agent as PlainAgent, request as plainRequest } from 'node:http'
import { type Agent as TlsAgent, request as tlsRequest } from 'node:https'
import type { Json } from '@sealwatch/base'
import type { Secret } from './secret.ts'

export type ProxyConnection = {
  readonly url: string
  readonly agent: PlainAgent | TlsAgent
  readonly apiKey: Secret | undefined
}
export type Answer = { readonly status: number; readonly body: Readonly<Record<string, Json | undefined>> }

const answerBytesMax = 64 * 1024

/** One call of the proxy's API. Throws what the network throws. */
export async function callProxy(
  connection: ProxyConnection,
  method: 'GET' | 'POST',
  path: string,
  body: object | undefined,
  signal: AbortSignal,
): Promise<Answer> {
  const { url, agent, apiKey } = connection
  const text = body === undefined ? undefined : JSON.stringify(body)
  const send = url.startsWith('http:') ? plainRequest : tlsRequest
  const headers = {
    accept: 'application/json',
    ...(text === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
    ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey.reveal()}` }),
  }
  const attempt = () => {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    const request = send(`${url}${path}`, { agent, method, headers, signal }, (response) => {
      readAnswer(response).then(resolve, reject)
    })
    request.on('error', (cause: NodeJS.ErrnoException) => {
      // The other side closed a kept connection just as we used it again: nothing of the request was read.
      reject(Object.assign(cause, { isStale: request.reusedSocket && cause.code === 'ECONNRESET' }))
    })
    request.end(text)
    return promise
  }
  return attempt().catch((cause: { isStale?: boolean }) => {
    if (cause.isStale === true) return attempt()
    throw cause
  })
}

async function readAnswer(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response) {
    size += (chunk as Buffer).length
    if (size > answerBytesMax) throw new RangeError(`an answer of more than ${answerBytesMax} bytes`)
    chunks.push(chunk as Buffer)
  }
  const status = response.statusCode ?? 0
  const text = Buffer.concat(chunks).toString('utf8')
  try {
    const value = JSON.parse(text) as Json
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { status, body: value as never }
  } catch {
    // Falls through: a gateway between us and the proxy may answer in its own words.
  }
  return { status: status === 200 ? 502 : status, body: { message: 'an answer that is no JSON object' } }
}
