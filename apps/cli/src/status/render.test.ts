// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testIo } from '../../test/test-io.ts'
import type { InstanceStatus } from './gather.ts'
import { renderStatus } from './render.ts'

type Server = NonNullable<InstanceStatus['server']>

const vkey = 'd1/root+01234567+AQIDBA=='
const status = (signing: Server['signing']) =>
  ({
    version: '0',
    data: '/var/lib/sealwatch',
    run: '/run/sealwatch/bab5cbf22b2b',
    phase: 'ready',
    pid: 1,
    port: 2,
    joined: null,
    parts: [],
    agent: null,
    sensor: null,
    guard: null,
    queue: [],
    warnings: [],
    server: { trust: { ledgerKeys: [vkey] }, ledgers: [], hosts: [], ingest: { admitted: 4 }, gaps: 0, signing },
  }) as unknown as InstanceStatus

test('LOG-4: every witness is a row, and what they saw is a line of its own', () => {
  const witness = { name: 'w1', url: 'http://w1', size: 7, cosignedAt: null, failing: null }
  const other = { name: 'witness-2', url: 'http://w2', size: null, cosignedAt: null, failing: 'no answer' }
  const signing: Server['signing'] = {
    publishedSize: 7,
    publishedAt: null,
    quorum: 'met',
    problem: null,
    witnesses: [witness, other],
  }
  const text = renderStatus(status(signing), testIo())
  const [, block = ''] = text.split('Witnesses\n')
  assert.deepEqual(block.split('\n').slice(0, 3), [
    '  w1         cosigned 7            http://w1',
    '  witness-2  nothing cosigned yet  no answer',
    '  root ledger published at 7: quorum met',
  ])
})

test('what came in is said to be since the start of the server', () => {
  assert.match(renderStatus(status(undefined), testIo()), /^Ingest {3}admitted 4 \(since the server's start\)$/m)
})

test('where the dashboard and the API are stands in the status', () => {
  const one = status(undefined)
  const server = { ...(one.server as Server), api: 'http://localhost:7444' }
  assert.match(renderStatus({ ...one, server }, testIo()), /^Dashboard and API\n {2}http:\/\/localhost:7444$/m)
})

test('the log key is shown, for that is what others pin', () => {
  assert.match(renderStatus(status(undefined), testIo()), new RegExp(`^Log key  ${RegExp.escape(vkey)}$`, 'm'))
})

test('gaps are counted as people do, with the command that shows them, on the same data', () => {
  const one = status(undefined)
  const gaps = (count: number, data = one.data) =>
    /^Gaps.*$/m.exec(renderStatus({ ...one, data, server: { ...(one.server as Server), gaps: count } }, testIo()))?.[0]
  assert.equal(gaps(0), 'Gaps     0 unknown intervals on record')
  assert.equal(gaps(1), 'Gaps     1 unknown interval on record: sudo ./sealwatch events --class log --since 365d')
  assert.match(gaps(2, '/srv/x') ?? '', /2 unknown intervals .* --data \/srv\/x$/)
})

test('RIM-3 who is protected is named, but for our own', () => {
  const guard = {
    connected: true,
    mode: 'on',
    tier: 'events',
    protected: 12,
    incidents: 0,
    prevent: 'off',
    hands: null,
  }
  const names = (...given: readonly (readonly [string, number])[]) =>
    given.map(([name, processes]) => ({ name, processes }))
  const lineOf = (of: ReturnType<typeof names>) =>
    /^.* 12 processes protected.*$/m.exec(
      renderStatus({ ...status(undefined), guard: { ...guard, names: of } } as unknown as InstanceStatus, testIo()),
    )?.[0]
  assert.match(lineOf(names(['sealwatch-agent', 12])) ?? '', /protected {2}0 open/)
  assert.match(
    lineOf(names(['billing', 2], ['sealwatch-agent', 8], ['vault', 1])) ?? '',
    /, among them billing \(2\), vault {2}/,
  )
  const many = names(...Array.from({ length: 10 }, (_, i) => [`s${i}`, 1] as const))
  assert.match(lineOf(many) ?? '', /s7, 2 more names/)
})
