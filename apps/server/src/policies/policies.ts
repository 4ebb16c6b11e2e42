// SPDX-License-Identifier: Apache-2.0

import { canonicalize, createRate } from '@sealwatch/base'
import {
  type DifferenceLine,
  describeDifference,
  type PatchOperation,
  type PolicyDocument,
  type PolicyType,
  patchBetween,
  type ValidatedPolicy,
} from '@sealwatch/contract/policy'
import type { DsseEnvelope } from '@sealwatch/keys'
import { type Authorised, nameOf } from '../access/index.ts'
import type { Tables } from '../store/index.ts'
import type { PolicyChecks } from './check/checks.ts'
import { policyError } from './errors.ts'
import {
  documentIn,
  etagOf,
  type PolicyChange,
  type PolicyPut,
  type PolicyRecord,
  type PolicySummary,
  type PolicyVersion,
  recordOf,
  summaryOf,
} from './record.ts'
import { rowIn, type WriteOptions, writeVersion } from './write-version.ts'

/** Of a change that is made to what somebody has seen: `*` in the place of an ETag is whatever there is. */
export type Condition = { readonly ifMatch?: string | undefined; readonly ifNoneMatch?: string | undefined }

export type Difference = {
  readonly from: number
  readonly to: number
  /** RFC 6902. */
  readonly patch: readonly PatchOperation[]
  readonly text: readonly DifferenceLine[]
}

/** What came in between: what 412 tells. */
export type ChangedMeanwhile = { readonly current: PolicySummary | null; readonly changes: readonly DifferenceLine[] }

export type Policies = {
  /** In the order of their ids, from the one after `after` on. */
  list(
    by: Authorised<'policy:read'>,
    query: { readonly after: string; readonly limit: number; readonly type?: PolicyType | undefined },
  ): Promise<PolicySummary[]>
  /** Throws POLICY_UNKNOWN. */
  get(by: Authorised<'policy:read' | 'policy:try'>, id: string): Promise<PolicyRecord>
  /** The document in canonical form, and the envelope that signs it. Throws POLICY_UNKNOWN. */
  signed(
    by: Authorised<'policy:read'>,
    id: string,
    version?: number,
  ): Promise<{ readonly document: string | null; readonly envelope: DsseEnvelope }>
  /**
   * Of a text, or of what was parsed. To compare many rules takes time, so a tenant has its share. Throws POLICIES_TOO_FAST,
   * and what PolicyChecks throws.
   */
  validate(by: Authorised<'policy:write' | 'policy:try'>, input: unknown): Promise<ValidatedPolicy>
  /**
   * Makes or replaces a policy: `input` is its text, or what was parsed of it. Nothing is done where it is not valid, or says
   * what is there already. Throws POLICY_CHANGED_MEANWHILE, POLICY_NAME_TAKEN, POLICIES_TOO_MANY.
   */
  put(by: Authorised<'policy:write'>, id: string, input: unknown, condition: Condition): Promise<PolicyPut>
  /** Throws POLICY_UNKNOWN, POLICY_CHANGED_MEANWHILE. */
  remove(
    by: Authorised<'policy:write'>,
    id: string,
    condition: Condition,
  ): Promise<{ readonly version: number; readonly leafIndex: number | undefined }>
  /** Newest first, those before `before`. Throws POLICY_UNKNOWN. */
  versions(
    by: Authorised<'policy:read'>,
    id: string,
    query: { readonly before?: number | undefined; readonly limit: number },
  ): Promise<PolicyVersion[]>
  /** Between two versions; `from` 0: nothing. Without `to` the newest, without `from` the one before. Throws POLICY_UNKNOWN. */
  difference(
    by: Authorised<'policy:read'>,
    id: string,
    between: { readonly from?: number | undefined; readonly to?: number | undefined },
  ): Promise<Difference>
  /** What 412 tells of a policy that is not the one of the condition any more. */
  changedMeanwhile(by: Authorised<'policy:write'>, id: string, condition: Condition): Promise<ChangedMeanwhile>
}

type VersionRow = Tables['security_policy_versions']
/** Others may write the same policy at the same time. */
const attemptsMax = 5

const unitsPerTurn = 8 * 1024
/** What is larger is refused unread. */
const turnsMax = 32

