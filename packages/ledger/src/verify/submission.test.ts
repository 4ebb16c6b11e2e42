// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { readFile, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { payloadOf } from '@sealwatch/contract'
import { verifyEd25519 } from '@sealwatch/keys'
import { openSampleLedger, origins, sampleSigner, temporary } from '../../test/sample.ts'
import { sampleSubmission } from '../../test/sample-submission.ts'
import { sealLine } from '../chain/seal.ts'
import { sha256 } from '../sha256.ts'
import { chainStart } from './chain.ts'
import { createLeafJudge } from './leaf-judge.ts'
import { type Body, type Line, parseLine } from './line.ts'
import { createSubmissionWalk } from './submission.ts'

const texts = ['{"n":1}', '{"n": 2}\r', '\ufeff{"ä":"\u2028"}']
const asLine = (body: Body) => body as unknown as Line

function walk(bodies: readonly Body[], skipAt = -1): string[] {
  const judged: string[] = []
  const submissions = createSubmissionWalk(sha256, ({ id }, payload) => {
    judged.push(`${id} ${Buffer.from(payload).toString('utf8')}`)
  })
  for (const [i, body] of bodies.entries()) {
    if (i === skipAt) submissions.skip()
    submissions.take(asLine(body), 'testing')
  }
  assert.equal(submissions.open, 0)
  return judged
}

test('a payload is put together again from its rows, byte for byte: one alone has no newline, of several each (ING-2)', () => {
  assert.equal(Buffer.from(payloadOf(['a'])).toString(), 'a')
  assert.equal(Buffer.from(payloadOf(['a', 'b'])).toString(), 'a\nb\n')
  assert.deepEqual(walk(sampleSubmission(texts).bodies), [`sub-1 ${texts.map((text) => `${text}\n`).join('')}`])
})

test('rows and their submission belong together, or the ledger was altered', () => {
  const { bodies, rows, submission } = sampleSubmission(texts)
  const [first, second, third, end] = bodies as [Body, Body, Body, Body]
  const event = { event: { class_uid: 1007 } }
  const other = (change: object): Body => ({ row: { ...(rows[1] as (typeof rows)[0]), ...change } })
  const wrong: [string, Body[]][] = [
    ['a row left out', [first, third, end]],
    ['the first left out', [second, third, end]],
    ['the last left out', [first, second, end]],
    ['a row twice', [first, first, second, third, end]],
    ['another order', [first, third, second, end]],
    ['another text', [first, other({ text: '{"n":2}' }), third, end]],
    ['a row of another submission', [first, other({ submission: 'sub-2' }), third, end]],
    ['a row of another service', [first, other({ producer: 'orders' }), third, end]],
    ['a row under another key', [first, other({ key_id: 'billing-2' }), third, end]],
    ['a row judged by another registry', [first, other({ registry: 2 }), third, end]],
    ['a row that is marked', [first, other({ mark: 'unknown_key' }), third, end]],
    ['an event between them', [first, event, second, third, end]],
    ['a submission without rows', [end]],
    ['another digest', [first, second, third, { submission: { ...submission, digest: '0'.repeat(64) } }]],
    ['another count', [first, second, third, { submission: { ...submission, rows: 2 } }]],
  ]
  for (const [what, lines] of wrong) assert.throws(() => walk(lines), { code: 'CHAIN_BROKEN' }, what)
})

test('behind a gap a submission may end whose rows were left out, and is not judged', () => {
  const { bodies } = sampleSubmission(texts)
  assert.deepEqual(walk([...bodies, ...bodies.slice(1)], bodies.length), walk(bodies))
  assert.equal(walk([...bodies, ...bodies], bodies.length).length, 2)
})

test('more rows, or longer ones, than a submission has are refused before they fill the memory', () => {
  const { rows } = sampleSubmission(['x'])
  const [row] = rows as [(typeof rows)[0]]
  const many = Array.from({ length: 1001 }, (_, n) => ({ row: { ...row, n } }))
  assert.throws(() => walk(many), { code: 'CHAIN_BROKEN' })
  const long = Array.from({ length: 40 }, (_, n) => ({ row: { ...row, n, text: 'x'.repeat(30_000) } }))
  assert.throws(() => walk(long), { code: 'CHAIN_BROKEN' })
})

