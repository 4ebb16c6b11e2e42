// SPDX-License-Identifier: Apache-2.0

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type FileHandle, open } from 'node:fs/promises'

/**
 * flock(2) by the `flock` tool on our open file: the lock belongs to the open file, not to the tool that took it, so
 * the kernel gives it back when this process ends, however it ends. No lock is ever stale.
 */
export type Lock = { readonly release: () => Promise<void> }

/** Resolves with the lock, or with undefined when another process held it for `waitMs`. Creates the file, where its disk can be written. */
export async function takeLock(path: string, waitMs = 0): Promise<Lock | undefined> {
  const file = await open(path, 'a', 0o600).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EROFS') throw error
    return open(path, 'r')
  })
  if (await flock(file, waitMs)) return { release: () => file.close() }
  await file.close()
  return undefined
}

async function flock(file: FileHandle, waitMs: number): Promise<boolean> {
  const patience = waitMs === 0 ? ['--nonblock'] : ['--timeout', String(waitMs / 1000)]
  const child = spawn('flock', [...patience, '--exclusive', '3'], { stdio: ['ignore', 'ignore', 'ignore', file.fd] })
  const [code] = await once(child, 'exit')
  return code === 0
}
