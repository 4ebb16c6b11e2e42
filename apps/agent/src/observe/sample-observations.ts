// SPDX-License-Identifier: Apache-2.0
// Tests only: one hand-made observation or record of each kind, and the golden event each becomes (vectors/events).

import { capabilities, type PartFinding, type SealwatchEvent } from '@sealwatch/contract'
import { type PolicyInForce, policiesOf } from '../policies/in-force.ts'
import {
  type FileRef,
  type SensorCounts,
  type SensorHello,
  type SocketRef,
  sites,
  type Task,
} from '../sources/observation.ts'
import type { Posture } from '../sources/posture.ts'
import { deviceOf } from './context.ts'
import type { ProcessFacts } from './enrichment.ts'
import {
  agentStarted,
  agentStopped,
  baselineChecked,
  configApplied,
  configRefused,
  configRolledBack,
  partFound,
  partMissed,
  sensorAttached,
  sensorLost,
} from './lifecycle.ts'
import { dropRecord, gapRecord, shedRecord } from './loss.ts'
import { type ObserveContext, observe, type SiteObservation } from './observe.ts'
import { postureChanged, postureFound } from './posture.ts'
import { createProcessTable, processTableLimits } from './process-table.ts'

export const bootNs = 90_000_000_000n

const hashedInode = 131_222n
const containerId = '4f797c539e6c745de61a93ca3ff892358ecbcaccd8414d5db545c38428142970'
/** Of the processes that the samples know more of, by pid. */
const sampleFacts: Readonly<Record<number, ProcessFacts>> = {
  1400: { groups: { unit: 'user@1000.service', userUnit: 'app-editor.scope' }, terminal: 'pts/3' },
  1500: {
    groups: {
      container: { uid: containerId, runtime: 'cri-o' },
      pod: { uid: '2c48913c-b29f-11e7-9350-020968147796', qos: 'burstable' },
      names: { name: 'k8s_web', image: { uid: 'b1d2c3'.repeat(10), name: 'docker.io/library/nginx:1.25' } },
    },
    terminal: null,
  },
}

const systemd = { pid: 1, startNs: 10_000_000n, comm: 'systemd' }
const bash = { pid: 1200, startNs: 60_000_000_000n, comm: 'bash' }
export const service = { pid: 900, startNs: 12_340_000_000n, comm: 'keyservice', ppid: 1 }

export const sampleRunning = { agent: 4_242, supervisor: 4_200 } as const

export function sampleContext(): ObserveContext {
  const processes = createProcessTable(processTableLimits)
  const root = { uid: 0, argv: [] }
  processes.seed(
    [
      { ...root, pid: 1, startTicks: 1n, exe: '/usr/lib/systemd/systemd', argv: ['/sbin/init'] },
      { ...root, pid: 1200, startTicks: 6_000n, exe: '/usr/bin/bash', argv: ['-bash'] },
      { ...root, pid: 900, startTicks: 1_234n, exe: '/usr/sbin/keyservice', argv: ['keyservice', '--serve'], uid: 64 },
    ],
    80_000_000_000n,
  )
  return {
    processes,
    policies: [],
    running: sampleRunning,
    guardedBy: () => undefined,
    ruleOf: (_table, rule) => samplePolicies.slice(rule).map((policy) => ({ policy, rule: 'no-telnet' }))[0],
    tenant: 'default',
    version: '0.1.0',
    bootOffsetNs: 1_790_000_000_000_000_000n,
    userName: (uid) => ({ 0: 'root', 1000: 'alice' })[uid],
    enrichment: {
      process: ({ pid }) => sampleFacts[pid],
      owner: ({ ino }) => (ino === hashedInode ? { name: 'coreutils', version: '9.1-1' } : undefined),
      shipped: ({ ino }) => (ino === hashedInode ? false : undefined),
      image: ({ ino }) => (ino === hashedInode ? { sha256: '0123456789abcdef'.repeat(4), isProven: true } : undefined),
    },
    device: deviceOf({
      hostId: '0c4f2a53f4f64e17a4f4b8a9d8f3c1aa',
      hostname: 'web-1',
      bootId: 'b5a5ffb4-6a05-4f73-8f26-0f6f4cf0a8a5',
      kernel: '6.1.0-32-amd64',
      osName: 'Debian GNU/Linux',
      osVersion: '12',
    }),
  }
}

