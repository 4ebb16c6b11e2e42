// SPDX-License-Identifier: Apache-2.0

import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import process from 'node:process'
import { type Clock, type Log, messageOf } from '@sealwatch/base'
import { isAlive, type Task, taskOf } from './task.ts'

/** A program the supervisor keeps alive. */
export type Part = {
  readonly name: string
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Handed to each of its lives on standard input, as JSON, and closed to whoever reads /proc (signers/handed.ts). */
  readonly secrets?: Readonly<Record<string, string>> | undefined
  /** Standard output and error are appended here. */
  readonly log: string
  /** From SIGTERM to SIGKILL. */
  readonly stopMs: number
}

export type PartState = {
  readonly name: string
  /** Undefined between two lives. */
  readonly task: Task | undefined
  readonly startedMs: number
  readonly restarts: number
  /** How the last life ended: `exit 1`, `SIGKILL`. */
  readonly lastExit: string | undefined
}

export type RunningPart = {
  readonly state: () => PartState
  /** Ends it for good: asks, waits, insists. */
  readonly stop: () => Promise<void>
  /** Ends it at once. */
  readonly kill: () => void
}

type Surroundings = { readonly clock: Clock; readonly log: Log; readonly onChange: () => void }

const restartMinMs = 50
/** A dead part is back within this time, also when it keeps dying. */
const restartMaxMs = 1000
/** A life this long earns a fresh start of the backoff. */
const soundLifeMs = 10_000

export function startPart(part: Part, { clock, log, onChange }: Surroundings): RunningPart {
  const stopping = new AbortController()
  let child: ChildProcess | undefined
  let state: PartState = { name: part.name, task: undefined, startedMs: 0, restarts: 0, lastExit: undefined }
  const change = (next: Partial<PartState>) => {
    state = { ...state, ...next }
    onChange()
  }

  const live = async () => {
    const exited = Promise.withResolvers<string>()
    try {
      child = launch(part)
    } catch (error) {
      // No room for its log, no memory for a process: as passing as any other end.
      change({ lastExit: messageOf(error) })
      return messageOf(error)
    }
    child.once('exit', (code, signal) => exited.resolve(signal ?? `exit ${code}`))
    child.once('error', (error) => exited.resolve(error.message))
    change({ task: child.pid === undefined ? undefined : taskOf(child.pid), startedMs: clock.nowMs() })
    const lastExit = await exited.promise
    change({ task: undefined, lastExit })
    return lastExit
  }

  const lives = async () => {
    let waitMs = restartMinMs
    while (!stopping.signal.aborted) {
      const born = clock.nowMs()
      const lastExit = await live()
      if (stopping.signal.aborted) break
      if (clock.nowMs() - born >= soundLifeMs) waitMs = restartMinMs
      log.warn('a part ended and is started again', { part: part.name, lastExit, inMs: waitMs })
      await clock.sleep(waitMs, stopping.signal)
      waitMs = Math.min(waitMs * 2, restartMaxMs)
      if (!stopping.signal.aborted) change({ restarts: state.restarts + 1 })
    }
  }
  const ended = lives()

  const kill = () => {
    stopping.abort()
    // The whole session, should it have started something of its own.
    if (state.task !== undefined && isAlive(state.task)) process.kill(-state.task.pid, 'SIGKILL')
  }
  const stop = async () => {
    stopping.abort()
    child?.kill('SIGTERM')
    const patience = new AbortController()
    const insist = clock.sleep(part.stopMs, patience.signal).then(() => patience.signal.aborted || kill())
    await ended
    patience.abort()
    await insist
  }
  return { state: () => state, stop, kill }
}

function launch(part: Part): ChildProcess {
  const [command = '', ...args] = part.argv
  const fd = openSync(part.log, 'a', 0o600)
  try {
    // A session of its own: Ctrl-C reaches the supervisor alone, which then stops the parts in order.
    const options = { cwd: '/', detached: true, env: part.env } as const
    if (part.secrets === undefined) return spawn(command, args, { ...options, stdio: ['ignore', fd, fd] })
    const child = spawn(command, args, { ...options, stdio: ['pipe', fd, fd] })
    // A part that ends before it has read them says so by its end.
    child.stdin?.on('error', () => undefined)
    child.stdin?.end(JSON.stringify(part.secrets))
    return child
  } finally {
    closeSync(fd)
  }
}
