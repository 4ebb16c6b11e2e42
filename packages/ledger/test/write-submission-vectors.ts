// SPDX-License-Identifier: Apache-2.0
//
// Writes vectors/submission: what a service sends and how it stands in a ledger, good and bad (submission.md). Run once for
// a version of the format: `node packages/ledger/test/write-submission-vectors.ts`. It draws an RSA key, which it forgets.

import { createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { payloadOf, type SubmissionForm } from '@sealwatch/contract'
import { signedBytes } from '@sealwatch/keys'
import { sealLine } from '../src/chain/seal.ts'
import { sha256 } from '../src/sha256.ts'
import { chainStart } from '../src/verify/chain.ts'
import type { Body, Row, Submission } from '../src/verify/line.ts'
import { origins, sampleSigner } from './sample.ts'
import { sampleSubmission } from './sample-submission.ts'

const since = '2026-11-21T00:00:00.000000000Z'
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
const rsaSpki = createPublicKey(rsa.export({ type: 'pkcs8', format: 'pem' })).export({ type: 'spki', format: 'der' })
const [billing, orders] = [sampleSigner(7), sampleSigner(8)]
const keyOf = (producer: string, key_id: string, algorithm: 'ed25519' | 'rsa-sha256', publicKey: Uint8Array) => ({
  ...({ producer, producer_kind: 'service', key_id, algorithm, public_key: publicKey.toHex() } as const),
  ...({ valid_from: since, valid_until: null, revoked_at: null, state: 'active', source: 'api' } as const),
})
const keys = [
  keyOf('billing', 'billing-ed', 'ed25519', billing.publicKey),
  keyOf('billing', 'billing-rsa', 'rsa-sha256', rsaSpki),
  keyOf('orders', 'orders-ed', 'ed25519', orders.publicKey),
]
const signers: Record<string, (message: Uint8Array) => Uint8Array> = {
  'billing-ed': billing.sign,
  'billing-rsa': (message) => sign('sha256', message, rsa),
  'orders-ed': orders.sign,
}

type Signed = { readonly texts: readonly string[]; readonly end: Submission; readonly payload: Uint8Array }

/** Behind the anchor and the keys. */
const registry = keys.length
function signed(
  id: string,
  texts: readonly string[],
  key_id = 'billing-ed',
  form: SubmissionForm = 'detached',
): Signed {
  const algorithm = key_id === 'billing-rsa' ? 'rsa-sha256' : 'ed25519'
  const payload = payloadOf(texts)
  const signature = signers[key_id]?.(signedBytes(form, 'application/x-ndjson', payload)) as Uint8Array
  return {
    texts,
    payload,
    end: sampleSubmission(texts, () => signature, { id, key_id, form, algorithm, registry }).submission,
  }
}

const one = signed('one', ['{"invoice": 42, "by": "ana"}'])
const reencoded = ['{"invoice":42,"by":"ana"}']
const three = signed('three', ['{"n":1}', '{"n":\t2}\r', '\ufeff{"ä":"\u2028"}'], 'billing-ed', 'dsse')
const [first, second, third] = three.texts as [string, string, string]
const swapped = [second, first, third]
const byRsa = signed('rsa', ['{"n":1}', '{"n":2}'], 'billing-rsa')
const byRsaDsse = signed('rsa-dsse', ['"\\u00e4"'], 'billing-rsa', 'dsse')
const foreign = signed('foreign', ['{"n":1}'], 'orders-ed')

function sent({ end, payload }: Signed, change: object = {}) {
  const { id, form, payload_type, key_id, algorithm, signature } = end
  return { id, form, payload: payload.toBase64(), payload_type, key_id, algorithm, signature, ...change }
}
const bytes = (texts: readonly string[]) => ({ payload: payloadOf(texts).toBase64() })
const bad = 'invalid_signature'
const submissions = [
  { name: 'Ed25519, one row', submission: sent(one), outcome: 'admitted' },
  {
    name: 'Ed25519, DSSE, rows with a tab, a return and a byte order mark',
    submission: sent(three),
    outcome: 'admitted',
  },
  { name: 'RSA, two rows', submission: sent(byRsa), outcome: 'admitted' },
  { name: 'RSA, DSSE, one row', submission: sent(byRsaDsse), outcome: 'admitted' },
  { name: 'RSA named for an Ed25519 key', submission: sent(one, { id: 'b1', algorithm: 'rsa-sha256' }), outcome: bad },
  { name: 'Ed25519 named for an RSA key', submission: sent(byRsa, { id: 'b2', algorithm: 'ed25519' }), outcome: bad },
  { name: 'the same JSON, encoded again', submission: sent(one, { id: 'b3', ...bytes(reencoded) }), outcome: bad },
  { name: 'a row left out', submission: sent(three, { id: 'b4', ...bytes([first, second]) }), outcome: bad },
  { name: 'a row twice', submission: sent(three, { id: 'b5', ...bytes([...three.texts, third]) }), outcome: bad },
  { name: 'rows in another order', submission: sent(three, { id: 'b6', ...bytes(swapped) }), outcome: bad },
  { name: 'DSSE said to be detached', submission: sent(three, { id: 'b7', form: 'detached' }), outcome: bad },
  { name: 'DSSE of another type', submission: sent(three, { id: 'b8', payload_type: 'text/plain' }), outcome: bad },
  { name: 'a key of another service', submission: sent(foreign), outcome: 'unknown_key' },
  { name: 'a key that nobody knows', submission: sent(one, { id: 'b9', key_id: 'billing-0' }), outcome: 'unknown_key' },
  {
    name: 'one row with a newline',
    submission: sent(one, { id: 'b10', payload: Buffer.from(`${one.texts[0]}\n`).toBase64() }),
    outcome: 'SUBMISSION_MALFORMED',
  },
]

/** Its lines; with other texts, and another end, where these are given. */
function linesOf({ texts, end }: Signed, change: Partial<Submission> = {}, others = texts): Body[] {
  const whole = { ...end, rows: others.length, digest: sha256(payloadOf(others)).toHex() }
  const { bodies } = sampleSubmission(others, undefined, { ...whole, signature: end.signature, ...change })
  return [...bodies]
}
const rowsOf = (lines: readonly Body[], change: (row: Row) => Partial<Row>): Body[] =>
  lines.map((line) => ('row' in line ? { row: { ...line.row, ...change(line.row) } } : line))

function ledgerOf(...lines: readonly Body[]): string[] {
  const noFile = { prev_file: null, prev_last_hash: null, prev_sequence_num: null }
  const anchor = { tenant: 'default', key_id: null, origin: origins.tenant, ...noFile }
  const added = { change: 'added', changed_at: since, cause: null, compromised_since: null } as const
  let position = chainStart
  return [{ anchor }, ...keys.map((key) => ({ registry: { ...key, ...added } })), ...lines].map((body) => {
    const { text, seq, hash } = sealLine('aa'.repeat(16), position, 1_795_262_400_000_000_000n, body)
    position = { nextSeq: seq + 1, tip: hash }
    return text
  })
}

const swappedTexts = rowsOf(linesOf(three), ({ n }) => ({ text: swapped[n] as string }))
const broken = 'CHAIN_BROKEN'
const unverified = 'SUBMISSION_UNVERIFIED'
const leaves = [
  { name: 'four submissions', leaves: ledgerOf(...[one, three, byRsa, byRsaDsse].flatMap((it) => linesOf(it))) },
  {
    name: 'RSA named for an Ed25519 key',
    leaves: ledgerOf(...linesOf(one, { algorithm: 'rsa-sha256' })),
    code: unverified,
  },
  {
    name: 'Ed25519 named for an RSA key',
    leaves: ledgerOf(...linesOf(byRsa, { algorithm: 'ed25519' })),
    code: unverified,
  },
  { name: 'the same JSON, encoded again', leaves: ledgerOf(...linesOf(one, {}, reencoded)), code: unverified },
  { name: 'another count of rows', leaves: ledgerOf(...linesOf(three, { rows: 2 })), code: broken },
  { name: 'a row left out', leaves: ledgerOf(...linesOf(three).slice(1)), code: broken },
  {
    name: 'a row left out, and counted so',
    leaves: ledgerOf(...linesOf(three, {}, [first, second])),
    code: unverified,
  },
  { name: 'rows in another order', leaves: ledgerOf(...swappedTexts), code: broken },
  { name: 'rows in another order, and hashed so', leaves: ledgerOf(...linesOf(three, {}, swapped)), code: unverified },
  { name: 'DSSE said to be detached', leaves: ledgerOf(...linesOf(three, { form: 'detached' })), code: unverified },
  { name: 'a key of another service', leaves: ledgerOf(...linesOf(foreign)), code: 'BUNDLE_ALTERED' },
  {
    name: 'judged by a leaf that is not about keys',
    leaves: ledgerOf(...linesOf(one, { registry: 0 })),
    code: 'BUNDLE_ALTERED',
  },
  { name: 'judged by a leaf to come', leaves: ledgerOf(...linesOf(one, { registry: 9 })), code: 'BUNDLE_ALTERED' },
  {
    name: 'rows judged by another leaf',
    leaves: ledgerOf(...rowsOf(linesOf(one), () => ({ registry: 1 }))),
    code: broken,
  },
  { name: 'rows without their submission', leaves: ledgerOf(...linesOf(three).slice(0, -1)), code: 'UNCOVERED' },
]

for (const [name, rows] of Object.entries({ keys, submissions, leaves })) {
  const out = new URL(`../../../vectors/submission/${name}.json`, import.meta.url).pathname
  await writeFile(out, `[\n${rows.map((row) => JSON.stringify(row)).join(',\n')}\n]\n`)
}
