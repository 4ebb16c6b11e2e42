// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib'
import { readContext } from '../context.ts'
import { decodeRequest } from './request.ts'

const decoded = (type: string, body: string | Uint8Array, headers: [string, string][] = []) =>
  decodeRequest(
    readContext({
      method: 'POST',
      path: '/',
      query: '',
      headers: [['Content-Type', type], ...headers],
      address: '192.0.2.1',
      body: typeof body === 'string' ? Buffer.from(body) : body,
    }),
  )
const listed = (type: string, body: string) =>
  decoded(type, body)
    .values.filter(
      ({ source, inside }) => !/^REQUEST_(?:FILENAME|HEADERS)|_NAMES$/.test(source) && inside === undefined,
    )
    .map(({ source, name, text }) => `${source}:${name}=${text}`)
const kinds = (type: string, body: string | Uint8Array, headers: [string, string][] = []) =>
  decoded(type, body, headers).signals.map(({ kind }) => kind)

const multipart = 'multipart/form-data; boundary=b'
const part = (headers: string, content: string) => `--b\r\n${headers}\r\n\r\n${content}\r\n`

test('DET-1 JSON is parted to its scalars, named by their place', () => {
  assert.deepEqual(listed('application/json', '{"a":{"b":[1,true,{"c":"x\\u0027\\n"}]},"a":null,"":"é"}'), [
    'ARGS_POST:a.b[0]=1',
    'ARGS_POST:a.b[1]=true',
    "ARGS_POST:a.b[2].c=x'\n",
    'ARGS_POST:a=null',
    'ARGS_POST:=Ã©',
  ])
  assert.deepEqual(listed('application/json', '"alone"'), ['ARGS_POST:=alone'])
  assert.deepEqual(kinds('application/json', '{"a":[],"b":{}} '), [])
})

test('DET-1 what JSON escapes is the bytes of UTF-8, pairs of surrogates are one character, and half a pair is U+FFFD', () => {
  const text = (json: string) => listed('application/json', `"${json}"`)[0]?.slice('ARGS_POST:='.length)
  const bytes = (of: string) => Buffer.from(of).toString('latin1')
  for (const [json, meant] of [
    ['\\u003c\\u00e9\\u07ff\\u0800\\u20AC\\uffff', '<\u00e9\u07ff\u0800\u20ac\uffff'],
    ['\\ud83d\\ude00x\\ud83d\\u0041\\ude00', '\u{1f600}x\ufffdA\ufffd'],
    ['\\\\u0041\\/\\"\\b\\f\\n\\r\\t\\x\\u00', '\\u0041/"\b\f\n\r\txu00'],
  ] as const)
    assert.equal(text(json), bytes(meant), json)
})

test('DET-1 JSON that is none is told of, and what follows the fault is looked at as it stands', () => {
  for (const body of ['{"a":1,}', '{"a" 1}', '[1 2]', '{a:1}', '{"a":"x', '[1,2', '{"a":1}x', ''].slice(0, -1)) {
    assert.deepEqual(kinds('application/json', body), ['malformed-json'], body)
  }
  assert.deepEqual(listed('application/json', '{"a":1} <script>'), ['ARGS_POST:a=1', 'REQUEST_BODY:=<script>'])
})

test('DET-1 a body nested a hundred thousand deep is not followed, and overflows nothing', () => {
  for (const type of ['application/json', 'application/xml'])
    assert(kinds(type, (type.endsWith('json') ? '[' : '<a>').repeat(30_000)).includes('too-deep'), type)
})

test('DET-1 forms in parts: fields, files and the headers of parts', () => {
  const body = `${part('Content-Disposition: form-data; name="q"', '1 union')}${part(
    'Content-Disposition: form-data; name="up"; filename="a.php"\r\nContent-Type: text/plain',
    '<?php',
  )}--b--\r\n`
  assert.deepEqual(listed(multipart, body), [
    'MULTIPART_PART_HEADERS:q=Content-Disposition: form-data; name="q"',
    'ARGS_POST:q=1 union',
    'MULTIPART_PART_HEADERS:up=Content-Disposition: form-data; name="up"; filename="a.php"',
    'MULTIPART_PART_HEADERS:up=Content-Type: text/plain',
    'FILES:up=a.php',
    'REQUEST_BODY:file:up=<?php',
  ])
  assert.deepEqual(decoded(multipart, body).fileBytes, 5)
  assert.deepEqual(kinds(multipart, body), [])
})

