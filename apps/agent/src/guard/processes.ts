// SPDX-License-Identifier: Apache-2.0
// What /proc shows everybody of the processes of this machine: how the guard finds those that it is to protect.

import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { ProtectedEntry } from '@sealwatch/contract/guard-config'
import { readStat } from '../hands/proc-stat.ts'
import { type CgroupIdentity, parseCgroups } from '../observe/cgroup.ts'
import { readContainerLabels } from '../sources/facts/container-state.ts'
import { readProc } from '../sources/facts/read-proc.ts'
import { keyOf, type ProcessKey } from './act.ts'
import type { ProcessLook } from './registry.ts'

export type Processes = {
  /**
   * All of them, in the list that was given last where nothing has changed since. What was looked at a short while ago is not looked at
   * again; groups are read only where `entries` ask for them.
   */
  look(nowNs: bigint, entries: readonly ProtectedEntry[]): Promise<readonly ProcessLook[]>
  /** One, as it is now; undefined: it is gone. */
  one(pid: number): ProcessLook | undefined
  /** Pids that stand in these files, where the process was there before the file was written. `bootOffsetNs`: Unix minus CLOCK_BOOTTIME. */
  pidFiles(entries: readonly ProtectedEntry[], bootOffsetNs: bigint): ReadonlyMap<string, number>
  /** Signals that a process handles itself; undefined: it is gone. */
  handles(process: ProcessKey, signal: number): boolean | undefined
  /** The first of these that is in that control group, by its path in the unified hierarchy. */
  inGroup(path: string, of: readonly { readonly process: ProcessKey }[]): number | undefined
}

const proc = '/proc'
const tickNs = 10_000_000n
/** A process may change its user and its group: all are looked at anew each time so long is over, and young ones each time. */
const againMs = 10_000
const youngMs = 2_000
const pidFileBytesMax = 64
/** Starts are known to 10 ms, and clocks are set. */
const pidFileSlackMs = 1_000
/** Whoever freezes groups of his own all the time keeps nobody busy with it. */
const groupsReadMax = 256

type Known = {
  readonly look: ProcessLook
  /** CLOCK_BOOTTIME: until when it is not looked at again. */
  readonly freshMs: number
  /** Of its folder, where it is a thread of the kernel: as long as that is the same it is the same one, for it lies in memory as long as the process is there. */
  readonly kernelInode: number | undefined
}

type Looked = {
  readonly byPid: ReadonlyMap<number, Known>
  readonly isGrouped: boolean
  readonly looks: readonly ProcessLook[]
  readonly crowd: string | undefined
  /** CLOCK_BOOTTIME: when the first of them is to be looked at again. */
  readonly dueMs: number
}

