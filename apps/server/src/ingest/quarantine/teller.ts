// SPDX-License-Identifier: Apache-2.0

import type { Clock, Log } from '@sealwatch/base'
import type { QuarantinedBatch } from './quarantine.ts'

const toldEveryMs = 1_000
const tenantsMax = 10_000

type Told = { atMs: number; unsaid: number }
type Place = Pick<QuarantinedBatch, 'tenant' | 'hostId' | 'chain' | 'firstSeq' | 'nextSeq'>

/** Details begin with the code of the rule that was broken, where one has a code. */
const codeOf = (detail: string): string => /^[A-Z][A-Z_]*(?= while )/.exec(detail)?.[0] ?? ''

/**
 * Says in the log what is quarantined, of each tenant, reason and broken rule once a second: a spike does not fill the disk
 * with words, nor hides another fault of the same moment.
 */
export function createTeller(
  clock: Clock,
  log: Log,
): (at: Place, why: { readonly reason: string; readonly detail: string }) => void {
  const told = new Map<string, Told>()
  return (at, why) => {
    const name = `${at.tenant} ${why.reason} ${codeOf(why.detail)}`
    const nowMs = clock.nowMs()
    const last = told.get(name)
    if (last !== undefined && nowMs - last.atMs < toldEveryMs) {
      last.unsaid += 1
      return
    }
    if (told.size >= tenantsMax) told.clear()
    told.set(name, { atMs: nowMs, unsaid: 0 })
    const { tenant, hostId, chain, firstSeq, nextSeq } = at
    log.error('batch quarantined', {
      tenant,
      hostId,
      chain,
      firstSeq,
      nextSeq,
      ...why,
      ...((last?.unsaid ?? 0) > 0 && { unsaid: last?.unsaid }),
    })
  }
}
