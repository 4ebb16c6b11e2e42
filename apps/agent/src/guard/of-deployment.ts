// SPDX-License-Identifier: Apache-2.0

import type { EventDraft, GuardEvent } from '@sealwatch/contract'

/** Parts of the deployment itself: who reaches for their keys concerns those who run it, besides the tenant of the machine. */
const parts: readonly unknown[] = ['server', 'signing-proxy', 'sealwatch-server', 'sealwatch-signing-proxy']

/** What is told of an incident of these, for the ledger of the deployment; undefined: it is about nothing of the kind. */
export function ofDeployment({ event, ...draft }: EventDraft<GuardEvent>): EventDraft<GuardEvent> | undefined {
  if (!parts.includes(nameIn(event))) return undefined
  return { ...draft, event: { ...event, metadata: { ...event.metadata, tenant_uid: 'cluster' } } }
}

function nameIn({ unmapped }: GuardEvent): string | undefined {
  if ('guard_incident' in unmapped) return unmapped.guard_incident.name
  return 'guard_response' in unmapped ? unmapped.guard_response.name : undefined
}
