// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { constants, release } from 'node:os'
import { basename, join } from 'node:path'
import { test } from 'node:test'
import {
  type SensorCounts,
  type SensorHarm,
  type SensorHello,
  type SensorMessage,
  type SensorReport,
  type Site,
  sites,
  sources,
  watchedVariables,
} from '../agent/src/sources/observation.ts'
import {
  binary,
  type Ending,
  type Event,
  endingOfFile,
  isEvent,
  isHello,
  isReport,
  linksArePinned,
  newInstance,
  patienceMs,
  requestsAreTold,
  run,
  sensorDir,
  startAgent,
  startSensor,
  type TestAgent,
  whyNot,
} from './sensor-harness.ts'

const kernel = { skip: whyNot() ?? false, timeout: patienceMs } as const

/** A sensor that is attached and connected; `watched` is a file of its own that it watches. */
async function attached(t: Ending, ...extra: readonly string[]) {
  const agent = await startAgent(t)
  const watched = join(agent.dir, 'watched')
  writeFileSync(watched, 'x')
  const instance = newInstance(t)
  const args = ['--socket', agent.socketPath, '--instance', instance, '--watch', watched, ...extra]
  const sensor = startSensor(t, args)
  const hello = await agent.until(isHello)
  return { agent, sensor, hello, watched, instance, args }
}

const ofFile = endingOfFile()
let common: ReturnType<typeof attached> | undefined
/** One for all tests that look only at what it tells of their own processes: the kernel takes seconds to check its programs. */
const shared = () => (common ??= attached(ofFile))

const open = (path: string, flags: string | number = 'r') => closeSync(openSync(path, flags))
const largeRing = ['--ring-bytes', String(32 * 1024 * 1024)]
const openManyTimes = (path: string, times: number) =>
  run('sh', '-c', `i=0; while [ $i -lt ${times} ]; do : < ${path}; i=$((i+1)); done`)
const exitOf =
  (pid: number) =>
  (message: object): message is Event =>
    isEvent(message as Event) && (message as Event).kind === 'exit' && (message as Event).actor.pid === pid

/** What a task of this pid did, up to its end. */
async function lifeOf(agent: TestAgent, pid: number): Promise<Event[]> {
  await agent.until(exitOf(pid))
  return agent.events().filter(({ actor }) => actor.pid === pid)
}

/** The parent's exit comes after everything that its children did and it waited for. */
async function familyOf(agent: TestAgent, pid: number): Promise<Event[]> {
  await agent.until(exitOf(pid))
  return agent
    .events()
    .filter(({ actor }) => actor.pid === pid || actor.ancestors.some((ancestor) => ancestor.pid === pid))
}

const lastReport = (agent: TestAgent): SensorReport => {
  const report = agent.messages.at(-1)
  assert(report !== undefined && isReport(report), 'the last words are a report')
  return report
}

function assertBalanced(counts: SensorCounts): void {
  for (const site of sites) {
    const { produced, dropped, sent } = counts[site]
    assert.equal(produced, dropped + sent, `${site}: produced = dropped + sent`)
  }
}

/** How many frames they came as: equal ones are one event. */
const framesOf = (events: readonly Event[]) =>
  events.reduce((sum, { again }) => sum + 1n + BigInt(again?.times ?? 0), 0n)
const received = (agent: TestAgent, site: Site) => framesOf(agent.events().filter((event) => event.site === site))

test('the committed object is what its sources say', () => {
  const { status, stdout, stderr } = spawnSync('make', ['-s', '-C', sensorDir, 'check-bpf'], { encoding: 'utf8' })
  assert.equal(status, 0, stderr)
  assert.match(stdout, /current|skipped/)
})

test('C writes the golden frames, byte for byte', { skip: kernel.skip }, () => {
  const { status, stderr } = spawnSync('make', ['-s', '-C', sensorDir, 'test'], { encoding: 'utf8' })
  assert.equal(status, 0, stderr)
})

/** A kernel before 6.16 tells of an end when the image is gone already (docs/formats/frame.md, 4.5). */
const [major = 0, minor = 0] = release().split('.').map(Number)
const exitsHaveExe = major > 6 || (major === 6 && minor >= 16)

test('each act is told once, and rightly', kernel, async (t) => {
  const { agent, sensor, watched, hello } = await shared()
  // Tier 2 is asked before it has a number.
  const descriptor = hello.attached.passed.reason.startsWith('tier 2') ? null : 6
  const probes: readonly (readonly [string, Site, string, object])[] = [
    ['exec', 'exec', 'exec', { argv: ['true', 'n-exec'], filename: '/bin/true' }],
    ['exit', 'exit', 'exit', { exitCode: 0, signal: 0 }],
    ['open', 'open', 'file_open', { syscall: 'open', flags: 0o100000 }],
    ['openat', 'openat', 'file_open', { syscall: 'openat', flags: 0o100000 }],
    ['openat2', 'openat2', 'file_open', { syscall: 'openat2', flags: 0o100000 }],
    ['creat', 'creat', 'file_open', { syscall: 'creat', flags: 0o100001 }],
    ['ptrace', 'ptrace', 'ptrace', { request: 16, result: 0 }],
    ['process_vm_readv', 'process_vm_readv', 'vm_read', { bytes: 16, result: 16 }],
    ['process_vm_writev', 'process_vm_writev', 'vm_write', { bytes: 16, result: 16 }],
    ['mem', 'openat', 'mem_open', { syscall: 'openat', flags: 0o100000 }],
    ['task_rename', 'task_rename', 'rename', { from: 'probe', to: 'n-task_rename' }],
    ['credentials', 'credentials', 'credentials', {}],
    ['bpf', 'bpf', 'bpf', { command: 5, object: 'program', type: 1, own: false }],
    ['perf_event_open', 'perf_event_open', 'perf', { type: 1, target: { pid: 0, startNs: 0n, comm: '', ppid: 0 } }],
    ['sysctl', 'sysctl', 'sysctl', { name: 'kernel/printk_ratelimit_burst' }],
    ['namespaces', 'namespaces', 'namespaces', { call: 'unshare', childPid: null }],
    ['connect', 'connect', 'connect', { error: constants.errno.ECONNREFUSED }],
    ['accept', 'accept', 'accept', { error: 0 }],
    ['bind', 'bind', 'bind', { error: 0 }],
    ['listen', 'listen', 'listen', { error: 0 }],
    ['datagram', 'datagram', 'datagram', { error: 0 }],
    ['socket', 'socket', 'socket', { error: 0 }],
    ['reach', 'reach', 'reach', { call: 'prlimit64', request: 4, result: 0, taken: '' }],
    ['executable', 'executable', 'executable', { way: 'made', protection: 5, path: '' }],
    ['ptrace_32_bit', 'entry_32', 'ptrace', { request: 16, result: 0 }],
    ['io_uring', 'io_uring', 'file_open', { syscall: null, flags: 0o100000 }],
    ['open_by_handle_at', 'open_by_handle_at', 'file_open', { syscall: 'open_by_handle_at', flags: 0o100000 }],
    ['passed', 'passed', 'passed', { descriptor, flags: 0o100000 }],
    ['refused', 'refused', 'refused', { what: 'ids', call: 105, error: 1 }],
    ['mount', 'mount', 'mount', { call: 'mount', error: 0, source: 'none', target: '/', flags: 0x44000n }],
    ['entry_32', 'entry_32', 'file_open', { syscall: null, flags: 0 }],
    ['signal_generate', 'signal_generate', 'signal', { signal: constants.signals.SIGURG, sentBy: 'kill' }],
  ]
  for (const [act, site, kind, expected] of probes) {
    await t.test(act, async () => {
      const nonce = `n-${act.slice(-12)}`
      const on = act === 'signal_generate' ? ['--pid', String(sensor.pid)] : ['--file', watched]
      const probe = run(binary('probe'), act, nonce, ...on)
      assert(probe.ok)
      const { pid } = JSON.parse(probe.stdout) as { pid: number }
      const life = await lifeOf(agent, pid)
      const told = life.filter((event) => event.kind === kind)
      assert.equal(told.length, act === 'mem' ? 2 : 1)
      const event = told[0] as Event & Record<string, unknown>
      assert.equal(event.site, site)
      for (const [name, value] of Object.entries(expected)) assert.deepEqual(event[name], value, name)
      assert.equal(event.truncated, false)
      assert.equal(event.actor.comm, act === 'exec' ? 'true' : act === 'task_rename' ? 'probe' : nonce)
      const exe = act === 'exec' ? '/usr/bin/true' : act === 'exit' && !exitsHaveExe ? null : binary('probe')
      assert.equal(event.actor.exe, exe)
      assert.equal(event.actor.ppid, probe.pid)
      assert.equal(event.actor.ancestors[0]?.pid, probe.pid)
      assert.equal(event.actor.ancestors[1]?.pid, process.pid)
      if (event.kind === 'file_open') assert.equal(event.file.path, watched)
      if (event.kind === 'signal') assert.deepEqual([event.target.pid, event.target.comm], [sensor.pid, 'sensor'])
      else if ('target' in event && event.kind !== 'perf' && event.kind !== 'mount') {
        const family = await familyOf(agent, pid)
        const victim = family.find(({ kind, actor }) => kind === 'exit' && actor.pid !== pid)?.actor
        // Memory is its parent's, of which it is a bare fork.
        const [parent] = event.actor.ancestors
        const {
          pid: victimPid,
          startNs,
          ppid,
        } = victim === undefined ? { ...parent, ppid: process.pid } : { ...victim, ppid: pid }
        assert.deepEqual(event.target, { pid: victimPid, startNs, comm: 'probe', ppid })
      }
    })
  }
})