test('DET-1 a form in parts that two parsers would read differently is told of', () => {
  const plain = 'Content-Disposition: form-data; name="q"'
  const rows = [
    [multipart, part(plain, 'x')],
    [multipart, 'no boundary at all'],
    ['multipart/form-data', `${part(plain, 'x')}--b--`],
    [`${multipart}; boundary=c`, `${part(plain, 'x')}--b--`],
    [multipart, `${part(`${plain}; name="r"`, 'x')}--b--`],
    [multipart, `${part('Content-Disposition: form-data; name="q"; filename="a.txt"; filename="a.php"', 'x')}--b--`],
    [multipart, `${part(`${plain}\r\n folded`, 'x')}--b--`],
    [multipart, `${part('Content-Disposition : form-data; name="q"', 'x')}--b--`],
    [multipart, `--b trailing\r\n${plain}\r\n\r\nx\r\n--b--`],
    [multipart, `${part('X: y', 'x')}--b--`],
  ] as const
  for (const [type, body] of rows) assert(kinds(type, body).includes('malformed-multipart'), `${type} ${body}`)
})

test('DET-1 transfer encodings of a part are undone, and names of files are taken in all forms', () => {
  const of = (headers: string, content: string) => listed(multipart, `${part(headers, content)}--b--`).at(-1)
  const named = 'Content-Disposition: form-data; name="q"\r\nContent-Transfer-Encoding:'
  assert.equal(of(`${named} base64`, 'PHNjcmlwdD4='), 'ARGS_POST:q=<script>')
  assert.equal(of(`${named} quoted-printable`, '=3Cscri=\r\npt>'), 'ARGS_POST:q=<script>')
  const file = `${part('Content-Disposition: form-data; name="f"; filename*=utf-8\'\'%2e%2e%2fx', '')}--b--`
  assert(listed(multipart, file).includes('FILES:f=../x'))
})

test('DET-1 XML: text, attributes, comments and CDATA; its entities are not expanded, a document type is told of', () => {
  const entity = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd"><!ENTITY y "&x;&x;">]>'
  const body = `<?xml version="1.0"?>${entity}<a b='1 &lt; 2'>t &x;<!-- c --><![CDATA[<d>]]></a>`
  assert.deepEqual(
    listed('text/xml', body).filter((line) => !line.includes('DOCTYPE')),
    ['XML://@*=1 < 2', 'XML:/*=t &x;', 'XML:/*= c ', 'XML:/*=<d>', 'XML:/*=t &x;<d>'],
  )
  assert.deepEqual(kinds('text/xml', body), ['dtd'])
  for (const bad of ['<a>', '</a>', '<a', '<a b="></a>', '<!-- <a/>'])
    assert.deepEqual(kinds('text/xml', bad), ['malformed-xml'], bad)
})

test('DET-1 JSON and XML in UTF-16 and UTF-32 are read as their parsers do, whatever the header says', () => {
  const little = (text: string) => Buffer.from(text, 'utf16le')
  const wide = (text: string) =>
    Buffer.concat([...text].map((char) => Buffer.from([char.codePointAt(0) ?? 0, 0, 0, 0])))
  const json = '{"q":"1 union"}'
  for (const body of [little(json), little(json).swap16(), little(`\ufeff${json}`), wide(json), wide(json).swap32()])
    for (const type of ['application/json', 'text/plain', 'application/json; charset=utf-8']) {
      const { values, signals } = decoded(type, body)
      assert(values.some(({ source, name, text }) => source === 'ARGS_POST' && name === 'q' && text === '1 union'))
      assert(signals.some(({ kind }) => kind === 'strange-charset'))
    }
  assert(decoded('text/xml', little('<a>x</a>')).values.some(({ source, text }) => source === 'XML' && text === 'x'))
  const long = decoded('application/json', wide(`{"q":"${'a'.repeat(100_000)}"}`))
  assert.deepEqual(
    [long.isCut, long.signals.map(({ kind }) => kind)],
    [true, ['strange-charset', 'oversize', 'padded']],
  )
  // A form with a zero byte in its first name is a form.
  const form = decoded('application/x-www-form-urlencoded', 'a\0b=1&q=union').values
  assert(form.some(({ name, text }) => name === 'q' && text === 'union'))
})

