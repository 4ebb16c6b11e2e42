// SPDX-License-Identifier: Apache-2.0
// Nothing in a standard rule is idle: whatever is taken out of its detection changes what is said of one of its samples.

import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseAllDocuments, stringify } from 'yaml'
import { judged, loadRules } from './index.ts'

const folder = join(import.meta.dirname, '../../../rules')
const json = (name: string): unknown => JSON.parse(readFileSync(join(folder, name), 'utf8'))

type Event = { readonly type_uid: number }
/** Of the sample that fires: members that are set otherwise, by their path, and whether the rule still does. Several events are a list. */
type Case = { readonly fires: boolean; readonly with: Readonly<Record<string, unknown>> }
type Expected = { readonly events: Event | readonly Event[]; readonly fires: boolean }
type Search = Readonly<Record<string, unknown>>
type Detection = { readonly condition: string } & Readonly<Record<string, unknown>>
type Correlation = { readonly 'group-by': readonly string[]; readonly condition: Readonly<Record<string, unknown>> }
type Document = { readonly detection?: Detection; readonly correlation?: Correlation }
type Mutant = { readonly what: string; readonly document: Document }

const names = readdirSync(folder)
  .filter((path) => path.endsWith('.yml'))
  .map((path) => path.replace('.yml', ''))

test('DET-2 no item of a standard rule is idle: without any one of them some sample of it is judged otherwise', async (t) => {
  for (const name of names)
    await t.test(name, () => {
      const text = readFileSync(join(folder, `${name}.yml`), 'utf8')
      const samples = samplesOf(name)
      assert.deepEqual(wrongIn(text, samples), [], 'the rule itself')
      const documents = parseAllDocuments(text).map((document) => document.toJS() as Document)
      const idle = documents.flatMap((one, at) =>
        mutantsOf(one)
          .filter(
            ({ document }) =>
              wrongIn(
                documents
                  .with(at, document)
                  .map((all) => stringify(all))
                  .join('---\n'),
                samples,
              ).length === 0,
          )
          .map(({ what }) => what),
      )
      assert.deepEqual(idle, [])
    })
})

test('DET-2 the cases of a standard rule are of a rule that is there', () => {
  assert.notEqual(names.length, 0)
  for (const path of readdirSync(folder).filter((path) => path.endsWith('.cases.json')))
    assert(existsSync(join(folder, path.replace('.cases.json', '.yml'))), path)
})

function samplesOf(name: string): readonly Expected[] {
  const fires = json(`${name}.fires.json`) as Event
  const cases = (json(`${name}.cases.json`) as readonly Case[]).map((one) => ({
    events: Object.entries(one.with).reduce(
      (event, [path, value]) => changed(event, path.split('/'), value) as Event,
      fires,
    ),
    fires: one.fires,
  }))
  return [{ events: fires, fires: true }, { events: json(`${name}.quiet.json`) as Event, fires: false }, ...cases]
}

/** The samples of which the rule does not say what is expected, by their number. */
function wrongIn(text: string, samples: readonly Expected[]): readonly number[] {
  const { ruleset, problems } = loadRules([{ path: 'rule.yml', text }])
  assert.deepEqual(problems, [])
  const isRight = ({ events, fires }: Expected) =>
    judged(
      ruleset,
      [events].flat().map((event) => ({ event })),
    ).length >
      0 ===
    fires
  return samples.flatMap((one, index) => (isRight(one) ? [] : [index]))
}

function mutantsOf(document: Document): readonly Mutant[] {
  const { detection, correlation } = document
  return [
    ...(detection
      ? detectionsOf(detection).map(({ what, to }) => ({ what, document: { ...document, detection: to } }))
      : []),
    ...(correlation
      ? correlationsOf(correlation).map(({ what, to }) => ({ what, document: { ...document, correlation: to } }))
      : []),
  ]
}

/** It asks for one more and for one less, in any time; each of what it groups by is left out. */
function correlationsOf(correlation: Correlation): readonly { readonly what: string; readonly to: Correlation }[] {
  const { condition, 'group-by': groupBy } = correlation
  const asking = (gte: number) => ({ ...correlation, condition: { ...condition, gte } })
  return [
    { what: 'one less', to: asking((condition.gte as number) - 1) },
    { what: 'one more', to: asking((condition.gte as number) + 1) },
    { what: 'in any time', to: { ...correlation, timespan: '30d' } as Correlation },
    ...groupBy.map((name) => ({
      what: `not grouped by ${name}`,
      to: { ...correlation, 'group-by': groupBy.filter((one) => one !== name) },
    })),
  ]
}

/** Each search answers always, and never; each of its items is left out, and each value of a list. */
function detectionsOf(detection: Detection): readonly { readonly what: string; readonly to: Detection }[] {
  const searches = Object.entries(detection).filter(([name]) => name !== 'condition')
  return searches.flatMap(([name, search]) => {
    const mutant = (what: string, to: unknown) => ({ what: `${name} ${what}`, to: { ...detection, [name]: to } })
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
  return Array.isArray(value) ? Object.assign([...value], { [member]: next }) : { ...inner, [member]: next }
}
