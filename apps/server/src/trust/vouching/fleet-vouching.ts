// SPDX-License-Identifier: Apache-2.0

import { hash } from 'node:crypto'
import { rfc3339 } from '@sealwatch/base'
import type { Ledger } from '@sealwatch/ledger'
import type { RecordOptions } from '../../identity/index.ts'
import {
  type FleetBook,
  type GroupVersionRow,
  type HostGroupsRow,
  newFleetBook,
  takeFleetLine,
  unsaidOfGroup,
  unsaidOfMember,
} from './fleet-acts.ts'
import { actsOf, type ReadLedger } from './own-lines.ts'
import { tellUnvouched } from './tell.ts'
import { waitingFor } from './vouching.ts'

/**
 * Whether rows by which hosts are told what to do are those that the ledger says. What is not is told once with an alarm, and
 * counts for nothing.
 */
export type FleetVouching = {
  /** Of the newest version of a group. */
  group(row: GroupVersionRow): Promise<boolean>
  /** Of the groups that a host is in. */
  member(row: HostGroupsRow): Promise<boolean>
}

type Verdict = { readonly of: string; readonly counts: boolean }

export function createFleetVouching(
  options: RecordOptions & {
    readonly ledgers: { get(tenant: string): ReadLedger & Pick<Ledger, 'tenant'> }
    readonly log: Parameters<typeof tellUnvouched>[0]['log']
  },
): FleetVouching {
  const { store, ledgers } = options
  const { index } = store
  /** The newest of each that was looked at: another row is looked at anew. */
  const verdicts = new Map<string, Verdict>()

  async function bookSince(tenant: string, since: string): Promise<FleetBook> {
    const book = newFleetBook()
    for await (const { line } of actsOf({ ledger: ledgers.get(tenant), index }, since)) takeFleetLine(book, line)
    for (const body of await waitingFor(store, tenant)) takeFleetLine(book, body)
    return book
  }

  async function judge(
    at: { readonly tenant: string; readonly name: string; readonly since: string; readonly of: string },
    unsaid: (book: FleetBook) => string | undefined,
  ): Promise<boolean> {
    const { tenant, name, since, of } = at
    const key = `${tenant} ${name}`
    const before = verdicts.get(key)
    if (before?.of === of) return before.counts
    // Its line may have an earlier time than it has itself: before it is called altered all of them are read.
    const why = unsaid(await bookSince(tenant, since)) && unsaid(await bookSince(tenant, rfc3339(0n)))
    verdicts.set(key, { of, counts: why === undefined })
    if (why !== undefined) await tellUnvouched(options, [{ tenant, kind: 'host_config', name, why }])
    return why === undefined
  }

  return {
    group: async (row) => {
      const { tenant, group_name: name, version, digest, document, changed_at: since } = row
      const at = { tenant, name: `group ${name}`, since, of: `${version} ${digest}` }
      const isWhole = hash('sha256', document, 'hex') === digest
      return isWhole && judge(at, (book) => unsaidOfGroup(row, book))
    },
    member: async (row) => {
      const { tenant, host_id: hostId, groups, changed_at: since } = row
      const at = { tenant, name: `host ${hostId}`, since, of: `${since} ${groups}` }
      return judge(at, (book) => unsaidOfMember(hostId, row, book))
    },
  }
}
