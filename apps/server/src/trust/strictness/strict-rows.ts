// SPDX-License-Identifier: Apache-2.0

import type { Reader } from '../../identity/index.ts'
import { across, type Store, type Tables, type Tx } from '../../store/index.ts'

export type StrictRow = Tables['strict_modes']

/** `switched_by` of what the server is configured to be. */
export const byConfiguration = 'configuration:STRICT_SIGNATURES'

export const rowIn = (db: Reader, tenant: string): Promise<StrictRow | undefined> =>
  db.selectFrom('strict_modes').selectAll().where('tenant', '=', tenant).executeTakeFirst()

export const rowsIn = ({ db }: Store): Promise<StrictRow[]> =>
  across(db, 'start').selectFrom('strict_modes').selectAll().execute()

export async function putRow(tx: Tx, { tenant, ...row }: StrictRow): Promise<void> {
  await tx
    .insertInto('strict_modes')
    .values({ tenant, ...row })
    .onConflict((conflict) => conflict.column('tenant').doUpdateSet(row))
    .execute()
}

/** What has come of its time has come, whatever a clock says later. */
export async function markSeen({ db }: Store, tenant: string, seen_at: string): Promise<void> {
  await db
    .updateTable('strict_modes')
    .set({ seen_at })
    .where('tenant', '=', tenant)
    .where('state', '=', 'off')
    .where('seen_at', '<', seen_at)
    .execute()
}

type OwnEvent = { readonly metadata?: { readonly event_code?: unknown } }

/** Tenants whose switching off still waits for its line: it does not count yet. By uid of the line. */
export async function waitingIn(store: Store): Promise<Map<string, string>> {
  const rows = await across(store.db, 'outbox')
    .selectFrom('outbox')
    .selectAll()
    .where('body', 'like', '%"strict_off"%')
    .execute()
  const isOff = (body: string) =>
    (JSON.parse(body) as { event?: OwnEvent }).event?.metadata?.event_code === 'strict_off'
  return new Map(rows.filter(({ body }) => isOff(body)).map(({ uid, tenant }) => [uid, tenant]))
}
