// SPDX-License-Identifier: Apache-2.0
//
// Writes vectors/replay/rows.json: the leaves of ledgers in which quarantined rows of services came in after all, good and
// bad (submission.md, 8). Run once for a version of the format: `node packages/ledger/test/write-row-replay-vectors.ts`.
// replay.test.ts holds the code to what was written.

import { writeFile } from 'node:fs/promises'
import { payloadOf } from '@sealwatch/contract'
import { sealLine } from '../src/chain/seal.ts'
import { sha256 } from '../src/sha256.ts'
import { chainStart } from '../src/verify/chain.ts'
import type { Body, SubmissionReplay, SubmissionStub } from '../src/verify/line.ts'
import { keptSubmission, submissionFill } from '../src/verify/submission-fill.ts'
import { origins, sampleHost, sampleSigner } from './sample.ts'
import { sampleSubmission } from './sample-submission.ts'

const host = sampleHost(1)
const hosts = host.batch(2).sealed.map(({ text }) => text)
type Leaf = Body | readonly string[]

/** The leaves of a ledger: bodies of its own lines, and lines as they are. */
function ledgerOf(...leaves: readonly Leaf[]): string[] {
  let position = chainStart
  const noFile = { prev_file: null, prev_last_hash: null, prev_sequence_num: null }
  const anchor = { tenant: 'default', key_id: null, origin: origins.tenant, ...noFile }
  return [{ anchor }, { key: host.key }, ...leaves].flatMap((leaf) => {
    if (Array.isArray(leaf)) return leaf as string[]
    const { text, seq, hash } = sealLine('aa'.repeat(16), position, 1_795_262_400_000_000_000n, leaf as Body)
    position = { nextSeq: seq + 1, tip: hash }
    return [text]
  })
}

