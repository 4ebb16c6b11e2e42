// SPDX-License-Identifier: Apache-2.0

import { join } from 'node:path'
import type { Clock, Disk } from '@sealwatch/base'
import type { Health } from '@sealwatch/base/health'
import type { Witness, WitnessPlaces } from '@sealwatch/ledger/witness'
import type { Listener } from './listener.ts'

/** What the witness tells of itself on /healthz, /readyz and /metrics. */
export function addHealth(
  health: Health,
  of: {
    readonly witness: Witness
    readonly listener: Listener
    readonly disk: Disk
    readonly places: WitnessPlaces
    readonly clock: Clock
  },
): void {
  const { witness, listener, disk, places, clock } = of
  health.probe({
    name: 'disk',
    check: async () => {
      await disk.replace(join(places.dir, 'probe'), `${clock.nowMs()}\n`)
      return undefined
    },
  })
  health.show('split_views', () => {
    const counts = witness.splitViews()
    return { level: counts.proven + counts.unproven > 0 ? 'critical' : 'ok', ...counts }
  })
  health.show('witness', () => ({ key: witness.cosigner.vkey, logs: witness.logs().length }))

  const { metrics } = health
  const labels = ['origin']
  metrics.gauge({ name: 'sealwatch_witness_logs', help: 'Logs that the witness follows' }, () => witness.logs().length)
  metrics.gauge({ name: 'sealwatch_witness_log_size', help: 'Size of the last tree that was cosigned', labels }, () =>
    witness.logs().map(({ origin, size }) => [[origin], size] as const),
  )
  metrics.gauge(
    { name: 'sealwatch_witness_log_cosigned_time_seconds', help: 'Unix time of the last cosignature', labels },
    () => witness.logs().map(({ origin, cosignedAtS }) => [[origin], cosignedAtS] as const),
  )
  metrics.gauge(
    {
      name: 'sealwatch_witness_split_views',
      help: 'Contradictions in what logs signed: proven, unproven, and settled since',
      labels: ['kind'],
    },
    () => {
      const { proven, unproven, settled } = witness.splitViews()
      return [[['proven'], proven] as const, [['unproven'], unproven] as const, [['settled'], settled] as const]
    },
  )
  metrics.counter({ name: 'sealwatch_witness_answers_total', help: 'Answers by HTTP status', labels: ['status'] }, () =>
    [...listener.counters.answers].map(([status, count]) => [[String(status)], count] as const),
  )
  metrics.counter(
    { name: 'sealwatch_witness_connections_refused_total', help: 'Connections beyond the limits' },
    () => listener.counters.connectionsRefused,
  )
}
