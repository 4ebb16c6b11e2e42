// SPDX-License-Identifier: Apache-2.0
// The guard's pipe (docs/formats/frame.md, 12): what is urgent comes by it at once, whatever becomes of the agent, and the other way round.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type ProtectedProcess, protectedOrder } from '../agent/src/guard/protected-order.ts'
import { isForGuard, type SensorHello, sites } from '../agent/src/sources/observation.ts'
import { holdOrder, liftOrder } from '../agent/src/sources/sensor-order.ts'
import { attached, protect, secret, startVictim } from './guard-harness.ts'
import {
  binary,
  type Event,
  isEvent,
  isHello,
  isReport,
  linksArePinned,
  patienceMs,
  run,
  type TestAgent,
  whyNot,
} from './sensor-harness.ts'

const kernel = { skip: whyNot() ?? false, timeout: patienceMs } as const
/** Perl does this, and ends. */
const perl = (script: string) => run('perl', '-e', script).pid

/** What was told of this process until something was told that was done after it. */
async function toldOf(to: TestAgent, pid: number): Promise<readonly Event[]> {
  const before = new Set(to.events())
  // A setting is always told: it is set to what it is.
  writeFileSync('/proc/sys/kernel/core_uses_pid', readFileSync('/proc/sys/kernel/core_uses_pid'))
  const isOurs = ({ kind, actor }: Event) => kind === 'sysctl' && actor.pid === process.pid
  await to.until((event) => isEvent(event) && isOurs(event) && !before.has(event))
  return to.events().filter(({ actor }) => actor.pid === pid)
}

/** Pid of the process that was acted upon. */
const targetOf = (event: Event) => (event.kind !== 'mount' && 'target' in event ? event.target.pid : undefined)

const open = (path: string) => `sysopen(F,"${path}",0);`

