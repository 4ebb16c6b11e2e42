// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type ExplainedCondition, explainRule } from './explain.ts'
import { correlationIn, explainCorrelation } from './explain-correlation.ts'

const folder = join(import.meta.dirname, '../../../rules')
const fileOf = (name: string) => ({ path: `${name}.yml`, text: readFileSync(join(folder, `${name}.yml`), 'utf8') })
/** Those that judge an event by itself: of what comes together the samples are lists. */
const names = readdirSync(folder)
  .flatMap((name) => (name.endsWith('.yml') ? [name.slice(0, -4)] : []))
  .filter((name) => !/^correlation:/m.test(fileOf(name).text))
const sample = (name: string) =>
  JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) as { readonly type_uid: number }

const holdsOf = ({ holds }: ExplainedCondition) => holds

test('DET-3 what an explanation says of its lines adds up to whether the rule fires, for every rule of the program', () => {
  for (const name of names)
    for (const [kind, fires] of [
      ['fires', true],
      ['quiet', false],
    ] as const) {
      const { fires: said, isConcerned, conditions } = explainRule(fileOf(name), { event: sample(`${name}.${kind}`) })
      assert.equal(said, fires, `${name}.${kind}`)
      if (isConcerned) assert.equal(conditions.map(({ condition }) => holdsOf(condition)).includes(true), fires, name)
    }
})

test('DET-3 an explanation tells of each line whether it holds, and what the event has there', () => {
  const explained = explainRule(fileOf('shadow-read'), { event: sample('shadow-read.fires') })
  const lines = explained.selections.flatMap(({ groups }) => groups.flat())
  const held = lines.filter(({ holds }) => holds)
  assert.ok(held.length > 0 && lines.length > held.length)
  for (const { found, field } of held) assert.ok(found.length > 0, field)
  const image = lines.find(({ field, holds }) => field === 'Image' && holds === false)
  assert.deepEqual(
    image?.found.map(({ attribute }) => attribute),
    ['/event/actor/process/file/path'],
    'what is not looked for is told, too',
  )
})

test('DET-3 a personal value is told where it was opened, and is its commitment elsewhere', () => {
  const text = JSON.stringify({
    title: 'by name',
    id: '11111111-1111-1111-1111-111111111111',
    logsource: { category: 'process_creation' },
    detection: { selection: { User: 'ann' }, condition: 'selection' },
  })
  const event = { type_uid: 100701, actor: { process: { user: { name: 'commit:abc' } }, user: { name: 'commit:abc' } } }
  const of = (side?: object) =>
    explainRule({ path: 'x', text }, { event, ...(side && { side: side as never }) }).selections[0]?.groups[0]?.[0]
  const sealed = of()
  assert.deepEqual([sealed?.holds, sealed?.found[0]?.value], [false, 'commit:abc'])
  const opened = of({ [sealed?.found[0]?.attribute ?? '']: { salt: '', value: 'ann' } })
  assert.deepEqual([opened?.holds, opened?.found[0]?.value], [true, 'ann'])
})

test('DET-3 a correlation is told by what has to come together, with each rule that it is about, wherever that stands', () => {
  const burst = fileOf('discovery-burst')
  const id = correlationIn(burst) ?? ''
  const [event] = sample('discovery-burst.fires') as unknown as readonly { readonly type_uid: number }[]
  const { of, ...told } = explainCorrelation([burst], id, event && { event })
  assert.deepEqual(told, {
    id: 'fb85fc18-b798-551d-9c99-0d29ecc89a78',
    title: 'One log-in looked at everything within a minute',
    severity: 'medium',
    kind: 'value_count',
    groupBy: ['HostId', 'LogonId'],
    timespan: '1m',
    condition: { field: 'Image', gte: 7 },
    silences: true,
  })
  assert.deepEqual(
    of.map((one) => [one.id, 'fires' in one && one.fires]),
    [['34ec43ca-66bc-587b-be40-463f479db577', true]],
  )
  const [correlation = '', rule = ''] = burst.text.split(/^---$/m)
  const alone = { path: 'a.yml', text: correlation }
  assert.deepEqual(explainCorrelation([alone, { path: 'b.yml', text: rule }], id, event && { event }), { ...told, of })
  assert.throws(() => explainCorrelation([alone], id), { code: 'RULE_REFERENCE', received: '"tells-of-session"' })
  assert.equal(correlationIn(fileOf('shadow-read')), undefined)
})

test('DET-2 without an event a rule is told alone, and a wrong one as it is left out', () => {
  const { fires, isConcerned, conditions } = explainRule(fileOf('shadow-read'))
  assert.deepEqual(
    [fires, isConcerned, conditions.map(({ condition }) => condition.holds)],
    [undefined, undefined, [undefined]],
  )
  assert.throws(() => explainRule({ path: 'x', text: 'title: x' }), { code: 'RULE_SHAPE' })
})
