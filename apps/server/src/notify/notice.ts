// SPDX-License-Identifier: Apache-2.0
// What people are told at once, and all of it: who may read more opens the link, and is asked who they are.

import { hash } from 'node:crypto'
import type { JsonObject } from '@sealwatch/base'
import { type SeverityName, severities } from '@sealwatch/contract'
import { auditTenant } from '../identity/index.ts'
import { membersOf, textOf } from './host-words.ts'
import { notifyLimits as limits } from './limits.ts'

/** An alert of the server's, and the event of a host on which it rests. */
export type Told = { readonly tenant: string; readonly event: JsonObject; readonly finding: JsonObject }

export type Notice = {
  /** The same alert has the same one: 32 hex. */
  readonly uid: string
  /** Whose host it is. */
  readonly tenant: string
  readonly code: string
  readonly severity: SeverityName
  readonly host: { readonly uid: string; readonly hostname: string }
  readonly incident: string
  /** Unix ms. */
  readonly timeMs: number
}

/** Events that somebody must know of at once, and the member that names what it is about. Others are read in the list of alerts. */
const urgent: Readonly<Record<string, string>> = {
  guard_incident_opened: 'guard_incident',
  guard_incident_updated: 'guard_incident',
}
const names = Object.keys(severities) as SeverityName[]

/** Undefined: nobody is told. What a host says is cut, and never holds more than one line. */
export function noticeOf({ tenant, event, finding }: Told): Notice | undefined {
  const code = textOf(membersOf(event.metadata).event_code)
  const member = Object.hasOwn(urgent, code) ? urgent[code] : undefined
  // What stands in the cluster's ledger of an incident stands in that of a tenant, too (docs/formats/event.md, 7.7), of which the cluster is told.
  if (member === undefined || tenant === auditTenant) return undefined
  const severity = names.find((name) => severities[name].severity_id === finding.severity_id)
  const { uid, hostname } = membersOf(event.device)
  const incident = textOf(membersOf(membersOf(event.unmapped)[member]).incident)
  const { time } = event
  if (severity === undefined || typeof time !== 'number') return undefined
  return {
    uid: hash('sha256', `${tenant}\n${textOf(membersOf(finding.metadata).uid)}`, 'hex').slice(0, 32),
    tenant,
    code,
    severity,
    host: { uid: textOf(uid), hostname: textOf(hostname) },
    incident,
    timeMs: time,
  }
}

/** The body of a message (standardwebhooks.com): `type`, `timestamp` and `data`. */
export const messageOf = ({ code, timeMs, tenant, severity, host, incident }: Notice, link: string): JsonObject => ({
  type: code,
  timestamp: new Date(timeMs).toISOString(),
  data: { code, severity, tenant, host: { ...host }, incident, link },
})

const shownOf = ({ code, severity, host, incident }: JsonObject): JsonObject => ({
  code: textOf(code),
  severity: textOf(severity),
  host: membersOf(host),
  incident: textOf(incident),
})

/** The same shape for a try that somebody asked for. */
export const testOf = (nowMs: number): JsonObject => ({
  type: 'notification_test',
  timestamp: new Date(nowMs).toISOString(),
  data: { code: 'notification_test' },
})

/** Many messages of one tenant as one: how many, the gravest, and the first of them. */
export function digestOf(messages: readonly JsonObject[], tenant: string, link: string, nowMs: number): JsonObject {
  const all = messages.map(({ data }) => membersOf(data))
  const grave = ({ severity }: JsonObject) => names.indexOf(severity as SeverityName)
  const [gravest] = all.toSorted((a, b) => grave(b) - grave(a))
  return {
    type: 'notification_digest',
    timestamp: new Date(nowMs).toISOString(),
    data: {
      code: 'notification_digest',
      count: all.length,
      severity: textOf(gravest?.severity),
      tenant,
      first: all.slice(0, limits.inDigest).map(shownOf),
      link,
    },
  }
}
