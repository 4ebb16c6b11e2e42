// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { generateKeyPairSync, hash, sign } from 'node:crypto'
import { test } from 'node:test'
import { canonicalize, rfc3339 } from '@sealwatch/base'
import { verifyEd25519, verifyRsa } from '@sealwatch/keys'
import { sha256 } from '../sha256.ts'
import { createKeyExamination, isOfServices } from './key-examination.ts'
import { keyRangesMax } from './key-findings.ts'
import type { Line } from './line.ts'

const pairs = {
  ed25519: generateKeyPairSync('ed25519'),
  'rsa-sha256': generateKeyPairSync('rsa', { modulusLength: 2048 }),
}
type Algorithm = keyof typeof pairs
const at = (second: number) => rfc3339(BigInt(second) * 1_000_000_000n)

/** Lines of a ledger, each with its leaf. */
function ledger(algorithm: Algorithm = 'ed25519') {
  const { publicKey, privateKey } = pairs[algorithm]
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const public_key = (algorithm === 'ed25519' ? spki.subarray(12) : spki).toString('hex')
  const lines: Line[] = []
  const say = (body: object) => lines.push(body as Line)
  say({
    registry: { change: 'added', producer: 'billing', producer_kind: 'service', key_id: 'k', algorithm, public_key },
  })
  return {
    lines,
    other: (count = 1) => {
      for (let i = 0; i < count; i += 1) say({ event: {} })
    },
    submit: (rows: number, second: number, change: object = {}) => {
      const of = { producer: 'billing', key_id: 'k', registry: 0, mark: null, ...change }
      const texts = Array.from({ length: rows }, (_, n) => `{"n":${n}}`)
      const payload = Buffer.from(rows === 1 ? (texts[0] as string) : texts.map((text) => `${text}\n`).join(''))
      const id = `s${lines.length}`
      for (const [n, text] of texts.entries()) say({ row: { ...of, n, text, submission: id } })
      const signature = sign(algorithm === 'ed25519' ? null : 'sha256', payload, privateKey).toString('base64')
      const told = { form: 'detached', payload_type: 'application/json', digest: hash('sha256', payload, 'hex') }
      say({ submission: { id, rows, algorithm, signature, received_at: at(second), ...told, ...of } })
    },
  }
}

function examine(lines: readonly Line[], compromised_since: string | null = null, revoked_at: string | null = null) {
  const key = { producer: 'billing', key_id: 'k', compromised_since, revoked_at }
  const examination = createKeyExamination({ sha256, verify: verifyEd25519, verifyRsa, key })
  for (const [leaf, line] of lines.entries()) examination.take({ line }, leaf, 'testing')
  return examination.findings(lines.length)
}

for (const algorithm of Object.keys(pairs) as Algorithm[])
  test(`SIG-6 what a key signed is told apart by its receipt, its mark and its signature: ${algorithm}`, () => {
    const { lines, submit, other } = ledger(algorithm)
    submit(2, 10)
    submit(1, 11)
    other(2)
    submit(3, 12)
    submit(5, 13, { producer: 'orders' })
    submit(5, 13, { key_id: 'k2' })
    submit(2, 20)
    submit(1, 19, { mark: 'non-strict' })
    submit(1, 15, { signature: Buffer.alloc(64).toString('base64') })
    const found = examine(lines, at(20), at(30))
    const rows = Object.fromEntries(Object.entries(found.counts).map(([name, count]) => [name, count.rows]))
    assert.deepEqual(rows, { sound: 6, suspect: 2, unvouched: 1, invalid: 1 })
    assert.deepEqual(
      found.ranges.map(({ verdict, first_leaf, next_leaf, submissions, rows: of, first_received, last_received }) => [
        [verdict, first_leaf, next_leaf, submissions, of].join(' '),
        first_received,
        last_received,
      ]),
      [
        ['sound 1 6 2 3', at(10), at(11)],
        ['sound 8 12 1 3', at(12), at(12)],
        ['suspect 24 27 1 2', at(20), at(20)],
        ['unvouched 27 29 1 1', at(19), at(19)],
        ['invalid 29 31 1 1', at(15), at(15)],
      ],
    )
    assert.equal(examine(lines, null, at(20)).counts.suspect.rows, 2, 'what came after the revocation is suspect, too')
    assert.equal(examine(lines).counts.suspect.rows, 0)
    assert.deepEqual(examine(lines, at(20), at(30)), found)
    assert.notEqual(examine(lines, at(12), at(30)).listing, found.listing)
    assert.notEqual(examine(lines.slice(0, -2), at(20), at(30)).listing, found.listing)
    assert.throws(() => examine(lines.filter((_line, leaf) => leaf !== 1)), { code: 'CHAIN_BROKEN' })
  })

test('SIG-6 a report stays small however many places there are, and what it counts exact', () => {
  const { lines, submit, other } = ledger()
  for (let i = 0; i < 1_000; i += 1) {
    submit(1, i, i % 3 === 0 ? { mark: 'non-strict' } : {})
    other(1 + (i % 7))
  }
  const { ranges, counts } = examine(lines, at(500))
  for (const verdict of ['sound', 'suspect', 'unvouched'] as const) {
    const of = ranges.filter((range) => range.verdict === verdict)
    assert.ok(of.length <= keyRangesMax && of.length > 1, `${of.length} of ${verdict}`)
    assert.equal(
      of.reduce((sum, { rows }) => sum + rows, 0),
      counts[verdict].rows,
    )
    assert.ok(of.every((range, i) => i === 0 || (of[i - 1]?.next_leaf ?? 0) <= range.first_leaf))
  }
  assert.deepEqual(
    Object.values(counts).map(({ submissions }) => submissions),
    [333, 333, 334, 0],
  )
})

test('lines that matter are found by their first bytes', () => {
  const line = (body: object) =>
    Buffer.from(
      canonicalize({
        ...{ chain: 'a'.repeat(32), epoch: 0, prev: '0'.repeat(64), seq: 12, time: '', v: 3 },
        ...body,
      } as never),
    )
  for (const body of [{ registry: {} }, { row: {} }, { submission: {} }]) assert.ok(isOfServices(line(body)))
  for (const body of [{ submission_stub: {} }, { stub: {} }, { replay: {} }, { rows: {} }])
    assert.ok(!isOfServices(line(body)), JSON.stringify(body))
  assert.ok(!isOfServices(Buffer.from('{"chain":"')))
})
