// SPDX-License-Identifier: Apache-2.0
// The machine's own mount namespace: in it alone a path says which program runs. The guard may have one of its own, by its unit.

import { readFileSync, readlinkSync } from 'node:fs'

/** No namespace has this number: who is let by a path is let nowhere. */
export const unknownNamespace = 0

/**
 * Inode number. `file`: where root wrote it, for a guard that never was root; else it is that of the first process, as root sees it, or our own where
 * not even root may look at that one (in a container). Read before rights are given up.
 */
export function machineMountNamespace(file: string): number {
  if (file !== '') return numberIn(() => readFileSync(file, 'latin1'), /^(\d{1,10})\n?$/)
  const inode = /^mnt:\[(\d{1,10})\]$/
  return (
    numberIn(() => readlinkSync('/proc/1/ns/mnt'), inode) || numberIn(() => readlinkSync('/proc/self/ns/mnt'), inode)
  )
}

function numberIn(read: () => string, form: RegExp): number {
  try {
    return Number(form.exec(read())?.[1] ?? unknownNamespace)
  } catch {
    return unknownNamespace
  }
}
