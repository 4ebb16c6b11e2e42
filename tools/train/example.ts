// SPDX-License-Identifier: Apache-2.0

import { createNgramReader } from '../../packages/detect/src/request/model/ngrams.ts'

/** What is learned from: of an attack, at least one of the texts is one; of an honest request, none is. */
export type Example = {
  readonly source: string
  readonly isAttack: boolean
  readonly texts: readonly string[]
}

/** What the model looks at together: the n-grams it knows, by their slots, and how many there are with those it does not. */
export type Window = { readonly slots: Int32Array; readonly count: number }

const reader = createNgramReader()

/** The n-grams of a text, segment by segment. */
export function segmentsOf(text: string): Int32Array[] {
  const segments = reader.read(text)
  return Array.from({ length: segments }, (_, at) =>
    reader.hashes.slice(at === 0 ? 0 : reader.segmentEnds[at - 1], reader.segmentEnds[at]),
  )
}

/** The windows of a text, cut as the model cuts them. `owners`: of each slot the n-gram that it belongs to. */
export function windowsOf(text: string, owners: Int32Array): Window[] {
  const shift = 32 - Math.log2(owners.length)
  const segments = segmentsOf(text).map((ngrams) => ({
    slots: Array.from(ngrams, (ngram) => (owners[ngram >>> shift] === ngram ? ngram >>> shift : -1)).filter(
      (slot) => slot >= 0,
    ),
    count: ngrams.length,
  }))
  const [first] = segments
  if (segments.length === 1 && first !== undefined) return [{ slots: Int32Array.from(first.slots), count: first.count }]
  return segments.slice(1).map((segment, at) => {
    const before = segments[at] as typeof segment
    return { slots: Int32Array.from([...before.slots, ...segment.slots]), count: before.count + segment.count }
  })
}

/** Latin1, as requests are read: what is beyond is its UTF-8. */
export const bytesOf = (text: string): string => {
  for (let at = 0; at < text.length; at += 1) if (text.charCodeAt(at) > 255) return Buffer.from(text).toString('latin1')
  return text
}
