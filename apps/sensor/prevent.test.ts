// SPDX-License-Identifier: Apache-2.0
// What the guard has denied (docs/formats/frame.md, 12.8), on kernels that run programs of BPF's LSM.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { type Let, type ProtectedProcess, protectedOrder } from '../agent/src/guard/protected-order.ts'
import { liftOrder } from '../agent/src/sources/sensor-order.ts'
import {
  binary,
  isEvent,
  isHello,
  isReport,
  linksArePinned,
  newInstance,
  patienceMs,
  run,
  startAgent,
  startSensor,
  type TestAgent,
  whyNot,
} from './sensor-harness.ts'

const secret = { seed: 0x1234_5678_9abc_def0n, factor: 0x9e37_79b9_7f4a_7c15n }
const EPERM = 1

/** Perl, which does what it is told, line by line, and says with what it ended. */
async function startVictim(t: TestContext) {
  const child = spawn('perl', ['-e', '$|=1;print"up\\n";while(<STDIN>){$!=0;eval;print $!+0,"\\n"}'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  const pid = child.pid ?? 0
  const does = async (act: string) => {
    child.stdin.write(`${act}\n`)
    return Number((await once(child.stdout, 'data'))[0])
  }
  const ticks = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[19] ?? 0
  const self = { pid, startNs: BigInt(ticks) * 10_000_000n, name: 'vault' }
  return { pid, self, does }
}

let numbers = 1
async function order(guard: TestAgent, processes: readonly ProtectedProcess[], allow?: readonly Let[], seconds = 300) {
  const number = numbers++
  const prevention = allow && { allow }
  guard.say(protectedOrder({ processes, images: [], ...(prevention && { prevention }) }, number, seconds, secret))
  await guard.until((message) => isReport(message) && message.table === number)
}

/** Errno of what Perl's script ends with; 0: it succeeded. */
function attack(script: string) {
  const { pid, stdout } = run('perl', '-e', `$!=0;${script};print $!+0`)
  return { pid, errno: Number(stdout) }
}
const read = (pid: number) => attack(`$b="x"x8;$v=pack("PQ",$b,8);syscall(310,${pid},$v,1,$v,1,0)`)
/** Nothing lies there: whoever may comes as far as that. */
const EFAULT = 14

const ways: readonly (readonly [name: string, kind: string, script: (pid: number) => string])[] = [
  ['PTRACE_ATTACH', 'ptrace', (pid) => `syscall(101,16,${pid},0,0)`],
  ['PTRACE_SEIZE', 'ptrace', (pid) => `syscall(101,0x4206,${pid},0,0)`],
  ['its memory, to read', 'mem_open', (pid) => `sysopen(F,"/proc/${pid}/mem",0)`],
  ['its memory, to write', 'mem_open', (pid) => `sysopen(F,"/proc/${pid}/mem",2)`],
  ['the memory of a thread', 'mem_open', (pid) => `sysopen(F,"/proc/${pid}/task/${pid}/mem",0)`],
  ['openat2', 'mem_open', (pid) => `$p="/proc/${pid}/mem";$h=pack("Q3",0,0,0);syscall(437,-100,$p,$h,24)`],
  ['process_vm_readv', 'vm_read', (pid) => `$b="x"x8;$v=pack("PQ",$b,8);syscall(310,${pid},$v,1,$v,1,0)`],
  ['process_vm_writev', 'vm_write', (pid) => `$b="x"x8;$v=pack("PQ",$b,8);syscall(311,${pid},$v,1,$v,1,0)`],
  ['pidfd_getfd', 'reach', (pid) => `$d=syscall(434,${pid},0);syscall(438,$d,0,0)`],
]

test('RIM-5 each way to who is protected is refused with EPERM and told as denied, where the kernel can and the guard says so', {
  skip: whyNot() ?? false,
  timeout: patienceMs,
}, async (t) => {
  const [agent, guard] = [await startAgent(t), await startAgent(t)]
  const sockets = ['--socket', agent.socketPath, '--guard-socket', guard.socketPath]
  const args = [...sockets, '--instance', newInstance(t)]
  const sensor = startSensor(t, args)
  const [, { attached }] = [await agent.until(isHello), await guard.until(isHello)]
  const { reason } = attached.reach
  if (!reason.startsWith('tier 2: ')) {
    assert.match(reason, /^tier 1: ./, 'it says why not')
    return t.skip(`this kernel refuses nothing for us: ${reason}`)
  }
  const victim = await startVictim(t)

  /** What the guard was told of this process. */
  const toldOf = async (pid: number) => {
    await agent.until((event) => isEvent(event) && event.kind === 'exit' && event.actor.pid === pid)
    await guard.until((event) => isEvent(event) && event.actor.pid === pid)
    return guard.events().filter(({ actor, kind }) => actor.pid === pid && kind !== 'fork')
  }

  await t.test('by default nobody is', async () => {
    await order(guard, [victim.self])
    const { pid, errno } = read(victim.pid)
    assert.equal(errno, EFAULT)
    assert.equal(
      (await toldOf(pid)).some((event) => 'prevented' in event),
      false,
    )
  })

  await order(guard, [victim.self], [])
  for (const [name, kind, script] of ways)
    await t.test(name, async () => {
      const { pid, errno } = attack(script(victim.pid))
      assert.equal(errno, EPERM)
      const told = await toldOf(pid)
      assert.deepEqual(
        told.map((event) => [event.kind, 'prevented' in event && event.prevented]),
        [[kind, true]],
      )
      assert.equal(await victim.does(''), 0, 'it goes on')
    })

  await t.test('by the 32-bit entry and by io_uring', () => {
    const mem = `/proc/${victim.pid}/mem`
    for (const act of ['entry_32', 'io_uring'])
      assert.equal(run(binary('probe'), act, 'n', '--file', mem).ok, false, `${act} is refused`)
    const denied = guard.events().filter((event) => event.kind === 'mem_open' && event.prevented)
    assert(denied.length > 0)
  })

  await t.test('to be traced by who started it', async () => {
    assert.equal(await victim.does('syscall(101,0,0,0,0);'), EPERM)
    const told = await guard.until(
      (event) => isEvent(event) && event.kind === 'ptrace' && event.actor.pid === victim.pid,
    )
    assert(isEvent(told) && told.kind === 'ptrace' && told.prevented === true)
  })

  await t.test('not itself, its bare fork, others, or who only looks', async () => {
    assert.equal(await victim.does('sysopen(F,"/proc/self/mem",0)and $!=0;'), 0)
    assert.equal(
      await victim.does('$p=$$;$c=fork;unless($c){sysopen(F,"/proc/$p/mem",0)or exit 1;exit 0}waitpid $c,0;$!=$?>>8;'),
      0,
    )
    const other = await startVictim(t)
    assert.equal(read(other.pid).errno, EFAULT)
    assert.equal(attack(`sysopen(F,"/proc/${victim.pid}/maps",0)and read(F,$b,1)and $!=0`).errno, 0)
  })

  await t.test('nor who is let: this program, user and entry, until then', async () => {
    const later = BigInt(Math.round((Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) + 3_600) * 1e9))
    const exe = '/usr/bin/perl'
    const cases: readonly (readonly [Let, number])[] = [
      [{ exe, untilNs: later }, EFAULT],
      [{ uid: 0, target: 'vault', untilNs: later }, EFAULT],
      [{ exe, uid: 0, target: 'vault', untilNs: later }, EFAULT],
      [{ exe: '/usr/bin/gdb', untilNs: later }, EPERM],
      [{ exe, uid: 4242, untilNs: later }, EPERM],
      [{ exe, untilNs: 1n }, EPERM],
    ]
    for (const [allow, errno] of cases) {
      await order(guard, [victim.self], [allow])
      assert.equal(
        read(victim.pid).errno,
        errno,
        JSON.stringify(allow, (_, value) => String(value)),
      )
    }
    const other = { ...(await startVictim(t)).self, name: 'mint' }
    await order(guard, [victim.self, other], [{ exe, target: 'mint', untilNs: later }])
    assert.deepEqual([read(victim.pid).errno, read(other.pid).errno], [EPERM, EFAULT])
  })

  await t.test('as long as the sensor lives, whatever becomes of the guard; and no longer than it says', async () => {
    await order(guard, [victim.self], [], 1)
    await guard.until(
      (message) => isReport(message) && message.table === undefined && message === guard.messages.at(-1),
    )
    assert.equal(read(victim.pid).errno, EPERM, 'nobody renews the list')
    guard.say(liftOrder())
    await order(guard, [victim.self], [])
    if (linksArePinned) {
      await sensor.end('SIGKILL')
      assert.equal(read(victim.pid).errno, EPERM, 'its programs outlive it')
    }
    const next = linksArePinned ? startSensor(t, args) : sensor
    const hellos = linksArePinned ? 2 : 1
    await guard.until(() => guard.messages.filter(isHello).length >= hellos)
    assert.equal(read(victim.pid).errno, EPERM)
    assert.equal(await next.end('SIGTERM'), 0)
    assert.equal(read(victim.pid).errno, EFAULT, 'it has ended')
  })
})
