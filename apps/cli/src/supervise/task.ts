// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from 'node:fs'
import process from 'node:process'

/** A process that cannot be mistaken for a later one with the same pid. */
export type Task = {
  readonly pid: number
  /** Field 22 of /proc/PID/stat: clock ticks from boot to its start. */
  readonly startTicks: number
}

/** Undefined when there is no such process, or only its zombie. */
export function taskOf(pid: number): Task | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The command name stands in parentheses and may hold anything; fields are counted from its end.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' ? undefined : { pid, startTicks: Number(fields[19]) }
  } catch {
    return undefined
  }
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
