// SPDX-License-Identifier: Apache-2.0

import { dlopen, toArrayBuffer } from 'node:ffi'

export const keyBytes = 32

/**
 * How well the pages are kept: `secret` by memfd_secret(2), which not even root reads through /proc/PID/mem or ptrace;
 * `locked` never swapped, never in a core dump, empty in a forked child; `heap` like any other memory.
 */
export type MemoryKind = 'secret' | 'locked' | 'heap'

/** Room for one key. */
export type KeySlot = {
  /** The live bytes. Throws when the key was wiped: an erased key must never be used as 32 zero bytes. */
  readonly bytes: Uint8Array
  readonly wiped: boolean
  /** Zeroes the bytes and gives the room back. */
  wipe(): void
}

export type LockedMemory = {
  readonly kind: MemoryKind
  /** Takes over a key: copies it into a slot and zeroes `source`. Throws RangeError when all slots are in use. */
  keep(source: Uint8Array): KeySlot
}

/** Pages for `keysMax` keys, the best that this machine gives; they stay mapped for the life of the process. */
export function openLockedMemory(keysMax: number, wanted: MemoryKind = 'secret'): LockedMemory {
  const bytes = Math.ceil((keysMax * keyBytes) / pageBytes) * pageBytes
  const { kind, memory } = (wanted === 'heap' ? undefined : mapPages(bytes, wanted)) ?? {
    kind: 'heap' as const,
    memory: new ArrayBuffer(bytes),
  }
  const free = Array.from({ length: keysMax }, (_, i) => (keysMax - 1 - i) * keyBytes)
  return {
    kind,
    keep: (source) => {
      const offset = free.pop()
      if (offset === undefined) throw new RangeError(`more than ${keysMax} keys are in use`)
      const bytes = new Uint8Array(memory, offset, keyBytes)
      bytes.set(source)
      source.fill(0)
      let wiped = false
      return {
        get bytes() {
          if (wiped) throw new RangeError('a key was used after it was wiped')
          return bytes
        },
        get wiped() {
          return wiped
        },
        wipe: () => {
          if (wiped) return
          wiped = true
          bytes.fill(0)
          free.push(offset)
        },
      }
    },
  }
}

const pageBytes = 4096

// Linux, the same on x86-64 and arm64: <sys/mman.h>, <fcntl.h>, <asm-generic/unistd.h>.
const memfdSecret = 447n
const closeOnExec = 0o2000000n
const readWrite = 3
const mapShared = 1
const mapPrivateAnonymous = 0x22
const dontDump = 16
const dontFork = 10
const wipeOnFork = 18
const mapFailed = 0xffff_ffff_ffff_ffffn

const libc = {
  mmap: { return: 'pointer', arguments: ['pointer', 'u64', 'i32', 'i32', 'i32', 'i64'] },
  munmap: { return: 'i32', arguments: ['pointer', 'u64'] },
  mlock: { return: 'i32', arguments: ['pointer', 'u64'] },
  madvise: { return: 'i32', arguments: ['pointer', 'u64', 'i32'] },
  ftruncate: { return: 'i32', arguments: ['i32', 'i64'] },
  close: { return: 'i32', arguments: ['i32'] },
  syscall: { return: 'i64', arguments: ['i64', 'u64'] },
} as const

function mapPages(bytes: number, wanted: MemoryKind): { kind: MemoryKind; memory: ArrayBuffer } | undefined {
  const calls = open()
  if (calls === undefined) return undefined
  const size = BigInt(bytes)
  return (wanted === 'secret' ? mapSecret() : undefined) ?? mapLocked()

  function mapSecret() {
    const fd = Number(calls?.syscall(memfdSecret, closeOnExec))
    if (fd < 0) return undefined
    const sized = calls?.ftruncate(fd, size) === 0
    const at = sized ? calls.mmap(null, size, readWrite, mapShared, fd, 0n) : mapFailed
    calls?.close(fd)
    if (at === undefined || at === mapFailed) return undefined
    // Shared pages cannot be wiped on fork; a child does not get them at all.
    return finish('secret', at, [dontDump, dontFork])
  }

  function mapLocked() {
    const at = calls?.mmap(null, size, readWrite, mapPrivateAnonymous, -1, 0n)
    if (at === undefined || at === mapFailed) return undefined
    if (calls?.mlock(at, size) !== 0) {
      calls?.munmap(at, size)
      return undefined
    }
    return finish('locked', at, [dontDump, wipeOnFork])
  }

  function finish(kind: MemoryKind, at: bigint, advice: readonly number[]) {
    if (advice.every((what) => calls?.madvise(at, size, what) === 0)) {
      const memory = toArrayBuffer(at, bytes, false)
      return { kind, memory }
    }
    calls?.munmap(at, size)
    return undefined
  }
}

function open() {
  try {
    return dlopen('libc.so.6', libc).functions
  } catch {
    return undefined
  }
}
