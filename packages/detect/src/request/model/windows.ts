// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from 'node:fs'
import { modelLimits } from '../limits.ts'
import { shownNgram } from './ngrams.ts'
import type { Weights } from './weights.ts'

/** What weighed for an attack, as the model saw it: small letters, numbers as 0. `weight`: in units of the logit. */
export type Weighed = { readonly ngram: string; readonly weight: number }

type Exports = {
  readonly memory: { readonly buffer: ArrayBuffer }
  model_at(): number
  text_at(): number
  symbols_at(): number
  reasons_at(): number
  worst_logit(headBytes: number, bytes: number): number
  weigh(headBytes: number, bytes: number): number
}

/** Node.js has it, its types do not. */
const { Instance, Module } = (globalThis as unknown as { WebAssembly: WebAssemblyOfNode }).WebAssembly
type WebAssemblyOfNode = {
  readonly Module: new (code: Uint8Array) => object
  readonly Instance: new (module: object) => { readonly exports: object }
}

const { headCharsMax, tailCharsMax, reasonsMax } = modelLimits
/** A weight, a place, and nothing. */
const reasonBytes = 16

export type Windows = {
  /** It is that of `logitOf` in model.ts, bit by bit, in a fifth of the time. */
  worstLogit(text: string): number
  /** What weighs most for an attack in the worst window of a text, heaviest first: what the logit loses without it, to the first order. */
  reasonsOf(text: string): Weighed[]
}

/**
 * Reads texts, which are latin1, by WebAssembly (native/windows.c), which holds the weights in its own memory and touches nothing
 * else.
 */
export function openWindows({ ngrams, embeddings, scale, w1, b1, w2, b2 }: Weights): Windows {
  const made = new Instance(new Module(readFileSync(new URL('windows.wasm', import.meta.url)))).exports as Exports
  const memory = made.memory.buffer
  let at = made.model_at()
  for (const { buffer, byteOffset, byteLength } of [ngrams, embeddings, scale, w1, b1, w2, b2]) {
    new Uint8Array(memory).set(new Uint8Array(buffer, byteOffset, byteLength), at)
    at += byteLength
  }
  const room = Buffer.from(memory, made.text_at(), headCharsMax + tailCharsMax)
  const symbols = new Uint8Array(memory, made.symbols_at(), room.length + 1)
  const reasons = new DataView(memory, made.reasons_at(), reasonsMax * reasonBytes)

  function write(text: string): readonly [headBytes: number, bytes: number] {
    if (text.length <= room.length) room.write(text, 'latin1')
    else {
      room.write(text, 0, headCharsMax, 'latin1')
      room.write(text.slice(-tailCharsMax), headCharsMax, 'latin1')
    }
    return [Math.min(text.length, headCharsMax), Math.min(text.length, room.length)]
  }

  return {
    worstLogit: (text) => made.worst_logit(...write(text)),
    reasonsOf: (text) =>
      Array.from({ length: made.weigh(...write(text)) }, (_, nth) => {
        const from = nth * reasonBytes
        return {
          ngram: shownNgram(symbols, reasons.getUint32(from + 8, true)),
          weight: reasons.getFloat64(from, true),
        }
      }),
  }
}
