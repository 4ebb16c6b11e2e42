// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { testIo } from '../../test/test-io.ts'
import { type InstanceStatus, warningsOf } from '../status/gather.ts'
import { renderStatus } from '../status/render.ts'
import { checkInstance } from './checks.ts'
import { renderRows } from './row.ts'

const root = join(import.meta.dirname, '../../../..')
const nowMs = Date.UTC(2026, 0, 1)
const site = { attached: true, reason: '', produced: '1', dropped: '0', sent: '1', shed: '0' }
const hardening = { applied: ['places'], missing: [] }
const guarded = {
  connected: true,
  mode: 'on',
  tier: 'events',
  protected: 3,
  incidents: 0,
  kill: 'dry-run',
  prevent: 'off',
  preventsNothing: 'the LSM of BPF is not there',
  hands: { connected: true, orderUntil: null, refused: null },
  configVersion: 1,
  refused: null,
} as const
const good: InstanceStatus = {
  version: '0.1.0',
  data: '/',
  run: '/run/x',
  port: 1,
  joined: null,
  pid: 1,
  started: '2026-01-01T00:00:00Z',
  phase: 'ready',
  parts: [{ name: 'agent', pid: 2, uptimeMs: 5, restarts: 0, lastExit: null }],
  sensor: {
    connected: true,
    version: '1',
    era: 'e',
    kernel: '6',
    modes: { process: 'ebpf', file: 'ebpf', network: 'none' },
    unseen: [],
    sites: { exec: site },
  },
  agent: {
    state: 'registered',
    hostId: 'h',
    trouble: null,
    health: 'http://127.0.0.1:7',
    hardening,
    gaps: 0,
    baseline: null,
  },
  guard: guarded,
  queue: [{ tenant: 'default', chain: 'c', writer: 'agent', toSeal: 0, sealed: 9, acknowledged: 8, depth: 1 }],
  server: {
    time: new Date(nowMs).toISOString(),
    deployment: 'd',
    agents: { address: '127.0.0.1', port: 1 },
    health: 'http://127.0.0.1:7',
    trust: { deployment: 'd', ledgerKeys: [], caFingerprint: '' },
    ledgers: [],
    hosts: [],
    chains: [{ chain: 'c', tenant: 'default', hostId: 'h', nextSeq: 8 }],
    ingest: { received: 1, admitted: 1, quarantined: 0, refused: 0, duplicate: 0 },
    gaps: 0,
  },
  warnings: [],
}

/** What differs from an instance in order, the row that must be red, and the warning that status must show. */
const faults: [name: string, change: Partial<InstanceStatus>, red: string[], warning: RegExp][] = [
  ['the server is silent', { server: null }, ['server', 'chain default', 'clock'], /server does not answer/],
  [
    'the agent is not registered',
    {
      agent: {
        state: 'connecting',
        hostId: null,
        trouble: null,
        health: 'http://127.0.0.1:7',
        hardening,
        gaps: 0,
        baseline: null,
      },
    },
    ['agent'],
    /agent is connecting/,
  ],
  ['the agent is silent', { agent: null }, ['agent'], /agent is silent/],
  ['the sensor is gone', { sensor: null }, ['sensor'], /sensor is not connected/],
  ['the guard is away', { guard: { connected: false, refused: null } }, ['guard'], /guard cannot be reached/],
  ['the guard is held back', { guard: { ...guarded, mode: 'observe' } }, ['guard'], /GUARD ONLY OBSERVES/],
  [
    'what is to be refused cannot be',
    { guard: { ...guarded, prevent: 'on' } },
    ['guard'],
    /this kernel can refuse nobody/,
  ],
  [
    'the guard takes no orders',
    { guard: { ...guarded, refused: 'one by another CA' } },
    ['guard'],
    /does not take what the server told it: one by another CA/,
  ],
  [
    'the hands are away',
    { guard: { ...guarded, hands: { connected: false, orderUntil: null, refused: null } } },
    ['hands'],
    /hands cannot be reached/,
  ],
  ['the hands may not act', { guard: { ...guarded, kill: 'on' } }, ['hands'], /no standing order that counts/],
  [
    'the server holds less than it acknowledged',
    { queue: [{ tenant: 'default', chain: 'c', writer: 'agent', toSeal: 0, sealed: 9, acknowledged: 9, depth: 0 }] },
    ['chain default'],
    /^$/,
  ],
  [
    'the queue does not drain',
    {
      queue: [
        { tenant: 'default', chain: 'c', writer: 'agent', toSeal: 0, sealed: 9000, acknowledged: 8, depth: 8992 },
      ],
    },
    ['chain default'],
    /^$/,
  ],
]

