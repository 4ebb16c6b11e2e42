// SPDX-License-Identifier: Apache-2.0

import { perReason, type Reason, reasons } from '../trust/index.ts'
import { createRejectedKeys, type RejectedKeys } from './rejected-keys.ts'

/** Rows of a tenant, since the server started: lines of its hosts, and what its services send. */
export type RowCounts = {
  received: number
  admitted: number
  refused: number
  duplicate: number
  readonly quarantined: Record<Reason, number>
  /** Of those admitted, what failed verification: strict signatures are off. */
  readonly unverified: Record<Reason, number>
}

/** What became of a row. One that fails verification says why, and which key it claims; it may be admitted all the same. */
export type RowOutcome =
  | 'admitted'
  | 'refused'
  | 'duplicate'
  | { readonly reason: Reason; readonly keyId: string | undefined; readonly isAdmitted?: boolean }

/**
 * Counts what arrives and what becomes of it, each on its own, so that they can be held against each other:
 * received = admitted + quarantined + refused + duplicate + under way.
 */
export type RowBook = {
  /**
   * At the door, with as many rows as there are in the bytes. Whoever judged them tells once what became of them, and of
   * how many rows that is true.
   */
  arrive(tenant: string, rows: number): (outcome: RowOutcome, rows: number) => void
  of(tenant: string): Readonly<RowCounts>
  /** Of all tenants that anything was asked of. */
  readonly tenants: ReadonlyMap<string, Readonly<RowCounts>>
  total(): RowCounts
  /** Rows of a tenant that arrived, and of which nobody knows what became of them; below zero: that never arrived. */
  missing(tenant: string): number
  /** By tenant; of the first ones as many as `tenantsMax`, and of the others together. */
  rejected(): Iterable<readonly [tenant: string, keys: Pick<RejectedKeys, 'read'>]>
}

/** Tenants whose rejected keys are told apart; the others share one account. */
export const tenantsMax = 100
const otherTenants = '(others)'

export function createRowBook(): RowBook {
  const tenants = new Map<string, RowCounts>()
  const underWay = new Map<string, number>()
  const rejected = new Map<string, RejectedKeys>()

  function of(tenant: string): RowCounts {
    const counts = tenants.get(tenant) ?? noRows()
    tenants.set(tenant, counts)
    return counts
  }

  function keysOf(tenant: string): RejectedKeys {
    const name = rejected.has(tenant) || rejected.size < tenantsMax ? tenant : otherTenants
    const keys = rejected.get(name) ?? createRejectedKeys()
    rejected.set(name, keys)
    return keys
  }

  return {
    arrive: (tenant, arrived) => {
      const counts = of(tenant)
      counts.received += arrived
      underWay.set(tenant, (underWay.get(tenant) ?? 0) + arrived)
      return (outcome, rows) => {
        underWay.set(tenant, (underWay.get(tenant) ?? 0) - arrived)
        if (typeof outcome === 'string') {
          counts[outcome] += rows
          return
        }
        if (outcome.isAdmitted === true) {
          counts.admitted += rows
          counts.unverified[outcome.reason] += rows
        } else counts.quarantined[outcome.reason] += rows
        keysOf(tenant).add(outcome.reason, outcome.keyId, rows)
      }
    },
    of,
    tenants,
    total: () => [...tenants.values()].reduce(plus, noRows()),
    missing: (tenant) => {
      const { received, admitted, refused, duplicate, quarantined } = of(tenant)
      const kept = reasons.reduce((sum, reason) => sum + quarantined[reason], 0)
      return received - admitted - refused - duplicate - kept - (underWay.get(tenant) ?? 0)
    },
    rejected: () => rejected,
  }
}

function noRows(): RowCounts {
  return {
    received: 0,
    admitted: 0,
    refused: 0,
    duplicate: 0,
    quarantined: perReason(() => 0),
    unverified: perReason(() => 0),
  }
}

function plus(sum: RowCounts, counts: Readonly<RowCounts>): RowCounts {
  for (const outcome of ['received', 'admitted', 'refused', 'duplicate'] as const) sum[outcome] += counts[outcome]
  for (const reason of reasons) {
    sum.quarantined[reason] += counts.quarantined[reason]
    sum.unverified[reason] += counts.unverified[reason]
  }
  return sum
}
