// SPDX-License-Identifier: Apache-2.0
// What /proc shows everybody of the processes of this machine: how the guard finds those that it is to protect.

import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { ProtectedEntry } from '@sealwatch/contract/guard-config'
import { type CgroupIdentity, parseCgroups } from '../observe/cgroup.ts'
import { parseStat } from '../observe/terminal.ts'
import { readContainerLabels } from '../sources/facts/container-state.ts'
import { readProc } from '../sources/facts/read-proc.ts'
import { keyOf, type ProcessKey } from './act.ts'
import type { ProcessLook } from './registry.ts'

export type Processes = {
  /** All of them. What was looked at a short while ago is not looked at again. */
  look(nowNs: bigint): Promise<ProcessLook[]>
  /** One, as it is now; undefined: it is gone. */
  one(pid: number): ProcessLook | undefined
  /** Pids that stand in these files, where the process was there before the file was written. `bootOffsetNs`: Unix minus CLOCK_BOOTTIME. */
  pidFiles(entries: readonly ProtectedEntry[], bootOffsetNs: bigint): ReadonlyMap<string, number>
  /** Signals that a process handles itself; undefined: it is gone. */
  handles(process: ProcessKey, signal: number): boolean | undefined
}

const tickNs = 10_000_000n
/** A process may change its group and its user: it is looked at anew after so long, and a young one each time. */
const againNs = 10_000_000_000n
const youngNs = 3_000_000_000n
const pidFileBytesMax = 64
/** Starts are known to 10 ms, and clocks are set. */
const pidFileSlackMs = 1_000

type Known = { readonly look: ProcessLook; readonly lookedNs: bigint }

/** `images`: of processes that somebody looked at as root, by `keyOf`. */
export function createProcesses(images: ReadonlyMap<string, string>, proc = '/proc'): Processes {
  let known = new Map<number, Known>()

  function read(pid: number): { readonly look: ProcessLook; readonly groups: CgroupIdentity } | undefined {
    const status = readProc(join(proc, String(pid), 'status'))
    const groups = parseCgroups(readProc(join(proc, String(pid), 'cgroup')) ?? '')
    // Read last: what is still there was there before, and all of it is its own.
    const startNs = startOf(pid)
    const uid = /^Uid:\t(\d+)/m.exec(status ?? '')?.[1]
    const comm = /^Name:\t(.*)$/m.exec(status ?? '')?.[1] ?? ''
    const ppid = Number(/^PPid:\t(\d+)/m.exec(status ?? '')?.[1] ?? 0)
    if (startNs === undefined || uid === undefined) return undefined
    const group = groups.onlyPath ?? null
    const units = [groups.unit, groups.userUnit].filter((unit) => unit !== undefined)
    const exe = images.get(keyOf({ pid, startNs })) ?? null
    return { look: { pid, startNs, ppid, comm, uid: Number(uid), exe, group, units, labels: [] }, groups }
  }

  function startOf(pid: number): bigint | undefined {
    const facts = parseStat(readProc(join(proc, String(pid), 'stat')) ?? '')
    return facts && facts.startTicks * tickNs
  }

  async function lookAt(pid: number, nowNs: bigint): Promise<Known | undefined> {
    const before = known.get(pid)
    const isFresh = before !== undefined && nowNs - before.lookedNs < againNs
    // Whoever has its pid meanwhile is found soon; that one that is protected has ended is told.
    if (isFresh && nowNs - before.look.startNs > youngNs) return before
    const found = read(pid)
    if (found === undefined) return undefined
    const { container } = found.groups
    const labels = container === undefined ? [] : await readContainerLabels(container)
    return { look: { ...found.look, labels }, lookedNs: nowNs }
  }

  return {
    async look(nowNs) {
      const next = new Map<number, Known>()
      for (const name of readdirSync(proc)) {
        if (!/^\d+$/.test(name)) continue
        const found = await lookAt(Number(name), nowNs)
        if (found !== undefined) next.set(found.look.pid, found)
      }
      known = next
      return Array.from(next.values(), ({ look }) => look)
    },
    one: (pid) => read(pid)?.look,
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
  }

  /** A file that was left behind names whoever has that pid now: it was written before that one began. */
  function pidIn(path: string, bootOffsetNs: bigint): number | undefined {
    try {
      const { mtimeMs, size } = statSync(path)
      const pid = size > pidFileBytesMax ? Number.NaN : Number(readFileSync(path, 'latin1').trim())
      if (!Number.isSafeInteger(pid) || pid <= 0) return undefined
      const startNs = startOf(pid)
      const isOlder = startNs !== undefined && Number((startNs + bootOffsetNs) / 1_000_000n) <= mtimeMs + pidFileSlackMs
      return isOlder ? pid : undefined
    } catch {
      return undefined
    }
  }
}
