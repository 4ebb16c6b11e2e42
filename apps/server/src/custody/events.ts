// SPDX-License-Identifier: Apache-2.0

import type { Json, JsonObject } from '@sealwatch/base'
import type { Classification, SeverityName, UnmappedMembers } from '@sealwatch/contract'
import type { EpochRow } from '@sealwatch/keys/sealing'
import type { Body } from '@sealwatch/ledger'
import { auditEvent, auditTenant, type ServerVoice } from '../identity/index.ts'

/** `label`: a person's pseudonym within the tenant, 32 hex; none: the whole tenant. */
export type EraseOrder = { readonly tenant: string; readonly label?: string }
/** Who gave the order; of a tenant the line says so that it was decided in. */
export type By = { readonly by?: string }
/** Of the ledger that goes with its tenant: whoever misses it finds here why. */
export type Gone = { readonly origin?: string }

const codes = {
  subject: 'subject_erased',
  tenant: 'tenant_erased',
  epoch: 'master_key_epoch_begun',
  evicted: 'keys_evicted',
  rotated: 'keys_rotated',
  wrapped: 'keys_wrapped_anew',
} as const

/** The incident for which something was done to the keys, and who told of it. */
export type ForIncident = { readonly incident: string; readonly way: string; readonly source: 'guard' | 'ledger' }

/** The order to destroy keys and the record that they are destroyed, in one. It names a person by pseudonym alone. */
export function erased(
  voice: ServerVoice,
  timeNs: bigint,
  { tenant, label, origin, by }: EraseOrder & Gone & By,
): Body {
  const whose = label === undefined ? `the tenant ${tenant}` : `a person (${label}) of the tenant ${tenant}`
  const ordered = by === undefined ? '' : `, by order of ${by}`
  return entityEvent(voice, timeNs, deleted, {
    code: label === undefined ? codes.tenant : codes.subject,
    severity: 'high',
    message: `all keys of ${whose} were destroyed${ordered}: what was sealed under them cannot be read again`,
    ...(by === undefined ? {} : { by }),
    entity: label === undefined ? entityOf(99, 'Tenant', tenant) : entityOf(99, 'Person', label),
    details: {
      erased_tenant: tenant,
      ...(label === undefined ? {} : { erased_subject: label }),
      ...(origin === undefined ? {} : { erased_origin: origin }),
    },
  })
}

export function epochBegun(voice: ServerVoice, timeNs: bigint, { epoch, kind, keyId }: EpochRow): Body {
  const where = kind === 'local' ? 'in a file of the server' : `in KMS as ${keyId}`
  return entityEvent(voice, timeNs, created, {
    code: codes.epoch,
    severity: 'medium',
    message: `epoch ${epoch} of the system master key has begun, ${where}`,
    entity: entityOf(99, 'Master Key', String(epoch)),
    details: { epoch, key_kind: kind, key_id: keyId },
  })
}

export function keysEvicted(
  voice: ServerVoice,
  timeNs: bigint,
  { keys, ...order }: ForIncident & { keys: number },
): Body {
  return entityEvent(voice, timeNs, deleted, {
    code: codes.evicted,
    severity: 'high',
    message: `${keys} keys in memory were wiped for incident ${order.incident} (${order.way}); whoever needs one fetches it again`,
    entity: entityOf(99, 'Keys in Memory', `all:${order.incident}`),
    details: { keys, ...detailsOf(order) },
  })
}

export function keysRotated(
  voice: ServerVoice,
  timeNs: bigint,
  { epoch, orderedAt, ...order }: ForIncident & { readonly epoch: number; readonly orderedAt: string },
): Body {
  return entityEvent(voice, timeNs, created, {
    code: codes.rotated,
    severity: 'high',
    message: `the master key was rotated for incident ${order.incident} (${order.way}): what is sealed from epoch ${epoch} on is under new keys`,
    entity: entityOf(99, 'Master Key', `${epoch}:${order.incident}`),
    details: { epoch, ordered_at: orderedAt, ...detailsOf(order) },
  })
}

/** Nothing is wrapped under the epochs before any more: their local keys are destroyed. */
export function keysWrappedAnew(voice: ServerVoice, timeNs: bigint, epoch: number, keys: number): Body {
  return entityEvent(voice, timeNs, updated, {
    code: codes.wrapped,
    severity: 'informational',
    message: `${keys} keys of tenants that older epochs held are wrapped under epoch ${epoch} of the master key`,
    entity: entityOf(99, 'Master Key', String(epoch)),
    details: { epoch, keys },
  })
}

const detailsOf = ({ incident, way, source }: ForIncident) => ({
  incident_id: incident,
  incident_way: way,
  incident_source: source,
})

/** The order that an event of the ledger's own chain gives, if it gives one. */
export function orderOf(event: JsonObject): EraseOrder | undefined {
  const code = memberOf(event.metadata, 'event_code')
  const tenant = memberOf(event.unmapped, 'erased_tenant')
  const label = memberOf(event.unmapped, 'erased_subject')
  if (typeof tenant !== 'string') return undefined
  if (code === codes.tenant) return { tenant }
  return code === codes.subject && typeof label === 'string' ? { tenant, label } : undefined
}

/** What a line that gives an order must hold, so that other lines need not be parsed. */
export const orderMark = '"erased_tenant":'

const memberOf = (value: Json | undefined, member: string): Json | undefined =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, member)
    ? (value as JsonObject)[member]
    : undefined

// OCSF Entity Management.
const created = { id: 1, name: 'Create' } as const
const updated = { id: 3, name: 'Update' } as const
const deleted = { id: 4, name: 'Delete' } as const
type Activity = typeof created | typeof updated | typeof deleted

const classOf = ({ id, name }: Activity): Classification => ({
  activity_id: id,
  activity_name: name,
  category_uid: 3,
  category_name: 'Identity & Access Management',
  class_uid: 3004,
  class_name: 'Entity Management',
  type_uid: 300400 + id,
  type_name: `Entity Management: ${name}`,
})

const entityOf = (type_id: number, type: string, uid: string) => ({ type_id, type, uid, name: type.toLowerCase() })

function entityEvent(
  voice: ServerVoice,
  timeNs: bigint,
  activity: Activity,
  matter: {
    readonly code: string
    readonly severity: SeverityName
    readonly message: string
    readonly by?: string
    readonly entity: ReturnType<typeof entityOf>
    readonly details: UnmappedMembers
  },
): Body {
  const { code, severity, message, by, entity, details } = matter
  return auditEvent(voice, {
    code,
    component: 'custody',
    tenant: auditTenant,
    timeNs,
    about: entity.uid,
    kind: classOf(activity),
    severity,
    message,
    ...(by === undefined ? {} : { by }),
    members: { entity, unmapped: details },
  })
}
