// SPDX-License-Identifier: Apache-2.0

import type { Store, Tx } from '../store/index.ts'

/** How often a rule matched, and an alert was made of it, or an exception made none. */
export type RuleCount = { readonly fired: number; readonly excepted: number }

/** What was counted since it was written down last: with the cursor, so that nothing is counted twice. */
export type RuleTally = {
  readonly isEmpty: boolean
  add(rule: string, what: keyof RuleCount): void
  write(tx: Tx): Promise<void>
}

/** So many days are kept. */
export const countedDaysMax = 90

const dayMs = 86_400_000
const dayOf = (ms: number) => new Date(ms).toISOString().slice(0, 10)

export function createRuleTally(tenant: string, nowMs: () => number): RuleTally {
  const counts = new Map<string, { fired: number; excepted: number }>()
  let prunedOn = ''
  return {
    get isEmpty() {
      return counts.size === 0
    },
    add: (rule, what) => {
      const count = counts.get(rule) ?? { fired: 0, excepted: 0 }
      count[what] += 1
      counts.set(rule, count)
    },
    write: async (tx) => {
      const day = dayOf(nowMs())
      for (const [rule_id, { fired, excepted }] of counts)
        await tx
          .insertInto('rule_counts')
          .values({ tenant, day, rule_id, fired, excepted })
          .onConflict((conflict) =>
            conflict.columns(['tenant', 'day', 'rule_id']).doUpdateSet((of) => ({
              fired: of('rule_counts.fired', '+', fired),
              excepted: of('rule_counts.excepted', '+', excepted),
            })),
          )
          .execute()
      counts.clear()
      if (prunedOn === day) return
      prunedOn = day
      const oldest = dayOf(nowMs() - countedDaysMax * dayMs)
      await tx.deleteFrom('rule_counts').where('tenant', '=', tenant).where('day', '<', oldest).execute()
    },
  }
}

/** By rule, of this day (UTC) and those before it, `days` in all. */
export async function countsOf(
  { db }: Pick<Store, 'db'>,
  tenant: string,
  { days, nowMs }: { readonly days: number; readonly nowMs: number },
): Promise<ReadonlyMap<string, RuleCount>> {
  const rows = await db
    .selectFrom('rule_counts')
    .select(({ fn }) => ['rule_id', fn.sum<number>('fired').as('fired'), fn.sum<number>('excepted').as('excepted')])
    .where('tenant', '=', tenant)
    .where('day', '>', dayOf(nowMs - days * dayMs))
    .groupBy('rule_id')
    .execute()
  return new Map(rows.map(({ rule_id, fired, excepted }) => [rule_id, { fired, excepted }]))
}
