// SPDX-License-Identifier: Apache-2.0

import { type SignalKind, signalKinds } from '../../signals.ts'
import type { Detector } from '../detector.ts'
import type { ThreatType } from '../threats.ts'
import { signalWeights } from '../weights.ts'

/** Of text that nobody has looked at. Who is honest rarely sends so much, and who hides an attack does. */
const unseenWeight = 3

/** How a request is written. Most of it is no attack by itself. */
export const judgeSignals: Detector = ({ decoded: { signals, isCut } }) => {
  const evidence = signals.map(({ kind, where }) => ({
    what: `${kind}: ${signalKinds[kind]}`,
    id: kind,
    where,
    threat: threatOf[kind] ?? 'protocol_attack',
    weight: kind === 'oversize' && isCut ? unseenWeight : signalWeights[kind],
  }))
  return { evidence, isCut }
}

const threatOf: { readonly [kind in SignalKind]?: ThreatType } = {
  bomb: 'denial_of_service',
  oversize: 'denial_of_service',
}
