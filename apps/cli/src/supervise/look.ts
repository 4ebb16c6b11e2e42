// SPDX-License-Identifier: Apache-2.0

import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import type { Tracer } from '@sealwatch/contract'
import { frozenBy } from './freezer.ts'
import { isAlive, type Task } from './task.ts'

/** Of a process that does not do its work; `shown` is the kernel's word for its state. */
export type Held = { readonly by: 'signal' | 'tracer' | 'freezer'; readonly shown: string; readonly tracerPid: number }

/** Undefined: it runs, or is gone. With `threads` each of them is looked at, for one may be held while the first is not, and its control group. */
export function heldOf(task: Task, threads: boolean): Held | undefined {
  const paths = [`/proc/${task.pid}/status`, ...(threads ? threadsOf(task.pid) : [])]
  for (const path of paths) {
    const held = heldIn(textOf(path) ?? '')
    if (held !== undefined && isAlive(task)) return held
  }
  return threads ? frozen(task) : undefined
}

/** Whether somebody traces it, or a thread of it, dead as it may be. */
export const isTraced = ({ pid }: Task): boolean =>
  [`/proc/${pid}/status`, ...threadsOf(pid)].some((path) => heldIn(textOf(path) ?? '')?.by === 'tracer')

function frozen(task: Task): Held | undefined {
  const group = frozenBy(task.pid)
  return group !== undefined && isAlive(task)
    ? { by: 'freezer', shown: `frozen by its control group ${group}`, tracerPid: 0 }
    : undefined
}

function heldIn(status: string): Held | undefined {
  const shown = /^State:\t(.+)$/m.exec(status)?.[1] ?? ''
  const tracerPid = Number(/^TracerPid:\t(\d+)$/m.exec(status)?.[1] ?? 0)
  if (tracerPid !== 0) return { by: 'tracer', shown, tracerPid }
  return shown.startsWith('T') ? { by: 'signal', shown, tracerPid } : undefined
}

/** As much of whoever traces as can still be read. */
export function tracerOf(pid: number): Tracer {
  const status = textOf(`/proc/${pid}/status`) ?? ''
  const uid = /^Uid:\t(\d+)/m.exec(status)?.[1]
  return {
    pid,
    name: /^Name:\t(.*)$/m.exec(status)?.[1] ?? '',
    path: linkOf(`/proc/${pid}/exe`),
    uid: uid === undefined ? null : Number(uid),
  }
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map((thread) => `/proc/${pid}/task/${thread}/status`)
  } catch {
    return []
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

function linkOf(path: string): string | null {
  try {
    return readlinkSync(path)
  } catch {
    return null
  }
}
