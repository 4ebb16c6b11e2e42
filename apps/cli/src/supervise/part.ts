// SPDX-License-Identifier: Apache-2.0

import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import process from 'node:process'
import type { Duplex } from 'node:stream'
import { type Clock, type Log, messageOf } from '@sealwatch/base'
import { supervisionFd } from '@sealwatch/contract'
import { foremost, giveRank, type Rank, wantedRank } from './rank.ts'
import { isAlive, signalTask, type Task, taskOf } from './task.ts'

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
  /** It is born with a socket to us, as its descriptor 3 (supervision.ts). */
  readonly hasLine?: boolean
  /** Where the kernel looks first when memory runs out; what it was born with where none is set. */
  readonly oomScore?: number
  /** It sees an attack, or answers it: nobody comes before it. */
  readonly isForemost?: boolean
  /** Others are served by it: of it and a tracer it is the tracer that is ended. */
  readonly isService?: boolean
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
  readonly isService: boolean
  readonly state: () => PartState
  /** Ends it for good: asks, waits, insists. */
  readonly stop: () => Promise<void>
  /** Ends it at once. */
  readonly kill: () => void
  /** Ends this life of it; another begins. */
  readonly restart: (signal: NodeJS.Signals) => void
  /** What this life of it is to have of the machine; undefined between two. */
  readonly rank: () => Rank | undefined
  /** This life was killed by us, and has not ended yet. */
  readonly isKilled: () => boolean
  /** Its process is dead, and whoever traces it keeps its end from us: another life begins. */
  readonly withheld: () => void
}

/** A life that ended by itself, or by somebody else, and after which another began. */
export type PartEnd = {
  readonly name: string
  /** 0: it could not be started. */
  readonly pid: number
  readonly lastExit: string
  /** Until the next one was started. */
  readonly tookMs: number
  /** We told it to. */
  readonly bySupervisor: boolean
}

type Surroundings = {
  /** What the supervisor was given when it started, and so all that it starts. */
  readonly rank?: Rank | undefined
  readonly clock: Clock
  readonly log: Log
  readonly onChange: () => void
  readonly onLine?: (socket: Duplex) => void
  readonly onBack?: (end: PartEnd) => void
}

/** The first one at once, for it may have been killed by somebody who needs a second of darkness. */
const restartMinMs = 50
/** A dead part is back within this time, also when it keeps dying. */
const restartMaxMs = 1000
/** A life this long earns a fresh start of the backoff. */
const soundLifeMs = 10_000

export function startPart(
  part: Part,
  { rank: inherited, clock, log, onChange, onLine, onBack }: Surroundings,
): RunningPart {
  const stopping = new AbortController()
  let told: NodeJS.Signals | undefined
  let exited = Promise.withResolvers<string>()
  let before: (Omit<PartEnd, 'tookMs'> & { readonly endedMs: number }) | undefined
  let child: ChildProcess | undefined
  let rank: Rank | undefined
  let state: PartState = { name: part.name, task: undefined, startedMs: 0, restarts: 0, lastExit: undefined }
  const change = (next: Partial<PartState>) => {
    state = { ...state, ...next }
    onChange()
  }

  const bornWith = (pid: number): Rank | undefined => {
    const own = { ...(part.isForemost && foremost), ...(part.oomScore !== undefined && { oomScore: part.oomScore }) }
    const refused = giveRank(pid, own)
    if (refused !== undefined)
      log.warn('a part waits its turn, or is ended for want of memory, as others are', { part: part.name, refused })
    return wantedRank(pid, own, inherited)
  }

  const live = async () => {
    exited = Promise.withResolvers<string>()
    const { resolve } = exited
    told = undefined
    const ended = (lastExit: string) => {
      before ??= {
        name: part.name,
        pid: child?.pid ?? 0,
        lastExit,
        bySupervisor: told !== undefined,
        endedMs: clock.nowMs(),
      }
      rank = undefined
      change({ task: undefined, lastExit })
      return lastExit
    }
    try {
      child = launch(part)
    } catch (error) {
      // No room for its log, no memory for a process: as passing as any other end.
      child = undefined
      return ended(messageOf(error))
    }
    child.once('exit', (code, signal) => resolve(signal ?? `exit ${code}`))
    child.once('error', (error) => resolve(error.message))
    const line = child.stdio[supervisionFd]
    if (part.hasLine === true && line) onLine?.(line as Duplex)
    rank = child.pid === undefined ? undefined : bornWith(child.pid)
    change({ task: child.pid === undefined ? undefined : taskOf(child.pid), startedMs: clock.nowMs() })
    if (before !== undefined) {
      const { endedMs, ...end } = before
      before = undefined
      onBack?.({ ...end, tookMs: clock.nowMs() - endedMs })
    }
    return ended(await exited.promise)
  }

  const lives = async () => {
    let waitMs = 0
    while (!stopping.signal.aborted) {
      const born = clock.nowMs()
      const lastExit = await live()
      if (stopping.signal.aborted) break
      if (clock.nowMs() - born >= soundLifeMs) waitMs = 0
      log.warn('a part ended and is started again', { part: part.name, lastExit, inMs: waitMs })
      await clock.sleep(waitMs, stopping.signal)
      waitMs = Math.min(Math.max(waitMs * 2, restartMinMs), restartMaxMs)
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
  const restart = (signal: NodeJS.Signals) => {
    told = signal
    if (state.task !== undefined) signalTask(state.task, signal)
  }
  const withheld = () => exited.resolve('ended, and is kept as a zombie by its tracer')
  const isService = part.isService === true
  return {
    isService,
    state: () => state,
    stop,
    kill,
    restart,
    rank: () => rank,
    isKilled: () => told === 'SIGKILL',
    withheld,
  }
}

function launch(part: Part): ChildProcess {
  const [command = '', ...args] = part.argv
  const fd = openSync(part.log, 'a', 0o600)
  try {
    const stdio: StdioOptions = [part.secrets === undefined ? 'ignore' : 'pipe', fd, fd]
    if (part.hasLine === true) stdio[supervisionFd] = 'pipe'
    // A session of its own: Ctrl-C reaches the supervisor alone, which then stops the parts in order.
    const child = spawn(command, args, { cwd: '/', detached: true, env: part.env, stdio })
    // A part that ends before it has read them says so by its end.
    child.stdin?.on('error', () => undefined)
    child.stdin?.end(JSON.stringify(part.secrets))
    return child
  } finally {
    closeSync(fd)
  }
}
