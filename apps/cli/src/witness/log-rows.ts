// SPDX-License-Identifier: Apache-2.0

import type { Disk } from '@sealwatch/base'
import { readLogs, readState, type WitnessPlaces } from '@sealwatch/ledger/witness'

export type LogRow = {
  readonly origin: string
  readonly keys: readonly string[]
  readonly size: number
  /** Base64. */
  readonly root: string
  /** RFC 3339; null: nothing was cosigned yet. */
  readonly cosignedAt: string | null
}

/** As it stands on the disk, whether the witness runs or not. */
export async function logRows(disk: Disk, places: WitnessPlaces): Promise<LogRow[]> {
  const rows: LogRow[] = []
  for (const { origin, vkeys } of await readLogs(disk, places)) {
    const { size, root, note, timeS } = await readState(disk, places, origin)
    const cosignedAt = note === undefined ? null : new Date(timeS * 1000).toISOString()
    rows.push({ origin, keys: vkeys, size, root: root.toBase64(), cosignedAt })
  }
  return rows
}
