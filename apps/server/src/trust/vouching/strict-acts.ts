// SPDX-License-Identifier: Apache-2.0

import type { Body } from '@sealwatch/ledger'
import type { StrictRow } from '../strictness/strict-rows.ts'
import { actIn, type OwnAct } from './own-act.ts'

/** By what strict signatures of a tenant are switched; the last of them says how they stand. */
const codes: readonly string[] = ['strict_off', 'strict_on', 'strict_ended']

/** Of a line of the ledger's own chain; undefined: it switches nothing. */
export function strictActIn(body: Body): OwnAct | undefined {
  const act = actIn(body)
  return act !== undefined && codes.includes(act.code) ? act : undefined
}

/** What a row that says "off" says and the last act does not; undefined: they agree. */
export function unsaidOfStrict(row: StrictRow, last: OwnAct | undefined): string | undefined {
  if (last === undefined) return 'no line of the ledger switches them off'
  if (last.code !== 'strict_off') return 'the last line of the ledger switches them on'
  const { expires_at, manifest = null } = last.details
  if (expires_at !== row.ends_at) return `its line says until ${String(expires_at)}, and the row until ${row.ends_at}`
  return last.by === row.switched_by && manifest === row.manifest ? undefined : 'its line is of somebody else'
}
