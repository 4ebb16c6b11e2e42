// SPDX-License-Identifier: Apache-2.0

import { type Clock, createBell, isSealwatchError, type Log, parseRfc3339 } from '@sealwatch/base'
import type { EpochRow, RewrapProgress, Sealing } from '@sealwatch/keys/sealing'
import { auditTenant, type ServerVoice } from '../identity/index.ts'
import { type Outbox, outboxUid, type Store } from '../store/index.ts'
import { epochBegun, keysWrappedAnew } from './events.ts'

const tendEveryMs = 1_000
const retryMs = 30_000

/** What the keys need done while the server runs. */
export type KeyTender = {
  /**
   * Wipes keys that are too old, records epochs in the ledger, and wraps anew what an older master key holds, until the
   * signal fires. Until the index has caught up, what it does not hold may stand in the ledger all the same.
   */
  run(signal: AbortSignal, isIndexed: () => boolean): Promise<void>
  /** A new epoch of the master key; resolves when it has begun. Throws KEYS_UNAVAILABLE. */
  rotate(): Promise<EpochRow>
  /** Wraps anew now; each step of the progress, until nothing is left. Throws KEYS_UNAVAILABLE. */
  rewrap(signal: AbortSignal): AsyncGenerator<RewrapProgress>
}

export function createKeyTender(options: {
  readonly sealing: Sealing
  readonly store: Store
  readonly outbox: Outbox
  readonly voice: ServerVoice
  readonly clock: Clock
  readonly log: Log
}): KeyTender {
  const { sealing, store, outbox, voice, clock, log } = options
  // One at a time: whoever asks while another works follows its progress from where it stands.
  let working: Promise<void> | undefined
  let progress: RewrapProgress = { done: 0, total: 0 }
  const moved = createBell()
  const stopped = new AbortController()

  function work(): Promise<void> {
    working ??= sealing
      .rewrap(stopped.signal, (step) => {
        progress = step
        moved.ring()
      })
      .finally(() => {
        working = undefined
      })
    return working
  }

  async function wrapAnew(): Promise<void> {
    try {
      await work()
      if (stopped.signal.aborted) return
      log.info('every tenant key is wrapped under the newest master key', progress)
      const told = keysWrappedAnew(voice, clock.nowNs(), sealing.epoch, progress.done)
      await store.transaction((tx) => outbox.enqueue(tx, auditTenant, told))
      outbox.ring()
    } catch (error) {
      if (!isSealwatchError(error) || error.kind === 'fatal') throw error
      log.error('tenant keys stay wrapped under an older master key for now', { error })
      await clock.sleep(retryMs, stopped.signal)
    }
  }

  /** What the outbox holds enters the ledger, once. If we stop before the epoch is marked, the next start looks there. */
  async function record(): Promise<void> {
    for (const row of sealing.unrecordedEpochs()) {
      const body = epochBegun(voice, parseRfc3339(row.createdAt) ?? 0n, row)
      const uid = outboxUid(auditTenant, body)
      const known = await store.index
        .selectFrom('own_entries')
        .select('leaf_index')
        .where('tenant', '=', auditTenant)
        .where('uid', '=', uid)
        .executeTakeFirst()
      if (known === undefined) {
        await store.transaction((tx) => outbox.enqueue(tx, auditTenant, body))
        outbox.ring()
      }
      sealing.epochRecorded(row.epoch)
    }
  }

  /** Beside all else: a key leaves in its time, also while a KMS does not answer. */
  async function sweep(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      sealing.sweep()
      await clock.sleep(tendEveryMs, signal)
    }
  }

  return {
    run: async (signal, isIndexed) => {
      signal.addEventListener('abort', () => stopped.abort(), { once: true })
      const over = new AbortController()
      const swept = sweep(AbortSignal.any([signal, over.signal]))
      try {
        while (!signal.aborted) {
          if (isIndexed()) await record()
          if (sealing.toRewrap > 0 && !signal.aborted) await wrapAnew()
          await clock.sleep(tendEveryMs, signal)
        }
        await working?.catch(() => undefined)
      } finally {
        over.abort()
        await swept
      }
    },
    rotate: () => sealing.rotateMaster(),
    rewrap: async function* (signal) {
      let over = false
      const done = work().finally(() => {
        over = true
      })
      const ended = done.catch(() => undefined)
      while (!over && !signal.aborted) {
        const next = moved.wait(signal)
        yield progress
        if (!over) await Promise.race([next, ended])
      }
      if (signal.aborted) return
      await done
      yield progress
    },
  }
}
