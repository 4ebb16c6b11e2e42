// SPDX-License-Identifier: Apache-2.0

import { equal, ok } from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import { createModel } from '../../packages/detect/src/request/model/model.ts'
import { writeModel } from '../../packages/detect/src/request/model/weights.ts'
import { calibrated } from './calibrate.ts'
import { scoreOf } from './evaluate.ts'
import { bytesOf, type Example } from './example.ts'
import { fit } from './fit.ts'
import { expand, readGrammar } from './grammar.ts'
import { areaUnderCurve, thresholdAt } from './measure.ts'
import { evaded, written } from './mutate.ts'
import { randomFrom } from './random.ts'
import { sigmoid } from './sigmoid.ts'

const few = [
  "1' or '1'='1",
  '<img src=x onerror=alert(1)>',
  ';cat /etc/passwd',
  "what's new?",
  '/a/b.js',
  'R&D, 2 of 3',
]
const small: readonly Example[] = few.flatMap((text, at) =>
  Array.from({ length: 6 }, (_, number) => ({ source: '', isAttack: at < 3, texts: [`${text} ${number}`] })),
)

function made(count: number): Example[] {
  const [grammar, random] = [readGrammar(), randomFrom(5)]
  const honest = () => expand(grammar, 'benign', random)
  return Array.from({ length: count }, (_, at) => {
    const isAttack = at % 2 === 1
    const text = isAttack ? evaded(expand(grammar, 'attack', random), random) : honest()
    return { source: '', isAttack, texts: [bytesOf(written(text, random, honest))] }
  })
}

test('DET-1 training twice gives the same file, bit by bit, and on every machine this one', () => {
  const [first, second] = [1, 2].map(() => hash('sha256', writeModel(fit(small))))
  equal(first, second)
  equal(first, '2012a8229be0fc0e5f54f2bc14bde0e8badda7e3d93d6f8e85e80ea19720bcb2')
})

test('DET-1 what was learned from some tells others apart', () => {
  const all = made(4_000)
  const model = createModel(fit(all.slice(0, 3_000)))
  const scoresOf = (isAttack: boolean) =>
    all
      .slice(3_000)
      .filter((example) => example.isAttack === isAttack)
      .map(({ texts: [text = ''] }) => model.logitOf(text))
  ok(areaUnderCurve(scoresOf(true), scoresOf(false)) > 0.95)
})

test('DET-1 a calibrated logit is the logarithm of how rare it is, long texts among them', () => {
  const honest = made(2_000)
    .filter(({ isAttack }) => !isAttack)
    .map(({ texts: [text = ''], ...rest }, at) => ({ ...rest, texts: [text.repeat(1 + (at % 9))] }))
  const model = createModel(calibrated(fit(small), honest).weights)
  const scores = honest.map((example) => scoreOf(model, example))
  const rare = thresholdAt(0.002, scores)
  ok(Math.abs(rare - Math.log(1 / 0.002)) < 0.1, `${rare}`)
})

test('DET-1 the sigmoid of the trainer is the one of mathematics', () => {
  for (let x = -60; x <= 60; x += 0.37) ok(Math.abs(sigmoid(x) - 1 / (1 + Math.exp(-x))) < 1e-12, `${x}`)
})

test('DET-1 thresholds and areas are what they say', () => {
  const scores = Array.from({ length: 1_000 }, (_, at) => at)
  equal(thresholdAt(0.003, scores), 996)
  equal(scores.filter((score) => score > 996).length, 3)
  equal(areaUnderCurve([3, 4], [1, 2]), 1)
  equal(areaUnderCurve([1, 4], [2, 3]), 0.5)
})
