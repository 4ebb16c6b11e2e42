// SPDX-License-Identifier: Apache-2.0

import { closeSync, openSync, readdirSync, readSync } from 'node:fs'

/** What /proc/PID/stat says of a process that decides whether, and with whom, it may be ended (proc_pid_stat(5)). */
export type ProcStat = {
  readonly pid: number
  /** At most 15 bytes, as latin1. */
  readonly comm: string
  readonly parent: number
  /** The process that began its group, and its session; their numbers are nobody else's as long as these last. */
  readonly group: number
  readonly session: number
  /** In ticks of 10 ms since the machine began: USER_HZ is 100 on every Linux. */
  readonly startTicks: bigint
  readonly isKernelThread: boolean
  /** It ended, and its parent has not asked yet. */
  readonly isOver: boolean
  /** By a signal, or by whoever traces it. */
  readonly isStopped: boolean
}

const PF_KTHREAD = 0x0020_0000
const nsInTick = 10_000_000n

/** Longer than any: 52 numbers, and a name. */
const buffer = Buffer.alloc(4_096)

/** Undefined where there is none, or nobody may see it (hidepid). */
export function readStat(pid: number): ProcStat | undefined {
  let file: number
  try {
    file = openSync(`/proc/${pid}/stat`, 'r')
  } catch {
    return undefined
  }
  try {
    return parseStat(pid, buffer.toString('latin1', 0, readSync(file, buffer, 0, buffer.length, 0)))
  } catch {
    // It ended since it was opened.
    return undefined
  } finally {
    closeSync(file)
  }
}

export function parseStat(pid: number, text: string): ProcStat {
  // The name in parentheses may itself hold anything; fields are counted from its last parenthesis.
  const [from, to] = [text.indexOf('(') + 1, text.lastIndexOf(')')]
  const fields = text.slice(to + 2).split(' ')
  const [state = '', parent, group, session] = fields
  return {
    pid,
    comm: text.slice(from, to),
    parent: Number(parent),
    group: Number(group),
    session: Number(session),
    startTicks: BigInt(fields[19] as string),
    isKernelThread: (Number(fields[6]) & PF_KTHREAD) !== 0,
    isOver: state === 'Z' || state === 'X',
    isStopped: state === 'T' || state === 't',
  }
}

/** Whether a process that began then, by the kernel's clock, is the one that this tells of. */
export const beganAt = ({ startTicks }: ProcStat, startNs: bigint): boolean => startTicks === startNs / nsInTick

/** Every process of the machine: one that lasts from the call to its end is surely among them. */
export function readEveryStat(): ProcStat[] {
  const found: ProcStat[] = []
  for (const name of readdirSync('/proc')) {
    const first = name.charCodeAt(0)
    if (first < 0x31 || first > 0x39) continue
    const stat = readStat(Number(name))
    if (stat !== undefined) found.push(stat)
  }
  return found
}
