// SPDX-License-Identifier: Apache-2.0
// The examiner (docs/formats/frame.md, 13): how a process is as it becomes protected, and what is found of it without BPF.

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { ProtectedProcess } from '../agent/src/guard/protected-order.ts'
import type { Examination } from '../agent/src/sources/observation.ts'
import { attached, order, processOf, startVictim } from './guard-harness.ts'
import { type Event, isEvent, isReport, type TestAgent, whyNot } from './sensor-harness.ts'

const kernel = { skip: whyNot() ?? false, timeout: 240_000 } as const
const withoutBpf = ['--processes', 'polling', '--files', 'polling', '--network', 'none', '--guard-poll-ms', '1000']

type Of<K extends Event['kind']> = Extract<Event, { kind: K }>
const untilEvent = <K extends Event['kind']>(guard: TestAgent, kind: K, holds: (event: Of<K>) => boolean) =>
  guard.until((message): message is Of<K> => isEvent(message) && message.kind === kind && holds(message as Of<K>))

const toBeExamined = (process: ProtectedProcess) => ({ ...process, isToBeExamined: true })

/** What the sensor says of it, once it is asked. */
async function examinationOf(guard: TestAgent, pid: number) {
  order(guard, [toBeExamined(processOf(pid))])
  return untilEvent(guard, 'examined', ({ actor }) => actor.pid === pid)
}

const sound: Omit<Examination, 'argv'> = { variables: [], core: 0n, isDumpable: false, isPreloaded: false }
function findings(found: Of<'examined'>) {
  const { tracer, holder, variables, optionsHarmless, port, core, isDumpable, isPreloaded, foreignCode } = found
  return {
    ...(tracer !== undefined && { tracer }),
    ...(holder !== undefined && { holder }),
    ...(port !== undefined && { port }),
    ...(optionsHarmless && { optionsHarmless }),
    ...(foreignCode !== undefined && { foreignCode }),
    ...{ variables, core, isDumpable, isPreloaded },
  }
}

