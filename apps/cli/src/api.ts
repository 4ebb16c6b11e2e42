// SPDX-License-Identifier: Apache-2.0

import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { type IncomingMessage, request as plainRequest } from 'node:http'
import { request as tlsRequest } from 'node:https'
import { urlToHttpOptions } from 'node:url'
import { isSealwatchError } from '@sealwatch/base'
import { slugName } from '@sealwatch/contract'
import { type ApiClient, ApiProblem, type ApiResponse, createApiClient, type Send } from '@sealwatch/contract/api'
import { form } from './command.ts'
import { cliError } from './errors.ts'
import type { Io } from './io.ts'
import { dataFlag, fileOf, type Place, startAdvice } from './place.ts'
import { shellWord } from './terminal.ts'
import { errorTold, toldIn } from './told.ts'

/** What every command takes that asks the API. */
export const apiOptions = {
  tenant: form({
    takes: 'NAME',
    help: 'Tenant to act in (default: default, or the one that the token is of)',
    form: slugName.form,
    mustBe: `a tenant name: ${slugName.words}`,
  }),
  server: form({
    takes: 'URL',
    help: 'Another server: asked with the API token in $SEALWATCH_TOKEN, in the place of this machine as root',
    form: /^https:\/\/[^/]+$|^http:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/,
    mustBe: 'an address like https://sealwatch.example, or plain http on this machine',
  }),
} as const

export type ApiPlace = {
  readonly io: Pick<Io, 'env' | 'stop'>
  readonly place: Place
  readonly tenant: string | undefined
  readonly server: string | undefined
}

/** For a person to paste: what asks the same server, in the same tenant. `words` are those of a shell. */
export function commandAt({ place, tenant, server }: Omit<ApiPlace, 'io'>, words: string): string {
  const of = tenant === undefined ? '' : ` --tenant ${tenant}`
  if (server !== undefined) return `./sealwatch ${words}${of} --server ${shellWord(server)}`
  return `sudo ./sealwatch ${words}${of}${dataFlag(place)}`
}

const answerBytesMax = 64 * 1024 * 1024

/** Asks the instance's API as root by its control socket, or another server's by a token. */
export async function withApi<T>(at: ApiPlace, attempted: string, call: (api: ApiClient) => Promise<T>): Promise<T> {
  const { io, place, tenant, server } = at
  const named = tenant === undefined ? {} : { 'sealwatch-tenant': tenant }
  try {
    if (server === undefined) {
      await access(fileOf.apiSocket(place), constants.W_OK)
      return await call(createApiClient(sendTo({ socketPath: fileOf.apiSocket(place) }, io.stop), () => named))
    }
    const token = io.env.SEALWATCH_TOKEN
    if (token === undefined || token === '')
      throw cliError('CLI_USAGE', {
        attempted,
        received: 'no token',
        advice: 'Put an API token into the environment as SEALWATCH_TOKEN: sudo ./sealwatch token create',
      })
    return await call(
      createApiClient(sendTo({ url: server }, io.stop), () => ({ ...named, authorization: `Bearer ${token}` })),
    )
  } catch (cause) {
    throw translate(cause, attempted, at)
  }
}

function translate(cause: unknown, attempted: string, { place, server }: ApiPlace): unknown {
  if (isSealwatchError(cause)) return cause
  if (cause instanceof ApiProblem) return errorTold(toldIn(cause.problem), attempted, cause)
  const { code } = cause as NodeJS.ErrnoException
  // A mistake of ours is not the server's.
  if (code === undefined && (cause instanceof TypeError || cause instanceof RangeError)) return cause
  if (server !== undefined)
    return cliError('CLI_SERVER_FAILED', { attempted, received: `${server}: ${code ?? String(cause)}`, cause })
  if (code === 'EACCES') return cliError('CLI_NEEDS_ROOT', { attempted, cause })
  if (code === 'ENOENT' || code === 'ECONNREFUSED')
    return cliError('CLI_NOT_RUNNING', {
      attempted,
      received: place.data,
      advice: startAdvice(place),
      cause,
    })
  return cliError('CLI_SERVER_FAILED', { attempted, received: code ?? String(cause), cause })
}

function sendTo(where: { readonly socketPath: string } | { readonly url: string }, signal: AbortSignal): Send {
  return ({ method, path, headers, body }) =>
    new Promise<ApiResponse>((resolve, reject) => {
      const isTls = 'url' in where && where.url.startsWith('https:')
      const target = 'url' in where ? urlToHttpOptions(new URL(path, where.url)) : { ...where, path }
      const ask = isTls ? tlsRequest : plainRequest
      const request = ask({ ...target, method, headers, signal }, (response) => {
        read(response).then(resolve, reject)
      })
      request.once('error', reject)
      request.end(body)
    })
}

async function read(response: IncomingMessage): Promise<ApiResponse> {
  const pieces: Buffer[] = []
  let bytes = 0
  for await (const piece of response as AsyncIterable<Buffer>) {
    bytes += piece.length
    if (bytes > answerBytesMax) throw new Error('an answer of more than 64 MiB')
    pieces.push(piece)
  }
  const { headers } = response
  return {
    status: response.statusCode ?? 0,
    headers: { get: (name) => [headers[name.toLowerCase()]].flat()[0] ?? null },
    text: Buffer.concat(pieces).toString('utf8'),
  }
}
