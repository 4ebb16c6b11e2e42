// SPDX-License-Identifier: Apache-2.0

import { type ObservedEvent, type SeverityName, severities } from '@sealwatch/contract'
import { evaluatePolicy } from '@sealwatch/detect/policy'
import type { PolicyInForce } from './in-force.ts'
import { isSpared, type Running } from './spared.ts'

/** What is told of policies beyond the first that denies an act. */
const othersMax = 8
const acted = {
  blocked: { action_id: 2, action: 'Denied', disposition_id: 2, disposition: 'Blocked' },
  told: { action_id: 1, action: 'Allowed', disposition_id: 15, disposition: 'Detected' },
} as const

export type Denial = { readonly policy: PolicyInForce; readonly rule: string | null }

/** Refused by somebody already: where that was a policy, the kernel tells it by itself. */
const isRefused = (event: ObservedEvent) =>
  ('dst_endpoint' in event || 'file' in event) && 'status_code' in event && event.status_code === 'EPERM'

/** The event, with what denies it, if any: which policy and rule, and that it was not stopped (event.md, 3.21). */
export function judged(event: ObservedEvent, policies: readonly PolicyInForce[], running: Running): ObservedEvent {
  if (policies.length === 0 || isRefused(event) || isSpared(event, running)) return event
  const denials = policies.flatMap((policy) =>
    evaluatePolicy(policy.compiled, event)
      .filter(({ effect }) => effect === 'deny')
      .map(({ rule }): Denial => ({ policy, rule })),
  )
  const isEnforced = ({ policy }: Denial) => policy.mode === 'enforce'
  const [first, ...others] = [...denials.filter(isEnforced), ...denials.filter((denial) => !isEnforced(denial))]
  return first === undefined ? event : denied(event, first, 'told', others)
}

/** Of the first policy that denies it. */
export function denied(
  event: ObservedEvent,
  { policy: { id, version, name, mode }, rule }: Denial,
  how: keyof typeof acted,
  others: readonly Denial[] = [],
): ObservedEvent {
  const policy_rule = rule ?? 'default'
  const alsoDenied = others.slice(0, othersMax).map(({ policy, rule: other }) => `${policy.id}/${other ?? 'default'}`)
  return {
    ...event,
    ...graver(event, mode === 'enforce' ? 'medium' : 'low'),
    ...acted[how],
    message: `${event.message}: denied by the policy ${id} (${policy_rule})${how === 'told' ? ', and not stopped' : ''}`,
    metadata: { ...event.metadata, profiles: [...event.metadata.profiles, 'security_control'] },
    policy: { uid: id, name, version: String(version), is_applied: how === 'blocked' },
    unmapped: {
      ...event.unmapped,
      policy_rule,
      policy_mode: mode,
      ...(alsoDenied.length > 0 && { also_denied_by: alsoDenied }),
    },
  } as ObservedEvent
}

/** Only what is informational may be shed: what a policy denies never is. */
function graver({ severity_id, severity }: ObservedEvent, least: SeverityName) {
  return severities[least].severity_id > severity_id ? severities[least] : { severity_id, severity }
}
