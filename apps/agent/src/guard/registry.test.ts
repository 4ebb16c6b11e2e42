// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ProtectedEntry } from '@sealwatch/contract/guard-config'
import { plainStart, sampleFile, sampleTask } from '../observe/sample-observations.ts'
import type { Observation, Site } from '../sources/observation.ts'
import { type Change, createRegistry, type ProcessLook, registryLimits } from './registry.ts'

const second = 1_000_000_000n
const at = { timeNs: 90n * second, truncated: false } as const
const look = (pid: number, change: Partial<ProcessLook> = {}): ProcessLook => ({
  ...{
    pid,
    startNs: BigInt(pid) * second,
    ppid: 1,
    comm: 'one',
    uid: 0,
    exe: '/usr/bin/other',
    units: [],
    labels: [],
  },
  ...change,
})
const none = new Map<string, number>()
const said = (changes: readonly Change[]) =>
  changes.map(({ kind, registered, ...rest }) =>
    [kind, registered.process.name, registered.process.pid, 'cause' in rest ? rest.cause : registered.by].join(' '),
  )
const entries: readonly ProtectedEntry[] = [
  { name: 'vault', exe: '/usr/bin/vault' },
  { name: 'web', unit: 'nginx.service', steps: [] },
  { name: 'db', pid_file: '/run/db.pid' },
  { name: 'kms', container_label: 'role=kms' },
]
function registry(change: object = {}) {
  let last = 0
  const own = [{ name: 'server', uid: 64_701 }]
  const made = createRegistry({ own, newId: () => `prt_${++last}`, ...change })
  made.setEntries(entries)
  return made
}
const exec = (pid: number, path: string): Observation => ({
  ...{ ...at, kind: 'exec', actor: sampleTask({ pid, startNs: BigInt(pid) * second, exe: path }) },
  ...{ file: sampleFile(path), filename: '', argv: [], ...plainStart },
})
const exit = (pid: number, startNs = BigInt(pid) * second): Observation => ({
  ...{ ...at, kind: 'exit', exitCode: 0, signal: 0, actor: sampleTask({ pid, startNs }) },
})
const fork = (parent: number, pid: number, startNs = BigInt(pid) * second): Observation => ({
  ...{ ...at, kind: 'fork', actor: sampleTask({ pid: parent, startNs: BigInt(parent) * second, ancestors: [] }) },
  child: { pid, startNs, comm: 'child', ppid: parent },
})

test('RIM-3 what a process runs that was there before its start could be told the sensor says when it is asked', () => {
  const all = registry()
  all.look([look(10, { exe: null }), look(11, { exe: null })], none)
  assert.equal(all.all.length, 0)
  const examined = (pid: number, exe: string): Observation =>
    ({ ...at, kind: 'examined', actor: sampleTask({ pid, startNs: BigInt(pid) * second, exe }) }) as Observation
  assert.deepEqual(said(all.learn(examined(10, '/usr/bin/vault'))), ['protected vault 10 exe'])
  assert.deepEqual(said(all.learn(examined(10, '/usr/bin/vault'))), [])
  assert.deepEqual(said(all.learn(examined(11, '/usr/bin/other'))), [])
})

test('RIM-3 processes are found by program, unit, pid file and label, and our own by their users', () => {
  const all = registry()
  const running = [
    look(10, { exe: '/usr/bin/vault' }),
    look(11, { units: ['nginx.service'] }),
    look(12),
    look(13, { labels: ['role=web', 'role=kms'] }),
    look(14, { uid: 64_701 }),
    look(15),
  ]
  assert.deepEqual(said(all.look(running, new Map([['/run/db.pid', 12]]))), [
    'protected vault 10 exe',
    'protected web 11 unit',
    'protected db 12 pid_file',
    'protected kms 13 container_label',
    'protected server 14 own',
  ])
  assert.deepEqual(all.look(running, none), [])
  assert.deepEqual(
    [all.images, all.now(11)?.process.steps, all.now(10)?.process.steps],
    [['/usr/bin/vault'], [], ['kill']],
  )
  assert.deepEqual(said(all.setEntries(entries.slice(1))), ['unprotected vault 10 config'])
  assert.deepEqual(said(all.look(running.slice(2, 4), none)), [
    'unprotected web 11 ended',
    'unprotected server 14 ended',
  ])
})

test('RIM-3 starts, ends and forks are followed as they are told', () => {
  const all = registry()
  assert.deepEqual(said(all.learn(exec(20, '/usr/bin/vault'))), ['protected vault 20 exe'])
  assert.deepEqual(all.learn(fork(20, 21)), [])
  assert.deepEqual([all.now(21)?.by, all.now(21)?.process.name], ['parent', 'vault'], 'it has the same memory')
  assert.deepEqual(all.learn(exec(21, '/usr/bin/true')), [])
  assert.equal(all.now(21), undefined, 'it has another one now')
  assert.deepEqual(all.learn(exec(20, '/usr/bin/vault')), [])
  assert.deepEqual(said(all.learn(exec(20, '/bin/sh'))), ['unprotected vault 20 other_program'])
  assert.deepEqual(said(all.look([look(22, { units: ['nginx.service'] })], none)), ['protected web 22 unit'])
  assert.deepEqual(all.learn(exec(22, '/usr/sbin/nginx')), [], 'its unit stays')
  assert.equal(all.now(22)?.process.exe, '/usr/sbin/nginx')
  assert.deepEqual(said(all.learn(exit(22))), ['unprotected web 22 ended'])
  assert.deepEqual(all.learn(exit(23)), [])
})

