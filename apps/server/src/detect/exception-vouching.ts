// SPDX-License-Identifier: Apache-2.0

import { type Log, rfc3339 } from '@sealwatch/base'
import type { RecordOptions } from '../identity/index.ts'
import type { Ledgers } from '../ingest/index.ts'
import { actIn, actsOf, tellUnvouched, waitingFor } from '../trust/index.ts'
import { digestOf, type ExceptionRow } from './exception-form.ts'

export const exceptionCodes = { added: 'rule_exception_added', removed: 'rule_exception_removed' } as const

/**
 * The rows of a tenant that its ledger says: whoever can write into the database silences no rule. The others are told with an
 * alarm. What waits in the outbox is as good as a line.
 */
export async function vouchedExceptions(
  options: RecordOptions & { readonly ledgers: Pick<Ledgers, 'get'>; readonly log: Log },
  tenant: string,
  rows: readonly ExceptionRow[],
): Promise<readonly ExceptionRow[]> {
  const { store, ledgers } = options
  if (rows.length === 0) return []
  const since = rows.map(({ created_at }) => created_at).reduce((a, b) => (a < b ? a : b))
  const unsaid = await unsaidSince(since)
  // A line may have an earlier time than its row: before one is called altered all of them are read.
  const wrong = unsaid.length === 0 ? [] : await unsaidSince(rfc3339(0n))
  await tellUnvouched(
    options,
    wrong.map(({ exception_id }) => ({
      tenant,
      kind: 'rule_exception' as const,
      name: exception_id,
      why: 'no line of the ledger has it as it stands',
    })),
  )
  return rows.filter((row) => !wrong.includes(row))

  async function unsaidSince(from: string): Promise<readonly ExceptionRow[]> {
    const said = new Map<string, unknown>()
    const take = (body: Parameters<typeof actIn>[0]) => {
      const act = actIn(body)
      const id = String(act?.details.rule_exception)
      if (act?.code === exceptionCodes.added) said.set(id, act.details.rule_exception_digest)
      if (act?.code === exceptionCodes.removed) said.delete(id)
    }
    for await (const { line } of actsOf({ ledger: ledgers.get(tenant), index: store.index }, from)) take(line)
    for (const body of await waitingFor(store, tenant)) take(body)
    return rows.filter((row) => said.get(row.exception_id) !== digestOf(row))
  }
}