export function sampleTask(change: Partial<Task> = {}): Task {
  return {
    pid: 1300,
    startNs: 89_000_000_000n,
    comm: 'cat',
    tid: 1300,
    ppid: bash.pid,
    uid: 0,
    euid: 0,
    gid: 0,
    loginUid: 1000,
    sessionId: 3,
    pidNs: 4_026_531_836,
    mntNs: 4_026_531_841,
    cgroupId: 4_711n,
    exe: '/usr/bin/cat',
    ancestors: [bash, systemd],
    ...change,
  }
}

export function sampleFile(path: string, change: Partial<FileRef> = {}): FileRef {
  const regular = { dev: (8 << 20) | 1, ino: 131_111n, mode: 0o100755, nlink: 1, uid: 0, fsMagic: 0xef53 }
  return { path, ...regular, unlinked: false, memfd: false, ...change }
}

const open = { site: 'openat', kind: 'file_open', syscall: 'openat', timeNs: bootNs, truncated: false } as const
const at = { timeNs: bootNs, truncated: false } as const
const shadow = { file: sampleFile('/etc/shadow', { mode: 0o100640 }), watched: '/etc/shadow' }
const actor = sampleTask()
const tracer = sampleTask({ comm: 'tracer', exe: '/root/tracer' })
const curl = sampleTask({ comm: 'curl', exe: '/usr/bin/curl' })
const payload = sampleTask({ comm: 'payload', exe: '/memfd:payload' })

const reach = { site: 'reach', kind: 'reach', actor: tracer, target: service } as const
const pages = { address: 0x7f0000001000n, length: 8192n } as const
const executable = { site: 'executable', kind: 'executable', actor: payload, ...pages } as const
const bpf = { site: 'bpf', kind: 'bpf', actor: sampleTask({ comm: 'loader', exe: '/root/loader' }) } as const
const perf = { site: 'perf_event_open', kind: 'perf', actor: tracer } as const
const namespaces = { site: 'namespaces', kind: 'namespaces', actor } as const

const refused = { site: 'refused', kind: 'refused', actor: sampleTask({ uid: 1000, euid: 1000 }) } as const
const passed = { site: 'passed', kind: 'passed', actor: tracer, sender: service, descriptor: 4, flags: 0 } as const
const mount = { site: 'mount', kind: 'mount', actor } as const

function sampleSocket(change: Partial<SocketRef> = {}): SocketRef {
  const tcp = { family: 'ipv4', type: 'stream', protocol: 6, netNs: 4_026_531_840 } as const
  return { ...tcp, local: { address: '192.0.2.1', port: 40_000 }, remote: null, name: null, ...change }
}

/** Who changes a file is known by the pid alone: the samples' bash, and one that ended before anybody could look. */
const ended = {
  ...sampleTask({ pid: 1700, tid: 1700, startNs: 0n, exe: null, comm: '', ppid: 0, loginUid: null, sessionId: null }),
  ancestors: [],
}
const change = {
  ...at,
  site: 'file_change',
  kind: 'file_change',
  actor: { ...ended, ...{ pid: bash.pid, tid: bash.pid, startNs: bash.startNs, comm: 'bash', ppid: 1 } },
  path: '/etc/shadow',
  to: null,
  dev: (8 << 20) | 1,
  ino: 131_112n,
  fsMagic: 0xef53,
  watched: '/etc/shadow',
  isSetBack: false,
  lines: null,
} as const
const shadowState = { size: 1_442n, mode: 0o100640, uid: 0, gid: 42, nlink: 1, sha256: null }
const digest = 'fedcba9876543210'.repeat(4)

const sampleTold = [
  ['programs', 'enforce', { id: 'no-cat', action: 'deny', executables: ['/usr/bin/cat'] }] as const,
  ['nights', 'observe', { id: 'nobody', action: 'deny', users: [0] }] as const,
].map(([id, mode, rule]) => ({
  id,
  version: 3,
  digest: '',
  document: JSON.stringify({
    type: 'process',
    name: 'Programs',
    enabled: true,
    mode,
    default: 'allow',
    rules: [rule],
  }),
}))
/** Denies the samples' cat twice over. */
export const samplePolicies: readonly PolicyInForce[] = policiesOf(
  { policies: sampleTold },
  { uid: 'a', hostname: 'web-1' },
).policies

