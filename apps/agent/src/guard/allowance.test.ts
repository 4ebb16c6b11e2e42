// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Allowance } from '@sealwatch/contract/guard-config'
import type { Act } from './act.ts'
import { allowanceOf, createAllowedTally } from './allowance.ts'
import { actAt, sampleAct, thief } from './sample-acts.ts'

const until = '2026-11-23T12:00:00Z'
const nowMs = Date.parse(until) - 1
const gdb: Allowance = { id: 'a1', exe: '/usr/bin/gdb', until, by: 'usr_1', why: 'a crash' }
const byGdb = { actor: { ...thief, exe: '/usr/bin/gdb' } }
const let_ = (act: Act, allow: readonly Allowance[], at = nowMs) =>
  allowanceOf(act, {
    ...{ allow, nowMs: at, hostMntNs: thief.mntNs },
    userName: (uid) => (uid === thief.uid ? 'mallory' : undefined),
  })?.id

test('RIM-6 an allowance lets whom it names, to what it names, until its end, and no longer', () => {
  const act = sampleAct('ptrace_attach', byGdb)
  assert.equal(let_(act, [gdb]), 'a1')
  assert.equal(let_(act, [gdb], nowMs + 1), undefined)
  assert.equal(let_(sampleAct('ptrace_attach'), [gdb]), undefined, 'another program')
  assert.equal(let_(act, [{ ...gdb, uid: thief.uid }]), 'a1')
  assert.equal(let_(act, [{ ...gdb, uid: 1000 }]), undefined)
  assert.equal(let_(act, [{ ...gdb, target: 'vault' }]), 'a1')
  assert.equal(let_(act, [{ ...gdb, target: 'web' }]), undefined)
  assert.equal(let_({ ...act, aim: 'machine' }, [{ ...gdb, target: 'vault' }]), undefined)
  assert.equal(let_(act, [{ ...gdb, user: 'mallory' }]), 'a1')
  assert.equal(let_(act, [{ ...gdb, user: 'alice' }]), undefined)
  const { exe: _, ...byUser } = { ...gdb, uid: thief.uid }
  assert.equal(let_(sampleAct('vm_read'), [byUser]), 'a1')
  const { uid: __, ...nobody } = byUser
  assert.equal(let_(act, [nobody]), undefined, 'it names nobody')
})

test('RIM-6 a path in another mount namespace proves nothing, and what is handed on was allowed to nobody', () => {
  const elsewhere = sampleAct('ptrace_attach', { actor: { ...byGdb.actor, mntNs: 5 } })
  assert.equal(let_(elsewhere, [gdb]), undefined)
  const reader = { pid: 7, startNs: 1n, comm: 'x', ppid: 1 }
  const handedOn = sampleAct('memory_descriptor_passed', { ...byGdb, reader })
  assert.equal(let_(handedOn, [gdb]), undefined)
  assert.equal(let_({ ...handedOn, isInherited: true }, [gdb]), 'a1', 'a child of it')
  assert.equal(let_({ ...handedOn, isInherited: true }, [{ ...gdb, exe: '/usr/bin/strace' }]), undefined)
})

test('RIM-6 what an allowance let is told at once, and then counted by the minute', () => {
  const tally = createAllowedTally({ everyNs: 60n, pairsMax: 2 })
  const act = sampleAct('vm_read', { times: 3 })
  assert.equal(tally.take(gdb, act, actAt)?.times, 3)
  assert.equal(tally.take(gdb, act, actAt + 1n), undefined)
  assert.equal(tally.take(gdb, act, actAt + 2n), undefined)
  assert.deepEqual(tally.tick(actAt + 59n), [])
  assert.deepEqual(
    tally.tick(actAt + 60n).map(({ times }) => times),
    [6],
  )
  assert.deepEqual(tally.tick(actAt + 120n), [])
  assert.equal(tally.take(gdb, act, actAt + 121n)?.times, 3, 'it had rested')
  for (const name of ['a', 'b', 'c']) tally.take({ ...gdb, id: name }, act, actAt)
  assert.equal(tally.take(gdb, act, actAt)?.times, 3, 'it was forgotten for others')
})
