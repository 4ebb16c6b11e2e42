// SPDX-License-Identifier: Apache-2.0

import type { Behaviour } from '../../behaviour/index.ts'
import { headerNamed } from '../../decode/headers.ts'
import type { Detector } from '../detector.ts'
import { behaviourWeight } from '../weights.ts'

/** Nothing is learned here: who observes requests knows how they ended. */
export const detectByBehaviour =
  ({ judge }: Pick<Behaviour, 'judge'>): Detector =>
  ({ context: { tenant, user, address, route, headers }, timeNs }) => {
    const agent = headerNamed(headers, 'user-agent')
    const { reasons } = judge({ tenant, user, address, route, agent }, timeNs)
    return {
      evidence: reasons.map(({ subject, words, score }) => ({
        what: `${subject}: ${words}`,
        threat: 'unusual_behaviour',
        weight: score * behaviourWeight,
      })),
    }
  }