/** The open programs have two forms: only the kernel decides which of them runs. */
const forms = [
  ['plain loads', []],
  ['the programs for kernels before 6.3', ['--compatible']],
] as const
for (const [form, extra] of forms)
  test(`a watched file is followed through replacement, links and directories: ${form}`, kernel, async (t) => {
    const agent = await startAgent(t)
    const at = (name: string) => join(agent.dir, name)
    mkdirSync(at('all'))
    mkdirSync(at('all/inner'))
    for (const name of ['secret', 'other', 'all/one', 'all/inner/two']) writeFileSync(at(name), name)
    writeFileSync(at('list'), `${at('later')}\n\n${at('all')}`)
    const watches = ['--watch', at('secret'), '--watch-file', at('list')]
    startSensor(t, ['--socket', agent.socketPath, '--instance', newInstance(t), ...watches, ...extra])
    await agent.until(isHello)

    const openAll = (...names: string[]) => names.forEach((name) => void open(at(name)))
    const create = (name: string) => open(at(name), 'w')
    const replace = () => {
      create('new')
      renameSync(at('new'), at('secret'))
      openAll('secret')
    }
    const link = () => {
      linkSync(at('secret'), at('link'))
      openAll('link')
    }
    const moveAway = () => {
      renameSync(at('secret'), at('gone'))
      openAll('gone')
    }
    const reuse = () => {
      rmSync(at('gone'))
      create('again')
      openAll('again')
    }
    const steps: readonly (readonly [name: string, opens: () => void, told: readonly string[]])[] = [
      [
        'any mode',
        () => [0, 1, 2, 0o10000000].forEach((flags) => void open(at('secret'), flags)),
        Array(4).fill('secret'),
      ],
      ['another file', () => openAll('other'), []],
      ['a hard link', link, ['link']],
      ['a replacement', replace, ['secret']],
      ['moved away after it was learned', moveAway, ['gone']],
      ['its inode number given out again', reuse, []],
      ['created later', () => create('later'), ['later']],
      ['in a directory, not below it', () => openAll('all/one', 'all/inner/two', 'all/inner'), ['all/one']],
      ['new in a directory', () => create('all/new'), ['all/new']],
    ]
    for (const [name, opens, told] of steps) {
      await t.test(name, async () => {
        const before = agent.messages.length
        opens()
        const marker = run(binary('probe'), 'exit', 'marker')
        await agent.until(exitOf(marker.pid))
        const paths = agent.messages
          .slice(before)
          .filter((m) => isEvent(m) && m.kind === 'file_open' && m.actor.pid === process.pid)
        assert.deepEqual(
          paths.map((m) => (m as Event & { file: { path: string } }).file.path),
          told.map(at),
        )
      })
    }
    const created = agent.events().find((event) => event.kind === 'file_open' && event.file.path === at('later'))
    assert.equal(created?.kind === 'file_open' && (created.flags ?? 0) & 0o100, 0o100, 'O_CREAT: this open made it')
  })

test('by whatever path a watched file is opened, it is told by its entry of the list', kernel, async (t) => {
  const agent = await startAgent(t)
  const at = (name: string) => join(agent.dir, name)
  for (const name of ['all', 'elsewhere']) mkdirSync(at(name))
  for (const name of ['real', 'second', 'all/one', 'mountpoint', 'elsewhere/two']) writeFileSync(at(name), name)
  symlinkSync(at('real'), at('first')) // an entry that is a link is told as it was given, not as what it led to
  const watches = ['all', 'first', 'second', 'all/two', 'second'].flatMap((name) => ['--watch', at(name)])
  const sensor = startSensor(t, ['--socket', agent.socketPath, '--instance', newInstance(t), ...watches])
  await agent.until(isHello)
  assert.doesNotMatch(sensor.log(), /cannot be watched/)

  const steps: readonly (readonly [name: string, script: string, path: string, watched: string])[] = [
    ['its own path', 'cat second', 'second', 'second'],
    ['what an entry leads to', 'cat real', 'real', 'first'],
    ['hard link', 'ln real hard; cat hard', 'hard', 'first'],
    ['symbolic link', 'ln -s second soft; cat soft', 'second', 'second'],
    ['mounted over another file', 'mount --bind second mountpoint; cat mountpoint', 'mountpoint', 'second'],
    ['another mount namespace', 'mount --bind . elsewhere; cd elsewhere; cat second', 'elsewhere/second', 'second'],
    ['chroot', 'mount --rbind / elsewhere; chroot elsewhere cat $PWD/second', `elsewhere${at('second')}`, 'second'],
    ['replaced', 'echo > new; mv new second; cat second', 'second', 'second'],
    ['hard link to the replacement', 'ln second new; cat new', 'new', 'second'],
    ['in a watched directory', 'cat all/one', 'all/one', 'all'],
    ['a link into a watched directory', 'ln second all/link; cat all/link', 'all/link', 'second'],
    ['by its own name in a watched directory', 'mv elsewhere/two all/two; cat all/two', 'all/two', 'all/two'],
    ['put under the name of a later entry', 'ln -f real second; cat second', 'second', 'first'],
    ['put under the name of an earlier entry', 'mv -f all/two real; cat real', 'real', 'first'],
    ['and moved from there', 'mv real gone; cat gone', 'gone', 'first'],
  ]
  for (const [name, script, path, watched] of steps) {
    await t.test(name, async () => {
      const { pid } = run('unshare', '-m', 'sh', '-c', `cd ${agent.dir}; ${script}`)
      const events = await familyOf(agent, pid)
      const opens = events.filter((event) => event.kind === 'file_open' && event.actor.comm === 'cat')
      assert.deepEqual(
        opens.map((event) => event.kind === 'file_open' && [event.file.path, event.watched]),
        [[at(path), at(watched)]],
      )
    })
  }
})

test('AGT-1: to run a watched file, or to map it, is one access', kernel, async (t) => {
  const { agent, watched, hello } = await shared()
  copyFileSync('/bin/true', watched)
  chmodSync(watched, 0o755)
  const loader = ['/lib64/ld-linux-x86-64.so.2', '/lib/ld-linux-aarch64.so.1'].find(existsSync) as string
  const byObject = hello.attached.file_open.ok
  const rows = [
    ['run', watched, [], byObject ? 'file_open' : 'exec', 0o40],
    ['mapped as code', loader, [watched], 'openat', 0],
  ] as const
  for (const [name, program, args, site, how] of rows) {
    await t.test(name, async () => {
      const told = (await familyOf(agent, run(program, ...args).pid)).filter((event) => event.kind === 'file_open')
      assert.deepEqual(
        told.map(({ site: by, file, flags, watched: entry }) => [by, file.path, (flags ?? -1) & 0o43, entry]),
        [[site, watched, how, watched]],
      )
    })
  }
})

