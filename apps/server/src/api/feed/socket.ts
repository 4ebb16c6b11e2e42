// SPDX-License-Identifier: Apache-2.0

import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Clock } from '@sealwatch/base'
import { WebSocketServer } from 'ws'
import { closeCodes } from './close-codes.ts'
import type { Sink } from './subscriber.ts'

/** What a client that offers protocols must offer, and is answered. */
export const feedProtocol = 'sealwatch.feed.v1'

/** A client has nothing to say. */
const messageBytesMax = 256
/** How long whoever is told that it ends may take to hear it. */
const closeMs = 10_000
const askEveryNs = 20_000_000_000n

/** Lets a socket listen: gives it what `join` sends, until either side ends it. */
export type Accept = (request: IncomingMessage, socket: Duplex, head: Buffer) => void
type Join = (sink: Sink) => { leave(): void; end(cause: 'MESSAGE_UNWANTED'): void }

export function createSockets(clock: Clock): (join: Join) => Accept {
  const options = {
    noServer: true,
    clientTracking: false,
    maxPayload: messageBytesMax,
    perMessageDeflate: false,
    closeTimeout: closeMs,
    handleProtocols: (offered: ReadonlySet<string>) => (offered.has(feedProtocol) ? feedProtocol : false),
  } as const
  const server = new WebSocketServer(options)
  return (join) => (request, socket, head) =>
    server.handleUpgrade(request, socket, head, (ws) => {
      const closed = Promise.withResolvers<void>()
      ws.on('close', () => closed.resolve())
      let askedNs = clock.monotonicNs()
      let hasAnswered = true
      ws.on('pong', () => {
        hasAnswered = true
      })
      const sink: Sink = {
        get buffered() {
          return ws.bufferedAmount
        },
        send: (frame) => ws.send(frame, { binary: false }),
        hold: () => socket.cork(),
        release: () => socket.uncork(),
        onDrain: (then) => void socket.on('drain', then),
        beat: () => {
          if (clock.monotonicNs() - askedNs < askEveryNs) return true
          if (!hasAnswered) return false
          hasAnswered = false
          askedNs = clock.monotonicNs()
          ws.ping()
          return true
        },
        close: (cause, cursor) => {
          ws.close(closeCodes[cause], `${cause} cursor=${cursor}`)
          return closed.promise
        },
        drop: () => ws.terminate(),
      }
      // What breaks is closed.
      ws.on('error', () => undefined)
      try {
        const { leave, end } = join(sink)
        ws.on('close', leave)
        ws.on('message', () => end('MESSAGE_UNWANTED'))
      } catch {
        ws.close(closeCodes.TRY_AGAIN, 'TRY_AGAIN')
      }
    })
}
