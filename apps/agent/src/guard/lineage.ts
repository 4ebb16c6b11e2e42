// SPDX-License-Identifier: Apache-2.0

import type { Task, TaskRef } from '../sources/observation.ts'
import { keyOf } from './act.ts'

/** Nearest ancestors count; of those above them, systemd's children are everybody's. */
const initPid = 1

/**
 * By what one attempt is known, whoever of it acts: its process, those it descends from, and the log-in that it began with. Two
 * tasks that have one of these in common are of one lineage.
 */
export function kinOf(actor: Task): readonly string[] {
  const family = [actor, ...actor.ancestors].filter(isSomebody).map(keyOf)
  // A log-in outlives its processes, and goes through sudo.
  const login = actor.sessionId === null ? [] : [`session ${actor.sessionId}`]
  return [...login, ...family]
}

/** Nobody descends from them in particular: all of the machine does, or all of the kernel. */
const isSomebody = ({ pid, startNs }: TaskRef) => pid > initPid + 1 && startNs > 0n
