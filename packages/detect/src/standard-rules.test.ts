// SPDX-License-Identifier: Apache-2.0
// The rules that come with Sealwatch: each against its recorded samples.

import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { scrubTexts } from '@sealwatch/base'
import { evaluate, judged, loadRules } from './index.ts'

const root = join(import.meta.dirname, '../../..')
const folder = join(root, 'rules')
type Event = { readonly type_uid: number }
const event = (name: string) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Event

const files = readdirSync(folder)
  .filter((path) => path.endsWith('.yml'))
  .map((path) => ({ path, text: readFileSync(join(folder, path), 'utf8') }))
const { ruleset, problems, notices } = loadRules(files)
/** An event, or several that come together. */
const sample = (name: string) => event(name) as Event | readonly Event[]
const firing = (one: Event | readonly Event[]) =>
  judged(
    ruleset,
    [one].flat().map((event) => ({ event })),
  ).map(({ rule }) => rule.path)

test('every rule compiles, does what it says, and says what it is', () => {
  assert.deepEqual([problems, notices], [[], []])
  for (const rule of [...ruleset.rules, ...ruleset.correlations]) {
    assert.notEqual(rule.description, undefined, rule.path)
    assert.notDeepEqual(rule.falsepositives, [], rule.path)
    // What a policy denies may be anything.
    assert.equal(rule.attacks.length > 0, rule.path !== 'policy-denied.yml', rule.path)
    for (const attack of rule.attacks)
      assert(attack.tactic && (attack.sub_technique ?? attack.technique)?.name, `${rule.path} has an unknown tag`)
  }
})

test('every rule has a sample that fires it alone, and one that differs in a single attribute and fires nothing', async (t) => {
  for (const { path } of files)
    await t.test(path, () => {
      const fires = sample(path.replace('.yml', '.fires.json'))
      const quiet = sample(path.replace('.yml', '.quiet.json'))
      assert.deepEqual(firing(fires), [path])
      assert.deepEqual(firing(quiet), [])
      assert.equal(differences(fires, quiet, '').length, 1, differences(fires, quiet, '').join(', '))
    })
})

test('RIM-2: what an incident of the guard tells is no second alert, and without it each is one', () => {
  const raw = [
    'ptrace-attach',
    'proc-mem-read',
    'proc-mem-write',
    'process-vm-read',
    'process-vm-write',
    'descriptor-taken',
  ]
  for (const rule of [...raw, 'memory-descriptor-passed', 'sealwatch-part-signalled']) {
    const fires = event(`${rule}.fires.json`) as Event & { readonly unmapped: object }
    assert.deepEqual(firing({ ...fires, unmapped: { ...fires.unmapped, guarded_by: 'inc_1' } } as Event), [], rule)
  }
})

test('LOG-5: rules judge what the scrubber leaves, which is all of an event that holds no secret', () => {
  for (const { path } of files) {
    const fires = sample(path.replace('.yml', '.fires.json'))
    const scrubbed = [fires].flat().map((event) => scrubTexts(event))
    assert.deepEqual(scrubbed, [fires].flat(), path)
    assert.deepEqual(firing(scrubbed), [path])
  }
})

test('what an alert says was done was done: not where it was refused or failed, but where it is under way', () => {
  const firesWith = (rule: string, outcome: object) => firing({ ...event(`${rule}.fires.json`), ...outcome }).length
  const refused = { status_id: 2, status: 'Failure', status_code: 'EPERM' }
  for (const rule of ['shell-connects', 'metadata-service', 'raw-socket', 'interpreter-listens'])
    assert.equal(firesWith(rule, refused), 0, rule)
  const underWay = { status_id: 0, status: 'Unknown', status_code: 'EINPROGRESS' }
  for (const rule of ['shell-connects', 'metadata-service']) assert.equal(firesWith(rule, underWay), 1, rule)
})