export function createPolicies(
  options: WriteOptions & { readonly checks: PolicyChecks; readonly changed?: (tenant: string) => void },
): Policies {
  const { store, clock } = options
  const { db, index } = store
  const share = createRate(clock, { perSecond: 10, burst: 50, keysMax: 50_000 })

  async function validate({ tenant }: Authorised, input: unknown): Promise<ValidatedPolicy> {
    const isValue = typeof input !== 'string'
    const text = isValue ? (JSON.stringify(input) ?? 'null') : input
    const turns = Math.min(Math.ceil(text.length / unitsPerTurn), turnsMax)
    const waitMs = share.take(tenant, turns)
    if (waitMs > 0) throw policyError('POLICIES_TOO_FAST', { attempted: 'looking at a policy', waitMs })
    return options.checks.check(tenant, { text, isValue, nowMs: clock.nowMs() })
  }

  const unknown = (id: string, version?: number) =>
    policyError('POLICY_UNKNOWN', {
      attempted: `reading the policy ${id}`,
      received: version === undefined ? id : `version ${version} of ${id}`,
    })

  async function versionAt(tenant: string, id: string, version: number): Promise<VersionRow> {
    const found = await db
      .selectFrom('security_policy_versions')
      .selectAll()
      .where('tenant', '=', tenant)
      .where('policy_id', '=', id)
      .where('version', '=', version)
      .executeTakeFirst()
    if (found === undefined) throw unknown(id, version)
    return found
  }

  async function get({ tenant }: Authorised, id: string): Promise<PolicyRecord> {
    const row = await rowIn(db, tenant, id)
    if (row === undefined || row.deleted_at !== null) throw unknown(id)
    return recordOf(row, await versionAt(tenant, id, row.version))
  }

  function check(id: string, row: Tables['security_policies'] | undefined, { ifMatch, ifNoneMatch }: Condition): void {
    const etag = row === undefined || row.deleted_at !== null ? undefined : etagOf(row.version, row.digest ?? '')
    const holds = (condition: string) =>
      etag !== undefined && (condition === '*' || condition.split(',').some((each) => each.trim() === etag))
    if ((ifMatch === undefined || holds(ifMatch)) && !(ifNoneMatch !== undefined && holds(ifNoneMatch))) return
    throw policyError('POLICY_CHANGED_MEANWHILE', {
      attempted: `writing the policy ${id}`,
      received:
        etag === undefined ? 'no policy of that id' : `${etag}, made by ${row?.updated_by} at ${row?.updated_at}`,
    })
  }

  /** The same until nobody came in between; with a condition, that then does not hold any more. */
  async function write(
    by: Authorised<'policy:write'>,
    id: string,
    condition: Condition,
    wantedOf: (row: Tables['security_policies'] | undefined, text: string | null) => Wish | undefined,
  ) {
    const { tenant, principal, requestId } = by
    for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
      const row = await rowIn(db, tenant, id)
      check(id, row, condition)
      const isThere = row !== undefined && row.deleted_at === null
      const text = isThere ? (await versionAt(tenant, id, row.version)).document : null
      const wish = wantedOf(isThere ? row : undefined, text)
      if (wish === undefined) return undefined
      const author = { name: nameOf(principal), requestId }
      const written = await writeVersion(options, row, { tenant, id, ...wish, by: author })
      if (written !== undefined) {
        options.changed?.(tenant)
        return written
      }
    }
    throw policyError('POLICY_CHANGED_MEANWHILE', {
      attempted: `writing the policy ${id}`,
      received: `${attemptsMax} other versions while it was tried`,
    })
  }

  return {
    get,
    validate,
    list: async ({ tenant }, { after, limit, type }) => {
      const rows = await db
        .selectFrom('security_policies')
        .selectAll()
        .where('tenant', '=', tenant)
        .where('policy_id', '>', after)
        .where('deleted_at', 'is', null)
        .$if(type !== undefined, (query) => query.where('type', '=', type as string))
        .orderBy('policy_id')
        .limit(limit)
        .execute()
      return rows.map(summaryOf)
    },
    signed: async ({ tenant }, id, version) => {
      const row = await rowIn(db, tenant, id)
      if (row === undefined) throw unknown(id)
      const { document, envelope } = await versionAt(tenant, id, version ?? row.version)
      return { document, envelope: JSON.parse(envelope) as DsseEnvelope }
    },
    put: async (by, id, input, condition) => {
      const { policy, validation } = await validate(by, input)
      if (policy === undefined) return { updated: false, validation, record: undefined, leafIndex: undefined }
      const text = canonicalize(policy)
      const written = await write(by, id, condition, (row, before) =>
        before === text ? undefined : { document: policy, change: changeTo(policy, row, before) },
      )
      return { updated: written !== undefined, validation, record: await get(by, id), leafIndex: written?.leafIndex }
    },
    remove: async (by, id, condition) => {
      const written = await write(by, id, condition, (row) => {
        if (row === undefined) throw unknown(id)
        return { document: undefined, change: 'deleted' }
      })
      return { version: written?.row.version ?? 0, leafIndex: written?.leafIndex }
    },
    versions: async ({ tenant }, id, { before, limit }) => {
      if ((await rowIn(db, tenant, id)) === undefined) throw unknown(id)
      const rows = await db
        .selectFrom('security_policy_versions')
        .select(['version', 'change', 'changed_at', 'changed_by', 'digest', 'statement_digest', 'line_uid'])
        .where('tenant', '=', tenant)
        .where('policy_id', '=', id)
        .$if(before !== undefined, (query) => query.where('version', '<', before ?? 0))
        .orderBy('version', 'desc')
        .limit(limit)
        .execute()
      const uids = rows.map(({ line_uid }) => line_uid)
      const lines = await index
        .selectFrom('own_entries')
        .select(['uid', 'leaf_index'])
        .where('tenant', '=', tenant)
        .where('uid', 'in', uids)
        .execute()
      const leaves = new Map(lines.map(({ uid, leaf_index }) => [uid, leaf_index]))
      return rows.map((row) => ({
        version: row.version,
        change: row.change as PolicyChange,
        changedAt: row.changed_at,
        changedBy: row.changed_by,
        digest: row.digest,
        statementDigest: row.statement_digest,
        leafIndex: leaves.get(row.line_uid),
      }))
    },
    difference: async ({ tenant }, id, between) => {
      const row = await rowIn(db, tenant, id)
      if (row === undefined) throw unknown(id)
      const to = between.to ?? row.version
      const from = between.from ?? to - 1
      const [before, after] = [from, to].map(async (version) =>
        version === 0 ? null : documentIn(await versionAt(tenant, id, version)),
      )
      return differenceOf(
        { version: from, document: (await before) ?? null },
        { version: to, document: (await after) ?? null },
      )
    },
    changedMeanwhile: async ({ tenant }, id, { ifMatch }) => {
      const row = await rowIn(db, tenant, id)
      const current = row === undefined || row.deleted_at !== null ? null : summaryOf(row)
      const seen = Number(/^"(\d+)-/.exec(ifMatch ?? '')?.[1] ?? Number.NaN)
      if (row === undefined || !Number.isSafeInteger(seen) || seen >= row.version) return { current, changes: [] }
      const [before, after] = await Promise.all(
        [seen, row.version].map((version) => versionAt(tenant, id, version).then(documentIn, () => undefined)),
      )
      return { current, changes: before === undefined || after === undefined ? [] : describeDifference(before, after) }
    },
  }
}

type Wish = { readonly document: PolicyDocument | undefined; readonly change: PolicyChange }

type Dated = { readonly version: number; readonly document: ReturnType<typeof documentIn> }
const differenceOf = (before: Dated, after: Dated): Difference => ({
  from: before.version,
  to: after.version,
  patch: patchBetween(before.document, after.document),
  text: describeDifference(before.document, after.document),
})

/** What is told of a change: to switch a policy on or off is one of its own. */
function changeTo(
  policy: PolicyDocument,
  row: Tables['security_policies'] | undefined,
  before: string | null,
): PolicyChange {
  if (row === undefined || before === null) return 'created'
  const isSwitched = canonicalize({ ...policy, enabled: !policy.enabled }) === before
  if (!isSwitched) return 'replaced'
  return policy.enabled ? 'enabled' : 'disabled'
}
