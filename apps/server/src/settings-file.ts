// SPDX-License-Identifier: Apache-2.0

import { readFileSync, statSync } from 'node:fs'
import { isSealwatchError, type SealwatchError } from '@sealwatch/base'

const bytesMax = 256 * 1024

/**
 * A file that a setting names, as text. `refuse` makes the error of what was received: a file that is empty, too large or not to
 * be had, or, of a secret, one that everybody may read.
 */
export function readSettingsFile(
  path: string,
  isSecret: boolean,
  refuse: (received: string) => SealwatchError,
): string {
  try {
    const { size, mode } = statSync(path)
    if (size === 0 || size > bytesMax) throw refuse(`${path}, of ${size} bytes`)
    if (isSecret && (mode & 0o007) !== 0) throw refuse(`${path}, which everybody may read`)
    return readFileSync(path, 'utf8')
  } catch (cause) {
    if (isSealwatchError(cause)) throw cause
    throw refuse(`${path}: ${(cause as NodeJS.ErrnoException).code}`)
  }
}
