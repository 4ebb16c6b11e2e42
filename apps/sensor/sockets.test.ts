// SPDX-License-Identifier: Apache-2.0
// Sockets where BPF does not watch them (docs/fallbacks.md), on loopback and in network namespaces of the tests' own.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, statSync } from 'node:fs'
import { constants } from 'node:os'
import { type TestContext, test } from 'node:test'
import type { Observation, SensorMessage, SocketAct } from '../agent/src/sources/observation.ts'
import {
  type Event,
  isEvent,
  isHello,
  isReport,
  newInstance,
  patienceMs,
  startAgent,
  startSensor,
  whyNot,
} from './sensor-harness.ts'

const kernel = { skip: whyNot() ?? false, timeout: patienceMs } as const
const actorIdentity = 1
const actorImage = 2
const ownNamespace = statSync('/proc/self/ns/net').ino
const fast = ['--socket-poll-ms', '100']

type SocketEvent = Event & Extract<Observation, { kind: SocketAct }>

async function watching(t: TestContext, mode: 'sock_diag' | 'polling', ...extra: readonly string[]) {
  const agent = await startAgent(t)
  const others = ['--processes', 'proc_connector', '--files', 'polling']
  const args = ['--socket', agent.socketPath, '--instance', newInstance(t), ...others, '--network', mode, ...extra]
  const sensor = startSensor(t, args)
  const hello = await agent.until(isHello)
  /** The first such event of a port, on either side. */
  const told = (kind: SocketAct, port: number, holds: (event: SocketEvent) => boolean = () => true) =>
    agent.until((message): message is SocketEvent => {
      if (!isEvent(message) || message.kind !== kind) return false
      const event = message as SocketEvent
      return [event.socket.local?.port, event.socket.remote?.port].includes(port) && holds(event)
    })
  return { agent, sensor, hello, told }
}

/** Perl that does as it is told, line by line, says what comes of each, and lives until the test is over. */
function perl(t: TestContext, command: readonly string[] = []) {
  const [file = '', ...args] = [
    ...command,
    'perl',
    '-MSocket=:all',
    '-ne',
    'BEGIN{$|=1} print "",(eval $_)//"!$@$!","\\n"',
  ]
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  child.stdout.setEncoding('utf8')
  const does = async (line: string): Promise<string> => {
    const said = once(child.stdout, 'data')
    child.stdin.write(`${line}\n`)
    const text = String((await said)[0]).trim()
    assert(!text.startsWith('!'), `${line}: ${text}`)
    return text
  }
  return { child, pid: child.pid ?? 0, does }
}

const listens = 'socket(S,AF_INET,SOCK_STREAM,6);bind(S,pack_sockaddr_in(0,INADDR_LOOPBACK));listen(S,99);'
const portOf = (handle: string) => `(unpack_sockaddr_in(getsockname(${handle})))[0]`
const connects = (handle: string, port: number) =>
  `socket(${handle},AF_INET,SOCK_STREAM,6);connect(${handle},pack_sockaddr_in(${port},INADDR_LOOPBACK)) or die $!;`
const sides = ({ socket }: SocketEvent) =>
  [socket.local, socket.remote].map((side) => side && `${side.address} ${side.port}`)