/** Runs a Perl one-liner as a task that the kernel sees, and gives what it did. */
async function perl(agent: TestAgent, script: string, wrap: readonly string[] = []): Promise<Event[]> {
  const [file = 'perl', ...args] = [...wrap, 'perl', '-e', script]
  return familyOf(agent, run(file, ...args).pid)
}

const execs = (events: readonly Event[]) => events.filter((event) => event.kind === 'exec')

test('a sensor in a pid namespace of its own is shown its files all the same', kernel, async (t) => {
  const agent = await startAgent(t)
  const watched = join(agent.dir, 'watched')
  writeFileSync(watched, '')
  const args = ['--socket', agent.socketPath, '--instance', newInstance(t), '--watch', watched]
  const sensor = startSensor(t, args, ['unshare', '--pid', '--fork', '--mount-proc'])
  await agent.until(isHello)
  assert.doesNotMatch(sensor.log(), /cannot be watched/)
  linkSync(watched, `${watched}-link`)
  open(`${watched}-link`)
  await agent.until((message) => isEvent(message) && message.kind === 'file_open' && message.actor.pid === process.pid)
})

test('paths tell the truth over mounts, memfd and unlinked files', kernel, async (t) => {
  const { agent } = await shared()
  const at = (name: string) => join(agent.dir, name)
  for (const name of ['low', 'up', 'work', 'merged', 'bound']) mkdirSync(at(name))
  copyFileSync('/bin/true', at('low/tool'))
  copyFileSync('/bin/true', at('unlinked'))

  await t.test('memfd', async () => {
    const script =
      'open(I,"</bin/true");local $/;$b=<I>;$n="p\\0";$f=syscall(319,$n,0);open(O,">&=",$f);syswrite(O,$b);exec("/proc/self/fd/$f")'
    const event = execs(await perl(agent, script)).at(-1)
    assert.deepEqual([event?.file.path, event?.file.memfd, event?.file.unlinked], ['/memfd:p', true, true])
    assert.equal(event?.actor.exe, '/memfd:p')
  })
  await t.test('unlinked', async () => {
    const script = `open(I,"<${at('unlinked')}");unlink("${at('unlinked')}");$^F=9;open(J,"<&I");exec("/proc/self/fd/".fileno(I))`
    const event = execs(await perl(agent, `$^F=9;${script}`)).at(-1)
    assert.deepEqual([event?.file.path, event?.file.memfd, event?.file.unlinked], [at('unlinked'), false, true])
  })
  await t.test('bind mount', async () => {
    const { pid } = run('unshare', '-m', 'sh', '-c', `mount --bind ${at('low')} ${at('bound')} && ${at('bound')}/tool`)
    const event = execs(await familyOf(agent, pid)).at(-1)
    assert.equal(event?.file.path, at('bound/tool'))
    assert.notEqual(event?.actor.mntNs, Number(/\d+/.exec(readMountNamespace())?.[0]))
  })
  await t.test('overlay', async () => {
    const layers = `lowerdir=${at('low')},upperdir=${at('up')},workdir=${at('work')}`
    const mount = `mount -t overlay overlay -o ${layers} ${at('merged')}`
    const { pid } = run('unshare', '-m', 'sh', '-c', `${mount} && ${at('merged')}/tool`)
    assert.equal(execs(await familyOf(agent, pid)).at(-1)?.file.path, at('merged/tool'))
  })
  await t.test('too deep: the beginning is lost, and with it the leading slash', async () => {
    const deep = join(at('low'), ...Array<string>(80).fill('d'))
    mkdirSync(deep, { recursive: true })
    copyFileSync('/bin/true', join(deep, 'tool'))
    const event = execs(await lifeOf(agent, run(join(deep, 'tool')).pid)).at(-1)
    assert.equal(event?.truncated, true)
    assert.match(event?.file.path ?? '', /^\?(d\/){63}tool$/)
  })
})

const readMountNamespace = () => spawnSync('readlink', ['/proc/self/ns/mnt'], { encoding: 'utf8' }).stdout

test('a long command line is cut, and says so', kernel, async () => {
  const { agent } = await shared()
  const [event] = execs(await lifeOf(agent, run('/bin/true', ...Array<string>(2_000).fill('words')).pid))
  assert.equal(event?.truncated, true)
  assert.equal(event?.argv.join(' ').length, 4_095)
  assert(event?.argv.every((word, i) => i === 0 || i === event.argv.length - 1 || word === 'words'))
})

/** Options for Node, and whether nobody need be told of them. */
const nodeOptions: readonly (readonly [string, boolean])[] = [
  ['', true],
  ['  --disable-warning=ExperimentalWarning --max-old-space-size=512  ', true],
  ['--max_old_space_size=512 --enable-source-maps --no-warnings --experimental-strip-types', true],
  ['--network-family-autoselection-attempt-timeout 500 --unhandled-rejections strict', true],
  ['--title="a name" --disable-warning=--require', true],
  ...[
    ...['--require /tmp/a.js', '-r /tmp/a.js', '--import=./a.mjs', '--inspect', '--no-warnings --inspect=0:9229'],
    ...['--no-warnings "--require" a', '--title="a --require=b', '--no-warning', '--no-warningsx', '--', '-'],
    ...['"--no-warnings"', '--NO-WARNINGS', '--no-warnings\t--require', '--heapsnapshot-signal=SIGUSR2'],
    `${'--no-warnings '.repeat(40)}--no-warnings`,
  ].map((options) => [options, false] as const),
]

test(
  'an exec tells the variables that bring foreign code, and whether it gained rights; values are never told',
  kernel,
  async () => {
    const { agent } = await shared()
    const started = async (env: NodeJS.ProcessEnv, ...command: readonly string[]) => {
      const [file = '/bin/true', ...args] = command
      const [event] = execs(await lifeOf(agent, spawnSync(file, args, { env }).pid)).slice(-1)
      assert(event !== undefined)
      assert(!JSON.stringify(event, (_, value) => String(value)).includes('s3cr3t'))
      return event
    }
    const all = Object.fromEntries(watchedVariables.map((name) => [name, '']))
    // Node hands the variables over in this order; a read ends within `long`, right before what looks like a name.
    const long = { long: `${'x'.repeat(4_095 - 'long='.length)}LD_AUDIT=x` }
    assert.deepEqual((await started({ ...long, xLD_AUDIT: '1', LD_AUDI: '1', LD_AUDITS: '1' })).variables, [])
    assert.deepEqual((await started({ ...long, BASH_ENV: 's3cr3t' })).variables, ['BASH_ENV'])
    assert.deepEqual((await started({ long: 'x'.repeat(100_000), ...all })).variables, [...watchedVariables])
    const many = Object.fromEntries(Array.from({ length: 2_047 }, (_, i) => [`v${i}`, '']))
    const [whole, cut] = [await started({ ...many, PERL5OPT: '' }), await started({ ...many, a: '', PERL5OPT: '' })]
    assert.deepEqual([whole.variables, whole.variablesCut], [['PERL5OPT'], false])
    assert.deepEqual([cut.variables, cut.variablesCut], [[], true])
    for (const [options, isHarmless] of nodeOptions) {
      const { variables, optionsHarmless = false } = await started({ NODE_OPTIONS: options })
      assert.deepEqual([variables, optionsHarmless], [['NODE_OPTIONS'], isHarmless], options)
    }

    const [plain, setId] = [join(agent.dir, 'plain'), join(agent.dir, 'set-id')]
    for (const path of [plain, setId]) copyFileSync('/bin/true', path)
    chmodSync(setId, 0o4755)
    const asNobody = ['/usr/bin/setpriv', '--reuid=65534', '--clear-groups']
    const [before, after] = [await started(all, ...asNobody, plain), await started(all, ...asNobody, setId)]
    assert.deepEqual([before.secure, before.actor.euid], [false, 65_534])
    assert.deepEqual([after.secure, after.actor.uid, after.actor.euid], [true, 65_534, 0])
    assert.equal((await started({}, setId)).secure, false, 'root gains nothing by it')
  },
)

