// SPDX-License-Identifier: Apache-2.0

import { isSealwatchError, systemDisk } from '@sealwatch/base'
import { type Checkpoint, formatCheckpoint, parseCheckpoint } from '@sealwatch/ledger'
import { cliError } from '../errors.ts'
import { readSmallFile } from '../small-file.ts'

const checkpointBytesMax = 4096

/** The text of a checkpoint that this program has verified before; whoever can write the file decides what it says. */
export function readSavedCheckpoint(path: string): Checkpoint {
  const attempted = `reading the saved checkpoint ${path}`
  try {
    return parseCheckpoint(readSmallFile(path, checkpointBytesMax), attempted)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const received = isSealwatchError(cause) ? cause.received : code
    const advice =
      'Nothing was saved there yet: leave out --since-checkpoint this once, and save it with --save-checkpoint'
    throw cliError('CLI_CHECKPOINT', { attempted, received, cause, ...(code === 'ENOENT' ? { advice } : {}) })
  }
}

export async function saveCheckpoint(path: string, checkpoint: Checkpoint): Promise<void> {
  try {
    await systemDisk.replace(path, formatCheckpoint(checkpoint), 0o644)
  } catch (cause) {
    const received = isSealwatchError(cause) ? cause.received : String(cause)
    throw cliError('CLI_FILE', { attempted: `saving the checkpoint to ${path}`, received, cause })
  }
}
