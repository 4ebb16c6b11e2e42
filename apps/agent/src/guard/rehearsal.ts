// SPDX-License-Identifier: Apache-2.0
// Drills (docs/formats/host-config.md, 7): who plays an attacker is answered in earnest, though it is on trial for all others.

import type { GuardOrders, ProcessAt, Rehearsal, StepMode } from '@sealwatch/contract/guard-config'
import type { Task, TaskRef } from '../sources/observation.ts'
import { type Act, isSameProcess, keyOf, type ProcessKey } from './act.ts'

export type RehearsalContext = {
  readonly rehearsals: readonly Rehearsal[]
  readonly nowMs: number
  /** A process that registered itself, and is no part of anything else. */
  isSelf(process: ProcessKey): boolean
  /** Parent first, as the kernel said it; undefined: not known. */
  ancestorsOf(process: ProcessKey): readonly TaskRef[] | undefined
}

const isAt = (process: ProcessKey, { pid, start_ns }: ProcessAt): boolean =>
  isSameProcess(process, { pid, startNs: BigInt(start_ns) })

/**
 * The drill that an act is of: its aim is that decoy, and whoever acts or is handed something descends from whoever runs the drill. What
 * anybody else does to a decoy is none: a drill lets nobody be ended whom it has not started.
 */
export function rehearsalOf(act: Act, context: RehearsalContext): Rehearsal | undefined {
  const { aim, actor, reader } = act
  if (aim === 'machine' || context.rehearsals.length === 0 || !context.isSelf(aim)) return undefined
  const played = [actor.ancestors, ...(reader === undefined ? [] : [context.ancestorsOf(reader) ?? []])]
  return context.rehearsals.find(
    ({ name, decoy, runner, until }) =>
      context.nowMs < Date.parse(until) &&
      aim.name === name &&
      isAt(aim, decoy) &&
      played.every((ancestors) => ancestors.some((one) => isAt(one, runner))),
  )
}

/** Each child of whoever runs a drill is another attacker: what is above them they have in common with each other alone. */
export function playedKin(actor: Task, { runner }: Rehearsal): readonly string[] {
  const at = actor.ancestors.findIndex((one) => isAt(one, runner))
  return [actor, ...actor.ancestors.slice(0, Math.max(at, 0))].map(keyOf)
}

/** What is on trial is done. What is off stays off. */
export function inEarnest({ responses, ...rest }: GuardOrders): GuardOrders {
  const asIs = (mode: StepMode): StepMode => (mode === 'dry-run' ? 'on' : mode)
  const { kill, evict, rotate } = responses
  return { ...rest, responses: { kill: asIs(kill), evict: asIs(evict), rotate: asIs(rotate) } }
}
