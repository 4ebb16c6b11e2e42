// SPDX-License-Identifier: Apache-2.0

import { constants, type FileHandle, mkdir, open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type ErrorTable, errorsOf, isSealwatchError } from './errors.ts'

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
    advice: 'Look at the kernel log for the disk, then start again',
  },
} as const satisfies ErrorTable
const diskError = errorsOf(diskErrors)

/** The only ways a durable byte is written; passed in, so that a test can own the disk. */
export type Disk = {
  /** Creates the file where missing. `size` is what a reader finds after a crash. */
  openAppend(path: string): Promise<AppendFile>
  /** Old content or new content, never a mixture, also after a power cut; durable when it resolves. */
  replace(path: string, data: string | Uint8Array, mode?: number): Promise<void>
}

export type AppendFile = {
  readonly path: string
  readonly size: number
  /**
   * Resolves when the bytes are on stable storage. On DISK_FULL the file is back at its earlier size and may be
   * tried again; any other failure is fatal, for what is on disk is unknown.
   */
  append(chunks: readonly Uint8Array[]): Promise<void>
  truncate(size: number): Promise<void>
  close(): Promise<void>
}

export const systemDisk: Disk = {
  openAppend: async (path) => {
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_APPEND | constants.O_DSYNC
    let file: FileHandle | undefined
    try {
      file = await open(path, flags, 0o600)
      await syncDirectory(dirname(path))
      return appendFile(path, file, (await file.stat()).size)
    } catch (cause) {
      await file?.close()
      throw translate(`opening ${path}`, cause)
    }
  },
  replace: async (path, data, mode = 0o600) => {
    const temporary = `${path}.new`
    try {
      const file = await open(temporary, 'w', mode)
      try {
        await file.chmod(mode)
        await file.writeFile(data)
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(temporary, path)
      await syncDirectory(dirname(path))
    } catch (cause) {
      throw translate(`writing ${path}`, cause)
    }
  },
}

/** Creates a directory and its parents, and makes their names durable. */
export async function makeDirectory(path: string, mode = 0o700): Promise<void> {
  try {
    await mkdir(path, { mode }).catch(async (cause: unknown) => {
      if (codeOf(cause) !== 'ENOENT' || dirname(path) === path) throw cause
      await makeDirectory(dirname(path), mode)
      await mkdir(path, { mode })
    })
    await syncDirectory(dirname(path))
  } catch (cause) {
    if (isSealwatchError(cause)) throw cause
    if (codeOf(cause) !== 'EEXIST') throw translate(`creating the directory ${path}`, cause)
  }
}

function appendFile(path: string, file: FileHandle, initialSize: number): AppendFile {
  let size = initialSize
  return {
    path,
    get size() {
      return size
    },
    append: async (chunks) => {
      const length = chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0)
      try {
        // O_DSYNC: the one call returns when data and length are on stable storage.
        const { bytesWritten } = await file.writev(chunks as Uint8Array[])
        if (bytesWritten !== length)
          throw Object.assign(new Error(`${bytesWritten} of ${length} bytes written`), { code: 'ENOSPC' })
        size += length
      } catch (cause) {
        if (!isFull(cause)) throw translate(`appending ${length} bytes to ${path}`, cause)
        await file.truncate(size).catch((inner: unknown) => {
          throw diskError('DISK_FAILED', { attempted: `taking back a partial append to ${path}`, cause: inner })
        })
        throw translate(`appending ${length} bytes to ${path}`, cause)
      }
    },
    truncate: async (to) => {
      try {
        await file.truncate(to)
        await file.sync()
        size = to
      } catch (cause) {
        throw translate(`cutting ${path} to ${to} bytes`, cause)
      }
    },
    close: () => file.close(),
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

const codeOf = (cause: unknown) => (cause as { code?: string } | undefined)?.code ?? ''
const isFull = (cause: unknown) => ['ENOSPC', 'EDQUOT'].includes(codeOf(cause))

function translate(attempted: string, cause: unknown): Error {
  const received = codeOf(cause) || String(cause)
  if (isFull(cause)) return diskError('DISK_FULL', { attempted, received, cause })
  if (['EROFS', 'EACCES', 'EPERM'].includes(received))
    return diskError('DISK_READ_ONLY', { attempted, received, cause })
  return diskError('DISK_FAILED', { attempted, received, cause })
}
