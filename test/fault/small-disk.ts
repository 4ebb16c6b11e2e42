// SPDX-License-Identifier: Apache-2.0

import { execFileSync } from 'node:child_process'
import { closeSync, ftruncateSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'

/** What a test of it says to `node:test`. */
export const skip = process.getuid?.() === 0 ? false : 'mounts a file system: root'

/** A file system of 48 MiB with `dir` in it. `fill` takes what room there is left, `empty` gives back what was taken, as its end does. */
export function openSmallDisk() {
  const mount = mkdtempSync(join(tmpdir(), 'sealwatch-full-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', mount])
  const dir = join(mount, 'd')
  mkdirSync(dir, { mode: 0o700 })
  const file = openSync(join(mount, 'fill'), 'w')
  const empty = () => ftruncateSync(file)
  return {
    dir,
    fill: () => writeUntilRefused(file),
    empty,
    [Symbol.dispose]: () => {
      closeSync(file)
      execFileSync('umount', ['-l', mount])
      rmSync(mount, { recursive: true, force: true })
    },
  }
}

function writeUntilRefused(file: number): void {
  const piece = Buffer.alloc(4096, 120)
  for (;;)
    try {
      if (writeSync(file, piece) === 0) return
    } catch {
      return
    }
}
