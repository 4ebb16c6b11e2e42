// SPDX-License-Identifier: Apache-2.0
// Who is never ended (docs/formats/orders.md, 5.2).

import { readFileSync } from 'node:fs'
import { beganAt, type ProcStat } from './proc-stat.ts'

/** Users of our own programs (docs/privileges.md). */
const ownUsers = { first: 64_701, last: 64_708 } as const
const sparedMax = 4_096
/** Further up nobody looks: who is so far below the supervisor is none of our parts. */
const ancestorsMax = 64

export type Spared = {
  /** Why a process may not be ended; undefined: it may. `statOf`: for its ancestors. */
  why(stat: ProcStat, statOf: (pid: number) => ProcStat | undefined): string | undefined
  /** In the place of all that was named before. */
  set(list: readonly (readonly [pid: number, startNs: bigint])[]): void
}

/** `supervisor`: who started the hands; undefined: the machine's own service manager. */
export function createSpared(own: { readonly pid: number; readonly supervisor: number | undefined }): Spared {
  let named: ReadonlyMap<number, bigint> = new Map()

  function isOfSupervisor(stat: ProcStat, statOf: (pid: number) => ProcStat | undefined): boolean {
    let at: ProcStat | undefined = stat
    for (let i = 0; i < ancestorsMax && at !== undefined && at.pid > 1; i += 1) {
      if (at.pid === own.supervisor) return true
      at = at.parent === 0 ? undefined : statOf(at.parent)
    }
    return false
  }

  return {
    why: (stat, statOf) => {
      const { pid, isKernelThread, parent } = stat
      if (pid === 1) return 'process 1'
      if (isKernelThread) return 'a thread of the kernel'
      if (pid === own.pid) return 'the hands'
      if (own.supervisor !== undefined && isOfSupervisor(stat, statOf)) return 'a part of ours'
      const startNs = named.get(pid)
      if (startNs !== undefined && beganAt(stat, startNs)) return 'what is protected'
      // Which anybody who is root could claim to be; but for the service manager's, these are known by their descent.
      return parent === 1 && isOwnUser(pid) ? 'a program of a user of ours' : undefined
    },
    set: (list) => {
      named = new Map(list.slice(0, sparedMax))
    },
  }
}

function isOwnUser(pid: number): boolean {
  try {
    const [, ids = ''] = /^Uid:\t(.+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? []
    return ids.split('\t').every((id) => Number(id) >= ownUsers.first && Number(id) <= ownUsers.last)
  } catch {
    return false
  }
}
