// SPDX-License-Identifier: Apache-2.0
// Who is never ended (docs/formats/orders.md, 5.2).

import { readFileSync } from 'node:fs'
import { isOwnUser } from '../own-users.ts'
import { beganAt, type ProcStat } from './proc-stat.ts'

const sensorUser = 64_703
const sparedMax = 4_096

export type Spared = {
  /** Why a process may not be ended; undefined: it may. `statOf`: for its parent. */
  why(stat: ProcStat, statOf: (pid: number) => ProcStat | undefined): string | undefined
  /** Whether the guard named it as what is protected. */
  isNamed(stat: ProcStat): boolean
  /** In the place of all that was named before. */
  set(list: readonly (readonly [pid: number, startNs: bigint])[]): void
}

/** `supervisor`: who started the hands; undefined: the machine's own service manager. */
export function createSpared(own: { readonly pid: number; readonly supervisor: number | undefined }): Spared {
  let named: ReadonlyMap<number, bigint> = new Map()

  /** What else a part starts is none: who took a part over would be spared with all that he does. */
  function isPart({ pid, parent }: ProcStat, statOf: (pid: number) => ProcStat | undefined): boolean {
    const { supervisor } = own
    if (supervisor === undefined) return false
    if (pid === supervisor || parent === supervisor) return true
    return statOf(parent)?.parent === supervisor && isUser(pid, (id) => id === sensorUser)
  }

  function isNamed(stat: ProcStat): boolean {
    const startNs = named.get(stat.pid)
    return startNs !== undefined && beganAt(stat, startNs)
  }

  return {
    isNamed,
    why: (stat, statOf) => {
      const { pid, isKernelThread, parent } = stat
      if (pid === 1) return 'process 1'
      if (isKernelThread) return 'a thread of the kernel'
      if (pid === own.pid) return 'the hands'
      if (isPart(stat, statOf)) return 'a part of ours'
      if (isNamed(stat)) return 'what is protected'
      // Which anybody who is root could claim to be; but for the service manager's, these are known by who started them.
      return parent === 1 && isUser(pid, isOwnUser) ? 'a program of a user of ours' : undefined
    },
    set: (list) => {
      named = new Map(list.slice(0, sparedMax))
    },
  }
}

/** Of its real, effective, saved and file system's user. */
function isUser(pid: number, isOne: (id: number) => boolean): boolean {
  try {
    const [, ids = ''] = /^Uid:\t(.+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? []
    return ids.split('\t').map(Number).every(isOne)
  } catch {
    return false
  }
}
