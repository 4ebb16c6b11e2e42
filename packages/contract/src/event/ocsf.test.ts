// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type EventClass, eventClasses } from './classes.ts'
import { openOcsfSchema } from './ocsf-schema.ts'

const root = join(import.meta.dirname, '../../../..')
const schema = join(root, '../shared/ocsf')
const vectors = join(root, 'vectors/events')
const skip = existsSync(schema) ? false : `no OCSF schema at ../shared/ocsf: our events are NOT checked against it`

const events = readdirSync(vectors).map((name) => ({
  name,
  event: JSON.parse(readFileSync(join(vectors, name), 'utf8')) as Record<string, unknown>,
}))

test('there is a golden event for every class and activity we can emit', () => {
  const seen = new Set(events.map(({ event }) => `${event.class_uid} ${event.activity_name}`))
  for (const name of Object.keys(eventClasses) as EventClass[])
    for (const activity of Object.values(eventClasses[name].activities))
      assert(seen.has(`${eventClasses[name].uid} ${activity.name}`), `no vector for ${name} ${activity.name}`)
})

test('every golden event is valid against the OCSF schema', { skip }, async (t) => {
  const faultsOf = openOcsfSchema(schema)
  for (const { name, event } of events) await t.test(name, () => assert.deepEqual(faultsOf(event), []))
})

test('the schema check itself finds faults', { skip }, () => {
  const faultsOf = openOcsfSchema(schema)
  const { event } = events.find(({ name }) => name === 'file-read.json') ?? assert.fail('no vector file-read.json')
  const faults = (change: Record<string, unknown>) => faultsOf({ ...event, ...change })
  assert.deepEqual(faults({ colour: 'red' }), ['/colour is not in the schema'])
  assert.deepEqual(faults({ severity_id: 7 }), ['/severity_id has no value 7'])
  assert.deepEqual(faults({ severity: 'Grave' }), ['/severity_id 2 is called Low, not Grave'])
  assert.deepEqual(faults({ file: { name: 'x' } }), ['/file/type_id is required'])
  assert.deepEqual(faults({ type_uid: 1 }), ['/type_uid must be 100102'])
  assert.deepEqual(faults({ time: '1' }), ['/time must be timestamp_t, not "1"'])
  assert.deepEqual(faults({ actor: { process: { pid: 1, lineage: [] } } }), ['/actor/process/lineage is deprecated'])
  const metadata = { ...(event.metadata as object), profiles: [] }
  assert(faults({ metadata }).includes('/actor/process/euid needs the profile linux/linux_users'))
})
