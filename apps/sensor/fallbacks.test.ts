// SPDX-License-Identifier: Apache-2.0
// The sources that watch where BPF does not (docs/fallbacks.md), on the real kernel.

import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { linkSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { SensorReport } from '../agent/src/sources/observation.ts'
import {
  binary,
  type Event,
  isEvent,
  isHello,
  isReport,
  newInstance,
  patienceMs,
  run,
  startAgent,
  startSensor,
  type TestAgent,
  whyNot,
} from './sensor-harness.ts'

const kernel = { skip: whyNot() ?? false, timeout: patienceMs } as const
/** docs/formats/event.md, 5.1 */
const capabilities = {
  actorIdentity: 1,
  actorImage: 2,
  actorCredentials: 4,
  actorLogin: 8,
  actorAncestry: 32,
  objectPath: 64,
  objectIdentity: 128,
  arguments: 256,
} as const
const withoutBpf = ['--processes', 'proc_connector', '--files', 'fanotify', '--network', 'none']

async function watching(t: TestContext, ...args: readonly string[]) {
  const agent = await startAgent(t)
  const instance = newInstance(t)
  const all = ['--socket', agent.socketPath, '--instance', instance, ...withoutBpf, ...args]
  const sensor = startSensor(t, all)
  const hello = await agent.until(isHello)
  return { agent, sensor, hello, args: all, instance }
}

/** A shell that does as it is told, line by line, and lives until the test is over. */
function shell(t: TestContext): { pid: number; does(line: string): void; child: ChildProcess } {
  const child = spawn('/bin/sh', [], { stdio: ['pipe', 'ignore', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  return { child, pid: child.pid ?? 0, does: (line) => void child.stdin?.write(`${line}\n`) }
}

type Of<K extends Event['kind']> = Extract<Event, { kind: K }>
const untilEvent = <K extends Event['kind']>(agent: TestAgent, kind: K, holds: (event: Of<K>) => boolean) =>
  agent.until((message): message is Of<K> => isEvent(message) && message.kind === kind && holds(message as Of<K>))
const isSure = ({ unsure = 0 }: Event, ...names: readonly (keyof typeof capabilities)[]) =>
  names.every((name) => (unsure & capabilities[name]) === 0)

const startOf = (pid: number) => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  return BigInt(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? 0) * 10_000_000n
}

test('AGT-2 the hello tells the modes; what BPF would do stands by, without a reason', kernel, async (t) => {
  const { hello, sensor } = await watching(t)
  assert.deepEqual(hello.modes, { process: 'proc_connector', file: 'fanotify', network: 'none' })
  const attached = Object.entries(hello.attached).filter(([, { ok }]) => ok)
  assert.deepEqual(
    attached.map(([site]) => site),
    ['proc_connector', 'fanotify', 'file_change', 'file_policy'],
  )
  assert.deepEqual(
    Object.values(hello.attached).filter(({ reason }) => reason !== ''),
    [],
  )
  assert.match(sensor.log(), /"warn".*processes are watched by proc_connector.*docs\/fallbacks\.md/)
})

test('AGT-4 without BPF the sensor keeps two capabilities, and no other', kernel, async (t) => {
  const { sensor } = await watching(t)
  const status = readFileSync(`/proc/${sensor.pid}/status`, 'utf8')
  const [sysPtrace, dacReadSearch] = [19n, 2n]
  const kept = (1n << sysPtrace) | (1n << dacReadSearch)
  for (const set of ['CapPrm', 'CapEff'])
    assert.equal(BigInt(`0x${new RegExp(`^${set}:\\s(\\w+)$`, 'm').exec(status)?.[1]}`), kept, set)
  for (const set of ['CapInh', 'CapBnd', 'CapAmb'])
    assert.equal(BigInt(`0x${new RegExp(`^${set}:\\s(\\w+)$`, 'm').exec(status)?.[1]}`), 0n, set)
  assert.match(status, /^Uid:\s64703\s64703\s64703\s64703$/m)
})

test('AGT-1 AGT-3 a process is told from its beginning to its end', kernel, async (t) => {
  const { agent } = await watching(t)
  const sh = shell(t)
  const exec = await untilEvent(agent, 'exec', ({ actor }) => actor.pid === sh.pid)
  assert(
    isSure(exec, 'actorIdentity', 'actorImage', 'actorCredentials', 'actorLogin', 'actorAncestry', 'objectIdentity'),
  )
  assert(!isSure(exec, 'arguments'), 'arguments lie in memory of its own')
  assert.deepEqual([exec.site, exec.actor.uid, exec.actor.euid, exec.actor.ppid], ['proc_connector', 0, 0, process.pid])
  assert.equal(exec.actor.startNs, startOf(sh.pid))
  assert.deepEqual(
    [exec.actor.ancestors[0]?.pid, exec.actor.ancestors[0]?.startNs],
    [process.pid, startOf(process.pid)],
  )
  assert.deepEqual([exec.file.path, exec.argv], ['/usr/bin/dash', ['/bin/sh']])
  const fork = await untilEvent(agent, 'fork', ({ child }) => child.pid === sh.pid)
  assert.equal(fork.actor.pid, process.pid)

  sh.does('printf told > /proc/$$/comm')
  const renamed = await untilEvent(agent, 'rename', ({ actor }) => actor.pid === sh.pid)
  assert.deepEqual([renamed.from, renamed.to], ['sh', 'told'])
  const ended = once(sh.child, 'exit')
  sh.does('exit 7')
  await ended
  const exit = await untilEvent(agent, 'exit', ({ actor }) => actor.pid === sh.pid)
  assert.deepEqual([exit.exitCode, exit.signal, exit.actor.startNs], [7, 0, exec.actor.startNs])
  assert(isSure(exit, 'actorIdentity') && !isSure(exit, 'actorImage'))
})

test('AGT-1 who takes hold of another by ptrace is told', kernel, async (t) => {
  const { agent } = await watching(t)
  const probe = run(binary('probe'), 'ptrace', 'n-tracer', '--linger', '200')
  const { pid } = JSON.parse(probe.stdout) as { pid: number }
  const held = await untilEvent(agent, 'ptrace', ({ actor }) => actor.pid === pid)
  assert.deepEqual(
    [held.actor.comm, held.actor.exe, held.request, held.target.ppid],
    ['n-tracer', binary('probe'), 16, pid],
  )
})

test('AGT-1 AGT-3 a watched file is told by object, and who opened it', kernel, async (t) => {
  const agent = await startAgent(t)
  const at = (name: string) => join(agent.dir, name)
  mkdirSync(at('all'))
  for (const name of ['secret', 'other', 'all/one']) writeFileSync(at(name), name)
  const watches = [at('secret'), at('later'), at('all')].flatMap((path) => ['--watch', path])
  startSensor(t, ['--socket', agent.socketPath, '--instance', newInstance(t), ...withoutBpf, ...watches])
  await agent.until(isHello)
  const sh = shell(t)
  let told = 0
  const opens = async (path: string, line = `: < ${path}`) => {
    sh.does(line)
    const event = await untilEvent(agent, 'file_open', () => agent.events().filter(isOpen).length > told)
    told = agent.events().filter(isOpen).length
    return agent.events().filter(isOpen).at(-1) ?? event
  }
  const isOpen = (event: Event): event is Of<'file_open'> => event.kind === 'file_open'

  const opened = await opens(at('secret'))
  assert.deepEqual([opened.site, opened.syscall, opened.flags], ['fanotify', null, null])
  assert.deepEqual([opened.file.path, opened.watched], [at('secret'), at('secret')])
  assert(isSure(opened, 'actorIdentity', 'actorImage', 'actorCredentials', 'objectPath', 'objectIdentity'))
  const { actor } = opened
  assert.deepEqual([actor.pid, actor.startNs, actor.exe, actor.uid], [sh.pid, startOf(sh.pid), '/usr/bin/dash', 0])
  assert.equal(actor.ancestors[0]?.pid, process.pid)

  linkSync(at('secret'), at('link'))
  assert.deepEqual([(await opens(at('link'))).file.path, told], [at('link'), 2])
  const inFolder = await opens(at('all/one'))
  assert.deepEqual([inFolder.file.path, inFolder.watched], [at('all/one'), at('all')])
  sh.does(`: < ${at('other')}`)
  assert.equal((await opens(at('secret'))).file.path, at('secret'), 'the other file is not told')
})

test('AGT-1 what comes under a watched name is watched once its arrival was seen', kernel, async (t) => {
  const agent = await startAgent(t)
  const at = (name: string) => join(agent.dir, name)
  const watch = ['--watch', at('later')]
  startSensor(t, ['--socket', agent.socketPath, '--instance', newInstance(t), ...withoutBpf, ...watch])
  await agent.until(isHello)
  writeFileSync(at('new'), '')
  renameSync(at('new'), at('later'))
  // The arrival is learned beside what is told: whoever opens it again and again is seen before long.
  const reader = spawn('/bin/sh', ['-c', `while :; do : < ${at('later')}; done`], { stdio: 'ignore' })
  t.after(() => reader.kill('SIGKILL'))
  const event = await untilEvent(agent, 'file_open', ({ actor }) => actor.pid === reader.pid)
  assert.deepEqual([event.file.path, event.watched], [at('later'), at('later')])
})

test('AGT-3 of what ended at once nothing is guessed', kernel, async (t) => {
  const agent = await startAgent(t)
  const secret = join(agent.dir, 'secret')
  writeFileSync(secret, 'x')
  const args = ['--socket', agent.socketPath, '--instance', newInstance(t), ...withoutBpf, '--watch', secret]
  const sensor = startSensor(t, args)
  await agent.until(isHello)
  sensor.child.kill('SIGSTOP')
  const { pid } = run('/bin/cat', secret)
  sensor.child.kill('SIGCONT')
  const opened = await untilEvent(agent, 'file_open', () => true)
  assert.equal(opened.actor.pid, pid)
  assert(!isSure(opened, 'actorIdentity') && !isSure(opened, 'actorImage') && !isSure(opened, 'actorCredentials'))
  assert.deepEqual([opened.actor.exe, opened.actor.uid, opened.actor.ancestors], [null, 4_294_967_295, []])
  assert.equal(opened.file.path, secret, 'the file came with the event')
  const exec = await untilEvent(agent, 'exec', ({ actor }) => actor.pid === pid)
  assert.deepEqual([exec.file.path, exec.argv], ['?', []])
  assert(!isSure(exec, 'objectPath') && !isSure(exec, 'objectIdentity'))
})

test('AGT-5 with the agent stopped: handed over and counted drops are what was produced', kernel, async (t) => {
  const { agent, sensor } = await watching(t, '--ring-bytes', '65536')
  agent.pause()
  const { ok } = run('/bin/sh', '-c', 'i=0; while [ $i -lt 2000 ]; do /bin/true; i=$((i+1)); done')
  assert(ok)
  agent.resume()
  await agent.until((message) => isReport(message) && message.counts.proc_connector.dropped > 0n)
  assert.equal(await sensor.end('SIGTERM'), 0)
  await agent.until((message) => message === agent.messages.at(-1) && isReport(message))
  const last = agent.messages.findLast(isReport)
  const { produced = 0n, dropped = 0n, sent = 0n } = last?.counts.proc_connector ?? {}
  assert(dropped > 0n)
  assert.equal(produced, dropped + sent)
  const received = agent.events().filter(({ site }) => site === 'proc_connector').length
  assert.equal(BigInt(received), sent)
})

test('AGT-5 what the queue of the kernel had no room for is counted, each event of it', kernel, async (t) => {
  const { agent, sensor } = await watching(t, '--ring-bytes', '65536')
  sensor.child.kill('SIGSTOP')
  // Each of them is a beginning and an end.
  assert(run('/bin/sh', '-c', 'i=0; while [ $i -lt 1000 ]; do (:); i=$((i+1)); done').ok)
  sensor.child.kill('SIGCONT')
  // What was lost on a processor is known from the next event there.
  for (const cpu of Array.from({ length: cpus().length }, (_, i) => i)) run('taskset', '-c', String(cpu), '/bin/true')
  const report = await agent.until(
    (message): message is SensorReport => isReport(message) && message.counts.proc_connector.produced >= 2_000n,
  )
  assert(report.counts.proc_connector.dropped > 0n)
  assert.equal(await sensor.end('SIGTERM'), 0)
})

test('AGT-5 a second life goes on in the same era; two at once are refused', kernel, async (t) => {
  const { agent, sensor, hello, args } = await watching(t)
  const other = startSensor(t, args)
  assert.equal(await other.end(), 1)
  assert.match(other.log(), /another sensor of this instance is running/)
  sensor.child.kill('SIGKILL')
  await sensor.end()
  startSensor(t, args)
  const again = await agent.until((message): message is typeof hello => isHello(message) && message !== hello)
  assert.deepEqual([again.era, again.fresh], [hello.era, true])
  const { produced, dropped, sent } = again.counts.proc_connector
  assert(produced > 0n && produced >= dropped + sent)
})

test('AGT-2 AGT-4 where BPF is refused the next best watches, and says why', kernel, async (t) => {
  const agent = await startAgent(t)
  const bounds = ['setpriv', '--bounding-set', '-bpf', '--inh-caps', '-bpf']
  const sensor = startSensor(t, ['--socket', agent.socketPath, '--instance', newInstance(t)], bounds)
  const hello = await agent.until(isHello)
  assert.deepEqual([hello.modes.process, hello.modes.file], ['proc_connector', 'fanotify'])
  assert.match(sensor.log(), /CAP_BPF is missing/)
  const forced = startSensor(t, ['--socket', agent.socketPath, '--instance', newInstance(t), '--files', 'ebpf'], bounds)
  assert.equal(await forced.end(), 3)
  assert.match(forced.log(), /files are not watched by ebpf: CAP_BPF is missing/)
})

test('AGT-2 one domain may be watched by BPF and another not', kernel, async (t) => {
  const agent = await startAgent(t)
  const secret = join(agent.dir, 'secret')
  writeFileSync(secret, 'x')
  const own = ['--files', 'fanotify', '--watch', secret]
  startSensor(t, ['--socket', agent.socketPath, '--instance', newInstance(t), ...own])
  const hello = await agent.until(isHello)
  assert.deepEqual([hello.modes.process, hello.modes.file], ['ebpf', 'fanotify'])
  assert.deepEqual([hello.attached.exec.ok, hello.attached.openat.ok, hello.attached.fanotify.ok], [true, false, true])
  const { pid } = spawnSync('/bin/cat', [secret])
  const opened = await untilEvent(agent, 'file_open', ({ actor }) => actor.pid === pid)
  assert.equal(opened.watched, secret)
  await untilEvent(agent, 'exec', ({ actor }) => actor.pid === pid)
})

test(
  'AGT-2 AGT-3 a domain of which the kernel refuses what it cannot do without falls back alone',
  kernel,
  async (t) => {
    const agent = await startAgent(t)
    const event = '/sys/kernel/tracing/events/syscalls'
    const hide = (call: string) => `mount -t tmpfs no ${event}/sys_exit_${call}`
    const hidden = ['unshare', '-m', 'sh', '-c', `${hide('accept4')} && ${hide('setuid')} && exec "$@"`, 'sh']
    const sensor = startSensor(t, ['--socket', agent.socketPath, '--instance', newInstance(t)], hidden)
    const hello = await agent.until(isHello)
    assert.deepEqual(hello.modes, { process: 'ebpf', file: 'ebpf', network: 'sock_diag' })
    const { accept, connect, sock_diag, exec, openat, credentials } = hello.attached
    assert.deepEqual([sock_diag.ok, exec.ok, openat.ok], [true, true, true])
    for (const site of [accept, connect]) assert.deepEqual(site, { ok: false, reason: '' }, 'they stand by')
    assert.match(sensor.log(), /"warn".*the network is watched by sock_diag.*accept is not attached: accept__4: /)
    assert.match(credentials.reason, /^credentials__exit_setuid: /, 'what a domain can do without is missed alone')
  },
)

test('AGT-2 without BPF the sensor sleeps while nothing happens', kernel, async (t) => {
  const { agent, sensor } = await watching(t, '--canary-seconds', '1')
  const usedNs = () => BigInt(readFileSync(`/proc/${sensor.pid}/schedstat`, 'utf8').split(' ')[0] ?? 0)
  const first = await agent.until(isReport)
  const from = usedNs()
  run('/bin/true') // it reports within a second, then
  const later = await agent.until((message): message is SensorReport => isReport(message) && message !== first)
  const elapsedNs = later.timeNs - first.timeNs
  assert(elapsedNs > 0n)
  assert(usedNs() - from < elapsedNs / 4n, `${usedNs() - from} of ${elapsedNs} ns`)
})

test(
  'AGT-2 by polling: what lasts is seen to begin and to end; an open is seen, and nobody knows by whom',
  kernel,
  async (t) => {
    const agent = await startAgent(t)
    const at = (name: string) => join(agent.dir, name)
    mkdirSync(at('all'))
    for (const name of ['secret', 'all/one', 'other']) writeFileSync(at(name), name)
    const watches = [at('secret'), at('later'), at('all')].flatMap((path) => ['--watch', path])
    const modes = ['--processes', 'polling', '--files', 'polling', '--network', 'none']
    startSensor(t, ['--socket', agent.socketPath, '--instance', newInstance(t), ...modes, ...watches])
    const hello = await agent.until(isHello)
    assert.deepEqual(hello.modes, { process: 'polling', file: 'polling', network: 'none' })
    assert.deepEqual([hello.attached.proc_poll.ok, hello.attached.inotify.ok], [true, true])

    const sh = shell(t)
    const exec = await untilEvent(agent, 'exec', ({ actor }) => actor.pid === sh.pid)
    assert.deepEqual([exec.site, exec.file.path, exec.actor.startNs], ['proc_poll', '/usr/bin/dash', startOf(sh.pid)])
    assert.equal(exec.actor.ancestors[0]?.pid, process.pid)
    const fork = await untilEvent(agent, 'fork', ({ child }) => child.pid === sh.pid)
    assert.equal(fork.actor.pid, process.pid)

    const opens: readonly (readonly [file: string, entry: string])[] = [
      ['secret', 'secret'],
      ['all/one', 'all'],
      ['later', 'later'],
    ]
    for (const [file, entry] of opens) {
      if (entry === 'later') renameSync(at('other'), at('later'))
      sh.does(`while :; do read -r _ < ${at(file)}; [ -e ${at(file)}.seen ] && break; done`)
      const opened = await untilEvent(agent, 'file_open', ({ watched }) => watched === at(entry))
      writeFileSync(`${at(file)}.seen`, '')
      assert.deepEqual([opened.site, opened.file.path, opened.flags], ['inotify', at(file), null])
      assert.deepEqual([opened.actor.pid, opened.actor.uid, opened.actor.exe], [0, 4_294_967_295, null])
      assert(!isSure(opened, 'actorIdentity') && isSure(opened, 'objectPath'))
    }

    sh.does('exit 3')
    const exit = await untilEvent(agent, 'exit', ({ actor }) => actor.pid === sh.pid)
    assert.deepEqual([exit.exitCode, exit.signal, exit.actor.startNs], [null, null, exec.actor.startNs])
  },
)
