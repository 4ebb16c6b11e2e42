// SPDX-License-Identifier: Apache-2.0

import { type Clock, type Disk, isSealwatchError, type Log, messageOf } from '@sealwatch/base'
import {
  createReputation,
  type FeedConfig,
  type FeedState,
  type Reputation,
  type ReputationConfig,
  readFeed,
} from '@sealwatch/detect/reputation'
import { type CopyNote, digestOf, openCopies } from './copies.ts'
import { type Answer, createSource, type Source } from './source.ts'

/** Of one feed, for who operates the server. */
export type FollowedFeed = {
  readonly feed: FeedConfig
  /** Undefined: it has said nothing yet. */
  readonly state: FeedState | undefined
  /** Why what it says is not in force, or no longer renewed. */
  readonly problem: string | undefined
  /** Since the start. */
  readonly taken: number
  readonly same: number
  readonly failed: number
}

export type FeedFollower = {
  readonly reputation: Reputation
  readonly feeds: readonly FollowedFeed[]
  /** Asks each source by its schedule until the signal fires. Never rejects for what a source does. */
  run(signal: AbortSignal): Promise<void>
}

export type FeedOptions = {
  readonly config: ReputationConfig
  /** Where copies are kept; nobody else writes there. */
  readonly dir: string
  readonly disk: Disk
  readonly clock: Clock
  readonly log: Pick<Log, 'info' | 'warn'>
}

/** After a failure it is asked again after a minute, then two, four and so on, and no later than by its schedule. */
const retryMs = 60_000
const doublingsMax = 20

type Following = {
  readonly feed: FeedConfig
  readonly source: Source
  /** Of what is in force. */
  note: CopyNote | undefined
  problem: string | undefined
  /** One after the other. */
  failures: number
  taken: number
  same: number
  failed: number
}

/** Knows, when it resolves, what the last good copies say. Throws REPUTATION_CONFIG. */
export async function openFeeds({ config, dir, disk, clock, log }: FeedOptions): Promise<FeedFollower> {
  const reputation = createReputation(config)
  const copies = await openCopies(dir, disk)
  const following = config.feeds.map((feed): Following => {
    const counts = { failures: 0, taken: 0, same: 0, failed: 0 }
    return { feed, source: createSource(feed, disk, clock), note: undefined, problem: undefined, ...counts }
  })
  for (const each of following) await restore(each)

  async function restore(each: Following): Promise<void> {
    const { feed } = each
    try {
      const copy = await copies.read(feed)
      if (copy === undefined) return
      reputation.take(feed.name, readFeed(feed, copy.bytes, copy.note.readAtMs))
      reputation.renew(feed.name, copy.note.asOfMs)
      each.note = copy.note
    } catch (error) {
      log.warn('the last good copy of a feed is of no use', { feed: feed.name, error })
    }
  }

  async function takeAnswer(each: Following, answer: Answer): Promise<void> {
    const { feed, note } = each
    const nowMs = clock.nowMs()
    if (answer !== 'same' && digestOf(answer.bytes) !== note?.sha256) {
      const { bytes, ...marks } = answer
      reputation.take(feed.name, readFeed(feed, bytes, nowMs))
      each.note = { ...marks, readAtMs: nowMs, asOfMs: nowMs, sha256: digestOf(bytes) }
      each.taken += 1
      await copies.write(feed, each.note, bytes)
    } else if (note !== undefined) {
      const { etag, lastModified } = answer === 'same' ? note : answer
      each.note = { readAtMs: note.readAtMs, asOfMs: nowMs, sha256: note.sha256, etag, lastModified }
      each.same += 1
      reputation.renew(feed.name, nowMs)
      await copies.renew(feed, each.note)
    }
  }

  /** Returns how long to wait, in milliseconds. */
  async function refresh(each: Following, signal: AbortSignal): Promise<number> {
    const everyMs = 1_000 * each.feed.refreshSeconds
    try {
      await takeAnswer(each, await each.source(each.note, signal))
      if (each.problem !== undefined) log.info('a feed is renewed again', { feed: each.feed.name })
      each.problem = undefined
      each.failures = 0
      return everyMs
    } catch (error) {
      if (signal.aborted) return everyMs
      if (each.problem === undefined)
        log.warn('a feed is not renewed; what it said holds until its end', { feed: each.feed.name, error })
      each.problem = messageOf(error)
      each.failed += 1
      const waitMs = Math.min(everyMs, retryMs * 2 ** Math.min(each.failures, doublingsMax))
      each.failures += 1
      return Math.max(waitMs, isSealwatchError(error) ? (error.waitMs ?? 0) : 0)
    }
  }

  async function followOne(each: Following, signal: AbortSignal): Promise<void> {
    const everyMs = 1_000 * each.feed.refreshSeconds
    // What was asked for before a restart is not asked for again at once: some sources lock out who comes too often.
    const dueMs = each.note === undefined ? 0 : each.note.asOfMs + everyMs - clock.nowMs()
    for (let waitMs = Math.min(Math.max(0, dueMs), everyMs); ; ) {
      await clock.sleep(waitMs, signal)
      if (signal.aborted) return
      waitMs = await refresh(each, signal)
    }
  }

  return {
    reputation,
    get feeds() {
      return following.map(({ feed, problem, taken, same, failed }) => {
        return { feed, state: reputation.stateOf(feed.name), problem, taken, same, failed }
      })
    },
    run: async (signal) => {
      await Promise.all(following.map((each) => followOne(each, signal)))
    },
  }
}
