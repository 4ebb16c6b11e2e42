// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { readContext } from '../context.ts'
import { decodeLimits } from '../limits.ts'
import { signalKinds } from '../signals.ts'
import { decodeRequest } from './request.ts'

const signalsOf = (given: object) =>
  decodeRequest(
    readContext({ method: 'GET', path: '/', query: '', headers: [], address: '192.0.2.1', ...given }),
  ).signals.map(({ kind, where }) => `${kind} ${where}`)

test('DET-1 requests that two servers may cut at different places are told of', () => {
  const rows: [string, string][][] = [
    [
      ['Content-Length', '1'],
      ['Transfer-Encoding', 'chunked'],
    ],
    [
      ['Content-Length', '1'],
      ['Content-Length', '1'],
    ],
    [['Content-Length', '+1']],
    [['Content-Length', '1,1']],
    [['Transfer-Encoding', 'xchunked']],
    [['Transfer-Encoding ', 'chunked']],
    [['Transfer-Encoding', '\x0bchunked']],
    [['X', 'a\r\n b']],
    [['X:', 'a']],
  ]
  for (const headers of rows)
    assert(
      signalsOf({ headers }).some((told) => told.startsWith('smuggling-shape')),
      JSON.stringify(headers),
    )
  assert.deepEqual(
    signalsOf({
      headers: [
        ['Transfer-Encoding', 'gzip, chunked'],
        ['Host', 'a'],
      ],
    }),
    [],
  )
  assert.deepEqual(signalsOf({ headers: [['X', 'a\x07b']] }), ['control-byte REQUEST_HEADERS:x'])
})

test('DET-1 odd bytes and odd encodings are told of, with their place', () => {
  const rows: [string, string][] = [
    ['q=a%00b', 'null-byte ARGS_GET:q'],
    ['q=%c0%af', 'overlong ARGS_GET:q'],
    ['q=%ff', 'invalid-utf8 ARGS_GET:q'],
    ['q=%253cscript', 'double-encoded ARGS_GET:q'],
    ['q=%u003c', 'percent-u ARGS_GET:q'],
    ['q=%zz', 'malformed-encoding ARGS_GET:q'],
    ['q=%26lt;x', 'hidden-encoding ARGS_GET:q'],
    ['q=MScgT1IgJzEnPScxJyAtLSA=', 'hidden-encoding ARGS_GET:q'],
    ['q=1&q=2', 'repeated-parameter ARGS_GET:q'],
    [`q=${'x'.repeat(600)}`, 'padded ARGS_GET:q'],
    [`q=${'ab'.repeat(300)}${'x'.repeat(512)}${'ab'.repeat(300)}`, 'padded ARGS_GET:q'],
  ]
  for (const [query, told] of rows) assert(signalsOf({ query }).includes(told), `${query}: ${signalsOf({ query })}`)
  assert.deepEqual(signalsOf({ query: `q=${'x'.repeat(511)}${'y'.repeat(511)}` }), [])
  assert.deepEqual(
    signalsOf({ query: 'q=caf%C3%A9+au+lait&ids[]=1&ids[]=2', headers: [['Referer', 'https://a/?b=%20c']] }),
    [],
  )
})

test('DET-1 text that is encoded several times over is found within, and says how', () => {
  const encoded = encodeURIComponent(Buffer.from('<script>alert(1)</script>').toString('base64'))
  const { values } = decodeRequest(
    readContext({
      method: 'GET',
      path: '/',
      query: `q=${encodeURIComponent(encoded)}`,
      headers: [],
      address: '192.0.2.1',
    }),
  )
  const found = values.find(({ text }) => text === '<script>alert(1)</script>')
  assert.equal(found?.inside, 'percent base64')
})

