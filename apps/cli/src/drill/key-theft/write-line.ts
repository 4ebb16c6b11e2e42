// SPDX-License-Identifier: Apache-2.0

import { writeSync } from 'node:fs'

/** At once: whoever writes it may be ended by the next call. Where nobody reads, it is lost. */
export function writeLine(line: string): void {
  try {
    writeSync(1, `${line}\n`)
  } catch {
    // Full, or closed.
  }
}
