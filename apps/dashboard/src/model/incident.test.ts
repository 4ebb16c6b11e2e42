// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aboutMoment, lastedOf, type Moment, processTree, titleOf, titleOfIncident, userOf } from './incident.ts'

const named = (pid: number, name: string) => ({ pid, uid: `${pid}:1`, name, path: null, cmd_line: null })
const lineage = (pid: number, name: string, above: readonly [number, string][]) => ({
  ...{ ...named(pid, name), user: null, session: null, container: null, unit: null },
  ancestry: above.map(([of, as]) => ({ ...named(of, as), user_uid: null, started_at: null })),
})
const moment: Moment = {
  ...{ time: '2026-11-23T12:00:00Z', kind: 'act', text: '/proc/9/mem', severity_id: null, way: 'proc_mem_read' },
  ...{ by: '30:1', times: 3, bytes: 4096, error: 'EPERM', step: null, state: null, since_act_ms: null, took_ms: null },
  leaf_index: 1,
}

test('actors with ancestors in common are one tree, each process once; two without are two', () => {
  const above: [number, string][] = [
    [20, 'bash'],
    [1, 'systemd'],
  ]
  const rows = processTree([lineage(30, 'dd', [[25, 'sh'], ...above]), lineage(31, 'gdb', above), lineage(9, 'x', [])])
  assert.deepEqual(
    rows.map(({ depth, process, isActor }) => `${'-'.repeat(depth)}${process.name}${isActor ? '!' : ''}`),
    ['systemd', '-bash', '--sh', '---dd!', '--gdb!', 'x!'],
  )
})

test('a moment says what, how often, how much, and why not', () => {
  assert.equal(titleOf(moment), 'proc mem read')
  assert.equal(aboutMoment(moment), '3 times, 4,096 bytes, refused: EPERM, /proc/9/mem')
  const kill: Moment = { ...moment, kind: 'response', step: 'kill', state: 'dry_run', since_act_ms: 3, text: '' }
  assert.deepEqual([titleOf(kill), aboutMoment(kill)], ['kill dry run', '3 ms after the act'])
})

test('an incident is headed by who began it, how many took part, and whom it was of', () => {
  const actor = { ...lineage(30, 'gdb', []), path: '/usr/bin/gdb' }
  assert.equal(titleOfIncident({ actor, actors: 1, name: 'vault' }), '/usr/bin/gdb reached for vault')
  const others = titleOfIncident({ actor, actors: 4, name: 'machine' })
  assert.equal(others, '/usr/bin/gdb and 3 others weakened what protects the machine')
})

test('a name that is sealed is none, and what took no second lasted none', () => {
  assert.equal(userOf({ uid: '0', name: 'root' }), 'uid 0 root')
  assert.equal(userOf({ uid: '0', name: null }), 'uid 0')
  assert.equal(lastedOf({ opened: moment.time, last: '2026-11-23T12:00:00.5Z' }), 'less than 1 s')
})
