// SPDX-License-Identifier: Apache-2.0
//
// Writes vectors/key-report: what leaves of a ledger come to when a key of a host is examined, and signed reports
// (key-report.md). Run once for a version of the format: `node packages/ledger/test/write-key-report-vectors.ts`.
// key-report-vectors.test.ts holds the code to what was written.

import { writeFile } from 'node:fs/promises'
import { canonicalize, rfc3339 } from '@sealwatch/base'
import { sealLine } from '../src/chain/seal.ts'
import { sha256 } from '../src/sha256.ts'
import { signKeyReport } from '../src/sign-key-report.ts'
import type { ChainPosition } from '../src/verify/chain.ts'
import { type Body, type Line, parseLine } from '../src/verify/line.ts'
import { logDsseSigner, never, origins, sampleHost, vkeys } from './sample.ts'

const out = (name: string) => new URL(`../../../vectors/key-report/${name}.json`, import.meta.url).pathname
const save = (name: string, rows: readonly object[]) =>
  writeFile(out(name), `[\n${rows.map((row) => JSON.stringify(row)).join(',\n')}\n]\n`)

const ns = (minute: number) => 1_795_262_400_000_000_000n + BigInt(minute) * 60_000_000_000n
const at = (minute: number) => rfc3339(ns(minute))

/** A line of the ledger itself, at a minute of its server's clock; lines of hosts as they are. */
type Leaf = readonly [minute: number, Body] | readonly string[]
const isOwn = (leaf: Leaf): leaf is readonly [number, Body] => typeof leaf[0] === 'number'
const say = (minute: number): Leaf => [minute, { event: { message: 'of the server' } }]

const host = sampleHost(1)
const [a, b, c] = [host.batch(2), host.batch(1), host.batch(3)]
const other = sampleHost(2)
const others = other.batch(2)
const textsOf = ({ sealed }: typeof a): readonly string[] => sealed.map(({ text }) => text)
const bytesOf = (texts: readonly string[]) => Buffer.from(texts.map((text) => `${text}\n`).join(''))

const noFile = { prev_file: null, prev_last_hash: null, prev_sequence_num: null }
/** Leaves 0, 1 and 2 are the anchor and the keys of the two hosts, of minute 1. */
function leavesOf(...leaves: readonly Leaf[]): string[] {
  let position: ChainPosition = { nextSeq: 0, tip: '0'.repeat(64) }
  const anchor = { tenant: 'default', key_id: null, origin: origins.tenant, ...noFile }
  const begin: Leaf[] = [
    [1, { anchor }],
    [1, { key: host.key }],
    [1, { key: other.key }],
  ]
  return [...begin, ...leaves].flatMap((leaf) => {
    if (!isOwn(leaf)) return leaf
    const { text, seq, hash } = sealLine('aa'.repeat(16), position, ns(leaf[0]), leaf[1])
    position = { nextSeq: seq + 1, tip: hash }
    return [text]
  })
}

const revoked = (minute: number, compromised_since: string | null = null): Leaf => {
  const { host_id, ...key } = host.key
  const change = { change: 'revoked', changed_at: at(minute), revoked_at: at(minute), cause: 'stolen' } as const
  const of = { producer: host_id, producer_kind: 'host', state: 'active', source: 'enrolment' } as const
  return [minute, { registry: { ...key, ...change, ...of, compromised_since } }]
}
const stubOf = (batch: typeof a, reason: string) => ({
  chain: host.chain,
  first_seq: batch.firstSeq,
  next_seq: batch.firstSeq + batch.sealed.length,
  reason,
  item: sha256(bytesOf(textsOf(batch))).toHex(),
})
const stub = (minute: number, batch: typeof a): Leaf => [minute, { stub: stubOf(batch, 'unknown_key') }]
const replay = (minute: number, batch: typeof a, stub_leaf: number, how: 'verified' | 'released'): Leaf => [
  minute,
  { replay: { ...stubOf(batch, 'unknown_key'), stub_leaf, registry: 1, how } },
]
const changed = (text: string, change: (line: Line & { head: { note: string } }) => object) =>
  canonicalize(change(JSON.parse(text)))
/** Another signature in the head. */
const missigned = textsOf(b).map((text, i, all) =>
  i < all.length - 1
    ? text
    : changed(text, (line) => {
        const note = line.head.note.replace(
          /([A-Za-z])(....\n)$/,
          (_, letter, end) => `${letter === 'A' ? 'B' : 'A'}${end}`,
        )
        return { ...line, head: { note } }
      }),
)
const altered = textsOf(b).map((text) => text.replace('process 2', 'process 9'))

