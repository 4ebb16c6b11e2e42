// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { constants } from 'node:os'
import { test } from 'node:test'
import { createProcessTable, processTableLimits } from '../observe/process-table.ts'
import { plainStart, sampleFile, sampleTask, service } from '../observe/sample-observations.ts'
import type { Observation, Task, WatchedVariable } from '../sources/observation.ts'
import { isSameProcess, type ProtectedProcess } from './act.ts'
import { createCodeBaseline } from './code-baseline.ts'
import { isKernel, type JudgeContext, judge } from './judge.ts'
import { runsNode } from './runtime-flags.ts'
import { isAtLeast, isRecon, techniqueNumber, type Way, ways } from './ways.ts'

const { SIGUSR1, SIGSTOP, SIGQUIT, SIGABRT, SIGTERM, SIGCONT, SIGKILL } = constants.signals

const vault: ProtectedProcess = { ...service, name: 'vault', exe: '/usr/sbin/keyservice', steps: ['kill', 'evict'] }
const web: ProtectedProcess = {
  pid: 901,
  startNs: 13_000_000_000n,
  name: 'web',
  comm: 'node',
  exe: '/usr/bin/node',
  steps: [],
}
const webTask = { ...web, comm: 'node', ppid: 1 }
/** It registered itself: nobody has told the guard its image. */
const unseen: ProtectedProcess = { ...web, pid: 911, comm: 'node-MainThread', exe: null }
const guarded = [vault, web, unseen]
const thief = sampleTask({ comm: 'reader', exe: '/tmp/renamed' })
const at = { timeNs: 90_000_000_000n, truncated: false } as const

function contextOf(change: Partial<JudgeContext> = {}): JudgeContext {
  return {
    protectedAt: (process) => guarded.find((one) => isSameProcess(one, process)),
    protectedNow: (pid) => guarded.find((one) => one.pid === pid),
    protectedProgram: (path) => guarded.find(({ exe }) => exe === path),
    protectedInGroup: (path) => (path === '/system.slice/keys.service' ? vault : undefined),
    isOurs: () => false,
    handles: () => false,
    isUsualCode: () => false,
    keysKeptFrom: (task, watched) => (watched === '/etc/vault' && task.exe === thief.exe ? vault : undefined),
    codeOf: (watched) => (watched === '/usr/lib/vault' ? vault : undefined),
    processes: createProcessTable(processTableLimits),
    ...change,
  }
}

/** Way and error, to compare. */
const wayOf = (observation: Observation, context = contextOf()) => judge(observation, context)?.way

const by = <O extends object>(actor: Task, act: O) => ({ ...at, actor, ...act })
const ptrace = (request: number, change: object = {}) =>
  by(thief, { kind: 'ptrace', target: service, request, result: 0, ...change }) as Observation
const memory = (flags: number, actor = thief) =>
  by(actor, { kind: 'mem_open', syscall: 'openat', target: service, flags } as const)
const signal = (number: number, change: object = {}) =>
  by(thief, { kind: 'signal', target: service, signal: number, sentBy: 'kill', ...change }) as Observation
const reach = (call: string, request: number) =>
  by(thief, { kind: 'reach', call, target: service, request, result: 0, taken: '' }) as Observation
const sysctl = (name: string, before: string, after: string) =>
  by(thief, { kind: 'sysctl', name, before, after } as const)
const nobody = { pid: 0, startNs: 0n, comm: '', ppid: 0 }
const proc = (name: string, actor = thief) =>
  by(actor, { kind: 'proc_open', syscall: 'openat', target: service, flags: 0, path: `/proc/900/${name}` } as const)
const opened = (path: string) =>
  ({ kind: 'file_open', syscall: 'openat', file: sampleFile(path), flags: 0, watched: '/etc/vault' }) as const
const changed = (path: string | null, to: string | null) =>
  ({
    ...{ kind: 'file_change', change: 'rename', path, to, dev: 1, ino: 1n, fsMagic: 0, lines: null, isSetBack: false },
    ...{ after: null, before: null, watched: path?.startsWith('/usr/lib') ? '/usr/lib/vault' : '/usr/sbin' },
  }) as unknown as Observation
/** Its image has one more name elsewhere; or something that nobody knew came under its name. */
const linked = (change: object) =>
  ({ ...changed(vault.exe, null), change: 'link', watched: vault.exe, ...change }) as unknown as Observation
