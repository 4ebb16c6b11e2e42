// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { JsonObject } from '@sealwatch/base'
import type { Entry } from './entry.ts'
import { incidentDetail, incidentLimits, incidentSummary, incidentTimeline } from './incident.ts'

const vectors = join(import.meta.dirname, '../../../../../vectors/events')
const vector = (name: string) => JSON.parse(readFileSync(join(vectors, `${name}.json`), 'utf8')) as JsonObject
const openedMs = Date.parse('2026-09-21T14:14:50Z')
const web = { id: '4f'.repeat(16), name: 'web-1' }

const entryAt = (leaf: number, event: JsonObject): Entry => {
  const timeMs = event.time as number
  const time = new Date(timeMs).toISOString().replace('Z', '000000Z')
  const json = { chain: 'c', seq: leaf, time, event }
  const plain = { line: new Uint8Array(), own: false, mark: null, hosts: () => [], text: () => '', kind: 'event' }
  return {
    ...{ ...plain, leaf, timeMs, json, event, host: web, classUid: 2004, activityId: 1 },
    severityId: event.severity_id as number,
  }
}
const told = ['guard-incident-opened', 'guard-incident-updated', 'guard-killed', 'guard-incident-closed'].map(
  (name, i) => entryAt(10 + i, vector(name)),
)

test('RIM-2: an incident is told as one, with who, what was reached, what was done about it, and the lines of each', () => {
  const detail = incidentDetail(told, openedMs + 40_000) ?? assert.fail()
  const { incident, state, cause, severity_id, name, host, actor, target, lineages, reached, readers } = detail
  assert.deepEqual(
    { incident, state, cause, severity_id, name, host },
    { incident: 'inc_0123456789abcdef', state: 'closed', cause: 'stopping', severity_id: 5, name: 'vault', host: web },
  )
  assert.deepEqual([actor?.path, actor?.user], ['/tmp/renamed', { uid: '0', name: 'root' }])
  assert.equal(target?.path, '/usr/sbin/keyservice')
  assert.deepEqual(
    lineages.map(({ uid, ancestry }) => [uid, ancestry.map(({ name: of }) => of)]),
    [['1300:89000000000', ['bash', 'systemd']]],
  )
  assert.deepEqual(
    reached.map(({ way, count, bytes, refused }) => [way, count, bytes, refused]),
    [
      ['ptrace_seize', 1, null, 0],
      ['vm_read', 9, 4096, 1],
      ['memory_descriptor_passed', 1, null, 0],
    ],
  )
  assert.deepEqual(
    readers.map(({ name: of }) => of),
    ['second'],
  )
  assert.deepEqual(
    detail.responses.map(({ step, state: of, since_act_ms, leaf_index }) => [step, of, since_act_ms, leaf_index]),
    [['kill', 'done', 3, 12]],
  )
  const timeline = incidentTimeline(told)
  assert.deepEqual(
    timeline.map(({ kind, way, leaf_index }) => [kind, way, leaf_index]),
    [
      ['opened', null, 10],
      ['act', 'ptrace_seize', 10],
      ['response', null, 12],
      ['act', 'memory_descriptor_passed', 11],
      ['closed', null, 13],
    ],
  )
})

test('RIM-5: what was done stands beside what rests, until that is ordered in its turn', () => {
  const killed = vector('guard-killed')
  const response = (leaf: number, step: string, state: string) =>
    entryAt(leaf, { ...killed, unmapped: { guard_response: { incident: 'inc_0123456789abcdef', step, state } } })
  const opened = told.slice(0, 1)
  const shown = (...lines: Entry[]) =>
    incidentSummary([...opened, ...lines], openedMs)?.responses.map(({ step, state }) => `${step} ${state}`)
  const done = [response(11, 'evict', 'ordered'), response(12, 'evict', 'done')]
  const rests = response(13, 'evict', 'resting')
  assert.deepEqual(shown(...done, rests), ['evict done', 'evict resting'])
  assert.deepEqual(shown(response(11, 'evict', 'ordered'), rests, response(14, 'evict', 'done')), [
    'evict done',
    'evict resting',
  ])
  assert.deepEqual(shown(...done, rests, response(14, 'evict', 'ordered')), ['evict ordered'])
})

test('RIM-2: who acted is named by number where the name is sealed', () => {
  const opened = vector('guard-incident-opened')
  const actor = { ...(opened.actor as JsonObject), user: { uid: '1000', name: `commit:${'0'.repeat(64)}` } }
  const summary = incidentSummary([entryAt(10, { ...opened, actor })], openedMs)
  assert.deepEqual(summary?.actor?.user, { uid: '1000', name: null })
})

test('an incident that nobody closed is open while its guard tells of it, and not heard of after', () => {
  const open = told.slice(0, 3)
  const lastMs = open.at(-1)?.timeMs ?? 0
  assert.equal(incidentSummary(open, lastMs + incidentLimits.unheardMs)?.state, 'open')
  assert.equal(incidentSummary(open, lastMs + incidentLimits.unheardMs + 1)?.state, 'unheard')
  assert.equal(incidentSummary(told, lastMs + 10 * incidentLimits.unheardMs)?.state, 'closed')
})

test('an agent that was away meanwhile stands in the incident', () => {
  const agent_away = '2026-09-21T14:14:51.000000000Z'
  const closed = vector('guard-incident-closed')
  const unmapped = closed.unmapped as JsonObject
  const guard_incident = { ...(unmapped.guard_incident as JsonObject), agent_away }
  const entries = [...told.slice(0, 3), entryAt(13, { ...closed, unmapped: { guard_incident } })]
  assert.equal(incidentSummary(entries, openedMs)?.agent_away, agent_away)
  assert.deepEqual(
    incidentTimeline(entries).flatMap(({ kind, time }) => (kind === 'agent_away' ? [time] : [])),
    [agent_away],
  )
})

test('POL-1: what a host made up is left out, and nothing of it is an error', () => {
  const opened = vector('guard-incident-opened')
  const odd: readonly JsonObject[] = [
    { ...opened, unmapped: { guard_incident: 'x' } },
    { ...opened, unmapped: { guard_incident: { incident: 1, name: {}, way: [] } } },
    { ...opened, actor: { process: [] }, evidences: {}, unmapped: { guard_incident: {} } },
  ]
  for (const event of odd) assert.equal(incidentDetail([entryAt(1, event)], 0), undefined)
  const rows = [null, { time: 'yesterday', way: 'x' }, { time: '2026-09-21T14:14:50Z', way: 5 }]
  const reached = { a: null, b: { count: -1 }, c: { count: 1, bytes: 'many', first: 'x' } }
  const guard_incident = { incident: 'i', name: 'n', way: 'w', rows, reached, readers: [1, {}], acts: 1e300 }
  const event = { ...opened, actor: { process: { pid: -1, session: 3, container: {} } }, unmapped: { guard_incident } }
  const detail = incidentDetail([entryAt(1, event)], 0) ?? assert.fail()
  assert.deepEqual(detail.reached, [{ way: 'c', count: 1, bytes: null, refused: 0, first: null, last: null }])
  assert.deepEqual([detail.acts, detail.actor?.pid, detail.readers.length], [0, null, 1])
  assert.deepEqual(
    incidentTimeline([entryAt(1, event)]).map(({ kind }) => kind),
    ['opened'],
  )
})
