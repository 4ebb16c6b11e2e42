// SPDX-License-Identifier: Apache-2.0

import { hash } from 'node:crypto'
import { modelError } from './errors.ts'
import { layOut, type TensorName, tensors } from './graph.ts'

/** What a model has learned, row by row: see `tensors` in graph.ts for the dimensions. */
export type Weights = {
  readonly ngrams: Int32Array
  readonly embeddings: Int8Array
  readonly scale: Float32Array
  readonly w1: Float32Array
  readonly b1: Float32Array
  readonly w2: Float32Array
  readonly b2: Float32Array
}

const { template, places } = layOut()
const names = Object.keys(tensors) as readonly TensorName[]

export function writeModel(weights: Weights): Uint8Array {
  const file = template.slice()
  for (const name of names) {
    const { buffer, byteOffset, byteLength } = weights[name]
    file.set(new Uint8Array(buffer, byteOffset, byteLength), places[name].from)
  }
  return file
}

/**
 * Reads an ONNX file of our one graph; any other is refused, byte by byte. Throws MODEL_SHAPE, and MODEL_HASH when it is not
 * the file that `sha256` (hex) pins.
 */
export function readModel(file: Uint8Array, sha256: string): Weights {
  if (!isOurGraph(file))
    throw modelError('MODEL_SHAPE', { attempted: 'loading the request model', received: `${file.length} bytes` })
  const found = hash('sha256', file)
  if (found !== sha256) throw modelError('MODEL_HASH', { attempted: 'loading the request model', received: found })
  const part = (name: TensorName): ArrayBuffer =>
    new Uint8Array(file.subarray(places[name].from, places[name].to)).buffer
  const weights: Weights = {
    ngrams: new Int32Array(part('ngrams')),
    embeddings: new Int8Array(part('embeddings')),
    scale: new Float32Array(part('scale')),
    w1: new Float32Array(part('w1')),
    b1: new Float32Array(part('b1')),
    w2: new Float32Array(part('w2')),
    b2: new Float32Array(part('b2')),
  }
  for (const name of ['scale', 'w1', 'b1', 'w2', 'b2'] as const)
    if (!weights[name].every(Number.isFinite))
      throw modelError('MODEL_SHAPE', { attempted: 'loading the request model', received: `${name} is not finite` })
  return weights
}

/** Everything but the weights is as we write it. */
function isOurGraph(file: Uint8Array): boolean {
  if (file.length !== template.length) return false
  let from = 0
  for (const name of names) {
    const place = places[name]
    if (Buffer.compare(file.subarray(from, place.from), template.subarray(from, place.from)) !== 0) return false
    from = place.to
  }
  return Buffer.compare(file.subarray(from), template.subarray(from)) === 0
}
