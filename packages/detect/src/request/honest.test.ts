// SPDX-License-Identifier: Apache-2.0
// What people and programs send that looks, here and there, like what attackers do.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RequestContext } from './context.ts'
import { openJudge } from './open-judge.ts'
import { contextOfJson } from './wire/json-context.ts'

const { judge } = openJudge({})
const agent = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'
const jwt =
  'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U'

const asked = (url: string, more: readonly (readonly [string, string])[] = []): RequestContext =>
  contextOfJson({ method: 'GET', url, address: '192.0.2.1', headers: [...browser, ...more] })
const sent = (type: string, body: string | Buffer): RequestContext =>
  contextOfJson({
    method: 'POST',
    url: '/api/v1/posts',
    address: '192.0.2.1',
    headers: [...browser, ['Content-Type', type]],
    body_base64: Buffer.from(body).toString('base64'),
  })
const browser = [
  ['Host', 'shop.example'],
  ['User-Agent', agent],
  ['Accept', 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'],
] as const
const json = (value: unknown) => sent('application/json', JSON.stringify(value))
const form = (fields: Readonly<Record<string, string>>) =>
  sent('application/x-www-form-urlencoded', `${new URLSearchParams(fields)}`)
const search = (text: string) => asked(`/search?q=${encodeURIComponent(text)}&page=2`)
const part = (name: string, more: string, content: string) =>
  `--x\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n${content}\r\n`
const bytes = Buffer.from(Array.from({ length: 3_000 }, (_, at) => (at * 7_919 + (at >> 3)) & 0xff))

const honest: Readonly<Record<string, RequestContext>> = {
  'an order as JSON': json({
    items: [{ id: 42, size: "10'", note: "It's a gift; don't ring" }],
    total: 19.9,
    coupon: null,
  }),
  'an operation of GraphQL': json({
    operationName: 'Orders',
    query:
      'query Orders($id: ID!) { user(id: $id) { orders(first: 10, where: {state: {_eq: "open"}}) { edges { node { id } } } } }',
    variables: { id: '1234' },
  }),
  'a query of a search engine': json({
    query: { bool: { must: [{ match: { title: 'union' } }], filter: [{ range: { age: { gte: 18 } } }] } },
  }),
  'a search for words of SQL': search(
    'select a union representative from the list where members like you or order by phone',
  ),
  'a search about SQL': search('how to drop a table in mysql and select distinct values'),
  'a search with marks': search(`O'Brien & Sons: "rock 'n' roll" -- best of 80's; 50% off (1 or 2)`),
  'a comparison': search('a < b and b > c or x = 1'),
  'a token in a header': asked('/api/v1/me', [['Authorization', `Bearer ${jwt}`]]),
  'a token and what it leads to': asked(
    `/oauth/callback?code=${jwt.slice(40)}&state=af0ifjsldkj&redirect_uri=https%3A%2F%2Fshop.example%2Fa%3Fb%3Dc`,
  ),
  'a block of base64': json({ name: 'a.png', data: bytes.toString('base64') }),
  'cookies of trackers': asked('/', [
    [
      'Cookie',
      '_ga=GA1.2.1234567.7654321; prefs={"theme":"dark","items":[1,2]}; OptanonConsent=groups=C0001%3A1%2CC0002%3A0',
    ],
  ]),
  'a post about code': json({
    title: 'How do I sort by two keys?',
    body: "I tried this:\n\n```js\nconst sorted = rows.sort((a, b) => a.age - b.age || a.name.localeCompare(b.name))\nif (sorted[0] && sorted.length > 1) { console.log(`first: ` + sorted[0].name) }\n```\n\nbut it doesn't work; what's wrong?",
  }),
  'a page of an editor': json({
    html: '<h2>New</h2><p>Our <strong>shop</strong>: <a href="https://shop.example/?a=1&b=2" target="_blank">look</a></p><ul><li>1</li></ul>',
  }),
  'a long form': form({
    name: "Conan O'Brien",
    street: 'c/ Mayor, 3 2-a',
    city: 'L’Hospitalet',
    note: 'Ring; then wait -- twice!',
    password: "P@ss'w0rd--1;#",
  }),
  'many languages': json({
    de: 'Wählen Sie „alle“ oder – nichts',
    fr: "Qu’est-ce que c’est ? L'été",
    zh: '选择 * 从表中',
    ru: 'Выбрать и удалить',
    ar: 'اختر من القائمة',
    ja: 'テーブルを落とす',
  }),
  'a photograph': sent(
    'multipart/form-data; boundary=x',
    Buffer.concat([
      Buffer.from(part('title', '', "Gran's 80th -- at the sea")),
      Buffer.from(part('file', '; filename="IMG 12 (1).jpg"', '')),
      bytes,
      Buffer.from('\r\n--x--\r\n'),
    ]),
  ),
  'a table as a file': sent(
    'multipart/form-data; boundary=x',
    `${part('file', '; filename="people.csv"', 'name;age\n"O\'Neil, Ann";42\n=SUM(A1:A9);1')}--x--\r\n`,
  ),
  'an order of SOAP': sent(
    'text/xml',
    '<?xml version="1.0"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body><GetPrice><Item>Apples &amp; pears</Item></GetPrice></soap:Body></soap:Envelope>',
  ),
  'what a page tells of an error': json({
    message: "TypeError: Cannot read properties of undefined (reading 'id')",
    stack: 'at f (https://shop.example/static/js/main.3f2a91bc.chunk.js:1:23456)\n    at async Promise.all (index 0)',
  }),
  'a filter of OData': asked("/items?$filter=Name%20eq%20'Milk'%20and%20Price%20lt%202.55&$orderby=Name%20desc"),
  'a path of files': asked('/npm/@scope/package@1.2.3/dist/../dist/index.min.js?v=1.2.3'),
}

for (const [name, context] of Object.entries(honest))
  test(`DET-1 ${name} is let through`, () => {
    const { recommended_action, reasons } = judge(context, 0n)
    assert.ok(['allow', 'observe'].includes(recommended_action), JSON.stringify(reasons))
  })
