// SPDX-License-Identifier: Apache-2.0

import type { Behaviour, BehaviourContext } from '../../behaviour/index.ts'
import type { RequestContext } from '../../context.ts'
import { headerNamed } from '../../decode/headers.ts'
import type { Detector } from '../detector.ts'
import { behaviourWeight } from '../weights.ts'

/** What is looked at of a request. */
export const behaviourIn = ({ tenant, user, address, route, headers }: RequestContext): BehaviourContext => ({
  ...{ tenant, user, address, route },
  agent: headerNamed(headers, 'user-agent'),
})

/** Nothing is learned here: who observes requests knows how they ended. */
export const detectByBehaviour =
  ({ judge }: Pick<Behaviour, 'judge'>): Detector =>
  ({ context, timeNs }) => ({
    evidence: judge(behaviourIn(context), timeNs).reasons.map(({ subject, feature, words, score }) => ({
      what: `${subject}: ${words}`,
      id: feature,
      threat: 'unusual_behaviour',
      weight: score * behaviourWeight,
    })),
  })
