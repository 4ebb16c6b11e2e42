// SPDX-License-Identifier: Apache-2.0

import { scrubTexts } from '@sealwatch/base'
import {
  type Classification,
  type EventBase,
  type EventMembers,
  type OcsfDevice,
  ocsfVersion,
  type SeverityName,
  severities,
  type UnmappedMembers,
} from '@sealwatch/contract'
import type { Body } from '@sealwatch/ledger'

/** Who speaks when the server itself has something to say in a ledger. */
export type ServerVoice = {
  readonly device: OcsfDevice
  /** Of this software. */
  readonly version: string
}

export type AuditMatter = {
  /** Our own kind of event: "host_enrolled". */
  readonly code: string
  readonly component: string
  readonly tenant: string
  readonly timeNs: bigint
  /** What the event is about; with code and time it makes the event's id. */
  readonly about: string
  readonly kind: Classification
  readonly severity: SeverityName
  readonly message: string
  /** `kind:id` of the principal whose act it is; undefined: the server's own. */
  readonly by?: string
  /** The members that OCSF has for this class, and `unmapped` for ours. */
  readonly members: EventMembers & { readonly unmapped: UnmappedMembers }
}

/**
 * An event that the server writes into a ledger, ready for the outbox. Holds no personal values, and no secrets: what
 * others said, an operator's reason or a host's name, may hold some (LOG-5).
 */
export function auditEvent({ device, version }: ServerVoice, matter: AuditMatter): Body {
  const { code, component, tenant, timeNs, about, kind, severity, message, by, members } = scrubTexts(matter)
  const event: EventBase = {
    ...kind,
    ...severities[severity],
    time: Number(timeNs / 1_000_000n),
    message,
    metadata: {
      version: ocsfVersion,
      uid: `${device.boot_uid ?? device.uid}:${timeNs}:${code}:${about}`,
      tenant_uid: tenant,
      product: { name: 'Sealwatch', vendor_name: 'Sealwatch', version, feature: { name: component } },
      event_code: code,
      profiles: ['host'],
    },
    device,
    actor: { app_name: 'sealwatch-server', ...(by === undefined ? {} : { user: { uid: by } }) },
    ...members,
  }
  return { event } as unknown as Body
}
