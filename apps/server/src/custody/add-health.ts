// SPDX-License-Identifier: Apache-2.0

import type { Health } from '@sealwatch/base/health'
import type { Sealing } from '@sealwatch/keys/sealing'

const probeEveryMs = 60_000
const probeDeadlineMs = 10_000

/** Without its master key a server still reads, and takes lines that bring no personal values. */
export function addCustodyHealth({ probe, metrics }: Health, sealing: Sealing): void {
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
}