test(
  'RIM-1 each way to a protected process is told the guard, and to others it is not; the agent is told all',
  kernel,
  async (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'sw-'))
    t.after(() => rmSync(dir, { recursive: true }))
    const [key, preload, plain] = ['key', 'preload', 'plain'].map((name) => join(dir, name)) as [string, string, string]
    for (const path of [key, preload, plain]) writeFileSync(path, 'x')
    const entries = [key, `urgent:${key}`, `urgent,changes:${preload}`, plain].flatMap((entry) => ['--watch', entry])
    const { agent, guard, sensor } = await attached(t, ...entries)
    const [victim, other] = [await startVictim(t), await startVictim(t)]
    await protect(guard, [victim.self])
    const taken = (pid: number) => `$d=syscall(434,${pid},0);`
    const ways: readonly (readonly [name: string, script: (pid: number) => string, kinds: readonly string[]])[] = [
      ['ptrace', (pid) => `syscall(101,0x4206,${pid},0,0);syscall(101,16,${pid},0,0)`, ['ptrace', 'ptrace']],
      ['memory', (pid) => open(`/proc/${pid}/mem`), ['mem_open']],
      ['memory of a thread', (pid) => open(`/proc/${pid}/task/${pid}/mem`), ['mem_open']],
      ['vm_read', (pid) => `$b="x"x8;$v=pack("PQ",$b,8);syscall(310,${pid},$v,1,$v,1,0)`, ['vm_read']],
      ['limit', (pid) => `$l=pack("QQ",0,-1);syscall(302,${pid},4,$l,0)`, ['reach']],
      ['descriptor', (pid) => `${taken(pid)}syscall(438,$d,0,0)`, ['reach']],
      ['advice', (pid) => `${taken(pid)}$v=pack("QQ",0,0);syscall(440,$d,$v,1,21,0)`, ['reach']],
      ['signals', (pid) => `kill $_,${pid} for "USR1","STOP","CONT","URG"`, ['signal', 'signal', 'signal', 'signal']],
      ['perf', (pid) => `$e=pack("LLQ15",1,128,(0)x15);syscall(298,$e,${pid},-1,-1,0)`, ['perf']],
    ]
    for (const [name, script, kinds] of ways)
      await t.test(name, async () => {
        if (name === 'signals') await victim.does('$SIG{USR1}=sub{};')
        const pid = perl(script(victim.pid))
        const told = (await toldOf(guard, pid)).filter(({ kind }) => kind !== 'fork')
        assert.deepEqual(
          told.map((event) => [event.kind, targetOf(event)]),
          kinds.map((kind) => [kind, victim.pid]),
        )
        if (name === 'signals') return
        assert.deepEqual(await toldOf(guard, perl(script(other.pid))), [], 'nobody protects the other')
        await agent.until((event) => isEvent(event) && event.kind === 'exit' && event.actor.pid === pid)
        const toAgent = agent.events().filter((event) => event.actor.pid === pid && kinds.includes(event.kind))
        assert.deepEqual(toAgent.map(asTold), told.map(asTold))
      })

    await t.test('what /proc shows of it is told the guard alone', async () => {
      const ofThread = ['environ', 'maps', 'smaps_rollup', 'pagemap', 'auxv', 'fd'].map(
        (name) => `task/${victim.pid}/${name}`,
      )
      const paths = [...ofThread, 'map_files', 'environ'].map((name) => `/proc/${victim.pid}/${name}`)
      const pid = perl([...paths, `/proc/${victim.pid}/stat`, `/proc/${victim.pid}/status`].map(open).join(''))
      const told = (await toldOf(guard, pid)).flatMap((event) => (event.kind === 'proc_open' ? [event] : []))
      assert.deepEqual(
        told.map(({ path, target, syscall }) => [path, target.pid, syscall]),
        paths.map((path) => [path, victim.pid, 'openat']),
      )
      await victim.does('open(F,"/proc/self/maps");')
      assert.deepEqual(await toldOf(guard, victim.pid), [], 'its own look concerns nobody')
      assert.deepEqual(agent.events().filter(isForGuard), [])
    })

    await t.test('a descriptor of its memory that is taken or handed over', async () => {
      const { child, pid } = await startVictim(t)
      child.stdin.write(`${open(`/proc/${victim.pid}/mem`)}print fileno(F),"\\n";\n`)
      const [fd] = await once(child.stdout, 'data')
      const taker = perl(`${taken(pid)}syscall(438,$d,${Number.parseInt(String(fd), 10)},0)`)
      const paths = (await toldOf(guard, taker)).map(
        (event) => event.kind === 'reach' && [event.target.pid, event.taken],
      )
      assert.deepEqual(paths, [[pid, `/proc/${victim.pid}/mem`]])
      const python = `import os,socket,array;a,b=socket.socketpair(socket.AF_UNIX,socket.SOCK_STREAM);
f=os.open("/proc/${victim.pid}/mem",0);socket.send_fds(a,[b"x"],[f]);socket.recv_fds(b,1,1)`
      const { pid: passer } = run('python3', '-c', python)
      const kinds = (await toldOf(guard, passer)).map(({ kind }) => kind)
      assert.deepEqual(kinds, ['mem_open', 'passed'])
    })

    await t.test(
      'a descriptor of its memory that a child has from birth, and its child from it; not one that was closed',
      async () => {
        const heirs = `unless(fork){unless(fork){exit}wait;exit}wait;`
        const opener = perl(`${open(`/proc/${victim.pid}/mem`)}${heirs}close F;unless(fork){exit}wait;`)
        await toldOf(guard, opener)
        const forks = guard.events().flatMap((event) => (event.kind === 'fork' && event.inherited ? [event] : []))
        const [child, grandchild] = forks
        assert.deepEqual(
          forks.map(({ actor, inherited }) => [actor.pid, inherited]),
          [opener, child?.child.pid].map((pid) => [pid, `/proc/${victim.pid}/mem`]),
        )
        assert.equal(grandchild?.child.ppid, child?.child.pid)
      },
    )

    await t.test('its memory in the table of a ring, where no descriptor is', async () => {
      assert.equal(run(binary('probe'), 'io_uring_slot', 'n-ring', '--file', `/proc/${victim.pid}/mem`).ok, true)
      const isSlot = (event: Event) => event.kind === 'mem_open' && event.site === 'io_uring'
      const told = await guard.until((event) => isEvent(event) && isSlot(event))
      assert(isEvent(told) && targetOf(told) === victim.pid)
    })

    await t.test('what it does to itself, and what is done to all', async () => {
      const pid = victim.pid
      await victim.does('syscall(157,4,1,0,0,0);')
      await victim.does('syscall(157,0x59616d61,-1,0,0,0);')
      await victim.does('$l=pack("QQ",4096,-1);syscall(302,0,4,$l,0);')
      await victim.does('$l=pack("QQ",0,-1);syscall(302,0,4,$l,0);')
      const told = await toldOf(guard, pid)
      assert.deepEqual(
        told.flatMap((event) => (event.kind === 'weakened' ? [[event.what, event.value]] : [])),
        // A kernel without Yama knows no tracer.
        [['dumpable', 1n], ...(existsSync('/proc/sys/kernel/yama') ? [['tracer', 2n ** 64n - 1n]] : [])],
      )
      assert.deepEqual(
        told.flatMap((event) => (event.kind === 'reach' ? [[event.call, event.target.pid, event.request]] : [])),
        [['prlimit64', pid, 4]],
        'a core that is allowed, and not one that is forbidden',
      )
      const type = readFileSync('/sys/bus/event_source/devices/uprobe/type', 'utf8').trim()
      const probe = perl(`$p="/usr/bin/perl";$e=pack("LLQ5LLpQ8",${type},128,(0)x7,$p,(0)x8);syscall(298,$e,-1,0,-1,0)`)
      const [opened] = (await toldOf(guard, probe)).filter(({ kind }) => kind === 'perf')
      assert(opened?.kind === 'perf' && opened.target.pid === 0 && opened.path === '/usr/bin/perl')
    })

    await t.test('opens and changes of what is watched urgently', async () => {
      const pid = perl(`${open(plain)}${open(key)}open(F,">>","${preload}");print F "x";close F;`)
      // 5.10 sees no changes on tmpfs.
      const seesChanges = !sensor.log().includes(`changes of ${preload} are not told`)
      if (seesChanges)
        await guard.until((event) => isEvent(event) && event.kind === 'file_change' && event.watched === preload)
      const told = (await toldOf(guard, pid)).map((event) => [event.kind, 'watched' in event && event.watched])
      assert.deepEqual(told, [['file_open', key], ...(seesChanges ? [['file_change', preload]] : [])])
    })

    await t.test('its group is frozen and goes on', async () => {
      const v2 = run('sh', '-c', 'test -d /sys/fs/cgroup/unified && echo /unified').stdout.trim()
      const group = `/sys/fs/cgroup${v2}/sealwatch-test-guard-${process.pid}`
      mkdirSync(group)
      t.after(() => rmdirSync(group))
      writeFileSync(join(group, 'cgroup.freeze'), '1')
      writeFileSync(join(group, 'cgroup.freeze'), '0')
      const told = (await toldOf(guard, process.pid)).flatMap((event) => (event.kind === 'frozen' ? [event] : []))
      const id = statSync(group, { bigint: true }).ino
      assert.deepEqual(
        told.map(({ cgroupId, frozen, path }) => [cgroupId, frozen, path]),
        [true, false].map((frozen) => [id, frozen, `/sealwatch-test-guard-${process.pid}`]),
      )
    })

    await t.test('its children, its end, and its core', async () => {
      const dying = await startVictim(t, 'bash', '-c', `cd ${guard.dir}; ulimit -c unlimited; exec "$@"`, 'bash')
      await protect(guard, [dying.self])
      await dying.does('unless(fork){exec"/bin/true"}wait;')
      process.kill(dying.pid, 'SIGABRT')
      const end = await guard.until((event) => isEvent(event) && event.kind === 'exit' && event.actor.pid === dying.pid)
      assert(isEvent(end) && end.kind === 'exit')
      const { SIGABRT } = constants.signals
      assert.deepEqual([end.signal, end.dumped], [SIGABRT, true])
      const told = guard.events().filter((event) => event.actor.pid === dying.pid || targetOf(event) === dying.pid)
      assert.deepEqual(
        told.map((event) => [event.kind, event.actor.pid]),
        [
          ['fork', dying.pid],
          ['signal', process.pid],
          ['exit', dying.pid],
        ],
      )
    })

    await t.test('each start of a program of the list, and who traces it', async () => {
      await protect(guard, [], ['/usr/bin/true', '/usr/bin/nothing'])
      const traced = perl(
        `$c=fork;unless($c){syscall(101,0,0,0,0);exec"/usr/bin/true"}waitpid $c,0;syscall(101,7,$c,0,0);waitpid $c,0`,
      )
      const plain = run('/usr/bin/true').pid
      run('/usr/bin/false')
      await toldOf(guard, plain)
      const starts = guard.events().flatMap((event) => (event.kind === 'exec' ? [event] : []))
      assert.deepEqual(
        starts.map(({ actor, tracer }) => [actor.exe, actor.ppid === traced, tracer]),
        [
          ['/usr/bin/true', true, traced],
          ['/usr/bin/true', false, undefined],
        ],
      )
    })
  },
)

