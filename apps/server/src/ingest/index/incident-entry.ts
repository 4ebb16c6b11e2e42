// SPDX-License-Identifier: Apache-2.0

import type { JsonObject } from '@sealwatch/base'
import { eventClasses } from '@sealwatch/contract'

/** That an event of a guard is about an incident, and what it tells of it. */
export type IncidentEntry = { readonly id: string; readonly code: (typeof codes)[number] }

const codes = ['incident_opened', 'incident_updated', 'incident_closed', 'response'] as const
const idForm = /^[A-Za-z0-9._:-]{1,64}$/

/** Undefined: it is another event, or not of the form of docs/formats/event.md, 7.6. */
export function incidentEntryOf({ class_uid, metadata, unmapped }: JsonObject): IncidentEntry | undefined {
  if (class_uid !== eventClasses.finding.uid) return undefined
  const told = membersOf(metadata).event_code
  const code = codes.find((one) => told === `guard_${one}`)
  if (code === undefined) return undefined
  const { guard_incident, guard_response } = membersOf(unmapped)
  const { incident: id } = membersOf(code === 'response' ? guard_response : guard_incident)
  return typeof id === 'string' && idForm.test(id) ? { id, code } : undefined
}

const membersOf = (value: unknown): JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {}
