// SPDX-License-Identifier: Apache-2.0

import { type IncomingMessage, Agent as PlainAgent, request as plainRequest } from 'node:http'
import { Agent, request as tlsRequest } from 'node:https'
import { rootCertificates } from 'node:tls'
import { safeUrl } from '@sealwatch/base/outgoing'
import type { SignedRows } from '@sealwatch/contract'
import { producerError } from '../errors.ts'
import { bearerOf, outcomesOf, type Sender, type SenderOptions, sendFailed, sendRefused } from './sender.ts'

const answerBytesMax = 1024 * 1024
/** Of these no repetition makes a difference; the others pass. */
const neverTaken = new Set([400, 404, 405, 413, 415, 422])

/**
 * `POST /api/v1/ingest/submissions` (submission.md, 4.1), over connections that are kept. Throws SEND_PLAIN where a token
 * would leave this machine in the clear.
 */
export function httpSender(options: SenderOptions): Sender {
  const { url, ca } = options
  const origin = safeUrl(url)
  if (origin === undefined)
    throw producerError('SEND_PLAIN', { attempted: 'sending submissions', received: `${URL.parse(url)?.origin}` })
  const target = new URL('/api/v1/ingest/submissions', origin)
  // As the control plane speaks on its own machine.
  const isPlain = origin.protocol === 'http:'
  const kept = { keepAlive: true, maxSockets: 1 }
  const agent = isPlain
    ? new PlainAgent(kept)
    : new Agent({ ...kept, ...(ca !== undefined && { ca: [...rootCertificates, ca] }) })
  const request = isPlain ? plainRequest : tlsRequest
  return async (submissions, signal) => {
    const body = JSON.stringify({ submissions: submissions.map(jsonOf) })
    const headers = {
      authorization: await bearerOf(options),
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    }
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    const failed = (cause: Error) => reject(sendFailed(`the connection failed: ${cause.message}`, {}, cause))
    request(target, { method: 'POST', agent, headers, signal }, resolve).on('error', failed).end(body)
    const answer = await promise
    const text = await textOf(answer)
    const status = answer.statusCode ?? 0
    if (status === 200) return outcomesOf(parse(text)?.outcomes, submissions.length)
    const received = `status ${status}: ${text.slice(0, 500)}`
    if (neverTaken.has(status)) throw sendRefused(received)
    throw sendFailed(received, retryHint(answer.headers['retry-after']))
  }
}

const jsonOf = ({ id, form, payload, payloadType, keyId, algorithm, signature }: SignedRows) => ({
  id,
  form,
  payload: payload.toBase64(),
  payload_type: payloadType,
  key_id: keyId,
  algorithm,
  signature: signature.toBase64(),
})

async function textOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      bytes += chunk.length
      if (bytes > answerBytesMax) throw new RangeError(`more than ${answerBytesMax} bytes`)
      chunks.push(chunk)
    }
  } catch (cause) {
    answer.destroy()
    throw sendFailed('an answer that was cut off', {}, cause)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function parse(text: string): { readonly outcomes?: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}

/** RFC 9110, 10.2.3, in seconds: that is how our control plane says it. */
const retryHint = (header: string | undefined) => {
  const seconds = Number(header)
  return header !== undefined && Number.isFinite(seconds) && seconds >= 0 ? { retryAfterMs: seconds * 1000 } : {}
}
