// SPDX-License-Identifier: Apache-2.0

import { type Clock, isSealwatchError, type Log } from '@sealwatch/base'
import type { Ledgers } from './ledgers.ts'

/** How often the ledgers that have grown are signed by the node key; whoever needs a signature sooner asks for it. */
const sealEveryMs = 1_000
/** After a refusal the signer is not asked again at once: it may count its calls. */
const retryMs = 5_000

/**
 * Signs what has grown every second, and has the deployment's signer and the witnesses vouch for the root ledger every
 * `countersignEveryMs` while it grows and every `countersignIdleMs` while it does not, until the signal fires. A
 * signer that does not answer costs its word, not a line: it is asked again.
 */
export async function keepSealed(options: {
  readonly ledgers: Ledgers
  readonly signedHeads: { remember(): Promise<void> }
  readonly countersignEveryMs: number
  readonly countersignIdleMs: number
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
}): Promise<void> {
  const { ledgers, signedHeads, countersignEveryMs, countersignIdleMs, clock, log, signal } = options
  await Promise.all([
    repeat('signing the ledgers', sealEveryMs, async () => {
      await ledgers.seal()
      await signedHeads.remember()
    }),
    repeat('publishing the root checkpoint', countersignEveryMs, () => ledgers.publish(countersignIdleMs)),
  ])

  async function repeat(what: string, everyMs: number, work: () => Promise<void>): Promise<void> {
    let isFailing = false
    while (!signal.aborted) {
      let waitMs = everyMs
      try {
        await work()
        if (isFailing) log.info(`${what} works again`)
        isFailing = false
      } catch (error) {
        if (!isSealwatchError(error) || error.kind === 'fatal') throw error
        if (!isFailing) log.critical(`${what} fails; it is tried again`, { error })
        isFailing = true
        waitMs = Math.max(everyMs, retryMs)
      }
      await clock.sleep(waitMs, signal)
    }
  }
}
