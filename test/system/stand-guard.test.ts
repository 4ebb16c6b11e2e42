// SPDX-License-Identifier: Apache-2.0
// The guard under the real sensor: a service that registers itself, people who look around, and others who reach for its memory.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, copyFileSync, existsSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { createBell, createLog, openBootClock, systemClock, systemDisk } from '@sealwatch/base'
import type { GuardEvent, GuardIncident, GuardResponse } from '@sealwatch/contract'
import { type GuardConfig, guardOrdersOf } from '@sealwatch/contract/guard-config'
import { generateSigner } from '@sealwatch/keys'
import { openChain } from '@sealwatch/ledger'
import type { Judged } from '../../apps/agent/src/carriage/messages.ts'
import { machineMountNamespace } from '../../apps/agent/src/guard/mount-namespace.ts'
import { takePost } from '../../apps/agent/src/guard/stand-guard.ts'
import { readHostFacts } from '../../apps/agent/src/ship/host-facts.ts'
import { newInstance, run, startAgent, startSensor, whyNot } from '../../apps/sensor/sensor-harness.ts'

const kernel = { skip: whyNot() ?? false, timeout: 120_000 } as const
const sensorGid = 64_702

/** Keeps a connection to the guard, and forgets its keys when it is told to: docs/formats/protect.md, 6. */
const service = `
use IO::Socket::UNIX; $| = 1;
my $guard = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die; $guard->autoflush(1);
print $guard '{"v":1,"protect":"keys","steps":["evict"]}', "\\n";
while (<$guard>) {
  print;
  print $guard '{"done":"evict","incident":"', $1, '","ok":true}', "\\n" if /"incident":"([^"]+)".*"steps":\\["evict"\\]/;
}`

async function openGuard(t: TestContext) {
  const dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-guard-'))
  chmodSync(dir.path, 0o755)
  const paths = {
    sensorSocket: join(dir.path, 'sensor.sock'),
    protectSocket: join(dir.path, 'protect.sock'),
    handsSocket: join(dir.path, 'hands.sock'),
  }
  const [clock, disk, bootNs] = [systemClock, systemDisk, openBootClock()]
  const log = createLog('guard', () => undefined, clock.nowMs)
  const limits = { segmentBytesMax: 2 ** 23, totalBytesMax: 2 ** 26 }
  const chain = await openChain({
    dir: join(dir.path, 'chain'),
    tenant: 'default',
    signer: generateSigner(),
    clock,
    disk,
    ...limits,
  })
  const sealed: { readonly event: GuardEvent; readonly sealedNs: bigint }[] = []
  const judged: Judged['acts'][number][] = []
  const bell = createBell()
  const stop = new AbortController()
  let orders = guardOrdersOf({ responses: { kill: 'on' } })
  const post = await takePost({
    paths,
    tenant: 'default',
    facts: await readHostFacts(),
    hostId: () => undefined,
    orders: () => ({ orders, by: 'default' }),
    allowedNowMs: clock.nowMs,
    agentAwayNs: () => undefined,
    bootNs,
    seen: { rows: [], atBootNs: bootNs() },
    hostMntNs: machineMountNamespace(''),
    keyFiles: [],
    supervisorPid: 1,
    signer: generateSigner(),
    seal: (_, draft) => {
      // How somebody is who is protected may still be asked: the chain is closed then.
      if (stop.signal.aborted) return
      chain.seal([draft]).then(() => {
        sealed.push({ event: draft.event, sealedNs: bootNs() })
        bell.ring()
      }, assert.ifError)
    },
    onJudged: (one) => judged.push(...one.acts),
    onProtected: () => undefined,
    clock,
    log,
  })
  chownSync(paths.sensorSocket, 0, sensorGid)
  const running = post.run(stop.signal)
  t.after(async () => {
    stop.abort()
    await running
    await chain.close()
    await dir.remove()
  })
  const hurry = AbortSignal.timeout(60_000)
  async function until<T>(what: string, find: () => T | undefined): Promise<T> {
    for (;;) {
      const found = find()
      if (found !== undefined) return found
      assert(!hurry.aborted, `${what}: ${JSON.stringify(sealed.map(({ event }) => event.message))}`)
      await Promise.race([bell.wait(hurry), clock.sleep(100, hurry)])
    }
  }
  const tell = (config: GuardConfig) => {
    orders = guardOrdersOf(config)
    post.ordersChanged()
  }
  return { post, paths, sealed, judged, tell, until }
}

