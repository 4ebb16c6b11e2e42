// SPDX-License-Identifier: Apache-2.0

import { rfc3339 } from '@sealwatch/base'
import type { ReportedSubmission } from '@sealwatch/ledger'
import { waitForAlert } from './alerted.ts'
import { markOf, proveConservation } from './conservation.ts'
import { type DecoyProcess, startDecoyProcess } from './decoy-process.ts'
import { addKey, expectAll, send, takeUp } from './decoy-service.ts'
import type { Drilling } from './drilled.ts'
import { drillFailure } from './failures.ts'
import { proveLedger } from './prove-ledger.ts'
import { compareBytes, itemsOf } from './quarantined.ts'
import { rowsIn } from './report.ts'
import { runFirstChecks } from './runbook.ts'

/**
 * A producer rotates its key before the server knows the new one. What is found is noted step by step, and the first thing
 * that is not as it must be is thrown.
 */
export async function strictSignature(of: Drilling): Promise<void> {
  const { step, tenant, bounds } = of
  await using processes = new AsyncDisposableStack()
  const mark = await markOf(of)
  const { decoy, next, rotatedAt, admitted } = await step('cause', async (note) => {
    const started = processes.use(await startDecoyProcess(await takeUp(of)))
    await addKey(of, started.key)
    const first = await send(of, started, bounds.rows)
    expectAll(first, 'admitted', 'sending rows under a key that is registered')
    note(`process ${started.pid} sent ${rowsIn(first)} rows under ${started.key.keyId}: admitted`)
    const rotatedAt = rfc3339(of.io.clock.nowNs())
    const rotated = await started.rotate()
    note(`it rotated its key to ${rotated.keyId}, and told nobody`)
    return { decoy: started as DecoyProcess, next: rotated, rotatedAt, admitted: first }
  })
  const quarantined = await step('symptom', async (note) => {
    const held = await send(of, decoy, bounds.rows)
    expectAll(held, { quarantined: 'unknown_key' }, 'sending rows under a key that nobody knows')
    note(`${rowsIn(held)} rows were quarantined: unknown_key`)
    return held
  })
  await step('alert', async (note) => {
    const more = await waitForAlert(of, decoy, 'decoy', note)
    expectAll(more, { quarantined: 'unknown_key' }, 'sending rows while the alert is waited for')
    quarantined.push(...more)
  })
  await step('first checks', (note) =>
    runFirstChecks(of, 'rejects-high.md', { tenant, key: next.keyId, since: of.startedAt }, note),
  )
  await step('bytes', (note) => compareBytes(of, next.keyId, quarantined, note))
  await step('mitigation', async (note) => {
    await addKey(of, next, rotatedAt)
    note(`${next.keyId} is in the registry, valid from the rotation on`)
    const after = await send(of, decoy, Math.min(bounds.rows, 10))
    expectAll(after, 'admitted', 'sending rows under the key that is known now')
    admitted.push(...after)
    note(`${rowsIn(after)} rows that came then were admitted`)
  })
  await step('replay', (note) => replay(of, next.keyId, quarantined, note))
  await step('conservation', async (note) => {
    await proveConservation(of, mark, { admitted: [...admitted, ...quarantined], kept: [] }, note)
    await proveLedger(of, note)
  })
}

async function replay(
  of: Drilling,
  keyId: string,
  quarantined: readonly ReportedSubmission[],
  note: (line: string) => void,
): Promise<void> {
  const replaying = ['quarantine', 'replay', '--key', keyId, '--tenant', of.tenant]
  await of.type(replaying)
  const said = await of.type([...replaying, '--yes'])
  const left = await itemsOf(of, keyId)
  const attempted = `replaying what is quarantined under ${keyId}`
  if (left.length > 0)
    throw drillFailure('DRILL_REPLAY_LEFT', { attempted, received: `${left.length} items that still wait: ${said}` })
  note(`${quarantined.length} items, ${rowsIn(quarantined)} rows, were admitted by replay`)
}
