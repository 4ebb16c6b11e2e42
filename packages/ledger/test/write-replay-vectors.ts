// SPDX-License-Identifier: Apache-2.0
//
// Writes vectors/replay: the leaves of ledgers in which quarantined lines came in after all, good and bad (stub.md, 5).
// Run once for a version of the format: `node packages/ledger/test/write-replay-vectors.ts`. replay.test.ts holds the code
// to what was written.

import { writeFile } from 'node:fs/promises'
import { canonicalize } from '@sealwatch/base'
import { sealLine } from '../src/chain/seal.ts'
import { sha256 } from '../src/sha256.ts'
import type { ChainPosition } from '../src/verify/chain.ts'
import type { Body, Replay } from '../src/verify/line.ts'
import { origins, sampleHost } from './sample.ts'

const own = 'aa'.repeat(16)
const noFile = { prev_file: null, prev_last_hash: null, prev_sequence_num: null }
const host = sampleHost(1)
const [first, second, third, fourth] = [host.batch(2), host.batch(2), host.batch(1), host.batch(1)]
const other = sampleHost(2).batch(2)
const textsOf = ({ sealed }: typeof first) => sealed.map(({ text }) => text)
/** `second` with an event changed on its way. */
const forged = textsOf(second).map((text) => text.replace('process 2', 'process 9'))
const bytesOf = (texts: readonly string[]) => Buffer.from(texts.map((text) => `${text}\n`).join(''))

type Leaf = Body | readonly string[]

/** The leaves of a ledger: bodies of its own lines, and lines as they are. */
function ledgerOf(...leaves: readonly Leaf[]): string[] {
  let position: ChainPosition = { nextSeq: 0, tip: '0'.repeat(64) }
  const anchor = { tenant: 'default', key_id: null, origin: origins.tenant, ...noFile }
  return [{ anchor }, { key: host.key }, textsOf(first), ...leaves].flatMap((leaf) => {
    if (Array.isArray(leaf)) return leaf as string[]
    const { text, seq, hash } = sealLine(own, position, 1_795_262_400_000_000_000n, leaf as Body)
    position = { nextSeq: seq + 1, tip: hash }
    return [text]
  })
}

/** Behind the ledger's anchor, the key and the first batch. */
const stubLeaf = 2 + first.sealed.length
const stubOf = (batch: typeof first, texts = textsOf(batch), reason = 'unknown_key') => ({
  chain: host.chain,
  first_seq: batch.firstSeq,
  next_seq: batch.firstSeq + batch.sealed.length,
  reason,
  item: sha256(bytesOf(texts)).toHex(),
})
const stub = (batch: typeof first, ...more: [string[]?, string?]): Body => ({ stub: stubOf(batch, ...more) })
const replay = (batch: typeof first, change: Partial<Replay> = {}, ...more: [string[]?, string?]): Body => ({
  replay: { ...stubOf(batch, ...more), stub_leaf: stubLeaf, registry: 1, how: 'verified', ...change },
})
const lines = textsOf(second)
const after = textsOf(third)
const isForged = [forged, 'invalid_signature'] as [string[], string]

/** What ends the host's key: before the lines of this ledger were written. */
const revoked = (compromised_since: string | null = null): Body => {
  const { host_id, ...key } = host.key
  const change = { change: 'revoked', changed_at: revokedAt, revoked_at: revokedAt, cause: 'stolen' } as const
  const of = { producer: host_id, producer_kind: 'host', state: 'active', source: 'enrolment' } as const
  return { registry: { ...key, ...change, ...of, compromised_since } }
}
const revokedAt = '2026-11-21T12:00:00.000000000Z'
/** Event lines: no head covers them. */
const goesOn = textsOf(third).slice(0, 1)
const goesElsewhere = goesOn.map((text) => {
  const line = JSON.parse(text) as { prev: string }
  return canonicalize({ ...line, prev: '1'.repeat(64) })
})
const lateStub: Body = { stub: { ...stubOf(second), reason: 'key_revoked' } }
const lateReplay = replay(second, { stub_leaf: stubLeaf + 1, reason: 'key_revoked' })

