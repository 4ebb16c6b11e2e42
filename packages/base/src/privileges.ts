// SPDX-License-Identifier: Apache-2.0

import { readFileSync, statSync } from 'node:fs'
import process from 'node:process'
import { type ErrorTable, errorsOf } from './errors.ts'
import { type Libc, openLibc } from './hardening/libc.ts'

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

type User = { readonly uid: number; readonly gid: number }

/** Numbers of <linux/capability.h>; what a program of ours that starts as root needs to be root no more. */
const toBecomeAnother = { CAP_SETGID: 6, CAP_SETUID: 7 } as const
/** What one may keep, and has to have. */
const keepable = { CAP_KILL: 5 } as const
export type KeptCapability = keyof typeof keepable

/**
 * Gives up root for good. Everything the program will ever import must be loaded before: the code may lie where only
 * root may read. A process that is not root, as under a systemd unit with User=, is whom it is to be. Of capabilities only those
 * that are `kept` are left, to the thread that calls and to no other. Throws CAPABILITY_MISSING.
 */
export function dropPrivileges({ uid, gid }: User, kept: readonly KeptCapability[] = []): void {
  const isRoot = process.getuid?.() === 0
  if (process.platform === 'linux')
    requireCapabilities({
      ...(isRoot && toBecomeAnother),
      ...Object.fromEntries(kept.map((name) => [name, keepable[name]])),
    })
  const libc = kept.length === 0 ? undefined : openLibc()
  if (isRoot) {
    libc?.prctl('PR_SET_KEEPCAPS', PR_SET_KEEPCAPS, 1)
    process.setgroups?.([])
    process.setgid?.(gid)
    process.setuid?.(uid)
    libc?.prctl('PR_SET_KEEPCAPS', PR_SET_KEEPCAPS, 0)
  }
  if (libc !== undefined) holdOnly(libc, kept)
}

// <linux/prctl.h>, <linux/capability.h>
const [PR_SET_KEEPCAPS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL] = [8, 47, 4]
const CAPABILITY_VERSION_3 = 0x2008_0522
const capset = { x64: 126, arm64: 91 } as const

/** No program that is started would have them. */
function holdOnly(libc: Libc, kept: readonly KeptCapability[]): void {
  const { arch } = process
  if (arch !== 'x64' && arch !== 'arm64') throw new Error(`nobody knows the system calls of ${arch}`)
  libc.prctl('PR_CAP_AMBIENT_CLEAR_ALL', PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
  const bits = kept.reduce((all, name) => all | (1 << keepable[name]), 0)
  const header = new Uint8Array(new Uint32Array([CAPABILITY_VERSION_3, 0]).buffer)
  // Effective, permitted, inheritable: of the first 32, and of those above.
  const sets = new Uint8Array(new Uint32Array([bits, bits, 0, 0, 0, 0]).buffer)
  libc.syscall('capset', capset[arch], libc.pointerTo(header), libc.pointerTo(sets))
}

function requireCapabilities(needed: Readonly<Record<string, number>>): void {
  const effective = /^CapEff:\t([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1] ?? '0'
  const has = (number: number) => ((BigInt(`0x${effective}`) >> BigInt(number)) & 1n) === 1n
  const missing = Object.keys(needed).filter((name) => !has(needed[name] as number))
  if (missing.length > 0)
    throw privilegeError('CAPABILITY_MISSING', { attempted: 'starting', received: `none of ${missing.join(', ')}` })
}

/** As another user, where root calls: `work` opens what they may, and whoever watches files sees them do it. */
export function asUser<T>({ uid, gid }: User, work: () => T): T {
  if (process.getuid?.() !== 0) return work()
  process.setegid?.(gid)
  process.seteuid?.(uid)
  try {
    return work()
  } finally {
    process.seteuid?.(0)
    process.setegid?.(0)
  }
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