const asTold = ({ again: _, ...event }: Event) => event

test(
  'RIM-1 the list is replaced as a whole, counts pid and start, and ends when nobody renews it',
  kernel,
  async (t) => {
    const { guard, agent, sensor } = await attached(t)
    const victims = [await startVictim(t), await startVictim(t)]
    const [one, two] = victims.map(({ self }) => self) as [ProtectedProcess, ProtectedProcess]
    /** Of which of the two a signal is told. */
    const told = async () => {
      const pid = perl(`kill "URG",${one.pid},${two.pid}`)
      return (await toldOf(guard, pid)).flatMap((event) => (event.kind === 'signal' ? [event.target.pid] : []))
    }
    assert.deepEqual(await told(), [])
    const many = Array.from({ length: 4_000 }, (_, i) => ({ pid: 4_000_000 + i, startNs: 5n }))
    await protect(guard, [one, ...many])
    assert.deepEqual(await told(), [one.pid])
    const second = await protect(guard, [{ ...one, startNs: one.startNs - 10_000_000n }, two])
    assert.deepEqual(await told(), [two.pid], 'one that began at another time is somebody else')
    guard.say(liftOrder())
    await guard.until(
      (message) => isReport(message) && message.table === undefined && message.timeNs > lastNs(guard, second),
    )
    assert.deepEqual(await told(), [])
    // Longer than from one report to the next, on a machine that has other work, too.
    guard.say(protectedOrder({ processes: [one], images: [] }, 77, 5, secret))
    await guard.until((message) => isReport(message) && message.table === 77)
    await guard.until(
      (message) => isReport(message) && message.table === undefined && message.timeNs > lastNs(guard, 77),
    )
    assert.deepEqual(await told(), [], 'its time has passed')
    guard.say(holdOrder(77, 30))
    await guard.until(
      (message) => isReport(message) && message.table === 77 && message === guard.messages.findLast(isReport),
    )
    assert.deepEqual(await told(), [one.pid], 'its guard is back')

    assert.equal(run(binary('blinder'), 'memory', String(sensor.pid)).stdout.trim(), '1')
    await guard.until((message) => isReport(message) && message.harms?.includes('memory') === true)
    assert.deepEqual(await told(), [one.pid], 'whoever overwrites it is told of, and it is put right')

    let seed = 1
    const random = (below: number) => {
      seed = (seed * 48_271) % 2_147_483_647
      return seed % below
    }
    const good = protectedOrder({ processes: [two, ...many.slice(0, 9)], images: ['/bin/a', '/bin/b'] }, 78, 30, secret)
    for (let i = 0; i < 1_000; i++) {
      const bad = Buffer.from(good)
      // A pid that nobody has: whatever else is well is not followed.
      bad.writeUInt32LE(0, 4 + 16 + 32 + 8)
      for (let change = random(4); change > 0; change--) bad.writeUInt8(random(256), 4 + 16 + random(32))
      guard.say(bad)
    }
    const refused = () => sensor.log().split('an order of the guard is not followed').length - 1
    while (refused() < 1_000) await once(sensor.child.stderr ?? sensor.child, 'data')
    assert.deepEqual(await told(), [one.pid], 'what was in force stays')
    const helloes = guard.messages.filter(isHello).length
    guard.say(Buffer.from([0xff, 0xff, 0xff, 0xff]))
    await guard.until(() => guard.messages.filter(isHello).length > helloes)
    assert.equal(agent.messages.filter(isHello).length, 1)
  },
)

