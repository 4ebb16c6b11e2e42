// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createLog, systemClock } from '@sealwatch/base'
import type { EventDraft, PostureEvent } from '@sealwatch/contract'
import { effectOf } from './observe/posture.ts'
import { sampleContext } from './observe/sample-observations.ts'
import { watchPosture } from './posture.ts'
import { type Posture, type PostureSetting, postureSettings, readPosture } from './sources/posture.ts'

function folderOf(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'posture-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

test('RIM-1: the posture is read as the kernel shows it; what it does not show is null', (t) => {
  const dir = folderOf(t)
  const write = (name: string, text: string) => {
    mkdirSync(dirname(join(dir, name)), { recursive: true })
    writeFileSync(join(dir, name), text)
  }
  write('lockdown', 'none [integrity] confidentiality\n')
  write('lsm', 'lockdown,capability,yama')
  write('kernel/yama/ptrace_scope', '1\n')
  write('kernel/core_pattern', `|${'x'.repeat(400)}\n`)
  const none = Object.fromEntries(postureSettings.map((setting) => [setting, null]))
  assert.deepEqual(readPosture({ security: dir, sysctl: dir }), {
    ...none,
    lockdown: 'integrity',
    lsm: 'lockdown,capability,yama',
    'kernel/yama/ptrace_scope': '1',
    'kernel/core_pattern': `|${'x'.repeat(255)}`,
  })
  assert.match(readPosture()['kernel/randomize_va_space'] ?? '', /^[012]$/, 'of this machine')
})

test('RIM-1: whether a change is a weakening goes by what the setting protects', () => {
  const rows: readonly (readonly [PostureSetting, string | null, string | null, string])[] = [
    ['kernel/yama/ptrace_scope', '2', '1', 'weaker'],
    ['kernel/yama/ptrace_scope', '0', '1', 'stronger'],
    ['kernel/yama/ptrace_scope', '0', null, 'weaker'],
    ['kernel/unprivileged_bpf_disabled', '1', '2', 'weaker'],
    ['kernel/unprivileged_bpf_disabled', '2', '0', 'weaker'],
    ['fs/suid_dumpable', '0', '2', 'weaker'],
    ['fs/suid_dumpable', '1', '2', 'stronger'],
    ['kernel/core_pattern', 'core', '|/usr/lib/systemd/systemd-coredump %P', 'weaker'],
    ['kernel/core_pattern', '|/tmp/x', 'core', 'other'],
    ['kernel/kptr_restrict', '1', '7', 'other'],
    ['lockdown', 'confidentiality', 'integrity', 'weaker'],
    ['lockdown', null, 'none', 'stronger'],
    ['lsm', 'lockdown,yama,apparmor', 'lockdown,yama,bpf', 'weaker'],
    ['lsm', 'yama', 'yama,bpf', 'stronger'],
    ['lsm', 'yama,bpf', 'bpf,yama', 'other'],
  ]
  for (const [setting, before, after, effect] of rows)
    assert.equal(effectOf({ setting, before, after }), effect, `${setting} from ${before} to ${after}`)
})

const first = Object.fromEntries(postureSettings.map((setting) => [setting, '1'])) as Posture

/** What a life of an agent tells that finds these, one after the other. */
async function toldBy(path: string, found: readonly Posture[]) {
  const told: [tenant: string, code: string, unmapped: object][] = []
  const stop = new AbortController()
  let turn = 0
  const sleep = async () => {
    turn += 1
    if (turn === found.length) stop.abort()
  }
  const add = (draft: unknown) => {
    const { event } = draft as EventDraft<PostureEvent>
    told.push([event.metadata.tenant_uid, event.metadata.event_code, event.unmapped])
  }
  await watchPosture(
    {
      read: () => found[turn] as Posture,
      path,
      ...{ journal: { add }, clusterJournal: { add } },
      context: sampleContext,
      clusterContext: () => ({ ...sampleContext(), tenant: 'cluster' }),
      bootNs: () => 1n,
      clock: { ...systemClock, sleep },
      log: createLog('test', () => undefined, systemClock.nowMs),
    },
    stop.signal,
  )
  return told
}

test('RIM-1: the posture is told at each start, and each change of it once, also of what changed while no agent ran', async (t) => {
  const path = join(folderOf(t), 'posture.json')
  const weaker = { ...first, 'kernel/kptr_restrict': '0' }
  const change = { setting: 'kernel/kptr_restrict', before: '1', after: '0', effect: 'weaker' }
  const { tenant } = sampleContext()
  assert.deepEqual(await toldBy(path, [first, first, weaker, weaker]), [
    ['cluster', 'posture', { posture: first }],
    ['cluster', 'posture', { posture: weaker }],
    [tenant, 'posture_changed', { posture_change: change }],
  ])
  assert.deepEqual(await toldBy(path, [weaker]), [['cluster', 'posture', { posture: weaker }]])
  assert.deepEqual(await toldBy(path, [first]), [
    ['cluster', 'posture', { posture: first }],
    [tenant, 'posture_changed', { posture_change: { ...change, before: '0', after: '1', effect: 'stronger' } }],
  ])
  writeFileSync(path, '[')
  assert.deepEqual(await toldBy(path, [weaker]), [['cluster', 'posture', { posture: weaker }]])
})
