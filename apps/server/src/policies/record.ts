// SPDX-License-Identifier: Apache-2.0

import { type Json, type JsonObject, parseCanonical } from '@sealwatch/base'
import type { PolicyDocument, PolicyType, PolicyValidation } from '@sealwatch/contract/policy'
import type { DsseEnvelope } from '@sealwatch/keys'
import type { Tables } from '../store/index.ts'

/** What happened at a version. */
export type PolicyChange = 'created' | 'replaced' | 'enabled' | 'disabled' | 'deleted'

/** A policy without its rules. */
export type PolicySummary = {
  readonly id: string
  readonly name: string
  readonly type: PolicyType
  readonly enabled: boolean
  readonly rules: number
  readonly version: number
  readonly etag: string
  /** Hex SHA-256 of the document in canonical form. */
  readonly digest: string
  readonly createdAt: string
  /** `kind:id` of a principal, as in the ledger. */
  readonly createdBy: string
  readonly updatedAt: string
  readonly updatedBy: string
}

/** A version of a policy, as it was signed. */
export type PolicyRecord = Omit<PolicySummary, 'rules'> & {
  readonly document: PolicyDocument
  /** The document in canonical form: what the digest is of. */
  readonly text: string
  readonly signature: DsseEnvelope
}

export type PolicyVersion = {
  readonly version: number
  readonly change: PolicyChange
  readonly changedAt: string
  readonly changedBy: string
  /** Null: deleted. */
  readonly digest: string | null
  readonly statementDigest: string
  /** Of the line about it; undefined: it waits to enter the ledger. */
  readonly leafIndex: number | undefined
}

/** What became of a change. Not `updated`: the policy is what it was asked to be already, or it is not valid. */
export type PolicyPut = {
  readonly updated: boolean
  readonly validation: PolicyValidation
  /** Undefined where the validation is not ok. */
  readonly record: PolicyRecord | undefined
  readonly leafIndex: number | undefined
}

type PolicyRow = Tables['security_policies']
type VersionRow = Tables['security_policy_versions']

export const etagOf = (version: number, digest: string) => `"${version}-${digest.slice(0, 16)}"`

export function summaryOf(row: PolicyRow): PolicySummary {
  return {
    id: row.policy_id,
    name: row.name,
    type: row.type as PolicyType,
    enabled: row.enabled === 1,
    rules: row.rules,
    version: row.version,
    etag: etagOf(row.version, row.digest ?? ''),
    digest: row.digest ?? '',
    createdAt: row.created_at,
    createdBy: row.created_by,
    updatedAt: row.updated_at,
    updatedBy: row.updated_by,
  }
}

export function recordOf(row: PolicyRow, version: VersionRow): PolicyRecord {
  const { rules: _count, ...summary } = summaryOf(row)
  const text = version.document ?? '{}'
  const document = parseCanonical(text, 'reading a policy') as unknown as PolicyDocument
  const signature = JSON.parse(version.envelope) as DsseEnvelope
  return { ...summary, document, text, signature }
}

export const documentIn = (version: VersionRow | undefined): JsonObject | null =>
  version?.document == null ? null : (parseCanonical(version.document, 'reading a policy') as Json as JsonObject)