test(
  'a fork is told before its child acts; a new thread, and the name that an exec gives, are told by nothing',
  kernel,
  async () => {
    const { agent } = await shared()
    const probe = run(binary('probe'), 'fork', 'n-fork')
    const { pid } = JSON.parse(probe.stdout) as { pid: number }
    const end = await agent.until(exitOf(pid))
    assert(isEvent(end))
    const forks = agent
      .events()
      .flatMap((event) => (event.kind === 'fork' && event.actor.pid === probe.pid ? [event] : []))
    const { startNs } = end.actor
    assert.deepEqual(
      forks.map(({ child, actor, site }) => [child, actor.ancestors, actor.exe, site]),
      [[{ pid, startNs, comm: 'probe', ppid: probe.pid }, [], null, 'fork']],
    )
    assert(agent.messages.indexOf(forks[0] as Event) < agent.messages.indexOf(end))
    const threads = await lifeOf(agent, run(process.execPath, '-e', 'fs.readFile("/", () => 0)').pid)
    assert(threads.every(({ kind }) => kind !== 'fork'))
    const kinds = (await lifeOf(agent, run('/bin/true').pid)).map(({ kind }) => kind)
    assert.deepEqual(kinds, ['exec', 'exit'])
  },
)

test('signals to the agent are told, its own and those to others are not', kernel, async (t) => {
  const { agent } = await attached(t)
  process.kill(process.pid, 'SIGURG')
  const others = 'sleep 9 & kill -TERM $!; wait'
  const { pid } = run(
    'sh',
    '-c',
    `${others}; kill -URG ${process.pid}; kill -0 ${process.pid}; kill -WINCH ${process.pid}`,
  )
  await familyOf(agent, pid)
  const told = agent.events().flatMap((event) => (event.kind === 'signal' ? [event] : []))
  assert.deepEqual(
    told.map(({ actor, signal, sentBy, target }) => [actor.pid, signal, sentBy, target.pid]),
    [constants.signals.SIGURG, constants.signals.SIGWINCH].map((signal) => [pid, signal, 'kill', process.pid]),
  )
})

test(
  'AGT-1: each call that changes ids or capabilities is told by what became of it; one that changes nothing is not',
  kernel,
  async () => {
    const { agent } = await shared()
    const every = (id: number) => ({ uid: id, euid: id, suid: id, fsuid: id })
    const groups = (id: number) => ({ gid: id, egid: id, sgid: id, fsgid: id })
    const [root, wheel] = [every(0), groups(0)]
    const plain = every(1000)
    const steps: readonly (readonly [call: string, ids: object])[] = [
      ['syscall(123,7)', { ...root, ...wheel, fsgid: 7 }], // setfsgid
      ['syscall(106,8)', { ...root, ...groups(8) }], // setgid
      ['syscall(114,9,8)', { ...root, gid: 9, egid: 8, sgid: 8, fsgid: 8 }], // setregid
      ['syscall(119,10,10,10)', { ...root, ...groups(10) }], // setresgid
      ['syscall(122,1000)', { ...root, ...groups(10), fsuid: 1000 }], // setfsuid
      ['syscall(122,0)', { ...root, ...groups(10) }],
      ['syscall(113,-1,1000)', { ...root, ...groups(10), euid: 1000, suid: 1000, fsuid: 1000 }], // setreuid
      ['syscall(117,-1,0,-1)', { ...root, ...groups(10), suid: 1000 }], // setresuid
      ['syscall(105,1000)', { ...plain, ...groups(10) }], // setuid
    ]
    const nothing = 'syscall(105,1000);syscall(105,0);syscall(119,-1,-1,-1);syscall(123,10)'
    const script = `${steps.map(([call]) => call).join(';')};${nothing}`
    const told = (await perl(agent, script)).flatMap((event) => (event.kind === 'credentials' ? [event] : []))
    assert.deepEqual(
      told.map(({ ids }) => ids),
      steps.map(([, ids]) => ids),
    )
    const before = told.map(({ actor }) => [actor.uid, actor.euid, actor.gid])
    const after = told.map(({ ids }) => [ids.uid, ids.euid, ids.gid])
    assert.deepEqual(before, [[0, 0, 0], ...after.slice(0, -1)])
    const all = told[0]?.capabilities ?? 0n
    assert(all > 1n << 37n)
    assert.deepEqual(
      told.slice(-3).map(({ capabilitiesBefore, capabilities }) => [capabilitiesBefore, capabilities]),
      [
        [all, 0n],
        [0n, all],
        [all, 0n],
      ],
    )

    const capset = '$h=pack("LL",0x20080522,0);$d=pack("L6",1<<21,1<<21,0,0,0,0);syscall(126,$h,$d);syscall(126,$h,$d)'
    const dropped = (await perl(agent, capset)).flatMap((event) =>
      event.kind === 'credentials' ? [event.capabilities] : [],
    )
    assert.deepEqual(dropped, [1n << 21n])
  },
)

test(
  'AGT-1: namespaces are told as they are now, of whom and by which call; a call that changes none is not',
  kernel,
  async (t) => {
    const { agent } = await shared()
    const inode = (kind: string, of = 'self') => Number(/\d+/.exec(readlinkSync(`/proc/${of}/ns/${kind}`))?.[0])
    const kindsOf = (events: readonly Event[]) =>
      events.flatMap((event) =>
        event.kind === 'namespaces' ? [[event.call, event.childPid, event.entered] as const] : [],
      )

    const holder = spawn('unshare', ['-u', 'sleep', '60'])
    t.after(() => holder.kill())
    const { pid = 0 } = holder
    const isLeft = (m: object) =>
      isEvent(m as Event) && (m as Event).kind === 'namespaces' && (m as Event).actor.pid === pid
    await agent.until(isLeft)
    assert.deepEqual(kindsOf(agent.events().filter(isLeft)), [['unshare', null, { uts: inode('uts', String(pid)) }]])
    const enter = await lifeOf(agent, run('nsenter', `--uts=/proc/${pid}/ns/uts`, 'true').pid)
    assert.deepEqual(kindsOf(enter), [['setns', null, { uts: inode('uts', String(pid)) }]])
    assert.deepEqual(kindsOf(await lifeOf(agent, run('nsenter', '--uts=/proc/self/ns/uts', 'true').pid)), [])

    // clone(CLONE_NEWIPC | SIGCHLD); the same by the 32-bit entry cannot be told from it here: both are told by the fork.
    const cloned = await perl(agent, '$p=syscall(56,0x08000000|17,0,0,0,0);if($p==0){syscall(60,0)}waitpid($p,0)')
    const [told] = cloned.flatMap((event) => (event.kind === 'namespaces' ? [event] : []))
    const child = cloned.find(({ kind, actor }) => kind === 'exit' && actor.ppid === told?.actor.pid)
    assert.deepEqual(
      [told?.call, told?.childPid, Object.keys(told?.entered ?? {})],
      ['clone', child?.actor.pid, ['ipc']],
    )
    assert.notEqual(told?.entered.ipc, inode('ipc'))
  },
)

test('AGT-1: a sysctl is told with its value before and the one asked for; reading one is not', kernel, async (t) => {
  const { agent } = await shared()
  const [path, name] = ['/proc/sys/kernel/printk_ratelimit_burst', 'kernel/printk_ratelimit_burst']
  const before = readFileSync(path, 'utf8').trim()
  t.after(() => writeFileSync(path, before))
  const other = String(Number(before) + 1)
  const { pid } = run(
    'sh',
    '-c',
    `cat ${path}; echo ${other} > ${path}; printf %s ${'9'.repeat(2_000)} > ${path}; echo ${before} > ${path}`,
  )
  const told = (await lifeOf(agent, pid)).flatMap((event) => (event.kind === 'sysctl' ? [event] : []))
  assert.deepEqual(
    told.map((event) => [event.name, event.before, event.after, event.truncated]),
    [
      [name, before, other, false],
      [name, other, '9'.repeat(1_023), true],
      [name, other, before, false],
    ],
  )
})

