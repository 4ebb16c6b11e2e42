// SPDX-License-Identifier: Apache-2.0
// Parts that their control group has frozen: they look asleep. Of cgroup v2 (cgroup.events), and of v1 (freezer.state), whose freezer lets
// nobody be ended before he is out of it.

import { readFileSync, writeFileSync } from 'node:fs'

/** Where the tree of cgroup v2 is mounted: alone, or beside that of v1. */
const unified = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified']

/** Its control group, where that has frozen it. */
export function frozenBy(pid: number): string | undefined {
  const groups = textOf(`/proc/${pid}/cgroup`)
  const group = /^0::(\/.*)$/m.exec(groups)?.[1]
  if (group !== undefined && unified.some((root) => /^frozen 1$/m.test(textOf(`${root}${group}/cgroup.events`))))
    return group
  const old = oldGroupIn(groups)
  const isFrozen = old !== undefined && oldRoots().some((root) => /^FR/.test(textOf(`${root}${old}/freezer.state`)))
  return isFrozen ? old : undefined
}

/** Out of a frozen group of v1, so that what is sent to it arrives. Whether there was anything to be done. */
export function moveOut(pid: number): boolean {
  if (oldGroupIn(textOf(`/proc/${pid}/cgroup`)) === undefined) return false
  return oldRoots().some((root) => {
    try {
      writeFileSync(`${root}/cgroup.procs`, String(pid))
      return true
    } catch {
      return false
    }
  })
}

/** All of a machine are in the root at first, which nobody freezes. */
const oldGroupIn = (groups: string): string | undefined =>
  /^\d+:(?:[^:]*,)?freezer(?:,[^:]*)?:(\/.+)$/m.exec(groups)?.[1]

/** Wherever somebody has mounted it, by now. */
const oldRoots = (): string[] =>
  [
    ...textOf('/proc/self/mountinfo').matchAll(/^\S+ \S+ \S+ \/ (\S+) .* - cgroup \S+ (?:\S*,)?freezer(?:,\S*)?$/gm),
  ].map(([, root = '']) => root)

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