test('DET-1 a charset in which bytes hide what is written hides nothing', () => {
  const q = "1'; DROP TABLE users; --"
  const text = JSON.stringify({ q })
  const wide = (of: string) => Buffer.from([...of].flatMap((char) => [char.charCodeAt(0), 0, 0, 0]))
  const part = (bytes: Buffer, charset = 'utf-16le') =>
    Buffer.concat([
      Buffer.from(
        `--b\r\nContent-Disposition: form-data; name="q"\r\nContent-Type: text/plain; charset=${charset}\r\n\r\n`,
      ),
      bytes,
      Buffer.from('\r\n--b--\r\n'),
    ])
  for (const [type, body] of [
    ['application/json; charset=utf-16le', Buffer.from(text, 'utf16le')],
    ['application/json; charset=UTF-16', Buffer.from(`\ufeff${text}`, 'utf16le')],
    ['application/json; charset="utf-16be"', Buffer.from(text, 'utf16le').swap16()],
    ['application/json; charset=utf-32', wide(text)],
    ['application/json; charset=utf-7', Buffer.from(text.replace("'", '+ACc-').replace('DROP', '+AEQAUgBPAFA-'))],
    ['multipart/form-data; boundary=b', part(Buffer.from(q, 'utf16le'))],
    ['multipart/form-data; boundary=b', part(Buffer.from(q.replace("'", '+ACc-')), 'utf-7')],
  ] as const) {
    const headers = [['Content-Type', type]]
    const given = { method: 'POST', path: '/', query: '', headers, address: '::1', body }
    const { values, signals } = decodeRequest(readContext(given))
    const found = values.filter(({ source, inside }) => source === 'ARGS_POST' && inside === undefined)
    assert.deepEqual(
      found.map((value) => value.text),
      [q],
      type,
    )
    assert.ok(signals.some(({ kind }) => kind === 'strange-charset'))
  }
})

test('DET-1 what a GraphQL query opens and never closes is one value, and no sign of it is looked at twice', () => {
  for (const [type, text, open] of [
    ['application/graphql', '\\"', '"'],
    ['application/graphql', 'a', '"""'],
    ['application/json', '\\"', '"'],
  ] as const) {
    const query = open + text.repeat(10_000)
    const body = Buffer.from(type === 'application/json' ? JSON.stringify({ query }) : query)
    const headers = [['Content-Type', type]]
    const { values } = decodeRequest(
      readContext({ method: 'POST', path: '/', query: '', headers, address: '::1', body }),
    )
    const found = values.filter(({ name }) => name.startsWith('query#'))
    assert.deepEqual(
      found.map((value) => value.text.length),
      [type === 'application/json' || open === '"' ? 10_000 : text.length * 10_000],
      `${type} ${open}`,
    )
  }
})

const long = 1024 * 1024
const hidden = "1' UNION ALL SELECT password FROM users--"
const textOf = (given: object) => {
  const { values, isCut } = decodeRequest(
    readContext({ method: 'POST', path: '/', query: '', headers: [], address: '192.0.2.1', ...given }),
  )
  return {
    text: values.map(({ text }) => text).join('\n'),
    chars: values.reduce((sum, { text }) => sum + text.length, 0),
    isCut,
  }
}

test('DET-1 of a path, a query and headers of a megabyte both ends are looked at, no part keeps another from it, and it is told', () => {
  const padded = `${hidden} ${'We like the blue one. '.repeat(long / 22 - 10)}${hidden.replace('users', 'admins')}`
  for (const given of [
    { path: `/${padded}` },
    { query: `q=${padded}` },
    { query: `${'a=1&'.repeat(long / 4 - 100)}q=${hidden} ${hidden.replace('users', 'admins')}`, path: `/${hidden}` },
    { headers: [['X', padded]] },
    {
      headers: [['X', hidden], ...Array(1_500).fill(['Y', 'b'.repeat(600)]), ['Z', hidden.replace('users', 'admins')]],
    },
  ]) {
    const { text, chars, isCut } = textOf(given)
    assert(text.includes('FROM users') && text.includes('FROM admins') && isCut, JSON.stringify(given).slice(0, 60))
    assert(chars < 48 * 1024, `${chars} characters`)
  }
  const { targetHeadChars, targetTailChars } = decodeLimits
  assert.equal(textOf({ query: 'a'.repeat(targetHeadChars + targetTailChars) }).isCut, false)
})

