// SPDX-License-Identifier: Apache-2.0

import { type Clock, createBell, isSealwatchError, type Log, type SealwatchError } from '@sealwatch/base'
import type { ShipRequest } from '@sealwatch/contract'
import type { Host } from '../identity/index.ts'
import { standingTenants, type TenantRegistry } from '../tenants/index.ts'
import type { KeyRegistry } from '../trust/index.ts'
import type { Ingest } from './commit.ts'
import { ingestError } from './errors.ts'
import { createLineQuota } from './line-quota.ts'
import type { Sender } from './quarantine/item-form.ts'
import type { RowBook } from './row-counts.ts'
import type { IngestPort, Outcome } from './transport/ingest-port.ts'

/** Lines that the hosts of a tenant brought since the server started, and of them those that were sent back at the door. */
export type TenantLines = { received: number; held: number }

/**
 * Stands before the ingest: what a host brings is taken as long as its tenant is active, and no faster than that may. What
 * is sent back stays on the host and comes again; nothing of it is read.
 */
export type Admission = IngestPort & {
  readonly lines: ReadonlyMap<string, Readonly<TenantLines>>
  /** Resolves when nothing that the tenant's hosts brought is under way. */
  settled(tenant: string): Promise<void>
}

const toldEveryMs = 60_000

export function createAdmission(options: {
  readonly ingest: Ingest
  readonly rowBook: Pick<RowBook, 'arrive'>
  readonly registry: Pick<TenantRegistry, 'checkActive' | 'find'>
  readonly keys: Pick<KeyRegistry, 'of'>
  /** For tenants that have none of their own; of the standing ones there is none unless it is set. */
  readonly linesPerSecond: number
  readonly clock: Clock
  readonly log: Log
}): Admission {
  const { ingest, rowBook, registry, keys, clock, log } = options
  const quota = createLineQuota(clock)
  const lines = new Map<string, TenantLines>()
  const underWay = new Map<string, number>()
  const told = new Map<string, number>()
  const done = createBell()
  const forever = new AbortController().signal

  function countersOf(tenant: string): TenantLines {
    const known = lines.get(tenant) ?? { received: 0, held: 0 }
    lines.set(tenant, known)
    return known
  }

  /** Throws TENANT_SUSPENDED, TENANT_LIMITED, PRODUCER_HALTED, PRODUCER_SETTLING, or TENANT_UNKNOWN where the tenant is being erased. */
  function check({ tenant, hostId }: Host, count: number): void {
    const attempted = `taking a batch from the host ${hostId}`
    registry.checkActive(tenant, attempted)
    keys.of(tenant).checkRunning('host', hostId, attempted)
    const own = registry.find(tenant)?.linesPerSecond ?? null
    const perSecond = own ?? (standingTenants.includes(tenant) ? undefined : options.linesPerSecond)
    const waitMs = perSecond === undefined ? 0 : quota.take(tenant, perSecond, count)
    if (waitMs > 0)
      throw ingestError('TENANT_LIMITED', { attempted, received: `more than ${perSecond} lines a second` })
  }

  /** What happens with each batch is told now and then. */
  function tell(tenant: string, error: SealwatchError): void {
    const nowMs = clock.nowMs()
    if (nowMs - (told.get(tenant) ?? Number.NEGATIVE_INFINITY) < toldEveryMs) return
    told.set(tenant, nowMs)
    log.warn('batches of a tenant wait on its hosts', { tenant, code: error.code, error })
  }

  async function submit(host: Host, tenant: string, batch: ShipRequest, sender?: Sender): Promise<Outcome> {
    const counted = countersOf(host.tenant)
    // What it announces may be anything; the ingest holds it against the bytes.
    const count = Math.max(1, Math.min(batch.count, batch.lines.length))
    counted.received += count
    try {
      check(host, count)
    } catch (error) {
      if (!isSealwatchError(error)) throw error
      counted.held += count
      rowBook.arrive(tenant, count)('refused', count)
      tell(host.tenant, error)
      return { kind: 'refused', error, expected: await ingest.position(tenant, batch.chain) }
    }
    underWay.set(host.tenant, (underWay.get(host.tenant) ?? 0) + 1)
    try {
      return await ingest.submit(host, tenant, batch, sender)
    } finally {
      underWay.set(host.tenant, (underWay.get(host.tenant) ?? 1) - 1)
      if (underWay.get(host.tenant) === 0) {
        underWay.delete(host.tenant)
        done.ring()
      }
    }
  }

  return {
    submit,
    position: ingest.position,
    lines,
    settled: async (tenant) => {
      while (underWay.has(tenant)) await done.wait(forever)
      quota.forget(tenant)
      told.delete(tenant)
    },
  }
}