/** Says something once it is there, and lives until the test is over. */
async function started(t: TestContext, file: string, args: readonly string[], options: object = {}): Promise<number> {
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'], env: { PATH: process.env.PATH }, ...options })
  t.after(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  return child.pid ?? 0
}

const idle = '$|=1;print"up\\n";<STDIN>'
const noCore = (script: string) => `ulimit -c 0; ${script}; echo up; read never`

test(
  'RIM-3 what is wrong with a process as it becomes protected is told, and of a sound one that it is',
  kernel,
  async (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'sw-'))
    t.after(() => rmSync(dir, { recursive: true }))
    chmodSync(dir, 0o755)
    const { guard, hello, sensor } = await attached(t)
    assert.deepEqual(hello.attached.examiner, { ok: true, reason: '' })
    const of = async (pid: number) => findings(await examinationOf(guard, pid))

    await t.test('none of the processes of the sensor holds what is another’s', () => {
      const children = childrenOf(sensor.pid).map((child) => [child, ...descendants(child)])
      assert.equal(children.length, 3)
      const held = [[sensor.pid], ...children].flatMap((pids) => [...new Set(pids.flatMap(socketsOf))])
      assert(held.length >= 6)
      assert.equal(new Set(held).size, held.length)
    })
    await t.test('a sound one', async () => {
      const pid = await started(t, 'sh', ['-c', noCore(':')])
      const told = await examinationOf(guard, pid)
      assert.deepEqual([told.actor.exe, told.actor.ppid, findings(told)], [readlink(pid), process.pid, sound])
    })
    await t.test(
      'limit of cores, and dumpable for its user; who may run a program and not read it is not',
      async () => {
        const unreadable = join(dir, 'sh')
        copyFileSync('/bin/sh', unreadable)
        chmodSync(unreadable, 0o711)
        assert.deepEqual(await of(await started(t, 'sh', ['-c', 'ulimit -c 8; echo up; read never'])), {
          ...sound,
          core: 4_096n,
        })
        const user = { uid: 65_534, gid: 65_534 }
        assert.deepEqual(await of(await started(t, 'sh', ['-c', noCore(':')], user)), { ...sound, isDumpable: true })
        assert.deepEqual(await of(await started(t, unreadable, ['-c', noCore(':')], user)), sound)
      },
    )
    await t.test('what it was started with, and code that others may change', async () => {
      const script = join(dir, 'server.sh')
      writeFileSync(script, noCore(':'))
      chmodSync(script, 0o666)
      const env = {
        PATH: process.env.PATH,
        LD_AUDIT: '',
        NODE_OPTIONS: '--expose-gc',
        LD_LIBRARY_PATH: '/x',
        GCONV_PATH: '/y',
      }
      const { variables, optionsHarmless, foreignCode } = await of(
        await started(t, 'sh', ['server.sh'], { env, cwd: dir }),
      )
      assert.deepEqual(variables, ['LD_AUDIT', 'LD_LIBRARY_PATH', 'NODE_OPTIONS', 'GCONV_PATH'])
      assert.equal(optionsHarmless, undefined)
      assert.equal(foreignCode, script)
      const harmless = await started(t, 'sh', ['-c', noCore(':')], { env: { NODE_OPTIONS: '--no-warnings' } })
      assert.deepEqual(await of(harmless), { ...sound, variables: ['NODE_OPTIONS'], optionsHarmless: true })
      const padding = Object.fromEntries(Array.from({ length: 12_000 }, (_, i) => [`PADDING_${i}`, 'x'.repeat(i % 40)]))
      const padded = { ...padding, LONG: 'y'.repeat(130_000), LD_AUDIT: '' }
      assert.deepEqual((await of(await started(t, 'sh', ['-c', noCore(':')], { env: padded }))).variables, ['LD_AUDIT'])
      const hook = join(dir, 'hook.js')
      writeFileSync(hook, '')
      chmodSync(hook, 0o666)
      const idles = 'console.log("up"); setInterval(() => 0, 9e5)'
      for (const option of ['--require=./hook', `--import=file://${hook}`]) {
        const hooked = await examinationOf(
          guard,
          await started(t, process.execPath, [option, '-e', idles], { cwd: dir }),
        )
        assert.deepEqual([hooked.foreignCode, hooked.argv.slice(1, 3)], [hook, [option, '-e']])
      }
      const spaced = await started(t, process.execPath, ['-C', 'x', '-r', hook, '-e', idles], { cwd: dir })
      assert.equal((await of(spaced)).foreignCode, hook)
      const image = join(dir, 'open', 'sh')
      spawnSync('install', ['-D', '-m', '755', '/bin/dash', image])
      chmodSync(join(dir, 'open'), 0o777)
      assert.equal((await of(await started(t, image, ['-c', noCore(':')]))).foreignCode, image)
    })
    await t.test('its debugger', async () => {
      const code = 'process.stdout.write(process.debugPort + "\\n"); setInterval(() => 0, 9e5)'
      const pid = await started(t, process.execPath, ['--inspect=127.0.0.1:0', '-e', code], {
        stdio: ['pipe', 'pipe', 'ignore'],
      })
      // Port 0 is any, which nobody can tell from another listener; the default one may be taken by others here.
      assert.equal((await of(pid)).port, undefined)
      const port = 20_000 + (process.pid % 9_000)
      const open = await started(t, process.execPath, [`--inspect=127.0.0.1:${port}`, '-e', code], {
        stdio: ['pipe', 'pipe', 'ignore'],
      })
      assert.equal((await of(open)).port, port)
    })
    await t.test('who is in it already', async () => {
      const victim = await startVictim(t)
      const tracer = await started(t, 'perl', ['-e', `syscall(101,0x4206,${victim.pid},0,0);${idle}`])
      const reader = await started(t, 'perl', ['-e', `open(F,"<","/proc/${victim.pid}/mem");${idle}`])
      const told = await of(victim.pid)
      assert.deepEqual([told.tracer, told.holder], [tracer, reader])
    })
    await t.test(
      'a thread of the kernel, one in another pid namespace, one that is gone, and another of its number',
      async () => {
        const told = await examinationOf(guard, 2)
        assert.deepEqual([told.actor.exe, findings(told)], [null, sound])
        const outer = spawn('unshare', ['-fp', '--mount-proc', 'perl', '-e', idle], {
          stdio: ['pipe', 'pipe', 'inherit'],
        })
        t.after(() => outer.kill('SIGKILL'))
        await once(outer.stdout, 'data')
        const inner = Number(readFileSync(`/proc/${outer.pid}/task/${outer.pid}/children`, 'utf8').trim())
        t.after(() => spawnSync('kill', ['-9', String(inner)]))
        const nested = await examinationOf(guard, inner)
        assert.notEqual(nested.actor.pidNs, told.actor.pidNs)
        const pid = await started(t, 'perl', ['-e', idle])
        const other = { ...processOf(pid), startNs: processOf(pid).startNs - 10_000_000n }
        order(guard, [toBeExamined(other), toBeExamined({ pid: 4_100_000, startNs: 5n })])
        // What is told of the next one is told after them.
        await examinationOf(guard, await started(t, 'perl', ['-e', idle]))
        assert(!guard.events().some((event) => event.kind === 'examined' && [pid, 4_100_000].includes(event.actor.pid)))
      },
    )
    await t.test('a thousand at once', async () => {
      const many = await started(t, 'perl', ['-e', `for(1..1000){next if fork;sleep 9e5}${idle}`], { detached: true })
      t.after(() => process.kill(-many, 'SIGKILL'))
      const pids = readFileSync(`/proc/${many}/task/${many}/children`, 'utf8').trim().split(' ').map(Number)
      assert.equal(pids.length, 1_000)
      order(guard, pids.map(processOf).map(toBeExamined))
      const seen = new Set<number>()
      await guard.until(
        (message) =>
          isEvent(message) &&
          message.kind === 'examined' &&
          pids.includes(message.actor.pid) &&
          seen.add(message.actor.pid).size === 1_000,
      )
    })
  },
)