test('DET-1 parameters behind a thousand cookies are told apart all the same', () => {
  const cookies: [string, string] = ['Cookie', Array.from({ length: 1_200 }, (_, i) => `c${i}=1`).join('; ')]
  const { values } = decoded('application/json', '{"q":"\\u003cscript>"}', [cookies])
  assert(values.some(({ source, name, text }) => source === 'ARGS_POST' && name === 'q' && text === '<script>'))
})

test('DET-1 a GraphQL query yields its strings, its variables and its own text', () => {
  const body = JSON.stringify({ query: '{ user(name: "x\' OR 1=1") { id } # note\n}', variables: { id: [7] } })
  assert.deepEqual(listed('application/json', body), [
    'ARGS_POST:query={ user(name: "x\' OR 1=1") { id } # note\n}',
    'ARGS_POST:variables.id[0]=7',
    "ARGS_POST:query#0=x' OR 1=1",
    'ARGS_POST:query#1= note',
  ])
})

test('DET-1 a body is read by how it begins where its type does not say', () => {
  assert.equal(decoded('text/plain', '{"a":1}').processor, 'JSON')
  assert.equal(decoded('', '<a><b/></a>').processor, 'XML')
  assert.equal(decoded('', 'a=1&b=2').processor, 'URLENCODED')
  assert.equal(decoded('', 'hello').processor, '')
})

test('DET-1 of a hundred megabytes the beginning and the end are looked at, and it is told that this is not all', () => {
  const body = Buffer.alloc(100 * 1024 * 1024, 'a')
  body.write('<script>', 0)
  body.write('UNION SELECT', body.length - 20)
  const { values, signals } = decoded('application/octet-stream', body)
  const text = values.map((value) => value.text).join('\n')
  assert(text.includes('<script>') && text.includes('UNION SELECT') && text.length < 256 * 1024)
  const told = signals.map(({ kind }) => kind)
  assert(told.includes('oversize') && told.includes('padded'), told.join())
})

test('DET-1 what stands behind long files of a form is read, and files of a few megabytes speak for nothing', () => {
  const boundary = '----WebKitFormBoundary7MA4YWxkTrZu0gW'
  const type = `multipart/form-data; boundary=${boundary}`
  const file = (name: string, bytes: Buffer) => [
    Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="${name}"; filename="a.jpg"\r\n\r\n`),
    bytes,
    Buffer.from('\r\n'),
  ]
  const field = (text: string) =>
    Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="q"\r\n\r\n${text}\r\n`)
  const photo = Buffer.from(Array.from({ length: 1_500_000 }, (_, at) => (at * 2_654_435_761) >>> 13))
  const end = Buffer.from(`--${boundary}--\r\n`)
  const sent = (...parts: Buffer[]) => decoded(type, Buffer.concat([...parts, end]))
  const whole = sent(...file('a', photo), field("1' or 1=1"), ...file('b', photo), field('last'))
  assert.deepEqual(
    whole.values.filter(({ source }) => source === 'ARGS_POST').map(({ text }) => text),
    ["1' or 1=1", 'last'],
  )
  assert.deepEqual([whole.fileBytes, whole.isCut, whole.signals], [2 * photo.length, false, []])
  // A field is no file, whatever stands in it, and five megabytes are more than are looked through.
  assert.equal(sent(field(`; filename=${'x '.repeat(200_000)}`)).isCut, true)
  assert.equal(sent(...file('a', photo), ...file('b', photo), ...file('c', photo), ...file('d', photo)).isCut, true)
})

