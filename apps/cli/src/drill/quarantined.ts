// SPDX-License-Identifier: Apache-2.0

import { ApiProblem } from '@sealwatch/contract/api'
import { type ReportedSubmission, sha256 } from '@sealwatch/ledger'
import type { Drilling } from './drilled.ts'
import { drillFailure } from './failures.ts'

const pageRows = 500

/** What waits in quarantine under a key. */
export async function itemsOf({ api }: Drilling, keyId: string) {
  const query = { key_id: keyId, state: 'waiting' as const, limit: pageRows }
  let page = await api.call('listQuarantine', { query })
  const items = [...page.items]
  while (page.next !== null) {
    page = await api.call('listQuarantine', { query: { ...query, cursor: Number(page.next) } })
    items.push(...page.items)
  }
  return items
}

/** Each item is there, and its bytes are those that were sent. Throws DRILL_ITEMS_MISSING, DRILL_BYTES_ALTERED. */
export async function compareBytes(
  of: Drilling,
  keyId: string,
  sent: readonly ReportedSubmission[],
  note: (line: string) => void,
): Promise<void> {
  const items = await itemsOf(of, keyId)
  const attempted = `comparing what is quarantined under ${keyId}`
  const due = new Set(sent.map(({ item }) => item))
  const odd = due.symmetricDifference(new Set(items.map(({ item }) => item)))
  if (odd.size > 0 || items.length !== due.size)
    throw drillFailure('DRILL_ITEMS_MISSING', {
      attempted,
      received: `${items.length} items, where ${due.size} are due; ${[...odd][0] ?? 'one is there twice'}`,
    })
  for (const [i, { leaf_index, item }] of items.entries()) {
    of.progress(`comparing item ${i + 1} of ${items.length}`)
    const problem = await problemOf(of, leaf_index, item)
    if (problem !== undefined)
      throw drillFailure('DRILL_BYTES_ALTERED', {
        attempted,
        received: `the item ${item} at leaf ${leaf_index}: ${problem}`,
      })
  }
  note(`the bytes of ${items.length} items are those that were sent, by SHA-256`)
}

async function problemOf({ api }: Drilling, leaf_index: number, item: string): Promise<string | undefined> {
  try {
    const { bytes } = await api.call('readQuarantined', { params: { leaf_index } })
    const found = sha256(Buffer.from(bytes, 'base64')).toHex()
    return found === item ? undefined : `their SHA-256 is ${found}`
  } catch (error) {
    if (error instanceof ApiProblem && error.problem.code.startsWith('QUARANTINE_')) return error.problem.code
    throw error
  }
}
