// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from './errors.ts'

export const diskErrors = {
  DISK_FULL: {
    kind: 'exhausted',
    rule: 'the data directory needs free space',
    advice: 'Free space or move the data directory (--data); nothing acknowledged is lost and work resumes by itself',
  },
  DISK_READ_ONLY: {
    kind: 'denied',
    rule: 'the data directory must be writable',
    advice: 'Remount it read-write or give the service user write access, then start again',
  },
  DISK_FAILED: {
    kind: 'fatal',
    rule: 'a failed write has an unknown outcome, so the process stops and repairs at the next start',
    advice: 'Look at the kernel log for the disk (docs/runbooks/disk-failed.md), then start again',
  },
} as const satisfies ErrorTable
export const diskError = errorsOf(diskErrors)

export const codeOf = (cause: unknown): string => (cause as { code?: string } | undefined)?.code ?? ''
export const isFull = (cause: unknown): boolean => ['ENOSPC', 'EDQUOT'].includes(codeOf(cause))

/** What a failed system call means to whoever asked for it. */
export function translate(attempted: string, cause: unknown): Error {
  const received = codeOf(cause) || String(cause)
  if (isFull(cause)) return diskError('DISK_FULL', { attempted, received, cause })
  if (['EROFS', 'EACCES', 'EPERM'].includes(received))
    return diskError('DISK_READ_ONLY', { attempted, received, cause })
  return diskError('DISK_FAILED', { attempted, received, cause })
}