test('DET-1 a compressed body is read, but not beyond a limit', () => {
  const gzip: [string, string][] = [['Content-Encoding', 'gzip']]
  const { values } = decoded('application/json', gzipSync('{"q":"hidden"}'), gzip)
  const long = `{"q":"hidden","pad":"${Array.from({ length: 9_000 }, (_, at) => at.toString(36)).join()}"}`
  for (const [coding, compress] of [
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ] as const) {
    const compressed = compress(long)
    const cut = decoded('application/json', compressed.subarray(0, compressed.length - 1_000), [
      ['Content-Encoding', coding],
    ])
    assert(
      cut.values.some(({ text }) => text === 'hidden'),
      `${coding}: of what was cut, what there is`,
    )
  }
  assert(values.some(({ text }) => text === 'hidden'))
  assert(kinds('text/plain', gzipSync(Buffer.alloc(64 * 1024 * 1024)), gzip).includes('bomb'))
  assert(kinds('text/plain', 'not gzip', gzip).includes('compressed'))
  assert(kinds('text/plain', 'x', [['Content-Encoding', 'zstd-9']]).includes('compressed'))
})

test('DET-1 of a body that grows beyond the limit the beginning is read, and a bomb is told from a long text', () => {
  const gzip: [string, string][] = [['Content-Encoding', 'gzip']]
  const bomb = Buffer.concat([Buffer.from('q=%3Cscript%3E'), Buffer.alloc(64 * 1024 * 1024, 'a')])
  const told = decoded('application/x-www-form-urlencoded', gzipSync(bomb), gzip)
  assert(told.values.some(({ text }) => text.startsWith('<script>')) && told.isCut)
  assert(told.signals.some(({ kind }) => kind === 'bomb'))
  const words = Array.from({ length: 300_000 }, (_, at) => ((at * 2_654_435_761) % 1_000_003).toString(36)).join(' ')
  const long = decoded('text/plain', gzipSync(`<script> ${words}`), gzip)
  assert(long.values.some(({ text }) => text.startsWith('<script>') && text.length > 16 * 1024) && long.isCut)
  assert(long.signals.every(({ kind }) => kind !== 'bomb'))
})

test('DET-1 parameters beyond the limit are one value, so that an attack behind a thousand of them is seen', () => {
  const body = `${'a=1&'.repeat(5_000)}q=%3Cscript%3E`
  const { values, signals } = decoded('application/x-www-form-urlencoded', body)
  assert(values.length < 1_100 && values.some(({ text }) => text.includes('<script>')))
  assert(signals.some(({ kind }) => kind === 'too-many-values'))
  const json = `[${'1,'.repeat(5_000)}"<script>"]`
  assert(decoded('application/json', json).values.some(({ text }) => text.includes('<script>')))
})

test('DET-1 of brotli no more is inflated than is read: what says that it is longer, or does not say it, is told and unseen', () => {
  const of = (bytes: Buffer, window: number) =>
    brotliCompressSync(bytes, {
      params: { [constants.BROTLI_PARAM_LGWIN]: window, [constants.BROTLI_PARAM_QUALITY]: 5 },
    })
  const told = (body: Buffer) => {
    const { signals, isCut, values } = decoded('application/json', body, [['Content-Encoding', 'br']])
    const odd = signals.map(({ kind }) => kind).filter((kind) => !/byte|utf8/.test(kind))
    return [odd, isCut, values.some(({ text }) => text === 'yes')]
  }
  const short = Buffer.from('{"q":"yes"}')
  for (const window of [10, 16, 17, 18, 22, 24])
    assert.deepEqual(told(of(short, window)), [[], false, true], `${window}`)
  const bomb = Buffer.concat([short, Buffer.alloc(8 * 1024 * 1024, ' ')])
  assert.deepEqual(told(of(bomb, 24)), [['bomb', 'compressed', 'oversize'], true, false])
  assert.deepEqual(told(of(bomb, 18)), [['bomb', 'oversize'], true, false])
})