const start = (actor: Task, argv: readonly string[], variables: readonly WatchedVariable[] = []): Observation =>
  by(actor, { kind: 'exec', file: sampleFile(actor.exe ?? ''), filename: '', argv, ...plainStart, variables } as const)

test('RIM-5 what the guard had denied is an act that was refused for it', () => {
  const denied = [
    ptrace(16, { result: -1, prevented: true }),
    { ...memory(0), prevented: true } as const,
    by(thief, { kind: 'vm_read', target: service, bytes: 0, result: -1, prevented: true } as const),
    { ...reach('pidfd_getfd', 3), result: -1, prevented: true } as Observation,
  ]
  for (const observation of denied) {
    const { error, prevention } = judge(observation, contextOf()) ?? {}
    assert.deepEqual([error, prevention], [constants.errno.EPERM, 'denied'], observation.kind)
  }
  assert.equal(judge(ptrace(16, { result: -1 }), contextOf())?.prevention, undefined, 'others refuse, too')
})

test('RIM-1 each way to the memory of a protected process is an act, by object, and a refused one too', () => {
  const cases: [Observation, Way][] = [
    [ptrace(16), 'ptrace_attach'],
    [ptrace(16902), 'ptrace_seize'],
    [ptrace(16902, { result: -1 }), 'ptrace_seize'],
    [ptrace(5), 'ptrace_write'],
    [memory(0), 'proc_mem_read'],
    [memory(1), 'proc_mem_write'],
    [memory(2), 'proc_mem_write'],
    [by(thief, { kind: 'vm_read', target: service, bytes: 64, result: 64 } as const), 'vm_read'],
    [by(thief, { kind: 'vm_write', target: service, bytes: 0, result: -1 } as const), 'vm_write'],
    [reach('pidfd_getfd', 4), 'fd_taken'],
    [reach('prlimit64', 4), 'core_limit_raised'],
    [reach('process_madvise', 21), 'protection_weakened'],
    [by(thief, { kind: 'perf', target: service, type: 1, result: 3 } as const), 'perf'],
    [signal(SIGSTOP), 'stopped'],
    [proc('environ'), 'environ_read'],
    [proc('task/900/maps'), 'maps_read'],
    [proc('pagemap'), 'maps_read'],
    [proc('fd'), 'fd_listed'],
    [proc('map_files'), 'map_files'],
    [by(thief, { kind: 'perf', target: nobody, type: 8, result: 3, path: '/usr/bin/node' } as const), 'uprobe'],
    [by(thief, { kind: 'frozen', cgroupId: 7n, path: '/system.slice/keys.service', frozen: true } as const), 'frozen'],
    [by(sampleTask({ ...service }), { kind: 'weakened', what: 'dumpable', value: 1n } as const), 'protection_weakened'],
    [
      by(sampleTask({ ...service }), { kind: 'weakened', what: 'tracer', value: 2n ** 64n - 1n } as const),
      'protection_weakened',
    ],
    [
      by(sampleTask({ ...service }), { kind: 'exit', exitCode: 0, signal: SIGABRT, dumped: true } as const),
      'dump_signal',
    ],
    [
      by(thief, {
        kind: 'file_open',
        syscall: 'openat',
        file: sampleFile('/etc/ld.so.preload'),
        flags: 1,
        watched: '/etc/ld.so.preload',
      } as const),
      'preload',
    ],
    [by(thief, { ...opened('/etc/vault/seal.key'), watched: '/etc/vault' }), 'key_file_read'],
    [by(thief, { ...opened('/etc/vault/seal.key'), watched: '/etc/vault', flags: null }), 'key_file_read'],
    [by(thief, changed('/usr/sbin/keyservice', null)), 'image_replaced'],
    [by(thief, changed(null, '/usr/sbin/keyservice')), 'image_replaced'],
    [by(thief, changed('/usr/lib/vault/plugin.so', null)), 'image_replaced'],
    [by(thief, linked({ before: null })), 'image_replaced'],
    [
      { ...reach('pidfd_getfd', 4), target: { ...service, pid: 77 }, taken: '/proc/900/mem' } as Observation,
      'memory_descriptor_passed',
    ],
    [by(sampleTask(), { kind: 'fork', child: service, tracer: 5 } as const), 'traced_from_birth'],
    [signal(SIGQUIT), 'dump_signal'],
    [signal(SIGUSR1, { target: webTask }), 'inspector_signal'],
    [signal(SIGUSR1, { target: { ...unseen, ppid: 1 } }), 'inspector_signal'],
    [sysctl('kernel/core_pattern', 'core', '|/tmp/steal %p'), 'core_pattern_changed'],
    [sysctl('kernel/yama/ptrace_scope', '1', '0'), 'protection_weakened'],
    [sysctl('fs/suid_dumpable', '0', '1'), 'protection_weakened'],
  ]
  for (const [observation, way] of cases) assert.equal(wayOf(observation), way, JSON.stringify([way, observation.kind]))
  const refused = judge(ptrace(16902, { result: -1 }), contextOf())
  assert.deepEqual([refused?.error, refused?.severity, refused?.actor.pid], [1, 'critical', thief.pid])
})

