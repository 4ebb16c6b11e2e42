// SPDX-License-Identifier: Apache-2.0

import type { Relation } from '@sealwatch/contract'
import type { TargetRef, Task, TaskRef } from '../sources/observation.ts'
import { isSameStart, type ProcessTable } from './process-table.ts'

type Aimed = { readonly actor: Task; readonly target: TargetRef }

/**
 * Who the target is to the process that acts (docs/formats/event.md, 4.3). Only kernel start times and our own record
 * of exec and ptrace decide, never a name. In doubt the answer is 'foreign'.
 */
export function relationOf({ actor, target }: Aimed, processes: ProcessTable): Relation {
  if (isSame(actor, target)) return 'self'
  const knownActor = processes.find(actor)
  const knownTarget = processes.find(target)
  // An attacker may exec a debugger in the very process that once started the service, so it is not enough to be
  // the parent: the image that acts must be the one that launched. A fresh fork has done nothing yet by which we know
  // its ancestors, but the kernel names its parent.
  const launched = target.ppid === actor.pid || knownTarget?.ancestors.some((ancestor) => isSame(ancestor, actor))
  if (launched && knownActor !== undefined && isNotBefore(target.startNs, knownActor.imageSinceNs)) return 'launched'
  // LeakSanitizer does this: a bare fork, still the same program, stops its parent to look at it.
  const [parent] = actor.ancestors
  const isFork = parent !== undefined && isSame(parent, target) && knownActor?.executed !== true
  return isFork && actor.exe !== null && actor.exe === knownTarget?.exe ? 'forked' : 'foreign'
}

/** The same of an act upon a process that may be traced already: what a tracer does then was told when it took hold. */
export function relationUnderTrace({ actor, target }: Aimed, processes: ProcessTable): Relation {
  const relation = relationOf({ actor, target }, processes)
  if (relation === 'self') return relation
  const family = [target, ...(processes.find(target)?.ancestors ?? [])]
  const isTracer = family.some((one) => {
    const tracer = processes.tracerOf(one)
    return tracer !== undefined && isSame(tracer, actor)
  })
  return isTracer ? 'traced' : relation
}

function isSame(one: TaskRef, other: TaskRef): boolean {
  return one.pid === other.pid && isSameStart(one.startNs, other.startNs)
}

/** A start that is known to 10 ms counts as the last moment that it can have been. */
function isNotBefore(startNs: bigint, sinceNs: bigint): boolean {
  return startNs >= sinceNs || isSameStart(startNs, sinceNs)
}
