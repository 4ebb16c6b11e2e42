// SPDX-License-Identifier: Apache-2.0
// How a program of ours is started, measured in bench/README.md ("Memory").

/** Of any program of ours: quiet about what we chose, and with no debugger to be had, from its first instruction on. */
export const plainFlags = ['--disable-warning=ExperimentalWarning', '--disable-sigusr1'] as const

/**
 * The agent's young objects need no 16 MiB. Batches lie outside of its heap, which is small: V8 would take them for a reason to
 * mark it all the time, step by step, which costs all code a third of its speed. In one go it takes a few milliseconds, now
 * and then. While little happens the agent has all of it collected (docs/adr/2026-11-22-idle-memory.md).
 */
export const agentFlags = [...plainFlags, '--max-semi-space-size=4', '--no-incremental-marking', '--expose-gc'] as const

/**
 * What the control plane makes of a batch lives until the disk has it, some milliseconds: with 16 MiB it dies young. What does
 * grow old is little, and V8 would mark a heap of 50 MB whenever 4 MB came to it, several times a second. Step by step, not
 * in one go: the heap grows with the tenants, and of a thousand, all requests would wait for 70 ms.
 */
export const serverFlags = [...plainFlags, '--max-semi-space-size=16', '--heap-growing-percent=50'] as const

/** glibc gives back what batches lay in, in the place of keeping it for each thread (mallopt(3)). */
export const memoryEnv = {
  MALLOC_ARENA_MAX: '2',
  MALLOC_MMAP_THRESHOLD_: '131072',
  MALLOC_TRIM_THRESHOLD_: '131072',
} as const
