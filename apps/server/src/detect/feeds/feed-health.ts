// SPDX-License-Identifier: Apache-2.0

import type { Clock } from '@sealwatch/base'
import type { Health } from '@sealwatch/base/health'
import type { FeedFollower, FollowedFeed } from './follow-feeds.ts'

/** What the feeds of bad addresses say, and which are not renewed (docs/detection.md). */
export function addFeedHealth(
  { show, metrics }: Pick<Health, 'show' | 'metrics'>,
  follower: FeedFollower,
  clock: Clock,
): void {
  const isInForce = ({ state }: FollowedFeed) => state !== undefined && state.untilMs > clock.nowMs()
  show('reputation', () => {
    const { feeds } = follower
    const isWell = feeds.every((each) => each.problem === undefined && isInForce(each))
    return {
      level: isWell ? 'ok' : 'warning',
      feeds: feeds.map((each) => ({
        name: each.feed.name,
        in_force: isInForce(each),
        prefixes: each.state?.prefixes ?? 0,
        as_of: each.state === undefined ? null : new Date(each.state.asOfMs).toISOString(),
        until: each.state === undefined ? null : new Date(each.state.untilMs).toISOString(),
        wrong: each.state?.wrong ?? 0,
        wrong_first: (each.state?.told ?? []).map(
          ({ place, received, rule }) => `${place}: ${received} is not ${rule}`,
        ),
        problem: each.problem ?? null,
      })),
    }
  })
  const ofEach = (value: (each: FollowedFeed) => number) => () =>
    follower.feeds.map((each) => [[each.feed.name], value(each)] as const)
  const labels = ['feed']
  metrics.gauge(
    { name: 'sealwatch_reputation_prefixes', help: 'Prefixes that a feed lists, 0 where it is not in force', labels },
    ofEach((each) => (isInForce(each) ? (each.state?.prefixes ?? 0) : 0)),
  )
  metrics.gauge(
    { name: 'sealwatch_reputation_wrong_entries', help: 'Entries of a feed that were left out', labels },
    ofEach(({ state }) => state?.wrong ?? 0),
  )
  metrics.gauge(
    { name: 'sealwatch_reputation_feed_time_seconds', help: 'When a feed said so last; 0: never', labels },
    ofEach(({ state }) => (state?.asOfMs ?? 0) / 1_000),
  )
  metrics.counter(
    {
      name: 'sealwatch_reputation_refreshes_total',
      help: 'Times that a feed was asked for',
      labels: ['feed', 'outcome'],
    },
    () =>
      follower.feeds.flatMap(({ feed: { name }, taken, same, failed }) => [
        [[name, 'taken'], taken] as const,
        [[name, 'same'], same] as const,
        [[name, 'failed'], failed] as const,
      ]),
  )
}
