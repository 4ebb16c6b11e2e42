// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { canonicalize, type JsonObject } from '@sealwatch/base'
import { limits } from '@sealwatch/contract'
import { sampleContext } from '../observe/sample-observations.ts'
import { incidentRecord } from './events.ts'
import { createIncidents, incidentLimits } from './incident.ts'
import { actAt, sampleAct, thief } from './sample-acts.ts'
import { sampleGuardEvents } from './sample-events.ts'
import { techniqueNumber, type Way, ways } from './ways.ts'

const vectors = join(import.meta.dirname, '../../../../vectors/events')

test('what the guard seals is what the golden events say', () => {
  for (const [name, event] of Object.entries(sampleGuardEvents()))
    assert.deepEqual(event, JSON.parse(readFileSync(join(vectors, `${name}.json`), 'utf8')), name)
})

test('RIM-2 an incident fits one line, however many acted in whatever way with whatever names', () => {
  const hostile = '\u0001'.repeat(4_000)
  const incidents = createIncidents(() => 'inc_1')
  const context = sampleContext()
  const lines: number[] = []
  const all = Object.keys(ways) as Way[]
  let nowNs = actAt
  for (let i = 0; i < 400; i += 1) {
    nowNs += 20_000_000n
    const actor = { ...thief, pid: 3_000 + i, comm: hostile.slice(0, 16), exe: hostile }
    const reader = { pid: 9_000 + i, startNs: nowNs, comm: hostile.slice(0, 16), ppid: 1 }
    const change = { actor, reader, detail: hostile.slice(0, 256), timeNs: nowNs, lastNs: nowNs, bytes: 2 ** 40 }
    for (const news of incidents.take(sampleAct(all[i % all.length] as Way, change), nowNs)) {
      if (news.kind === 'joined') continue
      assert(news.fresh.length <= incidentLimits.eventRowsMax)
      const event = incidentRecord(nowNs, news, context).event as unknown as JsonObject
      lines.push(
        Buffer.byteLength(canonicalize({ event, chain: 'f'.repeat(32), prev: 'f'.repeat(64), seq: 2 ** 53, v: 1 })),
      )
    }
  }
  assert(lines.length > 8)
  assert(Math.max(...lines) <= limits.lineBytesMax - 1_024, `${Math.max(...lines)} bytes`)
})

test('RIM-2 the message says who did the gravest act, and who was last', () => {
  const incidents = createIncidents(() => 'inc_1')
  incidents.take(sampleAct('proc_mem_read'), actAt)
  const ps = { ...thief, pid: 4_000, exe: '/usr/bin/ps' }
  const [news] = incidents.take(sampleAct('environ_read', { actor: ps }), actAt + 1n)
  assert(news !== undefined && news.kind !== 'joined')
  const { message, actor } = incidentRecord(actAt + 1n, news, sampleContext()).event
  assert.match(message, new RegExp(`^${thief.exe} \\(pid ${thief.pid}\\) opened for reading the memory of vault`))
  assert.match(message, /; last \/usr\/bin\/ps \(pid 4000\) read the environment of it$/)
  assert.match(message, /; 2 acts in all by 2 processes: proc_mem_read, environ_read; /)
  assert.equal('process' in actor && actor.process.pid, 4_000)
})

test('RIM-2 what concerns all is said of the machine', () => {
  const incidents = createIncidents(() => 'inc_1')
  const [news] = incidents.take(sampleAct('protection_weakened', { aim: 'machine' }), actAt)
  assert(news !== undefined && news.kind !== 'joined')
  const { message } = incidentRecord(actAt, news, sampleContext()).event
  assert.match(message, / weakened what protects the machine$/)
})

test('docs/formats/event.md says of each way what the table says', () => {
  const text = readFileSync(join(vectors, '../../docs/formats/event.md'), 'utf8')
  const due = Object.entries(ways).map(([way, { severity, did }]) => [way, severity, techniqueNumber(way as Way), did])
  const rows = [...text.matchAll(/^\| `(\w+)` \| (\w+) \| (T[\d.]+) \| (.+?) \|$/gm)].map((row) => row.slice(1))
  assert.deepEqual(rows, due)
})
