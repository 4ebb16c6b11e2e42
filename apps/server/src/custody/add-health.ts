// SPDX-License-Identifier: Apache-2.0

import type { Health } from '@sealwatch/base/health'
import type { Sealing } from '@sealwatch/keys/sealing'
import type { KeyOrders } from './key-orders.ts'

const probeEveryMs = 60_000
const probeDeadlineMs = 10_000

/** Without its master key a server still reads, and takes lines that bring no personal values. */
export function addCustodyHealth({ probe, metrics }: Health, sealing: Sealing, orders: KeyOrders): void {
  probe({
    name: 'master-key',
    required: false,
    everyMs: probeEveryMs,
    deadlineMs: probeDeadlineMs,
    check: async () => ({ epoch: await sealing.probe() }),
  })
  const gauge = (name: string, help: string, read: () => number) => metrics.gauge({ name, help }, read)
  gauge('sealwatch_master_key_epoch', 'The newest epoch of the system master key', () => sealing.epoch)
  gauge('sealwatch_keys_cached', 'Unwrapped keys in memory', () => sealing.cached)
  gauge('sealwatch_keys_to_rewrap', 'Tenant keys under an older master key', () => sealing.toRewrap)
  metrics.gauge(
    {
      name: 'sealwatch_key_rotations_waiting',
      help: 'Rotations that incidents demand and that wait: for a pause to end, or held by something else',
      labels: ['cause'],
    },
    () => {
      const { waiting, held } = orders.state
      return [
        [['pause'], waiting - held],
        [['held'], held],
      ]
    },
  )
  const counter = (name: string, help: string, read: () => number) => metrics.counter({ name, help }, read)
  counter(
    'sealwatch_key_evictions_total',
    'Times that incidents had every key in memory wiped',
    () => orders.state.evictions,
  )
  counter(
    'sealwatch_key_rotations_total',
    'Epochs of the master key that incidents began',
    () => orders.state.rotations,
  )
}