/** Of an exec with nothing special about its environment. */
export const plainStart = { variables: [], variablesCut: false, secure: false, networkDescriptors: [] } as const

export const sampleObservations: Readonly<Record<string, SiteObservation>> = {
  'process-launch': {
    ...at,
    site: 'exec',
    kind: 'exec',
    actor,
    file: sampleFile('/usr/bin/cat'),
    filename: '/bin/cat',
    argv: ['cat', '/etc/hostname'],
    ...plainStart,
  },
  'process-launch-at-terminal': {
    ...at,
    site: 'exec',
    kind: 'exec',
    actor: sampleTask({ pid: 1400 }),
    file: sampleFile('/usr/bin/cat', { ino: hashedInode }),
    filename: '/bin/cat',
    argv: ['cat'],
    ...plainStart,
  },
  'process-launch-in-container': {
    ...at,
    site: 'exec',
    kind: 'exec',
    actor: sampleTask({ pid: 1500, loginUid: null, sessionId: null, pidNs: 4_026_532_700, mntNs: 4_026_532_701 }),
    file: sampleFile('/usr/bin/cat'),
    filename: '/bin/cat',
    argv: ['cat'],
    ...plainStart,
  },
  'process-launch-memfd': {
    ...at,
    site: 'exec',
    kind: 'exec',
    actor: payload,
    file: sampleFile('/memfd:payload', { mode: 0o100777, nlink: 0, fsMagic: 0x01021994, unlinked: true, memfd: true }),
    filename: '/proc/self/fd/3',
    argv: ['payload'],
    ...plainStart,
  },
  'process-launch-preload': {
    ...at,
    site: 'exec',
    kind: 'exec',
    actor: sampleTask({ comm: 'su', exe: '/usr/bin/su', uid: 1000 }),
    file: sampleFile('/usr/bin/su', { mode: 0o104755 }),
    filename: '/bin/su',
    argv: ['su'],
    variables: ['LD_PRELOAD', 'PYTHONPATH'],
    variablesCut: true,
    secure: true,
    networkDescriptors: [],
  },
  'process-launch-from-network': {
    ...at,
    site: 'exec',
    kind: 'exec',
    actor: sampleTask({ comm: 'sh', exe: '/usr/bin/dash' }),
    file: sampleFile('/usr/bin/dash'),
    filename: '/bin/sh',
    argv: ['sh', '-i'],
    ...plainStart,
    networkDescriptors: [0, 2],
  },
  'process-open-descriptor': { ...at, ...reach, call: 'pidfd_getfd', request: 7, result: 4, taken: '/proc/900/mem' },
  'process-open-limit-refused': { ...at, ...reach, call: 'prlimit64', request: 4, result: -1, taken: '' },
  'memory-made-executable': { ...at, ...executable, way: 'made', protection: 5, path: '' },
  'memory-executable-from-start': { ...at, ...executable, way: 'anonymous', protection: 5, path: '' },
  'memory-nameless-file-mapped': { ...at, ...executable, way: 'nameless_file', protection: 5, path: '/memfd:payload' },
  'process-terminate': { ...at, site: 'exit', kind: 'exit', actor, exitCode: 0, signal: 9 },
  'process-open': { ...at, site: 'ptrace', kind: 'ptrace', actor: tracer, target: service, request: 16, result: 0 },
  'process-open-refused': {
    ...at,
    site: 'ptrace',
    kind: 'ptrace',
    actor: tracer,
    target: service,
    request: 16,
    result: -1,
  },
  'process-inject': { ...at, site: 'ptrace', kind: 'ptrace', actor: tracer, target: service, request: 4, result: 0 },
  'process-rename': { ...at, site: 'task_rename', kind: 'rename', actor: payload, from: 'payload', to: 'kworker/0:1' },
  'process-signal': {
    ...at,
    site: 'signal_generate',
    kind: 'signal',
    actor: tracer,
    target: service,
    signal: 9,
    sentBy: 'kill',
  },
  'process-set-user-id': {
    ...at,
    site: 'credentials',
    kind: 'credentials',
    actor: sampleTask({ comm: 'perl', exe: '/usr/bin/perl', uid: 1000, euid: 1000, gid: 1000 }),
    ids: { uid: 0, euid: 0, suid: 0, fsuid: 0, gid: 1000, egid: 1000, sgid: 1000, fsgid: 1000 },
    capabilitiesBefore: 1n << 7n,
    capabilities: (1n << 7n) | (1n << 21n) | (1n << 63n),
  },
  'kernel-module-load': {
    ...at,
    site: 'module',
    kind: 'module',
    actor: sampleTask({ comm: 'insmod', exe: '/usr/bin/kmod' }),
    name: 'diamorphine',
    loaded: true,
    taints: 0x3000,
  },
  'kernel-module-unload': {
    ...at,
    site: 'module',
    kind: 'module',
    actor: sampleTask({ comm: 'rmmod', exe: '/usr/bin/kmod' }),
    name: 'diamorphine',
    loaded: false,
    taints: 0,
  },
  'kernel-bpf-load': {
    ...at,
    ...bpf,
    command: 5,
    object: 'program',
    type: 2,
    id: 77,
    name: 'tcp_hook',
    own: false,
    result: 4,
  },
  'kernel-bpf-refused': { ...at, ...bpf, command: 5, object: null, type: 0, id: 0, name: '', own: false, result: -1 },
  'kernel-bpf-own-map': {
    ...at,
    ...bpf,
    command: 14,
    object: 'map',
    type: 2,
    id: 9,
    name: 'counters',
    own: true,
    result: 4,
  },
  'kernel-perf-cpu': { ...at, ...perf, target: { pid: 0, startNs: 0n, comm: '', ppid: 0 }, type: 2, result: 3 },
  'kernel-perf-process': { ...at, ...perf, target: service, type: 6, result: -13 },
  'kernel-sysctl': {
    ...at,
    site: 'sysctl',
    kind: 'sysctl',
    actor,
    name: 'kernel/randomize_va_space',
    before: '2',
    after: '0',
  },
  'kernel-unshare': {
    ...at,
    ...namespaces,
    call: 'unshare',
    childPid: null,
    entered: { mnt: 4_026_532_700, user: 4_026_532_701 },
  },
  'kernel-clone': { ...at, ...namespaces, call: 'clone', childPid: 1301, entered: { pid: 4_026_532_702 } },
  'network-connect': {
    ...at,
    site: 'connect',
    kind: 'connect',
    actor: curl,
    socket: sampleSocket({ remote: { address: '192.0.2.7', port: 443 } }),
    error: 0,
    repeats: 0,
  },
  'network-connect-under-way': {
    ...at,
    site: 'connect',
    kind: 'connect',
    actor: curl,
    socket: sampleSocket({
      family: 'ipv6',
      local: { address: '2001:db8::1', port: 40_000 },
      remote: { address: '2001:db8::7', port: 443 },
    }),
    error: 115,
    repeats: 41,
  },
  'network-connect-failed': {
    ...at,
    site: 'connect',
    kind: 'connect_failed',
    actor: { ...curl, exe: null, ancestors: [] },
    unsure: capabilities.actorImage | capabilities.actorAncestry,
    socket: sampleSocket({ remote: { address: '192.0.2.7', port: 443 } }),
    error: 110,
    repeats: 0,
  },
  'network-connect-refused': {
    ...at,
    site: 'connect',
    kind: 'connect',
    actor: curl,
    socket: sampleSocket({ local: { address: '0.0.0.0', port: 0 }, remote: { address: '127.0.0.1', port: 9 } }),
    error: 111,
    repeats: 0,
  },
  'network-connect-unix': {
    ...at,
    site: 'connect',
    kind: 'connect',
    actor: curl,
    socket: sampleSocket({ family: 'unix', protocol: 0, local: null, name: '/run/docker.sock' }),
    error: 0,
    repeats: 0,
  },
  'network-accept': {
    ...at,
    site: 'accept',
    kind: 'accept',
    actor,
    socket: sampleSocket({ local: { address: '192.0.2.1', port: 22 }, remote: { address: '192.0.2.9', port: 50_000 } }),
    error: 0,
    repeats: 0,
  },
  'network-bind': {
    ...at,
    site: 'bind',
    kind: 'bind',
    actor,
    socket: sampleSocket({ type: 'dgram', protocol: 17, local: { address: '0.0.0.0', port: 5_353 } }),
    error: 0,
    repeats: 0,
  },
  'network-listen': {
    ...at,
    site: 'listen',
    kind: 'listen',
    actor,
    socket: sampleSocket({ family: 'ipv6', local: { address: '::', port: 4_444 } }),
    error: 0,
    repeats: 0,
  },
  'network-close': {
    ...at,
    site: 'sock_diag',
    kind: 'socket_ended',
    actor: { ...curl, exe: null, ancestors: [] },
    unsure: capabilities.actorIdentity | capabilities.actorImage | capabilities.actorAncestry,
    socket: sampleSocket({ remote: { address: '192.0.2.7', port: 443 } }),
    error: 0,
    repeats: 0,
    began: 'connect',
  },
  'network-connect-denied': {
    ...at,
    site: 'policy',
    kind: 'denied',
    actor,
    call: 'connect',
    socket: { ...sampleSocket({ remote: { address: '192.0.2.7', port: 23 } }), local: null },
    table: 0x5ea1_0001,
    rule: 0,
    repeats: 2,
  },
  'file-denied': {
    ...at,
    site: 'file_policy',
    kind: 'file_denied',
    actor,
    way: 'read',
    file: sampleFile('/tmp/x', { nlink: 2, fsMagic: 0 }),
    watched: '/etc/shadow',
    table: 0x5ea1_0001,
    rule: 0,
    repeats: 6,
  },
  'network-datagram': {
    ...at,
    site: 'datagram',
    kind: 'datagram',
    actor,
    socket: sampleSocket({
      type: 'dgram',
      protocol: 17,
      local: { address: '0.0.0.0', port: 40_001 },
      remote: { address: '192.0.2.53', port: 53 },
    }),
    error: 0,
    repeats: 0,
  },
  'network-socket-packet': {
    ...at,
    site: 'socket',
    kind: 'socket',
    actor,
    socket: sampleSocket({ family: 'packet', type: 'raw', protocol: 3, local: null }),
    error: 0,
    repeats: 0,
  },
  'network-socket-netlink': {
    ...at,
    site: 'socket',
    kind: 'socket',
    actor,
    socket: sampleSocket({ family: 'netlink', type: 'raw', protocol: 9, local: null }),
    error: 1,
    repeats: 0,
  },
  'file-read': { ...open, actor, ...shadow, flags: 0 },
  'file-read-again': { ...open, actor, ...shadow, flags: 0, again: { times: 41, lastNs: bootNs + 4_100_000n } },
  'file-update': { ...open, actor, ...shadow, flags: 0o2 },
  'file-create': { ...open, actor, file: sampleFile('/etc/sudoers.d/new'), watched: '/etc/sudoers.d', flags: 0o101 },
  'file-open': { ...open, actor, ...shadow, flags: 0o10000000 },
  'file-write': { ...change, change: 'write', after: { ...shadowState, sha256: digest }, before: shadowState },
  'file-package-altered': {
    ...change,
    change: 'write',
    path: '/usr/bin/cat',
    watched: '/usr/bin',
    ino: hashedInode,
    after: { ...shadowState, mode: 0o100755, sha256: digest },
    before: { ...shadowState, mode: 0o100755 },
  },
  'file-rename': {
    ...change,
    change: 'rename',
    path: '/etc/shadow.new',
    to: '/etc/shadow',
    after: { ...shadowState, sha256: digest },
    before: shadowState,
  },
  'file-delete': { ...change, change: 'remove', actor: ended, after: null, before: shadowState },
  'file-set-attributes': {
    ...change,
    change: 'attributes',
    isSetBack: true,
    after: { ...shadowState, mode: 0o100666 },
    before: shadowState,
  },
  'file-unwatched': { ...change, change: 'unwatched', path: '/srv/many', watched: '/srv', after: null, before: null },
  'file-cover': {
    ...change,
    change: 'cover',
    actor: { ...ended, pid: 0, tid: 0 },
    after: { ...shadowState, size: 12n },
    before: shadowState,
  },
  'file-open-refused': {
    ...at,
    ...refused,
    what: 'open',
    call: 257,
    error: 13,
    asked: [],
    path: '/etc/shadow',
    watched: '/etc/shadow',
  },
  'kernel-ids-refused': {
    ...at,
    ...refused,
    what: 'ids',
    call: 117,
    error: 1,
    asked: [0n, 0xffff_ffffn, 0n],
    path: null,
    watched: null,
  },
  'kernel-module-refused': {
    ...at,
    ...refused,
    what: 'module',
    call: 313,
    error: 1,
    asked: [],
    path: null,
    watched: null,
  },
  'file-open-passed': { ...at, ...passed, path: '/etc/shadow', watched: '/etc/shadow' },
  'file-open-passed-memory': { ...at, ...passed, path: '/proc/900/mem', watched: null },
  'file-mount': {
    ...at,
    ...mount,
    call: 'mount',
    error: 0,
    flags: 0x1000n,
    source: '/tmp/shadow',
    target: '/etc/shadow',
  },
  'file-unmount-refused': { ...at, ...mount, call: 'umount', error: 1, flags: 2n, source: '', target: '/etc/shadow' },
  'kernel-ring-set-up': { ...at, site: 'io_uring', kind: 'uring', actor, flags: 2, path: null },
  'kernel-ring-opened': { ...at, site: 'io_uring', kind: 'uring', actor, flags: 0, path: 'etc/shadow' },
  'memory-read-proc-32': {
    ...at,
    site: 'entry_32',
    kind: 'mem_open',
    syscall: null,
    actor: tracer,
    target: service,
    flags: 0,
  },
  'file-link': { ...change, change: 'link', after: { ...shadowState, nlink: 2 }, before: shadowState },
  'memory-read-proc': {
    ...at,
    site: 'openat',
    kind: 'mem_open',
    syscall: 'openat',
    actor: tracer,
    target: service,
    flags: 0,
  },
  'memory-write-proc': {
    ...at,
    site: 'open',
    kind: 'mem_open',
    syscall: 'open',
    actor: tracer,
    target: service,
    flags: 1,
  },
  'memory-read-denied': {
    ...at,
    site: 'openat',
    kind: 'mem_open',
    syscall: 'openat',
    actor: tracer,
    target: service,
    flags: 0,
    prevented: true,
  },
  'memory-read-vm': {
    ...at,
    site: 'process_vm_readv',
    kind: 'vm_read',
    actor: tracer,
    target: service,
    bytes: 4096,
    result: 4096,
  },
  'memory-write-vm': {
    ...at,
    site: 'process_vm_writev',
    kind: 'vm_write',
    actor: tracer,
    target: service,
    bytes: 8,
    result: 8,
  },
}

