// SPDX-License-Identifier: Apache-2.0

import { rfc3339 } from '@sealwatch/base'
import type { AffectedRange, ReportedSubmission, ServiceKeyReport } from '@sealwatch/ledger'
import { waitForAlert } from './alerted.ts'
import { admittedSince, type InLedger, markOf, onceIndexed, proveConservation } from './conservation.ts'
import { startDecoyProcess } from './decoy-process.ts'
import { addKey, expectAll, send, takeUp } from './decoy-service.ts'
import type { Drilling } from './drilled.ts'
import { drillFailure } from './failures.ts'
import { proveLedger } from './prove-ledger.ts'
import { compareBytes, itemsOf } from './quarantined.ts'
import { rowsIn } from './report.ts'
import { runFirstChecks } from './runbook.ts'

const cause = 'the drill key-compromise: the key of the decoy leaked'

/**
 * The key of a producer leaks. What is found is noted step by step, and the first thing that is not as it must be is
 * thrown.
 */
export async function keyCompromise(of: Drilling): Promise<void> {
  const { step, tenant, bounds, io } = of
  await using processes = new AsyncDisposableStack()
  const mark = await markOf(of)
  const { decoy, thief, since, before, meanwhile, forged } = await step('cause', async (note) => {
    const place = await takeUp(of)
    const producer = processes.use(await startDecoyProcess(place))
    await addKey(of, producer.key)
    const before = await send(of, producer, bounds.rows)
    note(`process ${producer.pid} sent ${rowsIn(before)} rows under ${producer.key.keyId}: admitted`)
    const leaked = await producer.leak()
    const leakedAt = rfc3339(io.clock.nowNs())
    const other = processes.use(await startDecoyProcess(place, leaked))
    const theirs = await send(of, other, bounds.rows, { sender: 'thief' })
    const meanwhile = await send(of, producer, bounds.rows)
    expectAll([...before, ...theirs, ...meanwhile], 'admitted', 'sending rows under a key that is registered')
    note(
      `at ${leakedAt} the key leaked: process ${other.pid} signed ${rowsIn(theirs)} rows with it, under signatures that hold`,
    )
    note(`the decoy went on, with ${rowsIn(meanwhile)} rows more`)
    return { decoy: producer, thief: other, since: leakedAt, before, meanwhile, forged: theirs }
  })
  const own = [...before, ...meanwhile]
  const keyId = decoy.key.keyId
  await step('symptom', async (note) => {
    const strange = strangeIn(await onceIndexed(of, mark, own.length + forged.length), own)
    expectForged(strange, forged)
    note(
      `the ledger holds ${strange.length} submissions under ${keyId} that the decoy has never sent: ${namesOf(strange)}`,
    )
  })
  const kept = await step('revocation', async (note) => {
    await of.type(['compromise', keyId, '--cause', cause, '--since', since, '--tenant', tenant], 'find')
    const held = await send(of, thief, bounds.rows, { sender: 'thief' })
    expectAll(held, { quarantined: 'key_revoked' }, 'sending rows under the revoked key')
    note(
      `${keyId} is revoked, compromised since ${since}; ${rowsIn(held)} rows that came under it then were quarantined`,
    )
    return held
  })
  await step('alert', async (note) => {
    const more = await waitForAlert(of, thief, 'thief', note)
    expectAll(more, { quarantined: 'key_revoked' }, 'sending rows while the alert is waited for')
    kept.push(...more)
  })
  await step('first checks', (note) =>
    runFirstChecks(of, 'rejects-high.md', { tenant, key: keyId, since: of.startedAt }, note),
  )
  await step('bytes', (note) => compareBytes(of, keyId, kept, note))
  const after = await step('replacement', async (note) => {
    const next = await decoy.rotate()
    const at = ['--tenant', tenant]
    await of.type(['compromise', keyId, '--replacement', next.keyId, '--key-file', await decoy.save(), ...at], 'find')
    await of.type(['rotate', 'promote', of.producer, '--id', next.keyId, ...at])
    const switched = await send(of, decoy, bounds.rows)
    expectAll(switched, 'admitted', 'sending rows under the key that took its place')
    note(`the decoy switched to ${next.keyId}: ${rowsIn(switched)} rows admitted`)
    return switched
  })
  await step('re-verification', async (note) => {
    const signed = (await admittedSince(of, mark)).filter((one) => one.key_id === keyId)
    const ranges = affectedRanges(signed, since, new Set(own.map(({ id }) => id)))
    of.affected(ranges)
    checkRanges(ranges, signed, { own, forged })
    note(await checkReport(of, keyId, { sound: rowsIn(before), suspect: rowsIn([...meanwhile, ...forged]) }))
    for (const one of ranges)
      note(
        `${one.standing}: leaves ${one.first_leaf} to ${one.last_leaf}, ${one.rows} rows in ${one.submissions} submissions`,
      )
  })
  await step('replay', async (note) => {
    await of.type(['quarantine', 'replay', '--key', keyId, '--tenant', tenant, '--yes'])
    const left = await itemsOf(of, keyId)
    const attempted = `replaying what was signed under ${keyId}`
    if (left.length !== kept.length)
      throw drillFailure('DRILL_FORGERY_UNSEEN', { attempted, received: `${kept.length - left.length} items admitted` })
    note(`none of the ${left.length} items under the revoked key came in`)
  })
  await step('conservation', async (note) => {
    await proveConservation(of, mark, { admitted: [...own, ...forged, ...after], kept }, note)
    await proveLedger(of, note)
  })
}

