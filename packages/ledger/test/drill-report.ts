// SPDX-License-Identifier: Apache-2.0

import type { KeyTheftReport, RowDrillReport } from '../src/index.ts'

const time = (second: number) => `2026-11-22T04:00:${String(second).padStart(2, '0')}.000000000Z`
const sent = {
  sender: 'decoy',
  id: 'decoy-1',
  key_id: 'drill-decoy-1',
  rows: 10,
  digest: 'ab'.repeat(32),
  item: 'cd'.repeat(32),
  outcome: 'admitted',
  detail: '',
  told_at: time(2),
} as const

/** Of a drill that failed late: each member holds something. */
export const sampleReport: RowDrillReport = {
  v: 1,
  drill: 'strict-signature',
  run: '0b8f3c52-7a0e-4d0f-9a39-1d2f6f6f8a10',
  tenant: 'drill',
  producer: 'drill-decoy',
  deployment: 'example',
  version: '0.1.0',
  started: time(0),
  finished: time(30),
  outcome: 'failed',
  failure: { code: 'DRILL_NOT_CONSERVED', step: 'conservation', rule: 'nothing is lost', found: 'a row less' },
  alert: 'fired',
  steps: [
    { name: 'cause', outcome: 'passed', from: time(1), took_ms: 900, found: ['rows were sent'], commands: [] },
    { name: 'alert', outcome: 'passed', from: time(4), took_ms: 12_000, found: ['it fires'], commands: [] },
    {
      name: 'replay',
      outcome: 'passed',
      from: time(20),
      took_ms: 400,
      found: [],
      commands: [{ command: 'sealwatch quarantine list', output: 'nothing' }],
    },
    { name: 'conservation', outcome: 'failed', from: time(28), took_ms: 10, found: ['a row less'], commands: [] },
  ],
  sent: [
    sent,
    { ...sent, id: 'decoy-2', outcome: 'quarantined', detail: 'unknown_key', told_at: time(5) },
    { ...sent, sender: 'thief', id: 'decoy-3', told_at: time(6) },
  ],
  counts: { received: 20, admitted: 10, quarantined: 10, refused: 0, duplicate: 0 },
  affected: [{ key_id: 'drill-decoy-1', standing: 'forged', first_leaf: 4, last_leaf: 14, submissions: 1, rows: 10 }],
}

/** Of a drill that one attack was missed in: each member holds something. */
export const sampleKeyTheft: KeyTheftReport = {
  v: 1,
  drill: 'key-theft',
  run: sampleReport.run,
  tenant: 'default',
  deployment: 'example',
  version: '0.1.0',
  started: time(0),
  finished: time(30),
  outcome: 'failed',
  failure: { code: 'DRILL_ATTACK_MISSED', step: 'attacks', rule: 'each is seen', found: 'perf: it was not' },
  steps: [
    { name: 'attacks', outcome: 'failed', from: time(4), took_ms: 900, found: ['perf: it was not'], commands: [] },
  ],
  host: 'ab'.repeat(16),
  decoy: 'drill-1 (pid 4242)',
  attacks: [
    {
      ...{ way: 'vm_read', does: 'process_vm_readv', attacker: 'cron (pid 4300)', at: time(5), outcome: 'passed' },
      ...{ incident: 'inc_1', severity: 'Critical', refused: false, seen_us: 900, killed_us: 4000, bytes: 65_536 },
      ...{ key_before: 1, key_after: 2, requests: 100, requests_failed: 0 },
      leaves: { incident: 7, kill: 8, evict: 9, rotate: 10 },
      missed: [],
    },
    {
      ...{ way: 'perf', does: 'perf_event_open', attacker: 'sshd (pid 4301)', at: time(6), outcome: 'failed' },
      ...{ incident: 'inc_2', severity: 'High', refused: true, seen_us: 800, killed_us: 5000, bytes: 0 },
      ...{ key_before: 2, key_after: 2, requests: 100, requests_failed: 1 },
      leaves: { incident: 11, kill: 12, evict: 13, rotate: 14 },
      missed: ['the decoy ended'],
    },
  ],
  requests: { total: 200, failed: 1, p50_us: 600, p99_us: 2000, quiet_p50_us: 500, quiet_p99_us: 1500 },
}
