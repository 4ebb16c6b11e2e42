// SPDX-License-Identifier: Apache-2.0

import type { shape } from '../../packages/detect/src/request/model/graph.ts'
import type { Weights } from '../../packages/detect/src/request/model/weights.ts'
import type { Window } from './example.ts'
import type { Random } from './random.ts'
import { sigmoid } from './sigmoid.ts'

export type Network = {
  logitOf(window: Window): number
  learn(window: Window, isAttack: boolean, rate: number): void
  /** With embeddings in eighths of a byte's range. */
  weights(owners: Int32Array): Weights
}

const leak = 0.0625
/** What is already judged this well teaches nothing. */
const errorMin = 0.001

/** Weights, and the sum of the squares of what they were moved by (Adagrad; Duchi and others, 2011). */
type Layer = { readonly values: Float32Array; readonly squares: Float32Array }

/** The model's graph, forwards and backwards. Sums are float64 in a fixed order, what is kept is float32. */
export function createNetwork({ slots, width, hidden }: typeof shape, random: Random): Network {
  const embeddings = layer(slots * width, 0.05, random)
  const w1 = layer(width * hidden, Math.sqrt(2 / width), random)
  const b1 = layer(hidden, 0, random)
  const w2 = layer(hidden, Math.sqrt(1 / hidden), random)
  const b2 = layer(1, 0, random)
  const pooled = new Float64Array(width)
  const active = new Float64Array(hidden)
  const slopes = new Float64Array(width)
  return { logitOf, learn, weights }

  function logitOf({ slots: known, count }: Window): number {
    pooled.fill(0)
    for (const slot of known)
      for (let part = 0; part < width; part += 1) addTo(pooled, part, at(embeddings.values, slot * width + part))
    const root = Math.sqrt(Math.max(count, 1))
    for (let part = 0; part < width; part += 1) pooled[part] = at(pooled, part) / root
    let logit = at(b2.values, 0)
    for (let cell = 0; cell < hidden; cell += 1) {
      let sum = at(b1.values, cell)
      for (let part = 0; part < width; part += 1) sum += at(pooled, part) * at(w1.values, part * hidden + cell)
      active[cell] = sum < 0 ? sum * leak : sum
      logit += at(active, cell) * at(w2.values, cell)
    }
    return logit
  }

  function learn(window: Window, isAttack: boolean, rate: number): void {
    const error = sigmoid(logitOf(window)) - (isAttack ? 1 : 0)
    if (Math.abs(error) < errorMin) return
    slopes.fill(0)
    for (let cell = 0; cell < hidden; cell += 1) {
      const slope = error * at(w2.values, cell) * (at(active, cell) < 0 ? leak : 1)
      move(w2, cell, error * at(active, cell), rate)
      move(b1, cell, slope, rate)
      for (let part = 0; part < width; part += 1) {
        const index = part * hidden + cell
        addTo(slopes, part, slope * at(w1.values, index))
        move(w1, index, slope * at(pooled, part), rate)
      }
    }
    move(b2, 0, error, rate)
    const root = Math.sqrt(Math.max(window.count, 1))
    for (let part = 0; part < width; part += 1) slopes[part] = at(slopes, part) / root
    for (const slot of window.slots)
      for (let part = 0; part < width; part += 1) move(embeddings, slot * width + part, at(slopes, part), rate)
  }

  function weights(owners: Int32Array): Weights {
    let most = 0
    for (const value of embeddings.values) most = Math.max(most, Math.abs(value))
    const scale = Math.fround(most / 127)
    const bytes = Int8Array.from(embeddings.values, (value) => Math.round(value / scale))
    return {
      ngrams: owners,
      embeddings: bytes,
      scale: Float32Array.of(scale),
      w1: w1.values,
      b1: b1.values,
      w2: w2.values,
      b2: b2.values,
    }
  }
}

const at = (values: Float32Array | Float64Array, index: number): number => values[index] as number

function addTo(values: Float64Array, index: number, more: number): void {
  values[index] = at(values, index) + more
}

function move({ values, squares }: Layer, index: number, slope: number, rate: number): void {
  squares[index] = at(squares, index) + slope * slope
  values[index] = at(values, index) - (rate * slope) / Math.sqrt(at(squares, index))
}

function layer(length: number, spread: number, random: Random): Layer {
  const values = Float32Array.from({ length }, () => ((random.below(2001) - 1000) / 1000) * spread)
  return { values, squares: new Float32Array(length).fill(1e-6) }
}
