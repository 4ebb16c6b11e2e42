// SPDX-License-Identifier: Apache-2.0

import { type Clock, canonicalize, rfc3339 } from '@sealwatch/base'
import { nameKey } from '@sealwatch/contract'
import type { PolicyDocument } from '@sealwatch/contract/policy'
import type { DsseEnvelope, DsseSigner } from '@sealwatch/keys'
import { type PolicyStatement, sha256, signPolicy } from '@sealwatch/ledger'
import type { ExpressionBuilder } from 'kysely'
import { type ActVerb, actEvent, type ServerVoice } from '../identity/index.ts'
import type { Outbox, Store, Tables, Tx } from '../store/index.ts'
import { policyError, policyLimitsOfTenant } from './errors.ts'
import { pruneVersions } from './prune-versions.ts'
import type { PolicyChange } from './record.ts'

export type WriteOptions = {
  readonly store: Store
  readonly outbox: Outbox
  readonly voice: ServerVoice
  readonly clock: Clock
  /** Of the root ledger: the deployment that signs. */
  readonly origin: string
  readonly sign: (statement: PolicyStatement) => Promise<DsseEnvelope>
}

type PolicyRow = Tables['security_policies']
export type Wanted = {
  readonly tenant: string
  readonly id: string
  /** Undefined: the policy is to be deleted. */
  readonly document: PolicyDocument | undefined
  readonly change: PolicyChange
  readonly by: { readonly name: string; readonly requestId: string }
}

const verbs: Readonly<Record<PolicyChange, ActVerb>> = {
  created: 'create',
  replaced: 'update',
  enabled: 'enable',
  disabled: 'disable',
  deleted: 'delete',
}

/**
 * Makes the version after `current`, signed, with its line in the ledger. It is signed first, for a signer may take its
 * time; undefined where another version came in between. Throws POLICY_NAME_TAKEN, POLICIES_TOO_MANY, AUDIT_NOT_RECORDED,
 * and what the signer throws.
 */
export async function writeVersion(
  options: WriteOptions,
  current: PolicyRow | undefined,
  wanted: Wanted,
): Promise<{ readonly row: PolicyRow; readonly leafIndex: number | undefined } | undefined> {
  const { store, outbox, voice, clock, origin, sign } = options
  const { tenant, id, document, change, by } = wanted
  const timeNs = clock.nowNs()
  const time = rfc3339(timeNs)
  const version = (current?.version ?? 0) + 1
  const text = document === undefined ? null : canonicalize(document)
  const digest = text === null ? null : hashOf(text)
  const prev = current?.statement_digest ?? null
  const statement: PolicyStatement = { digest, origin, policy: id, prev, tenant, time, v: 1, version }
  const envelope = await sign(statement)
  const statement_digest = hashOf(canonicalize(statement))
  const isNew = current === undefined || current.deleted_at !== null
  const row: PolicyRow = {
    tenant,
    policy_id: id,
    version,
    type: document?.type ?? current?.type ?? '',
    name: document?.name ?? current?.name ?? '',
    name_key: nameKey(document?.name ?? current?.name ?? ''),
    enabled: document?.enabled === true ? 1 : 0,
    rules: document?.rules.length ?? 0,
    digest,
    statement_digest,
    created_at: isNew ? time : current.created_at,
    created_by: isNew ? by.name : current.created_by,
    updated_at: time,
    updated_by: by.name,
    deleted_at: document === undefined ? time : null,
  }
  const event = actEvent(voice, {
    code: `policy_${change}`,
    component: 'policies',
    tenant,
    timeNs,
    by,
    verb: verbs[change],
    severity: 'medium',
    message: `the ${row.type} policy ${id} was ${change}: version ${version}`,
    entity: { type: 'Security Policy', uid: id },
    details: { policy: id, policy_version: version, policy_digest: digest, policy_statement: statement_digest },
  })
  const uid = await store.transaction(async (tx) => {
    const found = await rowIn(tx, tenant, id)
    if (found?.version !== current?.version) return undefined
    await checkRoom(tx, row, isNew)
    const { tenant: _tenant, policy_id: _id, ...columns } = row
    await tx
      .insertInto('security_policies')
      .values(row)
      .onConflict((conflict) => conflict.columns(['tenant', 'policy_id']).doUpdateSet(columns))
      .execute()
    const line_uid = await outbox.enqueue(tx, tenant, event)
    const kept = { tenant, policy_id: id, version, change, document: text, digest, statement_digest, line_uid }
    const bytes = text === null ? 0 : Buffer.byteLength(text)
    const more = { envelope: JSON.stringify(envelope), changed_at: time, changed_by: by.name, bytes }
    await tx
      .insertInto('security_policy_versions')
      .values({ ...kept, ...more })
      .execute()
    await pruneVersions(tx, tenant, id, version)
    return line_uid
  })
  if (uid === undefined) return undefined
  outbox.ring()
  return { row, leafIndex: await outbox.recorded(uid, `writing version ${version} of the policy ${id}`) }
}

/** What a signer may take for its answer. */
const answerMsMax = 10_000

export const policySigner =
  (signers: readonly DsseSigner[]): WriteOptions['sign'] =>
  (statement) =>
    signPolicy(statement, signers, AbortSignal.timeout(answerMsMax))

const hashOf = (text: string) => sha256(Buffer.from(text)).toHex()

export const rowIn = (db: Pick<Tx, 'selectFrom'>, tenant: string, id: string): Promise<PolicyRow | undefined> =>
  db
    .selectFrom('security_policies')
    .selectAll()
    .where('tenant', '=', tenant)
    .where('policy_id', '=', id)
    .executeTakeFirst()

async function checkRoom(tx: Tx, row: PolicyRow, isNew: boolean): Promise<void> {
  if (row.deleted_at !== null) return
  const { tenant, policy_id, name, name_key } = row
  const attempted = `writing the policy ${policy_id}`
  const others = tx.selectFrom('security_policies').where('tenant', '=', tenant)
  const alike = await others
    .select(['policy_id', 'name'])
    .where('name_key', '=', name_key)
    .where('deleted_at', 'is', null)
    .where('policy_id', '<>', policy_id)
    .executeTakeFirst()
  if (alike !== undefined) {
    const received = `${JSON.stringify(name)}, where ${alike.policy_id} has ${JSON.stringify(alike.name)}`
    throw policyError('POLICY_NAME_TAKEN', { attempted, received })
  }
  if (!isNew) return
  const count = ({ fn }: ExpressionBuilder<Tables, 'security_policies'>) => fn.countAll<number>().as('count')
  const { count: ids } = await others.select(count).executeTakeFirstOrThrow()
  const living = others.where('deleted_at', 'is', null)
  const { count: alive } = await living.select(count).executeTakeFirstOrThrow()
  if (alive >= policyLimitsOfTenant.policiesMax || ids >= policyLimitsOfTenant.idsMax)
    throw policyError('POLICIES_TOO_MANY', { attempted, received: `${alive} policies, ${ids} ids` })
}
