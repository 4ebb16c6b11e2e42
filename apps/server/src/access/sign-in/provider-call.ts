// SPDX-License-Identifier: Apache-2.0

import { request as plainRequest } from 'node:http'
import { request as tlsRequest } from 'node:https'
import type { CustomFetchOptions } from 'openid-client'
import { signInError } from './errors.ts'
import type { OidcPlan } from './settings.ts'

const answerBytesMax = 256 * 1024

/**
 * What the relying party's library calls in place of fetch: goes to the origins of the plan and to no other, follows no
 * redirect, and reads no more than it must. Throws PROVIDER_UNFIT, and what the network throws.
 */
export const providerCall =
  ({ origins, ca }: Pick<OidcPlan, 'origins' | 'ca'>) =>
  async (given: string, { method, headers, body, signal }: CustomFetchOptions): Promise<Response> => {
    const url = new URL(given)
    if (!origins.has(url.origin))
      throw signInError('PROVIDER_UNFIT', {
        attempted: 'calling the provider',
        received: `an endpoint at ${url.origin}`,
        advice: `If the provider really has endpoints there, name it in SEALWATCH_SERVER_OIDC_ENDPOINT_ORIGINS`,
      })
    const text = body === undefined || body === null ? undefined : String(body)
    const { promise, resolve, reject } = Promise.withResolvers<Response>()
    const send = url.protocol === 'http:' ? plainRequest : tlsRequest
    const request = send(
      url,
      {
        method,
        // A connection of its own: log-ins are rare, and nothing is left open between them.
        agent: false,
        headers: { ...headers, ...(text === undefined ? {} : { 'content-length': Buffer.byteLength(text) }) },
        ...(signal === undefined ? {} : { signal }),
        ...(ca === undefined ? {} : { ca }),
      },
      (response) => {
        const chunks: Buffer[] = []
        let size = 0
        response.on('data', (chunk: Buffer) => {
          size += chunk.length
          chunks.push(chunk)
          if (size > answerBytesMax) request.destroy(new RangeError(`an answer of more than ${answerBytesMax} bytes`))
        })
        response.on('error', reject)
        response.on('end', () => {
          const status = response.statusCode ?? 500
          const bytes = status === 204 || status === 304 ? null : Buffer.concat(chunks)
          const names = ['content-type', 'retry-after', 'www-authenticate'] as const
          const kept = names.flatMap((name): [string, string][] => {
            const value = response.headers[name]
            return value === undefined ? [] : [[name, value]]
          })
          resolve(new Response(bytes, { status, headers: kept }))
        })
      },
    )
    request.on('error', reject)
    request.end(text)
    return promise
  }