/** When the sensor said last that it follows this table. */
const lastNs = (guard: TestAgent, table: number) =>
  guard.messages.findLast((message) => isReport(message) && message.table === table)?.timeNs ?? 0n

/** Many reads of another's memory by one process. */
const readMemory = (pid: number, times: number) =>
  perl(`$b="x"x8;$v=pack("PQ",$b,8);syscall(310,${pid},$v,1,$v,1,0) for 1..${times}`)

const vmReads = (to: TestAgent) =>
  to.events().reduce((sum, { kind, again }) => sum + (kind === 'vm_read' ? 1n + BigInt(again?.times ?? 0) : 0n), 0n)

test(
  'RIM-1 AGT-5 neither waits for the other: of each, what was handed over and what was dropped is what was produced',
  kernel,
  async (t) => {
    const { guard, agent, sensor, hello } = await attached(t, '--ring-bytes', '65536')
    const victim = await startVictim(t)
    await protect(guard, [victim.self])
    guard.pause()
    readMemory(victim.pid, 5_000)
    guard.resume()
    await guard.until((message) => isReport(message) && message.counts.process_vm_readv.dropped > 0n)
    agent.pause()
    const next = readMemory(victim.pid, 1_000)
    // The agent is stopped, and the guard is told.
    await guard.until((event) => isEvent(event) && event.actor.pid === next)
    agent.resume()
    assert.equal(await sensor.end('SIGTERM'), 0)
    const counts = guard.messages.findLast(isReport)?.counts
    assert(counts !== undefined)
    for (const site of sites) assert.equal(counts[site].produced, counts[site].dropped + counts[site].sent, site)
    const { produced, sent } = counts.process_vm_readv
    assert.deepEqual([produced - hello.counts.process_vm_readv.produced, sent], [6_000n, vmReads(guard)])
  },
)