test('RIM-2 a key file that was refused is an act that reached nothing; its folder is no key, and who writes or may read is no thief', () => {
  const denied = { kind: 'file_denied', way: 'read', table: 1, rule: 0, repeats: 0 } as const
  const { file, watched } = opened('/etc/vault/seal.key')
  const act = judge(by(thief, { ...denied, file, watched }) as Observation, contextOf())
  assert.deepEqual([act?.way, act?.error, act?.severity], ['key_file_read', 1, 'high'])
  const folder = sampleFile('/etc/vault', { mode: 0o040700 })
  const harmless = [
    by(thief, { ...opened(''), file: folder }),
    by(thief, { ...opened('/etc/vault/seal.key'), flags: 1 }),
    by(thief, { ...opened('/etc/shadow'), watched: '/etc/shadow' }),
    by(sampleTask(), opened('/etc/vault/seal.key')),
    by(thief, changed('/usr/sbin/other', '/usr/sbin/another')),
  ]
  for (const one of harmless) assert.equal(wayOf(one as Observation), undefined, JSON.stringify(one.actor.exe))
})

test('RIM-1 a descriptor of its memory that is handed on names who opened it and who reads', () => {
  const processes = createProcessTable(processTableLimits)
  const opener = sampleTask({ pid: 1400, startNs: 88_000_000_000n, exe: '/tmp/opener' })
  processes.learn(memory(0, opener))
  const sender = { pid: 1400, startNs: 88_000_000_000n, comm: 'opener', ppid: 1200 }
  const given = by(thief, { kind: 'passed', sender, descriptor: 4, flags: 0, watched: null } as const)
  const act = judge({ ...given, path: '/proc/900/task/912/mem' }, contextOf({ processes }))
  assert.deepEqual([act?.way, act?.actor.exe, act?.reader?.pid], ['memory_descriptor_passed', '/tmp/opener', thief.pid])
  const unknown = judge({ ...given, path: '/proc/900/mem', sender: { ...sender, pid: 0 } }, contextOf({ processes }))
  assert.deepEqual([unknown?.actor.pid, unknown?.reader], [thief.pid, undefined])
  for (const path of ['/proc/902/mem', '/proc/900/maps', '/tmp/proc/900/mem'])
    assert.equal(judge({ ...given, path }, contextOf({ processes })), undefined, path)
})

test('RIM-1 a descriptor of its memory that a child has from birth names the parent who opened it, and the child', () => {
  const processes = createProcessTable(processTableLimits)
  const opener = sampleTask({ pid: 1400, startNs: 88_000_000_000n, exe: '/tmp/opener' })
  processes.learn(memory(0, opener))
  const child = { pid: 1500, startNs: 89_000_000_000n, comm: 'opener', ppid: 1400 }
  const fork = by({ ...opener, exe: null, ancestors: [] }, { kind: 'fork', child, inherited: '/proc/900/mem' } as const)
  const act = judge(fork, contextOf({ processes }))
  assert.deepEqual([act?.way, act?.actor.exe, act?.reader], ['memory_descriptor_passed', '/tmp/opener', child])
  assert.equal(act?.isInherited, true)
  assert.equal(wayOf({ ...fork, inherited: '/proc/902/mem' }), undefined, 'nobody protects that one')
  const own = sampleTask({ ...service, tid: 900, exe: vault.exe })
  assert.equal(wayOf({ ...fork, actor: own }), undefined, 'its own memory')
})

test('RIM-1 equal acts that are told as one count, and so do their bytes', () => {
  const again = { times: 9, lastNs: at.timeNs + 5n }
  const read = by(thief, { kind: 'vm_read', target: service, bytes: 4096, result: 4096, again } as const)
  const act = judge(read, contextOf())
  assert.deepEqual([act?.times, act?.bytes, act?.lastNs], [10, 40_960, at.timeNs + 5n])
})

