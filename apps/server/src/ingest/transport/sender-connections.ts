// SPDX-License-Identifier: Apache-2.0

import { type Clock, createRate, type Log } from '@sealwatch/base'
import type { Peer } from './peer.ts'

export type SenderConnections = {
  /**
   * A connection speaks for somebody: a host, or a service of a tenant. False: it may not now, for they come with new ones too
   * fast.
   */
  note(sender: string, peer: Pick<Peer, 'close' | 'onClose'>): boolean
  /** Connections that were closed for newer ones of the same sender. */
  readonly outnumbered: number
}

const tellEverySeconds = 60

/**
 * Of one host, and of one service, so many connections. The newest count: those before may be dead, of a network that was cut
 * without a word, and whoever comes back is not kept out for them. But one a second: a sender that closes its own by coming with
 * more would have a handshake for each.
 */
export function createSenderConnections(atOnceMax: number, clock: Clock, log: Log): SenderConnections {
  const open = new Map<string, Set<Pick<Peer, 'close' | 'onClose'>>>()
  const closed = createRate(clock, { perSecond: 1, burst: atOnceMax, keysMax: 10_000 })
  const told = createRate(clock, { perSecond: 1 / tellEverySeconds, burst: 1, keysMax: 10_000 })
  let outnumbered = 0
  return {
    get outnumbered() {
      return outnumbered
    },
    note: (sender, peer) => {
      const own = open.get(sender) ?? new Set()
      if (own.has(peer)) return true
      if (own.size >= atOnceMax && closed.take(sender) > 0) return false
      open.set(sender, own)
      own.add(peer)
      peer.onClose(() => {
        own.delete(peer)
        if (own.size === 0 && open.get(sender) === own) open.delete(sender)
      })
      const [oldest] = own
      if (own.size <= atOnceMax || oldest === undefined) return true
      outnumbered += 1
      own.delete(oldest)
      oldest.close()
      if (told.take(sender) === 0)
        log.warn('the oldest connection of a sender was closed for a newer one', {
          sender,
          atOnceMax,
          setting: 'SEALWATCH_SERVER_CONNECTIONS_PER_SENDER',
        })
      return true
    },
  }
}
