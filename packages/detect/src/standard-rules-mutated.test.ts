// SPDX-License-Identifier: Apache-2.0
// Nothing in a standard rule is idle: whatever is taken out of its detection changes what is said of one of its samples.

import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse, stringify } from 'yaml'
import { evaluate, loadRules } from './index.ts'

const folder = join(import.meta.dirname, '../../../rules')
const json = (name: string): unknown => JSON.parse(readFileSync(join(folder, name), 'utf8'))

type Event = { readonly type_uid: number }
/** Of the sample that fires: members that are set otherwise, by their path, and whether the rule still does. */
type Case = { readonly fires: boolean; readonly with: Readonly<Record<string, unknown>> }
type Expected = { readonly event: Event; readonly fires: boolean }
type Search = Readonly<Record<string, unknown>>
type Detection = { readonly condition: string } & Readonly<Record<string, unknown>>
type Mutant = { readonly what: string; readonly detection: Detection }

const names = readdirSync(folder)
  .filter((path) => path.endsWith('.cases.json'))
  .map((path) => path.replace('.cases.json', ''))

test('DET-2 no item of a standard rule is idle: without any one of them some sample of it is judged otherwise', async (t) => {
  for (const name of names)
    await t.test(name, () => {
      const text = readFileSync(join(folder, `${name}.yml`), 'utf8')
      const samples = samplesOf(name)
      assert.deepEqual(wrongIn(text, samples), [], 'the rule itself')
      const rule = parse(text) as { readonly detection: Detection }
      const idle = mutantsOf(rule.detection).filter(
        ({ detection }) => wrongIn(stringify({ ...rule, detection }), samples).length === 0,
      )
      assert.deepEqual(
        idle.map(({ what }) => what),
        [],
      )
    })
})

test('DET-2 the cases of a standard rule are of a rule that is there', () => {
  assert.notEqual(names.length, 0)
  for (const name of names) assert(existsSync(join(folder, `${name}.yml`)), name)
})

function samplesOf(name: string): readonly Expected[] {
  const fires = json(`${name}.fires.json`) as Event
  const cases = (json(`${name}.cases.json`) as readonly Case[]).map((one) => ({
    event: Object.entries(one.with).reduce(
      (event, [path, value]) => changed(event, path.split('/'), value) as Event,
      fires,
    ),
    fires: one.fires,
  }))
  return [{ event: fires, fires: true }, { event: json(`${name}.quiet.json`) as Event, fires: false }, ...cases]
}

/** The samples of which the rule does not say what is expected, by their number. */
function wrongIn(text: string, samples: readonly Expected[]): readonly number[] {
  const { ruleset, problems } = loadRules([{ path: 'rule.yml', text }])
  assert.deepEqual(problems, [])
  return samples.flatMap(({ event, fires }, index) => (evaluate(ruleset, event).length > 0 === fires ? [] : [index]))
}

/** Each search answers always, and never; each of its items is left out, and each value of a list. */
function mutantsOf(detection: Detection): readonly Mutant[] {
  const searches = Object.entries(detection).filter(([name]) => name !== 'condition')
  return searches.flatMap(([name, search]) => {
    const mutant = (what: string, to: unknown) => ({ what: `${name} ${what}`, detection: { ...detection, [name]: to } })
    const items = Object.entries(search as Search)
    const field = items[0]?.[0].split('|')[0] as string
    const always = [{ [`${field}|exists`]: true }, { [`${field}|exists`]: false }]
    const never = { [`${field}|exists`]: true, [`${field}|re`]: 'a^' }
    return [
      mutant('is always so', always),
      mutant('is never so', never),
      ...items.flatMap(([item, values]) => [
        ...(items.length > 1 ? [mutant(`without ${item}`, without(search as Search, item))] : []),
        ...(Array.isArray(values) && values.length > 1
          ? values.map((value) =>
              mutant(`without ${item} ${value}`, {
                ...(search as Search),
                [item]: values.filter((one) => one !== value),
              }),
            )
          : []),
      ]),
    ]
  })
}

const without = (search: Search, item: string) =>
  Object.fromEntries(Object.entries(search).filter(([name]) => name !== item))

function changed(value: unknown, [member, ...rest]: readonly string[], to: unknown): unknown {
  if (member === undefined) return to
  const inner = (value ?? {}) as Readonly<Record<string, unknown>>
  const next = changed(inner[member], rest, to)
  return Array.isArray(value) ? value.with(Number(member), next) : { ...inner, [member]: next }
}
