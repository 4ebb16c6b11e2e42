// SPDX-License-Identifier: Apache-2.0
// Somebody who listens to a feed.

import { createBell } from '@sealwatch/base'
import { WebSocket } from 'ws'

export type Told = { readonly type: 'alert' | 'event' | 'head'; readonly cursor: number } & Record<string, unknown>

export type Listener = {
  readonly ws: WebSocket
  readonly told: readonly Told[]
  /** Resolves with the first message that fits, however long ago it came. */
  until(fits: (message: Told) => boolean): Promise<Told>
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>
  /** Where to go on. */
  readonly cursor: number
}

/** Resolves when the socket is open; rejects with what was answered in its place. */
export async function listen(
  url: string,
  {
    query = '',
    headers = {},
    protocols = [],
  }: { query?: string; headers?: Record<string, string>; protocols?: string[] },
): Promise<Listener> {
  const ws = new WebSocket(`${url.replace(/^http/, 'ws')}/api/v1/feed${query}`, protocols, { headers })
  const told: Told[] = []
  const bell = createBell()
  const never = new AbortController().signal
  const opened = Promise.withResolvers<void>()
  const closed = Promise.withResolvers<{ code: number; reason: string }>()
  ws.on('open', opened.resolve)
  ws.on('error', opened.reject)
  ws.on('unexpected-response', (_request, response) => {
    const pieces: Buffer[] = []
    response.on('data', (piece: Buffer) => pieces.push(piece))
    response.on('end', () => {
      const body = Buffer.concat(pieces).toString()
      opened.reject(Object.assign(new Error(`${response.statusCode} ${body}`), { status: response.statusCode, body }))
    })
  })
  ws.on('message', (data: Buffer) => {
    told.push(JSON.parse(data.toString()) as Told)
    bell.ring()
  })
  ws.on('close', (code, reason) => closed.resolve({ code, reason: reason.toString() }))
  await opened.promise
  return {
    ws,
    told,
    closed: closed.promise,
    get cursor() {
      return told.at(-1)?.cursor ?? 0
    },
    until: async (fits) => {
      for (let seen = 0; ; ) {
        const woken = bell.wait(never)
        const found = told.slice(seen).find(fits)
        if (found !== undefined) return found
        seen = told.length
        await woken
      }
    },
  }
}
