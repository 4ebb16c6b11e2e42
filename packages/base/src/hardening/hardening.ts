// SPDX-License-Identifier: Apache-2.0

import process from 'node:process'
import { messageOf } from '../errors.ts'
import type { Log } from '../log.ts'
import { confineTo, type Places } from './landlock.ts'
import { type Libc, openLibc } from './libc.ts'
import { type DeniedCalls, denyCalls } from './seccomp.ts'

/** What docs/privileges.md describes, row by row. */
export type Measure = 'no_new_privileges' | 'places' | 'system_calls' | 'not_dumpable' | 'no_core_dumps' | 'no_debugger'

/** What holds in this process from now on, and why the rest does not. */
export type Hardening = {
  readonly applied: readonly Measure[]
  readonly missing: readonly { readonly measure: Measure; readonly reason: string }[]
}

export type Tries = Partial<Record<Measure, (libc: Libc) => void>>

/** Tries each, and tells of those that this kernel, or Node, does not have. */
export function attempt(tries: Tries, log: Log): Hardening {
  const applied: Measure[] = []
  const missing: { measure: Measure; reason: string }[] = []
  let libc: Libc | undefined
  for (const [measure, take] of Object.entries(tries) as [Measure, (libc: Libc) => void][]) {
    try {
      libc ??= openLibc()
      take(libc)
      applied.push(measure)
    } catch (error) {
      const reason = messageOf(error)
      log.warn('a measure that protects this process is missing', { measure, reason, see: 'docs/privileges.md' })
      missing.push({ measure, reason })
    }
  }
  return { applied, missing }
}

export const together = (...parts: readonly Hardening[]): Hardening => ({
  applied: parts.flatMap(({ applied }) => applied),
  missing: parts.flatMap(({ missing }) => missing),
})

// <linux/prctl.h>
const PR_SET_NO_NEW_PRIVS = 38

/**
 * Takes from this process, and all it starts, for good: files beyond `places`, system calls that no program of ours makes, and
 * whatever a setuid program would give. Before the first asynchronous use of a file (landlock.ts). In the place of places a
 * text says why they are not known. `more`: system calls that other programs make, and this one does not.
 */
export const confine = (places: Places | string, log: Log, more?: DeniedCalls): Hardening =>
  attempt(
    {
      no_new_privileges: (libc) => libc.prctl('PR_SET_NO_NEW_PRIVS', PR_SET_NO_NEW_PRIVS, 1),
      places: (libc) => {
        if (typeof places === 'string') throw new Error(places)
        confineTo(places, libc)
      },
      system_calls: (libc) => denyCalls(libc, process.arch, more),
    },
    log,
  )
