// SPDX-License-Identifier: Apache-2.0

import { rfc3339 } from '@sealwatch/base'
import {
  type DsseEnvelope,
  type Manifest,
  type ManifestAction,
  manifestError,
  manifestType,
  type Proof,
} from '@sealwatch/keys'
import type { Reader } from '../../identity/index.ts'
import type { Tables, Tx } from '../../store/index.ts'
import { collectError } from './errors.ts'

export type ManifestRow = Tables['manifests']

/** That wait for signatures; that were never applied and are remembered; that a list shows. */
const openMax = 100
const lapsedMax = 1_000
const listMax = 500

type Made = { readonly id: string; readonly by: string; readonly timeNs: bigint }

export async function addRow(
  tx: Tx,
  { id, manifest, payload, by, timeNs }: Made & { readonly manifest: Manifest; readonly payload: string },
): Promise<void> {
  const attempted = 'opening a manifest'
  const { nonce, action, digest, expires: expires_at } = manifest
  const now = rfc3339(timeNs)
  const [open, twin] = [await countOpen(tx, now), await rowWith(tx, nonce)]
  if (open >= openMax) throw collectError('MANIFEST_TOO_MANY', { attempted, received: open })
  if (twin?.manifest === id) return
  if (twin !== undefined) throw manifestError('MANIFEST_REPLAYED', { attempted, received: `the nonce ${nonce}` })
  await forgetLapsed(tx, now)
  const row = { manifest: id, nonce, action, digest, payload, expires_at, opened_at: now, opened_by: by }
  await tx
    .insertInto('manifests')
    .values({ ...row, applied_at: null, applied_by: null, proof: null })
    .execute()
}

async function countOpen(tx: Tx, now: string): Promise<number> {
  const { count } = await tx
    .selectFrom('manifests')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('applied_at', 'is', null)
    .where('expires_at', '>', now)
    .executeTakeFirstOrThrow()
  return count
}

const rowWith = (tx: Tx, nonce: string) =>
  tx.selectFrom('manifests').select('manifest').where('nonce', '=', nonce).executeTakeFirst()

/** What has expired without being applied can never be, whether its nonce is remembered or not. */
async function forgetLapsed(tx: Tx, now: string): Promise<void> {
  const lapsed = tx.selectFrom('manifests').select('manifest').where('applied_at', 'is', null)
  const old = lapsed.where('expires_at', '<=', now).orderBy('expires_at', 'desc').limit(-1).offset(lapsedMax)
  const gone = (await old.execute()).map(({ manifest }) => manifest)
  if (gone.length === 0) return
  await tx.deleteFrom('manifest_signatures').where('manifest', 'in', gone).execute()
  await tx.deleteFrom('manifests').where('manifest', 'in', gone).execute()
}

/** The first signature of a key stays. */
export async function signRow(
  tx: Tx,
  { id, keyid, sig, by, timeNs }: Made & { readonly keyid: string; readonly sig: string },
): Promise<void> {
  await tx
    .insertInto('manifest_signatures')
    .values({ manifest: id, key_id: keyid, signature: sig, added_at: rfc3339(timeNs), added_by: by })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

/** False: somebody else was first. */
export async function applyRow(tx: Tx, { id, proof, by, timeNs }: Made & { readonly proof: Proof }): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('manifests')
    .set({ applied_at: rfc3339(timeNs), applied_by: by, proof: JSON.stringify(proof) })
    .where('manifest', '=', id)
    .where('applied_at', 'is', null)
    .executeTakeFirst()
  return numUpdatedRows === 1n
}

export const rowIn = (db: Reader, id: string): Promise<ManifestRow | undefined> =>
  db.selectFrom('manifests').selectAll().where('manifest', '=', id).executeTakeFirst()

/** Those for one change that were not applied, and else the newest that was. */
export async function rowsOfChange(
  db: Reader,
  { action, digest }: { readonly action: ManifestAction; readonly digest: string },
): Promise<ManifestRow[]> {
  const ofChange = db.selectFrom('manifests').selectAll().where('action', '=', action).where('digest', '=', digest)
  const open = await ofChange.where('applied_at', 'is', null).orderBy('expires_at', 'desc').limit(openMax).execute()
  return open.length > 0 ? open : ofChange.orderBy('applied_at', 'desc').limit(1).execute()
}

export const rowsIn = (db: Reader): Promise<ManifestRow[]> =>
  db.selectFrom('manifests').selectAll().orderBy('opened_at', 'desc').limit(listMax).execute()

export async function envelopeOf(db: Reader, { manifest, payload }: ManifestRow): Promise<DsseEnvelope> {
  const rows = await db
    .selectFrom('manifest_signatures')
    .select(['key_id', 'signature'])
    .where('manifest', '=', manifest)
    .orderBy('added_at')
    .execute()
  const signatures = rows.map(({ key_id: keyid, signature: sig }) => ({ keyid, sig }))
  return { payload, payloadType: manifestType, signatures }
}