export function sampleCounts(produced: bigint, dropped: bigint): SensorCounts {
  const counts = { produced, dropped, sent: produced - dropped, repeated: 0n }
  return Object.fromEntries(sites.map((site) => [site, counts])) as SensorCounts
}

const era = '5f0c1d9be2a84a53b1c9d2f3e4a5b6c7'

export const sampleHello: SensorHello = {
  kind: 'hello',
  timeNs: bootNs,
  era,
  sensorVersion: '0.1.0',
  kernel: '6.1.0-32-amd64',
  fresh: true,
  modes: { process: 'ebpf', file: 'ebpf', network: 'none' },
  attached: Object.fromEntries(sites.map((site) => [site, { ok: true, reason: '' }])) as SensorHello['attached'],
  counts: sampleCounts(0n, 0n),
}

const sampleCheck = {
  ...{ beganMs: 1, endedMs: 2, digest, against: '0123456789abcdef'.repeat(4), rows: 158_408, unread: 0 },
  ...{ added: 0, removed: 0, changed: 0, untold: 0, names: [] as string[], isAltered: false },
}

const samplePart: PartFinding = {
  id: 0,
  timeMs: 0,
  part: 'agent',
  pid: 700,
  found: 'ended',
  remedy: 'restarted',
  detail: 'SIGKILL',
  tookMs: 3,
  outOfMemory: false,
  bySupervisor: false,
  tracer: null,
  untold: 0,
}
const sampleTracer = { pid: 4242, name: 'gdb', path: '/usr/bin/gdb', uid: 0 }

