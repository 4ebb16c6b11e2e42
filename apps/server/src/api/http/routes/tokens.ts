// SPDX-License-Identifier: Apache-2.0

import { z } from 'zod'
import type { Access, TokenRow } from '../../../access/index.ts'
import { type Route, route } from '../route.ts'
import { recorded, recordedJson, time } from '../shapes.ts'

const token = z.object({
  token_id: z.string(),
  name: z.string(),
  actions: z.array(z.string()),
  service: z.string().nullable().describe('Whose rows come with it'),
  created_at: time,
  created_by: z.string(),
  expires_at: time,
  last_used_at: time.nullable(),
  revoked_at: time.nullable(),
})

const tokenJson = (row: TokenRow) => ({
  token_id: row.tokenId,
  name: row.name,
  actions: [...row.actions],
  service: row.service,
  created_at: row.createdAt,
  created_by: row.createdBy,
  expires_at: row.expiresAt,
  last_used_at: row.lastUsedAt,
  revoked_at: row.revokedAt,
})

export const tokenRoutes = ({ tokens }: Access): Route[] => [
  route({
    method: 'GET',
    path: '/api/v1/tokens',
    id: 'listTokens',
    summary: 'The API tokens of the tenant',
    tag: 'access',
    action: 'token:list',
    answer: z.object({ items: z.array(token) }),
    handle: async (by) => ({ items: tokens.list(by).map(tokenJson) }),
  }),
  route({
    method: 'POST',
    path: '/api/v1/tokens',
    id: 'createToken',
    summary: 'Make an API token; it is shown this once',
    tag: 'access',
    action: 'token:create',
    body: z.strictObject({
      name: z.string().min(1).max(64),
      actions: z.array(z.string().max(64)).min(1).max(100),
      ttl_seconds: z.number().int().min(60).max(31_622_400),
      service: z.string().max(64).optional().describe('With rows:write: the service whose rows it brings'),
    }),
    answer: z.object({ token: z.string(), info: token, ledger: recorded }),
    status: 201,
    showsSecret: true,
    errors: ['TOKEN_INVALID', 'GRANT_BEYOND_OWN', 'ACCESS_TOO_MANY'],
    handle: async (by, { body: { name, actions, ttl_seconds, service } }) => {
      const wanted = { name, actions, ttlSeconds: ttl_seconds, ...(service !== undefined && { service }) }
      const made = await tokens.create(by, wanted)
      return { token: made.token, info: tokenJson(made.row), ledger: recordedJson(made.recorded) }
    },
  }),
  route({
    method: 'DELETE',
    path: '/api/v1/tokens/{token_id}',
    id: 'revokeToken',
    summary: 'Revoke a token; it counts at once',
    tag: 'access',
    action: 'token:revoke',
    params: z.object({ token_id: z.string().regex(/^tok_[0-9a-f]{20}$/) }),
    answer: z.object({ ledger: recorded }),
    errors: ['API_TOKEN_UNKNOWN'],
    handle: async (by, { params }) => ({ ledger: recordedJson(await tokens.revoke(by, params.token_id)) }),
  }),
]
