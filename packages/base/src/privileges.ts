// SPDX-License-Identifier: Apache-2.0

import { readFileSync, statSync } from 'node:fs'
import process from 'node:process'
import { type ErrorTable, errorsOf } from './errors.ts'

export const privilegeErrors = {
  OWNER_ROOT: {
    kind: 'denied',
    rule: 'what serves strangers runs as the owner of its directory, and that is not root',
    advice: 'Give the directory and all in it to a user of its own: chown -R 64704:64704 DIR',
  },
  OWNER_OTHER: {
    kind: 'denied',
    rule: 'a directory is there, and is used by its owner, or by root in his name',
    advice: 'Run it again as that user or with sudo, or name another directory with --data DIR',
  },
  CAPABILITY_MISSING: {
    kind: 'denied',
    rule: 'a program has the capabilities that its start needs (docs/privileges.md)',
    advice: 'Give it those, or start it as the user it is to run as: then it needs none',
  },
} as const satisfies ErrorTable
const privilegeError = errorsOf(privilegeErrors)

/**
 * Gives up root for good. Everything the program will ever import must be loaded before: the code may lie where only
 * root may read. Does nothing when the process is not root, as under a systemd unit with User=. Throws CAPABILITY_MISSING.
 */
export function dropPrivileges({ uid, gid }: { readonly uid: number; readonly gid: number }): void {
  if (process.getuid?.() !== 0) return
  if (process.platform === 'linux') requireCapabilities(toBecomeAnother)
  process.setgroups?.([])
  process.setgid?.(gid)
  process.setuid?.(uid)
}

/** Numbers of <linux/capability.h>; what a program of ours that starts as root needs to be root no more. */
const toBecomeAnother = { CAP_SETGID: 6, CAP_SETUID: 7 } as const

function requireCapabilities(needed: Readonly<Record<string, number>>): void {
  const effective = /^CapEff:\t([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1] ?? '0'
  const has = (number: number) => ((BigInt(`0x${effective}`) >> BigInt(number)) & 1n) === 1n
  const missing = Object.keys(needed).filter((name) => !has(needed[name] as number))
  if (missing.length > 0)
    throw privilegeError('CAPABILITY_MISSING', {
      attempted: 'giving up root',
      received: `none of ${missing.join(', ')}`,
    })
}

/**
 * Makes `path` the working directory. Where root calls, it becomes the owner of `path` for good: what it then writes is
 * the owner's, no link that he laid leads it astray, and folders above may be closed to him. Throws OWNER_ROOT, OWNER_OTHER,
 * CAPABILITY_MISSING.
 */
export function workAsOwnerOf(path: string): void {
  const attempted = `entering ${path}`
  try {
    process.chdir(path)
  } catch (cause) {
    throw privilegeError('OWNER_OTHER', { attempted, received: (cause as NodeJS.ErrnoException).code, cause })
  }
  const { uid, gid } = statSync('.')
  const self = process.getuid?.()
  if (self !== 0 && self !== uid) throw privilegeError('OWNER_OTHER', { attempted, received: `the user ${uid}` })
  if (uid === 0) throw privilegeError('OWNER_ROOT', { attempted, received: 'root' })
  dropPrivileges({ uid, gid })
}
