// SPDX-License-Identifier: Apache-2.0

import { closeSync, fstatSync, openSync } from 'node:fs'
import { CallFailed, type Libc } from './libc.ts'

/** Folders, and single files, a program may use. What is not there is left out. */
export type Places = {
  readonly read: readonly string[]
  readonly execute: readonly string[]
  readonly write: readonly string[]
}

// The same numbers on all architectures, <asm-generic/unistd.h>.
const calls = { create: 444, add: 445, restrict: 446 } as const
const ASK_VERSION = 1
const RULE_PATH_BENEATH = 1
const O_PATH = 0o1000_0000

// <linux/landlock.h>
const bits = {
  execute: 1n << 0n,
  writeFile: 1n << 1n,
  readFile: 1n << 2n,
  readDir: 1n << 3n,
  removeDir: 1n << 4n,
  removeFile: 1n << 5n,
  makeDir: 1n << 7n,
  makeFile: 1n << 8n,
  makeSocket: 1n << 9n,
  makeLink: 1n << 12n,
  refer: 1n << 13n,
  truncate: 1n << 14n,
} as const
/** All that an ABI from 2 on tells apart. */
const handledBits: Readonly<Record<number, bigint>> = { 2: 14n, 3: 15n, 4: 15n }
const handledBitsNow = 16n
/** Sockets without a file: those of other programs are out of reach. */
const SCOPE_ABSTRACT_SOCKETS = 1n
const scopesFromAbi = 6

const read = bits.readFile | bits.readDir
const write = Object.values(bits).reduce((all, bit) => all | bit) & ~bits.execute
/** What can be granted on a file. */
const ofFile = bits.execute | bits.writeFile | bits.readFile | bits.truncate

/**
 * From here on this thread, and what it starts, opens nothing but `places`; not even root does. Threads that run already
 * are not held, so it comes before Node has any that opens files: call it before the first asynchronous one. Returns the ABI.
 * Open descriptors stay good.
 */
export function confineTo(places: Places, libc: Libc): number {
  const abi = libc.syscall('landlock_create_ruleset', calls.create, 0, 0, ASK_VERSION)
  // The first one forbids to rename from one folder to another, wherever they lie.
  if (abi < 2) throw new CallFailed(`Landlock of ABI ${abi}: 2 is needed, which Linux 5.19 has`)
  const handled = (1n << (handledBits[abi] ?? handledBitsNow)) - 1n
  // struct landlock_ruleset_attr: what an older kernel does not know of it is 0.
  const ruleset = new BigUint64Array([handled, 0n, abi >= scopesFromAbi ? SCOPE_ABSTRACT_SOCKETS : 0n])
  const bytes = new Uint8Array(ruleset.buffer)
  const rules = libc.syscall('landlock_create_ruleset', calls.create, libc.pointerTo(bytes), bytes.length, 0)
  try {
    for (const path of places.read) grant(path, read)
    for (const path of places.execute) grant(path, read | bits.execute)
    for (const path of places.write) grant(path, write)
    libc.syscall('landlock_restrict_self', calls.restrict, rules, 0)
  } finally {
    closeSync(rules)
  }
  return abi

  function grant(path: string, access: bigint): void {
    let beneath: number
    try {
      beneath = openSync(path, O_PATH)
    } catch {
      return
    }
    try {
      const granted = access & handled & (fstatSync(beneath).isDirectory() ? handled : ofFile)
      // struct landlock_path_beneath_attr, packed
      const rule = new DataView(new ArrayBuffer(12))
      rule.setBigUint64(0, granted, true)
      rule.setInt32(8, beneath, true)
      const at = libc.pointerTo(new Uint8Array(rule.buffer))
      libc.syscall(`landlock_add_rule for ${path}`, calls.add, rules, RULE_PATH_BENEATH, at, 0)
    } finally {
      closeSync(beneath)
    }
  }
}
