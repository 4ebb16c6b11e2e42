// SPDX-License-Identifier: Apache-2.0

import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'

/**
 * Reads a regular file of at most `bytesMax`, and no more than that whatever its size says: what a person names may
 * have no end. `flags` are of open(2). Throws an error whose `code` says why, in the system's word or in plain ones.
 */
export const readSmallFile = (path: string, bytesMax: number, flags = 0): string =>
  readSmallBytes(path, bytesMax, flags).toString()

/** The same, byte for byte: what is not UTF-8 comes out as it is. */
export function readSmallBytes(path: string, bytesMax: number, flags = 0): Buffer {
  // Opened without waiting, for nobody may ever write into a pipe.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | flags)
  try {
    if (!fstatSync(fd).isFile()) throw refused('not a regular file')
    const bytes = Buffer.alloc(bytesMax + 1)
    for (let length = 0; ; ) {
      const read = readSync(fd, bytes, length, bytes.length - length, null)
      length += read
      if (length > bytesMax) throw refused(`more than ${bytesMax} bytes`)
      if (read === 0) return bytes.subarray(0, length)
    }
  } finally {
    closeSync(fd)
  }
}

const refused = (code: string) => Object.assign(new Error(code), { code })
