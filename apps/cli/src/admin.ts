// SPDX-License-Identifier: Apache-2.0

import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { type Client, Code, ConnectError, createClient } from '@connectrpc/connect'
import { createConnectTransport } from '@connectrpc/connect-node'
import { isSealwatchError } from '@sealwatch/base'
import { AdminService } from '@sealwatch/contract'
import { cliError } from './errors.ts'
import { fileOf, type Place, startAdvice } from './place.ts'
import { readJoined, serverText } from './supervise/joined.ts'
import { errorTold, type Told } from './told.ts'

export type Admin = Client<typeof AdminService>

/** A client of the instance's control socket; nothing is sent before the first call. */
export function adminOf(place: Place): Admin {
  const transport = createConnectTransport({
    // On one machine packing takes more than it saves.
    acceptCompression: [],
    baseUrl: 'http://sealwatch.invalid',
    httpVersion: '1.1',
    nodeOptions: { socketPath: fileOf.apiSocket(place) },
  })
  return createClient(AdminService, transport)
}

/** Calls the running instance, and turns what can go wrong into a line that helps. */
export async function withAdmin<T>(place: Place, attempted: string, call: (admin: Admin) => Promise<T>): Promise<T> {
  try {
    await access(fileOf.apiSocket(place), constants.W_OK)
    return await call(adminOf(place))
  } catch (cause) {
    throw await translate(cause, attempted, place)
  }
}

async function translate(cause: unknown, attempted: string, place: Place): Promise<unknown> {
  if (isSealwatchError(cause)) return cause
  const code = systemCodeOf(cause)
  if (code === 'EACCES') return cliError('CLI_NEEDS_ROOT', { attempted, cause })
  if (code === 'ENOENT' || code === 'ECONNREFUSED') {
    const joined = await readJoined(place)
    const advice = joined ? `This machine has joined ${serverText(joined)}: ask there` : startAdvice(place)
    return cliError('CLI_NOT_RUNNING', { attempted, received: place.data, advice, cause })
  }
  const told = toldBy(cause)
  if (told !== undefined) return errorTold(told, attempted, cause)
  const message = cause instanceof ConnectError ? cause.rawMessage : String(cause)
  if (cause instanceof ConnectError && cause.code === Code.NotFound)
    return cliError('CLI_NOT_FOUND', { attempted, received: message, cause })
  if (cause instanceof ConnectError && cause.code === Code.InvalidArgument)
    return cliError('CLI_USAGE', { attempted, received: message, cause })
  return cliError('CLI_SERVER_FAILED', { attempted, received: message, cause })
}

/** The server's error by its parts, as its api sends it beside the message. */
function toldBy(error: unknown): Told | undefined {
  const header = error instanceof ConnectError ? error.metadata.get('sealwatch-error') : null
  if (header === null) return undefined
  try {
    return JSON.parse(decodeURIComponent(header)) as Told
  } catch {
    return undefined
  }
}

/** Connect wraps what the socket said in causes of causes. */
function systemCodeOf(error: unknown): string | undefined {
  for (let inner = error; inner instanceof Error; inner = inner.cause) {
    const { code } = inner as NodeJS.ErrnoException
    if (typeof code === 'string') return code
  }
  return undefined
}
