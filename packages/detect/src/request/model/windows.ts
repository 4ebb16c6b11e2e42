// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from 'node:fs'
import { modelLimits } from '../limits.ts'
import type { Weights } from './weights.ts'

type Exports = {
  readonly memory: { readonly buffer: ArrayBuffer }
  model_at(): number
  text_at(): number
  worst_logit(headBytes: number, bytes: number): number
}

/** Node.js has it, its types do not. */
const { Instance, Module } = (globalThis as unknown as { WebAssembly: WebAssemblyOfNode }).WebAssembly
type WebAssemblyOfNode = {
  readonly Module: new (code: Uint8Array) => object
  readonly Instance: new (module: object) => { readonly exports: object }
}

const { headCharsMax, tailCharsMax } = modelLimits

/**
 * The logit of the worst window of a text, which is latin1, by WebAssembly (native/windows.c), which holds the weights in its own memory
 * and touches nothing else. It is that of `logitOf` in model.ts, bit by bit, in a fifth of the time.
 */
export function openWindows({ ngrams, embeddings, scale, w1, b1, w2, b2 }: Weights): (text: string) => number {
  const made = new Instance(new Module(readFileSync(new URL('windows.wasm', import.meta.url)))).exports as Exports
  const memory = made.memory.buffer
  let at = made.model_at()
  for (const { buffer, byteOffset, byteLength } of [ngrams, embeddings, scale, w1, b1, w2, b2]) {
    new Uint8Array(memory).set(new Uint8Array(buffer, byteOffset, byteLength), at)
    at += byteLength
  }
  const room = Buffer.from(memory, made.text_at(), headCharsMax + tailCharsMax)
  return (text) => {
    if (text.length <= room.length) room.write(text, 'latin1')
    else {
      room.write(text, 0, headCharsMax, 'latin1')
      room.write(text.slice(-tailCharsMax), headCharsMax, 'latin1')
    }
    return made.worst_logit(Math.min(text.length, headCharsMax), Math.min(text.length, room.length))
  }
}
