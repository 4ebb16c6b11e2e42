// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from 'node:fs'
import process from 'node:process'

/** A process that cannot be mistaken for a later one with the same pid. */
export type Task = {
  readonly pid: number
  /** Field 22 of /proc/PID/stat: clock ticks from boot to its start. */
  readonly startTicks: number
}

/** Of a process, or of one thread of it, by its path below /proc (proc_pid_stat(5)). Undefined when there is none, or only its zombie. */
export function statOf(path: string): { startTicks: number; nice: number; policy: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${path}/stat`, 'latin1')
    // The command name stands in parentheses and may hold anything; fields are counted from its end.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (fields[0] === 'Z') return undefined
    return { startTicks: Number(fields[19]), nice: Number(fields[16]), policy: Number(fields[38]) }
  } catch {
    return undefined
  }
}

/** Undefined when there is no such process, or only its zombie. */
export function taskOf(pid: number): Task | undefined {
  const stat = statOf(String(pid))
  return stat && { pid, startTicks: stat.startTicks }
}

export const isAlive = (task: Task): boolean => taskOf(task.pid)?.startTicks === task.startTicks

/** Signals this very process; false when it is gone. */
export function signalTask(task: Task, signal: NodeJS.Signals): boolean {
  if (!isAlive(task)) return false
  try {
    return process.kill(task.pid, signal)
  } catch {
    return false
  }
}
