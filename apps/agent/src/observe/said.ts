// SPDX-License-Identifier: Apache-2.0

import { constants } from 'node:os'
import type { OcsfProcess } from '@sealwatch/contract'

const errnoNames = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]))

export const errnoName = (error: number) => errnoNames.get(error) ?? String(error)

/** A refused attempt is an attempt: it is told like the act, and says that it failed. */
export function outcomeOf(result: number) {
  if (result >= 0) return { verb: 'called', outcome: { status_id: 1, status: 'Success' } }
  return { verb: 'tried', outcome: { status_id: 2, status: 'Failure', status_code: errnoName(-result) } }
}

/** What the source saw of this kind, beside what it sees of every act. */
export function seen<U extends { readonly capabilities_mask: number }>(
  { unmapped }: { readonly unmapped: U },
  also: number,
  lookedUp = 0,
): U {
  return { ...unmapped, capabilities_mask: unmapped.capabilities_mask | also | lookedUp }
}

export function describe({ file, name, pid }: OcsfProcess): string {
  return pid === 0 ? 'somebody' : `${file?.path ?? (name || 'a process that is gone')} (pid ${pid})`
}
