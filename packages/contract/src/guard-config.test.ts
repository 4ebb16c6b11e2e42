// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { guardConfigProblems, guardOrdersOf, isHostGuardConfig, mergeGuardConfigs } from './guard-config.ts'
import { groupConfigProblems, hostConfigIn, hostConfigLimits, mergeGroups, toldEntries } from './host-config.ts'
import { entryProblem } from './watch-entry.ts'

const vault = { name: 'vault', exe: '/usr/bin/vault' }
const allowance = {
  id: 'a1',
  exe: '/usr/bin/gdb',
  until: '2026-11-23T12:00:00Z',
  by: 'usr_1',
  why: 'a crash is looked into',
}

test('RIM-1 what people write of a guard is held to its form, with the place of what is wrong', () => {
  const good = [
    {},
    { mode: 'observe', responses: { kill: 'on', evict: 'off' }, cooldown_seconds: 1, protect: [vault] },
    { prevent: 'dry-run' },
    {
      protect: [
        { ...vault, steps: [] },
        { name: 'web', unit: 'nginx@1.service', steps: ['evict', 'kill'] },
      ],
    },
    {
      protect: [
        { name: 'a', pid_file: '/run/a.pid' },
        { name: 'b', container_label: 'app=keys, two words' },
      ],
    },
    { protect: [{ ...vault, keys: [{ path: '/etc/vault/keys', may: [{ exe: '/usr/bin/restic' }, { uid: 34 }] }] }] },
    { protect: [{ ...vault, keys: [{ path: '/etc/vault.key' }], code: ['/usr/lib/vault'] }] },
  ]
  for (const one of good) assert.deepEqual(guardConfigProblems(one, 'guard'), [], JSON.stringify(one))
  const bad: [unknown, RegExp][] = [
    [[], /guard: an object/],
    [{ mode: 'loud' }, /guard\.mode: one of on, observe, off/],
    [{ prevent: true }, /guard\.prevent: one of on, dry-run, off/],
    [{ responses: { kill: 'maybe' } }, /guard\.responses\.kill: one of on, dry-run, off/],
    [{ responses: { stop: 'on' } }, /guard\.responses\.stop: no such member; there are kill, evict, rotate/],
    [{ cooldown_seconds: 0 }, /cooldown_seconds: an integer from 1/],
    [{ allow: [allowance] }, /guard\.allow: no such member/],
    [{ protect: [vault, vault] }, /each name once/],
    [{ protect: [{ name: 'vault' }] }, /protect\[0\]: exactly one of exe, unit/],
    [{ protect: [{ ...vault, unit: 'v.service' }] }, /exactly one/],
    [{ protect: [{ exe: '/usr/bin/vault' }] }, /protect\[0\]: a name/],
    [{ protect: [{ name: 'Vault', exe: '/v' }] }, /protect\[0\]\.name: at most 64/],
    [{ protect: [{ name: 'v', exe: 'bin/v' }] }, /protect\[0\]\.exe: an absolute path/],
    [{ protect: [{ name: 'v', exe: '~/v' }] }, /absolute path/],
    [{ protect: [{ name: 'v', unit: '../x' }] }, /a unit/],
    [{ protect: [{ ...vault, steps: ['kill', 'kill'] }] }, /steps: some of/],
    [{ protect: [{ ...vault, keys: [{ may: [] }] }] }, /keys\[0\]: a path/],
    [{ protect: [{ ...vault, keys: [{ path: 'key' }] }] }, /keys\[0\]\.path: an absolute path/],
    [{ protect: [{ ...vault, keys: [{ path: '/k', may: [{}] }] }] }, /may\[0\]: exe or uid/],
    [{ protect: [{ ...vault, keys: [{ path: '/k' }, { path: '/k' }] }] }, /keys: each path once/],
    [{ protect: [{ ...vault, code: ['/a', '/a'] }] }, /code: each entry once/],
    [{ protect: Array.from({ length: 65 }, (_, i) => ({ ...vault, name: `v${i}` })) }, /at most 64 entries/],
  ]
  for (const [one, problem] of bad) assert.match(guardConfigProblems(one, 'guard').join('; '), problem)
  assert.match(groupConfigProblems({ guard: { mode: 1 } }).join(), /^guard\.mode: one of/)
})

