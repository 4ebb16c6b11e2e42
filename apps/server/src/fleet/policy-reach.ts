// SPDX-License-Identifier: Apache-2.0

import { isUnenforced, type PolicyStanding } from '@sealwatch/contract'

/** What becomes of a policy on a host (docs/formats/policy.md, 8.5). `behind`: the host has another version, or none of it yet. */
export const policyReaches = ['kernel', 'told', 'not_enforced', 'elsewhere', 'behind', 'unknown'] as const
export type PolicyReach = (typeof policyReaches)[number]

/** Of what a host said of it last. Of one that says nothing, or nothing any more, nobody knows. */
export function reachOf(standing: PolicyStanding | undefined, isAlive: boolean): Exclude<PolicyReach, 'behind'> {
  if (standing === undefined || !isAlive) return 'unknown'
  if (isUnenforced(standing)) return 'not_enforced'
  return standing.means === 'none' ? 'elsewhere' : standing.means
}
