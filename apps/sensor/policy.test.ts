// SPDX-License-Identifier: Apache-2.0
// Network policies in the kernel (docs/formats/frame.md, 10): on loopback's neighbours of a network namespace of the tests' own.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { constants } from 'node:os'
import { type TestContext, test } from 'node:test'
import { tableOf } from '../agent/src/policies/enforce.ts'
import { policiesOf } from '../agent/src/policies/in-force.ts'
import { tableOrder } from '../agent/src/policies/table-order.ts'
import type { Observation, SensorMessage } from '../agent/src/sources/observation.ts'
import { holdOrder, liftOrder } from '../agent/src/sources/sensor-order.ts'
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
const { EPERM, ECONNREFUSED } = constants.errno
const secret = { seed: 0x1234_5678_9abc_def0n, factor: 0x9e37_79b9_7f4a_7c15n }
type Denied = Event & Extract<Observation, { kind: 'denied' }>
const isDenied = (event: Event): event is Denied => event.kind === 'denied'

async function attached(t: TestContext, ...extra: readonly string[]) {
  const agent = await startAgent(t)
  const instance = newInstance(t)
  const start = () => startSensor(t, ['--socket', agent.socketPath, '--instance', instance, ...extra])
  const sensor = start()
  const hello = await agent.until(isHello)
  assert.deepEqual(hello.attached.policy, { ok: true, reason: '' })
  return { agent, sensor, start }
}

let numbers = 100
/** Of rules of one policy; those of the tests are about addresses that nobody has. */
function table(rules: readonly object[], more: object = {}, seconds = 30) {
  const named = rules.map((rule, at) => ({ id: `r${at}`, ...rule }))
  const policy = { type: 'network', name: 'x', enabled: true, mode: 'enforce', default: 'allow', rules: named, ...more }
  const told = { policies: [{ id: 'p', version: 1, digest: '', document: JSON.stringify(policy) }] }
  const { policies } = policiesOf(told, { uid: 'a', hostname: 'web-1' })
  const made = tableOf(policies, new Map([[0, 'root']]))
  assert(made.table !== undefined)
  const number = numbers++
  return { number, order: tableOrder(made.table, number, seconds, secret) }
}

/** From here on the kernel follows this table. */
async function follow(agent: TestAgent, { number, order }: { number: number; order: Buffer }) {
  agent.say(order)
  await agent.until((message) => isReport(message) && message.table === number)
}

const namespace = [
  'unshare',
  '--net',
  'sh',
  '-c',
  'ip link set lo up && ip addr add 192.0.2.1/24 dev lo && ip -6 addr add 2001:db8::1/64 dev lo nodad && exec "$@"',
  'sh',
]
const sub = `sub v4{pack_sockaddr_in($_[1],inet_aton($_[0]))} sub v6{pack_sockaddr_in6($_[1],inet_pton(AF_INET6,$_[0]))}
  sub tcp4{socket(S,AF_INET,SOCK_STREAM,6);connect(S,v4(@_))?0:$!+0} sub tcp6{socket(S,AF_INET6,SOCK_STREAM,6);connect(S,v6(@_))?0:$!+0}
  sub udp4{socket(S,AF_INET,SOCK_DGRAM,17);send(S,"x",0,v4(@_))?0:$!+0} sub udp6{socket(S,AF_INET6,SOCK_DGRAM,17);send(S,"x",0,v6(@_))?0:$!+0}
  sub udpc{socket(S,AF_INET,SOCK_DGRAM,17);connect(S,v4(@_))?0:$!+0}`

/** What each of these calls of Perl ends with, in a network namespace with the addresses 192.0.2.1 and 2001:db8::1. */
function tried(calls: readonly string[], { command = ['perl'] as readonly string[] } = {}) {
  const script = `use POSIX;${sub} print join(",",${calls.join(',')})`
  const { ok, stdout, pid } = run(
    namespace[0] as string,
    ...namespace.slice(1),
    ...command,
    '-MSocket=:all',
    '-e',
    script,
  )
  assert(ok, stdout)
  return { pid, errors: stdout.split(',').map(Number) }
}

