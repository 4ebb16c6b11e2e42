// SPDX-License-Identifier: Apache-2.0
// One attack, in bodies that say they are something else, or are compressed, escaped and filled up so that it is not read.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { readContext } from '../context.ts'
import { openJudge } from '../open-judge.ts'

const { judge } = openJudge({})
const attack = "1' UNION SELECT username, password FROM users-- -"
const escaped = (sign: string, digits: number, behind = '') =>
  [...attack].map((char) => `${sign}${char.charCodeAt(0).toString(16).padStart(digits, '0')}${behind}`).join('')
const json = escaped('\\u', 4)
const filling = 'We moved the meeting to four, and the order came on time. '.repeat(300)
const [form, jsonType, text] = ['application/x-www-form-urlencoded', 'application/json', 'text/plain;charset=UTF-8']
const numbers = (count: number) => Array.from({ length: count }, (_, at) => at).join()

const judged = (type: string, body: string | Uint8Array, coding?: string) =>
  judge(
    readContext({
      method: 'POST',
      path: '/',
      query: '',
      headers: [['Content-Type', type], ...(coding === undefined ? [] : [['Content-Encoding', coding] as const])],
      body: Buffer.from(body as string, 'latin1'),
      address: '192.0.2.1',
    }),
    0n,
  )

for (const [where, type, body] of [
  ['behind the thousandth value of JSON', jsonType, `[${numbers(1_001)},"${filling}","${json}"]`],
  ['behind the thousandth value of JSON, unescaped', jsonType, `[${numbers(1_001)},"${filling}","${attack}"]`],
  ['in JSON below what is followed', jsonType, `${'['.repeat(65)}"${filling}","${json}"${']'.repeat(65)}`],
  ['in JSON that says it is a form', form, `{"p":"${filling}","q":"${json}"}`],
  ['in JSON that says it is text', text, `[1,"${filling}","${json}"]`],
  ['in JSON within a long parameter', form, `d=${encodeURIComponent(`{"p":"${filling}","q":"${json}"}`)}`],
  ['in XML that says it is a form', form, `<r><q>${escaped('&#x', 2, ';')}</q></r>`],
  [
    'in a form that says it is UTF-7, as who does not know that reads it',
    `${form}; charset=utf-7`,
    'q=1%27+UNION+SELECT+username,password+FROM+users--+-',
  ],
  [
    'in base64 beside a letter that is not ASCII',
    jsonType,
    JSON.stringify({ q: Buffer.from(`${attack} \u00e9`).toString('base64') }),
  ],
  [
    'in base64 beside a byte that is no UTF-8',
    jsonType,
    JSON.stringify({ q: Buffer.from(`${attack} \xe9`, 'latin1').toString('base64') }),
  ],
] as const)
  test(`DET-1 an attack is found ${where}`, () => assert.equal(judged(type, body).threat, true))

const plain = `{"q":"${json}"}`
const otherSum = Buffer.from(gzipSync(plain))
otherSum[otherSum.length - 6] = (otherSum[otherSum.length - 6] as number) ^ 1
const named = Buffer.concat([
  Buffer.from('1f8b081c000000000003', 'hex'),
  Buffer.from('0300abcdef61006200', 'hex'),
  otherSum.subarray(10),
])
const otherSumOfZlib = Buffer.from(deflateSync(plain))
otherSumOfZlib[otherSumOfZlib.length - 1] = (otherSumOfZlib.at(-1) as number) ^ 1

for (const [how, coding, body] of [
  ['by deflate without a header', 'deflate', deflateRawSync(plain)],
  ['by deflate with a wrong sum', 'deflate', otherSumOfZlib],
  ['by gzip twice', 'gzip, gzip', gzipSync(gzipSync(plain))],
  ['by brotli, then gzip', 'br, gzip', gzipSync(brotliCompressSync(plain))],
  ['by gzip, and as it is besides', 'identity,GZIP', gzipSync(plain)],
  ['by gzip with a wrong sum', 'gzip', otherSum],
  ['by gzip with a name, a comment and a wrong sum', 'gzip', named],
  ['by gzip that ends early', 'gzip', gzipSync(plain).subarray(0, -9)],
  [
    'by gzip with another beginning behind it',
    'gzip',
    Buffer.concat([gzipSync(plain), Buffer.from('1f8b08ff010203', 'hex')]),
  ],
] as const)
  test(`DET-1 an attack is found that is compressed ${how}`, () =>
    assert.equal(judged(jsonType, body, coding).threat, true))

