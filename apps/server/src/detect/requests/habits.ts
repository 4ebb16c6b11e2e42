// SPDX-License-Identifier: Apache-2.0

import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { type Clock, type Disk, isSealwatchError, type Log } from '@sealwatch/base'
import { type Behaviour, createBehaviour } from '@sealwatch/detect/behaviour'
import type { RequestContext } from '@sealwatch/detect/request'
import { behaviourIn } from '@sealwatch/detect/verdict'

/** What is usual for users and tenants, as the requests that were judged have it; a restart keeps it. */
export type Habits = Pick<Behaviour, 'judge' | 'counts'> & {
  /** Of a request that is no threat; `status`: of its answer, where the service tells it. */
  learn(context: RequestContext, status: number | undefined, timeNs: bigint): void
  /** Writes down what was learned, now and then, and at the end. */
  run(signal: AbortSignal): Promise<void>
  /** Resolves when it is in no file any more. */
  forgetTenant(tenant: string): Promise<void>
}

const saveEveryMs = 10 * 60_000
/** What a snapshot can be at most: a row for each, and its head. */
const snapshotBytesMax = 64 * 1024 * 1024

export async function openHabits(options: {
  readonly dir: string
  readonly disk: Disk
  readonly clock: Clock
  readonly log: Log
}): Promise<Habits> {
  const { dir, disk, clock, log } = options
  const path = join(dir, 'habits')
  const word = () => randomBytes(4).readUInt32LE()
  const behaviour = createBehaviour({ seed: [word(), word(), word(), word()] })
  let isChanged = false
  await restore()

  /** What cannot be read is set aside for who wants to look at it, and learning begins anew. */
  async function restore(): Promise<void> {
    const bytes = await disk.readAt(path, 0, snapshotBytesMax)
    if (bytes === undefined) return
    try {
      behaviour.restore(bytes)
    } catch (error) {
      if (!isSealwatchError(error, 'BEHAVIOUR_SNAPSHOT')) throw error
      await disk.remove(`${path}.damaged`)
      await disk.rename(path, `${path}.damaged`)
      log.error('what was learned of users was damaged and is set aside: learning begins anew', { path, error })
    }
  }

  async function save(): Promise<void> {
    if (!isChanged) return
    isChanged = false
    try {
      await disk.replace(path, behaviour.snapshot(), 0o600)
    } catch (error) {
      if (!isSealwatchError(error, 'DISK_FULL') && !isSealwatchError(error, 'DISK_FAILED')) throw error
      isChanged = true
      log.warn('what was learned of users could not be written down', { path, error })
    }
  }

  return {
    judge: behaviour.judge,
    get counts() {
      return behaviour.counts
    },
    learn: (context, status, timeNs) => {
      behaviour.observe(behaviourIn(context), { failed: status !== undefined && status >= 400 }, timeNs)
      isChanged = true
    },
    run: async (signal) => {
      while (!signal.aborted) {
        await clock.sleep(saveEveryMs, signal)
        await save()
      }
    },
    forgetTenant: async (tenant) => {
      behaviour.forget(tenant)
      isChanged = true
      await save()
    },
  }
}