/** `images`: of processes that somebody looked at as root, by `keyOf`. */
export function createProcesses(images: ReadonlyMap<string, string>): Processes {
  let last: Looked = { byPid: new Map(), isGrouped: false, looks: [], crowd: undefined, dueMs: 0 }

  /** Of its folder its user can be told, also where all in it is root's. */
  function read(pid: number): { readonly look: ProcessLook; readonly kernelInode: number | undefined } | undefined {
    const stat = readStat(pid)
    const folder = folderOf(pid)
    if (stat === undefined || stat.isOver || folder === undefined) return undefined
    const { parent: ppid, comm, isKernelThread } = stat
    const startNs = stat.startTicks * tickNs
    const exe = images.get(keyOf({ pid, startNs })) ?? null
    const look = { pid, startNs, ppid, comm, uid: folder.uid, exe, units: [], labels: [] }
    return { look, kernelInode: isKernelThread ? folder.ino : undefined }
  }
  const one = (pid: number) => read(pid)?.look

  const groupsOf = (pid: number): CgroupIdentity => parseCgroups(readProc(join(proc, String(pid), 'cgroup')) ?? '')

  /** Threads of the kernel, which are many, neither change their user nor their group. */
  function isSameThread({ look, kernelInode }: Known): boolean {
    return kernelInode !== undefined && folderOf(look.pid)?.ino === kernelInode
  }

  async function known(pid: number, was: Known | undefined, nowMs: number, isGrouped: boolean) {
    const laterMs = nowMs - (nowMs % againMs) + againMs
    if (was !== undefined && isSameThread(was)) return { ...was, freshMs: laterMs }
    const found = read(pid)
    if (found === undefined) return undefined
    const { kernelInode } = found
    const look = isGrouped ? await groupedOf(found.look) : found.look
    // Whoever has its pid meanwhile is found soon; that one that is protected has ended is told.
    const isYoung = nowMs - Number(look.startNs / 1_000_000n) <= youngMs
    const isSame = was !== undefined && isDeepStrictEqual(look, was.look)
    return { look: isSame ? was.look : look, kernelInode, freshMs: isYoung ? nowMs : laterMs }
  }

  async function groupedOf(look: ProcessLook): Promise<ProcessLook> {
    const { unit, userUnit, container } = groupsOf(look.pid)
    const units = [unit, userUnit].filter((one) => one !== undefined)
    return { ...look, units, labels: container === undefined ? [] : await readContainerLabels(container) }
  }

  /** A file that was left behind names whoever has that pid now: it was written before that one began. */
  function pidIn(path: string, bootOffsetNs: bigint): number | undefined {
    try {
      const { mtimeMs, size } = statSync(path)
      const pid = size > pidFileBytesMax ? Number.NaN : Number(readFileSync(path, 'latin1').trim())
      const look = Number.isSafeInteger(pid) && pid > 0 ? one(pid) : undefined
      const isOlder = look && Number((look.startNs + bootOffsetNs) / 1_000_000n) <= mtimeMs + pidFileSlackMs
      return isOlder === true ? pid : undefined
    } catch {
      return undefined
    }
  }

  return {
    async look(nowNs, entries) {
      const isGrouped = entries.some(({ unit, container_label }) => unit !== undefined || container_label !== undefined)
      const nowMs = Number(nowNs / 1_000_000n)
      const crowd = readCrowd()
      if (crowd !== undefined && crowd === last.crowd && isGrouped === last.isGrouped && nowMs < last.dueMs)
        return last.looks
      // What was looked at without its groups is looked at anew.
      const before = isGrouped === last.isGrouped ? last : { byPid: new Map<number, Known>(), looks: [] }
      const byPid = new Map<number, Known>()
      let [isSame, dueMs] = [true, Number.POSITIVE_INFINITY]
      for (const name of readdirSync(proc)) {
        const pid = Number(name)
        if (!Number.isInteger(pid)) continue
        const was = before.byPid.get(pid)
        const now = was !== undefined && nowMs < was.freshMs ? was : await known(pid, was, nowMs, isGrouped)
        if (now === undefined) continue
        byPid.set(pid, now)
        isSame &&= now.look === was?.look
        dueMs = Math.min(dueMs, now.freshMs)
      }
      isSame &&= byPid.size === before.byPid.size
      const looks = isSame ? before.looks : Array.from(byPid.values(), ({ look }) => look)
      last = { byPid, isGrouped, looks, crowd, dueMs }
      return looks
    },
    one,
    pidFiles: (entries, bootOffsetNs) =>
      new Map(
        entries.flatMap(({ pid_file }) => {
          const pid = pid_file === undefined ? undefined : pidIn(pid_file, bootOffsetNs)
          return pid === undefined || pid_file === undefined ? [] : [[pid_file, pid] as const]
        }),
      ),
    handles(process, signal) {
      const status = readProc(join(proc, String(process.pid), 'status'))
      const caught = /^SigCgt:\t([0-9a-f]+)/m.exec(status ?? '')?.[1]
      return caught === undefined ? undefined : (BigInt(`0x${caught}`) >> BigInt(signal - 1)) % 2n === 1n
    },
    inGroup: (path, of) =>
      of.slice(0, groupsReadMax).find(({ process }) => groupsOf(process.pid).onlyPath === path)?.process.pid,
  }
}

/**
 * How many threads there are, and which pid was given last (proc_loadavg(5)): as long as both are the same nothing began, and nothing
 * ended.
 */
function readCrowd(): string | undefined {
  return /\/(\d+ \d+)$/.exec(readProc(join(proc, 'loadavg'))?.trimEnd() ?? '')?.[1]
}

/** Inode numbers are given anew: the same one is the same process. */
function folderOf(pid: number): { readonly uid: number; readonly ino: number } | undefined {
  try {
    return statSync(join(proc, String(pid)))
  } catch {
    return undefined
  }
}
