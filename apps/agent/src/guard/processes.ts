// SPDX-License-Identifier: Apache-2.0
// What /proc shows everybody of the processes of this machine: how the guard finds those that it is to protect.

import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { ProtectedEntry } from '@sealwatch/contract/guard-config'
import { readStat } from '../hands/proc-stat.ts'
import { type CgroupIdentity, parseCgroups } from '../observe/cgroup.ts'
import { readContainerLabels } from '../sources/facts/container-state.ts'
import { readProc } from '../sources/facts/read-proc.ts'
import { keyOf, type ProcessKey } from './act.ts'
import type { ProcessLook } from './registry.ts'

export type Processes = {
  /** All of them. What was looked at a short while ago is not looked at again; groups are read only where `entries` ask for them. */
  look(nowNs: bigint, entries: readonly ProtectedEntry[]): Promise<ProcessLook[]>
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
/** A process may change its user and its group: it is looked at anew after so long, and a young one each time. */
const againNs = 10_000_000_000n
const youngNs = 2_000_000_000n
const pidFileBytesMax = 64
/** Starts are known to 10 ms, and clocks are set. */
const pidFileSlackMs = 1_000
/** Whoever freezes groups of his own all the time keeps nobody busy with it. */
const groupsReadMax = 256

type Known = { readonly look: ProcessLook; readonly lookedNs: bigint }

/** `images`: of processes that somebody looked at as root, by `keyOf`. */
export function createProcesses(images: ReadonlyMap<string, string>): Processes {
  let known = new Map<number, Known>()

  /** Of its folder its user can be told, also where all in it is root's. */
  function read(pid: number): ProcessLook | undefined {
    const stat = readStat(pid)
    const uid = ownerOf(join(proc, String(pid)))
    if (stat === undefined || stat.isOver || uid === undefined) return undefined
    const { parent: ppid } = stat
    const comm = readProc(join(proc, String(pid), 'comm'))?.trimEnd() ?? ''
    const startNs = stat.startTicks * tickNs
    const exe = images.get(keyOf({ pid, startNs })) ?? null
    return { pid, startNs, ppid, comm, uid, exe, units: [], labels: [] }
  }

  const groupsOf = (pid: number): CgroupIdentity => parseCgroups(readProc(join(proc, String(pid), 'cgroup')) ?? '')

  async function lookAt(pid: number, nowNs: bigint, isGrouped: boolean): Promise<Known | undefined> {
    const before = known.get(pid)
    const isFresh = before !== undefined && nowNs - before.lookedNs < againNs
    // Whoever has its pid meanwhile is found soon; that one that is protected has ended is told.
    if (isFresh && nowNs - before.look.startNs > youngNs) return before
    const look = read(pid)
    if (look === undefined || !isGrouped) return look && { look, lookedNs: nowNs }
    const { unit, userUnit, container } = groupsOf(pid)
    const units = [unit, userUnit].filter((one) => one !== undefined)
    const labels = container === undefined ? [] : await readContainerLabels(container)
    return { look: { ...look, units, labels }, lookedNs: nowNs }
  }

  /** A file that was left behind names whoever has that pid now: it was written before that one began. */
  function pidIn(path: string, bootOffsetNs: bigint): number | undefined {
    try {
      const { mtimeMs, size } = statSync(path)
      const pid = size > pidFileBytesMax ? Number.NaN : Number(readFileSync(path, 'latin1').trim())
      const look = Number.isSafeInteger(pid) && pid > 0 ? read(pid) : undefined
      const isOlder = look && Number((look.startNs + bootOffsetNs) / 1_000_000n) <= mtimeMs + pidFileSlackMs
      return isOlder === true ? pid : undefined
    } catch {
      return undefined
    }
  }

  return {
    async look(nowNs, entries) {
      const isGrouped = entries.some(({ unit, container_label }) => unit !== undefined || container_label !== undefined)
      const next = new Map<number, Known>()
      for (const name of readdirSync(proc)) {
        const pid = Number(name)
        if (!Number.isInteger(pid)) continue
        const found = await lookAt(pid, nowNs, isGrouped)
        if (found !== undefined) next.set(pid, found)
      }
      known = next
      return Array.from(next.values(), ({ look }) => look)
    },
    one: read,
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

function ownerOf(path: string): number | undefined {
  try {
    return statSync(path).uid
  } catch {
    return undefined
  }
}