const incidentIn = ({ unmapped }: GuardEvent): GuardIncident | undefined =>
  'guard_incident' in unmapped ? unmapped.guard_incident : undefined
const responseIn = ({ unmapped }: GuardEvent): GuardResponse | undefined =>
  'guard_response' in unmapped ? unmapped.guard_response : undefined

test(
  'RIM-1 RIM-2 RIM-5 who looks around is no incident, who reaches for the memory is one, whatever he does; the service has forgotten its keys, and the line is on the disk',
  kernel,
  async (t) => {
    const { post, paths, sealed, judged, tell, until } = await openGuard(t)
    const agent = await startAgent(t)
    startSensor(t, ['--socket', agent.socketPath, '--guard-socket', paths.sensorSocket, '--instance', newInstance(t)])
    await until('the sensor is there', () => (post.tier === 'ebpf' ? true : undefined))
    const child = spawn('perl', ['-e', service, paths.protectSocket], { stdio: ['ignore', 'pipe', 'inherit'] })
    t.after(() => child.kill('SIGKILL'))
    const heard = createInterface(child.stdout)[Symbol.asyncIterator]()
    const pid = child.pid as number
    const { value: welcome = '' } = await heard.next()
    assert.equal((JSON.parse(welcome) as { ok: boolean }).ok, true, welcome)
    const told = await until('its protection is told', () =>
      sealed.find(({ event }) => event.metadata.event_code === 'guard_protected' && event.message.includes('keys')),
    )
    assert.match(told.event.message, /is protected as keys/)
    await until('the sensor follows the list', () => (post.isFollowed ? true : undefined))
    assert(post.names.some(({ name, processes }) => name === 'keys' && processes === 1))

    run('ps', 'auxwwf')
    run('top', '-b', '-n', '1')
    run('cat', `/proc/${pid}/status`, `/proc/${pid}/maps`, `/proc/${pid}/stat`, `/proc/${pid}/cmdline`)
    run('ls', `/proc/${pid}/fd`)
    if (existsSync('/usr/bin/lsof')) run('lsof', '-p', String(pid))

    run('dd', `if=/proc/${pid}/mem`, 'of=/dev/null', 'bs=1', 'count=1')
    run('perl', '-e', `syscall(101,0x4206,${pid},0,0)`)
    run('perl', '-e', `$b="x"x8;$v=pack("PQ",$b,8);syscall(310,${pid},$v,1,$v,1,0)`)
    // Its start alone: it looks at nobody, and says its version.
    const debuggers = existsSync('/usr/bin/strace') ? ['debugger_started'] : []
    if (debuggers.length > 0) run('strace', '-p', String(pid), '-V')
    const ways = await until('each way is told', () => {
      const found = Object.keys(sealed.flatMap(({ event }) => incidentIn(event) ?? []).at(-1)?.reached ?? {})
      return ['proc_mem_read', 'ptrace_seize', 'vm_read', ...debuggers].every((way) => found.includes(way))
        ? found
        : undefined
    })
    assert(ways.length >= 3)
    const opened = sealed.filter(({ event }) => event.metadata.event_code === 'guard_incident_opened')
    assert.equal(opened.length, 1, JSON.stringify(opened.map(({ event }) => event.message)))
    const [first] = opened
    assert(first !== undefined && 'process' in first.event.actor)
    assert.match(first.event.actor.process.file?.path ?? '', /\/dd$/)
    assert.equal(first.event.severity, 'Critical')
    // The agent hears which incident it is, of each act that it hears of as well.
    const id = incidentIn(first.event)?.incident
    assert(judged.filter(([, , , by]) => by === id).length >= 3, JSON.stringify(judged))
    assert.equal(first.event.evidences?.[0]?.process.pid, pid)

    const { value: order = '' } = await heard.next()
    assert.match(order, /"way":"proc_mem_read".*"steps":\["evict"\]/)
    await until('it has forgotten its keys', () =>
      sealed.find(({ event }) => responseIn(event)?.step === 'evict' && responseIn(event)?.state === 'done'),
    )
    const kill = await until('that nobody could be ended is told', () =>
      sealed
        .flatMap(({ event }) => responseIn(event) ?? [])
        .find(({ step, suspect }) => step === 'kill' && suspect?.name === 'dd'),
    )
    assert.deepEqual([kill.state, kill.detail?.startsWith('HANDS_AWAY')], ['failed', true])
    // Its process goes on, and was not even stopped.
    assert.equal(child.exitCode, null)
    const took = first.sealedNs - BigInt(first.event.metadata.original_time ?? 0)
    t.diagnostic(`from what the guard judged to the line on the disk: ${Number(took) / 1e6} ms`)
    child.kill('SIGKILL')
    await once(child, 'exit')
    await until('its end is told', () =>
      sealed.find(({ event }) => event.metadata.event_code === 'guard_unprotected' && event.message.includes('keys')),
    )

    await t.test('RIM-3 what runs already when its program is named is protected, too', async () => {
      const program = join(dirname(paths.sensorSocket), 'holder')
      copyFileSync('/bin/sleep', program)
      const holder = spawn(program, ['1000'], { stdio: 'ignore' })
      t.after(() => holder.kill('SIGKILL'))
      await once(holder, 'spawn')
      tell({ protect: [{ name: 'holder', exe: program }] })
      await until('it is protected', () =>
        sealed.find(({ event }) => event.message.includes(`(pid ${holder.pid}) is protected as holder`)),
      )
    })
  },
)

