// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { tickingClock } from '../../test/sample.ts'
import { sealLine } from '../chain/seal.ts'
import { sha256 } from '../sha256.ts'
import { chainStart } from '../verify/chain.ts'
import { type Body, type Line, noHash, parseLine } from '../verify/line.ts'
import { parseLines } from '../verify/lines.ts'
import { checkBody, placeBodies } from './own-lines.ts'

const own = 'aa'.repeat(16)
const attempted = 'testing'
const envelopeMembers = ['chain', 'epoch', 'prev', 'seq', 'time', 'v']

/** A body of every kind, of lines that are published as good. */
function bodies(): Map<string, Body> {
  const found = new Map<string, Body>()
  const files = ['replay/rows.json', 'replay/leaves.json', 'submission/leaves.json', 'ledger/registry-lines.json']
  for (const file of files) {
    const text = readFileSync(new URL(`../../../../vectors/${file}`, import.meta.url), 'utf8')
    JSON.parse(text, (_, value: unknown) => {
      if (typeof value !== 'string' || !value.startsWith('{"')) return value
      let line: Line
      try {
        ;({ line } = parseLine(sha256, Buffer.from(value), attempted))
      } catch {
        return value
      }
      const kind = Object.keys(line).find((member) => !envelopeMembers.includes(member)) as string
      if (line.v !== 2 && !found.has(kind)) found.set(kind, { [kind]: line[kind as keyof Line] } as unknown as Body)
      return value
    })
  }
  return found
}

test('lines of the ledger itself are those that sealing gives, and are known as reading them tells', () => {
  const all = bodies()
  for (const kind of ['anchor', 'event', 'key', 'registry', 'replay', 'row', 'stub', 'submission', 'submission_replay'])
    assert.ok(all.has(kind), `a body of the kind ${kind}`)
  const [clock, sameClock] = [tickingClock(), tickingClock()]
  const { lines, end } = placeBodies(
    own,
    chainStart,
    [...all.values()].map((body) => checkBody(own, body, attempted)),
    clock,
  )
  let position = chainStart
  const texts = [...all.values()].map((body) => {
    const { text, seq, hash } = sealLine(own, position, sameClock.nowNs(), body)
    position = { nextSeq: seq + 1, tip: hash }
    return text
  })
  assert.deepEqual(end, position)
  assert.equal(Buffer.from(lines.ndjson).toString(), `${texts.join('\n')}\n`)
  const read = parseLines(sha256, lines.ndjson, all.size, attempted)
  assert.deepEqual(Buffer.from(lines.hashes), Buffer.from(read.hashes))
  for (let i = 0; i < all.size; i += 1) {
    const { kind, chain, seq, epoch, line, hash, length } = lines.lineAt(i)
    const due = read.lineAt(i)
    assert.deepEqual(
      { kind, chain, seq, epoch, line, hash: Buffer.from(hash), length },
      { ...pick(due), hash: Buffer.from(due.hash) },
    )
  }
})

const pick = ({ kind, chain, seq, epoch, line, length }: ReturnType<typeof parseLine>) => {
  return { kind, chain, seq, epoch, line, length }
}

test('a body that no line may have is refused before it has a place', () => {
  const { row } = bodies().get('row') as { row: { text: string } }
  const refused = (body: object, code: string) =>
    assert.throws(() => checkBody(own, body as Body, attempted), { code }, JSON.stringify(body).slice(0, 80))
  refused({ row: { ...row, n: -1 } }, 'LINE_MALFORMED')
  refused({ row: { ...row, more: 1 } }, 'LINE_MALFORMED')
  refused({ rows: row }, 'LINE_MALFORMED')
  refused({ row, stub: row }, 'LINE_MALFORMED')
  refused({ event: { text: 'x'.repeat(65_535) } }, 'LINE_TOO_LONG')
  assert.equal(checkBody(own, { event: {} } as Body, attempted).line.prev, noHash)
})
