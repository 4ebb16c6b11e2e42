// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, renameSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import process from 'node:process'
import { after, before, describe, test } from 'node:test'
import type { HandsRequest } from '../guard/hands-client.ts'
import { readEveryStat, readStat } from './proc-stat.ts'
import { createSpared } from './spare.ts'
import { isAlive, type Running, startHands, startNsOf, until } from './test/running.ts'

const skip = process.getuid?.() === 0 ? false : 'needs root'
const lastPid = '/proc/sys/kernel/ns_last_pid'
const nsOfTick = 10_000_000n

describe('hands', { skip }, () => {
  let hands: Running
  const children: ChildProcess[] = []
  before(async () => {
    hands = await startHands()
  })
  after(async () => {
    for (const child of children) child.kill('SIGKILL')
    await hands.stop()
  })

  async function started(
    command: string,
    args: readonly string[],
    options = {},
  ): Promise<ChildProcess & { pid: number }> {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'], ...options })
    children.push(child)
    await once(child, 'spawn')
    return child as ChildProcess & { pid: number }
  }
  const sleeper = () => started('sleep', ['1000'])
  const killing = (pid: number, change: Partial<HandsRequest> = {}) =>
    hands.client.command({
      step: 'kill',
      pid,
      startNs: change.startNs ?? startNsOf(pid),
      protects: 'sealwatch-server',
      incident: 'i1',
      why: 'a test',
      ...change,
    })
  async function refusal(result: ReturnType<typeof killing>): Promise<[string, string | null]> {
    const said = await result
    assert.ok('refused' in said, JSON.stringify(said))
    return [said.refused.code, said.refused.received]
  }
  async function done(result: ReturnType<typeof killing>) {
    const said = await result
    assert.ok('done' in said, JSON.stringify(said))
    return said.done
  }

  test('INC-4 hands have one capability on one thread, no network, and start nothing', () => {
    const tasks = `/proc/${hands.pid}/task`
    const others = readdirSync(tasks).filter((task) => task !== String(hands.pid))
    const capabilities = [String(hands.pid), ...others].map((task) => {
      const status = readFileSync(`${tasks}/${task}/status`, 'latin1')
      for (const row of ['Uid:\t64708\t64708\t64708\t64708', 'Groups:\t \n', 'Seccomp:\t2', 'NoNewPrivs:\t1'])
        assert.ok(status.includes(row), status)
      const sets = ['CapInh', 'CapPrm', 'CapEff', 'CapAmb'].map(
        (set) => new RegExp(`^${set}:\t(.+)$`, 'm').exec(status)?.[1],
      )
      return sets.map((set) => Number.parseInt(set ?? '', 16)).join(' ')
    })
    assert.equal(capabilities[0], '0 32 32 0')
    assert.deepEqual([...new Set(capabilities.slice(1))], ['0 0 0 0'])
  })

  test('INC-4 without a standing order nothing is done, and with one that the server signed the suspect is', async () => {
    const suspect = await sleeper()
    assert.equal((await refusal(killing(suspect.pid)))[0], 'ORDER_MISSING')
    assert.ok(isAlive(suspect.pid))
    await hands.take()
    const ended = once(suspect, 'exit')
    const said = await done(killing(suspect.pid))
    assert.deepEqual((await ended)[1], 'SIGKILL')
    const { received_ns, signalled_ns, ended_ns, ...rest } = said
    assert.ok(BigInt(received_ns) < BigInt(signalled_ns) && BigInt(signalled_ns) <= BigInt(ended_ns ?? 0))
    const counts = { killed: 1, rounds: 0, spared: 0, left: 0, freed: false }
    assert.deepEqual(rest, { step: 'kill', pid: suspect.pid, start_ns: rest.start_ns, ...counts })
  })

  test('INC-4 an order that came before anybody said which CA to believe is taken once somebody has', async () => {
    const [file, away] = [join(hands.dir, 'trust.json'), join(hands.dir, 'away.json')]
    renameSync(file, away)
    hands.client.order(await hands.order())
    const refused = () => hands.client.state.refused?.code
    await until(() => refused() === 'AUTHORITY_UNREADABLE', hands.said)
    renameSync(away, file)
    await until(() => refused() === undefined, hands.said)
    assert.equal(hands.client.state.order?.steps.length, 2)
  })

  test('INC-4 RIM-5 what is protected goes on once whoever stopped it is ended, or had ended; nobody else is let go on', async () => {
    await hands.take()
    const [kept, other] = [await sleeper(), await sleeper()]
    const frees = { pid: kept.pid, startNs: startNsOf(kept.pid) }
    hands.client.spare([[frees.pid, frees.startNs]])
    const isStopped = (pid: number) => readStat(pid)?.isStopped === true
    for (const one of [kept, other]) one.kill('SIGSTOP')
    const stopped = () => until(() => isStopped(kept.pid) && isStopped(other.pid), hands.said)
    await stopped()
    const suspect = await sleeper()
    const startNs = startNsOf(suspect.pid)
    assert.equal((await done(killing(suspect.pid, { frees }))).freed, true)
    assert.ok(!isStopped(kept.pid))
    kept.kill('SIGSTOP')
    await stopped()
    assert.equal((await refusal(killing(suspect.pid, { startNs, frees })))[0], 'TARGET_GONE')
    assert.ok(!isStopped(kept.pid))
    const unnamed = { pid: other.pid, startNs: startNsOf(other.pid) }
    assert.equal((await done(killing((await sleeper()).pid, { frees: unnamed }))).freed, false)
    assert.ok(isStopped(other.pid))
    hands.client.spare([])
  })

  test('INC-4 a later process of the same number is left alone', {
    skip: existsSync(lastPid) ? false : 'this kernel gives no number twice on demand',
  }, async () => {
    await hands.take()
    const first = await sleeper()
    const { pid } = first
    const startNs = startNsOf(pid)
    first.kill('SIGKILL')
    await once(first, 'exit')
    // Whoever else forks takes the number now and then: until it is ours, and of a later tick of the clock, which is all that the kernel tells.
    const isLater = `[ $! = ${pid} ] && set -- $(cat /proc/$!/stat) && [ \${22} -gt ${startNs / nsOfTick} ]`
    const script = `while :; do echo ${pid - 1} > ${lastPid}; sleep 1000 & ${isLater} && break; kill $!; done; echo; wait`
    const shell = await started('sh', ['-c', script])
    await once(shell.stdout as NonNullable<typeof shell.stdout>, 'data')
    assert.notEqual(startNsOf(pid), startNs)
    assert.equal((await refusal(killing(pid, { startNs })))[0], 'TARGET_GONE')
    assert.equal((await refusal(killing(pid, { startNs, step: 'kill_tree' })))[0], 'TARGET_GONE')
    assert.ok(isAlive(pid))
    assert.equal((await done(killing(pid))).killed, 1)
    assert.ok(!isAlive(pid))
  })

  test('INC-4 a suspect in another pid namespace is ended by its number in the first one', async () => {
    await hands.take()
    const outer = await started('unshare', ['--pid', '--fork', 'sleep', '1000'])
    const inner = () => readEveryStat().find(({ parent }) => parent === outer.pid)?.pid ?? 0
    await until(
      () => inner() !== 0,
      () => 'nothing began in the namespace',
    )
    const pid = inner()
    assert.match(readFileSync(`/proc/${pid}/status`, 'latin1'), /^NSpid:\t\d+\t1$/m)
    assert.equal((await done(killing(pid))).killed, 1)
    await until(
      () => !isAlive(pid),
      () => 'it lives',
    )
  })

  test('INC-4 hands in another pid namespace know that the numbers of processes are others there, and do nothing', async () => {
    const elsewhere = await startHands('--pid', '--fork')
    try {
      await elsewhere.take()
      const dear = await sleeper()
      const of = { step: 'kill', pid: dear.pid, startNs: startNsOf(dear.pid) } as const
      const said = elsewhere.client.command({ ...of, protects: 'x', incident: 'i', why: 'a test' })
      assert.equal((await refusal(said))[0], 'HANDS_ELSEWHERE')
      assert.ok(isAlive(dear.pid))
    } finally {
      await elsewhere.stop()
    }
  })

  test('INC-4 threads of the kernel, process 1, the hands themselves and what is protected are spared', async () => {
    await hands.take()
    const dear = await sleeper()
    hands.client.spare([[dear.pid, startNsOf(dear.pid)]])
    for (const [pid, why] of [
      [1, /process 1/],
      [2, /a thread of the kernel/],
      [hands.pid, /the hands/],
      [dear.pid, /protected/],
    ] as const)
      for (const step of ['kill', 'kill_tree'] as const) {
        const [code, received] = await refusal(killing(pid, { step }))
        assert.equal(code, 'TARGET_SPARED')
        assert.match(received ?? '', why)
      }
    // A process of that number that began at another time is not the one that was named.
    hands.client.spare([[dear.pid, startNsOf(dear.pid) - 10_000_000n]])
    assert.equal((await done(killing(dear.pid))).killed, 1)
  })

  test('INC-4 a program that the service manager started as a user of ours is spared; who only takes that user is not', async (t) => {
    await hands.take()
    const uid = 64_705
    const shell = await started('sh', ['-c', 'sleep 1000 & echo $!'], { uid, gid: uid })
    const [line] = (await once(shell.stdout as NonNullable<typeof shell.stdout>, 'data')) as [Buffer]
    const orphan = Number(String(line))
    await until(
      () => readStat(orphan)?.parent !== shell.pid,
      () => 'its parent lives',
    )
    const claims = await started('sleep', ['1000'], { uid, gid: uid })
    assert.equal((await done(killing(claims.pid))).killed, 1)
    if (readStat(orphan)?.parent !== 1) t.diagnostic('orphans are not process 1’s here')
    else assert.deepEqual((await refusal(killing(orphan)))[1], '"a program of a user of ours"')
    process.kill(orphan, 'SIGKILL')
  })

  test('INC-4 a process of the sensor is spared where it is one of the supervisor’s, and no other of that depth', async () => {
    const spared = createSpared({ pid: 0, supervisor: process.pid })
    const script = 'sleep 1000 & echo $!; wait'
    for (const [uid, why] of [
      [64_703, 'a part of ours'],
      [64_701, undefined],
    ] as const) {
      const part = await started('sh', ['-c', script], { uid, gid: uid, detached: true })
      const [line] = (await once(part.stdout as NonNullable<typeof part.stdout>, 'data')) as [Buffer]
      const inner = readStat(Number(String(line))) ?? assert.fail()
      assert.equal(spared.why(inner, readStat), why)
      assert.equal(spared.why(readStat(part.pid) ?? assert.fail(), readStat), 'a part of ours')
      process.kill(-part.pid, 'SIGKILL')
    }
  })

  test('INC-4 a tree goes whole, with what is left of its group, but for what is protected in it and descends from that', async () => {
    await hands.take()
    const script = [
      'sh -c "sleep 1000 & wait" &',
      // Its parent ends: it stays in the group.
      'sh -c "sleep 1001 &"',
      'exec 3>&1; sh -c "echo \\$\\$ >&3; sleep 1002 & wait" & wait',
    ].join('\n')
    const suspect = await started('sh', ['-c', script], { detached: true })
    const ofGroup = () => readEveryStat().filter(({ group, isOver }) => group === suspect.pid && !isOver)
    const [line] = (await once(suspect.stdout as NonNullable<typeof suspect.stdout>, 'data')) as [Buffer]
    const dear = Number(String(line))
    await until(
      () => ofGroup().length === 6,
      () => JSON.stringify(ofGroup().length),
    )
    hands.client.spare([[dear, startNsOf(dear)]])
    const { killed, left } = await done(killing(suspect.pid, { step: 'kill_tree' }))
    assert.deepEqual([killed, left], [4, 0])
    assert.deepEqual(
      ofGroup().map(({ pid, parent }) => pid === dear || parent === dear),
      [true, true],
    )
    hands.client.spare([])
    assert.equal((await done(killing(dear, { step: 'kill_tree' }))).killed, 2)
  })

  test('INC-4 who forks faster than anybody ends processes is gone all the same', async () => {
    await hands.take()
    const uid = 65_531
    const bomb =
      'my $end = time + 20; $SIG{CHLD} = "IGNORE"; while (time < $end) { my $p = fork; exit if defined $p && $p == 0 && rand() < 0.3 }'
    const suspect = await started('prlimit', ['--nproc=100:100', 'perl', '-e', bomb], { uid, gid: uid, detached: true })
    const all = () => readEveryStat().filter(({ session, isOver }) => session === suspect.pid && !isOver)
    await until(
      () => all().length > 50,
      () => `${all().length}`,
    )
    const { killed, left, rounds } = await done(killing(suspect.pid, { step: 'kill_tree' }))
    assert.equal(left, 0)
    assert.ok(killed > 50 && rounds > 1, `${killed} in ${rounds}`)
    await until(
      () => all().length === 0,
      () => `${all().length} are left`,
    )
  })

  test('INC-4 hands act as often in a minute as the order says, and a refused command takes no turn', async () => {
    await hands.take({ kills_a_minute: 600, scope: ['billing'], steps: ['kill'] })
    const suspect = await sleeper()
    assert.equal((await refusal(killing(suspect.pid)))[0], 'COMMAND_OUT_OF_SCOPE')
    assert.equal(
      (await refusal(killing(suspect.pid, { protects: 'billing', step: 'kill_tree' })))[0],
      'COMMAND_OUT_OF_SCOPE',
    )
    await hands.restart()
    await hands.take({ kills_a_minute: 1 })
    const gone = { startNs: startNsOf(suspect.pid) - 1_000_000_000n }
    assert.equal((await refusal(killing(suspect.pid, gone)))[0], 'TARGET_GONE')
    assert.equal((await refusal(killing(suspect.pid)))[0], 'COMMAND_TOO_MANY')
    assert.ok(isAlive(suspect.pid))
  })

  test('INC-4 an order outlives a restart; a command of before it does not, and a withdrawn order does nothing', async () => {
    await hands.take({ kills_a_minute: 600 })
    const suspect = await sleeper()
    const held = hands.client.state.order
    const command = await hands.commandFor(suspect.pid)
    await hands.restart()
    assert.deepEqual(hands.client.state.order, held)
    assert.equal(await hands.sayRaw(command), 'COMMAND_REPLAYED')
    await hands.take({ steps: [], scope: [] })
    assert.deepEqual(await refusal(killing(suspect.pid)), ['COMMAND_OUT_OF_SCOPE', '"a withdrawn standing order"'])
    assert.ok(isAlive(suspect.pid))
  })

  test('INC-4 the guard alone is heard, and what is no line of the protocol ends its connection alone', async () => {
    const ends = async (child: ChildProcess) => String((await once(child, 'exit'))[0])
    const script = `let n = 0; require('node:net').connect('${hands.socket}').on('data', (d) => n += d.length).on('close', () => process.exit(n === 0 ? 7 : 8)).on('error', () => 0)`
    assert.equal(await ends(spawn(process.execPath, ['-e', script], { uid: 65_534, gid: 65_534 })), '7')
    for (const line of [
      'x',
      '[]',
      '{}',
      '{"command":1}',
      '{"order":"x","spare":[]}',
      '{"spare":[[1]]}',
      `"${'x'.repeat(300_000)}`,
    ]) {
      const socket = connect(hands.socket).on('error', () => undefined)
      const closed = new Promise((resolve) => socket.once('close', resolve))
      socket.resume().write(`${line}\n`)
      await closed
    }
    assert.ok(hands.client.state.isConnected)
    assert.equal(readStat(hands.pid)?.isOver, false)
  })
})
