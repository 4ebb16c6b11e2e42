// SPDX-License-Identifier: Apache-2.0

/**
 * Was the line from byte `from` to `newline` (-1: it has none) cut short by a crash? Some file systems leave zeros
 * where bytes did not reach the disk; canonical JSON holds none. Anything else that is wrong was written or altered.
 */
export function isTorn(bytes: Uint8Array, from: number, newline: number): boolean {
  return newline < 0 || bytes.subarray(from, newline).includes(0)
}