test(
  'AGT-1 POL-2 connections and datagrams that a policy denies are refused and told, by whatever family, all others go their way',
  kernel,
  async (t) => {
    const { agent } = await attached(t)
    const calls = [
      'tcp4("192.0.2.1",23)',
      'tcp4("192.0.2.1",24)',
      'tcp6("2001:db8::1",23)',
      'tcp6("::ffff:192.0.2.1",23)',
      'udp4("192.0.2.1",53)',
      'udp6("2001:db8::1",53)',
      'udp6("::ffff:192.0.2.1",53)',
      'udpc("192.0.2.1",53)',
      'tcp4("127.0.0.1",23)',
    ]
    assert.deepEqual(tried(calls).errors, [
      ECONNREFUSED,
      ECONNREFUSED,
      ECONNREFUSED,
      ECONNREFUSED,
      0,
      0,
      0,
      0,
      ECONNREFUSED,
    ])
    const rules = [
      { action: 'deny', direction: 'outbound', protocols: ['tcp'], ports: [23] },
      { action: 'deny', addresses: ['192.0.2.0/24', '2001:db8::/64'], protocols: ['udp'] },
    ]
    const { number, order } = table(rules)
    await follow(agent, { number, order })
    const { errors } = tried(calls)
    assert.deepEqual(errors, [EPERM, ECONNREFUSED, EPERM, EPERM, EPERM, EPERM, EPERM, EPERM, ECONNREFUSED])
    await agent.until(
      (message) =>
        isEvent(message) && isDenied(message) && message.call === 'connect' && message.socket.type === 'dgram',
    )
    const told = agent.events().filter(isDenied)
    assert.deepEqual(
      told.map(({ call, socket, rule, table: by }) => [
        call,
        socket.remote?.address,
        socket.remote?.port,
        socket.family,
        rule,
        by,
      ]),
      [
        ['connect', '192.0.2.1', 23, 'ipv4', 0, number],
        ['connect', '2001:db8::1', 23, 'ipv6', 0, number],
        ['connect', '192.0.2.1', 23, 'ipv6', 0, number],
        ['datagram', '192.0.2.1', 53, 'ipv4', 1, number],
        ['datagram', '2001:db8::1', 53, 'ipv6', 1, number],
        ['datagram', '192.0.2.1', 53, 'ipv6', 1, number],
        ['connect', '192.0.2.1', 53, 'ipv4', 1, number],
      ],
    )
    for (const { actor, site } of told) assert.deepEqual([site, actor.exe], ['policy', '/usr/bin/perl'])
    const sent = agent.events().filter(({ kind, actor }) => kind === 'datagram' && actor.pid === told[0]?.actor.pid)
    assert.deepEqual(sent, [], 'no datagram is told as sent that was not')
    agent.say(liftOrder())
    await agent.until(
      (message) => isReport(message) && message.timeNs > (told.at(-1)?.timeNs ?? 0n) && message.table === undefined,
    )
    assert.deepEqual(tried(calls.slice(0, 1)).errors, [ECONNREFUSED])
  },
)

test(
  'AGT-1 POL-2 who is denied goes by user and program, of root as of others, in whatever cgroup; what ours do is never denied',
  kernel,
  async (t) => {
    const { agent } = await attached(t)
    const call = ['tcp4("192.0.2.1",23)']
    const as = (uid: number) => ({ command: ['setpriv', `--reuid=${uid}`, '--clear-groups', 'perl'] })
    await follow(
      agent,
      table(
        [
          { action: 'allow', executables: ['/usr/bin/python3'] },
          { action: 'allow', users: [33] },
        ],
        { default: 'deny' },
      ),
    )
    assert.deepEqual(tried(call).errors, [EPERM])
    assert.deepEqual(tried(call, as(1000)).errors, [EPERM])
    assert.deepEqual(tried(call, as(33)).errors, [ECONNREFUSED])
    assert.deepEqual(tried(call, as(64_702)).errors, [ECONNREFUSED], 'the agent reaches its server')
    await follow(agent, table([{ action: 'deny', executables: ['/usr/bin/perl'], direction: 'outbound' }]))
    assert.deepEqual(tried(call).errors, [EPERM])
    const group = `/sys/fs/cgroup${run('sh', '-c', 'test -d /sys/fs/cgroup/unified && echo /unified').stdout.trim()}/sealwatch-test-${process.pid}`
    run('mkdir', group)
    t.after(() => run('rmdir', group))
    const inGroup = { command: ['sh', '-c', `echo $$ > ${group}/cgroup.procs && exec perl "$@"`, 'sh'] }
    assert.deepEqual(tried(call, inGroup).errors, [EPERM], 'in another cgroup')
    await follow(
      agent,
      table([
        { action: 'deny', executables: ['/usr/bin/python3'] },
        { action: 'deny', users: [33] },
      ]),
    )
    assert.deepEqual([tried(call).errors, tried(call, as(33)).errors], [[ECONNREFUSED], [EPERM]])
  },
)

test('AGT-1 POL-2 a denial that is repeated is counted, and told anew by another table', kernel, async (t) => {
  const { agent } = await attached(t)
  const calls = Array.from({ length: 40 }, () => 'tcp4("192.0.2.1",23)')
  const rules = [{ action: 'deny', ports: [23] }]
  await follow(agent, table(rules))
  assert.deepEqual(new Set(tried(calls).errors), new Set([EPERM]))
  const counted = await agent.until((message) => isReport(message) && message.counts.policy.repeated === 39n)
  assert(isReport(counted) && counted.counts.policy.produced === 1n)
  await agent.until((message) => isReport(message) && message.counts.policy.sent === 1n)
  assert.equal(agent.events().filter(isDenied).length, 1)
})

