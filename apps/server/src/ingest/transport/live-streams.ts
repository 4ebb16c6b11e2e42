// SPDX-License-Identifier: Apache-2.0

import type { Clock } from '@sealwatch/base'
import { type Host, type Hosts, identityError } from '../../identity/index.ts'
import { transportError } from './errors.ts'
import type { Peer } from './peer.ts'

const streamsPerHostMax = 4
/** What was received when a certificate expired is still answered, for so long. */
const drainMs = 5_000
const longestSleepMs = 3_600_000

export type LiveStream = {
  /** Fires, with the reason, when the certificate expires. */
  readonly expired: AbortSignal
  end(): Promise<void>
}

/** A stream outlives the checks at its beginning, so expiry and revocation follow it. */
export type LiveStreams = {
  readonly count: number
  /** Ids of the hosts that have a stream open. */
  readonly hostIds: ReadonlySet<string>
  /** Throws STREAMS_TOO_MANY, HOST_UNKNOWN or HOST_REVOKED. */
  begin(peer: Peer, host: Host): Promise<LiveStream>
}

export function createLiveStreams(hosts: Hosts, clock: Clock): LiveStreams {
  const byHost = new Map<string, number>()
  let count = 0

  function add(peer: Peer, { hostId }: Host, change: 1 | -1): void {
    const streams = (byHost.get(hostId) ?? 0) + change
    if (streams === 0) byHost.delete(hostId)
    else byHost.set(hostId, streams)
    peer.streams += change
    count += change
  }

  return {
    get count() {
      return count
    },
    get hostIds() {
      return new Set(byHost.keys())
    },
    begin: async (peer, host) => {
      if (byHost.get(host.hostId) === streamsPerHostMax)
        throw transportError('STREAMS_TOO_MANY', { attempted: `opening a stream of the host ${host.hostId}` })
      // Revocation ends the connection at once, unanswered batches and all: the host is not trusted any more.
      const detach = hosts.attach(host.hostId, () => peer.close())
      add(peer, host, 1)
      const expired = new AbortController()
      const over = new AbortController()
      const expiry = endAtExpiry()

      async function endAtExpiry(): Promise<void> {
        await sleepUntil(clock, peer.certificate().expiresAtMs, over.signal)
        if (over.signal.aborted) return
        expired.abort(expiredError(host))
        await clock.sleep(drainMs, over.signal)
        if (!over.signal.aborted) peer.close()
      }

      async function end(): Promise<void> {
        over.abort()
        detach()
        add(peer, host, -1)
        await expiry
      }

      try {
        // Again, now that a revocation would reach this stream.
        await hosts.admit(host.hostId)
      } catch (error) {
        await end()
        throw error
      }
      return { expired: expired.signal, end }
    },
  }
}

function expiredError({ hostId }: Host): Error {
  return identityError('CERTIFICATE_EXPIRED', {
    attempted: `keeping a stream of the host ${hostId} open`,
    advice: 'Connect again with the renewed certificate',
  })
}

/** In steps, for timers count to 24 days only and clocks jump. */
async function sleepUntil(clock: Clock, timeMs: number, signal: AbortSignal): Promise<void> {
  for (let leftMs = timeMs - clock.nowMs(); leftMs > 0 && !signal.aborted; leftMs = timeMs - clock.nowMs())
    await clock.sleep(Math.min(leftMs, longestSleepMs), signal)
}
