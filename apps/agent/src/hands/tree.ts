// SPDX-License-Identifier: Apache-2.0

import type { ProcStat } from './proc-stat.ts'
import type { Spared } from './spare.ts'

/** A process and what it began, as far as it was found (docs/formats/orders.md, 5.3). */
export type Tree = {
  /** Of the tree, alive, and not known before, among all processes of the machine; from then on they are known. */
  newIn(every: readonly ProcStat[]): readonly ProcStat[]
  /** Of those that are known, which were alive in that look and not stopped. */
  goingIn(every: readonly ProcStat[]): readonly ProcStat[]
  /** All that are known, that one first. */
  all(): readonly ProcStat[]
  /** How many of it may not be ended. */
  readonly spared: number
}

/** Nobody looks further up for what is spared. */
const ancestorsMax = 64

export function createTree(root: ProcStat, spared: Spared): Tree {
  const known = new Map<number, ProcStat>([[root.pid, root]])
  const left = new Set<number>()

  function newIn(every: readonly ProcStat[]): readonly ProcStat[] {
    const byPid = new Map(every.map((stat) => [stat.pid, stat]))
    const fresh: ProcStat[] = []
    /** The tree's own process of this number; another one may have it by now. */
    const isTrees = (pid: number): boolean => {
      const [was, is] = [known.get(pid), byPid.get(pid)]
      return was !== undefined && (is === undefined || is.startTicks === was.startTicks)
    }
    const isBegunByTree = ({ pid, parent, group, session, startTicks }: ProcStat): boolean =>
      startTicks >= root.startTicks && [parent, group, session].some((of) => of !== pid && isTrees(of))
    /** Itself, or above it on the way to the tree: what is spared is left with what descends from it. */
    function isSpared(stat: ProcStat): boolean {
      for (let at: ProcStat | undefined = stat, i = 0; at !== undefined && i < ancestorsMax; i += 1) {
        if (at.startTicks < root.startTicks || at.pid === 1) return false
        if (spared.why(at, (pid) => byPid.get(pid)) !== undefined) return true
        at = isTrees(at.parent) ? undefined : byPid.get(at.parent)
      }
      return false
    }
    // Parents mostly come before their children, but numbers may begin anew: until a pass finds nothing more.
    for (let before = -1; before !== fresh.length; ) {
      before = fresh.length
      for (const stat of every) {
        if (stat.isOver || isTrees(stat.pid) || left.has(stat.pid) || !isBegunByTree(stat)) continue
        if (isSpared(stat)) left.add(stat.pid)
        else {
          known.set(stat.pid, stat)
          fresh.push(stat)
        }
      }
    }
    return fresh
  }

  return {
    newIn,
    goingIn: (every) =>
      every.filter(({ pid, startTicks, isOver, isStopped }) => {
        return !isOver && !isStopped && known.get(pid)?.startTicks === startTicks
      }),
    all: () => [...known.values()],
    get spared() {
      return left.size
    },
  }
}
