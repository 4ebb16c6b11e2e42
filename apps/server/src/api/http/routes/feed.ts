// SPDX-License-Identifier: Apache-2.0

import { z } from 'zod'
import { listed } from '../../data/filters.ts'
import { apiError } from '../../errors.ts'
import type { Feed } from '../../feed/feed.ts'
import type { createSockets } from '../../feed/socket.ts'
import type { ApiPorts } from '../../ports.ts'
import { filterQuery, leafIndex } from '../entry-shapes.ts'
import { type Caller, type Route, route, Upgrade } from '../route.ts'

export type FeedPorts = {
  readonly feed: Feed
  readonly sockets: ReturnType<typeof createSockets>
  /** Whether what a principal came with still counts. */
  readonly isLive: (principal: Caller['principal']) => boolean
}

export const feedRoutes = ({ ledgers }: ApiPorts, { feed, sockets, isLive }: FeedPorts): Route[] => [
  route({
    method: 'GET',
    path: '/api/v1/feed',
    id: 'listen',
    summary: 'A WebSocket that tells what comes into the ledger (docs/api.md, Feed)',
    tag: 'events',
    action: 'feed:subscribe',
    query: z.strictObject({
      cursor: leafIndex.optional().describe('Of the last message heard; left out: from now on'),
      filter: filterQuery.optional(),
    }),
    status: 101,
    errors: ['UPGRADE_NEEDED', 'FEED_TOO_MANY', 'FEED_CURSOR'],
    handle: async (by, { query: { cursor, filter } }) => {
      const { size } = ledgers.get(by.tenant)
      if (cursor !== undefined && cursor > size)
        throw apiError('FEED_CURSOR', { attempted: 'opening a feed', received: `${cursor} of ${size}` })
      feed.checkRoom(by)
      const accept = sockets((sink) =>
        feed.join(by, { filter: listed(filter), cursor }, sink, () => isLive(by.principal)),
      )
      return new Upgrade(accept)
    },
  }),
]
