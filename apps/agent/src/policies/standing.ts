// SPDX-License-Identifier: Apache-2.0

import { isUnenforced, type PolicyStanding, policyStandingsMax } from '@sealwatch/contract'
import type { Enforcer } from './enforce.ts'
import type { PoliciesInForce } from './in-force.ts'

/** How each policy that this host was told is followed now (docs/formats/policy.md, 8.5); what is wrong first. */
export function standingsOf(
  { policies, passedOver }: PoliciesInForce,
  hindranceOf: Enforcer['hindranceOf'],
): readonly PolicyStanding[] {
  const standings = [
    ...policies.map((policy): PolicyStanding => {
      const { id, version, mode } = policy
      const hindrance = mode === 'enforce' ? hindranceOf(policy) : undefined
      const isRefused = mode === 'enforce' && hindrance === undefined
      return { policy: id, version, means: isRefused ? 'kernel' : 'told', hindrance: hindrance ?? '' }
    }),
    ...passedOver.map(
      ({ id, version, why }): PolicyStanding => ({ policy: id, version, means: 'none', hindrance: why }),
    ),
  ]
  const isWrong = (standing: PolicyStanding) => Number(isUnenforced(standing))
  return standings.toSorted((one, other) => isWrong(other) - isWrong(one)).slice(0, policyStandingsMax)
}