test('AGT-8: whoever takes hold of the sensor’s own BPF is told; who lists that of others is not', kernel, async () => {
  const { agent, sensor } = await shared()
  const held = readdirSync(`/proc/${sensor.pid}/fdinfo`).map((fd) =>
    readFileSync(`/proc/${sensor.pid}/fdinfo/${fd}`, 'utf8'),
  )
  const idOf = (kind: string) =>
    held.map((text) => new RegExp(`^${kind}_id:\\s+(\\d+)`, 'm').exec(text)?.[1]).find((id) => id !== undefined)
  const get = (command: number, id: string | undefined) =>
    `$a=pack("L30",${id});print syscall(321,${command},$a,120)<0?"no":"yes";`
  const own = [
    [13, 'program', idOf('prog')],
    [14, 'map', idOf('map')],
    [30, 'link', idOf('link')],
  ] as const
  const script = own.map(([command, , id]) => get(command, id)).join('') + get(14, '4294967295')
  const told = (await perl(agent, script)).flatMap((event) => (event.kind === 'bpf' ? [event] : []))
  assert.deepEqual(
    told.map(({ command, object, id, own }) => [command, object, String(id), own]),
    own.map(([command, object, id]) => [command, object, id, true]),
  )
  assert(told.every(({ result }) => result > 0))
})

test('perf events of another process name it; those of oneself are not told', kernel, async () => {
  const { agent } = await shared()
  // struct perf_event_attr: software, 112 bytes, context switches
  const open = (pid: number | string) => `$a=pack("LLQx96",1,112,3);syscall(298,$a,${pid},-1,-1,0);`
  const told = (await perl(agent, `${open(0)}${open('$$+0')}${open(process.pid)}`)).flatMap((event) =>
    event.kind === 'perf' ? [event] : [],
  )
  assert.deepEqual(
    told.map(({ target, type, result }) => [target.pid, type, result > 0]),
    [[process.pid, 1, true]],
  )
})