test(
  'RIM-1 AGT-8 what was told while the guard or the sensor was away comes later, or is counted; the list lives on',
  linksArePinned ? kernel : { skip: 'links of tracepoints are pinned from Linux 5.15 on' },
  async (t) => {
    const { guard, sensor, hello, start } = await attached(t)
    const victim = await startVictim(t)
    const number = await protect(guard, [victim.self])
    const seen: SensorHello[] = [hello]
    const nextHello = async () => {
      const next = await guard.until((one): one is SensorHello => isHello(one) && !seen.includes(one))
      seen.push(next)
      return next
    }
    guard.cut()
    const meanwhile = readMemory(victim.pid, 5)
    assert.equal((await nextHello()).fresh, false)
    assert.equal((await toldOf(guard, meanwhile)).length > 0, true)

    await sensor.end('SIGKILL')
    const alone = readMemory(victim.pid, 50)
    const again = start()
    const next = await nextHello()
    assert.deepEqual([next.era, next.adopted], [hello.era, true], again.log())
    assert((await toldOf(guard, alone)).length > 0, 'its programs saw it')
    assert(
      guard.messages.findLast(isReport)?.table === number ||
        (await guard.until((one) => isReport(one) && one.table === number)),
    )
    const since = guard.events().slice(guard.messages.indexOf(next))
    assert(
      since.every(({ actor }) => actor.pid !== again.pid && actor.ppid !== again.pid),
      'its own start is told to nobody',
    )
    assert.equal(await again.end('SIGTERM'), 0)
    const { produced, sent, dropped } =
      guard.messages.findLast(isReport)?.counts.process_vm_readv ?? next.counts.process_vm_readv
    assert.deepEqual([produced, dropped, sent], [55n, 0n, 55n])
    assert.equal(vmReads(guard), 55n)
  },
)

test('RIM-1 without BPF the guard is told what the other sources see, by the same list', kernel, async (t) => {
  const { guard } = await attached(t, '--processes', 'proc_connector', '--files', 'polling', '--network', 'none')
  const victim = await startVictim(t)
  await protect(guard, [victim.self])
  const pid = perl(`syscall(101,16,${victim.pid},0,0);waitpid ${victim.pid},0`)
  const told = await guard.until((event) => isEvent(event) && event.kind === 'ptrace')
  assert(isEvent(told) && told.kind === 'ptrace')
  assert.deepEqual([told.actor.pid, told.target.pid, told.site], [pid, victim.pid, 'proc_connector'])
  const image = realpathSync('/usr/bin/sleep')
  await protect(guard, [victim.self], [image])
  const other = run('true').pid
  const started = run('sleep', '0.5').pid
  const exec = await guard.until((event) => isEvent(event) && event.kind === 'exec')
  assert(isEvent(exec) && exec.kind === 'exec')
  assert.deepEqual([exec.actor.pid, exec.file.path], [started, image])
  assert.ok(!guard.events().some(({ actor }) => actor.pid === other))
})