const readlink = (pid: number) => spawnSync('readlink', [`/proc/${pid}/exe`], { encoding: 'utf8' }).stdout.trim()

test(
  'RIM-1 AGT-2 without BPF each way that /proc shows is found within the interval, and told as BPF would',
  kernel,
  async (t) => {
    const { guard, hello, sensor } = await attached(t, ...withoutBpf)
    assert.deepEqual([hello.modes.process, hello.attached.examiner.ok], ['polling', true])
    const victim = await startVictim(t, 'sh', '-c', 'ulimit -Sc 0; exec "$@"', 'sh')
    await victim.does('$SIG{CONT}=sub{};')
    const others = await Promise.all(Array.from({ length: 3 }, () => startVictim(t)))
    order(
      guard,
      [victim, ...others].map(({ self }) => toBeExamined(self)),
    )
    await untilEvent(guard, 'examined', ({ actor }) => actor.pid === victim.pid)
    const isVictim = ({ target }: { readonly target: { readonly pid: number } }) => target.pid === victim.pid

    const tracer = await started(t, 'perl', ['-e', `syscall(101,0x4206,${victim.pid},0,0);${idle}`])
    const traced = await untilEvent(guard, 'ptrace', isVictim)
    assert.deepEqual([traced.actor.pid, traced.site, traced.actor.exe], [tracer, 'examiner', readlink(tracer)])
    process.kill(tracer, 'SIGKILL')

    const reader = await started(t, 'perl', ['-e', `open(F,"+<","/proc/${victim.pid}/task/${victim.pid}/mem");${idle}`])
    const held = await untilEvent(guard, 'mem_open', isVictim)
    assert.deepEqual([held.actor.pid, held.flags & 3], [reader, 2])
    // Of a descriptor that was handed on, who has it now.
    const heir = await started(t, 'sh', ['-c', `exec 9</proc/${victim.pid}/mem; perl -e '${idle}'; read never`])
    const heirs = readFileSync(`/proc/${heir}/task/${heir}/children`, 'utf8').trim().split(' ').map(Number)
    await untilEvent(guard, 'mem_open', (event) => isVictim(event) && event.actor.pid === heirs[0])
    // In another pid namespace it has another number.
    const inner = `mount -t proc p /proc; perl -e '$|=1;$v=fork;unless($v){sleep 9e5}open(F,"<","/proc/$v/mem");print"up\\n";sleep 9e5'`
    const outer = spawn('unshare', ['-fpm', 'sh', '-c', inner], { stdio: ['pipe', 'pipe', 'inherit'], detached: true })
    t.after(() => process.kill(-(outer.pid ?? 0), 'SIGKILL'))
    await once(outer.stdout, 'data')
    const nested = descendants(outer.pid ?? 0)
    const [holder = 0, young = 0] = nested.slice(-2)
    order(guard, [victim.self, processOf(young)])
    const found = await untilEvent(guard, 'mem_open', ({ target }) => target.pid === young)
    assert.equal(found.actor.pid, holder)

    process.kill(victim.pid, 'SIGSTOP')
    const stopped = await untilEvent(guard, 'signal', isVictim)
    assert.deepEqual(
      [stopped.signal, stopped.actor.pid, (stopped.unsure ?? 0) & 63],
      [19, 0, 63],
      'nobody knows by whom',
    )
    process.kill(victim.pid, 'SIGCONT')

    spawnSync('prlimit', ['--pid', String(victim.pid), '--core=unlimited'])
    const raised = await untilEvent(guard, 'reach', isVictim)
    assert.deepEqual([raised.call, raised.request], ['prlimit64', 4])

    // An anonymous mapping that is executable, and code of a file that has no name.
    await victim.does('syscall(9,0,4096,5,0x22,-1,0);')
    const code = await untilEvent(guard, 'executable', ({ actor }) => actor.pid === victim.pid)
    assert.deepEqual([code.way, code.length, code.path], ['anonymous', 4_096n, ''])
    await victim.does('$d=syscall(319,$n="payload",0);syscall(77,$d,4096);syscall(9,0,4096,5,2,$d,0);')
    const file = await untilEvent(guard, 'executable', ({ way }) => way === 'nameless_file')
    assert.match(file.path, /^\/memfd:payload/)

    const name = '/proc/sys/kernel/perf_event_paranoid'
    const before = readFileSync(name, 'utf8')
    t.after(() => writeFileSync(name, before))
    writeFileSync(name, before.trim() === '4' ? '3' : '4')
    const set = await untilEvent(guard, 'sysctl', ({ name: of }) => of === 'kernel/perf_event_paranoid')
    assert.deepEqual([set.before, set.actor.pid], [before.trim(), 0])

    const own = readdirSync('/proc').flatMap((pid) => (/^\d+$/.test(pid) && isChildOf(pid, sensor.pid) ? [pid] : []))
    assert(!guard.events().some(({ site, actor }) => site === 'examiner' && own.includes(String(actor.pid))))
    assert.equal(await sensor.end('SIGTERM'), 0)
    const { produced, sent, dropped } = guard.messages.findLast(isReport)?.counts.examiner ?? {}
    assert.deepEqual([dropped, produced], [0n, sent])
  },
)

