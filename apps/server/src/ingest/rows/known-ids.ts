// SPDX-License-Identifier: Apache-2.0

import type { SubmissionOutcome } from '@sealwatch/contract'
import type { Ledger } from '@sealwatch/ledger'
import type { Store } from '../../store/index.ts'

/** What became of an id, of which bytes, and in which leaf that stands. */
export type Known = { readonly digest: string; readonly outcome: SubmissionOutcome; readonly leaf: number }

/**
 * Which ids are taken: those in the ledger, as its index tells, and those on their way there, which are held in memory until
 * the index has them. So nothing is stored twice, also across a crash: what is in no ledger then was never taken.
 */
export type KnownIds = {
  /** Resolves when the index has all that was in the ledger before this server wrote to it. */
  ready(ledger: Ledger): Promise<void>
  /** What an id that is being judged comes to; undefined: nobody has it in hand. */
  underWay(tenant: string, producer: string, id: string): Promise<Known | undefined> | undefined
  /** Takes the id until `known` says what became of it; undefined, or an error: nothing. */
  claim(tenant: string, producer: string, id: string, known: Promise<Known | undefined>): void
  /** Those that the ledger holds, by id. */
  find(tenant: string, producer: string, ids: readonly string[]): Promise<ReadonlyMap<string, Known>>
  readonly size: number
}

export function createKnownIds({
  store,
  indexed,
}: {
  readonly store: Store
  readonly indexed: { waitFor(tenant: string, leaf: number): Promise<void> }
}): KnownIds {
  const claims = new Map<string, Promise<Known | undefined>>()
  const begun = new WeakMap<Ledger, Promise<void>>()
  const nameOf = (tenant: string, producer: string, id: string) => `${tenant} ${producer} ${id}`

  return {
    ready: async (ledger) => {
      const beginning = begun.get(ledger) ?? indexed.waitFor(ledger.tenant, ledger.size)
      begun.set(ledger, beginning)
      await beginning
    },
    underWay: (tenant, producer, id) => claims.get(nameOf(tenant, producer, id)),
    claim: (tenant, producer, id, known) => {
      const name = nameOf(tenant, producer, id)
      const leave = () => {
        if (claims.get(name) === known) claims.delete(name)
      }
      const settle = async () => {
        const leaf = (await known)?.leaf
        // Whoever asks from then on finds it in the index.
        if (leaf !== undefined) await indexed.waitFor(tenant, leaf + 1)
      }
      claims.set(name, known)
      settle().then(leave, leave)
    },
    find: async (tenant, producer, ids) => {
      const rows = await store.index
        .selectFrom('submissions')
        .select(['id', 'kind', 'digest', 'leaf_index', 'reason', 'item'])
        .where('tenant', '=', tenant)
        .where('producer', '=', producer)
        .where('id', 'in', [...ids])
        .execute()
      const found = new Map<string, Known>()
      // What was admitted after all stands beside its stub.
      for (const { id, kind, digest, leaf_index: leaf, reason, item } of rows)
        if (kind === 'submission') found.set(id, { digest, leaf, outcome: { kind: 'duplicate', leafIndex: leaf } })
        else if (!found.has(id))
          found.set(id, { digest, leaf, outcome: { kind: 'quarantined', reason: reason ?? '', item: item ?? '' } })
      return found
    },
    get size() {
      return claims.size
    },
  }
}