test('RIM-1 a host takes what is whole, passes over what a newer server adds, and refuses what is broken', () => {
  const told = { groups: [], policies: [], settings: {}, watch: [] }
  const taken = (guard: unknown) => hostConfigIn({ ...told, guard })
  assert.deepEqual(hostConfigIn(told), told)
  assert.notEqual(taken({ mode: 'on', protect: [vault], allow: [allowance], sound: 'loud' }), undefined)
  for (const allow of [
    [{ ...allowance, until: 'tomorrow' }],
    [{ ...allowance, until: '2026-13-01T00:00:00Z' }],
    [{ ...allowance, exe: undefined }],
    [{ id: 'a', uid: -1, until: allowance.until, by: 'x', why: 'y' }],
    [{ ...allowance, why: '' }],
    [{ ...allowance, why: 'a\nb' }],
    [allowance, allowance],
  ])
    assert.equal(taken({ allow: JSON.parse(JSON.stringify(allow)) }), undefined, JSON.stringify(allow))
  assert.equal(isHostGuardConfig(null), false)
})

test('RIM-2 key files, images and code of what is protected are watched for the guard, once, as far as there is room', () => {
  const entry = { ...vault, keys: [{ path: '/etc/vault.key' }], code: ['/usr/lib/vault'] }
  const told = { groups: [], policies: [], settings: {}, watch: ['/etc/shadow'], guard: { protect: [entry] } }
  const watched = ['urgent:/etc/vault.key', 'urgent,changes:/usr/bin/vault', 'urgent,changes,below:/usr/lib/vault']
  assert.deepEqual(toldEntries(told), ['/etc/shadow', ...watched])
  for (const each of watched) assert.equal(entryProblem(each), undefined)
  const many = Array.from({ length: 1_024 }, (_, i) => ({
    ...entry,
    name: `v${i}`,
    exe: `/v${i}`,
    code: [`/c${i}`, `/d${i}`],
  }))
  const all = toldEntries({ ...told, guard: { protect: many } })
  assert.equal(all.length, hostConfigLimits.toldEntriesMax)
  assert.equal(all[0], '/etc/shadow')
})

test('RIM-5 what is left out is on, kills on trial only, and groups add up', () => {
  const { mode, responses, cooldownSeconds, protect } = guardOrdersOf(undefined)
  assert.deepEqual([mode, responses, cooldownSeconds], ['on', { kill: 'dry-run', evict: 'on', rotate: 'on' }, 60])
  assert.deepEqual(protect, [])
  assert.equal(guardOrdersOf({ responses: { kill: 'on' } }).responses.evict, 'on')
  const web = { name: 'web', exe: '/usr/sbin/nginx' }
  const merged = mergeGuardConfigs([
    { mode: 'observe', prevent: 'on', responses: { kill: 'on' }, protect: [web, vault] },
    { responses: { evict: 'off' }, cooldown_seconds: 5, protect: [{ ...vault, steps: ['evict'] }] },
  ])
  assert.deepEqual(merged, {
    mode: 'observe',
    prevent: 'on',
    cooldown_seconds: 5,
    responses: { kill: 'on', evict: 'off' },
    protect: [{ ...vault, steps: ['evict'] }, web],
  })
  const group = (guard: object) => ({ name: 'g', version: 1, config: { guard } })
  assert.equal(mergeGroups([group({})]).guard, undefined)
  assert.deepEqual(mergeGroups([group({ mode: 'off' }), group({})]).guard, { mode: 'off' })
})
