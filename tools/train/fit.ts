// SPDX-License-Identifier: Apache-2.0

import { shape } from '../../packages/detect/src/request/model/graph.ts'
import type { Weights } from '../../packages/detect/src/request/model/weights.ts'
import { type Example, type Window, windowsOf } from './example.ts'
import { createNetwork } from './network.ts'
import { type Random, randomFrom, shuffled } from './random.ts'
import { vocabularyOf } from './vocabulary.ts'

export type FitOptions = { readonly seed: number; readonly epochs: number; readonly rate: number }
export const fitOptions: FitOptions = { seed: 1, epochs: 4, rate: 0.05 }

type Lesson = { readonly isAttack: boolean; readonly windows: readonly Window[] }

/**
 * Learns from examples, in an order that the seed decides: the same ones give the same weights, bit by bit. Of an honest
 * text every window is a lesson, of an attack the one that is the worst so far (learning from bags; Dietterich, 1997).
 */
export function fit(examples: readonly Example[], options: FitOptions = fitOptions): Weights {
  const honest = new Set(examples.filter(({ isAttack }) => !isAttack).flatMap(({ texts }) => texts))
  const attacks = bagsOf(examples, honest)
  const owners = vocabularyOf(new Set([...honest, ...attacks.flat()]))
  const lessons: Lesson[] = [
    ...Array.from(honest, (text) => ({ isAttack: false, windows: windowsOf(text, owners) })),
    ...attacks.map((texts) => ({ isAttack: true, windows: texts.flatMap((text) => windowsOf(text, owners)) })),
  ]
  const random = randomFrom(options.seed)
  const network = createNetwork(shape, random)
  for (let epoch = 0; epoch < options.epochs; epoch += 1) {
    const order = shuffled(lessons, random)
    for (const [at, { isAttack, windows }] of order.entries()) {
      const rate = options.rate * (1 - (0.95 * (epoch + at / order.length)) / options.epochs)
      const learned = isAttack ? [worstOf(windows, epoch === 0, network.logitOf)] : windows
      for (const window of learned) network.learn(thinned(window, random), isAttack, rate)
    }
  }
  return network.weights(owners)
}

/** Of each attack the texts that no honest request has, each bag once. */
function bagsOf(examples: readonly Example[], honest: ReadonlySet<string>): string[][] {
  const bags = new Map<string, string[]>()
  for (const { isAttack, texts } of examples) {
    const left = isAttack ? texts.filter((text) => !honest.has(text)) : []
    if (left.length > 0) bags.set(left.join('\0'), left)
  }
  return [...bags.values()]
}

/** At first nothing is known, and what is longest is likely it. */
function worstOf(windows: readonly Window[], isFirst: boolean, logitOf: (window: Window) => number): Window {
  let worst = windows[0] as Window
  let most = Number.NEGATIVE_INFINITY
  for (const window of windows) {
    const found = logitOf(window) + (isFirst ? window.count / 50 : 0)
    if (found > most) [worst, most] = [window, found]
  }
  return worst
}

/** A third of the n-grams is left out each time, so that none is relied upon (dropout; Srivastava and others, 2014). */
function thinned({ slots, count }: Window, random: Random): Window {
  return { slots: slots.filter(() => !random.oneIn(3)), count: (count * 2) / 3 }
}
