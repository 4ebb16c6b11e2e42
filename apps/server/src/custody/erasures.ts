// SPDX-License-Identifier: Apache-2.0

import { type Clock, createBell, errorsOf, follow, type JsonObject, type Log } from '@sealwatch/base'
import type { ErasedCounts, Sealing } from '@sealwatch/keys/sealing'
import { type Leaf, type Ledger, ledgerErrors, parseLine, sha256 } from '@sealwatch/ledger'
import type { ServerVoice } from '../identity/index.ts'
import { type Outbox, outboxUid, type Store } from '../store/index.ts'
import { custodyError } from './errors.ts'
import { type By, type EraseOrder, erased, type Gone, orderMark, orderOf } from './events.ts'

export type Erased = ErasedCounts & {
  readonly label: string | undefined
  readonly leafIndex: number
  /** The tenant has values that only its own erasure reaches (sealing.md, 6.2). */
  readonly firstLayout: boolean
}

/**
 * Erases by order of the cluster's ledger: the line that records an erasure is what causes it. So an erasure that was
 * interrupted goes on at the next start, and one that an older copy of the keys has not seen is carried out again when
 * that copy is restored, before anything is opened with it.
 */
export type Erasures = {
  /** Carries out orders as they come, until the signal fires. */
  run(signal: AbortSignal): Promise<void>
  /** Resolves when the keys are gone. Throws KEYS_ERASED where the tenant is erased already, ERASE_NOT_DONE. */
  eraseSubject(tenant: string, subject: string, by: string): Promise<Erased>
  /**
   * The same. The order names the `origin` of the ledger that goes with the tenant, and the time at which it was decided:
   * of one decision it is given once, however often this is called. Throws ERASE_CLUSTER.
   */
  eraseTenant(tenant: string, origin: string, decidedNs: bigint): Promise<Erased>
}

const batchMax = 1024
const ledgerError = errorsOf(ledgerErrors)

/**
 * Carries out what the ledger orders so far, and only then resolves. Throws LEDGER_BEHIND where the ledger is shorter than
 * the keys have seen it: it was set back, and an order in the lines that it is to have again would never be read.
 */
export async function openErasures(options: {
  /** Of the cluster. */
  readonly ledger: Ledger
  readonly sealing: Sealing
  readonly store: Store
  readonly outbox: Outbox
  readonly voice: ServerVoice
  readonly clock: Clock
  readonly log: Log
}): Promise<Erasures> {
  const { ledger, sealing, store, outbox, voice, clock, log } = options
  const carriedOut = createBell()
  const forever = new AbortController().signal
  const counts = new Map<number, ErasedCounts>()
  let expecting = 0
  let done = sealing.applied
  if (done > ledger.size) {
    const received = `${ledger.size} lines where the keys were erased up to line ${done}`
    throw ledgerError('LEDGER_BEHIND', { attempted: `opening the ledger ${ledger.origin}`, received })
  }

  async function handle(leaves: readonly Leaf[], next: number): Promise<void> {
    for (const leaf of leaves) {
      const order = orderIn(ledger, leaf)
      if (order === undefined) continue
      const gone = sealing.erase(order, leaf.index + 1)
      if (expecting > 0) counts.set(leaf.index, gone)
      log.warn('keys were destroyed by order of the ledger', { leaf: leaf.index, ...order, ...gone })
    }
    done = next
    // An order moves the mark itself; the rest only spares the next start some reading.
    if (next - sealing.applied >= batchMax) sealing.setApplied(next)
    carriedOut.ring()
  }

  for (let from = done; from < ledger.size; from = done) {
    const leaves = await ledger.read(from, batchMax)
    await handle(leaves, from + leaves.length)
  }

  async function order(what: EraseOrder & Gone & By, timeNs = clock.nowNs()): Promise<Erased> {
    expecting += 1
    try {
      const body = erased(voice, timeNs, what)
      const uid = outboxUid(ledger.tenant, body)
      const placed = await outbox.placed(uid)
      if (placed === undefined) await store.transaction((tx) => outbox.enqueue(tx, ledger.tenant, body))
      outbox.ring()
      const leafIndex = placed ?? ((await outbox.recorded(uid, `erasing ${what.label ?? what.tenant}`)) as number)
      while (done <= leafIndex) await carriedOut.wait(forever)
      const gone = counts.get(leafIndex) ?? (placed === undefined ? undefined : { tenantKeys: 0, subjectKeys: 0 })
      // Nobody may take a line for the deed.
      if (gone === undefined) {
        const received = `leaf ${leafIndex} of ${ledger.origin}, passed over`
        throw custodyError('ERASE_NOT_DONE', { attempted: `erasing ${what.label ?? what.tenant}`, received })
      }
      return { ...gone, label: what.label, leafIndex, firstLayout: sealing.hasFirstLayout(what.tenant) }
    } finally {
      expecting -= 1
      if (expecting === 0) counts.clear()
    }
  }

  return {
    run: async (signal) => {
      await follow({ name: 'erasures', feed: ledger, cursor: done, batchMax, signal, handle })
    },
    eraseSubject: async (tenant, subject, by) => order({ tenant, label: await sealing.labelOf(tenant, subject), by }),
    eraseTenant: async (tenant, origin, decidedNs) => {
      if (tenant === ledger.tenant) throw custodyError('ERASE_CLUSTER', { attempted: `erasing the tenant ${tenant}` })
      return order({ tenant, origin }, decidedNs)
    },
  }
}

/** Of the ledger's own chain alone: a host may write what it likes, it orders nothing. */
function orderIn(ledger: Ledger, { index, line: bytes }: Leaf): EraseOrder | undefined {
  if (!Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes(orderMark)) return undefined
  const { line } = parseLine(sha256, bytes, `reading leaf ${index} of ${ledger.tenant}`)
  return line.chain === ledger.chain && 'event' in line ? orderOf(line.event as JsonObject) : undefined
}
