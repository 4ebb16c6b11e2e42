// SPDX-License-Identifier: Apache-2.0

import type { ReportedSubmission } from '@sealwatch/ledger'
import { type DecoyProcess, groupRows } from './decoy-process.ts'
import { send } from './decoy-service.ts'
import type { Drilling } from './drilled.ts'
import { drillFailure } from './failures.ts'
import { alertName } from './rule.ts'

/** While an alert is waited for: more than it takes to fire, and no more than a report has room for. */
const waitingPerSecond = 5

/**
 * Rows keep coming from `process` until the alert fires for them, as Prometheus says: one that was active before the first row was
 * rejected is of something else, as an earlier drill, and is let end before. Where only a file of rules is known, that it is
 * there. Resolves with what was sent. Throws DRILL_ALERT_SILENT.
 */
export async function waitForAlert(
  of: Drilling,
  process: DecoyProcess,
  sender: ReportedSubmission['sender'],
  note: (line: string) => void,
): Promise<ReportedSubmission[]> {
  const { alertSource, bounds, io, tenant } = of
  const { alerts } = alertSource
  if (alerts === undefined) {
    note(`${await alertSource.check()}; whether it fires was not looked at (no --prometheus)`)
    of.alert('rule present')
    return []
  }
  const all: ReportedSubmission[] = []
  const over = new AbortController()
  const patience = () => AbortSignal.any([AbortSignal.timeout(bounds.alertSeconds * 1000), over.signal, io.stop])
  const since = of.sent.find(({ outcome }) => outcome === 'quarantined')?.told_at ?? of.startedAt
  const awaited = { tenant, since, progress: of.progress }
  const earlier = await alerts.earlierOver({ ...awaited, signal: patience() })
  if (earlier !== undefined) note(`${earlier}: it was let end, and does not count`)
  const signal = patience()
  let isOver = false
  const watching = alerts.fires({ ...awaited, signal }).finally(() => {
    isOver = true
  })
  // What it throws is thrown below; meanwhile rows are sent.
  watching.catch(() => undefined)
  try {
    while (!isOver) {
      all.push(...(await send({ ...of, progress: () => undefined }, process, groupRows, { sender })))
      await io.clock.sleep((1000 * groupRows) / waitingPerSecond, signal)
    }
    const fired = await watching
    if (fired === undefined)
      throw drillFailure('DRILL_ALERT_SILENT', {
        attempted: `waiting for ${alertName}`,
        received: `nothing for ${tenant} within ${bounds.alertSeconds} seconds`,
      })
    of.alert('fired')
    note(fired)
    return all
  } finally {
    over.abort()
  }
}
