// SPDX-License-Identifier: Apache-2.0
// vectors/key-report: what an examination of a host's key comes to, and which reports are read (key-report.md).

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { isSealwatchError, type Json } from '@sealwatch/base'
import { verifyEd25519 } from '@sealwatch/keys'
import { sealLine } from '../src/chain/seal.ts'
import { sha256 } from '../src/sha256.ts'
import type { ChainPosition } from '../src/verify/chain.ts'
import {
  checkFindings,
  createHostKeyExamination,
  type ExaminedKey,
  type HostKeyFindings,
  keyRangesMax,
  logKeyVerifier,
  openKeyReport,
  parseLine,
  parseVkey,
} from '../src/verify/index.ts'
import type { Body } from '../src/verify/line.ts'
import { origins, sampleHost } from './sample.ts'

type Examined = { name: string; key: ExaminedKey; leaves: string[]; findings: HostKeyFindings }
type Reported = { name: string; vkeys: string[]; text: string; envelope: Json; code?: string }
const golden = <T>(name: string) =>
  JSON.parse(readFileSync(new URL(`../../../vectors/key-report/${name}.json`, import.meta.url), 'utf8')) as T[]

function examine(key: ExaminedKey, leaves: readonly string[]): HostKeyFindings {
  const examination = createHostKeyExamination({ sha256, verify: verifyEd25519, key })
  for (const [leaf, text] of leaves.entries())
    examination.take(parseLine(sha256, Buffer.from(text), 'testing'), leaf, 'testing')
  return examination.findings(leaves.length)
}

for (const { name, key, leaves, findings } of golden<Examined>('hosts'))
  test(`SIG-6 a key of a host: ${name}`, () => {
    assert.deepEqual(examine(key, leaves), findings)
  })

const open = ({ vkeys, text, envelope }: Reported) => {
  const keys = vkeys.map((vkey) => parseVkey(sha256, vkey))
  const trusted = keys.map((key) => logKeyVerifier(sha256, verifyEd25519, key))
  return openKeyReport(
    sha256,
    { envelope, text },
    trusted,
    keys.map((key) => key.name),
    'testing',
  )
}

for (const one of golden<Reported>('reports'))
  test(`SIG-6 a signed report: ${one.name}`, () => {
    let found: string | undefined
    try {
      open(one)
    } catch (error) {
      if (!isSealwatchError(error)) throw error
      found = error.code
    }
    assert.equal(found, one.code)
  })

test('SIG-6 a report holds only as far as its counts and ranges are those of the leaves, too', () => {
  const reported = golden<Reported>('reports').find(({ name }) => name === 'version 2, of a host')
  const examined = golden<Examined>('hosts').find(({ name }) => name === 'a line of the ledger behind it is of before')
  assert.ok(reported !== undefined && examined !== undefined)
  const verified = open(reported)
  const { counts, ranges } = examined.findings
  checkFindings(verified, examine(examined.key, examined.leaves), 'testing')
  const called = ranges.map((range) => ({ ...range, verdict: 'sound' as const }))
  for (const other of [{ ranges: called }, { counts: { ...counts, suspect: { heads: 0, lines: 0 } } }, { size: 12 }])
    assert.throws(() => checkFindings(verified, { ...examined.findings, ...other }, 'testing'), {
      code: 'KEY_REPORT_UNVERIFIED',
    })
})

test('SIG-6 a report of a host stays small however many places there are, and what it counts exact', () => {
  const host = sampleHost(1)
  let position: ChainPosition = { nextSeq: 0, tip: '0'.repeat(64) }
  const leaves: string[] = []
  const say = (body: Body) => {
    const { text, seq, hash } = sealLine('aa'.repeat(16), position, BigInt(position.nextSeq), body)
    position = { nextSeq: seq + 1, tip: hash }
    leaves.push(text)
  }
  const noFile = { prev_file: null, prev_last_hash: null, prev_sequence_num: null }
  say({ anchor: { tenant: 'default', key_id: null, origin: origins.tenant, ...noFile } })
  say({ key: host.key })
  for (let i = 0; i < 200; i += 1) {
    leaves.push(...host.batch(1).sealed.map(({ text }) => text))
    for (let n = 0; n <= i % 3; n += 1) say({ event: {} })
  }
  const since = '1970-01-01T00:00:00.000000200Z'
  const key = { producer: 'host-1', key_id: host.key.key_id, revoked_at: null, compromised_since: since }
  const { ranges, counts } = examine(key, leaves)
  assert.equal(counts.sound.heads + counts.suspect.heads, 200)
  for (const verdict of ['sound', 'suspect'] as const) {
    const of = ranges.filter((range) => range.verdict === verdict)
    assert.ok(of.length > 1 && of.length <= keyRangesMax, `${of.length} of ${verdict}`)
    assert.equal(
      of.reduce((sum, { lines }) => sum + lines, 0),
      counts[verdict].lines,
    )
    assert.ok(of.every(({ time_behind }) => (time_behind !== null && time_behind < since) === (verdict === 'sound')))
  }
})

test('SIG-6 own lines of a ledger that contradict one another have no report', () => {
  const found = golden<Examined>('hosts').find(({ name }) => name === 'verified after all: its stub is of before')
  assert.ok(found !== undefined)
  const { key, leaves } = found
  assert.throws(() => examine(key, leaves.with(9, leaves[9]?.replace('process 2', 'process 9') as string)), {
    code: 'CHAIN_BROKEN',
  })
})