for (const mode of ['sock_diag', 'polling'] as const)
  test(`AGT-1 AGT-2 by ${mode}: who listens, connects and accepts is told, and the end of each`, kernel, async (t) => {
    const early = perl(t)
    const earlyPort = Number(await early.does(`${listens}${portOf('S')}`))
    const { hello, told, agent, sensor } = await watching(t, mode, ...fast)
    assert.equal(hello.modes.network, mode)
    const site = mode === 'polling' ? 'proc_net' : 'sock_diag'
    assert.deepEqual(
      [hello.attached[site], hello.attached.connect],
      [
        { ok: true, reason: '' },
        { ok: false, reason: '' },
      ],
    )
    assert.match(sensor.log(), new RegExp(`"warn".*the network is watched by ${mode}`))

    const [server, client] = [perl(t), perl(t)]
    const port = Number(await server.does(`${listens}${portOf('S')}`))
    const listening = await told('listen', port)
    assert.deepEqual([listening.site, listening.actor.pid, listening.actor.exe], [site, server.pid, '/usr/bin/perl'])
    assert.deepEqual([sides(listening), listening.socket.netNs], [[`127.0.0.1 ${port}`, null], ownNamespace])
    assert.equal((listening.unsure ?? 0) & (actorIdentity | actorImage), 0, 'looked at while it lived')

    const from = Number(await client.does(`${connects('C', port)}${portOf('C')}`))
    await server.does('accept(A,S) ? 1 : die $!')
    const connected = await told('connect', from)
    assert.deepEqual([connected.actor.pid, connected.error, connected.socket.type], [client.pid, 0, 'stream'])
    assert.deepEqual(sides(connected), [`127.0.0.1 ${from}`, `127.0.0.1 ${port}`])
    const accepted = await told('accept', from)
    assert.deepEqual([accepted.actor.pid, sides(accepted)], [server.pid, sides(connected).toReversed()])

    await client.does('close(C)')
    const closed = await told('socket_ended', from, ({ began }) => began === 'connect')
    assert.deepEqual([closed.actor.pid, sides(closed)], [client.pid, sides(connected)])
    server.child.kill('SIGKILL')
    const ended = await told('socket_ended', port, ({ began }) => began === 'listen')
    assert.deepEqual([ended.actor.pid, ended.actor.comm, ended.socket.remote], [server.pid, 'perl', null])

    early.child.kill('SIGKILL')
    await told('socket_ended', earlyPort)
    const events = agent.events().filter((event): event is SocketEvent => 'socket' in event)
    assert(
      !events.some(({ kind, socket }) => kind === 'listen' && socket.local?.port === earlyPort),
      'it was there before',
    )
  })

test(
  'AGT-1 by sock_diag: a connection shorter than the time between two looks is told, and by nobody known',
  kernel,
  async (t) => {
    const { told } = await watching(t, 'sock_diag', '--socket-poll-ms', '60000')
    const brief = perl(t)
    const [port, from] = (
      await brief.does(
        `${listens}$p=${portOf('S')};socket(C,AF_INET,SOCK_STREAM,6);connect(C,getsockname(S)) or die $!;$c=${portOf('C')};close(C);"$p $c"`,
      )
    )
      .split(' ')
      .map(Number)
    assert(port && from)
    const connected = await told('connect', from)
    assert.deepEqual([connected.actor.pid, connected.actor.startNs, connected.actor.exe], [0, 0n, null])
    assert.deepEqual([connected.error, sides(connected)[1]], [constants.errno.EINPROGRESS, `127.0.0.1 ${port}`])
    assert.equal((connected.unsure ?? 0) & actorIdentity, actorIdentity)
    await told('socket_ended', from)
  },
)

test('AGT-5 by sock_diag: what a process does again is counted, not told', kernel, async (t) => {
  const { agent, sensor, told } = await watching(t, 'sock_diag', ...fast)
  const both = perl(t)
  const port = Number(await both.does(`${listens}${portOf('S')}`))
  await told('listen', port)
  const times = 40
  await both.does(
    `for $i (1..${times}){socket(my $c,AF_INET,SOCK_STREAM,6);connect($c,getsockname(S)) or die $!;push @c,$c;accept(my $a,S);push @c,$a} 1`,
  )
  const last = Number(
    await both.does(
      'socket(my $l,AF_INET,SOCK_STREAM,6);bind($l,pack_sockaddr_in(0,INADDR_LOOPBACK));listen($l,1);push @c,$l;(unpack_sockaddr_in(getsockname($l)))[0]',
    ),
  )
  await told('listen', last)
  assert.equal(await sensor.end('SIGTERM'), 0)
  const ours = agent.events().filter((event): event is SocketEvent => 'socket' in event && event.actor.pid === both.pid)
  assert.equal(ours.filter(({ kind }) => kind === 'connect').length, 1)
  const { produced, dropped, sent, repeated } = agent.messages.findLast(isReport)?.counts.sock_diag ?? {}
  assert(repeated !== undefined && repeated >= BigInt(times - 1), `${repeated}`)
  assert.equal(produced, (dropped ?? 0n) + (sent ?? 0n))
})

