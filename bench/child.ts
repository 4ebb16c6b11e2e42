// SPDX-License-Identifier: Apache-2.0

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import process, { execPath } from 'node:process'
import { createInterface } from 'node:readline'
import { memoryEnv, serverFlags } from '../apps/cli/src/supervise/node-start.ts'

export type Child = {
  readonly port: number
  /** Where its REST API is, of a control plane. */
  readonly api: string
  /** The most memory it ever held, in MB. */
  readonly peakMb: () => number
  /** What it holds now, in MB. */
  readonly residentMb: () => number
  /** What it has used of the cores since its start. */
  readonly cpuSeconds: () => number
  stop(): Promise<void>
  /** As a power cut ends it. */
  kill(): Promise<void>
} & AsyncDisposable

/** USER_HZ, of every Linux. */
const ticksPerSecond = 100

/** proc_pid_stat(5), utime and stime: the 14th and the 15th, behind a name that may hold anything. */
export function cpuSecondsOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const [utime, stime] = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
  return (Number(utime) + Number(stime)) / ticksPerSecond
}

/** Starts bench/`program` over a directory, in a process of its own; resolves when it serves. */
export async function startChild(program: string, dir: string, settings: Record<string, string> = {}): Promise<Child> {
  const path = new URL(program, import.meta.url).pathname
  const child = spawn(execPath, [...serverFlags, path, dir], {
    env: { ...process.env, ...memoryEnv, ...settings },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit')
  const { promise: serving, resolve } = Promise.withResolvers<{ port: number; api: string }>()
  const said: string[] = []
  createInterface({ input: child.stdout }).on('line', (line) => {
    said.push(line)
    const { msg, port, api } = JSON.parse(line) as { msg: string; port: number; api: string }
    if (msg === 'serving') resolve({ port, api })
  })
  const failed = ended.then(() => Promise.reject(new Error(`${program} ended:\n${said.slice(-5).join('\n')}`)))
  failed.catch(() => undefined)
  const { port, api } = await Promise.race([serving, failed])
  const endBy = async (signal: 'SIGTERM' | 'SIGKILL') => {
    child.kill(signal)
    await ended
  }
  const stop = () => endBy('SIGTERM')
  const memoryMb = (name: string) => () => {
    const status = readFileSync(`/proc/${child.pid}/status`, 'utf8')
    return (Number(new RegExp(`${name}:\\s*(\\d+) kB`).exec(status)?.[1]) * 1024) / 1e6
  }
  return {
    port,
    api,
    peakMb: memoryMb('VmHWM'),
    residentMb: memoryMb('VmRSS'),
    cpuSeconds: () => cpuSecondsOf(child.pid as number),
    stop,
    kill: () => endBy('SIGKILL'),
    [Symbol.asyncDispose]: stop,
  }
}
