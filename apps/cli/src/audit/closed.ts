// SPDX-License-Identifier: Apache-2.0

import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'

const homes = ['', 'server', 'server/ledgers', 'agent', 'agent/chains', 'signing-proxy', 'ledgers', 'chains'] as const

/** The folder under a data directory that this user may not read; undefined: none, or there is no such folder. */
export function closedFolderIn(path: string): string | undefined {
  return homes
    .map((home) => join(path, home))
    .find((folder) => {
      try {
        accessSync(folder, constants.R_OK | constants.X_OK)
        return false
      } catch (cause) {
        return (cause as NodeJS.ErrnoException).code === 'EACCES'
      }
    })
}
