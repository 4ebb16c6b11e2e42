// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createLines, type Finding, lineBytesMax, lineOf, readFromGuard, readFromService } from './protocol.ts'

type Row = { readonly line: string; readonly code?: string; readonly ignored?: true }
const vectors = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../../vectors/protect/lines.json'), 'utf8'),
) as Record<'from_service' | 'from_guard', readonly Row[]>

for (const [side, read] of [
  ['from_service', readFromService],
  ['from_guard', readFromGuard],
] as const)
  test(`RIM-3 every line of the vectors ${side} is read, refused or ignored, as it says`, () => {
    for (const { line, code, ignored } of vectors[side]) {
      if (code !== undefined) assert.throws(() => read(line), { code }, line)
      else assert.deepEqual(read(line), ignored === true ? undefined : JSON.parse(line), line)
    }
  })

test('lines come whole, however they are cut; one that is too long ends it', () => {
  const text = 'ä1\nb2\n\nc3\n'
  for (let at = 0; at <= text.length; at += 1) {
    const lines: string[] = []
    const take = createLines((line) => lines.push(line))
    assert.ok(take(text.slice(0, at)) && take(text.slice(at)))
    assert.deepEqual(lines, ['ä1', 'b2', '', 'c3'])
  }
  const longest = 'x'.repeat(lineBytesMax - 1)
  assert.ok(createLines(() => undefined)(`${longest}\n`))
  assert.equal(createLines(() => undefined)(`${longest}x\n`), false)
  assert.equal(createLines(() => undefined)(`${longest}x`), false, 'also before its newline came')
  assert.equal(createLines(() => undefined)('ä'.repeat(lineBytesMax / 2)), false, 'counted in bytes')
})

test('of an audit that is too long the most severe findings are told', () => {
  const audit = Array.from(
    { length: 40 },
    (_, i): Finding => ({ finding: `f${i}`, severity: i === 39 ? 'critical' : 'low', advice: 'a'.repeat(200) }),
  )
  const line = lineOf({ ok: true, id: 'p-1', audit, mode: 'on' })
  assert.ok(Buffer.byteLength(line) <= lineBytesMax)
  const told = (JSON.parse(line) as { audit: Finding[] }).audit
  assert.equal(told[0]?.finding, 'f39')
  assert.ok(told.length > 10)
})
