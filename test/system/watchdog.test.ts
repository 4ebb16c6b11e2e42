// SPDX-License-Identifier: Apache-2.0
// AGT-8: each of our processes is killed, stopped and traced, as root would. It works on, or again, and the ledger has it.

import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { getPriority, setPriority } from 'node:os'
import process from 'node:process'
import { test } from 'node:test'
import { systemClock } from '@sealwatch/base'
import type { HarmedPart } from '@sealwatch/contract'
import { startMailbox } from '../../apps/server/src/notify/test/mailbox.ts'
import { isGenuine, startReceiver } from '../../apps/server/src/notify/test/receiver.ts'
import { eventually, startPlatform, whyNot } from './platform.ts'

type Harm = {
  readonly time: number
  readonly severity: string
  readonly unmapped: { readonly part: HarmedPart }
}
type Actor = { readonly process: { readonly pid: number } }
const parts = ['sensor', 'agent', 'guard', 'hands', 'server'] as const
/** All of them at once begin anew, on a machine that does other things, too. */
const deadlineMs = 120_000

/** Takes hold of a process and does no more (PTRACE_SEIZE). */
const seize = `$| = 1; syscall(${process.arch === 'arm64' ? 117 : 101}, 0x4206, $ARGV[0] + 0, 0, 0) == 0 or die; print 'held'; sleep 600`

