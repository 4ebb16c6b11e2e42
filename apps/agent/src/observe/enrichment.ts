// SPDX-License-Identifier: Apache-2.0

import { capabilities, type OcsfContainer, type OcsfFile, type OcsfProcess } from '@sealwatch/contract'
import type { FileRef, Observation, Task } from '../sources/observation.ts'
import type { CgroupIdentity } from './cgroup.ts'
import type { InstalledPackage } from './dpkg.ts'
import { sha256Of } from './file.ts'

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

/** Of a program's image, by object. */
export type ImageFacts = {
  /** Lower-case hexadecimal. */
  readonly sha256: string
  /** It was not changed between that exec and the look at it; else it may have been. */
  readonly isProven: boolean
}

/** Answers from memory alone: what it does not hold yet is not known (docs/formats/event.md, 4.5). */
export type Enrichment = {
  process(task: Task): ProcessFacts | undefined
  /** Of the image of an exec at a time of CLOCK_BOOTTIME, nanoseconds. */
  image(file: FileRef, timeNs: bigint): ImageFacts | undefined
  /** Which package has a file at that path, of a process in that mount namespace; null: none has. */
  owner(
    file: Pick<FileRef, 'path' | 'ino' | 'mode' | 'unlinked'>,
    mntNs: number | null,
  ): InstalledPackage | null | undefined
  /** Whether a change left what the package brought to that path; undefined: not known. */
  shipped(change: Extract<Observation, { kind: 'file_change' }>): boolean | undefined
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

/** A file, with the package that has one at its path. */
export function ownedFile(file: OcsfFile, owner: InstalledPackage | null | undefined): OcsfFile {
  return owner ? { ...file, product: owner } : file
}

export function ownerBit(owner: InstalledPackage | null | undefined): number {
  return owner === undefined ? 0 : capabilities.fileOwner
}

/** The image of a launch, with its hash where one is known. */
export function hashedImage(file: OcsfFile, facts: ImageFacts | undefined): OcsfFile {
  if (facts === undefined) return file
  return { ...file, hashes: [sha256Of(facts.sha256)] }
}
