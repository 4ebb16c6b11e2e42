// SPDX-License-Identifier: Apache-2.0

import process from 'node:process'
import { getSystemErrorName } from 'node:util'

/** What the C library does for us that Node has no call for. */
export type Libc = {
  /** Returns what the system call returned. Throws CallFailed where that is negative. */
  syscall(what: string, number: number, ...args: readonly (number | bigint)[]): number
  prctl(what: string, option: number, value: number): void
  setrlimit(what: string, resource: number, limit: Uint8Array): void
  /** Lets `signal` through to the main thread. */
  unblock(signal: number): void
  madvise(what: string, from: bigint, bytes: number, advice: number): void
  /** Gives to the kernel what free() keeps; Linux and malloc_trim(3). */
  trimHeap(): void
  /** Good for as long as `bytes` is. */
  pointerTo(bytes: Uint8Array<ArrayBuffer>): bigint
}

/** Its message is what was tried and the name of the error: `landlock_restrict_self: EPERM`. */
export class CallFailed extends Error {}

const SIG_UNBLOCK = 1
const signalSetBytes = 128
const symbols = {
  syscall: { return: 'i64', arguments: ['i64', 'u64', 'u64', 'u64', 'u64', 'u64', 'u64'] },
  prctl: { return: 'i32', arguments: ['i32', 'u64', 'u64', 'u64', 'u64'] },
  setrlimit: { return: 'i32', arguments: ['i32', 'buffer'] },
  madvise: { return: 'i32', arguments: ['u64', 'u64', 'i32'] },
  malloc_trim: { return: 'i32', arguments: ['u64'] },
  pthread_sigmask: { return: 'i32', arguments: ['i32', 'buffer', 'pointer'] },
  __errno_location: { return: 'pointer', arguments: [] },
} as const

/** Throws where there is no glibc, or no node:ffi. */
export function openLibc(): Libc {
  // Whoever imports this and does not call it has nothing to do with what node calls experimental, and is told nothing of it.
  const ffi = process.getBuiltinModule('node:ffi')
  const { functions } = ffi.dlopen('libc.so.6', symbols)
  const checked = (what: string, returned: number | bigint): number => {
    if (returned >= 0) return Number(returned)
    throw new CallFailed(`${what}: ${getSystemErrorName(-ffi.getInt32(functions.__errno_location(), 0))}`)
  }
  return {
    syscall(what, number, ...args) {
      const [a = 0n, b = 0n, c = 0n, d = 0n, e = 0n, f = 0n] = args.map((one) => BigInt(one))
      return checked(what, functions.syscall(BigInt(number), a, b, c, d, e, f))
    },
    prctl: (what, option, value) => void checked(what, functions.prctl(option, BigInt(value), 0n, 0n, 0n)),
    setrlimit: (what, resource, limit) => void checked(what, functions.setrlimit(resource, limit)),
    madvise: (what, from, bytes, advice) => void checked(what, functions.madvise(from, BigInt(bytes), advice)),
    trimHeap: () => void functions.malloc_trim(0n),
    unblock(signal) {
      const set = new Uint8Array(signalSetBytes)
      set[(signal - 1) >> 3] = 1 << ((signal - 1) & 7)
      functions.pthread_sigmask(SIG_UNBLOCK, set, 0n)
    },
    pointerTo: (bytes) => ffi.getRawPointer(bytes),
  }
}
