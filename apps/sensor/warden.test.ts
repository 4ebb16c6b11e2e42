// SPDX-License-Identifier: Apache-2.0
// Policies of files and programs, refused by the kernel on the warden's word (docs/formats/frame.md, 11).

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  lchownSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileTableFor } from '../agent/src/policies/enforce.ts'
import { policiesOf } from '../agent/src/policies/in-force.ts'
import { fileHoldOrder, fileLiftOrder, fileTableOrder } from '../agent/src/policies/table-order.ts'
import type { Observation, SensorMessage } from '../agent/src/sources/observation.ts'
import {
  childOf,
  type Event,
  isEvent,
  isHello,
  isReport,
  newInstance,
  patienceMs,
  rightsOf,
  run,
  startAgent,
  startSensor,
  type TestAgent,
  whyNot,
} from './sensor-harness.ts'

const { EPERM } = constants.errno
const kernel = { skip: whyNot() ?? false, timeout: patienceMs } as const
type Denied = Event & Extract<Observation, { kind: 'file_denied' }>
const isDenied = (message: SensorMessage): message is Denied => isEvent(message) && message.kind === 'file_denied'

/** It works whatever watches the rest, and these start at once. */
const quick = ['--processes', 'polling', '--files', 'polling', '--network', 'none']

async function attached(t: TestContext) {
  const agent = await startAgent(t)
  const args = ['--socket', agent.socketPath, '--instance', newInstance(t), ...quick]
  const sensor = startSensor(t, args)
  const hello = await agent.until(isHello)
  assert.deepEqual(hello.attached.file_policy, { ok: true, reason: '' })
  const dir = join(agent.dir, 'guarded')
  mkdirSync(dir)
  const file = (name: string, text = 'secret') => {
    writeFileSync(join(dir, name), text)
    return join(dir, name)
  }
  const program = (name: string, of = '/usr/bin/cat') => {
    copyFileSync(of, join(dir, name))
    chmodSync(join(dir, name), 0o755)
    return join(dir, name)
  }
  return { agent, sensor, dir, file, program }
}

let numbers = 100
type Policy = { readonly type: 'file' | 'process'; readonly rules: readonly object[]; readonly default?: string }
function table(policies: readonly Policy[], seconds = 30) {
  const told = policies.map(({ rules, ...more }, id) => ({
    ...{ id: `p${id}`, version: 1, digest: '' },
    document: JSON.stringify({
      ...{ name: `x${id}`, enabled: true, mode: 'enforce', ...(more.type === 'process' && { default: 'allow' }) },
      ...more,
      rules: rules.map((rule, at) => ({ id: `r${at}`, ...rule })),
    }),
  }))
  const { policies: inForce } = policiesOf({ policies: told }, { uid: 'a', hostname: 'web-1' })
  const made = fileTableFor(inForce, new Map([[0, 'root']]))
  assert(made.table !== undefined)
  const number = numbers++
  return { number, order: fileTableOrder(made.table, number, seconds) }
}

const follows = (number: number) => (message: SensorMessage) => isReport(message) && message.fileTable === number

/** From here on what it denies is refused. */
async function follow(agent: TestAgent, { number, order }: { number: number; order: Buffer }) {
  agent.say(order)
  await agent.until(follows(number))
}

const reads = (path: string, by = 'cat') => run(by, path).ok
const runs = (path: string, ...args: readonly string[]) => spawnSync(path, args).error === undefined

test(
  'AGT-1 POL-2 a file that a policy denies is opened by none but those who may, by whatever name, and each denial says who and what',
  kernel,
  async (t) => {
    const { agent, dir, file, program } = await attached(t)
    const [secret, other, may] = [file('secret'), file('other'), program('may')]
    assert.deepEqual([reads(secret), reads(secret, may)], [true, true])
    const policy = {
      type: 'file',
      rules: [{ paths: [secret], may: [{ executables: [may] }, { users: [33] }] }],
    } as const
    const denying = table([policy])
    await follow(agent, denying)
    assert.deepEqual([reads(secret), reads(other), reads(secret, may)], [false, true, true])
    assert.throws(() => readFileSync(secret), { code: 'EPERM' })
    assert.equal(run('setpriv', '--reuid=33', '--clear-groups', 'cat', secret).ok, true)
    assert.equal(run('setpriv', '--reuid=34', '--clear-groups', 'cat', secret).ok, false)
    linkSync(secret, join(agent.dir, 'link'))
    const first = run('cat', join(agent.dir, 'link'))
    assert.equal(first.ok, false, 'by another name')
    const inNamespace = `mount --bind ${dir} /mnt && cat /mnt/secret`
    assert.equal(run('unshare', '--mount', 'sh', '-c', inNamespace).ok, false, 'in another mount namespace')
    const disguised = `mount --bind /usr/bin/cat ${may} && ${may} ${secret}`
    assert.equal(run('unshare', '--mount', 'sh', '-c', disguised).ok, false, 'as what may, by its path alone')
    writeFileSync(join(dir, 'next'), 'new secret')
    renameSync(join(dir, 'next'), secret)
    while (reads(secret)); // what has taken the name is looked at within a moment
    const {
      actor,
      file: told,
      watched,
      table: by,
      rule,
      way,
    } = await agent.until((message): message is Denied => isDenied(message) && message.actor.pid === first.pid)
    assert.deepEqual(
      [actor.exe, actor.uid, told.path, watched, by, rule, way],
      ['/usr/bin/cat', 0, join(agent.dir, 'link'), secret, denying.number, 2, 'read'],
    )
    agent.say(fileLiftOrder())
    while (!reads(secret));
  },
)

