// SPDX-License-Identifier: Apache-2.0

import { type Clock, createBell, isSealwatchError, type Log } from '@sealwatch/base'
import type { RewrapProgress, Sealing } from '@sealwatch/keys/sealing'

const sweepEveryMs = 1_000
const retryMs = 30_000

/** What the keys need done while the server runs. */
export type KeyTender = {
  /** Wipes keys that are too old, and wraps anew what an older master key holds, until the signal fires. */
  run(signal: AbortSignal): Promise<void>
  /** Wraps anew now; each step of the progress, until nothing is left. Throws KEYS_UNAVAILABLE. */
  rewrap(signal: AbortSignal): AsyncGenerator<RewrapProgress>
}

export function createKeyTender({ sealing, clock, log }: { sealing: Sealing; clock: Clock; log: Log }): KeyTender {
  /** One at a time: whoever asks while another works follows its progress from where it stands. */
  let working: Promise<void> | undefined
  let progress: RewrapProgress = { done: 0, total: 0 }
  const moved = createBell()

  function work(signal: AbortSignal): Promise<void> {
    working ??= sealing
      .rewrap(signal, (step) => {
        progress = step
        moved.ring()
      })
      .finally(() => {
        working = undefined
        moved.ring()
      })
    return working
  }

  async function wrapAnew(signal: AbortSignal): Promise<void> {
    if (sealing.status().toRewrap === 0) return
    try {
      await work(signal)
      if (!signal.aborted) log.info('every tenant key is wrapped under the newest master key', progress)
    } catch (error) {
      if (!isSealwatchError(error) || error.kind === 'fatal') throw error
      log.error('tenant keys stay wrapped under an older master key for now', { error })
      await clock.sleep(retryMs, signal)
    }
  }

  return {
    run: async (signal) => {
      while (!signal.aborted) {
        sealing.sweep()
        await wrapAnew(signal)
        await clock.sleep(sweepEveryMs, signal)
      }
    },
    rewrap: async function* (signal) {
      let over = false
      const done = work(signal).finally(() => {
        over = true
      })
      done.catch(() => undefined)
      while (!over) {
        const next = moved.wait(signal)
        yield progress
        if (!over) await next
        if (signal.aborted) return
      }
      await done
      yield progress
    },
  }
}
