// SPDX-License-Identifier: Apache-2.0
// Logs that fork, clients that lie and race, and a witness that dies at any write: whatever it has cosigned of a log, all
// its lives together, is one tree that grew.

import assert from 'node:assert/strict'
import process from 'node:process'
import { test } from 'node:test'
import { createLog } from '@sealwatch/base'
import { verifyEd25519 } from '@sealwatch/keys'
import { Crash, createCrashingDisk } from '../../test/crashing-disk.ts'
import { createForkedLog, type ForkedLog } from '../../test/forked-log.ts'
import { tickingClock } from '../../test/sample.ts'
import { sha256 } from '../sha256.ts'
import { parseForeignCheckpoint } from '../verify/checkpoint.ts'
import { verifyCosignatures } from '../verify/cosignature.ts'
import { parseNote, parseSignatures } from '../verify/note.ts'
import { listEvidence } from './evidence.ts'
import { witnessPlaces } from './places.ts'
import { addLog, initWitness } from './registry.ts'
import { formatSubmission } from './request.ts'
import { openWitness } from './witness.ts'

const firstSeed = Number(process.env.SEALWATCH_SEED ?? Math.floor(Math.random() * 2 ** 31))
const seeds = 60
const rounds = 40
const size = 40
const places = witnessPlaces('/witness')
const logs = [
  createForkedLog('example.com/log-0', { common: 9, size }),
  createForkedLog('example.com/log-1', { common: 0, size }),
  createForkedLog('example.com/log-2', { common: size, size }),
]

/** xorshift32: the same numbers for the same seed. */
function randomFrom(seed: number) {
  let state = seed | 1
  const next = () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
  const below = (n: number) => Math.floor(next() * n)
  return { next, below, pick: <T>(items: readonly T[]): T => items[below(items.length)] as T }
}
type Random = ReturnType<typeof randomFrom>

/** What some client sends: mostly what an honest one would, for one of the branches. */
function submissionOf(log: ForkedLog, known: number, random: Random): { body: Buffer; note: string } {
  const branch = random.below(2)
  const to = random.next() < 0.7 ? Math.min(size, known + random.below(5)) : random.below(size + 1)
  const from = random.next() < 0.85 ? known : random.below(size + 1)
  const lies = random.next() < 0.1
  const proof = lies
    ? [sha256(Buffer.from('no such node'))]
    : log.proofOf(random.next() < 0.9 ? branch : 1 - branch, from, to)
  const note = log.note(branch, to)
  return { body: Buffer.from(formatSubmission({ oldSize: from, proof, note })), note }
}

async function simulate(seed: number) {
  const random = randomFrom(seed)
  const store = createCrashingDisk()
  const { disk } = store
  const { cosigner } = await initWitness(disk, places, 'witness.example/w')
  for (const log of logs) await addLog(disk, places, log.origin, [log.vkey])
  const clock = tickingClock()
  const open = () =>
    openWitness({
      disk,
      places,
      clock,
      log: createLog(
        'w',
        () => undefined,
        () => 0,
      ),
    })
  let witness = await open()
  /** In the order in which the cosignatures left, all lives together. */
  const cosigned = new Map<string, { size: number; root: string }[]>(logs.map(({ origin }) => [origin, []]))
  const statuses = new Map<number, number>()
  let crashes = 0

  async function ask(log: ForkedLog): Promise<void> {
    const known = witness.logs().find(({ origin }) => origin === log.origin)?.size ?? 0
    const { body, note } = submissionOf(log, known, random)
    const { status, body: answer } = await witness.addCheckpoint(body)
    statuses.set(status, (statuses.get(status) ?? 0) + 1)
    if (status === 409) assert.match(answer, /^\d+\n$/)
    if (status !== 200) return
    const { text } = parseNote(note, 'testing')
    const found = verifyCosignatures(
      { text, signatures: parseSignatures(answer, 'testing') },
      [cosigner.key],
      verifyEd25519,
      'testing',
    )
    assert.equal(found.length, 1)
    const checkpoint = parseForeignCheckpoint(text, 'testing')
    cosigned.get(log.origin)?.push({ size: checkpoint.size, root: checkpoint.root.toHex() })
  }

  for (let round = 0; round < rounds; round += 1) {
    if (random.next() < 0.3) store.crashAt(random.below(6), random.next() < 0.5)
    const atOnce = Array.from({ length: 1 + random.below(6) }, () => ask(random.pick(logs)))
    for (const result of await Promise.allSettled(atOnce))
      if (result.status === 'rejected' && !(result.reason instanceof Crash)) throw result.reason
    if (!store.isDead) continue
    crashes += 1
    store.restart()
    witness = await open()
  }
  return { cosigned, statuses, crashes, evidence: (await listEvidence(disk, places)).kept }
}

/** One branch has every tree that was cosigned, and no later one is smaller. */
function assertOneChain(log: ForkedLog, cosigned: readonly { size: number; root: string }[], what: string): void {
  const holds = (branch: number) =>
    cosigned.every((tree) => log.rootOf(branch, tree.size).toString('hex') === tree.root)
  assert.ok(holds(0) || holds(1), `${what}: two trees of ${log.origin} were cosigned`)
  for (const [i, tree] of cosigned.entries())
    assert.ok(
      i === 0 || tree.size >= (cosigned[i - 1]?.size ?? 0),
      `${what}: a smaller tree of ${log.origin} after a larger one`,
    )
}

test('whatever is sent, at once, and wherever it dies: what was cosigned of a log is one growing tree', async (t) => {
  t.diagnostic(`seed ${firstSeed}; SEALWATCH_SEED=${firstSeed} repeats it`)
  const total = { cosigned: 0, crashes: 0, proven: 0 }
  const statuses = new Map<number, number>()
  for (let seed = firstSeed; seed < firstSeed + seeds; seed += 1) {
    const run = await simulate(seed)
    for (const log of logs) assertOneChain(log, run.cosigned.get(log.origin) ?? [], `seed ${seed}`)
    // A log that never forked is never convicted.
    assert.ok(!run.evidence.some(({ report }) => report.proven && report.origin === logs[2]?.origin), `seed ${seed}`)
    total.cosigned += [...run.cosigned.values()].flat().length
    total.crashes += run.crashes
    total.proven += run.evidence.filter(({ report }) => report.proven).length
    for (const [status, count] of run.statuses) statuses.set(status, (statuses.get(status) ?? 0) + count)
  }
  t.diagnostic(JSON.stringify({ ...total, statuses: Object.fromEntries(statuses) }))
  assert.ok(total.cosigned > seeds * 10 && total.crashes > seeds && total.proven > seeds, 'it really ran')
  for (const status of [200, 409, 422]) assert.ok((statuses.get(status) ?? 0) > seeds, String(status))
})
