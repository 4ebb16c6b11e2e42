// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf, isSealwatchError } from '@sealwatch/base'

export const writeErrors = {
  STORE_FULL: {
    kind: 'unavailable',
    rule: 'the database has room for what is written; nothing of it was written (docs/runbooks/disk-full.md)',
    advice: 'Make room on the file system of the data directory (`sealwatch status` names it), then ask again',
  },
  STORE_FAILED: {
    kind: 'unavailable',
    rule: 'the disk takes what the database writes; nothing of it was written (docs/runbooks/disk-failed.md)',
    advice: "Look at the kernel's log for the disk, then ask again",
  },
  NOT_DURABLE: {
    kind: 'unavailable',
    rule: 'what is taken back holds at once, and over a restart as soon as the database has it (docs/runbooks/disk-full.md)',
    advice: 'It holds until the server stops, and no longer. Make room, then ask for the same again until it succeeds',
  },
} as const satisfies ErrorTable
const writeError = errorsOf(writeErrors)

/** What SQLite says of the disk, by the low byte of its codes: FULL; IOERR, READONLY. */
const codeOf = (error: unknown): number => ((error as { errcode?: number } | undefined)?.errcode ?? 0) & 0xff
const full = 13
const failed: readonly number[] = [8, 10]

/** Whatever asks the database: what its disk does not take is STORE_FULL or STORE_FAILED. */
export function asking<T>(work: () => T): T {
  try {
    return work()
  } catch (cause) {
    const attempted = 'writing to the database'
    if (codeOf(cause) === full) throw writeError('STORE_FULL', { attempted, cause })
    if (failed.includes(codeOf(cause)))
      throw writeError('STORE_FAILED', { attempted, received: String((cause as Error).message), cause })
    throw cause
  }
}

/** The disk had no room for what a transaction wanted to write; nothing of it was written. */
export const isStoreFull = (error: unknown): boolean =>
  codeOf(error) === full ||
  isSealwatchError(error, 'STORE_FULL') ||
  (isSealwatchError(error, 'NOT_DURABLE') && isStoreFull(error.cause))

/** The database could not keep what it was given. */
export const isNotKept = (error: unknown): boolean =>
  isStoreFull(error) || isSealwatchError(error, 'STORE_FAILED') || isSealwatchError(error, 'NOT_DURABLE')

/** What to answer whoever took something back that the database could not keep. */
export const notDurable = (attempted: string, cause: unknown): Error =>
  isSealwatchError(cause, 'NOT_DURABLE') ? cause : writeError('NOT_DURABLE', { attempted, cause })
