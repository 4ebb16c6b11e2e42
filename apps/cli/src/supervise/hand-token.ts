// SPDX-License-Identifier: Apache-2.0

import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Place } from '../place.ts'
import { serviceUsers } from './users.ts'

/** Gives the agent a join token. The folder is its own, so nothing that lies there may be followed or reused. */
export async function handToken(place: Place, token: string): Promise<void> {
  const path = join(place.data, 'agent/join-token')
  await rm(path, { force: true })
  await using file = await open(path, 'wx', 0o600)
  await file.writeFile(token)
  await file.chown(serviceUsers.agent.uid, serviceUsers.agent.gid)
}
