// SPDX-License-Identifier: Apache-2.0

import type { Server, Socket } from 'node:net'
import type { Clock } from './clock.ts'
import type { Log } from './log.ts'
import { clientOf, createRate } from './rate.ts'
import { createTurns } from './turns.ts'

export type ConnectionLimits = {
  /** What the log calls the port. */
  readonly name: string
  /** Of one address, in IPv6 of a /64. */
  readonly atOnceMax: number
  /** The setting that raises it. */
  readonly setting: string
  /** Who may have all that there are. */
  readonly isExempt?: (address: string) => boolean
  readonly clock: Clock
  readonly log: Log
}

/** New connections of an address, each of which is a handshake: twice as many at once, as of a network that comes back, and as many in so many seconds. */
const againSeconds = 16
const addressesMax = 10_000
const tellEverySeconds = 60

/** One stranger does not take all the connections there are, nor the time of their handshakes. Those beyond are cut. */
export function limitConnections(server: Server, limits: ConnectionLimits): { readonly refused: number } {
  const { name, atOnceMax, setting, isExempt = () => false, clock, log } = limits
  const turns = createTurns()
  const perSecond = Math.max(1, atOnceMax / againSeconds)
  const begun = createRate(clock, { perSecond, burst: 2 * atOnceMax, keysMax: addressesMax })
  const told = createRate(clock, { perSecond: 1 / tellEverySeconds, burst: 1, keysMax: addressesMax })
  const state = { refused: 0 }
  server.on('connection', (socket: Socket) => {
    const { remoteAddress = '' } = socket
    if (isExempt(remoteAddress)) return
    const client = clientOf(remoteAddress)
    const leave = begun.take(client) === 0 ? turns.enter(client, atOnceMax) : undefined
    if (leave !== undefined) return void socket.once('close', leave)
    state.refused += 1
    socket.destroy()
    if (told.take(client) === 0)
      log.warn('an address has all the connections that it may have', {
        port: name,
        address: client,
        atOnceMax,
        setting,
      })
  })
  return state
}
