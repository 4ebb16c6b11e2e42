// SPDX-License-Identifier: Apache-2.0

import type { Classification, SeverityName, UnmappedMembers } from '@sealwatch/contract'
import type { Body } from '@sealwatch/ledger'
import { auditEvent, type ServerVoice } from './audit-event.ts'

// OCSF 1.x, Entity Management (3004).
const activities = {
  create: [1, 'Create'],
  read: [2, 'Read'],
  update: [3, 'Update'],
  delete: [4, 'Delete'],
  enroll: [6, 'Enroll'],
  unenroll: [7, 'Unenroll'],
  enable: [8, 'Enable'],
  disable: [9, 'Disable'],
  suspend: [12, 'Suspend'],
  resume: [13, 'Resume'],
  // "Other": its name is ours, its type's name is not.
  deny: [99, 'Deny'],
} as const
export type ActVerb = keyof typeof activities

/** `kind:id` of the principal, and the request it came by. */
export type ActBy = { readonly name: string; readonly requestId: string }

/** Somebody's act, or the attempt at one, as a ledger holds it. Whoever did it is named by id alone (LOG-5). */
export type Act = {
  /** Our own kind of event: "role_granted". */
  readonly code: string
  readonly component: string
  /** Whose ledger it enters. */
  readonly tenant: string
  readonly timeNs: bigint
  readonly by: ActBy
  readonly verb: ActVerb
  readonly severity: SeverityName
  readonly message: string
  readonly entity: { readonly type: string; readonly uid: string }
  readonly details: UnmappedMembers
}

export function actEvent(voice: ServerVoice, act: Act): Body {
  const { code, component, tenant, timeNs, by, verb, severity, message, entity, details } = act
  return auditEvent(voice, {
    code,
    component,
    tenant,
    timeNs,
    about: `${entity.uid}:${by.requestId}`,
    kind: kindOf(verb),
    severity,
    message,
    by: by.name,
    members: {
      entity: { type_id: 99, ...entity, name: entity.type.toLowerCase() },
      unmapped: { request_id: by.requestId, ...details },
    },
  })
}

function kindOf(verb: ActVerb): Classification {
  const [id, name] = activities[verb]
  return {
    activity_id: id,
    activity_name: name,
    category_uid: 3,
    category_name: 'Identity & Access Management',
    class_uid: 3004,
    class_name: 'Entity Management',
    type_uid: 300400 + id,
    type_name: `Entity Management: ${id === 99 ? 'Other' : name}`,
  }
}
