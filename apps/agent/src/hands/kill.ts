// SPDX-License-Identifier: Apache-2.0
// Ends processes (docs/formats/orders.md, 5). Nothing here waits for a disk or for another program: from call to signal it is one run.

import { CallFailed, isSealwatchError, type Pidfd } from '@sealwatch/base'
import { handsError } from './errors.ts'
import { beganAt, type ProcStat, readEveryStat, readStat } from './proc-stat.ts'
import type { Spared } from './spare.ts'
import { createTree } from './tree.ts'

export type Target = { readonly pid: number; readonly startNs: bigint }

/** What became of a command, but for whether all of them are over. */
export type Killed = {
  readonly killed: number
  readonly rounds: number
  readonly spared: number
  readonly left: number
  readonly signalledNs: bigint
  /** Of those that were signalled, whether any has not ended yet. */
  readonly isAnyLeft: () => boolean
}

export type Killer = {
  /** Throws TARGET_GONE, TARGET_SPARED or SIGNAL_REFUSED, and then nothing was signalled. */
  kill(target: Target): Killed
  /** The same of the process itself; then all that descends from it. */
  killTree(target: Target): Killed
  /** Lets a protected process go on that stands still and that nobody traces; whether it did stand still. */
  free(target: Target): boolean
}

export type KillerOptions = {
  readonly open: (pid: number) => Pidfd | undefined
  readonly spared: Spared
  readonly bootNs: () => bigint
}

const [SIGKILL, SIGCONT, SIGSTOP] = [9, 18, 19]

export const killLimits = {
  /** Looks at all processes, of one tree. */
  roundsMax: 256,
  /** Looks in a row that find nothing more, after which the rest of a tree is ended though some of it was not seen to stop. */
  quietMax: 16,
} as const

export function createKiller({ open, spared, bootNs }: KillerOptions): Killer {
  /**
   * Signals the process of that number if it is the one that is meant, and returns what it is; undefined: that one is over. Opened first, compared
   * then: what is open began when it should have, or has ended since. Throws SIGNAL_REFUSED, or what `isMeant` throws.
   */
  function signal(pid: number, number: number, isMeant: (stat: ProcStat) => boolean): ProcStat | undefined {
    const handle = open(pid)
    if (handle === undefined) return undefined
    try {
      const stat = readStat(pid)
      if (stat === undefined || stat.isOver || !isMeant(stat)) return undefined
      return handle.signal(number) ? stat : undefined
    } catch (cause) {
      if (!(cause instanceof CallFailed)) throw cause
      throw handsError('SIGNAL_REFUSED', { attempted: `ending process ${pid}`, received: cause.message, cause })
    } finally {
      handle.close()
    }
  }

  function signalTarget({ pid, startNs }: Target, number: number): ProcStat {
    const attempted = `ending process ${pid}`
    const stat = signal(pid, number, (found) => {
      const why = beganAt(found, startNs) ? spared.why(found, readStat) : undefined
      if (why !== undefined) throw handsError('TARGET_SPARED', { attempted, received: why })
      return beganAt(found, startNs)
    })
    if (stat !== undefined) return stat
    throw handsError('TARGET_GONE', { attempted, received: `${pid}, begun at ${startNs} ns` })
  }

  /** One of a tree that the kernel does not let us signal is no reason to leave the others. */
  function isSignalled({ pid, startTicks }: ProcStat, number: number): boolean {
    try {
      return signal(pid, number, (found) => found.startTicks === startTicks) !== undefined
    } catch (error) {
      if (isSealwatchError(error, 'SIGNAL_REFUSED')) return false
      throw error
    }
  }

  return {
    // Also one that is not stopped yet: the stop that a tracer asked for may still be on its way, and SIGCONT takes it away.
    free: ({ pid, startNs }) => {
      const stat = signal(pid, SIGCONT, (found) => beganAt(found, startNs) && spared.isNamed(found))
      return stat?.isStopped === true
    },
    kill: (target) => {
      const stat = signalTarget(target, SIGKILL)
      const signalledNs = bootNs()
      return { killed: 1, rounds: 0, spared: 0, left: 0, signalledNs, isAnyLeft: () => !isGone(stat) }
    },
    killTree: (target) => {
      const root = signalTarget(target, SIGSTOP)
      const tree = createTree(root, spared)
      let [rounds, quiet] = [0, 0]
      // A fork that is under way when its process is told to stop is completed first: what was stopped before a look began has begun all that it ever
      // will. What cannot be stopped, for it waits in the kernel, is waited for some looks.
      for (let areStopped = false; quiet < killLimits.quietMax && rounds < killLimits.roundsMax; rounds += 1) {
        const every = readEveryStat()
        quiet = tree.newIn(every).length === 0 ? quiet + 1 : 0
        if (quiet > 0 && areStopped) break
        const going = tree.goingIn(every)
        for (const stat of going) isSignalled(stat, SIGSTOP)
        areStopped = going.length === 0
      }
      const signalledNs = bootNs()
      const ended = tree.all().filter((stat) => isSignalled(stat, SIGKILL))
      const left = rounds < killLimits.roundsMax ? 0 : tree.newIn(readEveryStat()).length
      const isAnyLeft = () => ended.some((stat) => !isGone(stat))
      return { killed: ended.length, rounds, spared: tree.spared, left, signalledNs, isAnyLeft }
    },
  }
}

/** It is over, or its number is another's by now. */
function isGone(known: ProcStat): boolean {
  const stat = readStat(known.pid)
  return stat === undefined || stat.isOver || stat.startTicks !== known.startTicks
}
