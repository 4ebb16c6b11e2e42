// SPDX-License-Identifier: Apache-2.0

import { type AppendFile, type Disk, systemDisk } from '@sealwatch/base'

/** As long as a tired disk takes to sync. */
const syncMs = 30

/**
 * A disk on which nothing is written before it is synced: what an append has not resolved for is in memory alone, so
 * that kill -9 loses what a power cut would lose. Stands in for `systemDisk` in a copy of the server.
 */
export const lossyDisk: Disk = {
  ...systemDisk,
  openAppend: async (path) => {
    const file = await systemDisk.openAppend(path)
    const lossy: AppendFile = {
      path,
      get size() {
        return file.size
      },
      append: async (chunks) => {
        const held = chunks.map((chunk) => chunk.slice())
        await new Promise((synced) => setTimeout(synced, syncMs))
        await file.append(held)
      },
      truncate: (size) => file.truncate(size),
      close: () => file.close(),
    }
    return lossy
  },
}
