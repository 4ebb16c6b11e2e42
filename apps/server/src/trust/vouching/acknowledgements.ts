// SPDX-License-Identifier: Apache-2.0

import { hash } from 'node:crypto'
import type { Body } from '@sealwatch/ledger'
import type { Tables } from '../../store/index.ts'
import { actIn } from './own-act.ts'

/** What the first line about an acknowledgement of STRICT_SIGNATURES=false says: a later one prolongs nothing. */
export type Acknowledged = { readonly digest: string; readonly expiresAt: string }
export type AcknowledgedRow = Tables['strict_acknowledgements']

export const acknowledgedCode = 'strict_acknowledged'
/** What people write there may name them: the ledger has its hash. */
export const digestOfAcknowledgement = (acknowledgement: string): string => hash('sha256', acknowledgement, 'hex')

/** Of a line of the ledger's own chain. */
export function acknowledgedIn(body: Body): Acknowledged | undefined {
  const act = actIn(body)
  if (act?.code !== acknowledgedCode) return undefined
  const { acknowledgement_sha256: digest, expires_at: expiresAt } = act.details
  return { digest: String(digest), expiresAt: String(expiresAt) }
}

/** What a row says and its first line does not; undefined: they agree. */
export function unsaidOfAcknowledgement(
  { ends_at }: Pick<AcknowledgedRow, 'ends_at'>,
  first: Acknowledged | undefined,
): string | undefined {
  if (first === undefined) return 'no line of the ledger acknowledges it'
  return first.expiresAt === ends_at
    ? undefined
    : `its line says until ${first.expiresAt}, and the row until ${ends_at}`
}
