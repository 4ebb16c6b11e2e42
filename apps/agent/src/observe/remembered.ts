// SPDX-License-Identifier: Apache-2.0

import { capabilities } from '@sealwatch/contract'
import type { Observation } from '../sources/observation.ts'
import type { ProcessTable } from './process-table.ts'

/**
 * What the source did not see of the actor, from memory where there is any (docs/formats/event.md, 5.1: the bits stay clear).
 * Call before the table learns the observation.
 */
export function remembered<O extends Observation>(observation: O, processes: ProcessTable): O {
  const { unsure = 0, actor } = observation
  if ((unsure & byActor) === 0) return observation
  const known = actor.startNs > 0n ? processes.find(actor) : processes.lastOf(actor.pid)
  if (known === undefined) return observation
  const isUnsure = (bit: number) => (unsure & bit) !== 0
  return {
    ...observation,
    actor: {
      ...actor,
      startNs: known.startNs,
      ...(isUnsure(capabilities.actorCredentials) && { uid: known.uid }),
      ...(isUnsure(capabilities.actorAncestry) && { ancestors: known.ancestors }),
      // An exec that was not seen left another image than the one before it.
      ...(isUnsure(capabilities.actorImage) && observation.kind !== 'exec' && { exe: known.exe }),
    },
  }
}

const byActor =
  capabilities.actorIdentity | capabilities.actorCredentials | capabilities.actorAncestry | capabilities.actorImage
