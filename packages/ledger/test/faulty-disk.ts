// SPDX-License-Identifier: Apache-2.0

import { type AppendFile, type Disk, diskErrors, errorsOf, systemDisk } from '@sealwatch/base'

const diskError = errorsOf(diskErrors)

export type FaultyDisk = Disk & {
  /** From now on every write or opening of a path that holds `part` fails so; undefined: nothing fails any more. */
  fail(part: string | undefined, code?: keyof typeof diskErrors): void
  /** How often something was made durable. */
  readonly writes: number
  /** Appends wait until this resolves. */
  gate: Promise<void>
}

/** The real disk, with faults on demand. */
export function createFaultyDisk(): FaultyDisk {
  let failing: { part: string; code: keyof typeof diskErrors } | undefined
  const check = (path: string) => {
    if (failing !== undefined && path.includes(failing.part))
      throw diskError(failing.code, { attempted: `writing ${path}` })
  }
  const wrap = (file: AppendFile): AppendFile => ({
    path: file.path,
    get size() {
      return file.size
    },
    append: async (chunks) => {
      await faulty.gate
      check(file.path)
      writes += 1
      await file.append(chunks)
    },
    truncate: (size) => file.truncate(size),
    close: () => file.close(),
  })
  let writes = 0
  const faulty: FaultyDisk = {
    gate: Promise.resolve(),
    get writes() {
      return writes
    },
    fail(part, code = 'DISK_FULL') {
      failing = part === undefined ? undefined : { part, code }
    },
    openAppend: async (path) => {
      check(path)
      return wrap(await systemDisk.openAppend(path))
    },
    replace: async (path, data, mode) => {
      check(path)
      writes += 1
      await systemDisk.replace(path, data, mode)
    },
  }
  return faulty
}
