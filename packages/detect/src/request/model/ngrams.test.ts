// SPDX-License-Identifier: Apache-2.0

import { deepEqual, equal, notDeepEqual, ok } from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { modelLimits } from '../limits.ts'
import { createNgramReader, shownNgram } from './ngrams.ts'
import { createSymbolReader, shownSymbol } from './symbols.ts'

const reader = createNgramReader()
const ngramsOf = (text: string): number[] => {
  const segments = reader.read(text)
  return [...reader.hashes.subarray(0, reader.segmentEnds[segments - 1])]
}
const symbolsOf = (text: string): string => {
  const { symbols, append } = createSymbolReader(text.length)
  return Array.from(symbols.subarray(0, append(text, 0, text.length, 0)), shownSymbol).join('')
}

test('DET-1 case, numbers, white space and languages make no other n-grams', () => {
  deepEqual(ngramsOf('1 UNION\t\r\nSELECT 23'), ngramsOf('456 union select 7'))
  deepEqual(ngramsOf('caf\xc3\xa9 <b>'), ngramsOf('caf\xc3\xbc <B>'))
  equal(symbolsOf('ID=12345  AND\n\xe5\x9c\xa8'), 'id=0 and ·')
})

test('DET-1 the digits behind a percent sign stay, for %27 is another thing than %20', () => {
  equal(symbolsOf('a%27b%3D12345'), 'a%27b%3d0')
  notDeepEqual(ngramsOf('a%27b'), ngramsOf('a%20b'))
})

test('DET-1 what is compared with itself is told from what is not', () => {
  notDeepEqual(ngramsOf("' or 7=7"), ngramsOf("' or 7=8"))
  deepEqual(ngramsOf("' or 7=7"), ngramsOf("' or 812=812"))
  ok(ngramsOf("'ab'='ab'").length > ngramsOf("'ab'='cd'").length)
})

test('DET-1 padding and tokens weigh little: runs and words are cut', () => {
  equal(symbolsOf(`x${'A'.repeat(500)}`), 'xaaa')
  equal(symbolsOf('abcdefghijklmnopqrstuvwxyz0123'), 'abcdefghijklmnop')
  equal(symbolsOf(`${'-'.repeat(90)}a`), '---a')
})

test('DET-1 of a long value the beginning and the end are read, and no more', () => {
  const { headCharsMax, tailCharsMax } = modelLimits
  const filler = 'ab cd, '.repeat(headCharsMax)
  const [head, tail] = [filler.slice(0, headCharsMax), filler.slice(-tailCharsMax)]
  deepEqual(ngramsOf(`${head}' or 1=1 --${tail}`), ngramsOf(`${head}${tail}`))
  notDeepEqual(ngramsOf(`${head}${head}${tail}' or 1=1 --`), ngramsOf(`${head}${head}${tail}`))
})

test('DET-1 whatever the text is, it is read within its bounds and the same way twice', () => {
  const texts = fc.oneof(fc.string({ unit: 'binary', maxLength: 300 }), fc.string({ maxLength: 9_000 }))
  fc.assert(
    fc.property(texts, (text) => {
      const once = ngramsOf(text)
      deepEqual(ngramsOf(text), once)
    }),
    { numRuns: 50, seed: 1 },
  )
})

test('DET-1 n-grams are shown as they were read', () => {
  const text = 'a union select b'
  const { symbols, append } = createSymbolReader(text.length)
  append(text, 0, text.length, 0)
  // By kind: three symbols, five, the shape, the word, it and the one before.
  for (const [last, kind, shown] of [
    [4, 0, 'uni'],
    [6, 1, 'union'],
    [6, 2, 'a union'],
    [14, 3, 'select'],
    [14, 4, 'union select'],
  ] as const)
    equal(shownNgram(symbols, last * 8 + kind), shown)
})
