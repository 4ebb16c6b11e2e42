// SPDX-License-Identifier: Apache-2.0

import { chmodSync, lstatSync, rmSync } from 'node:fs'
import { createServer, type Server, type ServerOpts, type Socket } from 'node:net'
import type { Clock } from './clock.ts'

export type StandingSocketOptions = ServerOpts & {
  readonly path: string
  /** Of the file: who may connect, beside the right to enter its folder. */
  readonly mode: number
  readonly take: (socket: Socket) => void
  readonly clock: Pick<Clock, 'sleep'>
}

export type StandingSocket = {
  /** Nobody new comes, and the file is gone. Connections go on. */
  close(): void
}

/** Without an inode: nobody listens there. */
type Place = { readonly server: Server; readonly inode?: number }

const lookEveryMs = 1_000

/**
 * Listens on a unix socket, and within a second anew where somebody took its file away, or put another in its place; connections go on. What lies there
 * before is removed. Throws where it cannot listen at first; later it tries again each second.
 */
export async function openStandingSocket({
  path,
  mode,
  take,
  clock,
  ...serverOptions
}: StandingSocketOptions): Promise<StandingSocket> {
  const over = new AbortController()

  function listen(): Promise<Place> {
    return new Promise((resolve, reject) => {
      rmSync(path, { force: true })
      const server = createServer(serverOptions, take)
      server.once('error', reject)
      server.listen(path, () => {
        chmodSync(path, mode)
        const inode = inodeOf(path)
        resolve({ server, ...(inode !== undefined && { inode }) })
      })
    })
  }

  let place = await listen()

  async function lookAgain(): Promise<void> {
    if (place.inode !== undefined && inodeOf(path) === place.inode) return
    // First: as it closes, it removes what stands there.
    place.server.close()
    place = await listen().catch(() => ({ server: place.server }))
    if (over.signal.aborted) place.server.close()
  }

  async function stayThere(): Promise<void> {
    while (!over.signal.aborted) {
      await clock.sleep(lookEveryMs, over.signal)
      if (!over.signal.aborted) await lookAgain()
    }
  }
  void stayThere()

  return {
    close: () => {
      over.abort()
      place.server.close()
      try {
        rmSync(path, { force: true })
      } catch {
        // What lies there is not ours.
      }
    },
  }
}

function inodeOf(path: string): number | undefined {
  try {
    return lstatSync(path).ino
  } catch {
    return undefined
  }
}
