// SPDX-License-Identifier: Apache-2.0

import type { Clock } from '@sealwatch/base'
import type { Kysely } from 'kysely'
import { auditTenant } from '../../identity/index.ts'
import { across, type Tables } from '../../store/index.ts'
import type { HostName, HostNames } from './entry.ts'

/** Which host seals which chain of a tenant, as of a moment ago. */
export type HostBook = { of(tenant: string): Promise<HostNames> }

/** A host that was renamed is known by its name after so long. */
const freshMs = 2_000
/** Tenants that are remembered. */
const tenantsMax = 1_024

/** `edition`: another one whenever a chain came to be known, so that its first line is told with its host. */
export function createHostBook({
  db,
  clock,
  edition,
}: {
  readonly db: Kysely<Tables>
  readonly clock: Clock
  readonly edition: () => number
}): HostBook {
  type Book = { readonly atMs: number; readonly edition: number; readonly names: Promise<HostNames> }
  const books = new Map<string, Book>()

  async function read(tenant: string): Promise<HostNames> {
    const all = across(db, 'cluster')
      .selectFrom('chains')
      .innerJoin('hosts', 'hosts.host_id', 'chains.host_id')
      .select(['chains.chain', 'hosts.host_id', 'hosts.hostname'])
      .where('chains.tenant', '=', tenant)
    const rows = await (tenant === auditTenant ? all : all.where('hosts.tenant', '=', tenant)).execute()
    const names = new Map<string, HostName>(rows.map((row) => [row.chain, { id: row.host_id, name: row.hostname }]))
    return (chain) => names.get(chain)
  }

  return {
    of: (tenant) => {
      const nowMs = clock.nowMs()
      const known = books.get(tenant)
      const now = edition()
      if (known?.edition === now && Math.abs(nowMs - known.atMs) < freshMs) return known.names
      const names = read(tenant)
      books.delete(tenant)
      books.set(tenant, { atMs: nowMs, edition: now, names })
      const [oldest] = books.keys()
      if (books.size > tenantsMax) books.delete(oldest as string)
      return names
    },
  }
}