const samplePosture: Posture = {
  lockdown: 'none',
  lsm: 'lockdown,capability,landlock,yama,apparmor',
  'kernel/yama/ptrace_scope': '0',
  'kernel/unprivileged_bpf_disabled': '2',
  'kernel/core_pattern': 'core',
  'fs/suid_dumpable': '0',
  'kernel/kptr_restrict': '0',
  'kernel/dmesg_restrict': '1',
  'kernel/modules_disabled': '0',
  'kernel/randomize_va_space': '2',
}

/** Every golden event by its name. */
export function sampleEvents(): Readonly<Record<string, SealwatchEvent>> {
  const context = { ...sampleContext(), tenant: 'cluster' }
  const blind = { ...sampleHello, attached: { ...sampleHello.attached, ptrace: { ok: false, reason: 'EPERM' } } }
  const interval = { fromNs: 1_790_000_090_000_000_000n, toNs: 1_790_000_091_500_000_000n }
  const counted = { before: { era, counts: sampleCounts(5n, 0n) }, after: { era, counts: sampleCounts(9n, 1n) } }
  const drafts = {
    'agent-started': agentStarted({ timeNs: bootNs, pid: 700 }, context),
    'agent-stopped': agentStopped({ timeNs: bootNs, pid: 700, cause: 'asked to' }, context),
    'sensor-attached': sensorAttached(sampleHello, context),
    'sensor-attached-in-part': sensorAttached(blind, context),
    'sensor-lost': sensorLost({ timeNs: bootNs, cause: 'end of stream', isTold: false }, context),
    'part-ended': partFound(bootNs, { ...samplePart, part: 'server' }, sampleContext()),
    'part-traced': partFound(
      bootNs,
      { ...samplePart, found: 'traced', remedy: 'killed', detail: 't (tracing stop)', tookMs: 0, tracer: sampleTracer },
      sampleContext(),
    ),
    'part-demoted': partFound(
      bootNs,
      {
        ...samplePart,
        found: 'demoted',
        remedy: 'restored',
        detail: 'scheduling policy SCHED_IDLE (was SCHED_OTHER)',
        tookMs: 0,
      },
      sampleContext(),
    ),
    'part-silent': partMissed(
      bootNs,
      { part: 'supervisor', pid: 690, found: 'silent', detail: 'it does not look any more' },
      sampleContext(),
    ),
    'baseline-made': baselineChecked(bootNs, { ...sampleCheck, against: null, names: [] }, sampleContext()),
    'baseline-untold': baselineChecked(
      bootNs,
      { ...sampleCheck, added: 1, changed: 2, untold: 1, names: ['/usr/bin/cat'] },
      sampleContext(),
    ),
    'config-applied': configApplied(
      bootNs,
      { version: 4, digest: '0123456789abcdef'.repeat(4), groups: [{ name: 'web', version: 3 }] },
      context,
    ),
    'config-refused': configRefused(bootNs, { version: 0, why: 'another digest' }, context),
    'config-rolled-back': configRolledBack(bootNs, { from: 4, to: 3 }, context),
    posture: postureFound(bootNs, samplePosture, context),
    'posture-changed': postureChanged(
      bootNs,
      { setting: 'kernel/yama/ptrace_scope', before: '1', after: '0' },
      sampleContext(),
    ),
    gap: gapRecord(bootNs, { ...interval, cause: 'sensor_died', ...counted, lost: { exec: 3n } }, sampleContext()),
    'gap-unknown': gapRecord(
      bootNs,
      { ...interval, cause: 'host_restarted', before: counted.before, after: null, lost: null },
      sampleContext(),
    ),
    drop: dropRecord(bootNs, { ...interval, era, dropped: { exec: 12n } }, sampleContext()),
    shed: shedRecord(
      bootNs,
      { ...interval, queueDepth: 2_500, shed: { exec: 100, exit: 40 }, sites: { exec: 100, exit: 40 } },
      sampleContext(),
    ),
  }
  const observed = Object.entries(sampleObservations).map(([name, observation]) => {
    const fresh = sampleContext()
    fresh.processes.learn(observation)
    return [name, observe(observation, fresh).event] as const
  })
  const launch = sampleObservations['process-launch'] as SiteObservation
  const judging = { ...sampleContext(), policies: samplePolicies }
  judging.processes.learn(launch)
  const judged = [['process-launch-denied', observe(launch, judging).event] as const]
  const records = Object.entries(drafts).map(([name, { event }]) => [name, event] as const)
  return Object.fromEntries([...observed, ...judged, ...records])
}
