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
  'a fragment of GraphQL with a field a line': json({
    query:
      'fragment Issue on Issue {\n  __typename\n  id\n  team {\n    id\n  }\n}\nquery Q($id: String!) {\n  issue(id: $id) {\n    ...Issue\n  }\n}',
    variables: { id: 'a1' },
  }),
  'a page of a manual': form({
    text: 'OPTIONS\n       -a, --all\n              do not ignore entries; with -l, print each file.\n       id\n              the number of the user, see also passwd(5), group(5).\nFILES\n       /etc/shop.conf, ~/.shoprc',
  }),
  'a change log': json({
    body: "shop (1.4-2) unstable; urgency=medium\n\n  * d/rules: don't install twice (Closes: #812345).\n  * New upstream release; drop patches.\n\n -- Ann O'Neil <ann@shop.example>  Mon, 03 Jul 2023 10:41:32 +0200",
  }),
  'messages to translate': json({
    a: "%s: can't open '%s': %s\n",
    b: '{count, plural, one {# item} other {# items}}',
    c: 'Use <b>$1</b> or [[$2|that]].',
    d: '&Open…',
    e: 'Q:',
  }),
  'Python in a post': json({
    body: "class Shop(Base):\n    __slots__ = ('name',)\n\n    def __init__(self, name):\n        super().__init__()\n        self.name = name or 'none'\n\nif __name__ == '__main__':\n    main()",
  }),
  'C in a post': form({
    body: 'for (i = 0; i < n && s[i] != 0; i++)\n\tif (!isspace(s[i]) || s[i] == 34)\n\t\treturn -EINVAL;',
  }),
  'settings of a server': form({
    file: 'server {\n    listen 443 ssl;\n    location /a/ {\n        proxy_pass http://127.0.0.1:3000;\n        proxy_set_header Host $host;\n    }\n}',
  }),
  'styles of a theme': json({
    css: '.a > li + li:not(.b)::after { content: "\\201C"; background: url("../img/a.svg") no-repeat; }\n@media (max-width: 40em) { .a { display: none !important } }',
  }),
  'a film in a page': json({
    html: '<p>Look:</p><iframe width="560" height="315" src="https://films.example/embed/4f2c9a" title="A film" allow="autoplay; clipboard-write" allowfullscreen></iframe>',
  }),
  'a drawing': json({
    icon: '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none"><path d="M3 12h18M3 6h18"/></svg>',
  }),
  'a link up': json({ body: 'See <a href="../b/c.html#d">there</a>, or [here](../b/d.md).' }),
  'a sign-on': form({
    SAMLRequest: Buffer.from(
      '<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="_4f2c9a" Version="2.0" Destination="https://id.example/sso"><saml:Issuer xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">https://shop.example/</saml:Issuer></samlp:AuthnRequest>',
    ).toString('base64'),
    RelayState: 'https://shop.example/a?b=c&d=e',
  }),
  'a redirect within a redirect': asked(
    '/signin?continue=https%3A%2F%2Fid.example%2Fsso%3Fnext%3Dhttps%253A%252F%252Fshop.example%252F%253Fa%253Db%2526c%253Dd',
  ),
  'a report of a policy': json({
    'csp-report': {
      'document-uri': 'https://shop.example/?a=b',
      'violated-directive': "script-src-elem 'self'",
      'original-policy': "default-src 'none'; script-src 'self' 'nonce-abc' 'unsafe-inline'; object-src 'none'",
      'blocked-uri': 'inline',
    },
  }),
  'an error of a database that is reported': json({
    message: 'SQLSTATE[42S02]: Base table or view not found: 1146 Table shop.carts does not exist',
    spans: [{ statement: 'SELECT id, name FROM carts WHERE id = $1 AND gone IS NULL ORDER BY name LIMIT 10' }],
  }),
  'a query of measurements': asked(
    `/api/v1/query?query=${encodeURIComponent('sum by (le) (rate(http_seconds_bucket{job="shop",code!~"5..|4.."}[5m])) > 0.5 or vector(0)')}`,
  ),
  'a search of tickets': asked(
    `/search?jql=${encodeURIComponent(`project = SHOP AND status not in (Closed, "Won't Fix") ORDER BY updated DESC`)}`,
  ),
  'a wish for objects of git': sent(
    'application/x-git-upload-pack-request',
    `0014command=fetch0016agent=git/2.39.5-10001000dthin-pack0032want ${'4f2c9a10'.repeat(5)}\n0009done\n0000`,
  ),
  'settings of a form': json({
    pattern: '^(?:[A-Z]{2}\\d{4}|[a-z]+@[a-z.]+)$',
    cron: '*/5 9-17 * * 1-5',
    path: 'C:\\Users\\Ann\\report.docx',
    glob: 'src/**/*.{ts,tsx}',
    sheet: '=IF(AND(A1>0,B1<>""),SUM(C1:C9),"-")',
  }),
  'a browser that wants one type, with a session of few letters': contextOfJson({
    method: 'POST',
    url: '/sums?type=text%2Fhtml&sum=5%2B3%3D8&other=3*4',
    address: '192.0.2.1',
    headers: [
      ['Host', 'shop.example'],
      ['Accept', 'text/html'],
      ['Content-Type', 'application/json'],
      ['Cookie', 'sid=abc123; theme=dark'],
    ],
    body: JSON.stringify({ mime: 'text/html', sum: '1+1' }),
  }),
  'a crawler': contextOfJson({
    method: 'GET',
    url: '/robots.txt',
    address: '192.0.2.1',
    headers: [['User-Agent', 'Shopbot/1.2 (+https://shop.example/bot.html; bot@shop.example)']],
  }),
}

/** A size of 10' and a frame are what attackers begin with, too: what is told of them alone refuses nobody. */
const observed: ReadonlySet<string> = new Set(['an order as JSON', 'a film in a page'])

for (const [name, context] of Object.entries(honest))
  test(`DET-1 ${name} is let through`, () => {
    const { recommended_action, reasons } = judge(context, 0n)
    assert.equal(recommended_action, observed.has(name) ? 'observe' : 'allow', JSON.stringify(reasons))
  })
