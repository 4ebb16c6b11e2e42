// SPDX-License-Identifier: Apache-2.0

import { modelLimits } from '../limits.ts'
import { createSymbolReader, edge, isInWord, isLetter, shownSymbol } from './symbols.ts'

/**
 * The n-grams of a text: of its symbols three and five on end; of its shape, in which a word is one sign, four; its words,
 * and each with the one before it; and what stands between a word and the same one again. A text is cut into segments, and
 * an n-gram belongs to the one in which it ends.
 */
export type NgramReader = {
  /** Returns the number of segments, at least 1. What is read before is lost. */
  read(text: string): number
  /** 32 bits for each n-gram, in the order of their ends. */
  readonly hashes: Int32Array
  /** Where in `hashes` each segment ends. */
  readonly segmentEnds: Int32Array
}

const { headCharsMax, tailCharsMax, segmentSymbols } = modelLimits
const symbolsMax = headCharsMax + tailCharsMax + 1
/** N-grams that may end at one symbol. */
const kinds = 6

export function createNgramReader(): NgramReader {
  const reader = createSymbolReader(symbolsMax)
  const { symbols } = reader
  const hashes = new Int32Array(symbolsMax * kinds)
  const segmentEnds = new Int32Array(Math.ceil(symbolsMax / segmentSymbols))
  return { read, hashes, segmentEnds }

  function read(text: string): number {
    const head = Math.min(text.length, headCharsMax)
    const seen = reader.append(text, 0, head, 0)
    const count = reader.append(text, Math.max(head, text.length - tailCharsMax), text.length, seen)
    symbols[count] = edge
    return hash(count)
  }

  function hash(count: number): number {
    let found = 0
    let segments = 0
    let [last, before, shapes, shaped] = [edge, 0, 0, 0]
    let [inWord, wordHash, wordBefore, between] = [0, 0, 0, 0]
    for (let at = 0; at <= count; at += 1) {
      const symbol = symbols[at] as number
      before = ((before << 7) | (last >>> 14)) & 0x3fff
      last = ((last << 7) | symbol) & 0x1fffff
      if (at > 0) found = put(found, Math.imul(last, 0x9e3779b1))
      if (at > 2) found = put(found, (Math.imul(last, 0x27d4eb2f) + Math.imul(before + 1, 0x165667b1)) | 0)
      const sign = isLetter(symbol) ? 97 : symbol
      if (sign !== shaped || sign !== 97) {
        shapes = ((shapes << 7) | sign) & 0xfffffff
        shaped = sign
        if (at > 0) found = put(found, (Math.imul(shapes, 0x1b873593) + 0x5bd1e995) | 0)
      }
      if (isInWord(symbol)) {
        wordHash = (Math.imul(wordHash ^ symbol, 0x01000193) + 1) | 0
        inWord += 1
      } else {
        if (inWord > 1) {
          const mixed = Math.imul(wordHash, 0xcc9e2d51)
          found = put(found, (mixed + 1) | 0)
          found = put(found, (mixed + Math.imul(wordBefore + between, 0x38b34ae5) + 2) | 0)
        }
        if (inWord > 0) {
          if (wordHash === wordBefore) found = put(found, (Math.imul(between, 0x2545f491) + 3) | 0)
          wordBefore = wordHash
          between = 0
        }
        if (symbol > 32) between = (Math.imul(between, 31) + symbol) | 0
        inWord = 0
        wordHash = 0
      }
      if ((at + 1) % segmentSymbols === 0 || at === count) {
        segmentEnds[segments] = found
        segments += 1
      }
    }
    return segments
  }

  function put(found: number, value: number): number {
    // The finalizer of MurmurHash3, shortened: the upper bits choose a slot, so each of them must depend on all.
    const mixed = Math.imul(value ^ (value >>> 15), 0x2c1b3c6d)
    hashes[found] = mixed ^ (mixed >>> 13)
    return found + 1
  }
}

const [three, five, shape, word, pair, twin] = [0, 1, 2, 3, 4, 5] as const

/** The symbols of an n-gram. `place`: of its last symbol, times 8, and its kind. */
export function shownNgram(symbols: Uint8Array, place: number): string {
  const kind = place % 8
  const end = (place >> 3) + (kind >= word ? 0 : 1)
  const from = Math.max(0, end - (kind === three ? 3 : kind === five ? 5 : 24))
  const shown = Array.from(symbols.subarray(from, end), shownSymbol).join('')
  return kind === three || kind === five ? shown : (shownForm[kind]?.exec(shown)?.[0] ?? shown)
}

const shownForm: Readonly<Record<number, RegExp>> = {
  [shape]: /(?:[a-z]+|[^a-z]){1,4}$/,
  [word]: /\w+$/,
  [pair]: /\w*\W*\w+$/,
  [twin]: /\w*\W*\w+$/,
}
