// SPDX-License-Identifier: Apache-2.0

import type { Clock } from './clock.ts'
import { parseRfc3339 } from './time.ts'

/**
 * Tells whether `endsAt` has passed, by the wall clock or by the one that nobody sets: whoever sets the wall clock back
 * prolongs nothing. `seen`: times that had come already; what is read again after a restart has left what was left then,
 * at most. All of them RFC 3339, with nine digits; what is out of that form has passed.
 */
export function deadline(clock: Clock, endsAt: string, seen: readonly string[]): () => boolean {
  const endsNs = parseRfc3339(endsAt) ?? 0n
  const times = [clock.nowNs(), ...seen.map((time) => parseRfc3339(time) ?? 0n)]
  const fromNs = times.reduce((latest, time) => (time > latest ? time : latest))
  const steadyNs = clock.monotonicNs() + endsNs - fromNs
  return () => clock.nowNs() >= endsNs || clock.monotonicNs() >= steadyNs
}