/** A batch that is counted: its leaves, its standing as the listing has it, its verdict, the own lines around it. */
type Counted = readonly [
  first: number,
  next: number,
  standing: string,
  verdict: string,
  before: number,
  behind: number | null,
]
type Case = {
  readonly name: string
  readonly since?: number
  readonly revokedAt?: number
  readonly leaves: string[]
  readonly counted: readonly Counted[]
}

const cases: Case[] = [
  {
    name: 'nobody revoked it, and another host has a part of its own',
    leaves: leavesOf(textsOf(a), textsOf(others), textsOf(b), say(2)),
    counted: [
      [3, 7, 'held', 'sound', 1, 2],
      [11, 13, 'held', 'sound', 1, 2],
    ],
  },
  {
    name: 'a line of the ledger behind it is of before',
    ...{ since: 5, revokedAt: 9 },
    leaves: leavesOf(textsOf(a), say(4), textsOf(b), revoked(9, at(5))),
    counted: [
      [3, 7, 'held', 'sound', 1, 4],
      [8, 10, 'held', 'suspect', 4, 9],
    ],
  },
  {
    name: 'a line of that very moment shows nothing',
    ...{ since: 5, revokedAt: 9 },
    leaves: leavesOf(textsOf(a), say(5), textsOf(b), revoked(9, at(5))),
    counted: [
      [3, 7, 'held', 'suspect', 1, 5],
      [8, 10, 'held', 'suspect', 5, 9],
    ],
  },
  {
    name: 'a clock that was set back shows nothing',
    ...{ since: 5, revokedAt: 9 },
    leaves: leavesOf(textsOf(a), say(6), textsOf(b), say(2), textsOf(c), revoked(9, at(5))),
    counted: [
      [3, 7, 'held', 'suspect', 1, 6],
      [8, 10, 'held', 'suspect', 6, 2],
      [11, 15, 'held', 'suspect', 2, 9],
    ],
  },
  {
    name: 'nothing stands behind it',
    ...{ since: 5, revokedAt: 9 },
    leaves: leavesOf(textsOf(a), say(2), textsOf(b)),
    counted: [
      [3, 7, 'held', 'sound', 1, 2],
      [8, 10, 'held', 'suspect', 2, null],
    ],
  },
  {
    name: 'behind the revocation, which says nothing of when it was stolen',
    revokedAt: 9,
    leaves: leavesOf(textsOf(a), revoked(9), textsOf(b), say(10)),
    counted: [
      [3, 7, 'held', 'sound', 1, 9],
      [8, 10, 'suspect', 'suspect', 9, 10],
    ],
  },
  {
    name: 'verified after all: its stub is of before',
    ...{ since: 5, revokedAt: 9 },
    leaves: leavesOf(textsOf(a), stub(3, b), replay(7, b, 7, 'verified'), textsOf(b), textsOf(c), revoked(9, at(5))),
    counted: [
      [3, 7, 'held', 'sound', 1, 3],
      [9, 11, 'sound', 'sound', 7, 9],
      [11, 15, 'held', 'suspect', 7, 9],
    ],
  },
  {
    name: 'verified after all: its stub is not of before',
    ...{ since: 5, revokedAt: 9 },
    leaves: leavesOf(textsOf(a), stub(6, b), replay(7, b, 7, 'verified'), textsOf(b), revoked(9, at(5))),
    counted: [
      [3, 7, 'held', 'suspect', 1, 6],
      [9, 11, 'suspect', 'suspect', 7, 9],
    ],
  },
  {
    name: 'released without its signature being relied on',
    ...{ since: 5, revokedAt: 9 },
    leaves: leavesOf(textsOf(a), stub(3, b), replay(4, b, 7, 'released'), textsOf(b), textsOf(c), revoked(9, at(5))),
    counted: [
      [3, 7, 'held', 'sound', 1, 3],
      [9, 11, 'unvouched', 'unvouched', 4, 9],
      [11, 15, 'held', 'suspect', 4, 9],
    ],
  },
  {
    name: 'a head whose signature is another, and the chain goes on',
    leaves: leavesOf(textsOf(a), missigned, textsOf(c), say(2)),
    counted: [
      [3, 7, 'held', 'sound', 1, 2],
      [7, 9, 'invalid', 'invalid', 1, 2],
      // It names the head that was.
      [9, 13, 'invalid', 'invalid', 1, 2],
    ],
  },
  {
    name: 'an event that its head does not cover',
    leaves: leavesOf(textsOf(a), altered, textsOf(c), say(2)),
    counted: [
      [3, 7, 'held', 'sound', 1, 2],
      [7, 9, 'invalid', 'invalid', 1, 2],
      [9, 13, 'held', 'sound', 1, 2],
    ],
  },
  {
    name: 'before anybody registered the key',
    leaves: [leavesOf()[0] as string, ...textsOf(a)],
    counted: [[1, 5, 'invalid', 'invalid', 1, null]],
  },
]