test('RIM-1 what is normal life is no act', () => {
  const own = sampleTask({ ...service, tid: 912, exe: vault.exe })
  const systemd = sampleTask({ pid: 1, ppid: 0, startNs: 10_000_000n, exe: '/usr/lib/systemd/systemd', ancestors: [] })
  const kernel = sampleTask({ pid: 77, ppid: 2, exe: null, ancestors: [] })
  const quiet: Observation[] = [
    memory(0, own),
    { ...signal(SIGABRT), actor: own },
    { ...signal(SIGABRT), actor: systemd },
    { ...ptrace(16902), actor: kernel },
    signal(SIGABRT, { sentBy: 'kernel' }),
    ...[SIGTERM, SIGKILL, SIGCONT, SIGUSR1].map((number) => signal(number)),
    ptrace(16902, { target: { ...service, startNs: service.startNs + 40_000_000_000n } }),
    reach('prlimit64', 7),
    reach('kcmp', 0),
    sysctl('kernel/core_pattern', 'core', 'core'),
    sysctl('kernel/yama/ptrace_scope', '0', '1'),
    sysctl('kernel/yama/ptrace_scope', '1', 'nothing'),
    sysctl('net/ipv4/ip_forward', '0', '1'),
    by(thief, linked({ before: { size: 1n } })),
    by(thief, { kind: 'perf', target: { ...service, pid: 0, startNs: 0n }, type: 1, result: 3 } as const),
    by(thief, { kind: 'exit', exitCode: 0, signal: 0 } as const),
    start(thief, ['ps', 'aux']),
    proc('environ', systemd),
    by(thief, { kind: 'frozen', cgroupId: 7n, path: '/system.slice/keys.service', frozen: false } as const),
    by(systemd, { kind: 'frozen', cgroupId: 7n, path: '/system.slice/keys.service', frozen: true } as const),
    by(own, { kind: 'weakened', what: 'dumpable', value: 0n } as const),
    by(thief, { kind: 'weakened', what: 'dumpable', value: 1n } as const),
    by(sampleTask(), { kind: 'fork', child: service } as const),
    by(thief, {
      kind: 'file_open',
      syscall: 'openat',
      file: sampleFile('/etc/ld.so.preload'),
      flags: 0,
      watched: '/etc/ld.so.preload',
    } as const),
  ]
  for (const observation of quiet)
    assert.equal(judge(observation, contextOf()), undefined, JSON.stringify(observation.kind))
  assert.equal(wayOf(ptrace(16902), contextOf({ isOurs: ({ pid }) => pid === thief.pid })), undefined)
  assert.equal(wayOf(signal(SIGQUIT), contextOf({ handles: () => true })), undefined, 'it reopens its logs by that')
  assert(isKernel({ pid: 2, ppid: 0, exe: null }) && !isKernel({ pid: 77, ppid: 2, exe: '/tmp/kworker' }))
})

test('RIM-1 a fork that looks at its parent has its memory anyway; one that runs another program is a stranger', () => {
  const processes = createProcessTable(processTableLimits)
  const own = sampleTask({ ...service, tid: 900, exe: vault.exe, ancestors: [] })
  processes.learn(by(own, { kind: 'exit', exitCode: 0, signal: 0 } as const))
  const child = sampleTask({ pid: 950, startNs: 89_000_000_000n, exe: vault.exe, ppid: 900, ancestors: [own] })
  processes.learn(by(own, { kind: 'fork', child: { ...child, ppid: 900 } } as const))
  assert.equal(wayOf(memory(0, child), contextOf({ processes })), undefined)
  const limit = {
    ...by(child, { kind: 'reach', call: 'prlimit64', request: 4, result: 0, taken: '', target: service } as const),
  }
  assert.equal(wayOf(limit, contextOf({ processes })), undefined)
  processes.learn(start({ ...child, exe: '/usr/bin/cat' }, ['cat']))
  const stranger = { ...child, exe: '/usr/bin/cat' }
  assert.equal(wayOf(memory(0, stranger), contextOf({ processes })), 'proc_mem_read')
  assert.equal(wayOf({ ...limit, actor: stranger }, contextOf({ processes })), 'core_limit_raised')
})

