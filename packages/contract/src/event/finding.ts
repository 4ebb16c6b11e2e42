// SPDX-License-Identifier: Apache-2.0

import { classify, ocsfVersion, type SeverityName, severities } from './classes.ts'
import type { Counted, EventBase } from './events.ts'
import { fitText } from './fit.ts'
import type { OcsfFile, OcsfProcess } from './objects.ts'

type Named = { readonly uid: string; readonly name?: string }

/** A place in MITRE ATT&CK. The sub-technique, where there is one, is the precise one. */
export type OcsfAttack = {
  readonly technique?: Named
  readonly sub_technique?: Named
  readonly tactic?: Named
}

/** The entry a finding rests on, so that anyone can ask for its proof. */
export type LeafRef = {
  readonly tenant: string
  readonly chain: string
  readonly seq: number
  readonly leaf_index: number
  /** Hex SHA-256(0x00 || line). */
  readonly leaf_hash: string
}

/** Why a rule matched. `value` is as the line has it: of a personal value, the commitment. */
export type Reason = {
  readonly selection: string
  readonly field: string
  /** JSON pointer into the line. */
  readonly attribute: string
  readonly value: string | number | boolean | null
}

export type Finding = EventBase &
  Partial<Counted> & {
    readonly is_alert: boolean
    readonly status_id: number
    readonly status: string
    readonly finding_info: {
      readonly uid: string
      readonly title: string
      readonly desc?: string
      readonly analytic: {
        readonly uid: string
        readonly name: string
        readonly type_id: number
        readonly type: string
        readonly version?: string
      }
      readonly attacks: readonly OcsfAttack[]
      readonly created_time: number
      readonly first_seen_time: number
      readonly last_seen_time: number
      readonly related_events: readonly {
        readonly uid: string
        readonly type_uid: number
        readonly type_name: string
        readonly severity_id: number
        readonly severity: string
      }[]
      readonly related_events_count: number
      readonly src_url?: string
    }
    readonly evidences: readonly {
      readonly process?: OcsfProcess
      readonly file?: OcsfFile
      readonly data: { readonly reasons: readonly Reason[] }
    }[]
    readonly unmapped: {
      readonly leaves: readonly LeafRef[]
      readonly falsepositives?: readonly string[]
      /** Why the line that it rests on failed verification, though it was admitted. */
      readonly unverified?: string
    }
  }

export type FindingInput = {
  readonly uid: string
  readonly rule: {
    readonly id: string
    readonly title: string
    readonly description?: string
    readonly version?: string
    readonly reference?: string
    readonly severity: SeverityName
    readonly attacks: readonly OcsfAttack[]
    readonly falsepositives: readonly string[]
  }
  /** The event as the line has it: personal values are commitments, and so they stay. */
  readonly event: EventBase & Partial<Counted> & { readonly process?: OcsfProcess; readonly file?: OcsfFile }
  readonly leaf: LeafRef
  readonly reasons: readonly Reason[]
  /** Unix milliseconds. */
  readonly createdMs: number
  /** Why the line failed verification, though it was admitted. */
  readonly mark?: string | undefined
  /** Of what rests on several events, the newest of which is `event`. */
  readonly together?: Together | undefined
}

/** Events that came together: their leaves, newest first; where they are too many, the newest of them. */
export type Together = {
  readonly leaves: readonly LeafRef[]
  readonly leavesInAll: number
  /** Unix milliseconds. */
  readonly firstMs: number
}

const ruleAnalytic = { type_id: 1, type: 'Rule' } as const
const statusNew = { status_id: 1, status: 'New' } as const

export function buildFinding(input: FindingInput): Finding {
  const { uid, rule, event, leaf, reasons, createdMs, mark, together } = input
  const { metadata, type_uid, type_name, severity_id, severity } = event
  const fitted = fitText({
    ...classify('finding', 'create'),
    ...severities[rule.severity],
    ...statusNew,
    is_alert: rule.severity !== 'informational',
    time: createdMs,
    ...countedIn(event),
    message: `${rule.title}: ${event.message}`,
    metadata: {
      version: ocsfVersion,
      uid,
      tenant_uid: metadata.tenant_uid,
      product: { ...metadata.product, feature: { name: 'detect' } },
      event_code: 'finding',
      profiles: metadata.profiles,
      ...(metadata.extensions && { extensions: metadata.extensions }),
      correlation_uid: metadata.uid,
    },
    device: event.device,
    actor: event.actor,
    finding_info: {
      uid,
      title: rule.title,
      ...(rule.description !== undefined && { desc: rule.description }),
      analytic: {
        uid: rule.id,
        name: rule.title,
        ...ruleAnalytic,
        ...(rule.version !== undefined && { version: rule.version }),
      },
      attacks: rule.attacks,
      created_time: createdMs,
      first_seen_time: together?.firstMs ?? event.time,
      last_seen_time: event.end_time ?? event.time,
      related_events: [{ uid: metadata.uid, type_uid, type_name, severity_id, severity }],
      related_events_count: together?.leavesInAll ?? 1,
      ...(rule.reference !== undefined && { src_url: rule.reference }),
    },
    evidences: [
      {
        ...(event.process && { process: event.process }),
        ...(event.file && { file: event.file }),
        data: { reasons },
      },
    ],
    unmapped: {
      ...(rule.falsepositives.length > 0 && { falsepositives: rule.falsepositives }),
      ...(mark !== undefined && { unverified: mark }),
    },
  })
  // What proves it is never cut.
  return { ...fitted, unmapped: { leaves: together?.leaves ?? [leaf], ...fitted.unmapped } }
}

/** A finding of equal acts counts them (docs/formats/event.md, 3.20). */
function countedIn({ count, start_time, end_time }: Partial<Counted>): Counted | undefined {
  if (count === undefined || start_time === undefined || end_time === undefined) return undefined
  return { count, start_time, end_time }
}

/** The most precise technique of an attack: "T1003.008". */
export function techniqueOf(attack: OcsfAttack): Named | undefined {
  return attack.sub_technique ?? attack.technique ?? attack.tactic
}