const rows: { name: string; leaves: string[]; code?: string }[] = [
  { name: 'a stub alone', leaves: ledgerOf(stub(second), after) },
  { name: 'verified, behind later lines of the chain', leaves: ledgerOf(stub(second), after, replay(second), lines) },
  { name: 'verified, before the chain goes on', leaves: ledgerOf(stub(second), replay(second), lines, after) },
  {
    name: 'two stubs, the later one first',
    leaves: ledgerOf(
      stub(second),
      stub(third),
      textsOf(fourth),
      replay(third, { stub_leaf: stubLeaf + 1 }),
      after,
      replay(second),
      lines,
    ),
  },
  { name: 'a stub that names the registry', leaves: ledgerOf({ stub: { ...stubOf(second), registry: 1 } }, after) },
  {
    name: 'released without a signature that holds',
    leaves: ledgerOf(stub(second, ...isForged), after, replay(second, { how: 'released' }, ...isForged), forged),
  },
  {
    name: 'admitted as the tenant is not strict',
    leaves: ledgerOf(stub(second, ...isForged), replay(second, { how: 'non_strict' }, ...isForged), forged, after),
  },
  {
    name: 'verified with a signature that does not hold',
    leaves: ledgerOf(stub(second, ...isForged), after, replay(second, {}, ...isForged), forged),
    code: 'CHAIN_BROKEN',
  },
  {
    name: 'verified under a key that nobody registered',
    leaves: ledgerOf(stub(second), after, replay(second), lines).map((text, leaf) =>
      leaf === 1 ? canonicalize({ ...JSON.parse(text), key: sampleHost(2).key }) : text,
    ),
    code: 'CHAIN_BROKEN',
  },
  {
    name: 'filled twice',
    leaves: ledgerOf(stub(second), after, replay(second), lines, replay(second), lines),
    code: 'CHAIN_BROKEN',
  },
  { name: 'other bytes', leaves: ledgerOf(stub(second), after, replay(second), forged), code: 'CHAIN_BROKEN' },
  {
    name: 'lines of another chain',
    leaves: ledgerOf(stub(second), after, replay(second), textsOf(other)),
    code: 'CHAIN_BROKEN',
  },
  {
    name: 'another leaf than that of the stub',
    leaves: ledgerOf(stub(second), after, replay(second, { stub_leaf: stubLeaf + 1 }), lines),
    code: 'CHAIN_BROKEN',
  },
  {
    name: 'other numbers than those of the stub',
    leaves: ledgerOf(stub(second), after, replay(second, { next_seq: second.firstSeq + 2 }), lines.slice(0, 2)),
    code: 'CHAIN_BROKEN',
  },
  {
    name: 'another reason than that of the stub',
    leaves: ledgerOf(stub(second), after, replay(second, { reason: 'key_expired' }), lines),
    code: 'CHAIN_BROKEN',
  },
  {
    name: 'lines in another order',
    leaves: ledgerOf(stub(second), after, replay(second), lines.toReversed()),
    code: 'CHAIN_BROKEN',
  },
  {
    name: 'a line of the ledger among them',
    leaves: ledgerOf(stub(second), after, replay(second), lines.slice(0, 1), { event: {} }, lines.slice(1)),
    code: 'CHAIN_BROKEN',
  },
  { name: 'lines that are still to come', leaves: ledgerOf(replay(second), lines), code: 'CHAIN_BROKEN' },
  {
    name: 'lines that did not come',
    leaves: ledgerOf(stub(second), after, replay(second), lines.slice(0, 2)),
    code: 'UNCOVERED',
  },
  {
    name: 'of an earlier version',
    leaves: ledgerOf(stub(second), after, replay(second), lines).map((text) =>
      text.includes('"replay"') ? text.replace('"v":3', '"v":1') : text,
    ),
    code: 'LINE_MALFORMED',
  },
]
const revocations: typeof rows = [
  {
    name: 'verified, received before its key was revoked',
    leaves: ledgerOf(stub(second), revoked(), replay(second), lines),
  },
  {
    name: 'verified, received behind the revocation of its key, where the chain goes on from it',
    leaves: ledgerOf(revoked(), lateStub, goesOn, lateReplay, lines),
    code: 'UNCOVERED',
  },
  {
    name: 'verified, received behind the revocation of its key, and nothing goes on from it',
    leaves: ledgerOf(revoked(), lateStub, lateReplay, lines),
    code: 'BUNDLE_ALTERED',
  },
  {
    name: 'verified, received behind the revocation of its key, and the chain goes on from elsewhere',
    leaves: ledgerOf(revoked(), lateStub, goesElsewhere, lateReplay, lines),
    code: 'BUNDLE_ALTERED',
  },
  {
    name: 'verified, received when its key was stolen already',
    leaves: ledgerOf(stub(second), revoked(revokedAt), replay(second), lines),
    code: 'BUNDLE_ALTERED',
  },
]

for (const [name, written] of Object.entries({ leaves: rows, revoked: revocations })) {
  const out = new URL(`../../../vectors/replay/${name}.json`, import.meta.url).pathname
  await writeFile(out, `[\n${written.map((row) => JSON.stringify(row)).join(',\n')}\n]\n`)
}