/** Behind the ledger's anchor and the host's key. */
const stubLeaf = 2
const since = '2026-11-21T00:00:00.000000000Z'
const billing = sampleSigner(7)
const registered: Body = {
  registry: {
    ...({ change: 'added', changed_at: since, producer: 'billing', producer_kind: 'service' } as const),
    ...({ key_id: 'billing-1', algorithm: 'ed25519', public_key: billing.publicKey.toHex() } as const),
    ...({ valid_from: since, valid_until: null, revoked_at: null, cause: null, compromised_since: null } as const),
    ...({ state: 'active', source: 'api' } as const),
  },
}
const texts = ['{"invoice": 42}', '{"invoice":43}']
type Change = Partial<SubmissionReplay>
/** A stub at `stubLeaf`, the service's key at the leaf behind it, and what announces the rows, with the rows. */
function rowsOf(sent: readonly string[], isSigned = true) {
  const reason = isSigned ? 'unknown_key' : 'invalid_signature'
  const sign = isSigned ? billing.sign : undefined
  const { submission } = sampleSubmission(sent, sign, { registry: stubLeaf + 1 })
  const signed = { ...submission, payload: payloadOf(sent) }
  const { producer, id, rows, digest, received_at } = submission
  const item = sha256(keptSubmission(signed)).toHex()
  const stub = { producer, id, rows, digest, received_at, item, reason, registry: 1 }
  const place = { stub, stubLeaf, registry: stubLeaf + 1, how: isSigned ? 'verified' : 'released' } as const
  const fill = submissionFill(sha256, { signed, texts: sent }, place)
  const changed = (change: Change, rest = fill.slice(1)): Body[] => {
    const [first] = fill as [{ submission_replay: SubmissionReplay }]
    return [{ submission_replay: { ...first.submission_replay, ...change } }, ...rest]
  }
  return { before: [{ submission_stub: stub }, registered] satisfies Body[], fill, changed }
}
const good = rowsOf(texts)
const unsigned = rowsOf(texts, false)
const single = rowsOf(['"one row, and no newline"'])
const marked = good.fill.map((body) =>
  'row' in body
    ? { row: { ...body.row, mark: 'unknown_key' } }
    : 'submission' in body
      ? { submission: { ...body.submission, mark: 'unknown_key' } }
      : body,
)
const renamed = good.fill.map((body) =>
  'row' in body
    ? { row: { ...body.row, submission: 'sub-2' } }
    : 'submission' in body
      ? { submission: { ...body.submission, id: 'sub-2' } }
      : body,
)
const broken = 'CHAIN_BROKEN'
const rows: { name: string; leaves: string[]; code?: string }[] = []
const service = (name: string, ledger: readonly Leaf[], code?: string) => {
  rows.push({ name, leaves: ledgerOf(...ledger), ...(code && { code }) })
}
service('verified, behind other lines', [...good.before, hosts, ...good.fill])
service('of one row', [...single.before, ...single.fill])
service('released without a signature that holds', [...unsigned.before, ...unsigned.fill])
service('admitted as the tenant is not strict', [...unsigned.before, ...unsigned.changed({ how: 'non_strict' })])
service(
  'verified with a signature that does not hold',
  [...unsigned.before, ...unsigned.changed({ how: 'verified' })],
  broken,
)
service(
  'verified under a key that nobody registered',
  [good.before[0] as Body, { event: {} }, ...good.fill],
  'BUNDLE_ALTERED',
)
service('released, and not marked', [...good.before, ...good.changed({ how: 'released' })], broken)
service('verified, and marked', [...good.before, ...good.changed({}, marked.slice(1))], broken)
service('filled twice', [...good.before, ...good.fill, ...good.fill], broken)
service('another item', [...good.before, ...good.changed({ item: 'ab'.repeat(32) })], broken)
service('another leaf than that of the stub', [...good.before, ...good.changed({ stub_leaf: stubLeaf + 1 })], broken)
service('another reason than that of the stub', [...good.before, ...good.changed({ reason: 'key_expired' })], broken)
service('another registry than that of the rows', [...good.before, ...good.changed({ registry: 1 })], broken)
service('of another submission', [...good.before, ...good.changed({}, renamed.slice(1))], broken)
service('other rows', [...good.before, ...good.changed({}, rowsOf(texts.toReversed()).fill.slice(1))], broken)
service(
  'received at another time',
  [
    ...good.before,
    ...good.changed(
      {},
      good.fill
        .slice(1)
        .map((body) => ('submission' in body ? { submission: { ...body.submission, received_at: since } } : body)),
    ),
  ],
  broken,
)
service(
  'another signature than that of the item',
  [
    ...good.before,
    ...good.changed(
      {},
      good.fill
        .slice(1)
        .map((body) =>
          'submission' in body
            ? { submission: { ...body.submission, signature: sampleSigner(8).sign(payloadOf(texts)).toBase64() } }
            : body,
        ),
    ),
  ],
  broken,
)
service(
  'released, of another service',
  [
    ...unsigned.before,
    ...unsigned.changed(
      {},
      unsigned.fill
        .slice(1)
        .map((body) =>
          'row' in body
            ? { row: { ...body.row, producer: 'orders' } }
            : 'submission' in body
              ? { submission: { ...body.submission, producer: 'orders' } }
              : body,
        ),
    ),
  ],
  broken,
)
const [goodStub, ...restBefore] = good.before as [{ submission_stub: SubmissionStub }, ...Body[]]
service(
  'another digest than that of the stub',
  [{ submission_stub: { ...goodStub.submission_stub, digest: 'ab'.repeat(32) } }, ...restBefore, ...good.fill],
  broken,
)
service('a row left out', [...good.before, ...good.changed({}, good.fill.slice(2))], broken)
service('a line of a host among them', [...good.before, ...good.fill.slice(0, 2), hosts, ...good.fill.slice(2)], broken)
service(
  'a line of the ledger among them',
  [...good.before, ...good.fill.slice(0, 1), { event: {} }, ...good.fill.slice(1)],
  broken,
)
service('before their stub', [...good.fill], broken)
service('that did not come', [...good.before, ...good.fill.slice(0, 1)], 'UNCOVERED')
service('without their submission', [...good.before, ...good.fill.slice(0, -1)], 'UNCOVERED')

const out = new URL('../../../vectors/replay/rows.json', import.meta.url).pathname
await writeFile(out, `[\n${rows.map((row) => JSON.stringify(row)).join(',\n')}\n]\n`)