test('RIM-3 a pid that is given again within a second is another process', () => {
  const all = registry()
  all.learn(exec(30, '/usr/bin/vault'))
  const again = 30n * second + 40_000_000n
  assert.equal(all.at({ pid: 30, startNs: again }), undefined)
  assert.deepEqual(all.learn(exit(30, again)), [], 'that was not it')
  assert.equal(all.at({ pid: 30, startNs: 30n * second })?.process.name, 'vault')
  const successor = look(30, { startNs: again, units: ['nginx.service'] })
  assert.deepEqual(said(all.look([successor], none)), ['unprotected vault 30 ended', 'protected web 30 unit'])
  all.learn(exec(31, '/usr/bin/vault'))
  const forked = all.learn(fork(31, 30, again + second))
  assert.deepEqual(said(forked), ['unprotected web 30 ended'])
  assert.equal(all.now(30)?.by, 'parent')
})

test('RIM-3 a process asks for itself: what it can do counts as far as its entry lets it; again is the same; each maximum holds', () => {
  const all = registry({ limits: { ...registryLimits, selfMax: 3, selfOfUserMax: 2 } })
  const self = (pid: number, change: object = {}) =>
    all.register({ ...look(pid), name: 'billing', steps: ['evict', 'rotate'], ...change }, at.timeNs)
  const first = self(40)
  assert(typeof first === 'object')
  assert.deepEqual([first.by, first.process.steps], ['self', ['kill', 'evict', 'rotate']])
  const again = self(40, { steps: ['evict'] })
  assert(typeof again === 'object')
  assert.deepEqual([again.id, again.process.steps], [first.id, ['kill', 'evict']])
  assert.equal(self(40, { name: 'other' }), 'other_name')
  const web = self(41, { name: 'web' })
  assert.deepEqual(typeof web === 'object' && web.process.steps, [], 'its entry lets it nothing')
  assert.equal(self(42), 'full', 'of one user')
  assert(typeof self(43, { uid: 5, name: 'mail' }) === 'object')
  assert.equal(self(44, { uid: 6, name: 'files' }), 'full')
  assert.deepEqual(said(all.learn(exit(40))), ['unprotected billing 40 ended'])
  assert(typeof self(44, { uid: 6, name: 'files' }) === 'object')
  assert.deepEqual(said(all.setEntries([])), [], 'it asked itself')
})

test('RIM-3 who asked for itself stays though the start of its program is told late, and goes with another program', () => {
  const all = registry()
  const ask = (pid: number) => {
    const made = all.register({ ...look(pid, { exe: null }), name: 'keys', steps: ['evict'] }, at.timeNs)
    assert(typeof made === 'object')
    return () => [all.now(pid)?.id === made.id, all.now(pid)?.process.exe]
  }
  const told = (pid: number, path: string, timeNs: bigint, site?: Site) =>
    said(all.learn({ ...exec(pid, path), timeNs, ...(site && { site }) } as Observation))
  const byKernel = ask(70)
  assert.deepEqual([told(70, '/usr/bin/perl', at.timeNs - 1n), byKernel()], [[], [true, '/usr/bin/perl']])
  assert.deepEqual(told(70, '/usr/bin/perl', at.timeNs), ['unprotected keys 70 other_program'], 'its memory is another')
  // Of what is found by looking the time is that of the look.
  const byLook = ask(71)
  assert.deepEqual([told(71, '/usr/bin/perl', at.timeNs + 1n, 'proc_poll'), byLook()], [[], [true, '/usr/bin/perl']])
  assert.deepEqual(told(71, '/bin/sh', at.timeNs + 2n, 'proc_poll'), ['unprotected keys 71 other_program'])
})

test('RIM-3 a name is one user’s, and those of our parts are theirs: who is attacked has keys of all of that name changed', () => {
  const all = registry({ own: [{ name: 'sealwatch-server', uid: 64_701 }] })
  const self = (pid: number, name: string, uid: number) => {
    const made = all.register({ ...look(pid), name, uid, steps: ['rotate'] }, at.timeNs)
    return typeof made === 'object' ? made.process.name : made
  }
  for (const name of ['server', 'sealwatch-server', 'sealwatch-other'])
    assert.equal(self(60, name, 1_000), 'name_taken', name)
  assert.equal(self(61, 'server', 64_701), 'server')
  assert.equal(self(62, 'server', 0), 'server')
  assert.equal(self(63, 'billing', 1_000), 'billing')
  assert.equal(self(64, 'billing', 1_001), 'name_taken')
  assert.equal(self(65, 'billing', 1_000), 'billing', 'of the same user')
  for (const pid of [63, 65]) all.learn(exit(pid))
  assert.equal(self(66, 'billing', 1_001), 'billing', 'nobody has it any more')
})

test('RIM-3 of more than the sensor takes the rest is counted', () => {
  const all = registry({ limits: { ...registryLimits, processesMax: 2 } })
  const running = [50, 51, 52].map((pid) => look(pid, { exe: '/usr/bin/vault' }))
  assert.equal(all.look(running, none).length, 2)
  assert.deepEqual([all.unheld, all.all.length], [1, 2])
})
