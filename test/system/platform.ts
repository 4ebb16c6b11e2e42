// SPDX-License-Identifier: Apache-2.0

import { execFile } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import process from 'node:process'
import { systemClock } from '@sealwatch/base'

/** The whole platform as an operator starts it, with real processes. */
export type Platform = {
  readonly data: string
  readonly run: string
  readonly port: number
  /** Runs `sealwatch ARGS --data DIR`; never throws for its exit code. */
  sealwatch(...args: string[]): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }>
  /** kill -9 of the present process of a part; the supervisor starts another. Returns false when none runs just now. */
  kill(part: 'server' | 'agent' | 'sensor'): Promise<boolean>
  /** Of the `supervisor`, too. */
  pidOf(part: string): Promise<number | undefined>
  /** Sends a signal to the supervisor and then to a part: a part alone that stops, it lets go on. */
  signalBoth(part: string, signal: 'SIGSTOP' | 'SIGCONT'): Promise<void>
  /** `sealwatch down`, and removes the data unless `keep`. */
  down(keep?: boolean): Promise<void>
}

export const repository = resolve(import.meta.dirname, '../..')
/** Of a command: what else happens on the machine is told as well. */
export const outputBytesMax = 256 * 1024 * 1024
const launchMs = 60_000

/** Why these tests cannot run here; undefined when they can. */
export function whyNot(): string | undefined {
  if (process.platform !== 'linux') return 'needs Linux'
  if (process.getuid?.() !== 0) return 'needs root: the sensor attaches BPF programs'
  return undefined
}

/** Starts the tree at `root` and resolves when it is ready. */
export async function startPlatform(
  root = repository,
  env: Record<string, string> = {},
  onPort?: number,
  parent = tmpdir(),
  /** A command that it is started by: into a network namespace, for one. */
  through: readonly string[] = [],
): Promise<Platform> {
  const data = await mkdtemp(join(parent, 'sealwatch-system-'))
  const port = onPort ?? (await freePort())
  // The usual one is free for another platform whenever this one's server was killed.
  const own = { SEALWATCH_SERVER_API_PORT: String(await freePort()), ...env }
  const sealwatch: Platform['sealwatch'] = (...args) =>
    new Promise((done) => {
      const argv = [
        '--disable-warning=ExperimentalWarning',
        join(root, 'apps/cli/src/main.ts'),
        ...args,
        '--data',
        data,
      ]
      const options = { env: { ...process.env, ...own }, maxBuffer: outputBytesMax, timeout: launchMs }
      const [file = '', ...rest] = [...through, process.execPath, ...argv]
      execFile(file, rest, options, (error, stdout, stderr) => {
        done({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : 1, stdout, stderr })
      })
    })
  const up = await sealwatch('up', '--port', String(port), '--detach')
  if (up.code !== 0) throw new Error(`sealwatch up failed: ${up.stderr}${up.stdout}`)
  const { runDir: run } = JSON.parse(await readFile(join(data, 'instance.json'), 'utf8')) as { runDir: string }

  async function pidOf(part: string): Promise<number | undefined> {
    const { task, parts } = JSON.parse(await readFile(join(run, 'supervisor.json'), 'utf8')) as {
      task: { pid: number }
      parts: { name: string; task?: { pid: number } }[]
    }
    if (part === 'supervisor') return task.pid
    return parts.find(({ name }) => name === part)?.task?.pid
  }

  return {
    data,
    run,
    port,
    sealwatch,
    pidOf,
    signalBoth: async (part, signal) => {
      const pids = [await pidOf('supervisor'), await pidOf(part)]
      for (const pid of pids) process.kill(pid as number, signal)
    },
    kill: async (part) => {
      const pid = await pidOf(part)
      if (pid === undefined) return false
      try {
        return process.kill(pid, 'SIGKILL')
      } catch {
        return false
      }
    },
    down: async (keep = false) => {
      const { code, stderr } = await sealwatch('down')
      if (!keep) {
        await rm(data, { recursive: true, force: true })
        // The sensor's counters outlive it, for the next start on the same data.
        await rm(join('/sys/fs/bpf', `sealwatch-${basename(run)}`), { recursive: true, force: true })
      }
      if (code !== 0) throw new Error(`sealwatch down failed: ${stderr}`)
    },
  }
}

/**
 * Asks until `found` gives something, for half of the time: what asks may be a process of its own, which takes the processor from what is
 * waited for. The deadline turns a hang into a failure with a name.
 */
export async function eventually<T>(
  what: string,
  found: () => Promise<T | undefined>,
  deadlineMs = 30_000,
): Promise<T> {
  const untilMs = systemClock.nowMs() + deadlineMs
  for (;;) {
    const askedMs = systemClock.nowMs()
    const value = await found()
    if (value !== undefined) return value
    if (systemClock.nowMs() > untilMs) throw new Error(`waited ${deadlineMs} ms for ${what}`)
    await systemClock.sleep(Math.min(Math.max(systemClock.nowMs() - askedMs, 50), 1_000))
  }
}

/** Below those that the kernel gives to whoever asks for any: another test beside this one could be given it before it is taken. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_240, 32_768)
    const server = createServer().listen(port, '127.0.0.1')
    const isFree = await once(server, 'listening').catch(() => undefined)
    if (isFree === undefined) continue
    server.close()
    await once(server, 'close')
    return port
  }
}
