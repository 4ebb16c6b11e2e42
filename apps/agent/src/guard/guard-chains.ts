// SPDX-License-Identifier: Apache-2.0

import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, type Disk, type Log, makeDirectory } from '@sealwatch/base'
import type { Ed25519Signer } from '@sealwatch/keys'
import { type Chain, type Draft, openChain } from '@sealwatch/ledger/chain'
import { createJournal, type Journal } from '../journal/journal.ts'

export type GuardChainsOptions = {
  readonly dir: string
  readonly tenants: readonly string[]
  /** Of the host. */
  readonly signer: Ed25519Signer
  readonly totalBytesMax: number
  readonly clock: Clock
  readonly disk: Disk
  readonly log: Log
  /** Sealing cannot go on: the outcome of a write is unknown. */
  readonly onFatal: (error: unknown) => void
}

/** What the guard seals, in chains of its own: it waits for nobody, and nobody's flood holds it up. */
export type GuardChains = {
  readonly all: readonly Chain[]
  /** Seals it at once; on a full disk it waits. */
  add(tenant: string, draft: Draft): void
  flushed(): Promise<void>
  /** The server has another history of this one: it is kept as evidence, and a new one begins. */
  replace(id: string): Promise<void>
  /** Closes epochs when they are due, until the signal fires. */
  keepEpochs(signal: AbortSignal): Promise<void>
  close(): Promise<void>
}

const segmentBytesMax = 1024 * 1024
const epochMax = { lines: 4_096, ageMs: 10_000 } as const
/** A chain in which nothing happens: that its guard lives, its agent says. */
const epochIdleMs = 3_600_000

export async function openGuardChains(options: GuardChainsOptions): Promise<GuardChains> {
  const { dir, tenants, signer, totalBytesMax, clock, disk, log, onFatal } = options
  await makeDirectory(dir)
  const open = async (tenant: string): Promise<Chain> => {
    const of = { dir: join(dir, tenant), tenant, signer, clock, disk, segmentBytesMax, totalBytesMax, epochMax }
    const chain = await openChain(of)
    if (chain.replacesDamaged)
      log.critical('a chain of the guard was altered on the disk; it is set aside and a new one begins', { tenant })
    return chain
  }
  const chains = new Map<string, Chain>()
  const journals = new Map<string, Journal>()
  for (const tenant of tenants) {
    chains.set(tenant, await open(tenant))
    journals.set(tenant, createJournal({ chain: () => chains.get(tenant) as Chain, clock, log, atOnce: true, onFatal }))
  }
  const every = async (work: (journal: Journal) => Promise<void>) => {
    await Promise.all(Array.from(journals.values(), work))
  }
  return {
    get all() {
      return [...chains.values()]
    },
    add: (tenant, draft) => (journals.get(tenant) as Journal).add(draft),
    flushed: () => every((journal) => journal.flushed()),
    replace: async (id) => {
      const found = [...chains].find(([, chain]) => chain.id === id)
      if (found === undefined) return
      const [tenant, chain] = found
      log.critical('the server knows another history of this chain; a new one begins', { chain: id, tenant })
      await journals.get(tenant)?.closeEpoch()
      await chain.close()
      await rename(join(dir, tenant), `${join(dir, tenant)}.replaced-${clock.nowMs()}`)
      chains.set(tenant, await open(tenant))
    },
    keepEpochs: (signal) => every((journal) => journal.keepEpochs(epochIdleMs, signal)),
    close: async () => {
      await every((journal) => journal.flushed())
      // Nothing stays open while nobody is here to close it.
      await every((journal) => journal.closeEpoch())
      for (const chain of chains.values()) await chain.close()
    },
  }
}
