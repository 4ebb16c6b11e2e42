// SPDX-License-Identifier: Apache-2.0

import { createMetrics } from '@sealwatch/base/health'
import type { ForwarderMetrics } from './forwarder.ts'

/**
 * What a forwarder tells, for Prometheus (docs/reference/health.md): hand `take` to it as `onMetrics`, and show `text()`
 * on a page of your service's own. Until a forwarder tells something, there is nothing.
 */
export type OutboxMetrics = {
  take(metrics: ForwarderMetrics): void
  /** The text format of Prometheus, version 0.0.4. */
  text(): string
}

export function createOutboxMetrics(): OutboxMetrics {
  const metrics = createMetrics()
  let told: ForwarderMetrics | undefined
  const gauge = (name: string, help: string, read: (told: ForwarderMetrics) => number) =>
    metrics.gauge({ name, help }, () => (told === undefined ? [] : read(told)))
  gauge('sealwatch_outbox_rows', 'Rows that wait in the outbox', ({ rows }) => rows)
  gauge('sealwatch_outbox_oldest_seconds', 'How long the oldest of them waits', ({ oldestSeconds }) => oldestSeconds)
  gauge('sealwatch_outbox_parked_rows', 'Rows that will never be taken as they are', ({ parkedRows }) => parkedRows)
  gauge('sealwatch_outbox_failures', 'Tries in a row that failed', ({ failures }) => failures)
  gauge('sealwatch_outbox_leading', '1 where this forwarder sends, and no other', ({ leading }) => (leading ? 1 : 0))
  metrics.counter(
    { name: 'sealwatch_outbox_sent_rows_total', help: 'Rows since the forwarder began', labels: ['outcome'] },
    () => Object.entries(told?.sent ?? {}).map(([outcome, rows]) => [[outcome], rows] as const),
  )
  return {
    take: (metrics) => {
      told = metrics
    },
    text: metrics.text,
  }
}