test(
  'AGT-1 POL-2 a program that a policy denies is not started, by whatever link or namespace, and may be read; the loader of all is',
  kernel,
  async (t) => {
    const { agent, dir, program } = await attached(t)
    const tool = program('tool', '/usr/bin/true')
    linkSync(tool, join(agent.dir, 'hard'))
    const [loader = ''] = /\/lib\S*ld-linux\S*/.exec(run('ldd', '/usr/bin/true').stdout) ?? []
    const rules = [{ action: 'deny', executables: [tool, loader, `${dir}/fresh/*`] }]
    await follow(agent, table([{ type: 'process', rules }]))
    assert.deepEqual(
      [runs(tool), runs(join(agent.dir, 'hard')), runs('/usr/bin/true'), reads(tool)],
      [false, false, true, true],
    )
    assert.equal(run('unshare', '--mount', 'sh', '-c', `mount --bind ${dir} /mnt && /mnt/tool`).ok, false)
    assert.equal(
      run('python3', '-c', `import os; os.execve(os.open('${tool}', os.O_RDONLY), ['x'], {})`).ok,
      false,
      'by a descriptor',
    )
    mkdirSync(join(dir, 'fresh'))
    copyFileSync('/usr/bin/true', join(dir, 'fresh', 'new'))
    chmodSync(join(dir, 'fresh', 'new'), 0o755)
    while (runs(join(dir, 'fresh', 'new'))); // the directory was made a moment ago
    copyFileSync('/usr/bin/true', join(dir, 'fresh', 'newer'))
    chmodSync(join(dir, 'fresh', 'newer'), 0o755)
    assert.equal(runs(join(dir, 'fresh', 'newer')), false, 'nothing in a directory that is guarded is ever free')
    const told = await agent.until((message): message is Denied => isDenied(message) && message.way === 'run')
    assert.deepEqual([told.file.path, told.rule, told.site], [tool, 0, 'file_policy'])
  },
)

test(
  'AGT-1 POL-2 a rule about reading alone, or writing alone, goes by what a file is opened for; where nobody can tell, it is let go',
  kernel,
  async (t) => {
    const { agent, file } = await attached(t)
    const [config, secret] = [file('config'), file('secret')]
    const rules = [
      { paths: [config], operations: ['write'], may: [] },
      { paths: [secret], operations: ['read'], may: [] },
    ]
    await follow(agent, table([{ type: 'file', rules }]))
    /** errno of each: nothing is emptied where it is refused. */
    const opens = (path: string, ...flags: readonly string[]) => {
      const calls = flags.map((how) => `sysopen(F, '${path}', ${how}) ? 0 : $!+0`)
      return run('perl', '-MFcntl', '-e', `print join(',', ${calls.join(',')})`)
        .stdout.split(',')
        .map(Number)
    }
    const ways = ['O_RDONLY', 'O_WRONLY', 'O_RDWR', 'O_WRONLY|O_APPEND', 'O_RDONLY|O_TRUNC']
    assert.deepEqual(opens(config, ...ways), [0, EPERM, EPERM, EPERM, EPERM])
    assert.equal(readFileSync(config, 'utf8'), 'secret')
    assert.deepEqual(opens(secret, ...ways.slice(0, 4)), [EPERM, 0, EPERM, 0])
    assert.equal(run('cp', '/dev/null', config).ok, false)
    const openat2 = `my ($path, $how) = ("${config}", pack('QQQ', 1, 0, 0)); exit(syscall(437, -100, $path, $how, 24) < 0)`
    assert.equal(run('perl', '-e', openat2).ok, true, 'its flags lie in memory, where another thread can change them')
    const told = await agent.until((message): message is Denied => isDenied(message) && message.watched === config)
    assert.deepEqual([told.way, told.rule], ['write', 0])
  },
)

const zero = { produced: 0n, repeated: 0n, sent: 0n }

test(
  'AGT-5 POL-2 what is refused again is counted, and what was told arrives: produced is what was sent',
  kernel,
  async (t) => {
    const { agent, file } = await attached(t)
    const secret = file('secret')
    await follow(agent, table([{ type: 'file', rules: [{ paths: [secret], may: [] }] }]))
    const many = `for (1..2000) { open(F, '<', '${secret}') and exit 1 }`
    assert.equal(run('perl', '-e', many).ok, true)
    // Each second it is told anew, and how long they take is the machine's matter.
    const last = await agent.until((message) => {
      const { produced, repeated, sent } = isReport(message) ? message.counts.file_policy : zero
      return produced > 0n && produced + repeated === 2000n && sent === produced
    })
    assert(isReport(last))
    assert.equal(last.counts.file_policy.dropped, 0n)
    assert.ok(last.counts.file_policy.repeated > 0n)
  },
)

