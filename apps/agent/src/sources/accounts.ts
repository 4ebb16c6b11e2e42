// SPDX-License-Identifier: Apache-2.0

import { readFileSync, statSync } from 'node:fs'
import type { Clock } from '@sealwatch/base'

const passwd = '/etc/passwd'
const accountsMax = 100_000

export type Accounts = {
  readonly nameOf: (uid: number) => string | undefined
  readonly all: () => ReadonlyMap<number, string>
}

/** Each event asks for a name: the file is looked at again after so long, and for a uid that it had no name for. */
const lookEveryNs = 1_000_000_000n

/** Account names by uid, read anew when the file changes. */
export function createAccounts(clock: Pick<Clock, 'monotonicNs'>, path = passwd): Accounts {
  let names = new Map<number, string>()
  let readAtMs = -1
  let lookedNs: bigint | undefined

  const look = () => {
    lookedNs = clock.monotonicNs()
    try {
      const { mtimeMs } = statSync(path)
      if (mtimeMs !== readAtMs) {
        names = parseAccounts(readFileSync(path, 'utf8'))
        readAtMs = mtimeMs
      }
    } catch {
      // While the file is being replaced the last names serve on.
    }
    return names
  }
  const isLooked = () => lookedNs !== undefined && clock.monotonicNs() - lookedNs < lookEveryNs
  return { all: look, nameOf: (uid) => (isLooked() ? names.get(uid) : undefined) ?? look().get(uid) }
}

/** The first name of a uid counts, as in getpwuid(3). */
export function parseAccounts(text: string): Map<number, string> {
  const names = new Map<number, string>()
  for (const row of text.split('\n').slice(0, accountsMax)) {
    const [name, , uid] = row.split(':')
    if (name && uid !== undefined && /^\d+$/.test(uid) && !names.has(Number(uid))) names.set(Number(uid), name)
  }
  return names
}
