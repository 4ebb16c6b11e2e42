// SPDX-License-Identifier: Apache-2.0

import type { SeverityName } from '@sealwatch/contract'
import type { GuardStep } from '@sealwatch/contract/guard-config'
import { isSameStart } from '../observe/process-table.ts'
import type { TargetRef, Task, TaskRef } from '../sources/observation.ts'
import type { Way } from './ways.ts'

/** Pid and start together are never reused. */
export type ProcessKey = { readonly pid: number; readonly startNs: bigint }

/** A process that is protected; so are its children, until they run another program. */
export type ProtectedProcess = ProcessKey & {
  /** Of the entry by which it is. */
  readonly name: string
  /** What it calls itself. */
  readonly comm: string
  /** Absolute path of its image; null: not known. */
  readonly exe: string | null
  /** What may be done for it. */
  readonly steps: readonly GuardStep[]
}

/** `machine`: what weakens all that is protected here. */
export type Aim = ProtectedProcess | 'machine'

/** `denied`: the kernel refused it, for the guard said so; `dry_run`: it would have. */
export type Prevention = 'denied' | 'dry_run'

/** Somebody reaches for what is protected. */
export type Act = {
  readonly way: Way
  readonly severity: SeverityName
  readonly aim: Aim
  readonly actor: Task
  /** To whom the actor handed on what it brought. */
  readonly reader: TargetRef | undefined
  /** The reader has it from birth, as a child of the actor that runs the same program. */
  readonly isInherited?: true
  /** CLOCK_BOOTTIME, of the first and of the last of equal acts. */
  readonly timeNs: bigint
  readonly lastNs: bigint
  readonly times: number
  /** Moved by it, as far as the kernel says. */
  readonly bytes: number
  /** errno; 0: the kernel let it. */
  readonly error: number
  readonly prevention: Prevention | undefined
  /** For people: what exactly. */
  readonly detail: string
}

export const isSameProcess = (one: ProcessKey, other: ProcessKey): boolean =>
  one.pid === other.pid && isSameStart(one.startNs, other.startNs)

/** Starts are known to 10 ms from some sources: a key has no more. */
export const keyOf = ({ pid, startNs }: ProcessKey): string => `${pid}:${startNs / 10_000_000n}`

export const nameOf = (aim: Aim): string => (aim === 'machine' ? aim : aim.name)
/** In a sentence. */
export const saidOf = (aim: Aim): string => (aim === 'machine' ? 'the machine' : aim.name)
export const aimKey = (aim: Aim): string => (aim === 'machine' ? aim : keyOf(aim))

const unknown = { uid: 0xffff_ffff, euid: 0xffff_ffff, gid: 0xffff_ffff, loginUid: null, sessionId: null }
/** Of whom nothing else is known. */
export const taskOf = ({ pid, startNs, comm }: TaskRef, ppid = 0): Task => ({
  ...{ pid, tid: pid, startNs, comm, ppid, ...unknown },
  ...{ pidNs: 0, mntNs: 0, cgroupId: 0n, exe: null, ancestors: [] },
})
