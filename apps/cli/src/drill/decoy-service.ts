// SPDX-License-Identifier: Apache-2.0

import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf } from '@sealwatch/base'
import { ApiProblem } from '@sealwatch/contract/api'
import type { ReportedSubmission } from '@sealwatch/ledger'
import { bar } from '../terminal.ts'
import { authorityAt } from './ca.ts'
import { type DecoyKey, type DecoyPlace, type DecoyProcess, groupRows } from './decoy-process.ts'
import type { Drilling } from './drilled.ts'
import { drillFailure } from './failures.ts'
import { rowsIn } from './report.ts'

const tokenSeconds = 3600

/** Ends what an earlier drill, that nobody ended, has left in this tenant and on this machine. Resolves with what it was. */
export async function clearLeftovers(of: Drilling): Promise<readonly string[]> {
  const { api, producer } = of
  const { items: tokens } = await api.call('listTokens')
  const open = tokens.filter((one) => one.service === producer && one.revoked_at === null)
  for (const { token_id } of open) await api.call('revokeToken', { params: { token_id } })
  const { items } = await api.call('listProducers')
  const isRunning = items.some((one) => one.producer === producer && one.halted_at === null)
  if (isRunning) await halt(of)
  await rm(folderOf(of), { recursive: true, force: true })
  return [
    ...(open.length === 0 ? [] : [`${open.length} tokens of ${producer} were still open: revoked`]),
    ...(isRunning ? [`${producer} was not halted: it is now`] : []),
  ]
}

const folderOf = ({ place, tenant }: Pick<Drilling, 'place' | 'tenant'>) => join(place.run, 'drill', tenant)
const halt = ({ api, producer }: Drilling) =>
  api.call('haltProducer', { params: { producer }, body: { cause: 'no drill is running' } })

/** The decoy may send rows from now on. What its processes need to begin. */
export async function takeUp(of: Drilling): Promise<DecoyPlace> {
  const { api, producer, server } = of
  const { items } = await api.call('listProducers')
  if (items.some((one) => one.producer === producer)) await api.call('resumeProducer', { params: { producer } })
  else await unlessThere(api.call('addProducer', { body: { producer } }), 'PRODUCER_EXISTS')
  const asked = { name: producer, actions: ['rows:write'], ttl_seconds: tokenSeconds, service: producer }
  const { token } = await api.call('createToken', { body: asked })
  const parent = folderOf(of)
  await mkdir(parent, { recursive: true, mode: 0o700 })
  return { url: server.api, ca: await authorityAt(server.api, server.caFingerprint), token, parent }
}

/** Halts the decoy, and ends what it came by. What fails of it is said, and the next drill does it. */
export async function standDown(of: Drilling): Promise<void> {
  for (const work of [() => clearLeftovers(of)])
    await work().catch((error: unknown) =>
      of.warn(`the decoy was not put away, the next drill does it: ${messageOf(error)}`),
    )
}

/** `from`: RFC 3339; what came under the key before is judged as of its receipt. */
export async function addKey(
  { api, producer }: Drilling,
  { keyId, publicKey }: DecoyKey,
  from?: string,
): Promise<void> {
  const window = from === undefined ? {} : { valid_from: from }
  const body = { key_id: keyId, algorithm: 'ed25519', public_key: publicKey, ...window }
  await unlessThere(api.call('addSigningKey', { params: { producer }, body }), 'SIGNING_KEY_TAKEN')
}

/** What is asked twice, for the first answer was lost, is there already. */
async function unlessThere(asked: Promise<unknown>, code: string): Promise<void> {
  try {
    await asked
  } catch (error) {
    if (!(error instanceof ApiProblem) || error.problem.code !== code) throw error
  }
}

/** At the pace of the drill. Resolves with what became of the rows. */
export async function send(
  of: Drilling,
  process: DecoyProcess,
  rows: number,
  {
    sender = 'decoy',
    perSecond = of.bounds.perSecond,
  }: { sender?: ReportedSubmission['sender']; perSecond?: number } = {},
): Promise<ReportedSubmission[]> {
  const { io, sent } = of
  const all: ReportedSubmission[] = []
  for (let done = 0; done < rows && !io.stop.aborted; ) {
    const some = Math.min(groupRows, perSecond, rows - done)
    const group = (await process.send(some)).map((one) => ({ ...one, sender }))
    if (rowsIn(group) !== some)
      throw drillFailure('DRILL_DECOY_STUCK', { attempted: 'sending', received: `${rowsIn(group)} of ${some} rows` })
    all.push(...group)
    sent.push(...group)
    done += some
    of.progress(`the ${sender} sends ${bar(done, rows)} ${done} of ${rows} rows`)
    if (done < rows) await io.clock.sleep((1000 * some) / perSecond, io.stop)
  }
  return all
}

/** `admitted`: or it was so before, when the answer got lost. */
export function expectAll(
  sent: readonly ReportedSubmission[],
  wanted: 'admitted' | { readonly quarantined: string },
  due: string,
): void {
  const fits = ({ outcome, detail }: ReportedSubmission) =>
    wanted === 'admitted'
      ? outcome === 'admitted' || outcome === 'duplicate'
      : outcome === 'quarantined' && detail === wanted.quarantined
  const other = sent.find((one) => !fits(one))
  if (other === undefined) return
  const { outcome, detail } = other
  const isIn = wanted !== 'admitted' && outcome === 'admitted'
  throw drillFailure(isIn ? 'DRILL_STRICT_OFF' : 'DRILL_DECOY_STUCK', {
    attempted: due,
    received: isIn ? 'rows that nobody could verify were admitted' : `a submission that is ${outcome}: ${detail}`,
  })
}
