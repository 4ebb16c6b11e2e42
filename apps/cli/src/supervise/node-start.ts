// SPDX-License-Identifier: Apache-2.0
// How a program of ours is started, measured in bench/README.md ("Memory").

/**
 * Batches lie outside of the heap, which is small. V8 would take them for a reason to mark it all the time, step by step,
 * which costs all code a third of its speed: in one go it takes a few milliseconds, now and then. Nor does it need 16 MiB
 * and more for young objects.
 */
export const nodeFlags = [
  '--disable-warning=ExperimentalWarning',
  '--no-incremental-marking',
  '--max-semi-space-size=4',
] as const

/** glibc gives back what batches lay in, in the place of keeping it for each thread (mallopt(3)). */
export const memoryEnv = {
  MALLOC_ARENA_MAX: '2',
  MALLOC_MMAP_THRESHOLD_: '131072',
  MALLOC_TRIM_THRESHOLD_: '131072',
} as const
