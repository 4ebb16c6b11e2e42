// SPDX-License-Identifier: Apache-2.0

import { z } from 'zod'
import type { Release, ReplayOutcome } from '../../../ingest/index.ts'
import { time } from '../shapes.ts'

export const tag = 'quarantine'
export const leaf = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER)
export const params = z.object({ leaf_index: leaf.describe('Of the stub in its place') })
export const cursor = leaf.optional().describe('`next` of the page before')
export const nextOf = (next: number | undefined) => (next === undefined ? null : String(next))
export const limit = (most: number) => z.coerce.number().int().min(1).max(most).default(100).describe('Items of a page')

export const request = z.string().regex(/^rel_[0-9a-f]{20}$/)
export const release = z.object({
  request: request.describe('Whoever approves names it'),
  cause: z.string(),
  requested_at: time,
  requested_by: z.string(),
  expires_at: time,
  approved_at: time.nullable(),
  approved_by: z.string().nullable(),
  rejected_at: time.nullable(),
  rejected_by: z.string().nullable(),
  rejected_cause: z.string().nullable(),
})
export const releaseJson = (row: Release) => ({
  request: row.request,
  cause: row.cause,
  requested_at: row.requestedAt,
  requested_by: row.requestedBy,
  expires_at: row.expiresAt,
  approved_at: row.approvedAt,
  approved_by: row.approvedBy,
  rejected_at: row.rejectedAt,
  rejected_by: row.rejectedBy,
  rejected_cause: row.rejectedCause,
})

export const outcome = z.object({
  leaf_index: leaf,
  outcome: z.enum(['admitted', 'already', 'waiting', 'release', 'taken', 'altered']),
  lines: z.number().int().describe('Lines of a host, or rows of a service'),
  reason: z.string().nullable(),
  detail: z.string(),
  admitted_leaf_index: z.number().int().nullable(),
})
export const outcomeJson = ({ leaf: leaf_index, admittedLeaf, ...rest }: ReplayOutcome) => ({
  leaf_index,
  ...rest,
  admitted_leaf_index: admittedLeaf,
})
export const unreadable = ['QUARANTINE_UNKNOWN', 'QUARANTINE_GONE', 'QUARANTINE_ALTERED', 'AUDIT_NOT_RECORDED']
