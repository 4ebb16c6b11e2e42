// SPDX-License-Identifier: Apache-2.0

import type { DrillRowCounts, ReportedSubmission } from '@sealwatch/ledger'
import type { Drilling } from './drilled.ts'
import { drillFailure } from './failures.ts'
import { countsSince, rowCountsIn, seriesIn } from './metrics.ts'
import { rowsIn } from './report.ts'
import { startOf } from './server.ts'

const pageRows = 500
const indexMsMax = 30_000
const indexPollMs = 100
const attempted = 'proving that nothing is lost'
const broken = (received: string) => drillFailure('DRILL_NOT_CONSERVED', { attempted, received })

/** A submission of the decoy's as it stands in the ledger, after all that its lines say. */
export type InLedger = {
  /** Of its `submission` line, or of its stub. */
  readonly leaf: number
  readonly id: string
  readonly key_id: string
  readonly rows: number
  readonly digest: string
  /** RFC 3339, by the server's clock. */
  readonly received_at: string
}
/** Where the ledger and the server's counters stood. */
export type Mark = {
  readonly fromLeaf: number
  readonly counts: DrillRowCounts
  readonly startedAt: number | undefined
}

export async function markOf(of: Drilling): Promise<Mark> {
  const { items } = await of.api.call('listEvents', { query: { limit: 1 } })
  const metrics = await of.metrics()
  return {
    fromLeaf: (items[0]?.leaf_index ?? -1) + 1,
    counts: rowCountsIn(metrics, of.tenant),
    startedAt: startOf(metrics),
  }
}

/** What the decoy's service has in the ledger since then. */
export async function admittedSince(
  { api, producer }: Drilling,
  { fromLeaf }: Pick<Mark, 'fromLeaf'>,
): Promise<InLedger[]> {
  const found: InLedger[] = []
  for (let cursor: string | undefined; ; ) {
    const query = { filter: 'kind=submission', limit: pageRows, ...(cursor !== undefined && { cursor }) }
    const page = await api.call('listEvents', { query })
    for (const { leaf_index: leaf, line } of page.items) {
      const { submission } = line as unknown as { submission: Omit<InLedger, 'leaf'> & { producer: string } }
      const { id, key_id, rows, digest, received_at } = submission
      if (leaf >= fromLeaf && submission.producer === producer)
        found.push({ leaf, id, key_id, rows, digest, received_at })
    }
    if (page.next === null || (page.items.at(-1)?.leaf_index ?? 0) < fromLeaf) break
    cursor = page.next
  }
  return found.reverse()
}

/** The index follows the ledger: it is given the time to. */
export async function onceIndexed(of: Drilling, mark: Pick<Mark, 'fromLeaf'>, due: number): Promise<InLedger[]> {
  const fromMs = of.io.clock.nowMs()
  for (;;) {
    const found = await admittedSince(of, mark)
    if (found.length >= due || of.io.clock.nowMs() - fromMs > indexMsMax || of.io.stop.aborted) return found
    await of.io.clock.sleep(indexPollMs, of.io.stop)
  }
}

/** Holds the ledger against what the processes of the drill sent, and the server's own counters against both. */
export async function proveConservation(
  of: Drilling,
  mark: Mark,
  {
    admitted,
    kept,
  }: { readonly admitted: readonly ReportedSubmission[]; readonly kept: readonly ReportedSubmission[] },
  note: (line: string) => void,
): Promise<void> {
  const metrics = await of.metrics()
  if (startOf(metrics) !== mark.startedAt)
    note('the server was started anew meanwhile, and counts from there: the ledger alone is asked')
  else {
    const counts = countsSince(mark.counts, rowCountsIn(metrics, of.tenant))
    of.counted(counts)
    checkCounts(counts, of.sent)
    note(
      `${counts.received} received = ${counts.admitted} admitted + ${counts.quarantined} quarantined + ` +
        `${counts.refused} refused + ${counts.duplicate} duplicate`,
    )
  }
  if ((seriesIn(metrics, 'sealwatch_conservation_broken', { tenant: of.tenant }) ?? 0) > 0)
    throw broken(`sealwatch_conservation_broken{tenant="${of.tenant}"}`)
  checkOnce(await onceIndexed(of, mark, admitted.length), admitted)
  note(`${rowsIn(admitted)} rows in ${admitted.length} submissions stand in the ledger, each exactly once`)
  if (kept.length > 0) note(`${rowsIn(kept)} rows in ${kept.length} submissions are kept in quarantine`)
  if (admitted.length + kept.length !== of.sent.length)
    throw broken(`${of.sent.length} submissions were sent, of which ${admitted.length + kept.length} are accounted for`)
}

/** Everything that was sent is counted once, under one outcome. */
export function checkCounts(counts: DrillRowCounts, sent: readonly ReportedSubmission[]): void {
  const { received, admitted, quarantined, refused, duplicate } = counts
  const missing = received - admitted - quarantined - refused - duplicate
  if (missing !== 0) throw broken(`${received} rows were received, of which ${missing} are missing`)
  if (received - duplicate - refused !== rowsIn(sent))
    throw broken(`${received} rows were counted, where ${rowsIn(sent)} were sent`)
}

/** Each of them once, with as many rows, of these bytes; and nothing else. */
export function checkOnce(inLedger: readonly InLedger[], sent: readonly ReportedSubmission[]): void {
  const found = Map.groupBy(inLedger, ({ id }) => id)
  for (const { id, rows, digest } of sent) {
    const places = found.get(id) ?? []
    const [one] = places
    if (one === undefined || places.length > 1)
      throw broken(`the submission ${id}, which stands ${places.length} times in the ledger`)
    if (one.rows !== rows || one.digest !== digest) throw broken(`the submission ${id}, in the ledger with other bytes`)
  }
  if (found.size !== sent.length)
    throw broken(`${found.size} submissions in the ledger, where ${sent.length} were sent`)
}
