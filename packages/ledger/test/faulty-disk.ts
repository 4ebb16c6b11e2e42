// SPDX-License-Identifier: Apache-2.0

import { type AppendFile, type Disk, diskErrors, errorsOf, systemDisk } from '@sealwatch/base'

const diskError = errorsOf(diskErrors)

export type FaultyDisk = Disk & {
  /** From now on every write or opening of a path that holds `part` fails so; undefined: nothing fails any more. */
  fail(part: string | undefined, code?: keyof typeof diskErrors): void
  /** How often something was made durable. */
  readonly writes: number
  /** Appends to a path that holds `part` wait until the returned function is called. */
  hold(part: string): () => void
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
      if (held !== undefined && file.path.includes(held.part)) await held.until
      check(file.path)
      writes += 1
      await file.append(chunks)
    },
    truncate: (size) => file.truncate(size),
    close: () => file.close(),
  })
  let writes = 0
  let held: { part: string; until: Promise<void> } | undefined
  return {
    ...systemDisk,
    hold(part) {
      const { promise, resolve } = Promise.withResolvers<void>()
      held = { part, until: promise }
      return resolve
    },
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
}
