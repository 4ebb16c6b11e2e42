// SPDX-License-Identifier: Apache-2.0
// How a program of ours is started, measured in bench/README.md ("Memory").

/** Young objects need no 16 MiB and more. */
export const nodeFlags = ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=4'] as const

/**
 * Batches lie outside of the heap, which is small. V8 would take them for a reason to mark it all the time, step by step,
 * which costs all code a third of its speed: in one go it takes a few milliseconds, now and then. Not for the control plane,
 * which gives batches back itself, and whose heap grows with its tenants: of a thousand, all requests would wait for 70 ms.
 */
export const markAtOnce = '--no-incremental-marking'

/** glibc gives back what batches lay in, in the place of keeping it for each thread (mallopt(3)). */
export const memoryEnv = {
  MALLOC_ARENA_MAX: '2',
  MALLOC_MMAP_THRESHOLD_: '131072',
  MALLOC_TRIM_THRESHOLD_: '131072',
} as const
