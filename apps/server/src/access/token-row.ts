// SPDX-License-Identifier: Apache-2.0

import type { Tables } from '../store/index.ts'
import { type Action, isAction } from './actions.ts'

export type TokenRow = {
  readonly tokenId: string
  readonly tenant: string
  readonly name: string
  readonly actions: readonly Action[]
  /** Whose rows come with it, where it may write any. */
  readonly service: string | null
  readonly createdAt: string
  readonly createdBy: string
  readonly expiresAt: string
  /** To the minute. */
  readonly lastUsedAt: string | null
  readonly revokedAt: string | null
}

export const rowOf = (row: Tables['api_tokens']): TokenRow => ({
  tokenId: row.token_id,
  tenant: row.tenant,
  name: row.name,
  actions: (JSON.parse(row.actions) as string[]).filter(isAction),
  service: row.service,
  createdAt: row.created_at,
  createdBy: row.created_by,
  expiresAt: row.expires_at,
  lastUsedAt: row.last_used_at,
  revokedAt: row.revoked_at,
})
