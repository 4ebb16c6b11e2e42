// SPDX-License-Identifier: Apache-2.0

import type { Store } from '../../store/index.ts'
import { type Reason, reasons } from '../../trust/index.ts'
import { ingestError } from '../errors.ts'
import type { QuarantineRow } from './judge-item.ts'

/** Undefined: whatever it is. Times are RFC 3339, of the quarantining, half-open. */
export type QuarantineFilter = {
  readonly state?: QuarantineRow['state'] | undefined
  readonly reason?: string | undefined
  readonly keyId?: string | undefined
  readonly producer?: string | undefined
  readonly since?: string | undefined
  readonly until?: string | undefined
}

export type Page<T> = { readonly items: readonly T[]; readonly next: number | undefined }
export type QuarantineCount = {
  readonly reason: string
  readonly state: string
  readonly items: number
  readonly rows: number
}

export const leafOf = (row: QuarantineRow) => row.stub_leaf_index as number
/** What its rows are kept under, in the place of a host's id. */
const servicePrefix = 'service:'
/** Undefined: it is a host's. */
export const serviceOfRow = ({ host_id }: QuarantineRow): string | undefined =>
  host_id.startsWith(servicePrefix) ? host_id.slice(servicePrefix.length) : undefined

export const namesOf = (producer: string) => [producer, `${servicePrefix}${producer}`]

/** What lies in quarantine and has its stub, as the database knows it. */
export type ItemRows = ReturnType<typeof createItemRows>

export function createItemRows({ db }: Pick<Store, 'db'>) {
  const rowsOf = (tenant: string, filter: QuarantineFilter) =>
    db
      .selectFrom('audit_signature_quarantine')
      .selectAll()
      .where('tenant', '=', tenant)
      .where('stub_leaf_index', 'is not', null)
      .$if(filter.state !== undefined, (rows) => rows.where('state', '=', filter.state ?? 'waiting'))
      .$if(filter.reason !== undefined, (rows) => rows.where('reason', '=', filter.reason ?? ''))
      .$if(filter.keyId !== undefined, (rows) => rows.where('signing_key_id', '=', filter.keyId ?? ''))
      .$if(filter.producer !== undefined, (rows) => rows.where('host_id', 'in', namesOf(filter.producer ?? '')))
      .$if(filter.since !== undefined, (rows) => rows.where('quarantined_at', '>=', filter.since ?? ''))
      .$if(filter.until !== undefined, (rows) => rows.where('quarantined_at', '<', filter.until ?? ''))
      .orderBy('stub_leaf_index')

  const pieceOf = (tenant: string, filter: QuarantineFilter, after: number, max: number) =>
    rowsOf(tenant, filter).where('stub_leaf_index', '>', after).limit(max).execute()

  /** Of one state, reason by reason: what is of another is stepped over, however much of it there is. */
  async function pageOf(
    tenant: string,
    filter: QuarantineFilter,
    after: number,
    max: number,
  ): Promise<Page<QuarantineRow>> {
    const each = filter.state === undefined || filter.reason !== undefined ? [filter.reason] : reasons
    const pieces: QuarantineRow[][] = []
    for (const reason of each) pieces.push(await pieceOf(tenant, { ...filter, reason }, after, max + 1))
    const items = pieces.flat().sort((one, other) => leafOf(one) - leafOf(other))
    const shown = items.slice(0, max)
    return { items: shown, next: items.length > max ? (shown.at(-1)?.stub_leaf_index ?? undefined) : undefined }
  }

  /** Of what waits for one reason, in its order: what a picture is made of. */
  const glanceAt = (tenant: string, reason: Reason, after: number, max: number) =>
    db
      .selectFrom('audit_signature_quarantine')
      .select(['stub_leaf_index as leaf', 'host_id', 'signing_key_id', 'quarantined_at', 'first_seq', 'next_seq'])
      .where('tenant', '=', tenant)
      .where('state', '=', 'waiting')
      .where('reason', '=', reason)
      .where('stub_leaf_index', '>', after)
      .orderBy('stub_leaf_index')
      .limit(max)
      .execute()

  async function known(tenant: string, leaf: number, attempted: string): Promise<QuarantineRow> {
    const row = await rowsOf(tenant, {}).where('stub_leaf_index', '=', leaf).executeTakeFirst()
    if (row === undefined) throw ingestError('QUARANTINE_UNKNOWN', { attempted, received: `leaf ${leaf}` })
    return row
  }

  async function countsOf(tenant: string): Promise<QuarantineCount[]> {
    const rows = await db
      .selectFrom('audit_signature_quarantine')
      .select(({ fn }) => [
        'reason',
        'state',
        fn.countAll<number>().as('items'),
        fn.sum<number>('next_seq').as('next'),
        fn.sum<number>('first_seq').as('first'),
      ])
      .where('tenant', '=', tenant)
      .where('stub_leaf_index', 'is not', null)
      .groupBy(['reason', 'state'])
      .orderBy('reason')
      .execute()
    return rows.map(({ reason, state, items, next, first }) => ({ reason, state, items, rows: next - first }))
  }

  return { pageOf, known, countsOf, glanceAt }
}
