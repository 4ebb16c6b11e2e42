// SPDX-License-Identifier: Apache-2.0
// What is told of sockets (docs/formats/frame.md, 5.12 and 9), on loopback and in network namespaces of the tests' own.

import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { constants } from 'node:os'
import { test } from 'node:test'
import type { Observation, SocketAct } from '../agent/src/sources/observation.ts'
import {
  type Ending,
  type Event,
  endingOfFile,
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
const { ECONNREFUSED, EINPROGRESS, ENETUNREACH, EPERM } = constants.errno
const ownNamespace = statSync('/proc/self/ns/net').ino

async function attached(t: Ending, ...extra: readonly string[]) {
  const agent = await startAgent(t)
  const sensor = startSensor(t, ['--socket', agent.socketPath, '--instance', newInstance(t), ...extra])
  const hello = await agent.until(isHello)
  return { agent, sensor, hello }
}

const ofFile = endingOfFile()
let common: ReturnType<typeof attached> | undefined
/** One for all tests that look only at what it tells of their own processes: the kernel takes seconds to check its programs. */
const shared = () => (common ??= attached(ofFile))

type SocketEvent = Event & Extract<Observation, { kind: SocketAct }>
const isOfSocket = (event: Event): event is SocketEvent => 'socket' in event

/** Runs Perl with Socket.pm; gives what it printed, as JSON, and what was told of its sockets until its end. */
async function perl<Printed>(agent: TestAgent, script: string, command: readonly string[] = []) {
  const [file = '', ...args] = [...command, 'perl', '-MSocket=:all', '-e', `$|=1;${script}`]
  const { pid, ok, stdout } = run(file, ...args)
  assert(ok, stdout)
  const isEnd = (message: object) => isEvent(message as Event) && (message as Event).kind === 'exit'
  await agent.until((message) => isEnd(message) && (message as Event).actor.pid === pid)
  const of = ({ actor }: Event) => actor.pid === pid || actor.ancestors.some((one) => one.pid === pid)
  return {
    printed: (stdout === '' ? null : JSON.parse(stdout)) as Printed,
    told: agent.events().filter(of).filter(isOfSocket),
    actor: agent.events().find(({ actor }) => actor.pid === pid)?.actor,
  }
}

const brief = ({ kind, socket, error }: SocketEvent) => {
  const show = (side: { address: string; port: number } | null) => side && `${side.address} ${side.port}`
  return [kind, show(socket.local), show(socket.remote), error] as const
}

const families = [
  [
    'ipv4',
    '127.0.0.1',
    'sub at{pack_sockaddr_in($_[0],INADDR_LOOPBACK)} sub port{(unpack_sockaddr_in($_[0]))[0]} $f=AF_INET;',
  ],
  [
    'ipv6',
    '::1',
    'sub at{pack_sockaddr_in6($_[0],IN6ADDR_LOOPBACK)} sub port{(unpack_sockaddr_in6($_[0]))[0]} $f=AF_INET6;',
  ],
  [
    'ipv6',
    '127.0.0.1',
    'sub at{pack_sockaddr_in6($_[0],inet_pton(AF_INET6,"::ffff:127.0.0.1"))} sub port{(unpack_sockaddr_in6($_[0]))[0]} $f=AF_INET6;',
  ],
] as const

for (const [family, address, given] of families)
  test(`AGT-1 a connection over ${family} to ${address} is told by both its sides`, kernel, async () => {
    const { agent } = await shared()
    const { printed, told } = await perl<{ server: number; client: number }>(
      agent,
      `${given} socket(S,$f,SOCK_STREAM,6);bind(S,at(0));listen(S,9);$p=port(getsockname(S));
       socket(C,$f,SOCK_STREAM,6);connect(C,at($p)) or die $!;accept(A,S) or die $!;
       printf '{"server":%d,"client":%d}',$p,port(getsockname(C))`,
    )
    const [server, client] = [`${address} ${printed.server}`, `${address} ${printed.client}`]
    assert.deepEqual(told.map(brief), [
      ['bind', server, null, 0],
      ['listen', server, null, 0],
      ['connect', client, server, 0],
      ['accept', server, client, 0],
    ])
    for (const { socket, repeats, actor } of told) {
      assert.deepEqual([socket.family, socket.type, socket.protocol, socket.netNs], [family, 'stream', 6, ownNamespace])
      assert.deepEqual([repeats, actor.exe, actor.ancestors[0]?.pid], [0, '/usr/bin/perl', process.pid])
    }
  })

const closed = `${families[0][2]} socket(S,$f,SOCK_STREAM,6);bind(S,at(0));$p=port(getsockname(S));socket(C,$f,SOCK_STREAM,6);`

test('AGT-1 a refused connect is told with where it asked for', kernel, async () => {
  const { agent } = await shared()
  const { printed, told } = await perl<{ port: number }>(agent, `${closed} connect(C,at($p));printf '{"port":%d}',$p`)
  assert.deepEqual(
    told
      .slice(1)
      .map(brief)
      .map(([kind, , ...rest]) => [kind, ...rest]),
    [['connect', `127.0.0.1 ${printed.port}`, ECONNREFUSED]],
  )
})

test(
  'AGT-1 how a non-blocking connect fails is told of the process that asked, wherever it was noticed',
  kernel,
  async () => {
    const { agent } = await shared()
    const { printed, told, actor } = await perl<{ port: number }>(
      agent,
      `use Fcntl;${closed} fcntl(C,F_SETFL,O_NONBLOCK);connect(C,at($p)) and die;
     vec($w,fileno(C),1)=1;select(undef,$w,undef,9);connect(C,at($p));printf '{"port":%d}',$p`,
    )
    const remote = `127.0.0.1 ${printed.port}`
    const outcomes = told.slice(1).map((event) => [event.kind, brief(event)[2], event.error])
    assert.deepEqual(outcomes.slice(0, 2), [
      ['connect', remote, EINPROGRESS],
      ['connect_failed', remote, ECONNREFUSED],
    ])
    const failed = told.find(({ kind }) => kind === 'connect_failed')
    assert(failed !== undefined)
    assert.deepEqual([failed.actor.startNs, failed.actor.exe, failed.actor.ancestors], [actor?.startNs, null, []])
    assert.deepEqual(brief(failed)[1]?.split(' ')[0], '127.0.0.1', 'and from where')
  },
)

test('AGT-1 a connection that no connect asked for is told by its first state', kernel, async () => {
  const { agent } = await shared()
  const fastOpen = 0x2000_0000
  const { printed, told } = await perl<{ port: number }>(
    agent,
    `${families[0][2]} socket(S,$f,SOCK_STREAM,6);bind(S,at(0));listen(S,9);$p=port(getsockname(S));
     socket(C,$f,SOCK_STREAM,6);send(C,"x",${fastOpen},at($p)) or die $!;printf '{"port":%d}',$p`,
  )
  const connects = told.filter(({ kind }) => kind === 'connect')
  assert.deepEqual(
    connects.map((event) => [brief(event)[2], event.error]),
    [[`127.0.0.1 ${printed.port}`, EINPROGRESS]],
  )
})

test('AGT-1 sockets of another network namespace are told with it', kernel, async () => {
  const { agent } = await shared()
  const script = `${families[0][2]} socket(C,$f,SOCK_STREAM,6);connect(C,pack_sockaddr_in(80,inet_aton("192.0.2.7"))) and die;`
  const { told } = await perl(agent, `${script}`, ['unshare', '--net'])
  assert.deepEqual(told.map(brief), [['connect', '0.0.0.0 0', '192.0.2.7 80', ENETUNREACH]])
  assert(told[0] !== undefined && told[0].socket.netNs > 0)
  assert.notEqual(told[0].socket.netNs, ownNamespace)
})

test('AGT-1 datagrams are told by their connect, or by each other side that they go to', kernel, async () => {
  const { agent, hello } = await shared()
  assert.deepEqual(hello.attached.datagram, { ok: true, reason: '' })
  const { told } = await perl(
    agent,
    `socket(C,AF_INET,SOCK_DGRAM,17);connect(C,pack_sockaddr_in(9,INADDR_LOOPBACK)) or die;send(C,"x",0);
     socket(U,AF_INET,SOCK_DGRAM,17);send(U,"x",0,pack_sockaddr_in($_,INADDR_LOOPBACK)) for 7,7,8;
     socket(V,AF_INET6,SOCK_DGRAM,17);send(V,"x",0,pack_sockaddr_in6(7,IN6ADDR_LOOPBACK))`,
  )
  assert.deepEqual(
    told.map((event) => [event.kind, brief(event)[2], event.socket.type, event.socket.family]),
    [
      ['connect', '127.0.0.1 9', 'dgram', 'ipv4'],
      ['datagram', '127.0.0.1 7', 'dgram', 'ipv4'],
      ['datagram', '127.0.0.1 8', 'dgram', 'ipv4'],
      ['datagram', '::1 7', 'dgram', 'ipv6'],
    ],
  )
})

test('AGT-1 unix sockets are told by path or abstract name; where nobody is, nothing is told', kernel, async () => {
  const { agent } = await shared()
  const { told } = await perl(
    agent,
    `chdir "${agent.dir}";$n="\\0n\\0".chr(233)."$$";for $a ("${agent.dir}/u","rel",$n){socket(S,AF_UNIX,SOCK_STREAM,0);
     bind(S,pack_sockaddr_un($a));listen(S,1);socket(C,AF_UNIX,SOCK_STREAM,0);connect(C,pack_sockaddr_un($a)) or die $!}
     socket(C,AF_UNIX,SOCK_STREAM,0);connect(C,pack_sockaddr_un("nobody")) and die;close(S);
     connect(C,pack_sockaddr_un("rel")) and die`,
  )
  const abstract = `@n\0\\xe9${told[0]?.actor.pid}`
  assert.deepEqual(
    told.map(({ kind, socket, error }) => [kind, socket.family, socket.name, error]),
    [
      ...[`${agent.dir}/u`, 'rel', abstract].flatMap((name) =>
        ['bind', 'listen', 'connect'].map((kind) => [kind, 'unix', name, 0]),
      ),
      ['connect', 'unix', 'rel', ECONNREFUSED],
    ],
  )
})

test('AGT-1 raw, packet and audit sockets are told when they are made, and when they are refused', kernel, async () => {
  const { agent } = await shared()
  const make = `socket(R,AF_INET,SOCK_RAW,1);socket(S,10,SOCK_RAW,58);socket(P,17,SOCK_RAW,0x0300);socket(A,16,SOCK_RAW,9);
    socket(C,16,SOCK_DGRAM,11);socket(O,16,SOCK_RAW,0);socket(D,AF_INET,SOCK_DGRAM,0)`
  const made = [
    ['ipv4', 'raw', 1],
    ['ipv6', 'raw', 58],
    ['packet', 'raw', 0],
    ['netlink', 'raw', 9],
    ['netlink', 'dgram', 11],
  ]
  const shown = (told: readonly SocketEvent[]) =>
    told.map(({ kind, socket, error }) => [kind, socket.family, socket.type, socket.protocol, error])
  const { told } = await perl(agent, make)
  assert.deepEqual(
    shown(told),
    made.map((socket) => ['socket', ...socket, 0]),
  )
  const refused = await perl(agent, make, ['setpriv', '--reuid=65534', '--clear-groups'])
  assert.deepEqual(
    shown(refused.told),
    made.map((socket) => ['socket', ...socket, socket[0] === 'netlink' ? 0 : EPERM]),
  )
})

const times = 2_000
const pairs = (from: string, count: number) => `${families[0][2]} socket(S,$f,SOCK_STREAM,6);bind(S,at(0));listen(S,9);
  $p=port(getsockname(S));for $i (1..${count}){socket(C,$f,SOCK_STREAM,6);${from};connect(C,at($p)) or die $!;accept(A,S) or die $!;
  setsockopt(C,SOL_SOCKET,SO_LINGER,pack("ii",1,0));close(C);close(A)}`

/** At the end of the sensor: what was told and counted of a site since its hello, and of that what this process did. */
async function totals(setting: Awaited<ReturnType<typeof attached>>, site: 'connect' | 'accept' | 'bind') {
  const { agent, sensor, hello } = setting
  assert.equal(await sensor.end('SIGTERM'), 0)
  const report = agent.messages.findLast(isReport)
  assert(report !== undefined)
  const { produced, dropped, sent, repeated } = report.counts[site]
  assert.equal(produced, dropped + sent)
  return { produced: produced - hello.counts[site].produced, repeated: repeated - hello.counts[site].repeated }
}

test('AGT-5 what a process does again is counted and not told, exactly', kernel, async (t) => {
  const setting = await attached(t)
  const { told } = await perl(setting.agent, pairs('', times))
  assert.deepEqual(
    told.map(({ kind }) => kind),
    ['bind', 'listen', 'connect', 'accept'],
  )
  const { produced, repeated } = await totals(setting, 'connect')
  const others = setting.agent.events().filter(isOfSocket)
  assert.equal(produced, BigInt(others.filter(({ site }) => site === 'connect').length))
  assert(repeated >= BigInt(times - 1), `${repeated}: at least those of this process`)
})

test('AGT-5 without a time to wait everything is told', kernel, async (t) => {
  const { agent } = await attached(t, '--repeat-seconds', '0')
  const { told } = await perl(agent, pairs('', 20))
  for (const kind of ['connect', 'accept']) assert.equal(told.filter((event) => event.kind === kind).length, 20, kind)
})

test('AGT-5 strangers at a port are told up to a number, and counted beyond it', kernel, async (t) => {
  const { agent } = await attached(t)
  const from = 'bind(C,pack_sockaddr_in(0,inet_aton("127.1.".int($i/200).".".($i%200+1))))'
  const { told } = await perl(agent, pairs(from, 300))
  assert.equal(told.filter(({ kind }) => kind === 'accept').length, 256)
})

test('AGT-5 once the time is over it is told again, with how often it was counted', kernel, async (t) => {
  const { agent } = await attached(t, '--repeat-seconds', '1')
  const { printed, told } = await perl<{ made: number }>(
    agent,
    `use Time::HiRes "time";$end=time+1.1;${families[0][2]} socket(S,$f,SOCK_STREAM,6);bind(S,at(0));listen(S,9);
     $p=port(getsockname(S));until($done){$done=time>$end;socket(C,$f,SOCK_STREAM,6);connect(C,at($p)) or die $!;$n++;
     accept(A,S);setsockopt(C,SOL_SOCKET,SO_LINGER,pack("ii",1,0));close(C);close(A)}printf '{"made":%d}',$n`,
  )
  const connects = told.filter(({ kind }) => kind === 'connect')
  const [first, second] = connects
  assert.deepEqual([connects.length, first?.repeats], [2, 0])
  assert(second !== undefined && second.repeats > 0 && second.repeats <= printed.made - 2, `${second?.repeats}`)
})

test('AGT-3 without a cgroup v2 tree datagrams are not told, and the site says why', kernel, async (t) => {
  const agent = await startAgent(t)
  const args = ['--socket', agent.socketPath, '--instance', newInstance(t)]
  startSensor(t, args, ['unshare', '-m', 'sh', '-c', 'mount -t tmpfs no /sys/fs/cgroup && exec "$@"', 'sh'])
  const { attached: sites } = await agent.until(isHello)
  assert.match(sites.datagram.reason, /^datagram__v4: no cgroup v2 tree is mounted at .*; datagram__v6: /)
  assert.deepEqual([sites.datagram.ok, sites.connect.ok, sites.accept.ok], [false, true, true])
})
