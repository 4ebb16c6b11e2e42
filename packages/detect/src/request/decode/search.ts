// SPDX-License-Identifier: Apache-2.0

import { createPhrases } from '../seclang/phrases.ts'
import type { Processor } from './body.ts'
import { parted, plainOf } from './plain.ts'
import { type Telling, telling } from './telling.ts'
import type { Findings } from './values.ts'

const placesMax = 32
/** Words of which it is looked whether there is behind them what must be. */
const wordsMax = 4_096
/** Of each place, before what tells of it and behind: so that an attack is in it, and little else. */
const [beforeChars, behindChars] = [64, 160] as const

type Word = Telling & { readonly length: number }
const words: readonly Word[] = telling.flatMap((row) => row.words.map((word) => ({ ...row, length: word.length })))
const { classOf, table, ends, width } = createPhrases(telling.flatMap((row) => row.words))
for (const blank of '\t\n\v\f\r\xa0+') classOf[blank.charCodeAt(0)] = classOf[0x20] as number

/** As values, what stands around the places that tell of an attack. */
export function addPlaces(bytes: Uint8Array, processor: Processor, findings: Findings): void {
  const source = processor === 'XML' ? 'XML' : isParted.test(processor) ? 'ARGS_POST' : 'REQUEST_BODY'
  for (const place of placesIn(bytes, processor, findings)) findings.add(source, 'middle', place)
}

const isParted = /^(?:URLENCODED|JSON)$/

/**
 * Of what is not read closely, what stands around the places that tell of an attack, without its escapes. Where there are too many, what is
 * behind them was not looked at, and that is told.
 */
export function placesIn(bytes: Uint8Array, processor: Processor, findings: Findings): readonly string[] {
  const found: string[] = []
  const plain = plainOf(bytes, processor, findings.limits.nestingMax)
  const text = plain.toString('latin1')
  let [row, looked] = [0, 0]
  for (let at = 0; at < plain.length; at += 1) {
    row = table[row + (classOf[plain[at] as number] as number)] as number
    if (row >= 0) continue
    row = ~row
    const word = (ends[row / width] as readonly number[]).find((index) => tells(text, at + 1, words[index] as Word))
    looked += 1
    if (looked === wordsMax || (word !== undefined && found.length === placesMax)) {
      findings.signal('oversize', 'REQUEST_BODY')
      findings.passOver()
      break
    }
    if (word === undefined) continue
    const { place, end } = around(text, at + 1 - (words[word] as Word).length, at + 1, signs[processor] ?? partedBy)
    found.push(place)
    row = 0
    at = end - 1
  }
  return found
}

function tells(text: string, end: number, { behind }: Word): boolean {
  if (behind === undefined) return true
  behind.lastIndex = end
  return behind.test(text)
}

/** Behind what a value begins, and before what it ends. */
type Signs = { readonly begin: string; readonly end: string }
const partedBy: Signs = { begin: parted, end: parted }
const signs: { readonly [processor in Processor]?: Signs } = { XML: { begin: '>', end: '</' } }

function around(text: string, from: number, to: number, { begin, end }: Signs) {
  const before = text.slice(Math.max(0, from - beforeChars), from)
  const behind = text.slice(to, to + behindChars)
  const start = from - before.length + before.lastIndexOf(begin) + 1
  const cut = behind.indexOf(end)
  const stop = to + (cut < 0 ? behind.length : cut)
  return { place: text.slice(start, stop), end: stop }
}