test(
  'AGT-1: what else reaches into another process is told with its target; the same aimed at oneself is not',
  kernel,
  async () => {
    const { agent, watched } = await shared()
    const limit = '$l=pack("QQ",0,0);'
    const script = `${limit}syscall(302,0,4,$l,0);syscall(302,$$+0,4,$l,0);syscall(302,getppid(),4,0,$l);syscall(302,getppid(),4,$l,0);
    $f=syscall(434,getppid(),0);$m=syscall(434,$$+0,0);open(F,"<${watched}");$t=fileno(F);syscall(438,$m,$t,0);syscall(438,$f,0,0);
    $v=pack("QQ",0,4096);syscall(440,$f,$v,1,21,0);syscall(440,$m,$v,1,21,0);syscall(312,$$+0,$$+0,0,0,0);syscall(312,$$+0,getppid(),0,0,0);syscall(323,1)`
    const told = (await perl(agent, script)).flatMap((event) => (event.kind === 'reach' ? [event] : []))
    const parent = process.pid
    const [self] = told.slice(-1).map(({ actor }) => actor.pid)
    assert.deepEqual(
      told.map(({ call, target, request }) => [call, target.pid, request]),
      [
        ['prlimit64', parent, 4],
        ['pidfd_getfd', parent, 0],
        ['process_madvise', parent, 21],
        ['kcmp', parent, 0],
        ['userfaultfd', self, 1],
      ],
    )
    assert.match(told[1]?.taken ?? '', /^\//)
  },
)

test(
  'AGT-1: memory that becomes executable is told once for each image and way; the text of programs and libraries is not',
  kernel,
  async () => {
    const { agent } = await shared()
    const pages = (flags: string, protection: number) => `syscall(9,0,4096,${protection},${flags},-1,0)`
    const memfd = '$n="p\\0";$m=syscall(319,$n,0);syscall(77,$m,4096);syscall(9,0,4096,5,1,$m,0)'
    const ways = async (script: string) =>
      (await perl(agent, script)).flatMap((event) =>
        event.kind === 'executable' ? [[event.way, event.protection, event.path]] : [],
      )
    assert.deepEqual(await ways('use POSIX'), [])
    const twice = [pages('0x22', 5), pages('0x22', 7), memfd, `$p=${pages('0x22', 3)};syscall(10,$p,4096,5)`].join(';')
    const each = [
      ['anonymous', 5, ''],
      ['writable', 7, ''],
      ['nameless_file', 5, '/memfd:p'],
      ['made', 5, ''],
    ]
    assert.deepEqual(await ways(`${twice};${twice}`), each)
    assert.deepEqual(await ways(`${pages('0x22', 5)};exec("perl","-e","${pages('0x22', 5)}")`), [each[0], each[0]])
  },
)

test(
  'AGT-1: an exec whose standard descriptors are connections of the network says which; a local socket is none',
  kernel,
  async () => {
    const { agent } = await shared()
    const started = async (script: string) =>
      execs(await perl(agent, `use Socket;${script};exec("/bin/true")`)).at(-1)?.networkDescriptors
    const on = (family: string, fd: number) => `socket(S${fd},${family},SOCK_DGRAM,0);syscall(33,fileno(S${fd}),${fd})`
    assert.deepEqual(await started('1'), [])
    assert.deepEqual(await started(`${on('AF_INET', 0)};${on('AF_UNIX', 1)};${on('AF_INET6', 2)}`), [0, 2])
  },
)

test('a process ends once, with its status, however many threads it had', kernel, async () => {
  const { agent } = await shared()
  const ends = async (file: string, ...args: string[]) => {
    const life = await lifeOf(agent, run(file, ...args).pid)
    return life.flatMap((event) => (event.kind === 'exit' ? [[event.exitCode, event.signal]] : []))
  }
  assert.deepEqual(await ends('sh', '-c', 'exit 7'), [[7, 0]])
  assert.deepEqual(await ends('sh', '-c', 'kill -9 $$'), [[0, 9]])
  assert.deepEqual(await ends(process.execPath, '-e', 'process.exit(3)'), [[3, 0]])
})

test('targets are found in the pid namespace of the caller, and refusals are told', kernel, async (t) => {
  const { agent } = await shared()
  await t.test('pid namespace', async () => {
    const script =
      '$p=fork();if(!$p){$0="inner";sleep 9;exit}syscall(101,16,$p,0,0);waitpid($p,0x40000000);kill 9,$p;waitpid($p,0)'
    const events = await perl(agent, script, ['unshare', '--pid', '--fork'])
    const attach = events.find((event) => event.kind === 'ptrace')
    const victim = events.find(({ kind, actor }) => kind === 'exit' && actor.ppid === attach?.actor.pid)
    assert(attach?.kind === 'ptrace')
    assert.deepEqual([attach.target.pid, attach.target.startNs], [victim?.actor.pid, victim?.actor.startNs])
    assert.notEqual(attach.actor.pidNs, agent.events().find(({ actor }) => actor.pid === process.pid)?.actor.pidNs)
  })
  await t.test('refused', async () => {
    const nobody = ['setpriv', '--reuid=65534', '--clear-groups']
    const ptraces = (await perl(agent, 'syscall(101,16,1,0,0)', nobody)).filter((event) => event.kind === 'ptrace')
    assert.deepEqual(
      ptraces.map(({ target, result, request }) => [target.pid, result, request]),
      [[1, -1, 16]],
    )
  })
  await t.test('nobody there', async () => {
    const events = await perl(agent, 'syscall(101,16,4194303,0,0);syscall(310,4194303,0,0,0,0,0)')
    assert.deepEqual(
      events.filter(({ kind }) => kind === 'ptrace' || kind === 'vm_read'),
      [],
    )
  })
  await t.test('traceme is aimed at oneself', async () => {
    const [event] = (await perl(agent, 'syscall(101,0,0,0,0)')).filter(({ kind }) => kind === 'ptrace')
    assert(event?.kind === 'ptrace')
    assert.equal(event.target.pid, event.actor.pid)
  })
})

test('nothing is lost of 20,000 quick opens', kernel, async (t) => {
  const { agent, sensor, watched, hello } = await attached(t, ...largeRing)
  const { pid, ok } = openManyTimes(watched, 20_000)
  assert(ok)
  const opens = (await lifeOf(agent, pid)).filter(({ kind }) => kind === 'file_open')
  assert.equal(framesOf(opens), 20_000n)
  assert.equal(await sensor.end('SIGTERM'), 0)
  const { counts } = lastReport(agent)
  assertBalanced(counts)
  assert.equal(counts.openat.dropped, 0n)
  assert.equal(counts.openat.sent - hello.counts.openat.sent, received(agent, 'openat'))
})

test('with a stopped consumer, delivered and counted drops are what was produced', kernel, async (t) => {
  const { agent, sensor, watched, hello } = await attached(t, '--ring-bytes', '65536')
  agent.pause()
  for (let i = 0; i < 5_000; i++) open(watched)
  agent.resume()
  assert.equal(await sensor.end('SIGTERM'), 0)
  const { counts } = lastReport(agent)
  assertBalanced(counts)
  assert(counts.openat.dropped > 0n, 'the ring was too small on purpose')
  assert(counts.openat.produced - hello.counts.openat.produced >= 5_000n)
  for (const site of sites) assert.equal(counts[site].sent - hello.counts[site].sent, received(agent, site), site)
})

test('records of all lengths that go over the end of the ring are told whole', kernel, async (t) => {
  const agent = await startAgent(t)
  const dir = join(agent.dir, 'many')
  mkdirSync(dir)
  // A page: about each tenth record is in two parts.
  const args = ['--socket', agent.socketPath, '--instance', newInstance(t), '--watch', dir, '--ring-bytes', '4096']
  const sensor = startSensor(t, [...args, '--without', 'file_change'])
  const hello = await agent.until(isHello)
  const opened = new Set<string>()
  const told = () =>
    agent.events().flatMap((event) => (event.kind === 'file_open' && event.actor.pid === process.pid ? [event] : []))
  while (told().length < 60) {
    for (let i = 0; i < 10; i += 1) {
      const path = join(dir, `${'n'.repeat(opened.size % 200)}-${opened.size}`)
      opened.add(path)
      open(path, 'w')
    }
    const heard = agent.messages.length
    await agent.until(() => agent.messages.length > heard)
  }
  for (const { file } of told()) assert(opened.has(file.path), file.path)
  assert.equal(await sensor.end('SIGTERM'), 0)
  const { counts } = lastReport(agent)
  assertBalanced(counts)
  assert.equal(counts.openat.sent - hello.counts.openat.sent, received(agent, 'openat'))
})

const pinsOf = (instance: string) => readdirSync(`/sys/fs/bpf/sealwatch-${instance}`)

test(
  'AGT-8 programs outlive kill -9 and tell the next sensor all they saw meanwhile; what died with the first is counted to the last',
  linksArePinned ? kernel : { skip: 'links of tracepoints are pinned from Linux 5.15 on' },
  async (t) => {
    const { agent, sensor, watched, hello, args, instance } = await attached(
      t,
      ...largeRing,
      '--canary-seconds',
      '3600',
    )
    const seen = [hello]
    async function nextHello(): Promise<SensorHello> {
      const next = await agent.until((one): one is SensorHello => isHello(one) && !seen.includes(one))
      seen.push(next)
      return next
    }
    agent.pause()
    assert(openManyTimes(watched, 20_000).ok)
    await sensor.end('SIGKILL')
    assert(openManyTimes(watched, 500).ok, 'while there is no sensor')
    agent.resume()
    const again = startSensor(t, [...args, '--canary-seconds', '3600'])
    const next = await nextHello()
    assert.deepEqual([next.era, next.fresh, next.adopted], [hello.era, false, true], again.log())
    const sentBefore = agent.messages.slice(0, agent.messages.indexOf(next)).filter(isEvent)
    const lost =
      next.counts.openat.sent - hello.counts.openat.sent - framesOf(sentBefore.filter(({ site }) => site === 'openat'))
    assert(lost >= 0n, 'lost is never negative')
    await agent.until((message) => {
      if (!isReport(message)) return false
      const { produced, dropped, sent } = message.counts.openat
      return produced - hello.counts.openat.produced >= 20_500n && produced === dropped + sent
    })
    const opens = agent.events().filter(({ site, actor }) => site === 'openat' && actor.comm === 'sh')
    assert.equal(framesOf(opens) + lost, 20_500n, `${lost} lost`)
    assert(lost < 2_000n, 'what it had taken out of the ring, and no more')
    const own = agent.events().filter(({ actor }) => actor.pid === again.pid || actor.ppid === again.pid)
    assert(
      own.every(({ kind }) => !['bpf', 'fork', 'file_open'].includes(kind)),
      'its own start is told to nobody',
    )

    await again.end('SIGKILL')
    const other = startSensor(t, [...args, '--watch', '/etc/hostname'])
    const hers = await nextHello()
    assert.deepEqual([hers.era, hers.fresh], [hello.era, true], 'who is to watch something else begins anew')
    await other.end('SIGKILL')
    rmSync(`/sys/fs/bpf/sealwatch-${instance}/link_openat`)
    const last = startSensor(t, [...args, '--watch', '/etc/hostname'])
    assert.equal((await nextHello()).fresh, true, 'and who finds a pin missing')
    assert.equal(await last.end('SIGTERM'), 0)
    assert.deepEqual(pinsOf(instance), ['counters'], 'who is told to end leaves nothing attached')
    assertBalanced(lastReport(agent).counts)
  },
)

test(
  'AGT-8 programs whose sensor never comes back count, and do no more',
  linksArePinned ? kernel : { skip: 'links of tracepoints are pinned from Linux 5.15 on' },
  async (t) => {
    const { agent, sensor, watched, hello, args, instance } = await attached(t)
    await sensor.end('SIGKILL')
    run(binary('blinder'), 'expire', `/sys/fs/bpf/sealwatch-${instance}/shared`)
    for (let i = 0; i < 100; i++) open(watched)
    startSensor(t, args)
    const next = await agent.until((message): message is SensorHello => isHello(message) && message !== hello)
    const { produced, dropped } = next.counts.openat
    assert.equal(next.adopted, true)
    assert(dropped >= 100n && produced >= dropped)
    open(watched)
    await agent.until(
      (message) => isEvent(message) && message.kind === 'file_open' && message.actor.pid === process.pid,
    )
  },
)

test(
  'AGT-8 programs that are fewer than the note of them ought to have, and maps that are not theirs, are found out, told and attached anew',
  linksArePinned ? kernel : { skip: 'links of tracepoints are pinned from Linux 5.15 on' },
  async (t) => {
    const { agent, sensor, hello, args, instance } = await attached(t)
    const pins = `/sys/fs/bpf/sealwatch-${instance}`
    const blinds = (...way: readonly string[]) =>
      assert.equal(run(binary('blinder'), way[0] as string, pins, ...way.slice(1)).stdout.trim(), '1')
    const ways: readonly (() => void)[] = [
      () => {
        blinds('note', 'mount__umount')
        rmSync(`${pins}/link_mount__umount`)
      },
      () => blinds('map', 'ring'),
    ]
    const seen = [hello]
    const nextHello = async () => {
      const next = await agent.until((one): one is SensorHello => isHello(one) && !seen.includes(one))
      seen.push(next)
      return next
    }
    let living = sensor
    for (const deceive of ways) {
      await living.end('SIGKILL')
      deceive()
      const deceived = startSensor(t, args)
      const next = await nextHello()
      assert.equal(next.adopted, true)
      await agent.until((message) => {
        const isLater = agent.messages.lastIndexOf(next) < agent.messages.lastIndexOf(message)
        return isLater && isReport(message) && message.harms?.includes('programs') === true
      })
      assert.notEqual(await deceived.end(), 0)
      assert.match(deceived.log(), /not what its own object says/)
      living = startSensor(t, args)
      assert.equal((await nextHello()).fresh, true)
    }
    await living.end('SIGKILL')
    blinds('map', 'watched')
    startSensor(t, args)
    assert.equal((await nextHello()).fresh, true, 'what knows nothing of the list is not even taken over')
  },
)

test(
  'AGT-8 what was left without a site that a domain cannot do without is not taken over, and all are attached anew',
  linksArePinned ? kernel : { skip: 'links of tracepoints are pinned from Linux 5.15 on' },
  async (t) => {
    const { agent, sensor, hello, args, instance } = await attached(t)
    await sensor.end('SIGKILL')
    const note = ['note', `/sys/fs/bpf/sealwatch-${instance}`, 'openat', String(sites.indexOf('openat'))]
    assert.equal(run(binary('blinder'), ...note).stdout.trim(), '1')
    startSensor(t, args)
    const next = await agent.until((one): one is SensorHello => isHello(one) && one !== hello)
    assert.deepEqual([next.fresh, next.modes, next.attached], [true, hello.modes, hello.attached])
  },
)

test('an agent that goes away loses what it had not read, and the next hello says how much', kernel, async (t) => {
  const { agent, sensor, watched, hello } = await attached(t, ...largeRing)
  agent.pause()
  // Long enough that the sensor stands before a full socket, in the middle of a frame.
  assert(openManyTimes(watched, 20_000).ok)
  const beforeCut = received(agent, 'openat')
  agent.resume()
  agent.cut()
  const next = await agent.until((message) => isHello(message) && message !== hello)
  assert(isHello(next))
  assert.equal(next.fresh, false)
  const lost = next.counts.openat.sent - hello.counts.openat.sent - beforeCut
  assert(lost >= 0n)
  // A slow machine needs longer for the rest than the sensor waits at its end.
  await agent.until((message) => {
    if (!isReport(message)) return false
    const { produced, dropped, sent } = message.counts.openat
    return produced - hello.counts.openat.produced >= 20_000n && produced === dropped + sent
  })
  assert.equal(await sensor.end('SIGTERM'), 0)
  const { counts } = lastReport(agent)
  assertBalanced(counts)
  assert.equal(received(agent, 'openat') + lost, counts.openat.sent - hello.counts.openat.sent)
  assert(counts.openat.produced - hello.counts.openat.produced >= 20_000n)
  assert.equal(counts.openat.dropped, 0n)
})

test('once attached, no privilege is left', kernel, async (t) => {
  const { sensor } = await attached(t)
  const status = Object.fromEntries(
    readFileSync(`/proc/${sensor.pid}/status`, 'utf8')
      .split('\n')
      .map((line) => line.split(/:\s+/) as [string, string]),
  )
  for (const name of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) assert.match(status[name] ?? '', /^0+$/, name)
  assert.equal(status.NoNewPrivs, '1')
  assert.equal(status.Uid, '64703\t64703\t64703\t64703')
  assert.equal(status.Gid, '64702\t64702\t64702\t64702')
  assert.equal(status.Groups?.trim(), '')
  assert.equal(
    spawnSync('stat', ['-c', '%u', `/proc/${sensor.pid}/mem`], { encoding: 'utf8' }).stdout,
    '0\n',
    'not dumpable',
  )
})

test('AGT-1: by object, a watched file is told by whatever call it is opened, and once', kernel, async (t) => {
  const { agent, watched, hello, sensor } = await attached(t)
  if (!hello.attached.file_open.ok) return t.skip(/file_open is not attached: (.*?)"/.exec(sensor.log())?.[1])
  copyFileSync('/bin/true', watched)
  chmodSync(watched, 0o755)
  const memory = '/proc/self/mem'
  const open32 = (file: string) => run(binary('probe'), 'entry_32', 'n-32', '--file', file).pid
  const ways: readonly (readonly [way: string, pid: () => number, kind: string, site: Site])[] = [
    ['by the entry for 32 bits', () => open32(watched), 'file_open', 'entry_32'],
    ['to run it', () => run('sh', '-c', watched).pid, 'file_open', 'file_open'],
    ['of a memory', () => open32(memory), 'mem_open', 'entry_32'],
    [
      'given by recvmmsg',
      () => run(binary('probe'), 'passed_recvmmsg', 'n-many', '--file', watched).pid,
      'passed',
      'passed',
    ],
  ]
  for (const [way, act, kind, site] of ways) {
    await t.test(way, async () => {
      const told = (await familyOf(agent, act())).filter((event) => event.kind === kind)
      assert.deepEqual(
        told.map((event) => [event.site, ('syscall' in event && event.syscall) || null]),
        [[site, null]],
      )
    })
  }
})

test(
  'AGT-1: refused opens of watched files are told by name, however it is written; those of others are neither told nor counted',
  kernel,
  async (t) => {
    const { agent, sensor, watched, hello } = await attached(t)
    const other = join(agent.dir, 'other')
    writeFileSync(other, '')
    for (const path of [watched, other]) chmodSync(path, 0o600)
    const asNobody = (path: string) =>
      spawnSync('setpriv', ['--reuid=65534', '--clear-groups', 'cat', path], { cwd: agent.dir }).pid
    const names = [watched, `${agent.dir}//../${basename(agent.dir)}/watched`, 'watched', './watched']
    for (const name of names) {
      const told = (await lifeOf(agent, asNobody(name))).flatMap((event) => (event.kind === 'refused' ? [event] : []))
      assert.deepEqual(
        told.map(({ what, error, path, watched: entry }) => [what, error, path, entry]),
        [['open', constants.errno.EACCES, watched, watched]],
      )
    }
    for (const name of [other, 'other', '/proc/1/environ']) {
      const life = await lifeOf(agent, asNobody(name))
      assert(life.every(({ kind }) => kind !== 'refused'))
    }
    assert.equal(await sensor.end('SIGTERM'), 0)
    const { counts } = lastReport(agent)
    assertBalanced(counts)
    assert.equal(counts.refused.sent - hello.counts.refused.sent, received(agent, 'refused'))
  },
)

test('AGT-1: who sets up an io_uring is told, and what it opens where nobody can look', kernel, async () => {
  const { agent, watched } = await shared()
  const told = async (act: string) =>
    (await familyOf(agent, run(binary('probe'), act, 'n-ring', '--file', watched).pid)).flatMap((event) =>
      event.kind === 'uring' ? [[event.path, event.flags]] : [],
    )
  assert.deepEqual(await told('io_uring'), [[null, 0]])
  assert.deepEqual(await told('io_uring_slot'), [[null, 0], ...(requestsAreTold ? [[watched, 0]] : [])])
})

test('a site that is left out takes no other down', kernel, async (t) => {
  const { agent, hello, watched } = await attached(t, '--without', 'openat')
  assert.deepEqual(hello.attached.openat, { ok: false, reason: 'left out by --without' })
  assert.deepEqual(
    sites.filter((site) => !hello.attached[site].ok && hello.attached[site].reason !== ''),
    ['openat'],
  )
  open(watched)
  const probe = run(binary('probe'), 'open', 'n', '--file', watched)
  await agent.until(exitOf(probe.pid))
  const opens = agent.events().filter(({ kind }) => kind === 'file_open')
  assert.deepEqual(
    opens.map(({ site }) => site),
    ['open'],
  )
})

test('sites without their tracepoints take no other down, nor does a missing bpffs', kernel, async (t) => {
  const agent = await startAgent(t)
  const blind =
    'mount -t tmpfs no /sys/kernel/tracing && mount -t tmpfs no /sys/fs/bpf && exec setpriv --bounding-set=-sys_admin "$@"'
  const args = ['--socket', agent.socketPath, '--instance', newInstance(t)]
  const sensor = startSensor(t, args, ['unshare', '-m', 'sh', '-c', blind, 'sh'])
  const hello = await agent.until(isHello)
  assert.deepEqual(
    sites.filter((site) => hello.attached[site].ok),
    ['exec', 'exit', 'fork', 'task_rename', 'signal_generate', 'sysctl', 'inotify', 'sock_diag', 'entry_32'],
  )
  assert.deepEqual(hello.modes, { process: 'ebpf', file: 'polling', network: 'sock_diag' })
  const standingBy = [
    'open',
    'openat',
    'openat2',
    'creat',
    'open_by_handle_at',
    'io_uring',
    'passed',
    'file_open',
    'connect',
    'accept',
    'bind',
    'listen',
    'datagram',
    'socket',
    'policy',
    'examiner', // without a guard
  ]
  for (const site of sites.filter((each) => !sources.includes(each))) {
    const { ok, reason } = hello.attached[site]
    assert.equal(ok || standingBy.includes(site), reason === '' || (ok && reason.startsWith('tier ')), site)
  }
  assert.match(sensor.log(), /"level":"warn".*counters are not pinned/)
  assert.deepEqual(hello.counts.exec.sent, 0n)
  assert.equal(execs(await lifeOf(agent, run('/bin/true').pid)).length, 1)
})

test(
  'AGT-8 canaries come back from every site that has one, are told to nobody and counted nowhere; what is blinded is told',
  process.arch === 'x64' ? kernel : { skip: 'the attacker of this test knows the registers of x86-64 alone' },
  async (t) => {
    const agent = await startAgent(t)
    const instance = newInstance(t)
    const args = ['--socket', agent.socketPath, '--instance', instance, '--watch', '/etc/shadow']
    const sensor = startSensor(t, [...args, '--canary-seconds', '1'])
    const hello = await agent.until(isHello)
    const byTracepoint = [
      'open',
      'openat',
      'openat2',
      'creat',
      'ptrace',
      'process_vm_readv',
      'process_vm_writev',
      'credentials',
      'bpf',
      'perf_event_open',
      'namespaces',
      'connect',
      'accept',
      'bind',
      'listen',
      'socket',
      'reach',
      'executable',
      'refused',
      'passed',
      'mount',
    ] as const
    const blinded = byTracepoint.filter((site) => hello.attached[site].ok)

    // Somebody has the sensor itself let go of what ties its programs to system calls, and takes the pins of it away.
    for (const pin of pinsOf(instance)) if (pin.startsWith('link_')) rmSync(`/sys/fs/bpf/sealwatch-${instance}/${pin}`)
    assert.notEqual(run(binary('blinder'), 'links', String(sensor.pid)).stdout.trim(), '0')
    // One after the other: a canary between them misses but some.
    const told = await agent.until(
      (message): message is SensorReport =>
        isReport(message) && blinded.every((site) => message.blind?.includes(site) === true),
    )
    assert.deepEqual(told.blind, blinded)
    assert.deepEqual(
      agent
        .events()
        .filter(({ kind, actor }) => actor.ppid === sensor.pid || (kind === 'fork' && actor.pid === sensor.pid)),
      [],
    )
    for (const site of sites) {
      const { produced, dropped, sent } = told.counts[site]
      assert.ok(produced >= dropped + sent, site)
    }
  },
)

test(
  'AGT-8 nobody takes a watched file out of the maps, and what is overwritten is put right and told',
  kernel,
  async (t) => {
    const agent = await startAgent(t)
    const watched = join(agent.dir, 'watched')
    writeFileSync(watched, '')
    const instance = newInstance(t)
    const sensor = startSensor(t, ['--socket', agent.socketPath, '--instance', instance, '--watch', watched])
    await agent.until(isHello)
    const blind = (way: string) => run(binary('blinder'), way, String(sensor.pid)).stdout.trim()
    const harmed = (harm: SensorHarm) =>
      agent.until((message): message is SensorReport => isReport(message) && message.harms?.includes(harm) === true)

    assert.equal(blind('watched'), '0', 'the map is frozen')
    assert.equal(blind('memory'), '1')
    await harmed('memory')
    open(watched)
    await agent.until((message) => isEvent(message) && message.kind === 'file_open')
    run('kill', '-URG', String(sensor.pid))
    await agent.until((message) => isEvent(message) && message.kind === 'signal')

    rmSync(`/sys/fs/bpf/sealwatch-${instance}/counters`)
    await harmed('pin')
    assert.match(sensor.log(), /"level":"critical".*what it has pinned was removed/)
  },
)

test(
  'AGT-8 who mounts over what our parts find each other by is told of, and again when it is done again',
  kernel,
  async (t) => {
    const agent = await startAgent(t)
    const own = join(agent.dir, 'an own folder')
    mkdirSync(join(own, 'below'), { recursive: true })
    const sensor = startSensor(t, [
      ...['--socket', agent.socketPath, '--instance', newInstance(t), '--harm-seconds', '1'],
      ...['--own', join(own, 'below')],
    ])
    await agent.until(isHello)
    let seen = 0
    const covered = async (isSo: boolean) => {
      const holds = (message: SensorMessage) =>
        agent.messages.indexOf(message) >= seen &&
        isReport(message) &&
        (message.harms?.includes('covered') ?? false) === isSo
      seen = agent.messages.indexOf(await agent.until(holds))
    }
    const mounted = async (target: string, ...how: string[]) => {
      await covered(false)
      assert(run('mount', ...how, target).ok)
      try {
        await covered(true)
      } finally {
        assert(run('umount', target).ok)
      }
    }
    await mounted(own, '-t', 'tmpfs', 'none')
    // The same is to be seen there.
    assert(run('mount', '--bind', own, own).ok)
    await mounted(agent.dir, '-t', 'tmpfs', 'none')
    await mounted(agent.socketPath, '--bind', '/dev/null')
    assert(run('umount', own).ok)
    assert.deepEqual(
      sensor
        .log()
        .match(/a mount covers what is ours: [^"]*/g)
        ?.map((text) => text.slice(text.lastIndexOf('/') + 1)),
      ['below', 's', 'below', 's'],
    )
  },
)

test(
  'AGT-8 whoever moves the place up to which the ring is read is told of, for what was in between is told by nobody',
  kernel,
  async (t) => {
    const agent = await startAgent(t)
    const watched = join(agent.dir, 'watched')
    writeFileSync(watched, '')
    const sensor = startSensor(t, ['--socket', agent.socketPath, '--instance', newInstance(t), '--watch', watched])
    await agent.until(isHello)
    sensor.child.kill('SIGSTOP')
    open(watched)
    assert.equal(run(binary('blinder'), 'ring', String(sensor.pid)).stdout.trim(), '1')
    sensor.child.kill('SIGCONT')
    await agent.until((message) => isReport(message) && message.harms?.includes('memory') === true)
  },
)

test('AGT-8 where agent and sensor are killed together the next sensor finds no harm in it', kernel, async (t) => {
  const agent = await startAgent(t)
  const instance = newInstance(t)
  const sensor = startSensor(t, ['--socket', agent.socketPath, '--instance', instance])
  await agent.until(isHello)
  await sensor.end('SIGKILL')
  const next = startSensor(t, ['--socket', join(agent.dir, 'nobody'), '--instance', instance])
  while (!/as the sensor before left/.test(next.log())) await once(next.child.stderr ?? next.child, 'data')
  // A look finds both, and says both.
  rmSync(`/sys/fs/bpf/sealwatch-${instance}/counters`)
  while (!/what it has pinned was removed/.test(next.log())) await once(next.child.stderr ?? next.child, 'data')
  assert.doesNotMatch(next.log(), /overwritten/)
})

test('wrong starts are refused with what to do', kernel, async (t) => {
  const { agent, instance } = await attached(t)
  const start = (args: string[], command: string[] = []) => startSensor(t, args, command)
  const second = start(['--socket', agent.socketPath, '--instance', instance])
  assert.equal(await second.end(), 1)
  assert.match(second.log(), /another sensor of instance/)
  const weak = start(['--socket', agent.socketPath], ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'])
  assert.equal(await weak.end(), 3)
  assert.match(weak.log(), /"level":"error".*CAP_BPF is missing: start the sensor as root/)
  for (const args of [
    [],
    ['--socket', 'x', '--without', 'nothing'],
    ['--socket', 'x', '--watch', 'relative'],
    ['--socket', 'x', '--ring-bytes', '5000'],
    ['--socket'],
  ]) {
    assert.equal(await start(args).end(), 2, args.join(' '))
  }
})
