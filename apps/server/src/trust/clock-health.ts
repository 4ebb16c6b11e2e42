// SPDX-License-Identifier: Apache-2.0

import { type Clock, parseRfc3339 } from '@sealwatch/base'
import type { Health } from '@sealwatch/base/health'
import type { KeyRegistry } from './registry.ts'

/** Keys under which rows are judged at a later time than the clock shows, and the one of which that is farthest. */
export type JudgingAhead = {
  readonly keys: number
  readonly latest: { readonly tenant: string; readonly keyId: string; readonly until: string }
}
type Judging = { readonly keys: Pick<KeyRegistry, 'ahead'>; readonly clock: Pick<Clock, 'nowNs'> }

const latestFirst = ({ keys, clock }: Judging) =>
  keys.ahead(clock.nowNs()).toSorted((a, b) => (a.until > b.until ? -1 : 1))

/** Undefined: all are judged by the clock. */
export function judgingAhead(judging: Judging): JudgingAhead | undefined {
  const [latest, ...others] = latestFirst(judging)
  return latest && { keys: others.length + 1, latest }
}

/** More are counted. */
const shownMax = 20
const second = 1_000_000_000n

/**
 * That the clock was set back behind the end of a key, so that rows under it are judged at a later time than it shows
 * (line.md, 5.6): until it has caught up, or for ever where the clock was far ahead as the key ended.
 */
export function addClockHealth({ show, metrics }: Pick<Health, 'show' | 'metrics'>, judging: Judging): void {
  show('judging_time', () => {
    const ahead = latestFirst(judging)
    const shown = ahead.slice(0, shownMax).map(({ tenant, keyId, until }) => ({ tenant, key_id: keyId, until }))
    return ahead.length === 0
      ? { level: 'ok', state: 'clock', keys: 0, ahead: [] }
      : { level: 'warning', state: 'ahead of the clock', keys: ahead.length, ahead: shown }
  })
  metrics.gauge(
    {
      name: 'sealwatch_judging_ahead_seconds',
      help: 'By how much the time that rows are judged by is ahead of the clock, which was set back behind the end of a key',
    },
    () => {
      const until = judgingAhead(judging)?.latest.until
      const aheadNs = (until === undefined ? undefined : parseRfc3339(until)) ?? 0n
      const nowNs = judging.clock.nowNs()
      return aheadNs > nowNs ? Number((aheadNs - nowNs) / second) : 0
    },
  )
}