describe('doctor and status', () => {
  test('an instance in order is green', async () => {
    const rows = await checkInstance(good, nowMs)
    assert.deepEqual(
      rows.filter(({ ok, name }) => !ok && name !== 'disk'),
      [],
    )
    assert.deepEqual(warningsOf(good), [])
    assert.match(
      renderRows(
        rows.filter(({ name }) => name !== 'disk'),
        testIo(),
      ),
      /✓ +server .*\n(.*\n)*\nAll good\.\n$/,
    )
  })

  for (const [name, change, red, warning] of faults) {
    test(`${name}: exactly that is red`, async () => {
      const status = { ...good, ...change }
      const rows = await checkInstance(status, nowMs)
      assert.deepEqual(
        rows.filter(({ ok, name: row }) => !ok && row !== 'disk').map((row) => row.name),
        red,
      )
      assert.match(warningsOf(status).join('\n'), warning)
      const text = renderRows(rows, testIo())
      assert.match(text, new RegExp(`✗ +${red[0]} .*\\n(.*\\n)*\\n\\d of \\d+ failed`))
      for (const name of red) {
        const remedy = text.split('\n').find((line) => line.startsWith(`  ${name}: `)) ?? ''
        assert.match(remedy, /sudo|docs\/runbooks/, name)
        for (const [page] of remedy.matchAll(/docs\/[\w/-]+\.md/g)) assert.ok(existsSync(join(root, page)), page)
      }
    })
  }

  test('RIM-2 of a guard that somebody holds back it says how it is switched on', async () => {
    const rows = await checkInstance({ ...good, guard: { ...guarded, mode: 'observe' } }, nowMs)
    assert.match(renderRows(rows, testIo()), /\n {2}guard: .*sudo \.\/sealwatch guard mode on --because TEXT\n/)
  })

  test('RIM-6 what a kernel cannot do for a process is told by doctor and status, and is no fault', async () => {
    const lacking = { applied: ['no_core_dumps'], missing: [{ measure: 'places', reason: 'ENOSYS' }] }
    const status = { ...good, agent: good.agent && { ...good.agent, hardening: lacking } }
    const row = (await checkInstance(status, nowMs)).find(({ name }) => name === 'agent closed')
    assert.deepEqual([row?.ok, row?.detail], [true, '1 of 2 measures, without places'])
    assert.deepEqual(warningsOf(status), ['the agent runs without places (ENOSYS): docs/privileges.md'])
  })

  test('of a site that tells all the same no words of the loader are shown', () => {
    const reason = "tier 1: libbpf: prog 'reach__ptrace_access_check': BPF program load failed: Operation not permitted"
    const sites = { reach: { attached: true, reason, produced: '0', dropped: '0', sent: '0', shed: '0' } }
    const text = renderStatus({ ...good, sensor: good.sensor && { ...good.sensor, sites } }, testIo())
    assert.match(text, /tier 1: this kernel refuses programs of tier 2 \(docs\/kernels\.md\)/)
    assert.doesNotMatch(text, /libbpf/)
    assert.match(text, /services ask it at \S+\/guard\/protect\.sock\n/)
  })

  test('the first line of the status of a host that the server refuses says so', () => {
    const head = (text: string) => {
      const agent = good.agent && { ...good.agent, state: 'connecting', trouble: { text, refuses: true } }
      return renderStatus({ ...good, agent }, testIo()).split('\n')[0]
    }
    assert.match(
      head('HOST_REVOKED: a revoked host is not let in') ?? '',
      /: THE SERVER REFUSES THIS HOST \(revoked\), pid/,
    )
    assert.match(head('a host belongs to the tenant') ?? '', /: THE SERVER REFUSES THIS HOST, pid/)
  })

  test('what is to be prevented and cannot be is told in plain words, with the way out', async () => {
    const status = { ...good, guard: { ...guarded, prevent: 'on', preventsNothing: 'libbpf: prog: -524' } } as const
    const text = renderRows(await checkInstance(status, nowMs), testIo())
    assert.match(text, /guard: docs\/kernels\.md.*guard responses --prevent off/)
    assert.match(renderStatus(status, testIo()), /prevent on: not possible here/)
    assert.doesNotMatch(text + renderStatus({ ...status, warnings: warningsOf(status) }, testIo()), /libbpf/)
  })

  test('a clock that is off is red', async () => {
    const rows = await checkInstance(good, nowMs + 5000)
    assert.deepEqual(rows.find(({ name }) => name === 'clock')?.detail, '5000 ms apart')
    assert.equal(rows.find(({ name }) => name === 'clock')?.ok, false)
  })

  test('status warns of blind spots, losses and quarantine', () => {
    const sites = { ptrace: { ...site, attached: false, reason: 'left out' }, exec: { ...site, dropped: '3' } }
    const waiting = [
      { tenant: 'acme', items: 1, rows: 4 },
      { tenant: 'beta', items: 2, rows: 5 },
      { tenant: 'drill', items: 100, rows: 100 },
    ]
    const ingest = { received: 9_000_000, admitted: 0, quarantined: 817_000, refused: 0, duplicate: 0 }
    const server = good.server && { ...good.server, ingest, quarantine: waiting }
    const warnings = warningsOf({ ...good, server, sensor: good.sensor && { ...good.sensor, sites } })
    assert.deepEqual(warnings, [
      'the sensor site ptrace is not attached (left out)',
      'the sensor site exec dropped 3 events, counted in the ledger',
      '9 rows of 2 tenants wait in quarantine: sealwatch quarantine status --tenant beta',
    ])
  })

  test('what waits is what waits now, whatever came in since the start; rows of drills are no news', () => {
    const told = (quarantine: { tenant: string; items: number; rows: number }[]) =>
      warningsOf({ ...good, server: good.server && { ...good.server, quarantine } })
    assert.deepEqual(told([{ tenant: 'acme', items: 1, rows: 1 }]), [
      '1 row of 1 tenant waits in quarantine: sealwatch quarantine status --tenant acme',
    ])
    assert.deepEqual(told([{ tenant: 'drill', items: 100, rows: 100 }]), [])
    const over = { ...good.server?.ingest, quarantined: 9 } as NonNullable<InstanceStatus['server']>['ingest']
    assert.deepEqual(
      warningsOf({ ...good, server: good.server && { ...good.server, ingest: over, quarantine: [] } }),
      [],
    )
  })

  test('status warns that strict signatures are off, and until when', () => {
    const strictOff = [{ tenant: 'acme', endsAt: '2026-11-22T12:00:00.123456789Z' }]
    assert.deepEqual(warningsOf({ ...good, server: good.server && { ...good.server, strictOff } }), [
      'strict signatures are off in acme until 2026-11-22 12:00:00 UTC: sealwatch strict status --tenant acme',
    ])
  })

  test('DET-1 DET-2 status names rules that are not in force as they stand', () => {
    const told = (count: number, ...first: string[]) =>
      warningsOf({ ...good, server: good.server && { ...good.server, wrongRules: { count, first } } })
    assert.deepEqual(told(0), [])
    assert.deepEqual(told(1, '/etc/r.yml:3: RULE_FIELD: "nme"'), [
      'a rule is not in force as it stands: /etc/r.yml:3: RULE_FIELD: "nme": docs/runbooks/rule-left-out.md',
    ])
    assert.equal(
      told(30, ...Array<string>(20).fill('r.yml:1: x')).at(-1),
      '25 more rules are not in force as they stand',
    )
  })

  test('ING-2 status warns that rows are judged ahead of the clock', () => {
    const latest = { tenant: 'acme', keyId: 'billing-1', until: '2026-11-23T12:00:00.123456789Z' }
    const told = (judgingAhead: { keys: number; latest: typeof latest } | null) =>
      warningsOf({ ...good, server: good.server && { ...good.server, judgingAhead } })
    assert.deepEqual(told({ keys: 2, latest }), [
      'rows under 2 keys that ended ahead of the clock are judged as of then, the last at 2026-11-23 12:00:00 UTC (billing-1 of acme): was the clock set back?',
    ])
    assert.deepEqual(told(null), [])
  })

  test('INC-6 status warns of a notification channel that takes no messages, and doctor has a red row of it alone', async () => {
    const failing = [
      {
        tenant: 'acme',
        channel: 'ntf_1',
        name: 'pager',
        since: '2026-11-23T12:00:00.123Z',
        problem: 'it answered 503',
      },
    ]
    const of = (notifications: { failing: typeof failing }) => ({
      ...good,
      server: good.server && { ...good.server, notifications },
    })
    const said =
      'the notification channel pager of acme takes no messages since 2026-11-23 12:00:00 UTC (it answered 503): docs/runbooks/notification-failed.md'
    assert.deepEqual(warningsOf(of({ failing })), [said])
    const rows = async (all: typeof failing) =>
      (await checkInstance(of({ failing: all }), nowMs)).filter(({ name }) => name.startsWith('channel pager'))
    assert.deepEqual(
      (await rows(failing)).map(({ ok, detail }) => [ok, detail]),
      [[false, said]],
    )
    assert.deepEqual(await rows([]), [])
  })

  test('ING-5 status warns of a trust-store file that is not taken: path, time and why', () => {
    const told = (problem: string | null) => {
      const trustStore = { path: '/etc/trust.json', since: '2026-11-23T12:00:00.123456789Z', problem }
      const status = { ...good, server: good.server && { ...good.server, trustStore } }
      return [warningsOf(status), /^Trust store.*$/m.exec(renderStatus(status, testIo()))?.[0]]
    }
    assert.deepEqual(told('at /tenants: found 3'), [
      [
        'the trust-store file /etc/trust.json is not taken since 2026-11-23 12:00:00 UTC, what counted before still does: at /tenants: found 3',
      ],
      'Trust store  /etc/trust.json: NOT TAKEN since 2026-11-23 12:00:00 UTC',
    ])
    assert.deepEqual(told(null), [
      [],
      'Trust store  /etc/trust.json: what it says counts since 2026-11-23 12:00:00 UTC',
    ])
  })
})