test('AGT-1 datagram sockets, raw and packet sockets, and IPv6 are told, and each once', kernel, async (t) => {
  const { agent, told } = await watching(t, 'sock_diag', ...fast, '--repeat-seconds', '0')
  const one = perl(t)
  const six = Number(
    await one.does(
      'socket(S,AF_INET6,SOCK_STREAM,6);bind(S,pack_sockaddr_in6(0,IN6ADDR_LOOPBACK));listen(S,9);(unpack_sockaddr_in6(getsockname(S)))[0]',
    ),
  )
  assert.deepEqual(
    [sides(await told('listen', six)), (await told('listen', six)).socket.family],
    [[`::1 ${six}`, null], 'ipv6'],
  )
  const udp = Number(
    await one.does(`socket(U,AF_INET,SOCK_DGRAM,17);bind(U,pack_sockaddr_in(0,INADDR_ANY));${portOf('U')}`),
  )
  assert.deepEqual(
    [(await told('bind', udp)).socket.type, sides(await told('bind', udp))],
    ['dgram', [`0.0.0.0 ${udp}`, null]],
  )
  await one.does('connect(U,pack_sockaddr_in(9,INADDR_LOOPBACK)) ? 1 : die $!')
  assert.equal((await told('connect', udp)).actor.pid, one.pid)
  await one.does('socket(R,AF_INET,SOCK_RAW,1);socket(P,17,SOCK_RAW,0x0300);1')
  for (const family of ['ipv4', 'packet'])
    await agent.until(
      (message) =>
        isEvent(message) &&
        message.kind === 'socket' &&
        message.socket.family === family &&
        message.actor.pid === one.pid,
    )
  await one.does('close(R) ? 1 : die $!')
  const isOurs = (message: SensorMessage): message is SocketEvent =>
    isEvent(message) && 'socket' in message && message.actor.pid === one.pid
  await agent.until((message) => isOurs(message) && message.kind === 'socket_ended' && message.began === 'socket')
  const begun = agent
    .events()
    .filter(isOurs)
    .filter(({ kind }) => kind !== 'socket_ended')
  assert.deepEqual(begun.map(({ kind, socket }) => `${kind} ${socket.family}`).sort(), [
    'bind ipv4',
    'connect ipv4',
    'listen ipv6',
    'socket ipv4',
    'socket packet',
  ])
})

test('AGT-1 sockets of another network namespace are told with it', kernel, async (t) => {
  const elsewhere = perl(t, ['unshare', '--net', '--'])
  await elsewhere.does('1')
  const { told } = await watching(t, 'sock_diag', ...fast)
  const port = Number(
    await elsewhere.does(
      `system("ip link set lo up 2>/dev/null");${listens.replace('INADDR_LOOPBACK', 'INADDR_ANY')}${portOf('S')}`,
    ),
  )
  const listening = await told('listen', port)
  assert.equal(listening.socket.netNs, statSync(`/proc/${elsewhere.pid}/ns/net`).ino)
  assert.notEqual(listening.socket.netNs, ownNamespace)
  assert.equal(listening.actor.pid, elsewhere.pid)
  elsewhere.child.kill('SIGKILL')
  await told('socket_ended', port)
})

test(
  'AGT-5 more network namespaces than are looked at are an interval of which nothing is known, until they are fewer',
  kernel,
  async (t) => {
    const { agent, sensor } = await watching(t, 'sock_diag', ...fast)
    const unknown = async (which: number) => {
      const all = () => agent.messages.flatMap((message) => (message.kind === 'overflow' ? [message] : []))
      await agent.until(() => all().length > which)
      return all()[which]
    }
    const many = 'for i in $(seq 65); do unshare --net sleep 600 & done; echo made; wait'
    const child = spawn('/bin/sh', ['-c', many], { stdio: ['ignore', 'pipe', 'inherit'], detached: true })
    const end = () => process.kill(-(child.pid as number), 'SIGKILL')
    t.after(() => child.exitCode ?? child.signalCode ?? end())
    const begun = await unknown(0)
    assert(begun !== undefined && begun.site === 'sock_diag' && begun.sinceNs < begun.timeNs)
    end()
    await once(child, 'exit')
    assert.equal((await unknown(1))?.sinceNs, begun.sinceNs)
    assert.match(sensor.log(), /"warn".*some are not seen.*"info".*all sockets are seen again/s)
  },
)

test('AGT-4 by sock_diag the sensor keeps two capabilities, and no other', kernel, async (t) => {
  const { sensor } = await watching(t, 'sock_diag')
  const kept = /^CapEff:\s(\w+)$/m.exec(readFileSync(`/proc/${sensor.pid}/status`, 'utf8'))?.[1]
  assert.equal(BigInt(`0x${kept}`), (1n << 19n) | (1n << 2n))
})