test('who gives away a file that decides who comes in is told, also where its content is as its package brought it', () => {
  const firesBy = (rule: string, change: string) => {
    const fires = event(`${rule}.fires.json`) as Event & { unmapped: object }
    return firing({ ...fires, unmapped: { ...fires.unmapped, change, as_shipped: true } } as Event).includes(
      `${rule}.yml`,
    )
  }
  const changed = ['accounts', 'boot', 'cron', 'pam', 'preload', 'shell-start', 'ssh-server', 'sudoers', 'unit']
  for (const rule of [...changed.map((name) => `${name}-changed`), 'root-key-added'])
    assert(firesBy(rule, 'attributes'), rule)
  for (const rule of ['pam-changed', 'ssh-server-changed', 'sudoers-changed']) assert(firesBy(rule, 'remove'), rule)
  for (const rule of ['pam-changed', 'unit-changed', 'boot-changed']) assert(!firesBy(rule, 'write'), rule)
})

test('no rule judges by the name that a process gives itself', () => {
  const renamed = (value: unknown): unknown =>
    Array.isArray(value)
      ? value.map(renamed)
      : typeof value !== 'object' || value === null
        ? value
        : Object.fromEntries(
            Object.entries(value).map(([name, inner]) => [
              name,
              // The name of a unix socket is its place.
              name === 'dst_endpoint' ? inner : name === 'name' ? 'systemd' : renamed(inner),
            ]),
          )
  for (const { path } of files)
    assert.deepEqual(firing(renamed(sample(path.replace('.yml', '.fires.json'))) as Event), [path])
})

test('programs that must read the password hashes may, on every distribution we know', () => {
  const fires = event('shadow-read.fires.json') as Event & { actor: { process: { file: object } } }
  const by = (path: string) => {
    const actor = { ...fires.actor, process: { ...fires.actor.process, file: { path } } }
    return firing({ ...fires, actor } as Event).length
  }
  const expected = [
    ...[
      '/usr/bin/login',
      '/usr/bin/su',
      '/usr/bin/sudo',
      '/usr/sbin/sshd',
      '/usr/sbin/unix_chkpwd',
      '/usr/bin/unix_chkpwd',
    ],
    ...[
      '/usr/bin/passwd',
      '/usr/bin/chage',
      '/usr/sbin/useradd',
      '/usr/bin/useradd',
      '/usr/sbin/groupmod',
      '/sbin/pwconv',
    ],
    ...['/usr/lib/systemd/systemd', '/usr/lib/systemd/systemd-executor', '/usr/bin/systemd-sysusers', '/usr/sbin/cron'],
    ...['/usr/lib/openssh/sshd-session', '/usr/libexec/openssh/sshd-auth', '/usr/libexec/polkit-agent-helper-1'],
    ...['/usr/lib/polkit-1/polkit-agent-helper-1', '/usr/libexec/accounts-daemon', '/usr/libexec/gdm-session-worker'],
  ]
  for (const path of expected) assert.equal(by(path), 0, path)
  const others = [
    '/tmp/usr/bin/su',
    '/usr/bin/su2',
    '/usr/local/bin/passwd',
    '/usr/bin/perl',
    '/home/x/sshd',
    'usr/bin/su',
  ]
  for (const path of others) assert.equal(by(path), 1, path)
})

test('the password hashes are known by what they are, not by the path they were opened by', () => {
  const fires = event('shadow-read.fires.json') as Event & { file: object; unmapped: object }
  const firingWith = (path: string, watched: string) =>
    firing({ ...fires, file: { ...fires.file, path }, unmapped: { ...fires.unmapped, watched } } as Event).length
  assert.equal(firingWith('/tmp/x', '/etc/shadow'), 1)
  assert.equal(firingWith('/mnt/etc/gshadow', '/etc/gshadow'), 1)
  assert.equal(firingWith('/etc/shadow-', '/etc/shadow-'), 1, 'the backup that passwd leaves')
  assert.equal(firingWith('/etc/gshadow-', '/etc/gshadow-'), 1)
  assert.equal(firingWith('/etc/shadow', '/etc/hostname'), 0, 'another file, mounted over it')
})

