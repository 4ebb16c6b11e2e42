// SPDX-License-Identifier: Apache-2.0

import type { Health } from '@sealwatch/base/health'
import { across, type Store } from '../store/index.ts'
import type { NoticeQueue } from './queue.ts'

const probeEveryMs = 10_000

/** Whether those who must be told at once can be. The server goes on without: alerts stand in the ledger. */
export function addNotifyHealth({ probe, metrics }: Health, { db }: Store, queue: NoticeQueue): void {
  const failing = { channels: 0, waiting: 0 }
  probe({
    name: 'notifications',
    required: false,
    everyMs: probeEveryMs,
    check: async () => {
      const everywhere = across(db, 'notify')
      const { channels } = await everywhere
        .selectFrom('notification_channels')
        .select(({ fn }) => fn.countAll<number>().as('channels'))
        .where('failing_since', 'is not', null)
        .executeTakeFirstOrThrow()
      const { waiting } = await everywhere
        .selectFrom('notification_deliveries')
        .select(({ fn }) => fn.countAll<number>().as('waiting'))
        .where('state', '=', 'waiting')
        .executeTakeFirstOrThrow()
      Object.assign(failing, { channels, waiting })
      if (channels > 0) throw new Error(`${channels} notification channels do not take messages`)
      return { waiting }
    },
  })
  metrics.gauge(
    { name: 'sealwatch_notification_channels_failing', help: 'Channels whose newest message was not taken' },
    () => failing.channels,
  )
  metrics.gauge(
    { name: 'sealwatch_notifications_waiting', help: 'Messages that wait for their channel' },
    () => failing.waiting,
  )
  metrics.counter(
    {
      name: 'sealwatch_notifications_total',
      help: 'Tries to send a message, by how they ended; given up: nobody tries again; dropped: the channel owed too many',
      labels: ['outcome'],
    },
    () => [
      [['sent'], queue.counts.sent],
      [['failed'], queue.counts.failed],
      [['given_up'], queue.counts.givenUp],
      [['dropped'], queue.counts.dropped],
    ],
  )
}
