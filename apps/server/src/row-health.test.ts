// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { createLog, systemClock } from '@sealwatch/base'
import { createHealth } from '@sealwatch/base/health'
import { createRowBook } from './ingest/index.ts'
import { addRowHealth } from './row-health.ts'
import { labelledMax } from './tenant-labels.ts'
import { perReason, type Reason, reasons } from './trust/index.ts'

const hasPromtool = spawnSync('promtool', ['--version']).status === 0

function room(...tenants: string[]) {
  const waiting = new Map<string, Record<Reason, number>>()
  const health = createHealth({
    component: 'test',
    version: '1',
    clock: systemClock,
    log: createLog('test', () => undefined, systemClock.nowMs),
  })
  const rowBook = createRowBook()
  const loose = new Set<string>()
  const isStrict = (tenant: string) => !loose.has(tenant)
  const room = new Map<string, { items: number; bytes: number; max: { items: number; bytes: number } }>()
  const ended = new Map<string, { admitted: number; duplicate: number }>()
  const unkept = new Map<string, { leaf: number; text: string }>()
  addRowHealth(health, { ledgers: { tenants }, rowBook, quarantine: { waiting, room, ended }, unkept, isStrict })
  const read = () => health.metrics.text().split('\n')
  const figure = (series: string) => {
    const line = read().find((one) => one.startsWith(`${series} `))
    return line === undefined ? undefined : Number(line.slice(series.length + 1))
  }
  return {
    rowBook,
    waiting,
    room,
    ended,
    unkept,
    loose,
    read,
    figure,
    liveness: () => health.liveness() as Record<string, unknown>,
    health,
  }
}

test('ING-7 every series of a tenant is there before anything happens: a rise from nothing is no rise', () => {
  const { figure } = room('acme', 'globex')
  for (const tenant of ['acme', 'globex']) {
    for (const outcome of ['received', 'admitted', 'refused', 'duplicate'])
      assert.equal(figure(`sealwatch_ingest_rows_${outcome}_total{tenant="${tenant}"}`), 0)
    for (const reason of reasons)
      assert.equal(figure(`sealwatch_ingest_rows_quarantined_total{tenant="${tenant}",reason="${reason}"}`), 0)
    assert.equal(figure(`sealwatch_conservation_broken{tenant="${tenant}"}`), 0)
  }
})

test('ING-7 rows are counted by tenant, and those that fail by reason and key', () => {
  const { rowBook, figure } = room('acme')
  rowBook.arrive('acme', 5)('admitted', 5)
  rowBook.arrive('acme', 2)('duplicate', 2)
  rowBook.arrive('acme', 1)('refused', 1)
  rowBook.arrive('acme', 4)({ reason: 'key_expired', keyId: 'k"1\n' }, 4)
  rowBook.arrive('globex', 9)({ reason: 'unknown_key', keyId: undefined }, 9)
  assert.equal(figure('sealwatch_ingest_rows_received_total{tenant="acme"}'), 12)
  assert.equal(figure('sealwatch_ingest_rows_quarantined_total{tenant="acme",reason="key_expired"}'), 4)
  assert.equal(figure('sealwatch_signature_rejects_total{tenant="acme",reason="key_expired",key="k\\"1\\n"}'), 4)
  assert.equal(figure('sealwatch_signature_rejects_total{tenant="globex",reason="unknown_key",key="none"}'), 9)
  assert.equal(figure('sealwatch_conservation_broken{tenant="acme"}'), 0)
})

test('ING-3 what is admitted though it failed verification is counted under the names that the requirements give', () => {
  const { rowBook, loose, figure } = room('acme', 'globex')
  assert.equal(figure('unknown_key_admitted_total{tenant="acme"}'), 0)
  assert.equal(figure('sealwatch_strict_signatures{tenant="acme"}'), 1)
  loose.add('acme')
  rowBook.arrive('acme', 3)({ reason: 'unknown_key', keyId: 'k', isAdmitted: true }, 3)
  rowBook.arrive('acme', 2)({ reason: 'invalid_signature', keyId: 'k', isAdmitted: true }, 2)
  assert.equal(figure('unknown_key_admitted_total{tenant="acme"}'), 3)
  assert.equal(figure('invalid_signature_admitted_total{tenant="acme"}'), 2)
  assert.equal(figure('unknown_key_admitted_total{tenant="globex"}'), 0)
  assert.equal(figure('sealwatch_ingest_rows_unverified_total{tenant="acme",reason="invalid_signature"}'), 2)
  assert.equal(figure('sealwatch_ingest_rows_admitted_total{tenant="acme"}'), 5)
  assert.equal(figure('sealwatch_ingest_rows_quarantined_total{tenant="acme",reason="unknown_key"}'), 0)
  assert.equal(figure('sealwatch_signature_rejects_total{tenant="acme",reason="unknown_key",key="k"}'), 3)
  assert.equal(figure('sealwatch_conservation_broken{tenant="acme"}'), 0)
  assert.deepEqual(
    ['acme', 'globex'].map((tenant) => figure(`sealwatch_strict_signatures{tenant="${tenant}"}`)),
    [0, 1],
  )
})

