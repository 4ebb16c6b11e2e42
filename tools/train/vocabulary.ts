// SPDX-License-Identifier: Apache-2.0

import { shape } from '../../packages/detect/src/request/model/graph.ts'
import { segmentsOf } from './example.ts'

/** In fewer texts an n-gram is an accident. */
const textsMin = 5

/** Of each slot the n-gram that it belongs to: of those that fall into it, the one in most texts, if it is in enough. */
export function vocabularyOf(texts: Iterable<string>): Int32Array {
  const counts = new Map<number, number>()
  for (const text of texts) {
    const ngrams = new Set(segmentsOf(text).flatMap((segment) => [...segment]))
    for (const ngram of ngrams) counts.set(ngram, (counts.get(ngram) ?? 0) + 1)
  }
  const owners = new Int32Array(shape.slots)
  const most = new Int32Array(shape.slots).fill(textsMin - 1)
  for (const [ngram, count] of counts) {
    const slot = ngram >>> (32 - shape.slotBits)
    if (count <= (most[slot] as number)) continue
    most[slot] = count
    owners[slot] = ngram
  }
  return owners
}
