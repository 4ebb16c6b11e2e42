// SPDX-License-Identifier: Apache-2.0

import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { type Clock, type Disk, diskErrors, isSealwatchError, type Log } from '@sealwatch/base'
import { type Behaviour, createBehaviour } from '@sealwatch/detect/behaviour'
import type { RequestContext } from '@sealwatch/detect/request'
import { behaviourIn } from '@sealwatch/detect/verdict'

/** What is usual for users and tenants, as the requests that were judged have it; a restart keeps it. */
export type Habits = Pick<Behaviour, 'judge' | 'counts'> & {
  /** Why what was learned before was set aside, or is not written down now; undefined: it was not, and is. */
  readonly lost: string | undefined
  /** Of a request that is no threat; `status`: of its answer, where the service tells it. */
  learn(context: RequestContext, status: number | undefined, timeNs: bigint): void
  /** Writes down what was learned, now and then, and at the end. */
  run(signal: AbortSignal): Promise<void>
  /** Resolves when it is in no file any more, what was set aside included. Throws DISK_FULL, DISK_READ_ONLY, DISK_FAILED. */
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
  const damaged = `${path}.damaged`
  const word = () => randomBytes(4).readUInt32LE()
  const behaviour = createBehaviour({ seed: [word(), word(), word(), word()] })
  let isChanged = false
  let setAside: string | undefined
  let unsaved: string | undefined
  await restore()

  /** What cannot be read is set aside for who wants to look at it, and learning begins anew. */
  async function restore(): Promise<void> {
    try {
      const bytes = await disk.readAt(path, 0, snapshotBytesMax)
      if (bytes !== undefined) behaviour.restore(bytes)
    } catch (error) {
      if (!isOfDisk(error) && !isSealwatchError(error, 'BEHAVIOUR_SNAPSHOT')) throw error
      setAside = nameOf(error)
      log.error('what was learned of users cannot be read and is set aside: learning begins anew', { path, error })
      await leave()
    }
  }

  async function leave(): Promise<void> {
    try {
      await disk.removeDirectory(damaged)
      await disk.rename(path, damaged)
    } catch (error) {
      if (!isOfDisk(error)) throw error
      log.error('what cannot be read of users could not be set aside', { path, error })
    }
  }

  async function write(): Promise<void> {
    isChanged = false
    try {
      await disk.replace(path, behaviour.snapshot(), 0o600)
      unsaved = undefined
    } catch (error) {
      isChanged = true
      unsaved = nameOf(error)
      throw error
    }
  }

  async function save(): Promise<void> {
    try {
      if (isChanged) await write()
    } catch (error) {
      if (!isOfDisk(error)) throw error
      log.warn('what was learned of users could not be written down', { path, error })
    }
  }

  return {
    judge: behaviour.judge,
    get counts() {
      return behaviour.counts
    },
    get lost() {
      return unsaved ?? setAside
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
      await disk.removeDirectory(damaged)
      await write()
    },
  }
}

const isOfDisk = (error: unknown): boolean => isSealwatchError(error) && error.code in diskErrors
const nameOf = (error: unknown): string => (isSealwatchError(error) ? `${error.code} ${error.received}` : String(error))
