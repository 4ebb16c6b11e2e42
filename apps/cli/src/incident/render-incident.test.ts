// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Operations } from '@sealwatch/contract/api'
import type { Io } from '../io.ts'
import { processTree } from './process-tree.ts'
import { aimOf, lengthOf, renderIncident, whoOf } from './render-incident.ts'

type Answer = Operations['getIncident']['answer']
const io = { color: false } as Io
const place = { data: '/var/lib/sealwatch', given: false } as never
const time = '2026-11-23T12:00:00.000000000Z'
const processNamed = (pid: number, name: string) => ({ pid, uid: `${pid}:1`, name, path: null })
const lineage = (pid: number, name: string, above: readonly [number, string][]) => ({
  ...processNamed(pid, name),
  ...{ cmd_line: null, user: { uid: '0', name: 'root' }, session: '7', container: null, unit: null },
  ancestry: above.map(([of, as]) => ({
    ...{ ...processNamed(of, as), cmd_line: null, user_uid: null, started_at: null },
  })),
})

test('actors that have ancestors in common are one tree, each process once', () => {
  const above = [
    [20, 'bash'],
    [1, 'systemd'],
  ] as const
  const rows = processTree([
    lineage(30, 'dd', [[25, 'sh'], ...above] as [number, string][]),
    lineage(31, 'gdb', [...above] as [number, string][]),
    lineage(25, 'sh', [...above] as [number, string][]),
  ])
  assert.deepEqual(
    rows.map(({ depth, process, isActor }) => `${'-'.repeat(depth)}${process.name}${isActor ? '!' : ''}`),
    ['systemd', '-bash', '--sh!', '---dd!', '--gdb!'],
  )
})

test('an incident names whom it is of, and how many took part', () => {
  const actor = lineage(30, 'gdb', [])
  assert.equal(whoOf({ actor, actors: 1 }), 'gdb (pid 30)')
  assert.equal(whoOf({ actor, actors: 2 }), 'gdb (pid 30) and 1 other')
  assert.equal(whoOf({ actor, actors: 4 }), 'gdb (pid 30) and 3 others')
  const after = (ms: string) => lengthOf({ opened: time, last: time.replace('.000000000', ms) })
  assert.deepEqual([after('.006'), after('.6')], ['6 ms', '0.6 s'])
  assert.deepEqual([aimOf({ name: 'machine' }), aimOf({ name: 'vault' })], ['the machine', 'vault'])
})

test('what an attacker named itself does nothing to a terminal, and who, what and proof are told', () => {
  const hostile = 'reader\u001b[2J\n\u202Ex'
  const actor = lineage(30, hostile, [[1, 'systemd']])
  const moment = {
    ...{ text: hostile, severity_id: null, way: 'proc_mem_read', by: '30:1', times: 2, bytes: 4096, error: null },
    ...{ step: null, state: null, since_act_ms: null, took_ms: null, leaf_index: 7 },
  }
  const answer: Answer = {
    incident: {
      ...{ incident: 'inc_1', state: 'closed', cause: 'gone', severity_id: 5, name: 'vault', way: 'proc_mem_read' },
      ...{ technique: 'T1003.007', message: hostile, opened: time, last: time, acts: 2, actors: 1 },
      ...{ host: { id: '4f'.repeat(16), name: hostile }, actor, target: processNamed(9, 'vault'), agent_away: time },
      responses: [
        {
          ...{ time, step: 'kill', state: 'done', suspect: processNamed(30, hostile), detail: hostile },
          ...{ since_act_ms: 3, took_ms: 1, leaf_index: 8 },
        },
      ],
      ...{ first_leaf: 7, last_leaf: 9, readers: [], lineages: [actor], more_acts: 3 },
      reached: [{ way: 'proc_mem_read', count: 2, bytes: 4096, refused: 0, first: time, last: time }],
    },
    timeline: [
      { ...moment, time, kind: 'act' },
      { ...moment, time, kind: 'response', step: 'kill', state: 'done', since_act_ms: 3 },
      { ...moment, time, kind: 'closed' },
    ],
    evidence: Array.from({ length: 9 }, (_, i) => ({
      ...{
        leaf_index: 7 + i,
        leaf_hash: 'a'.repeat(64),
        time,
        code: 'guard_incident_opened',
        proof: 'published' as const,
      },
      mark: null,
    })),
    lines_left_out: 2,
  }
  const text = renderIncident(answer, io, place)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what must not be there.
  assert.doesNotMatch(text, /[\u001b\u202e]/)
  assert.match(text, /Somebody reached for vault {2}T1003\.007/)
  assert.match(text, /proc mem read +2 times +4096 bytes/)
  assert.match(text, /kill done +pid 30 +3 ms after the act/)
  assert.match(text, /no agent took what the guard sealed from 2026-11-23 12:00:00/)
  assert.match(text, /and 3 acts that no row tells/)
  assert.match(text, /and 3 more lines/)
  assert.match(text, /audit export --incident inc_1 -o /)
})
