// SPDX-License-Identifier: Apache-2.0
//
// Writes vectors/ledger: what our own formats look like, good and bad. Run once for a version of the formats, since salts
// are random: `node packages/ledger/test/write-vectors.ts`. vectors.test.ts holds the code to what was written.

import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { canonicalize, type JsonObject } from '@sealwatch/base'
import { sha256 } from '../src/sha256.ts'
import { noHash } from '../src/verify/line.ts'
import { leafHash } from '../src/verify/merkle.ts'
import { bundleOf, openSampleLedger, sampleHost, sealTenant, temporary, vkeys } from './sample.ts'

const out = new URL('../../../vectors/ledger/', import.meta.url).pathname

/** One row a line, so that a diff shows what changed. */
const write = (file: string, rows: readonly object[]) =>
  writeFile(join(out, file), `[\n${rows.map((row) => JSON.stringify(row)).join(',\n')}\n]\n`)

await using dir = await temporary()
await mkdir(out, { recursive: true })
const tenant = await openSampleLedger(dir.path)
const root = await openSampleLedger(dir.path, 'root')
const host = sampleHost(1)
const [first, lost, third] = [host.batch(2), host.batch(1), host.batch(1)]
const stub = {
  chain: host.chain,
  first_seq: lost.firstSeq,
  next_seq: third.firstSeq,
  reason: 'invalid_signature',
  item: sha256(lost.lines).toHex(),
}
await tenant.append({ own: { key: host.key } })
await tenant.append(host.verified(first))
await tenant.append({ own: { stub } })
await tenant.append(host.verified(third))
await tenant.append({ own: { event: { class_uid: 2004, message: 'a finding' } } })
const sealed = await sealTenant(tenant, root)

