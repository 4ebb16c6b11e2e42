// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '@sealwatch/base'
import fc from 'fast-check'
import { type Epoch, firstEpoch } from '../verify/epoch.ts'
import { noHash } from '../verify/line.ts'
import { createLineWriter } from './line-writer.ts'
import { sealLine } from './seal.ts'

const chain = '0f'.repeat(16)
const epoch: Epoch = { ...firstEpoch(noHash, 0), number: 12 }

test('lines that are written together are those that are sealed one by one', () => {
  const events = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme', maxLength: 40 }))
  const times = fc.bigInt(0n, 3_000_000_000n)
  const kinds = fc.tuple(fc.boolean(), events, times)
  fc.assert(
    fc.property(fc.array(kinds, { maxLength: 30 }), fc.nat(), fc.boolean(), (lines, nextSeq, isFirst) => {
      const tip = isFirst ? null : 'ab'.repeat(32)
      const writer = createLineWriter(chain, { nextSeq, tip, epoch }, Buffer.alloc(0))
      let position = { nextSeq, tip: tip ?? noHash, epoch }
      const texts = lines.map(([isEvent, object, timeNs]) => {
        const event = JSON.parse(JSON.stringify(object)) as JsonObject
        const body = isEvent ? { event } : { head: { note: 'n', sensor: event } }
        if (isEvent) writer.event(event, timeNs)
        else writer.line(body, timeNs)
        const { text, hash } = sealLine(chain, position, timeNs, body)
        position = { ...position, nextSeq: position.nextSeq + 1, tip: hash }
        return `${text}\n`
      })
      assert.equal(Buffer.from(writer.written()).toString(), texts.join(''))
      assert.equal(writer.bytes, Buffer.byteLength(texts.join('')))
      assert.deepEqual([writer.tip(), writer.nextSeq], [position.tip, position.nextSeq])
    }),
  )
})

test('more lines than there was room for', () => {
  const writer = createLineWriter(chain, { nextSeq: 0, tip: null, epoch }, Buffer.alloc(100))
  let position = { nextSeq: 0, tip: noHash, epoch }
  let texts = ''
  for (let i = 0; i < 3000; i += 1) {
    writer.event({ i }, 0n)
    const { text, hash } = sealLine(chain, position, 0n, { event: { i } })
    position = { nextSeq: i + 1, tip: hash, epoch }
    texts += `${text}\n`
  }
  assert.equal(Buffer.from(writer.written()).toString(), texts)
})

test('line.md 1.2: a line that is too long is not written, and the next takes its place', () => {
  const writer = createLineWriter(chain, { nextSeq: 0, tip: null, epoch }, Buffer.alloc(0))
  const { bytes } = sealLine(chain, { nextSeq: 0, tip: noHash, epoch }, 0n, { event: { a: '' } })
  assert.throws(() => writer.event({ a: 'x'.repeat(65_536 - bytes) }, 0n), { code: 'LINE_TOO_LONG' })
  assert.deepEqual([writer.bytes, writer.nextSeq], [0, 0])
  writer.event({ a: 'x'.repeat(65_535 - bytes) }, 0n)
  assert.deepEqual([writer.bytes, writer.nextSeq], [65_536, 1])
})
