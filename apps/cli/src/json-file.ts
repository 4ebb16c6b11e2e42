// SPDX-License-Identifier: Apache-2.0

import { constants } from 'node:fs'
import { open } from 'node:fs/promises'

const fileBytesMax = 1024 * 1024

/**
 * Reads a small JSON file that a less trusted process may have written: no symbolic link is followed, nothing larger
 * than 1 MiB is read. Undefined when there is none, or none that parses.
 */
export async function readJsonFile<T>(path: string): Promise<T | undefined> {
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    const stat = await file.stat()
    if (!stat.isFile() || stat.size > fileBytesMax) return undefined
    const value: unknown = JSON.parse(await file.readFile('utf8'))
    return typeof value === 'object' && value !== null ? (value as T) : undefined
  } catch {
    return undefined
  }
}