test('ING-7 what waits in quarantine is shown by tenant and reason', () => {
  const { waiting, figure } = room('acme', 'globex')
  waiting.set('acme', { ...perReason(() => 0), key_expired: 7 })
  assert.equal(figure('sealwatch_quarantine_waiting{tenant="acme",reason="key_expired"}'), 7)
  assert.equal(figure('sealwatch_quarantine_waiting{tenant="acme",reason="unknown_key"}'), 0)
  assert.equal(figure('sealwatch_quarantine_waiting{tenant="globex",reason="key_expired"}'), 0)
})

test('conservation holds while rows are under way, and is broken by one that is lost, or counted twice', () => {
  const { rowBook, figure, liveness } = room('acme')
  const broken = () => figure('sealwatch_conservation_broken{tenant="acme"}')
  const count = rowBook.arrive('acme', 10)
  assert.equal(broken(), 0, 'under way')
  count('admitted', 9)
  assert.deepEqual([broken(), liveness().status], [1, 'critical'])
  assert.deepEqual(liveness().conservation, {
    level: 'critical',
    broken: [{ tenant: 'acme', missing: 1 }],
    quarantine: [],
  })
  rowBook.arrive('acme', 1)('duplicate', 3)
  assert.equal(rowBook.missing('acme'), -1)
  assert.equal(broken(), 1)
})

test('ING-7 ten thousand unknown keys of each of a thousand tenants stay within bounds', {
  skip: !hasPromtool && 'no promtool here',
}, () => {
  const { rowBook, read, health } = room()
  for (let tenant = 0; tenant < 1_000; tenant++)
    for (let key = 0; key < (tenant < 3 ? 10_000 : 120); key++)
      rowBook.arrive(`t-${tenant}`, 1)({ reason: 'unknown_key', keyId: `made-up-${key}` }, 1)
  const rejects = read().filter((line) => line.startsWith('sealwatch_signature_rejects_total{'))
  assert.equal(rejects.length, (labelledMax + 1) * 101)
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: health.metrics.text() })
  assert.equal(status, 0, `${stdout}${stderr}`)
})

test('conservation is broken where what lies in quarantine is not what the ledger says, until it is put right', () => {
  const { unkept, figure, liveness } = room('acme', 'globex')
  const found = { leaf: 7, text: 'its bytes are gone' }
  unkept.set('acme', found)
  assert.equal(figure('sealwatch_conservation_broken{tenant="acme"}'), 1)
  assert.equal(figure('sealwatch_conservation_broken{tenant="globex"}'), 0)
  const { conservation, status } = liveness()
  assert.deepEqual(
    [status, conservation],
    ['critical', { level: 'critical', broken: [], quarantine: [{ tenant: 'acme', ...found }] }],
  )
  unkept.delete('acme')
  assert.equal(figure('sealwatch_conservation_broken{tenant="acme"}'), 0)
})

test('ING-6 health names whose quarantine is full', () => {
  const { room: taken, figure, liveness } = room('acme', 'globex')
  const max = { items: 3, bytes: 100 }
  taken.set('acme', { items: 2, bytes: 99, max })
  assert.deepEqual(liveness().quarantine, { level: 'ok', full: [] })
  assert.equal(figure('sealwatch_quarantine_items{tenant="acme"}'), 2)
  assert.equal(figure('sealwatch_quarantine_bytes{tenant="globex"}'), 0)
  for (const full of [
    { items: 3, bytes: 5 },
    { items: 1, bytes: 100 },
  ]) {
    taken.set('acme', { ...full, max })
    assert.deepEqual(liveness().quarantine, { level: 'warning', full: ['acme'] })
  }
})