/** What stands in the ledger under the producer's name, and not in the producer's own account. */
function strangeIn(inLedger: readonly InLedger[], own: readonly ReportedSubmission[]): InLedger[] {
  const known = new Map(own.map(({ id, digest }) => [id, digest]))
  return inLedger.filter(({ id, digest }) => known.get(id) !== digest)
}

function expectForged(strange: readonly InLedger[], forged: readonly ReportedSubmission[]): void {
  const odd = new Set(strange.map(({ id }) => id)).symmetricDifference(new Set(forged.map(({ id }) => id)))
  if (odd.size > 0)
    throw drillFailure('DRILL_FORGERY_UNSEEN', {
      attempted: 'naming the rows that the decoy has never sent',
      received: `${strange.length} submissions named, where ${forged.length} were forged: ${[...odd][0]}`,
    })
}

const namesOf = (found: readonly InLedger[]) =>
  `leaves ${found
    .slice(0, 5)
    .map(({ leaf }) => leaf)
    .join(', ')}${found.length > 5 ? ', …' : ''}`

/** Runs of submissions under the key, in the ledger's order; times are RFC 3339 in UTC with nine digits, and compare as text. */
export function affectedRanges(
  signed: readonly InLedger[],
  since: string,
  own: ReadonlySet<string>,
): readonly AffectedRange[] {
  const ranges: AffectedRange[] = []
  for (const { leaf, id, key_id, rows, received_at } of signed) {
    const standing = received_at < since ? 'legitimate' : own.has(id) ? 'suspect' : 'forged'
    const last = ranges.at(-1)
    if (last?.standing !== standing)
      ranges.push({ key_id, standing, first_leaf: leaf - rows, last_leaf: leaf, submissions: 1, rows })
    else
      ranges[ranges.length - 1] = {
        ...last,
        last_leaf: leaf,
        submissions: last.submissions + 1,
        rows: last.rows + rows,
      }
  }
  return ranges
}

/** Nothing that came before is named, and nothing that was forged is left out. */
function checkRanges(
  ranges: readonly AffectedRange[],
  signed: readonly InLedger[],
  { own, forged }: { readonly own: readonly ReportedSubmission[]; readonly forged: readonly ReportedSubmission[] },
): void {
  const rowsOf = (standing: AffectedRange['standing']) => rowsIn(ranges.filter((one) => one.standing === standing))
  const [legitimate, suspect, named] = [rowsOf('legitimate'), rowsOf('suspect'), rowsOf('forged')]
  if (signed.length === own.length + forged.length && named === rowsIn(forged) && legitimate > 0 && suspect > 0) return
  throw drillFailure('DRILL_FORGERY_UNSEEN', {
    attempted: 'verifying again what the key has signed',
    received: `${legitimate} rows legitimate, ${suspect} suspect, ${named} forged, where ${rowsIn(forged)} were forged`,
  })
}

/** The report that whoever asks for evidence gets says the same, and none of it is invalid. */
async function checkReport(
  { api }: Drilling,
  keyId: string,
  due: { readonly sound: number; readonly suspect: number },
): Promise<string> {
  const { id, text } = await api.call('getKeyReport', { params: { key_id: keyId } })
  const { sound, suspect, unvouched, invalid } = (JSON.parse(text) as ServiceKeyReport).counts
  const told = `${sound.rows} rows sound, ${suspect.rows} suspect, ${unvouched.rows} unvouched, ${invalid.rows} invalid`
  if (told === `${due.sound} rows sound, ${due.suspect} suspect, 0 unvouched, 0 invalid`)
    return `the signed report ${id.slice(0, 16)}… says the same: ${told}`
  throw drillFailure('DRILL_FORGERY_UNSEEN', {
    attempted: 'comparing the report of the key with what was sent',
    received: `${told}, where ${due.sound} are sound and ${due.suspect} suspect`,
  })
}