test('AGT-8 POL-2 nothing is denied once its time has passed, and again when the agent is back', kernel, async (t) => {
  const { agent, file } = await attached(t)
  const secret = file('secret')
  const short = table([{ type: 'file', rules: [{ paths: [secret], may: [] }] }], 2)
  await follow(agent, short)
  assert.equal(reads(secret), false)
  while (!reads(secret));
  const lapsed = agent.messages.length
  await agent.until(
    (message) => isReport(message) && message.fileTable === undefined && agent.messages.indexOf(message) >= lapsed,
  )
  agent.say(fileHoldOrder(short.number, 30))
  while (reads(secret));
  agent.cut()
  assert.equal(reads(secret), false, 'the agent may be away for a while')
})

const wardenOf = (sensor: { readonly pid: number }) => childOf(childOf(sensor.pid, 'sensor-keeper'), 'sensor-warden')

test(
  'AGT-4 the warden keeps two capabilities, its keeper one more to start it, and the sensor does not outlive the keeper',
  kernel,
  async (t) => {
    const { sensor } = await attached(t)
    const keeper = childOf(sensor.pid, 'sensor-keeper')
    const others = { bounds: '0', newPrivileges: false, uids: [64703, 64703, 64703, 64703] }
    // CAP_DAC_READ_SEARCH and CAP_SYS_PTRACE; and CAP_SYS_ADMIN.
    assert.deepEqual(rightsOf(wardenOf(sensor)), { kept: '80004', ...others })
    assert.deepEqual(rightsOf(keeper), { kept: '280004', ...others })
    process.kill(keeper, 'SIGKILL')
    assert.equal(await sensor.end(), 1)
    assert.match(sensor.log(), /the process that looks after the one that refuses has ended/)
  },
)

for (const [how, signal] of [
  ['killed', 'SIGKILL'],
  ['stopped', 'SIGSTOP'],
] as const)
  test(
    `AGT-8 POL-2 who waits for a warden that is ${how} is let go, it is told, and another takes its place with what was ordered`,
    kernel,
    async (t) => {
      const { agent, sensor, file } = await attached(t)
      const secret = file('secret')
      await follow(agent, table([{ type: 'file', rules: [{ paths: [secret], may: [] }] }]))
      const warden = wardenOf(sensor)
      process.kill(warden, 'SIGSTOP')
      const waiting = spawn('cat', [secret])
      const ended = new Promise<number | null>((resolve) => waiting.once('close', resolve))
      if (signal === 'SIGKILL') process.kill(warden, signal)
      assert.equal(await ended, 0, 'it was let go')
      await agent.until((message) => isReport(message) && message.blind?.includes('file_policy') === true)
      while (reads(secret));
      while (run('test', '-d', `/proc/${warden}`).ok);
      assert.notEqual(wardenOf(sensor), warden)
    },
  )

test(
  'AGT-8 POL-2 an order that breaks the form is not followed; more files than there is room for are told',
  kernel,
  async (t) => {
    const { agent, sensor, dir, file } = await attached(t)
    const good = table([{ type: 'file', rules: [{ paths: [file('secret')], may: [] }] }])
    await follow(agent, good)
    let seed = 1
    const random = (below: number) => {
      seed = (seed * 48_271) % 2_147_483_647
      return seed % below
    }
    const refused = () => sensor.log().split('is not followed').length - 1
    for (let i = 0; i < 500; i++) {
      const bad = Buffer.from(good.order)
      bad.writeUInt32LE(good.number + 1, 20)
      for (let change = random(4); change > 0; change--) bad.writeUInt8(random(256), 24 + random(bad.length - 24))
      agent.say(bad)
    }
    await agent.until(() => refused() >= 500)
    assert.equal(reads(join(dir, 'secret')), false)
    mkdirSync(join(dir, 'many'))
    for (let i = 0; i < 4_200; i++) writeFileSync(join(dir, 'many', String(i)), '')
    const full = table([{ type: 'file', rules: [{ paths: [`${dir}/many/*`], may: [] }] }])
    agent.say(full.order)
    const report = await agent.until(
      (message) => isReport(message) && message.fileTable === full.number && message.unguarded !== undefined,
    )
    assert(isReport(report))
    rmSync(join(dir, 'many'), { recursive: true })
    symlinkSync('/etc/hostname', join(dir, 'link'))
    lchownSync(join(dir, 'link'), 1000, 1000)
    const led = table([{ type: 'file', rules: [{ paths: [join(dir, 'link')], may: [] }] }])
    agent.say(led.order)
    await agent.until((message) => isReport(message) && message.fileTable === led.number && message.unguarded === 1)
    assert.equal(reads('/etc/hostname'), true, 'whoever may make a link does not say what others may open')
  },
)
