// SPDX-License-Identifier: Apache-2.0

import { constants } from 'node:fs'
import { readSmallFile } from './small-file.ts'

const fileBytesMax = 1024 * 1024

/**
 * Reads a small JSON file that a less trusted process may have written: no symbolic link is followed, nothing larger
 * than 1 MiB is read. Undefined when there is none, or none that parses.
 */
export async function readJsonFile<T>(path: string): Promise<T | undefined> {
  try {
    const value: unknown = JSON.parse(readSmallFile(path, fileBytesMax, constants.O_NOFOLLOW))
    return typeof value === 'object' && value !== null ? (value as T) : undefined
  } catch {
    return undefined
  }
}
