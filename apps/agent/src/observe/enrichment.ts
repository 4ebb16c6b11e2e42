// SPDX-License-Identifier: Apache-2.0

import { capabilities, type OcsfContainer, type OcsfProcess } from '@sealwatch/contract'
import type { Task } from '../sources/observation.ts'
import type { CgroupIdentity } from './cgroup.ts'

/** What a runtime's own files say of a container. */
export type ContainerNames = {
  readonly name?: string
  readonly image?: { readonly uid: string; readonly name?: string }
}

/** What was looked up of a process after it was seen. Undefined: not known. */
export type ProcessFacts = {
  readonly groups?: CgroupIdentity & { readonly names?: ContainerNames }
  /** Its controlling terminal, null when it has none. */
  readonly terminal?: string | null
}

/** Answers from memory alone: what it does not hold yet is not known (docs/formats/event.md, 4.5). */
export type Enrichment = {
  process(task: Task): ProcessFacts | undefined
}

export function enrichedBits(facts: ProcessFacts | undefined): number {
  return (
    (facts?.groups === undefined ? 0 : capabilities.actorContainer) |
    (facts?.terminal === undefined ? 0 : capabilities.actorTerminal)
  )
}

export function containerOf({ groups }: ProcessFacts): OcsfContainer | undefined {
  if (groups?.container === undefined) return undefined
  const { uid, name, runtime } = groups.container
  return {
    ...(uid !== undefined && { uid }),
    ...(name !== undefined && { name }),
    ...groups.names,
    ...(runtime !== undefined && { runtime }),
    ...(groups.pod && { orchestrator: 'kubernetes', pod_uuid: groups.pod.uid }),
  }
}

/** Members of OCSF's process that are looked up, in the places where the kernel's own stand. */
export function enriched(process: OcsfProcess, facts: ProcessFacts | undefined): OcsfProcess {
  if (facts === undefined) return process
  const { groups, terminal } = facts
  const container = containerOf(facts)
  return {
    ...process,
    ...(typeof terminal === 'string' && { session: { ...process.session, terminal } }),
    ...(container && { container }),
    ...(process.xattributes && {
      xattributes: {
        ...process.xattributes,
        ...(groups?.unit !== undefined && { unit: groups.unit }),
        ...(groups?.userUnit !== undefined && { user_unit: groups.userUnit }),
        ...(groups?.pod && { pod_qos: groups.pod.qos }),
      },
    }),
  }
}
