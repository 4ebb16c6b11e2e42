// SPDX-License-Identifier: Apache-2.0

import type { Clock } from '@sealwatch/base'
import type { Ledger } from '@sealwatch/ledger'
import type { Store } from '../../store/index.ts'
import { leavesOfKinds } from '../index-queries.ts'
import type { QuarantineRow } from './judge-item.ts'
import type { Quarantine } from './quarantine.ts'
import { isSubmissionAt, isUntimely, itemOf, receiptOf, type StubLine, stubAt, stubsAt } from './stub-line.ts'
import { createRest } from './walk-pace.ts'

/** The first thing of a tenant that a walk over its quarantine found wrong; undefined: items, rows and stubs add up. */
export type Conserved = { readonly leaf: number; readonly text: string } | undefined

const toldOf = {
  gone: 'its bytes are gone',
  altered: 'its bytes were altered',
  untimely: 'what is sealed with it has another receipt than its row',
} as const
const stubsAtOnce = 100

/**
 * Holds what lies in quarantine of a tenant against its ledger (quarantine.md, 8): each stub has its row, each row the bytes
 * that the stub names, and what a row calls admitted has its replay. Of stubs that the index covers when it begins.
 */
export async function walkQuarantine(
  options: {
    readonly store: Store
    readonly ledger: Pick<Ledger, 'tenant' | 'size' | 'readChecked'>
    readonly quarantine: Pick<Quarantine, 'state' | 'settled'>
    readonly indexed: { waitFor(tenant: string, leaf: number, signal?: AbortSignal): Promise<void> }
    readonly clock: Clock
  },
  signal: AbortSignal,
): Promise<Conserved> {
  const { store, ledger, quarantine, indexed, clock } = options
  const { tenant, size } = ledger
  await indexed.waitFor(tenant, size, signal)
  await quarantine.settled(tenant)
  const rest = createRest(clock)
  for (let after = -1; !signal.aborted; ) {
    const stubs = await stubsFrom(after)
    const rows = await rowsAt(stubs)
    const filled = await filledOf(stubs)
    const lines = await stubsAt(ledger, stubs)
    for (const leaf of stubs) {
      const text = await wrongWith(leaf, rows.get(leaf), filled, lines.get(leaf))
      if (text !== undefined) return { leaf, text }
      await rest(1, rows.get(leaf)?.kept_bytes ?? 0, signal)
      if (signal.aborted) return undefined
    }
    if (stubs.length < stubsAtOnce) return undefined
    after = stubs.at(-1) as number
  }
  return undefined

  async function wrongWith(
    leaf: number,
    row: QuarantineRow | undefined,
    filled: ReadonlySet<number>,
    read: StubLine | undefined,
  ): Promise<string | undefined> {
    if (row === undefined) return 'a stub without its row'
    const { item, state, admitted_leaf_index } = row
    if (state === 'admitted' && (admitted_leaf_index ?? 0) < size && !filled.has(leaf))
      return `${item}: its row says that it was admitted, and no replay stands in the ledger`
    const stub = read ?? (await stubAt(ledger, leaf))
    if (itemOf(stub) !== item) return `${item}: leaf ${leaf} is not its stub`
    if (state === 'duplicate' && !(await isSubmissionAt(ledger, admitted_leaf_index, stub)))
      return `${item}: its row says that its rows stand at leaf ${admitted_leaf_index}, and the ledger has others there`
    if (isUntimely(stub, row))
      return `${item}: its row says that it came at ${row.received_at}, and its stub at ${receiptOf(stub)}`
    const bytes = await quarantine.state(row)
    return bytes === 'whole' ? undefined : `${item}: ${toldOf[bytes]}`
  }

  async function stubsFrom(after: number): Promise<number[]> {
    const found = await Promise.all(
      ['stub', 'submission_stub'].map((kind) =>
        leavesOfKinds(store.index, { tenant, kinds: [kind], from: after + 1, before: size })
          .limit(stubsAtOnce)
          .execute(),
      ),
    )
    return found
      .flatMap((rows) => rows.map(({ leaf_index }) => leaf_index))
      .sort((a, b) => a - b)
      .slice(0, stubsAtOnce)
  }

  async function rowsAt(leaves: readonly number[]): Promise<Map<number, QuarantineRow>> {
    const rows = await store.db
      .selectFrom('audit_signature_quarantine')
      .selectAll()
      .where('tenant', '=', tenant)
      .where('stub_leaf_index', 'in', leaves)
      .execute()
    return new Map(rows.map((row) => [row.stub_leaf_index as number, row]))
  }

  async function filledOf(leaves: readonly number[]): Promise<Set<number>> {
    const fills = await store.index
      .selectFrom('fills')
      .select('stub_leaf')
      .where('tenant', '=', tenant)
      .where('stub_leaf', 'in', leaves)
      .execute()
    return new Set(fills.map(({ stub_leaf }) => stub_leaf))
  }
}
