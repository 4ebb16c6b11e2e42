// SPDX-License-Identifier: Apache-2.0

import type { Health } from '@sealwatch/base/health'
import { witnessesError } from './errors.ts'
import type { Witnesses } from './witnesses.ts'

/** What the server tells of its witnesses on /readyz and /metrics. Without a quorum it still serves. */
export function addWitnessHealth(health: Health, witnesses: Witnesses): void {
  health.probe({
    name: 'witnesses',
    required: false,
    everyMs: 0,
    check: async () => {
      const failing = witnesses.status().filter((witness) => witness.failing !== undefined)
      const told = failing.map(({ name, failing: reason }) => `${name}: ${reason}`).join('; ')
      if (witnesses.quorum === 'below')
        throw witnessesError('WITNESSES_BELOW', { attempted: 'answering /readyz', received: told })
      return { failing: told }
    },
  })
  const { metrics } = health
  const labels = ['witness']
  metrics.gauge(
    { name: 'sealwatch_root_quorum_met', help: '1 where enough witnesses cosigned the last checkpoint' },
    () => (witnesses.quorum === 'met' ? 1 : 0),
  )
  metrics.gauge(
    { name: 'sealwatch_root_witness_size', help: 'Largest root tree that a witness cosigned', labels },
    () => witnesses.status().map(({ name, size }) => [[name], size ?? 0] as const),
  )
  metrics.gauge({ name: 'sealwatch_root_witness_failing', help: '1 where a witness gave no cosignature', labels }, () =>
    witnesses.status().map(({ name, failing }) => [[name], failing === undefined ? 0 : 1] as const),
  )
}