test('each of Sealwatch’s own keys may be read by the one program that has it, and by nobody else', () => {
  const fires = event('sealwatch-key-read.fires.json') as Event & { actor: { process: object }; unmapped: object }
  const firingWith = (watched: string, euid: number | undefined) => {
    const actor = { ...fires.actor, process: { ...fires.actor.process, euid } }
    return firing({ ...fires, actor, unmapped: { ...fires.unmapped, watched } } as Event).length
  }
  const keys = ['/var/lib/sealwatch/server/keys', '/srv/seal/agent/host.key', '/srv/seal/agent/identity.pem']
  const alerts = (euid: number | undefined) => keys.map((key) => firingWith(key, euid))
  assert.deepEqual([0, 1000, 64_703, undefined].map(alerts), Array(4).fill([1, 1, 1]))
  assert.deepEqual(alerts(64_701), [0, 1, 1], 'the server has its keys')
  assert.deepEqual(alerts(64_702), [1, 0, 0], 'the agent has its own')
  assert.equal(firingWith('/etc/hostname', 0), 0)
})

test('a container runtime may run from memory as root only: whoever else can mount his own program over it', () => {
  const fires = event('memfd-exec.fires.json') as Event & { actor: { process: object } }
  const byRunc = (euid: number | undefined, path = '/usr/sbin/runc') => {
    const process = { ...fires.actor.process, euid, parent_process: { file: { path } } }
    return firing({ ...fires, actor: { ...fires.actor, process } } as Event).length
  }
  assert.deepEqual(
    [0, 1000, undefined].map((euid) => byRunc(euid)),
    [0, 1, 1],
  )
  assert.equal(byRunc(0, '/tmp/usr/sbin/runc'), 1)
})

const samples = join(root, '../shared/rules-samples/sigma-linux')
const skip = existsSync(samples) ? false : 'no Sigma rules at ../shared/rules-samples: foreign rules are NOT tried'

test('foreign Sigma rules for Linux compile, and the standard samples fire few of them', { skip }, (t) => {
  const foreign = readdirSync(samples, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.yml'))
    .map((path) => ({ path, text: readFileSync(join(samples, path), 'utf8') }))
  const loaded = loadRules(foreign)
  assert.deepEqual(loaded.problems, [])
  const count = (fires: string) => loaded.reports.filter((report) => report.fires === fires).length
  t.diagnostic(`of ${foreign.length} ${count('whole')} fire, ${count('in part')} in part, ${count('never')} never here`)
  for (const { path, fires, missing } of loaded.reports)
    if (fires !== 'whole') t.diagnostic(`${path} ${fires}: ${missing.join(', ')}`)
  const fired = files.flatMap(({ path }) =>
    [sample(path.replace('.yml', '.fires.json'))].flat().flatMap((event) => evaluate(loaded.ruleset, event)),
  )
  assert.deepEqual(
    fired.map(({ rule }) => rule.title),
    [
      'Potentially Suspicious Execution From Tmp Folder',
      'Use Of Hidden Paths Or Files',
      'Process Execution From Shared Memory Directory',
      'Local System Accounts Discovery - Linux',
      'Local Groups Discovery - Linux',
      'Local System Accounts Discovery - Linux',
      'Local Groups Discovery - Linux',
      'Potentially Suspicious Execution From Tmp Folder',
      'Use Of Hidden Paths Or Files',
      'Loading of Kernel Module via Insmod',
      'Shell Invocation via Apt - Linux',
      'Potentially Suspicious Execution From Tmp Folder',
      'Use Of Hidden Paths Or Files',
      'Use Of Hidden Paths Or Files',
      'Disable Or Stop Services',
      'Potentially Suspicious Execution From Tmp Folder',
      'Unix Shell Configuration Modification',
      'Local System Accounts Discovery - Linux',
      'Persistence Via Sudoers.d Files',
    ],
  )
})

/** Pointers to every leaf in which two values differ. */
function differences(one: unknown, other: unknown, at: string): readonly string[] {
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null)
    return Object.is(one, other) ? [] : [at]
  const names = new Set([...Object.keys(one), ...Object.keys(other)])
  const member = (value: object, name: string) => (value as Readonly<Record<string, unknown>>)[name]
  return [...names].flatMap((name) => differences(member(one, name), member(other, name), `${at}/${name}`))
}