test(
  'RIM-1 AGT-2 without BPF who holds on to the memory is found by polling: the same incident, the same answers, and nobody is ended for what nobody is known to have done',
  kernel,
  async (t) => {
    const { post, paths, sealed, until } = await openGuard(t)
    const agent = await startAgent(t)
    const polling = ['--processes', 'polling', '--files', 'polling', '--network', 'none', '--guard-poll-ms', '1000']
    const sockets = ['--socket', agent.socketPath, '--guard-socket', paths.sensorSocket, '--instance', newInstance(t)]
    startSensor(t, [...sockets, ...polling])
    await until('the sensor is there', () => (post.tier === 'polling' ? true : undefined))
    const child = spawn('perl', ['-e', service, paths.protectSocket], { stdio: ['ignore', 'pipe', 'inherit'] })
    t.after(() => child.kill('SIGKILL'))
    const heard = createInterface(child.stdout)[Symbol.asyncIterator]()
    assert.match(String((await heard.next()).value), /"ok":true/)
    const opened = (way: string) =>
      until(`${way} is an incident`, () =>
        sealed.find(
          ({ event }) => event.metadata.event_code === 'guard_incident_opened' && incidentIn(event)?.way === way,
        ),
      )
    const suspectsOf = (id: string | undefined) =>
      sealed.flatMap(({ event }) => responseIn(event) ?? []).filter((one) => one.step === 'kill' && one.incident === id)

    const script = `open(F,"<","/proc/${child.pid}/mem");$|=1;print"up\\n";sleep 9e5`
    const thief = spawn('perl', ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
    t.after(() => thief.kill('SIGKILL'))
    await once(thief.stdout, 'data')
    const { event } = await opened('proc_mem_read')
    assert('process' in event.actor)
    assert.deepEqual([event.actor.process.pid, event.evidences?.[0]?.process.pid], [thief.pid, child.pid])
    assert.match(String((await heard.next()).value), /"way":"proc_mem_read".*"steps":\["evict"\]/)
    await until('whoever has it is to be ended', () => suspectsOf(incidentIn(event)?.incident)[0])

    process.kill(child.pid ?? 0, 'SIGSTOP')
    const stopped = await opened('stopped')
    process.kill(child.pid ?? 0, 'SIGCONT')
    assert.deepEqual(suspectsOf(incidentIn(stopped.event)?.incident), [])
  },
)