// PHP, Django, Rack and Tomcat do not inflate requests: they read a form in which bytes stand that nobody reads.
const asItIs = `&q=${encodeURIComponent(attack)}`
for (const [how, coding, body, behind] of [
  ['behind deflate', 'deflate', deflateSync('x=1'), ''],
  ['behind deflate without a header', 'deflate', deflateRawSync('x=1'), ''],
  ['behind brotli', 'br', brotliCompressSync('x=1'), ''],
  ['behind gzip', 'gzip', gzipSync('x=1'), ''],
  ['behind gzip and a zero', 'gzip', gzipSync('x=1'), '\0'],
  ['behind brotli within gzip', 'br, gzip', gzipSync(brotliCompressSync('x=1')), ''],
] as const)
  test(`DET-1 an attack is found that stands as it is ${how}`, () => {
    const { threat, signals } = judged(form, Buffer.concat([body, Buffer.from(behind + asItIs)]), coding)
    assert.equal(threat, true)
    assert.ok(signals.some(({ kind }) => kind === 'compressed'))
    assert.equal(judged(form, body, coding).threat, false)
  })

test('DET-1 an attack is found that stands as it is in the header of gzip', () => {
  const header = Buffer.from('1f8b0804000000000003', 'hex')
  const body = Buffer.concat([header, Buffer.from([asItIs.length, 0]), Buffer.from(asItIs), deflateRawSync('x=1')])
  assert.equal(judged(form, body, 'gzip').threat, true)
})

test('DET-1 an attack is found that stands as it is behind more than is inflated, and none where nothing stands there', () => {
  const words = Array.from({ length: 120_000 }, (_, at) => ((at * 2_654_435_761) % 1_000_003).toString(36)).join('+')
  const body = gzipSync(`q=${words}`)
  assert.equal(judged(form, Buffer.concat([body, Buffer.from(asItIs)]), 'gzip').threat, true)
  assert.equal(judged(form, body, 'gzip').threat, false)
})

test('DET-1 a part of a form behind a compressed form is read', () => {
  const part = (name: string, text: string) =>
    `--xyzxyzxyz\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${text}\r\n`
  const sent = (rest: string) =>
    judged(
      'multipart/form-data; boundary=xyzxyzxyz',
      Buffer.concat([deflateSync(`${part('a', 'x')}--xyzxyzxyz--`), Buffer.from(rest)]),
      'deflate',
    )
  assert.equal(sent(`\r\n${part('q', attack)}--xyzxyzxyz--`).threat, true)
  assert.deepEqual([sent('').threat, sent('').signals], [false, []])
})

test('DET-1 a body that is compressed in a way that is not read is unseen, and that is told', () => {
  for (const [coding, body] of [
    ['zstd', zstdCompressSync(Buffer.from(plain))],
    ['gzip, gzip, gzip', gzipSync(gzipSync(gzipSync(plain)))],
    ['br', Buffer.from('ffffffff', 'hex')],
  ] as const) {
    const { signals, detectors, reasons } = judged(jsonType, body, coding)
    assert.ok(signals.some(({ kind }) => kind === 'compressed'))
    assert.deepEqual(detectors.cut, ['signals'], coding)
    assert.equal(reasons.find(({ id }) => id === 'oversize')?.weight, 3)
  }
})

test('DET-1 what is said in other words than its type says, and is no attack, is none', () => {
  const note = JSON.stringify({
    note: "It's for Siobhan O'Brien & sons; \u003cthanks\u003e",
    list: [1, 2.5, true, null],
  })
  for (const [type, body, coding] of [
    [form, note],
    [text, note],
    [jsonType, JSON.stringify({ photo: Buffer.from(numbers(3_000)).toString('base64'), nested: note })],
    [jsonType, JSON.stringify({ text: `${filling} <b>Thanks</b> &amp; \\u0026 more`, at: 1 })],
    [jsonType, gzipSync(gzipSync(note)), 'gzip, gzip'],
  ] as const) {
    const { threat, score, detectors } = judged(type, body, coding)
    assert.deepEqual([threat, detectors.cut], [false, []], `${score} ${type}`)
  }
})
