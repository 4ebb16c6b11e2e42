// SPDX-License-Identifier: Apache-2.0

import { type IncomingMessage, type Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

type Waiting = { readonly socket: Duplex; readonly head: Buffer; readonly response: ServerResponse }

const waiting = new WeakMap<IncomingMessage, Waiting>()

/** A request to speak another protocol goes the way of every other request: the same limits, the same gate, the same answers. */
export function serveUpgrades(
  server: Server,
  handle: (request: IncomingMessage, response: ServerResponse) => void,
): void {
  server.on('upgrade', (request, socket: Socket, head: Buffer) => {
    const response = new ServerResponse(request)
    // Whoever is refused has to come anew.
    response.shouldKeepAlive = false
    try {
      response.assignSocket(socket)
    } catch {
      // Before it was asked for, something else was that is not answered yet: no protocol begins within an answer.
      return void socket.destroy()
    }
    // Node looks after such a connection no more: whoever does not read, or close, would keep it for good.
    socket.setTimeout(server.timeout, () => socket.destroy())
    response.once('finish', () => socket.destroySoon())
    socket.on('error', () => socket.destroy())
    waiting.set(request, { socket, head, response })
    handle(request, response)
  })
}

/** Takes the socket of a request that asked for it; undefined: it did not. */
export function takeUpgrade(request: IncomingMessage): { readonly socket: Duplex; readonly head: Buffer } | undefined {
  const found = waiting.get(request)
  if (found === undefined) return undefined
  waiting.delete(request)
  found.response.detachSocket(found.socket as never)
  // Its answer is given: what was held for it is free.
  found.response.emit('close')
  return found
}