test('DET-1 whichever of many headers says what a body is, it is parted so', () => {
  const junk: [string, string][] = Array(800).fill(['Y', 'b'.repeat(600)])
  const headers = [...junk, ['Content-Type', 'multipart/form-data; boundary=b'], ...junk]
  const part = 'Content-Disposition: form-data; name="q"\r\nContent-Transfer-Encoding: base64\r\n\r\nPHNjcmlwdD4='
  assert(textOf({ headers, body: Buffer.from(`--b\r\n${part}\r\n--b--\r\n`) }).text.includes('<script>'))
})

test('DET-1 in a body between what is read what attacks are made of is found, and what is not even searched is told', () => {
  const filler = (chars: number) => 'we+like+it&a='.repeat(chars / 13)
  const headers = [['Content-Type', 'application/x-www-form-urlencoded']]
  const sent = (before: number, behind: number) =>
    textOf({ headers, body: Buffer.from(`a=${filler(before)}1%27+UNION+SELECT+secret%28%29${filler(behind)}`) })
  for (const [before, behind] of [
    [60, 90],
    [100, 20],
    [90, 70],
    [300, 30],
  ] as const) {
    const { text, isCut } = sent(before * 1024, behind * 1024)
    assert(text.includes("1' UNION SELECT secret()"), `${before} ${behind}`)
    assert.equal(isCut, before + behind > 190)
  }
  assert.deepEqual(
    [sent(300 * 1024, 300 * 1024)].map(({ text, isCut }) => [text.includes('secret'), isCut]),
    [[false, true]],
  )
})

test('DET-1 whatever is sent, no more characters than are allowed are looked at', () => {
  const {
    targetHeadChars,
    targetTailChars,
    headersHeadChars,
    headersTailChars,
    headBytesMax,
    tailBytesMax,
    formCharsMax,
  } = decodeLimits
  const parts = 2 * (targetHeadChars + targetTailChars) + 2 * (headersHeadChars + headersTailChars)
  // Cookies are read twice, as a header and one by one, and names are values besides.
  const most = 2 * (parts + headBytesMax + tailBytesMax) + formCharsMax + 16 * 512
  for (const [type, unit] of [
    ['application/x-www-form-urlencoded', "a'=%2525&"],
    ['application/json', '{"a":"\\u003c",'],
    ['application/xml', '<a b="&lt;">'],
    ['multipart/form-data; boundary=b', '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n../../\r\n'],
    ['application/graphql', '"\\"#'],
    ['text/plain', 'etc/passwd '],
  ] as const) {
    const full = unit.repeat(long / unit.length)
    const headers = [
      ['Content-Type', type],
      ['Cookie', "a=it's; ".repeat(long / 9)],
    ]
    const { chars, isCut } = textOf({ path: full, query: full, headers, body: Buffer.from(full) })
    assert(chars <= most && isCut, `${type}: ${chars} of ${most}`)
  }
})

const bytes = fc.string({
  unit: fc.integer({ min: 0, max: 255 }).map((byte) => String.fromCharCode(byte)),
  maxLength: 300,
})
const signs = fc.string({ unit: fc.constantFrom(...'{}[]",:\\<>!-?/&;=%u0a+ \r\n\tb--=\0\xc0\xff'), maxLength: 300 })
const header = fc.tuple(
  fc.constantFrom('Content-Type', 'Content-Encoding', 'Cookie', 'Transfer-Encoding', 'Content-Length', 'X'),
  fc.oneof(
    fc.constantFrom(
      'application/json',
      'text/xml',
      'multipart/form-data; boundary=b',
      'application/x-www-form-urlencoded',
      'gzip',
      'br',
    ),
    bytes,
  ),
)
const shape = fc.record({
  method: bytes,
  path: bytes,
  query: fc.oneof(bytes, signs),
  headers: fc.array(header, { maxLength: 5 }),
  body: fc.oneof(bytes, signs).map((text) => Buffer.from(text, 'latin1')),
  address: fc.constant('::1'),
})

