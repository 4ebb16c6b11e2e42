// SPDX-License-Identifier: Apache-2.0

import { openBase, type ServerOptions } from './compose/base.ts'
import { openBooks } from './compose/books.ts'
import { openDoors } from './compose/doors.ts'
import { startFollowers } from './compose/followers.ts'
import { openKeys } from './compose/keys.ts'
import { openRooms } from './compose/rooms.ts'
import { startTenants } from './compose/tenants.ts'
import { createLife } from './life.ts'
import { checkReplicas } from './replicas.ts'
import { checkStrictness } from './trust/index.ts'

/** Wires the rooms together and runs until the signal fires; rejects when going on would risk what is acknowledged. */
export async function runServer(options: ServerOptions): Promise<void> {
  const { config, log, signal } = options
  checkReplicas(config)
  checkStrictness(config)
  const ends = new AsyncDisposableStack()
  const base = await openBase(options, ends)
  const keys = await openKeys(base, ends)
  const books = await openBooks(keys, ends)
  const rooms = await openRooms(books, ends)
  const followers = startFollowers(rooms, ends)
  const tenants = startTenants(rooms, followers)
  const doors = await openDoors(rooms, { followers, tenants }, ends)
  const life = createLife(base)
  await life.begin()
  log.info('serving', { address: config.host, port: doors.port, api: doors.apiUrl, deployment: base.deployment.name })
  options.onServing?.()

  await Promise.race([fired(signal), doors.failed, followers.failed, base.indexThread.failed])
  log.info('stopping', { cause: String(signal.reason) })
  await life.end(String(signal.reason))
  // In the reverse order: what came in is answered, what follows is done, and then all is closed. After a failure nothing
  // is: who knows what another write would do.
  await ends.disposeAsync()
}

function fired(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
