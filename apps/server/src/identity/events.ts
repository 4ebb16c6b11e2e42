// SPDX-License-Identifier: Apache-2.0

import { toSeconds } from '@sealwatch/base'
import type { Classification, SeverityName, UnmappedMembers } from '@sealwatch/contract'
import type { Body, KeyRecord } from '@sealwatch/ledger'
import type { Outbox, Tx } from '../store/index.ts'
import type { ActBy } from './act.ts'
import { auditEvent, type ServerVoice } from './audit-event.ts'

/** Where what concerns the deployment is recorded. */
export const auditTenant = 'cluster'

/** What is said in the ledger of a tenant. */
export type Said = (tenant: string) => Body

/** Of a tenant's host the cluster's ledger knows too; each ledger is whole without the other. */
export async function sayOfHost(tx: Tx, outbox: Outbox, tenant: string, said: Said): Promise<string[]> {
  const uids: string[] = []
  for (const ledger of ledgersOf(tenant)) uids.push(await outbox.enqueue(tx, ledger, said(ledger)))
  return uids
}

export const ledgersOf = (tenant: string): readonly string[] => [...new Set([tenant, auditTenant])]

// OCSF Entity Management. A new host is created; one that comes back with its signing key is enrolled again.
const activities = {
  create: [1, 'Create'],
  update: [3, 'Update'],
  enroll: [6, 'Enroll'],
  unenroll: [7, 'Unenroll'],
} as const

function entityManagement(activity: keyof typeof activities): Classification {
  const [id, name] = activities[activity]
  return {
    activity_id: id,
    activity_name: name,
    category_uid: 3,
    category_name: 'Identity & Access Management',
    class_uid: 3004,
    class_name: 'Entity Management',
    type_uid: 300400 + id,
    type_name: `Entity Management: ${name}`,
  }
}

export type EnrolledHost = {
  readonly hostId: string
  readonly hostname: string
  readonly machineId: string
  readonly certificateSerial: string
  readonly signingKeyId: string
  /** How the hash of the join token begins: the same in the event that records its creation. */
  readonly joinToken: string
  /** The host's signing key was known before: it lost its certificate, not its identity. */
  readonly again: boolean
  /** Other hosts of the tenant that gave the same machine id. */
  readonly sameMachine: readonly string[]
}

export function hostEnrolled(voice: ServerVoice, timeNs: bigint, host: EnrolledHost): Said {
  const { hostId, hostname, machineId, sameMachine, again } = host
  const severity: SeverityName = sameMachine.length > 0 ? 'medium' : 'informational'
  const seen = sameMachine.length > 0 ? `; its machine id is also that of ${sameMachine.join(', ')}` : ''
  return entityEvent(voice, timeNs, again ? 'enroll' : 'create', {
    code: again ? 'host_enrolled_again' : 'host_enrolled',
    severity,
    message: `the host ${hostname} enrolled${again ? ' again' : ''} as ${hostId}${seen}`,
    entity: { type_id: 1, type: 'Device', uid: hostId, name: hostname },
    details: {
      machine_id: machineId,
      certificate_serial: host.certificateSerial,
      signing_key_id: host.signingKeyId,
      join_token: host.joinToken,
      same_machine: sameMachine,
    },
  })
}

export type RenamedHost = {
  readonly hostId: string
  readonly before: string
  readonly after: string
  /** Other hosts of the tenant that have the new name. */
  readonly sameName: readonly string[]
}

export function hostRenamed(voice: ServerVoice, timeNs: bigint, host: RenamedHost): Said {
  const { hostId, before, after, sameName } = host
  const isTaken = sameName.length > 0
  const taken = isTaken ? `, as ${sameName.join(', ')} does` : ''
  return entityEvent(voice, timeNs, 'update', {
    code: 'host_renamed',
    severity: isTaken ? 'medium' : 'low',
    message: `the host ${before} (${hostId}) calls itself ${after} from now on${taken}`,
    entity: { type_id: 1, type: 'Device', uid: hostId, name: after },
    details: { renamed_from: before, same_name: sameName },
  })
}

export type RevokedHost = { readonly hostId: string; readonly hostname: string; readonly cause: string }

export function hostRevoked(voice: ServerVoice, timeNs: bigint, by: ActBy | undefined, host: RevokedHost): Said {
  const { hostId, hostname, cause } = host
  return entityEvent(voice, timeNs, 'unenroll', {
    code: 'host_revoked',
    severity: 'high',
    by,
    message: `the host ${hostname} (${hostId}) was revoked: ${cause}`,
    entity: { type_id: 1, type: 'Device', uid: hostId, name: hostname },
    details: { cause },
  })
}

export type TakenCa = {
  readonly subject: string
  /** Hex. */
  readonly serial: string
  readonly endsMs: number
  /** Of the authority: what hosts pin. */
  readonly fingerprint: string
}

export function caTaken(voice: ServerVoice, timeNs: bigint, ca: TakenCa): Body {
  const { subject, serial, endsMs, fingerprint } = ca
  const expires_at = new Date(endsMs).toISOString()
  const said = entityEvent(voice, timeNs, 'create', {
    code: 'ca_taken',
    severity: 'medium',
    message: `the CA that certifies from now on is ${subject}, until ${expires_at}`,
    entity: { type_id: 99, type: 'Certificate Authority', uid: fingerprint, name: subject },
    details: { certificate_serial: serial, expires_at },
  })
  return said(auditTenant)
}

export type CreatedToken = { readonly joinToken: string; readonly expiresAt: string }

export function joinTokenCreated(voice: ServerVoice, timeNs: bigint, by: ActBy, token: CreatedToken): Said {
  const { joinToken, expiresAt } = token
  return entityEvent(voice, timeNs, 'create', {
    code: 'join_token_created',
    severity: 'low',
    by,
    message: `a join token was created, good for one host until ${toSeconds(expiresAt)}`,
    entity: { type_id: 99, type: 'Join Token', uid: joinToken, name: 'join token' },
    details: { expires_at: expiresAt },
  })
}

/** A host's signing key as the ledgers hold it that its lines go to: offline, its heads verify against that. */
export const keyLine = (key: KeyRecord): Body => ({ key })

type EntityMatter = {
  readonly code: string
  readonly severity: SeverityName
  readonly by?: ActBy | undefined
  readonly message: string
  readonly entity: { readonly type_id: number; readonly type: string; readonly uid: string; readonly name: string }
  readonly details: UnmappedMembers
}

function entityEvent(
  voice: ServerVoice,
  timeNs: bigint,
  activity: keyof typeof activities,
  { code, severity, by, message, entity, details }: EntityMatter,
): Said {
  const request = by === undefined ? {} : { request_id: by.requestId }
  return (tenant) =>
    auditEvent(voice, {
      code,
      component: 'identity',
      tenant,
      timeNs,
      about: entity.uid,
      kind: entityManagement(activity),
      severity,
      message,
      ...(by === undefined ? {} : { by: by.name }),
      members: { entity, unmapped: { ...request, ...details } },
    })
}
