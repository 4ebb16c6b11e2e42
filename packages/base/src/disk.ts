// SPDX-License-Identifier: Apache-2.0

import { constants, type FileHandle, mkdir, open, readdir, rename, rm, stat, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type DerivedFile, openDerivedFile, removeDerivedFile } from './disk-derived.ts'
import { codeOf, diskError, isFull, translate } from './disk-errors.ts'
import { isSealwatchError } from './errors.ts'

/**
 * The only ways in which the evidence is written and read; passed in, so that a test or a simulation owns the disk.
 * Whatever fails throws DISK_FULL, DISK_READ_ONLY or DISK_FAILED.
 */
export type Disk = {
  /**
   * Creates the file where missing. `size` is what a reader finds after a crash: what lies beyond the first `durable`
   * bytes is written once more, for a process that was killed, or whose sync failed, may have left it in memory alone.
   */
  openAppend(path: string, durable?: number): Promise<AppendFile>
  /** Old content or new content, never a mixture, also after a power cut; durable when it resolves. */
  replace(path: string, data: string | Uint8Array, mode?: number): Promise<void>
  /**
   * Writes over the bytes where they lie, and creates the file where missing: for what shall not be found any more. As
   * long as what was there; a crash may leave a mixture. Durable when it resolves.
   */
  overwrite(path: string, data: Uint8Array): Promise<void>
  /**
   * Creates a directory and its parents, and makes their names durable, with the names that lie in it already: a process
   * that was killed may have left a new name in memory alone, and what follows would outlive it.
   */
  makeDirectory(path: string, mode?: number): Promise<void>
  /** Durable when it resolves; nothing may stand at `to`. */
  rename(from: string, to: string): Promise<void>
  /** A crash may bring it back. A file that is not there is removed already. */
  remove(path: string): Promise<void>
  /** With all that lies in it; what is not there is removed already. Durable when it resolves, and a crash may leave a part. */
  removeDirectory(path: string): Promise<void>
  /** Names in a directory, in order. */
  list(path: string): Promise<string[]>
  /** Bytes; undefined where there is no such file. */
  sizeOf(path: string): Promise<number | undefined>
  /** The whole file; undefined where there is none. What is no regular file is DISK_FAILED, as in `readAt`. */
  read(path: string): Promise<Uint8Array | undefined>
  /** At most `length` bytes from `offset` on, fewer where the file ends; undefined where there is none. */
  readAt(path: string, offset: number, length: number): Promise<Uint8Array | undefined>
  /** Opens, or creates, a file that can be computed again. */
  openDerived(path: string): DerivedFile
  removeDerived(path: string): void
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

const MiB = 1024 * 1024

export const systemDisk: Disk = {
  openAppend: async (path, durable = 0) => {
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_APPEND | constants.O_DSYNC
    let file: FileHandle | undefined
    try {
      file = await open(path, flags, 0o600)
      await syncDirectory(dirname(path))
      const { size } = await file.stat()
      if (size > durable) await writeAgain(path, durable, size)
      return appendFile(path, file, size)
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
  overwrite: async (path, data) => {
    try {
      const file = await open(path, constants.O_WRONLY | constants.O_CREAT, 0o600)
      try {
        const { size } = await file.stat()
        await file.write(data, 0, data.length, 0)
        await file.sync()
        if (size === 0) await syncDirectory(dirname(path))
      } finally {
        await file.close()
      }
    } catch (cause) {
      throw translate(`writing over ${path}`, cause)
    }
  },
  makeDirectory,
  rename: async (from, to) => {
    try {
      await rename(from, to)
      await syncDirectory(dirname(to))
      if (dirname(from) !== dirname(to)) await syncDirectory(dirname(from))
    } catch (cause) {
      throw translate(`renaming ${from} to ${to}`, cause)
    }
  },
  remove: async (path) => void (await unlessMissing(`removing ${path}`, unlink(path))),
  removeDirectory: async (path) => {
    try {
      await rm(path, { recursive: true, force: true })
      await syncDirectory(dirname(path))
    } catch (cause) {
      if (codeOf(cause) !== 'ENOENT') throw translate(`removing ${path}`, cause)
    }
  },
  list: async (path) => {
    try {
      return (await readdir(path)).sort()
    } catch (cause) {
      throw translate(`listing ${path}`, cause)
    }
  },
  sizeOf: async (path) => (await unlessMissing(`looking at ${path}`, stat(path)))?.size,
  read: (path) => reading(path, (file) => file.readFile()),
  readAt: (path, offset, length) =>
    reading(path, async (file, size) => {
      // Whoever asks for all that may be there is not given megabytes of zeros for a few bytes.
      const chunk = new Uint8Array(Math.max(0, Math.min(length, size - offset)))
      const { bytesRead } = await file.read(chunk, 0, chunk.length, offset)
      return chunk.subarray(0, bytesRead)
    }),
  openDerived: openDerivedFile,
  removeDerived: removeDerivedFile,
}

/**
 * After a failed sync the pages count as clean (fsync(2), Linux): to sync again would report success and write nothing.
 * Not by the file itself, for with O_APPEND a write has no place of its own (pwrite(2)).
 */
async function writeAgain(path: string, from: number, to: number): Promise<void> {
  const file = await open(path, constants.O_RDWR | constants.O_DSYNC)
  try {
    for (let at = from; at < to; ) {
      const { buffer, bytesRead } = await file.read(new Uint8Array(Math.min(MiB, to - at)), 0, null, at)
      if (bytesRead === 0) throw new RangeError(`the file ends at ${at} and not at ${to}`)
      await file.write(buffer, 0, bytesRead, at)
      at += bytesRead
    }
  } finally {
    await file.close()
  }
}

/** To open a pipe that nobody writes to would hold a thread of the process for ever (fifo(7)): what is no file is refused. */
async function reading<T>(path: string, work: (file: FileHandle, size: number) => Promise<T>): Promise<T | undefined> {
  const file = await unlessMissing(`opening ${path}`, open(path, constants.O_RDONLY | constants.O_NONBLOCK))
  try {
    if (file === undefined) return undefined
    const stats = await file.stat()
    if (!stats.isFile() && !stats.isDirectory()) throw new TypeError('not a regular file')
    return await work(file, stats.size)
  } catch (cause) {
    throw translate(`reading ${path}`, cause)
  } finally {
    await file?.close()
  }
}

async function unlessMissing<T>(attempted: string, work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return undefined
    throw translate(attempted, cause)
  }
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
    await syncDirectory(path).catch((inner: unknown) => {
      throw translate(`syncing the directory ${path}`, inner)
    })
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
        // Also where the disk has become read-only: whoever holds the file open must open it anew to go on.
        if (!isFull(cause)) {
          const received = codeOf(cause) || String(cause)
          throw diskError('DISK_FAILED', { attempted: `appending ${length} bytes to ${path}`, received, cause })
        }
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