test('RIM-1 how a protected program is started: preloaded code, an inspector, flags of its runtime; the starter is named', () => {
  const shell = { pid: 1200, startNs: 60_000_000_000n, comm: 'bash' }
  const keyservice = sampleTask({ ...service, exe: vault.exe, ancestors: [shell] })
  const node = sampleTask({ ...webTask, exe: web.exe, ancestors: [shell] })
  const preloaded = judge(start(keyservice, ['keyservice'], ['LD_PRELOAD']), contextOf())
  assert.deepEqual([preloaded?.way, preloaded?.actor.pid, preloaded?.detail], ['preload', 1200, 'LD_PRELOAD'])
  assert.equal(wayOf(start(keyservice, ['keyservice', '--inspect'])), undefined, 'it is no Node')
  assert.equal(wayOf(start(keyservice, ['keyservice'], ['LD_LIBRARY_PATH'])), undefined)
  const traced = judge({ ...start(node, ['node', 'a.js']), tracer: 1200 } as Observation, contextOf())
  assert.deepEqual([traced?.way, traced?.actor.pid], ['traced_from_birth', 1200])
  const flags: [string[], Way | undefined][] = [
    [['node', '--inspect=0.0.0.0:9229', 'a.js'], 'inspector_listens'],
    [['node', '--heapsnapshot-signal=SIGUSR2', 'a.js'], 'runtime_flags'],
    [['node', '--report-on-signal', 'a.js'], 'runtime_flags'],
    [['node', '--max-old-space-size=64', 'a.js', '--inspect'], undefined],
    [['node', 'a.js'], undefined],
  ]
  for (const [argv, way] of flags) assert.equal(wayOf(start(node, argv)), way, argv.join(' '))
  const options = start(node, ['node', 'a.js'], ['NODE_OPTIONS'])
  assert.equal(wayOf(options), 'runtime_flags')
  assert.equal(wayOf({ ...options, optionsHarmless: true } as Observation), undefined)
  assert.equal(
    wayOf(by(node, { kind: 'ptrace', target: webTask, request: 0, result: 0 } as const)),
    'traced_from_birth',
  )
  assert.deepEqual(['/usr/bin/node', '/usr/bin/nodejs', '/opt/node-22.1', '/usr/bin/noded', null].map(runsNode), [
    true,
    true,
    true,
    false,
    false,
  ])
})

test('RIM-1 a debugger that is started on it is named before it does anything', () => {
  const gdb = sampleTask({ exe: '/usr/bin/gdb' })
  for (const argv of [
    ['gdb', '-p', '900'],
    ['gdb', '-p900'],
    ['gdb', '--pid=900'],
    ['gcore', '900'],
  ])
    assert.equal(wayOf(start(gdb, argv)), 'debugger_started', argv.join(' '))
  for (const argv of [['gdb', '-p', '902'], ['gdb'], ['gdb', '900x']]) assert.equal(wayOf(start(gdb, argv)), undefined)
  assert.equal(wayOf(start(sampleTask({ exe: '/usr/bin/cat' }), ['cat', '900'])), undefined)
})

test('RIM-1 code that comes to a program is held against what it had: the compiler of V8 is known, the rest is learned', () => {
  const baseline = createCodeBaseline(runsNode)
  const context = contextOf({ isUsualCode: baseline.isUsual })
  const code = (task: Task, way: string, timeNs: bigint) =>
    wayOf(
      {
        ...by(task, { kind: 'executable', way, address: 0n, length: 4096n, protection: 7, path: '' }),
        timeNs,
      } as Observation,
      context,
    )
  const late = 900_000_000_000n
  const [node, key] = [sampleTask({ ...webTask }), sampleTask({ ...service })]
  for (const way of ['writable', 'made', 'anonymous']) assert.equal(code(node, way, late), undefined, way)
  assert.equal(code(node, 'nameless_file', late), 'new_code')
  assert.equal(code(key, 'made', service.startNs + 1n), undefined, 'it is young, and that is learned')
  assert.equal(code(key, 'made', late), undefined)
  assert.equal(code(key, 'writable', late), 'new_code')
  assert.equal(code(thief, 'writable', late), undefined)
})

test('RIM-1 every way has a severity, a technique and words; a look around is no more than that', () => {
  for (const way of Object.keys(ways) as Way[]) {
    assert.match(techniqueNumber(way), /^T\d{4}(\.\d{3})?$/, way)
    assert.equal(isRecon(way), ['maps_read', 'fd_listed', 'environ_read'].includes(way))
  }
  assert(isAtLeast('critical', 'high') && isAtLeast('high', 'high') && !isAtLeast('medium', 'high'))
})
