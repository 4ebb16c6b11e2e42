// SPDX-License-Identifier: Apache-2.0
// `node memory-child.ts KIND`: keeps a key and says in JSON how it lies.

import { getRawPointer } from 'node:ffi'
import { closeSync, openSync, readFileSync, readSync } from 'node:fs'
import process from 'node:process'
import { type MemoryKind, openLockedMemory } from '../src/sealing/locked-memory.ts'

const memory = openLockedMemory(4, process.argv[2] as MemoryKind)
const slot = memory.keep(new Uint8Array(32).fill(1))
const at = getRawPointer(slot.bytes)
console.log(JSON.stringify({ kind: memory.kind, readable: isReadable(at), flags: flagsOf(at) }))

function isReadable(address: bigint): boolean {
  const file = openSync('/proc/self/mem', 'r')
  try {
    const found = Buffer.alloc(32)
    readSync(file, found, 0, 32, address)
    return found.every((byte) => byte === 1)
  } catch {
    return false
  } finally {
    closeSync(file)
  }
}

/** VmFlags of the mapping (proc_pid_smaps(5)). */
function flagsOf(address: bigint): string[] {
  let inside = false
  for (const line of readFileSync('/proc/self/smaps', 'utf8').split('\n')) {
    const range = /^([0-9a-f]+)-([0-9a-f]+) /.exec(line)
    if (range !== null) inside = address >= BigInt(`0x${range[1]}`) && address < BigInt(`0x${range[2]}`)
    else if (inside && line.startsWith('VmFlags:')) return line.split(' ').slice(1)
  }
  return []
}