const verdicts = ['sound', 'suspect', 'unvouched', 'invalid']

/** As key-report.md, 5 says, without the code that is tested. */
function findingsOf({ leaves, counted }: Case) {
  let listing = '0'.repeat(64)
  for (const [first, next, standing] of counted) {
    const hash = parseLine(sha256, Buffer.from(leaves[next - 1] as string), 'writing vectors').hash.toHex()
    listing = sha256(Buffer.from(canonicalize([listing, next - 1, next - first, hash, standing]))).toHex()
  }
  const of = (name: string) => counted.filter(([, , , verdict]) => verdict === name)
  const counts = verdicts.map((name) => {
    const lines = of(name).reduce((sum, [first, next]) => sum + next - first, 0)
    return [name, { heads: of(name).length, lines }]
  })
  const ranges = verdicts.flatMap((verdict) => {
    const joined: { first_leaf: number; next_leaf: number; heads: number; lines: number }[] = []
    for (const [first_leaf, next_leaf, , , before, behind] of of(verdict)) {
      const range = { verdict, first_leaf, next_leaf, heads: 1, lines: next_leaf - first_leaf }
      const times = { time_before: at(before), time_behind: behind === null ? null : at(behind) }
      const last = joined.at(-1)
      if (last?.next_leaf !== first_leaf) joined.push({ ...range, ...times })
      else
        Object.assign(last, {
          next_leaf,
          heads: last.heads + 1,
          lines: last.lines + range.lines,
          time_behind: times.time_behind,
        })
    }
    return joined
  })
  return { size: leaves.length, counts: Object.fromEntries(counts), ranges, listing }
}

const keyOf = ({ since, revokedAt }: Case) => ({
  producer: host.key.host_id,
  key_id: host.key.key_id,
  revoked_at: revokedAt === undefined ? null : at(revokedAt),
  compromised_since: since === undefined ? null : at(since),
})
const rows = cases.map((one) => ({ name: one.name, key: keyOf(one), leaves: one.leaves, findings: findingsOf(one) }))
await save('hosts', rows)

const second = cases[1] as Case
const { algorithm, public_key } = host.key
const common = { algorithm, ledger: origins.tenant, public_key, root: '0'.repeat(64), tenant: 'default' }
const ofHost = { ...common, ...keyOf(second), ...findingsOf(second), producer_kind: 'host', v: 2 }
const none = { submissions: 0, rows: 0 }
const ofService = {
  ...{ ...common, producer: 'billing', key_id: 'billing-1', revoked_at: at(9), compromised_since: at(5) },
  ...{ size: 3, counts: { sound: { submissions: 1, rows: 2 }, suspect: none, unvouched: none, invalid: none } },
  ranges: [
    {
      verdict: 'sound',
      first_leaf: 0,
      next_leaf: 3,
      submissions: 1,
      rows: 2,
      first_received: at(1),
      last_received: at(1),
    },
  ],
  ...{ listing: '1'.repeat(64), v: 1 },
}

type Given = {
  readonly name: string
  readonly report: object
  readonly code?: string
  readonly said?: (text: string) => string
}
const given: Given[] = [
  { name: 'version 1, of a service', report: ofService },
  { name: 'version 2, of a host', report: ofHost },
  {
    name: 'version 2 of a service',
    report: { ...ofService, producer_kind: 'service', v: 2 },
    code: 'KEY_REPORT_MALFORMED',
  },
  { name: 'version 1 of a host', report: { ...ofHost, v: 1 }, code: 'KEY_REPORT_MALFORMED' },
  { name: 'a version that is to come', report: { ...ofHost, v: 3 }, code: 'KEY_REPORT_MALFORMED' },
  {
    name: 'a suspect range that was called sound',
    report: ofHost,
    said: (text) => text.replace('"verdict":"suspect"', '"verdict":"sound"'),
    code: 'KEY_REPORT_UNVERIFIED',
  },
]
const reports = given.map(async ({ name, report, code, said = (text) => text }) => {
  const text = canonicalize(report)
  const { producer, key_id } = report as { producer: string; key_id: string }
  const digest = sha256(Buffer.from(text)).toHex()
  const statement = {
    by: 'person:usr_1',
    digest,
    key_id,
    origin: origins.root,
    producer,
    tenant: 'default',
    time: at(10),
    v: 1,
  }
  const envelope = await signKeyReport(statement as never, [logDsseSigner], never)
  return { name, vkeys, text: said(text), envelope, ...(code !== undefined && { code }) }
})
await save('reports', await Promise.all(reports))