const isChildOf = (pid: string, parent: number) => {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ')[1] === String(parent)
  } catch {
    return false
  }
}

/** But those that it was started with. */
const socketsOf = (pid: number): string[] =>
  readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      const link = readlinkSync(`/proc/${pid}/fd/${fd}`)
      return Number(fd) > 2 && link.startsWith('socket:') ? [link] : []
    } catch {
      return []
    }
  })

const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number)

/** Nearest first. */
const descendants = (pid: number): number[] => childrenOf(pid).flatMap((child) => [child, ...descendants(child)])

test(
  'AGT-8 an examiner that is stopped goes on and is told of; one that is ended is begun anew with its sensor',
  kernel,
  async (t) => {
    const { guard, sensor } = await attached(t)
    const examiner = readdirSync('/proc').find(
      (pid) =>
        /^\d+$/.test(pid) &&
        isChildOf(pid, sensor.pid) &&
        readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('sensor-examiner'),
    )
    const status = readFileSync(`/proc/${examiner}/status`, 'utf8')
    assert.deepEqual(status.match(/Cap(?:Prm|Eff|Bnd):\t\w+/g), [
      'CapPrm:\t0000000000080004',
      'CapEff:\t0000000000080004',
      'CapBnd:\t0000000000000000',
    ])
    process.kill(Number(examiner), 'SIGSTOP')
    await guard.until((message) => isReport(message) && message.blind?.includes('examiner') === true)
    const examined = await examinationOf(guard, (await startVictim(t)).pid)
    assert.equal(examined.site, 'examiner')
    process.kill(Number(examiner), 'SIGKILL')
    assert.equal(await sensor.end(), 1)
    assert.match(sensor.log(), /looks at protected processes has ended/)
  },
)
