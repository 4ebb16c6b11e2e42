// SPDX-License-Identifier: Apache-2.0

import { deepEqual, throws } from 'node:assert/strict'
import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { loadModel } from './open-model.ts'
import { readModel, writeModel } from './weights.ts'

const read = (name: string) => readFileSync(new URL(`../../../model/${name}`, import.meta.url))
const file = read('request.onnx')
const manifest = read('request.json').toString()
const sha256 = hash('sha256', file)

test('DET-1 the model of this release is the file that its manifest pins, and is written again as it was read', () => {
  loadModel(file, manifest)
  deepEqual(Buffer.from(writeModel(readModel(file, sha256))), file)
})

test('DET-1 a file of another shape is refused, whatever its hash', () => {
  const longer = Buffer.concat([file, Buffer.of(0)])
  const renamed = Buffer.from(file)
  renamed.set(Buffer.from('Add'), renamed.indexOf('Mul'))
  for (const other of [Buffer.of(), file.subarray(0, 1_000), longer, renamed])
    throws(() => readModel(other, hash('sha256', other)), { code: 'MODEL_SHAPE' })
})

test('DET-1 weights that are no numbers are refused', () => {
  const weights = readModel(file, sha256)
  const broken = Buffer.from(writeModel({ ...weights, b2: Float32Array.of(Number.NaN) }))
  throws(() => readModel(broken, hash('sha256', broken)), { code: 'MODEL_SHAPE' })
})

test('DET-1 a file with one other bit is refused', () => {
  fc.assert(
    fc.property(fc.nat(file.length * 8 - 1), (bit) => {
      const other = Buffer.from(file)
      other[bit >> 3] = (other[bit >> 3] as number) ^ (1 << (bit & 7))
      throws(() => readModel(other, sha256), { name: 'SealwatchError' })
    }),
    { numRuns: 50, seed: 1 },
  )
})

test('DET-1 a manifest of another form is refused', () => {
  const whole = JSON.parse(manifest) as Record<string, unknown>
  const others = ['', '{', 'null', '[]', ...Object.keys(whole).flatMap((name) => omitted(whole, name))]
  for (const text of others) throws(() => loadModel(file, text), { code: 'MODEL_MANIFEST' }, text)
  throws(() => loadModel(file, JSON.stringify({ ...whole, sha256: 'a'.repeat(64) })), { code: 'MODEL_HASH' })
  throws(() => loadModel(file, JSON.stringify({ ...whole, thresholds: [{ falsePositives: 2, logit: 1 }] })), {
    code: 'MODEL_MANIFEST',
  })
})

const omitted = (whole: Record<string, unknown>, name: string): string[] =>
  name === 'trained' ? [] : [JSON.stringify({ ...whole, [name]: undefined })]