async function trace(pid: number): Promise<ChildProcess> {
  const child = spawn('perl', ['-e', seize, String(pid)], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  return child
}

/** A control group in which there is hardly any memory; undefined: this host has no such groups. */
function starvingGroup() {
  const kinds = [
    ['/sys/fs/cgroup/memory', 'memory.limit_in_bytes'],
    ['/sys/fs/cgroup', 'memory.max'],
  ] as const
  for (const [root, limit] of kinds) {
    const path = `${root}/sealwatch-test-${process.pid}`
    try {
      mkdirSync(path)
    } catch {
      continue
    }
    if (existsSync(`${path}/${limit}`)) {
      writeFileSync(`${path}/${limit}`, String(64 * 1024))
      return {
        take: (pid: number) => writeFileSync(`${path}/cgroup.procs`, String(pid)),
        remove: () => rmdirSync(path),
      }
    }
    rmdirSync(path)
  }
  return undefined
}

test('AGT-8 RIM-5 a part that is killed is back, one that is stopped goes on, one that is traced begins anew, but the server, which serves on; the ledger has each, and who reaches for the memory of the server is told of at once', {
  skip: whyNot() ?? false,
}, async (t) => {
  await using receiver = await startReceiver()
  await using box = await startMailbox()
  const platform = await startPlatform(undefined, {
    SEALWATCH_SERVER_WEBHOOK_ORIGINS: receiver.origin,
    SEALWATCH_SERVER_WEBHOOK_CA_FILE: receiver.caFile,
    SEALWATCH_SERVER_SMTP_URL: `smtp://127.0.0.1:${box.port}`,
    SEALWATCH_SERVER_SMTP_USER: 'mailer',
    SEALWATCH_SERVER_SMTP_PASSWORD: 'hunter2',
    SEALWATCH_SERVER_SMTP_FROM: 'sealwatch@example.com',
    SEALWATCH_SERVER_SMTP_CA_FILE: box.caFile,
  })
  const harms = async () =>
    (await platform.sealwatch('events', '--class', 'lifecycle', '--json')).stdout
      .split('\n')
      .filter((line) => line.includes('"part"'))
      .map((line) => JSON.parse(line) as Harm)
  const pidsOf = () => Promise.all(parts.map((part) => platform.pidOf(part)))

  /** Does it to all parts at once; resolves with what the ledger then has of each. */
  async function harmAll(found: string, act: (pid: number) => void): Promise<{ pids: number[]; told: Harm[] }> {
    const pids = (await pidsOf()) as number[]
    const actedMs = systemClock.nowMs()
    for (const pid of pids) act(pid)
    const told = await eventually(
      `all parts to be told of as ${found}`,
      async () => {
        const all = await harms()
        const each = pids.map((pid) =>
          all.find(({ unmapped: { part } }) => part.found === found && part.pid === pid && !part.by_supervisor),
        )
        return each.includes(undefined) ? undefined : (each as Harm[])
      },
      deadlineMs,
    )
    for (const { time, unmapped } of told)
      t.diagnostic(`${unmapped.part.name} ${found}: ${unmapped.part.remedy} after ${time - actedMs} ms`)
    return { pids, told }
  }
  const ready = () =>
    eventually(
      'all parts to work',
      async () => {
        const { agent, sensor, guard, server } = JSON.parse((await platform.sealwatch('status', '--json')).stdout)
        const isWhole = sensor?.connected && guard?.connected && guard.hands.connected
        return agent?.state === 'registered' && isWhole && server !== null ? true : undefined
      },
      deadlineMs,
    )

  const tracers: ChildProcess[] = []
  try {
    const killed = await harmAll('ended', (pid) => process.kill(pid, 'SIGKILL'))
    for (const { severity, unmapped } of killed.told)
      assert.deepEqual([unmapped.part.detail, unmapped.part.remedy, severity], ['SIGKILL', 'restarted', 'High'])
    // Who ended them is told, also of the agent, which took what it had not read with it; of the sensor it is only counted.
    const ended = parts.flatMap((part, at) => (part === 'sensor' ? [] : [killed.pids[at]]))
    const senders = await eventually(
      'who killed them to be told',
      async () => {
        const { stdout } = await platform.sealwatch('events', '--class', 'process', '--json')
        const signals = stdout.split('\n').filter((line) => line.includes('"SIGKILL"'))
        const told = signals.map((line) => JSON.parse(line) as { actor: Actor; process: { pid: number } })
        const to = ended.map((pid) => told.find((signal) => signal.process.pid === pid)?.actor.process.pid)
        return to.includes(undefined) ? undefined : to
      },
      deadlineMs,
    )
    assert.deepEqual(
      senders,
      ended.map(() => process.pid),
    )
    await ready()

    const stopped = await harmAll('stopped', (pid) => process.kill(pid, 'SIGSTOP'))
    for (const { severity, unmapped } of stopped.told)
      assert.deepEqual([unmapped.part.remedy, severity], ['continued', 'High'])
    assert.deepEqual(await pidsOf(), stopped.pids)

    const demoted = await harmAll('demoted', (pid) => setPriority(pid, 19))
    for (const { severity, unmapped } of demoted.told)
      assert.deepEqual([unmapped.part.remedy, severity], ['restored', 'High'])
    for (const pid of demoted.pids) assert.notEqual(getPriority(pid), 19)

    const group = starvingGroup()
    if (group === undefined)
      t.diagnostic('an agent without memory is left out: there are no control groups of memory here')
    else {
      const pid = (await platform.pidOf('agent')) as number
      group.take(pid)
      const starved = await eventually(
        'the agent to be ended for want of memory, and told of',
        async () => (await harms()).find(({ unmapped: { part } }) => part.pid === pid && part.found === 'ended'),
        deadlineMs,
      )
      const { detail, remedy, out_of_memory: isOutOfMemory } = starved.unmapped.part
      assert.deepEqual([detail, remedy, isOutOfMemory], ['SIGKILL', 'restarted', true])
      group.remove()
      await ready()
      stopped.pids[parts.indexOf('agent')] = (await platform.pidOf('agent')) as number
    }

    // Once for the tracers to be ready, so that all begin at once.
    tracers.push(...(await Promise.all(((await pidsOf()) as number[]).map(trace))))
    const traced = await eventually(
      'all parts to be told of as traced',
      async () => {
        const all = (await harms()).filter(({ unmapped: { part } }) => part.found === 'traced')
        return all.length === parts.length ? all : undefined
      },
      deadlineMs,
    )
    assert.deepEqual(new Set(traced.map(({ unmapped }) => unmapped.part.pid)), new Set(stopped.pids))
    for (const { severity, unmapped } of traced) {
      const by = unmapped.part.tracer
      assert.ok(tracers.some(({ pid }) => pid === by?.pid))
      const remedy = unmapped.part.name === 'server' ? 'freed' : 'killed'
      assert.deepEqual([unmapped.part.remedy, by?.name, by?.uid, severity], [remedy, 'perl', '0', 'Critical'])
    }
    assert.equal(await platform.pidOf('server'), stopped.pids[parts.indexOf('server')], 'it serves on')
    // Their tracers still keep the ends of the dead from us.
    await ready()

    const alerts = await eventually(
      'alerts of it',
      async () => {
        const { stdout } = await platform.sealwatch('alerts', '--json')
        const rules = [
          'stopped, traced, blinded or made silent',
          'part of Sealwatch was ended',
          'put before a part of Sealwatch',
          'sent a signal to Sealwatch',
        ]
        return rules.every((rule) => stdout.includes(rule)) || undefined
      },
      deadlineMs,
    )
    assert.ok(alerts)

    const to = async (name: string, where: string) => {
      const { code, stdout, stderr } = await platform.sealwatch('notify', 'add', name, where, '--json')
      assert.equal(code, 0, stderr)
      return (JSON.parse(stdout) as { secret: string }).secret
    }
    const secret = await to('pager', `${receiver.origin}/`)
    await to('on-call', 'mailto:on-call@example.com')
    const server = (await platform.pidOf('server')) as number
    assert.ok(!readFileSync(`/proc/${server}/environ`, 'latin1').includes('hunter2'))
    const reachedMs = systemClock.nowMs()
    // What is there cannot be read; to open it is enough.
    spawnSync('dd', [`if=/proc/${server}/mem`, 'of=/dev/null', 'bs=1', 'count=1'])
    await eventually(
      'a webhook and a mail of it',
      async () => (receiver.got[0] && box.got[0] ? true : undefined),
      deadlineMs,
    )
    const [told] = receiver.got
    assert.ok(told && (await isGenuine(secret, told)))
    const { type, data } = JSON.parse(told.body)
    t.diagnostic(`told after ${systemClock.nowMs() - reachedMs} ms`)
    assert.deepEqual([type, data.severity, box.got[0]?.user], ['guard_incident_opened', 'critical', 'mailer'])
    assert.match(box.got[0]?.text ?? '', new RegExp(data.incident))
  } finally {
    for (const tracer of tracers) tracer.kill('SIGKILL')
    await platform.down()
  }
})
