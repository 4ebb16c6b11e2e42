// SPDX-License-Identifier: Apache-2.0

import type { Hardening } from '../hardening/index.ts'
import type { Health } from './health.ts'

/** On /healthz as `hardening`, and as a metric: what protects this process from others, and what of it is missing. */
export function showHardening({ show, metrics }: Health, { applied, missing }: Hardening): void {
  show('hardening', () => ({ level: missing.length > 0 ? 'warning' : 'ok', applied, missing }))
  metrics.gauge(
    {
      name: 'sealwatch_hardening_applied',
      help: '1 where a measure protects this process, 0 where it is missing',
      labels: ['measure'],
    },
    () => [
      ...applied.map((measure) => [[measure], 1] as const),
      ...missing.map(({ measure }) => [[measure], 0] as const),
    ],
  )
}