test('DET-1 whatever bytes a request has, it is decoded within its limits', () => {
  const tight = { ...decodeLimits, headBytesMax: 128, tailBytesMax: 64, valuesMax: 20, depthMax: 4, formCharsMax: 200 }
  fc.assert(
    fc.property(shape, (given) => {
      const { values, signals } = decodeRequest(readContext(given), tight)
      // A value that is being read when the limit is met brings its name, and a body its rest and its tail.
      assert(values.length <= 3 * tight.valuesMax * (1 + 3 * tight.formsMax) + 64, `${values.length} values`)
      assert(signals.length <= tight.signalsOfKindMax * Object.keys(signalKinds).length)
      for (const { text } of values) assert(/^[\0-\xff]*$/.test(text), 'text that is no latin1')
    }),
    { numRuns: 2_000 },
  )
})

test('DET-1 many signals that weigh little hide none that weighs much', () => {
  const query = Array.from({ length: 200 }, (_, i) => `a${i}=1&a${i}=%zz`).join('&')
  const kinds = signalsOf({ query, headers: [['Transfer-Encoding', 'xchunked']] })
  assert(kinds.includes('smuggling-shape REQUEST_HEADERS:transfer-encoding'), kinds.join())
})

test('DET-1 a value that is too long to look within keeps nobody from looking within the next', () => {
  const long = Buffer.from('harmless '.repeat(8_000)).toString('base64')
  const short = Buffer.from('<script>alert(1)</script>').toString('base64')
  const { values } = decodeRequest(
    readContext({ method: 'GET', path: '/', query: `a=${long}&b=${short}`, headers: [], address: '192.0.2.1' }),
  )
  assert(values.some(({ text }) => text === '<script>alert(1)</script>'))
})

test('DET-1 what was written as a form is what is read', () => {
  const word = fc.string({
    unit: fc.integer({ min: 0x20, max: 0x7e }).map((byte) => String.fromCharCode(byte)),
    minLength: 1,
    maxLength: 20,
  })
  fc.assert(
    fc.property(fc.uniqueArray(word, { maxLength: 8 }), word, (names, value) => {
      const query = names.map((name) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&')
      const { values } = decodeRequest(readContext({ method: 'GET', path: '/', query, headers: [], address: '::1' }))
      const read = values.filter(({ source, inside }) => source === 'ARGS_GET' && inside === undefined)
      assert.deepEqual(
        read.map(({ name, text }) => [name, text]),
        names.map((name) => [name, value]),
      )
    }),
  )
})

test('DET-1 what was written as JSON is what is read', () => {
  const leaves = (value: unknown): string[] =>
    typeof value === 'object' && value !== null
      ? Object.values(value).flatMap(leaves)
      : [typeof value === 'string' ? Buffer.from(value, 'utf8').toString('latin1') : String(value)]
  fc.assert(
    fc.property(fc.json({ maxDepth: 5 }), (text) => {
      const headers = [['Content-Type', 'application/json']]
      const { values } = decodeRequest(
        readContext({ method: 'POST', path: '/', query: '', headers, address: '::1', body: Buffer.from(text) }),
      )
      const read = values.filter(({ source, inside }) => source === 'ARGS_POST' && inside === undefined)
      assert.deepEqual(
        read.map((value) => value.text).sort(),
        leaves(JSON.parse(text))
          .map((leaf) => leaf.replace(/^-0$/, '0'))
          .sort(),
      )
    }),
  )
})
