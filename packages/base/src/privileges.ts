// SPDX-License-Identifier: Apache-2.0

import process from 'node:process'

/**
 * Gives up root for good. Everything the program will ever import must be loaded before: the code may lie where only
 * root may read. Does nothing when the process is not root, as under a systemd unit with User=.
 */
export function dropPrivileges({ uid, gid }: { readonly uid: number; readonly gid: number }): void {
  if (process.getuid?.() !== 0) return
  process.setgroups?.([])
  process.setgid?.(gid)
  process.setuid?.(uid)
}