test(
  'AGT-1 POL-2 a policy ends when its agent says nothing more, and with a sensor that is killed; the next one follows what it is told',
  kernel,
  async (t) => {
    const { agent, sensor, start } = await attached(t)
    const call = ['tcp4("192.0.2.1",23)']
    const rules = [{ action: 'deny', ports: [23] }]
    const short = table(rules, {}, 2)
    await follow(agent, short)
    await agent.until(
      (message) =>
        isReport(message) &&
        message.table === undefined &&
        agent.messages.some((each) => isReport(each) && each.table === short.number && each.timeNs < message.timeNs),
    )
    assert.deepEqual(tried(call).errors, [ECONNREFUSED], 'its time has passed')
    const lapsedNs = agent.messages.findLast(isReport)?.timeNs ?? 0n
    agent.say(holdOrder(short.number, 30))
    await agent.until((message) => isReport(message) && message.table === short.number && message.timeNs > lapsedNs)
    assert.deepEqual(tried(call).errors, [EPERM], 'its agent is back')
    agent.cut()
    assert.deepEqual(tried(call).errors, [EPERM], 'the agent may be away for a while')
    await sensor.end('SIGKILL')
    assert.deepEqual(tried(call).errors, [EPERM], 'its programs outlive the sensor')
    const before = agent.messages.length
    const second = start()
    const adopted = (message: SensorMessage) =>
      isReport(message) && message.table === short.number && agent.messages.indexOf(message) >= before
    await agent.until(adopted)
    assert.deepEqual(tried(call).errors, [EPERM], 'the next sensor follows what it finds')
    agent.say(holdOrder(short.number, 2))
    await agent.until(
      (message) =>
        isReport(message) &&
        message.table === undefined &&
        agent.messages.indexOf(message) > agent.messages.findIndex(adopted),
    )
    assert.deepEqual(tried(call).errors, [ECONNREFUSED], 'nobody says it any more')
    await follow(agent, table(rules, {}, 2))
    await second.end('SIGKILL')
    while (tried(call).errors[0] !== ECONNREFUSED);
    const told = agent.messages.length
    start()
    await agent.until((message) => isHello(message) && agent.messages.indexOf(message) >= told)
    await follow(agent, table(rules))
    assert.deepEqual(tried(call).errors, [EPERM])
  },
)

test(
  'AGT-8 POL-2 programs that are detached from the cgroup with their links left as they are, are attached again and told of, each time',
  kernel,
  async (t) => {
    const { agent, sensor, start } = await attached(t)
    const call = ['tcp4("192.0.2.1",23)']
    await follow(agent, table([{ action: 'deny', ports: [23] }]))
    assert.deepEqual(tried(call).errors, [EPERM])
    for (let time = 0; time < 2; time++) {
      assert.notEqual(run(binary('blinder'), 'detach', String(sensor.pid)).stdout.trim(), '0')
      while (tried(call).errors[0] !== EPERM);
    }
    await agent.until((message) => isReport(message) && message.harms?.includes('detached') === true)
    sensor.child.kill('SIGSTOP')
    run(binary('blinder'), 'detach', String(sensor.pid))
    await sensor.end('SIGKILL')
    const next = start()
    while (!/as the sensor before left/.test(next.log())) await once(next.child.stderr ?? next.child, 'data')
    while (tried(call).errors[0] !== EPERM);
  },
)

test('AGT-8 POL-2 an order that breaks the form is not followed, and what was in force stays', kernel, async (t) => {
  const { agent, sensor } = await attached(t)
  const { number, order } = table([{ action: 'deny', ports: [23] }])
  await follow(agent, { number, order })
  let seed = 1
  const random = (below: number) => {
    seed = (seed * 48_271) % 2_147_483_647
    return seed % below
  }
  const next = table([{ action: 'deny', ports: [24] }])
  for (let i = 0; i < 3_000; i++) {
    const bad = Buffer.from(next.order)
    // Its number is not that of the order: whatever else is well is not followed.
    bad.writeUInt32LE(next.number + 1, 20)
    for (let change = random(4); change > 0; change--) bad.writeUInt8(random(256), 8 + random(bad.length - 8))
    if (bad.readUInt32LE(8) !== bad.readUInt32LE(20)) agent.say(bad)
  }
  agent.say(holdOrder(number + 77, 30))
  agent.say(holdOrder(number, 30))
  await agent.until(
    (message) =>
      isReport(message) &&
      message.counts.exec.produced >= 0n &&
      message.timeNs > 0n &&
      sensor.log().split('an order of the agent is not followed').length > 2_900,
  )
  assert.equal(agent.messages.findLast(isReport)?.table, number)
  assert.deepEqual(tried(['tcp4("192.0.2.1",23)', 'tcp4("192.0.2.1",24)']).errors, [EPERM, ECONNREFUSED])
  const helloes = agent.messages.filter(isHello).length
  agent.say(Buffer.from([0xff, 0xff, 0xff, 0xff]))
  await agent.until(() => agent.messages.filter(isHello).length > helloes)
})
