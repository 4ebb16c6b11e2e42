// SPDX-License-Identifier: Apache-2.0

import type { Value } from '../decode/values.ts'
import { modelLimits } from '../limits.ts'
import { createRemembered } from '../remembered.ts'
import { shape } from './graph.ts'
import { createNgramReader } from './ngrams.ts'
import type { Weights } from './weights.ts'
import { openWindows, type Weighed } from './windows.ts'

export type Judgement = {
  /**
   * Logarithm of how many times likelier an attack looks like this than an honest request does: 6.2 where one of them in 500
   * does. -Infinity when there is nothing to look at.
   */
  readonly logit: number
  /** The most suspicious value. */
  readonly culprit?: Value
  /** There was more text than is read of one request. */
  readonly isCut: boolean
  /** What weighed most in it, heaviest first: it is found out where it is asked for. */
  reasons(): readonly Weighed[]
}

export type RequestModel = {
  /** A request is as suspicious as its worst value, a value as its worst window less what chance makes of so many. */
  judge(values: readonly Value[]): Judgement
  /** Of the worst window of one text, as it is defined; `judge` asks windows.ts for the same. */
  logitOf(text: string): number
}

const { slotBits, width, hidden } = shape
const shift = 32 - slotBits
const leak = 0.0625
const { pieceChars, charsMax, overlapChars, segmentSymbols } = modelLimits

export function createModel(weights: Weights): RequestModel {
  const { ngrams, embeddings, scale, w1, b1, w2, b2 } = weights
  const { worstLogit, reasonsOf } = openWindows(weights)
  const reader = createNgramReader()
  const { hashes, segmentEnds } = reader
  const unit = scale[0] as number
  /** Sums over the segment before, over this one, and over both. */
  const before = new Int32Array(width)
  const sums = new Int32Array(width)
  const pooled = new Float32Array(width)
  const known = createRemembered<number>(modelLimits.textsRemembered)
  return { judge, logitOf }

  function judge(values: readonly Value[]): Judgement {
    let culprit: Value | undefined
    let worst = ''
    let logit = Number.NEGATIVE_INFINITY
    let room = charsMax
    for (const value of values) {
      if (isPlain(value.text)) continue
      const pieces = piecesOf(value.text, room)
      const chance = chanceIn(Math.min(value.text.length, pieces.length * pieceChars))
      for (const piece of pieces) {
        room -= Math.min(piece.length, pieceChars)
        if (room < 0) break
        const found = rememberedLogit(piece) - chance
        if (found > logit) [logit, culprit, worst] = [found, value, piece]
      }
    }
    const isCut = room < 0
    if (culprit === undefined) return { logit, isCut, reasons: () => [] }
    return { logit, culprit, isCut, reasons: () => reasonsOf(worst) }
  }

  /** Headers come again and again. */
  function rememberedLogit(text: string): number {
    const before = known.get(text)
    if (before !== undefined) return before
    const logit = worstLogit(text)
    known.put(text, logit)
    return logit
  }

  function logitOf(text: string): number {
    const segments = reader.read(text)
    let worst = Number.NEGATIVE_INFINITY
    before.fill(0)
    let [from, start] = [0, 0]
    for (let segment = 0; segment < segments; segment += 1) {
      const end = segmentEnds[segment] as number
      add(start, end)
      // A text of one segment is one window; a longer one has a window for each two neighbours.
      if (segment > 0 || segments === 1) {
        worst = Math.max(worst, forward(end - from))
      }
      from = start
      start = end
      before.set(sums)
    }
    return worst
  }

  /** Written out for a width of eight: this is where the time goes. */
  function add(from: number, to: number): void {
    let [a, b, c, d, e, f, g, h] = [0, 0, 0, 0, 0, 0, 0, 0]
    for (let at = from; at < to; at += 1) {
      const ngram = hashes[at] as number
      const slot = ngram >>> shift
      if (ngrams[slot] !== ngram) continue
      const row = slot * width
      a += embeddings[row] as number
      b += embeddings[row + 1] as number
      c += embeddings[row + 2] as number
      d += embeddings[row + 3] as number
      e += embeddings[row + 4] as number
      f += embeddings[row + 5] as number
      g += embeddings[row + 6] as number
      h += embeddings[row + 7] as number
    }
    sums.set([a, b, c, d, e, f, g, h])
  }

  /** `count`: n-grams of the window, known or not. */
  function forward(count: number): number {
    const root = Math.fround(Math.sqrt(Math.max(count, 1)))
    for (let part = 0; part < width; part += 1)
      pooled[part] = Math.fround(((before[part] as number) + (sums[part] as number)) * unit) / root
    let logit = b2[0] as number
    for (let cell = 0; cell < hidden; cell += 1) {
      let sum = b1[cell] as number
      for (let part = 0; part < width; part += 1) sum += (pooled[part] as number) * (w1[part * hidden + cell] as number)
      logit += Math.fround(sum < 0 ? sum * leak : sum) * (w2[cell] as number)
    }
    return logit
  }
}

/** Whoever looks at more windows finds more by chance, as a logarithm of odds. */
const chanceIn = (chars: number): number => Math.log(Math.max(chars / segmentSymbols - 1, 1))

/** A long text in pieces that overlap; where there is no room for all of them it is one. */
function piecesOf(text: string, room: number): readonly string[] {
  if (text.length <= pieceChars || text.length > room) return [text]
  const step = pieceChars - overlapChars
  return Array.from({ length: Math.ceil((text.length - overlapChars) / step) }, (_, at) =>
    text.slice(at * step, at * step + pieceChars),
  )
}

/** One word, number or token says nothing: it is neither learned nor judged. */
export function isPlain(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at)
    const isWord = (unit >= 97 && unit <= 122) || (unit >= 48 && unit <= 57) || (unit >= 65 && unit <= 90)
    if (!isWord && unit !== 95 && unit !== 45) return false
  }
  return true
}
