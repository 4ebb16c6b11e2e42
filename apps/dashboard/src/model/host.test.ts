// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  attachedWords,
  configWords,
  dueIn,
  handsWords,
  lossOf,
  policiesWords,
  shedOf,
  toldSince,
  watchedBy,
} from './host.ts'

const site = {
  name: 'exec',
  attached: true,
  reason: null,
  stands_by: false,
  ...{ produced: null, dropped: null, sent: null, sealed: null, shed: null },
}

test('losses are added up however many they are; a site that says nothing adds nothing', () => {
  const big = String(2n ** 60n)
  assert.equal(
    lossOf([
      { ...site, dropped: big },
      { ...site, dropped: null },
      { ...site, dropped: '2' },
    ]),
    2n ** 60n + 2n,
  )
  assert.equal(lossOf([]), 0n)
  assert.equal(
    shedOf([
      { ...site, dropped: null, shed: big },
      { ...site, dropped: null },
    ]),
    2n ** 60n,
  )
})

test('AGT-2 what watches where BPF does not is told, and a source that stands by is no blind spot', () => {
  const modes = { process: 'ebpf', file: 'ebpf', network: 'sock_diag' }
  const sensor = { mode: 'partial', since: null, kernel: null, sites: [] } as const
  assert.equal(
    watchedBy({ ...sensor, modes, unseen: ['raw sockets'] }),
    'processes by ebpf, files by ebpf, network by sock_diag',
  )
  for (const whole of [
    { modes: null, unseen: [] },
    { modes, unseen: [] },
  ])
    assert.equal(watchedBy({ ...sensor, ...whole }), '')
  const rows = [
    site,
    { ...site, attached: false, stands_by: true },
    { ...site, attached: false, reason: 'why' },
    { ...site, attached: null },
  ]
  assert.deepEqual(rows.map(attachedWords), ['yes', 'source stands by', 'why', 'unknown'])
})

test('PKI-3 a certificate that should have been renewed is due', () => {
  const due = ([leftMs, isEnding]: readonly [number, boolean]) => dueIn(leftMs, isEnding)
  assert.deepEqual(
    (
      [
        [7, false],
        [7, true],
        [0, true],
        [-1, false],
      ] as const
    ).map(due),
    ['', 'due', 'over', 'over'],
  )
})

test('gaps of a week are those of the last seven days, whenever the host came; fewer are told since when', () => {
  const now = Date.UTC(2026, 10, 22)
  assert.equal(toldSince(now - 7 * 86_400_000, now), 'in the last 7 days')
  assert.equal(toldSince(now - 3_600_000, now), 'since 2026-11-21 23:00:00 UTC')
})

test('what a host has of its configuration is told in words, and why it has no other', () => {
  const desired = { version: 4, digest: 'd', issued_at: 't' }
  const refused = { refused_version: 0, refused_why: '' }
  const reported = { version: 4, digest: 'd', on_trial: false, ...refused, policies: null, at: 't' }
  assert.equal(configWords({ desired: null, reported: null, drifts: false }), 'nothing was told')
  assert.equal(configWords({ desired, reported: null, drifts: true }), 'version 4 waits for it')
  assert.equal(configWords({ desired, reported, drifts: false }), 'version 4')
  assert.equal(
    configWords({ desired, reported: { ...reported, on_trial: true }, drifts: false }),
    'version 4, on trial',
  )
  const back = { ...reported, version: 3, refused_version: 4, refused_why: 'no word of the server' }
  assert.equal(configWords({ desired, reported: back, drifts: true }), 'version 3, and not 4: no word of the server')
})

test('INC-4 what the hands of a host may do is told with its end, and with what they hold where that is another order', () => {
  const held = { version: 2, refused_why: '', at: 't' }
  const [issued_at, expires_at] = ['2026-11-01T00:00:00Z', '2026-12-01T00:00:00Z']
  const order = {
    version: 2,
    steps: ['kill', 'kill_tree'] as ('kill' | 'kill_tree')[],
    issued_at,
    expires_at,
    guard_key_id: 'k',
    held,
  }
  const nowMs = Date.parse('2026-11-20T00:00:00Z')
  assert.equal(handsWords(null, nowMs), 'may do nothing')
  assert.match(handsWords(order, nowMs), /^may kill and kill tree until .*2026[^;]*$/)
  assert.match(handsWords(order, Date.parse(expires_at)), /\(over\)$/)
  assert.equal(handsWords({ ...order, steps: [] }, nowMs), 'may do nothing: withdrawn')
  assert.match(handsWords({ ...order, held: { ...held, version: 1 } }, nowMs), /; not taken yet$/)
  assert.match(handsWords({ ...order, held: { ...held, refused_why: 'ORDER_EXPIRED' } }, nowMs), /; ORDER_EXPIRED$/)
})

test('POL-2 how many policies a host follows is told, and how many of those that it is to enforce it does not', () => {
  const standing = (means: 'kernel' | 'told' | 'none', hindrance = '') => ({
    policy: means,
    version: 1,
    means,
    hindrance,
  })
  const words = (policies: readonly ReturnType<typeof standing>[] | null) =>
    policiesWords({
      ...{ desired: null, drifts: false },
      reported: { version: 1, digest: 'd', on_trial: false, refused_version: 0, refused_why: '', policies, at: 't' },
    })
  assert.deepEqual([words(null), words([])], ['not said', 'none'])
  assert.equal(words([standing('told'), standing('none', 'other_hosts'), standing('told', 'not_here')]), '3 policies')
  assert.equal(
    words([standing('kernel'), standing('told', 'no_room')]),
    '2 policies, 1 enforced by the kernel, 1 not enforced',
  )
})