test('rows whose submission a crash cut off are not in the ledger, wherever it cut (ING-8)', async () => {
  await using dir = await temporary()
  const ledger = await openSampleLedger(dir.path)
  await ledger.append({ own: sampleSubmission(texts).bodies })
  const { size } = ledger
  assert.deepEqual(await ledger.append({ own: sampleSubmission(texts, undefined, { id: 'sub-2' }).bodies }), {
    first: size,
    next: size + 4,
  })
  await ledger.close()
  const path = join(dir.path, 'tenant', 'lines', `${'0'.repeat(20)}.ndjson`)
  const whole = await readFile(path, 'utf8')
  const lines = whole.trimEnd().split('\n')
  const bytes = Buffer.byteLength(`${lines.join('\n')}\n`)
  for (const cut of [1, 400, 900, bytes - Buffer.byteLength(`${lines.slice(0, size + 1).join('\n')}\n`)]) {
    await truncate(path, bytes - cut)
    const again = await openSampleLedger(dir.path)
    assert.equal(again.size, size, `${cut} bytes less`)
    await again.append({ own: sampleSubmission(texts, undefined, { id: 'sub-2' }).bodies })
    assert.equal(again.size, size + 4)
    await again.close()
  }
})

test('a row that does not fit into a line is refused, and nothing of its submission is appended', async () => {
  await using dir = await temporary()
  const ledger = await openSampleLedger(dir.path)
  const { size } = ledger
  const appending = ledger.append({ own: sampleSubmission(['x', 'y'.repeat(65_500)]).bodies })
  await assert.rejects(appending, { code: 'LINE_TOO_LONG' })
  const malformed = { submission: { ...sampleSubmission(['x']).submission, form: 'other' } } as unknown as Body
  await assert.rejects(ledger.append({ own: [malformed] }), { code: 'LINE_MALFORMED' })
  await ledger.settled()
  assert.equal(ledger.size, size)
  await ledger.close()
})

test('a ledger that admits rows which their service did not sign is found out, by whoever reads it (ING-2)', () => {
  const signer = sampleSigner(7)
  const key = { ...serviceKey, public_key: signer.publicKey.toHex() }
  const judge = (registry: object | undefined, change: object = {}, verifyRsa?: () => boolean) => {
    const { bodies } = sampleSubmission(texts, (payload) => signer.sign(payload), change)
    const judged = createLeafJudge({
      sha256,
      verify: verifyEd25519,
      verifyRsa,
      tenant: 'default',
      origin: origins.tenant,
    })
    const none = { prev_file: null, prev_last_hash: null, prev_sequence_num: null }
    const anchor = { tenant: 'default', key_id: null, origin: origins.tenant, ...none }
    const all = [{ anchor }, ...(registry === undefined ? [] : [{ registry }]), ...bodies] as Body[]
    let position = chainStart
    for (const body of all) {
      const { seq, text, hash } = sealLine('cc'.repeat(16), position, 0n, body)
      position = { nextSeq: seq + 1, tip: hash }
      judged.take(parseLine(sha256, Buffer.from(text), 'testing'), 'testing')
    }
    return [judged.counts.signedByService, judged.counts.unverified, judged.counts.notCovered]
  }
  assert.deepEqual(judge(key), [3, 0, 0])
  assert.deepEqual(judge(key, { mark: 'invalid_signature', signature: 'AAAA' }), [0, 3, 0])
  // A mark takes the place of key and signature, and of nothing else (ING-3).
  for (const mark of ['unknown_key', 'invalid_signature', 'key_revoked', 'key_not_yet_valid', 'key_expired'])
    for (const registry of [key, undefined]) assert.deepEqual(judge(registry, { mark }), [0, 3, 0])
  assert.throws(() => judge(key, { mark: 'unknown_key', digest: '0'.repeat(64) }), { code: 'CHAIN_BROKEN' })
  assert.throws(() => judge(key, { mark: '' }), { code: 'LINE_MALFORMED' })
  const unverified = { code: 'SUBMISSION_UNVERIFIED' }
  assert.throws(() => judge(key, { signature: Buffer.alloc(64).toString('base64') }), unverified)
  assert.throws(() => judge(key, { form: 'dsse' }), unverified)
  assert.throws(() => judge(key, { algorithm: 'rsa-sha256' }), unverified)
  assert.throws(() => judge({ ...key, public_key: sampleSigner(8).publicKey.toHex() }), unverified)
  for (const other of [undefined, { ...key, producer: 'orders' }, { ...key, key_id: 'billing-2' }])
    assert.throws(() => judge(other), { code: 'BUNDLE_ALTERED' })
  const rsa = { ...key, algorithm: 'rsa-sha256' }
  assert.deepEqual(judge(rsa, { algorithm: 'rsa-sha256' }), [0, 0, 3])
  assert.deepEqual(
    judge(rsa, { algorithm: 'rsa-sha256' }, () => true),
    [3, 0, 0],
  )
  assert.throws(() => judge(rsa, { algorithm: 'rsa-sha256' }, () => false), unverified)
})

const serviceKey = {
  algorithm: 'ed25519',
  cause: null,
  change: 'added',
  changed_at: '2026-11-21T00:00:00.000000000Z',
  compromised_since: null,
  key_id: 'billing-1',
  producer: 'billing',
  producer_kind: 'service',
  revoked_at: null,
  source: 'api',
  state: 'active',
  valid_from: '2026-11-21T00:00:00.000000000Z',
  valid_until: null,
} as const
