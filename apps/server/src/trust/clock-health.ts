// SPDX-License-Identifier: Apache-2.0

import { type Clock, parseRfc3339 } from '@sealwatch/base'
import type { Health } from '@sealwatch/base/health'
import type { KeyRegistry } from './registry.ts'

/** More are counted. */
const shownMax = 20
const second = 1_000_000_000n

/**
 * That the clock was set back behind the end of a key, so that rows under it are judged at a later time than it shows
 * (line.md, 5.6): until it has caught up, or for ever where the clock was far ahead as the key ended.
 */
export function addClockHealth(
  { show, metrics }: Pick<Health, 'show' | 'metrics'>,
  { keys, clock }: { readonly keys: Pick<KeyRegistry, 'ahead'>; readonly clock: Pick<Clock, 'nowNs'> },
): void {
  show('judging_time', () => {
    const ahead = keys.ahead(clock.nowNs()).toSorted((a, b) => (a.until > b.until ? -1 : 1))
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
      const nowNs = clock.nowNs()
      const ends = keys.ahead(nowNs).map(({ until }) => (parseRfc3339(until) ?? nowNs) - nowNs)
      return Number(ends.reduce((most, one) => (one > most ? one : most), 0n) / second)
    },
  )
}
