// SPDX-License-Identifier: Apache-2.0

import { statSync } from 'node:fs'
import { join } from 'node:path'
import { type Clock, createRate } from '@sealwatch/base'
import { type Container, parseCgroups } from '../../observe/cgroup.ts'
import type { ContainerNames, ProcessFacts } from '../../observe/enrichment.ts'
import { parseStat } from '../../observe/terminal.ts'
import type { Task } from '../observation.ts'
import { readContainerNames, stateFolders } from './container-state.ts'
import { readProc } from './read-proc.ts'
import { remember } from './remember.ts'

export type ProcessLookups = {
  of(task: Task): ProcessFacts | undefined
  /** Begins to look where something is not known; undefined when nothing is to be waited for. Never rejects. */
  look(task: Task, afresh: boolean): Promise<void> | undefined
}

export const processFactsLimits = {
  processesMax: 2_048,
  groupsMax: 1_024,
  containersMax: 512,
  /** Look-ups begun in a second, each about 50 us of CPU: beyond, nothing is known of a process. */
  perSecondMax: 400,
} as const

type Groups = NonNullable<ProcessFacts['groups']>
/** Of a process as it was in these groups and namespaces. */
type Known = ProcessFacts & { readonly startNs: bigint; readonly cgroupId: bigint; readonly mntNs: number }

const tickNs = 10_000_000n
const systemRoots = { proc: '/proc', cgroups: '/sys/fs/cgroup', state: stateFolders }

export function createProcessFacts(clock: Clock, roots: typeof systemRoots = systemRoots): ProcessLookups {
  const limits = processFactsLimits
  const processes = new Map<number, Known>()
  /** Where the unified hierarchy is the only one: the kernel's id of a group is never given again between two boots. */
  const groupsById = new Map<bigint, Groups>()
  const namesById = new Map<string, ContainerNames | undefined>()
  const underWay = new Map<number, Promise<void>>()
  const turns = createRate(clock, { perSecond: limits.perSecondMax, burst: limits.perSecondMax, keysMax: 1 })

  const isAs = (known: Known, { startNs, cgroupId, mntNs }: Task) =>
    known.startNs === startNs && known.cgroupId === cgroupId && known.mntNs === mntNs

  async function read(task: Task): Promise<void> {
    const { pid, startNs, cgroupId, mntNs } = task
    const byId = groupsById.get(cgroupId)
    const groupsText = byId ? undefined : readProc(join(roots.proc, String(pid), 'cgroup'))
    // Read last: a process that is still there now was there before, and the groups are its own.
    const facts = parseStat(readProc(join(roots.proc, String(pid), 'stat')) ?? '')
    const isIt = facts?.startTicks === startNs / tickNs
    const groups = isIt && groupsText !== undefined ? await groupsAt(groupsText, cgroupId) : undefined
    const known = { ...(groups && { groups }), ...(isIt && { terminal: facts.terminal }) }
    remember(processes, pid, { ...known, startNs, cgroupId, mntNs }, limits.processesMax)
  }

  async function groupsAt(text: string, cgroupId: bigint): Promise<Groups | undefined> {
    const told = parseCgroups(text)
    const { container, onlyPath } = told
    // It may have been moved since the kernel saw it act.
    if (onlyPath !== undefined && inodeOf(join(roots.cgroups, onlyPath)) !== cgroupId) return undefined
    const names = container && (await namesOf(container))
    const groups = names ? { ...told, names } : told
    if (onlyPath !== undefined) remember(groupsById, cgroupId, groups, limits.groupsMax)
    return groups
  }

  async function namesOf(container: Container): Promise<ContainerNames | undefined> {
    const { uid } = container
    if (uid === undefined) return undefined
    if (!namesById.has(uid))
      remember(namesById, uid, await readContainerNames(container, roots.state), limits.containersMax)
    return namesById.get(uid)
  }

  return {
    of(task) {
      const byId = groupsById.get(task.cgroupId)
      const known = processes.get(task.pid)
      const own = known && isAs(known, task) ? known : undefined
      return byId ? { ...own, groups: byId } : own
    },
    look(task, afresh) {
      const known = processes.get(task.pid)
      if (!afresh && known && isAs(known, task)) return undefined
      const begun = underWay.get(task.pid)
      if (begun !== undefined) return begun
      if (turns.take('') > 0) return undefined
      const looking = read(task).finally(() => underWay.delete(task.pid))
      underWay.set(task.pid, looking)
      return looking
    },
  }
}

function inodeOf(path: string): bigint | undefined {
  try {
    return statSync(path, { bigint: true }).ino
  } catch {
    return undefined
  }
}
