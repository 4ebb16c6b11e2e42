// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { decodeRequest } from './decode/request.ts'
import { basicRules } from './open-judge.ts'
import { loadSecRules } from './seclang/load.ts'
import { contextOfJson } from './wire/json-context.ts'

const filled = (unit: string, kilobytes: number) =>
  unit.repeat(Math.ceil((1_024 * kilobytes) / unit.length)).slice(0, 1_024 * kilobytes)
const prose =
  'We moved the select committee to 4 p.m. <b>Order</b> by price; union and drop-in "sessions" cost 5% more. '
const commands =
  'To list files run ls -la /etc; then cat it | grep x && echo "done" > out.txt, or curl http://a.example/b. '

const sent = (type: string, body: string) =>
  contextOfJson({ method: 'POST', url: '/a', address: '192.0.2.1', headers: [['Content-Type', type]], body })
const form = (text: string) => sent('application/x-www-form-urlencoded', `text=${encodeURIComponent(text)}`)
const json = (members: number) =>
  sent(
    'application/json',
    JSON.stringify(Object.fromEntries(Array.from({ length: members }, (_, i) => [`m${i}`, prose.slice(i % 50, 80)]))),
  )

const ordinary = {
  'prose of 4 KB': form(filled(prose, 4)),
  'commands of 4 KB': form(filled(commands, 4)),
  JSON: json(999),
}
const large = { 'prose of 48 KB': form(filled(prose, 48)) }
const read = (path: string) => readFileSync(path, 'latin1')
/** Without libinjection, whose clock may be late on a busy machine. */
function load(folder: string, setup?: string) {
  const names = readdirSync(folder).filter((name) => name.endsWith('.conf'))
  const texts = names.sort().map((path) => ({ path, text: read(join(folder, path)) }))
  if (setup !== undefined) texts.unshift({ path: setup, text: read(setup) })
  return loadSecRules(texts, { files: (name) => read(join(folder, name)) }).engine
}

const coreRules = '/usr/share/modsecurity-crs/rules'
for (const { name, folder, setup, within, beyond } of [
  { name: 'our basic rules', folder: basicRules, setup: undefined, within: { ...ordinary, ...large }, beyond: {} },
  {
    name: 'the core rule set',
    folder: coreRules,
    setup: '/etc/modsecurity/crs/crs-setup.conf',
    within: ordinary,
    beyond: large,
  },
])
  test(
    `DET-1 by ${name} an ordinary request is judged to its end within what it may cost, and one that is not says so`,
    existsSync(folder) ? {} : { skip: `${folder} is not there` },
    () => {
      const engine = load(folder, setup)
      const all = Object.entries({ ...within, ...beyond })
      assert.deepEqual(
        all.map(([what, context]) => [what, engine.evaluate(context, decodeRequest(context)).isComplete]),
        all.map(([what]) => [what, Object.hasOwn(within, what)]),
      )
    },
  )