// Lines: each body once as it was written, and what a reader must refuse.
const leaves = await tenant.read(0, tenant.size)
const texts = [...leaves.map(({ line }) => line), sealed.root.line].map((line) => Buffer.from(line).toString())
const goodLines = Object.entries({
  anchor: 0,
  key: 1,
  'host anchor': 2,
  event: 3,
  head: 5,
  stub: 6,
  tenant_head: texts.length - 1,
}).map(([name, at]) => ({ name, line: texts[at] as string }))
const event = texts[3] as string
const change = (from: string | RegExp, to: string) => event.replace(from, to)
const withBody = (body: JsonObject) => canonicalize({ ...envelopeOf(event), ...body })
const envelopeOf = (text: string) => {
  const { event: _, ...envelope } = JSON.parse(text) as JsonObject
  return envelope
}
const badLines = [
  { name: 'a byte order mark', line: `\ufeff${event}`, code: 'JSON_MALFORMED' },
  { name: 'a space', line: change(',', ', '), code: 'JSON_NOT_CANONICAL' },
  { name: 'members out of order', line: change(/^\{("chain":"[^"]*"),(.*)\}$/, '{$2,$1}'), code: 'JSON_NOT_CANONICAL' },
  { name: 'a member twice', line: change('"v":1', '"v":1,"v":1'), code: 'JSON_NOT_CANONICAL' },
  { name: 'a number in another form', line: change('"v":1', '"v":1.0'), code: 'JSON_NOT_CANONICAL' },
  { name: 'a lone surrogate', line: change('process 0', '\\ud800'), code: 'JSON_NOT_CANONICAL' },
  { name: 'no end', line: event.slice(0, -1), code: 'JSON_MALFORMED' },
  {
    name: 'deep values',
    line: withBody({ event: { a: JSON.parse('['.repeat(32) + ']'.repeat(32)) } }),
    code: 'JSON_DEPTH',
  },
  { name: 'a version to come', line: change('"v":1', '"v":3'), code: 'LINE_MALFORMED' },
  { name: 'an epoch to come', line: change('"epoch":0', '"epoch":1'), code: 'LINE_MALFORMED' },
  { name: 'a time that does not exist', line: change('2026-11-21T', '2026-02-30T'), code: 'LINE_MALFORMED' },
  { name: 'a time without nanoseconds', line: change(/\.\d{9}Z/, 'Z'), code: 'LINE_MALFORMED' },
  { name: 'no body', line: withBody({}), code: 'LINE_MALFORMED' },
  { name: 'two bodies', line: withBody({ event: {}, head: { note: 'n' } }), code: 'LINE_MALFORMED' },
  { name: 'an unknown body', line: withBody({ other: {} }), code: 'LINE_MALFORMED' },
  { name: 'a member more in a body', line: withBody({ head: { more: 1, note: 'n' } }), code: 'LINE_MALFORMED' },
  { name: 'capitals in a hash', line: change(/"prev":"[^"]*"/, `"prev":"${'A'.repeat(64)}"`), code: 'LINE_MALFORMED' },
]
await write('lines.json', [
  ...goodLines.map(({ name, line }) => ({ name, line, hash: leafHash(sha256, Buffer.from(line)).toHex() })),
  ...badLines,
])

// Batches of the one host, from a position of its chain.
const rows = first.sealed.map(({ text }) => `${text}\n`)
const start = { nextSeq: 0, tip: noHash }
const middle = { nextSeq: third.firstSeq, tip: null }
const batch = (name: string, position: object, lines: Buffer | string, code?: string) => ({
  name,
  chain: host.chain,
  position,
  lines: lines.toString(),
  ...(code === undefined ? {} : { code }),
})
await write('batches.json', [
  batch('the first', start, first.lines),
  batch('behind a stub', middle, third.lines),
  batch('without its head', start, rows.slice(0, -1).join(''), 'BATCH_MALFORMED'),
  batch('two batches', start, Buffer.concat([first.lines, lost.lines]), 'BATCH_MALFORMED'),
  batch('nothing', start, '', 'BATCH_MALFORMED'),
  batch('without its last newline', start, first.lines.subarray(0, -1), 'LINE_MALFORMED'),
  batch('a line missing', start, rows.toSpliced(1, 1).join(''), 'CHAIN_BROKEN'),
  batch('two lines swapped', start, [rows[0], rows[2], rows[1], rows[3]].join(''), 'CHAIN_BROKEN'),
  batch('a line changed', start, rows.join('').replace('process 0', 'process 9'), 'CHAIN_BROKEN'),
  batch('from another place', { nextSeq: 4, tip: noHash }, first.lines, 'CHAIN_BROKEN'),
  batch('a head for another place', start, rows.with(3, reheaded(rows[3] as string)).join(''), 'NOTE_UNVERIFIED'),
])
await writeFile(join(out, 'key.json'), `${canonicalize(host.key)}\n`)

function reheaded(head: string): string {
  return head.replace(String.raw`\n3\n`, String.raw`\n4\n`)
}

// Checkpoint and bundles.
await writeFile(join(out, 'checkpoint'), sealed.checkpoint.note)
await writeFile(join(out, 'vkeys'), vkeys.map((vkey) => `${vkey}\n`).join(''))
const side = new Map<number, string>()
for (const { seq, side: values } of first.sealed) if (values !== undefined) side.set(2 + seq, values)
const complete = await bundleOf(tenant, sealed, [{ from: 0, to: tenant.size }], side)
await writeFile(join(out, 'complete.bundle'), complete)
await writeFile(join(out, 'sparse.bundle'), await bundleOf(tenant, sealed, [{ from: 1, to: 6 }]))
await tenant.close()
await root.close()

// What a verifier must say when one text of the complete bundle becomes another.
await write('altered-bundles.json', [
  {
    name: 'another tenant',
    from: '"tenant":"default","v"',
    to: '"tenant":"another","v"',
    code: 'BUNDLE_ALTERED',
    fileLine: 3,
  },
  { name: 'an event changed', from: 'process 1', to: 'process 2', code: 'BUNDLE_ALTERED', fileLine: 8 },
  { name: 'a personal value changed', from: '"user-0"', to: '"user-9"', code: 'SIDE_UNMATCHED', fileLine: 7 },
  { name: 'a hash changed', from: '"hashes":["', to: '"hashes":["00', code: 'BUNDLE_MALFORMED', fileLine: 2 },
  {
    name: 'the size changed',
    from: `\\n${sealed.checkpoint.size}\\n`,
    to: '\\n9\\n',
    code: 'BUNDLE_UNTRUSTED',
    fileLine: 1,
  },
  { name: 'fewer values announced', from: '"revealed":2', to: '"revealed":1', code: 'BUNDLE_ALTERED', fileLine: 15 },
])
