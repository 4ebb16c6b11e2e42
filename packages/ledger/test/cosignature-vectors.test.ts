// SPDX-License-Identifier: Apache-2.0
// Holds the code to vectors/cosignature: witnesses as they were frozen, good and bad.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { createLog, isSealwatchError } from '@sealwatch/base'
import { verifyEd25519 } from '@sealwatch/keys'
import { sha256 } from '../src/sha256.ts'
import {
  type CosignerKey,
  formatCosignerVkey,
  isQuorumMet,
  judgeSplitView,
  parseCosignerVkey,
  parseNote,
  parsePolicy,
  parseSplitView,
  verifyCosignatures,
} from '../src/verify/index.ts'
import { addLog, initWitness, openWitness, witnessPlaces } from '../src/witness/index.ts'
import { createCrashingDisk } from './crashing-disk.ts'
import { tickingClock } from './sample.ts'

const read = (file: string) => readFileSync(new URL(`../../../vectors/cosignature/${file}`, import.meta.url), 'utf8')
const rows = <Row>(file: string) => JSON.parse(read(file)) as (Row & { name: string; code?: string })[]

function codeOf(work: () => unknown): string | undefined {
  try {
    work()
    return undefined
  } catch (error) {
    if (isSealwatchError(error)) return error.code
    throw error
  }
}

type Cosigned = { note: string; witnesses: string[]; times?: [string, number][] }
for (const { name, note, witnesses, times, code } of rows<Cosigned>('cosignatures.json')) {
  test(`cosignature: ${name}`, () => {
    const keys = witnesses.map((vkey) => parseCosignerVkey(sha256, vkey))
    const verify = () => verifyCosignatures(parseNote(note, 'testing'), keys, verifyEd25519, 'testing')
    assert.equal(codeOf(verify), code)
    if (times !== undefined)
      assert.deepEqual(
        verify().map(({ key, timeS }) => [formatCosignerVkey(key), timeS]),
        times,
      )
  })
}

type Judged = { text: string; met?: string[][]; below?: string[][] }
for (const { name, text, met = [], below = [], code } of rows<Judged>('policies.json')) {
  test(`policy: ${name}`, () => {
    const parse = () => parsePolicy(sha256, text, 'testing')
    assert.equal(codeOf(parse), code)
    if (code !== undefined) return
    const { quorum, witnesses } = parse()
    const nameOf = (key: CosignerKey) => witnesses.find((witness) => witness.key === key)?.name ?? ''
    for (const names of met)
      assert.equal(
        isQuorumMet(quorum, (key) => names.includes(nameOf(key))),
        true,
        names.join(),
      )
    for (const names of below)
      assert.equal(
        isQuorumMet(quorum, (key) => names.includes(nameOf(key))),
        false,
        names.join(),
      )
  })
}

test('requests to a witness, one after the other', async () => {
  const { disk } = createCrashingDisk()
  const places = witnessPlaces('/witness')
  await initWitness(disk, places, 'witness.example/w')
  await addLog(disk, places, 'example.com/log', [read('log').trim()])
  const witness = await openWitness({
    disk,
    places,
    clock: tickingClock(),
    log: createLog(
      'w',
      () => undefined,
      () => 0,
    ),
  })
  for (const { name, body, status, answer } of rows<{ body: string; status: number; answer?: string }>(
    'requests.json',
  )) {
    const given = await witness.addCheckpoint(Buffer.from(body))
    assert.equal(given.status, status, name)
    if (answer !== undefined) assert.deepEqual([given.type, given.body], ['text/x.tlog.size', answer], name)
  }
})

for (const { name, text, kind, code } of rows<{ text: string; kind?: string }>('split-views.json')) {
  test(`split view: ${name}`, () => {
    const judge = () =>
      judgeSplitView({ sha256, verify: verifyEd25519 }, parseSplitView(text, 'testing'), [read('log').trim()])
    assert.equal(codeOf(judge), code)
    if (kind !== undefined) assert.deepEqual([judge().kind, judge().proven], [kind, kind !== 'unproven'])
  })
}
