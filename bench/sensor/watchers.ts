// SPDX-License-Identifier: Apache-2.0
// What watches the acts: our sensor, and the audit daemon.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { dirname, join } from 'node:path'
import { systemClock as clock } from '@sealwatch/base'
import { createFrameDecoder } from '../../apps/agent/src/sources/frame.ts'
import type { SensorCounts } from '../../apps/agent/src/sources/observation.ts'

export type Watcher = {
  /** What it has used of the processor, in seconds. */
  cpuSeconds(): number
  /** Once it has told all that was done: how much that was of it since the last time, of one kind of act. */
  told(act: 'exec' | 'open', expected: number): Promise<number>
  /** From here on it follows this table of policies, too; left out: it has none. */
  readonly follow?: (number: number, order: Uint8Array) => Promise<void>
} & AsyncDisposable

/** USER_HZ, of every Linux. */
const ticksPerSecond = 100
const lookMs = 50
const patienceMs = 20_000

/** proc_pid_stat(5), utime and stime. */
function cpuSecondsOf(pids: readonly number[]): number {
  let ticks = 0
  for (const pid of pids) {
    const status = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = status.slice(status.lastIndexOf(')') + 2).split(' ')
    ticks += Number(fields[11]) + Number(fields[12])
  }
  return ticks / ticksPerSecond
}

async function settled(read: () => number, expected: number): Promise<number> {
  for (let waitedMs = 0; read() < expected && waitedMs < patienceMs; waitedMs += lookMs) await clock.sleep(lookMs)
  return read()
}

async function end(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit')
  if (child.exitCode === null && child.kill('SIGTERM')) await ended
}

/** With an agent that reads its frames and does no more: what the agent makes of them is another figure. */
export async function startSensor(dir: string, watched: string): Promise<Watcher> {
  const path = join(dir, 'socket')
  const instance = `bench-${process.pid}`
  const counts = { exec: 0, open: 0 }
  let last: SensorCounts | undefined
  let follows: readonly (number | undefined)[] = []
  let agent: Socket | undefined
  const connected = Promise.withResolvers<void>()
  const server = createServer((socket) => {
    const decoder = createFrameDecoder()
    agent = socket
    socket.on('data', (chunk: Buffer) => {
      for (const message of decoder.push(chunk)) {
        if (message.kind === 'hello') connected.resolve()
        if (message.kind === 'report') {
          last = message.counts
          follows = [message.table, message.fileTable]
        }
        if (message.kind === 'exec') counts.exec += 1
        if (message.kind === 'file_open') counts.open += 1 + (message.again?.times ?? 0)
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  // The sensor has given up root by then.
  for (const [each, mode] of [
    [dirname(dir), 0o755],
    [dir, 0o755],
    [path, 0o666],
  ] as const)
    chmodSync(each, mode)
  const program = join(import.meta.dirname, '../../apps/sensor/build/sensor')
  const child = spawn(program, ['--socket', path, '--instance', instance, '--watch', watched], { stdio: 'ignore' })
  const ended = once(child, 'exit').then(() => Promise.reject(new Error('the sensor ended')))
  ended.catch(() => undefined)
  await Promise.race([connected.promise, ended])
  return {
    cpuSeconds: () => cpuSecondsOf([child.pid as number]),
    told: async (act, expected) => {
      const told = await settled(() => counts[act], expected)
      counts[act] = 0
      const dropped = Object.values(last ?? {}).reduce((sum, site) => sum + Number(site.dropped), 0)
      if (told < expected) console.error(`the sensor told ${told} of ${expected}; its counters say ${dropped} dropped`)
      return told
    },
    follow: async (number, order) => {
      agent?.write(order)
      await settled(() => (follows.includes(number) ? 1 : 0), 1)
      if (!follows.includes(number)) throw new Error('the sensor does not follow the table')
    },
    [Symbol.asyncDispose]: async () => {
      await end(child)
      server.close()
      rmSync(`/sys/fs/bpf/sealwatch-${instance}`, { recursive: true, force: true })
    },
  }
}

const auditctl = (...args: readonly string[]) => {
  const { status, stderr } = spawnSync('/usr/sbin/auditctl', args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`auditctl ${args.join(' ')}: ${stderr}`)
}

/** Undefined: it is not installed here. It writes its log, unsynced, as most are set up; nobody reads on from there. */
export async function startAuditd(dir: string, watched: string): Promise<Watcher | undefined> {
  const auditd = await openAuditd(dir, [
    ['-a', 'always,exit', '-F', 'arch=b64', '-S', 'execve', '-k', 'exec'],
    ['-a', 'always,exit', '-F', 'arch=b64', '-S', 'open,openat', '-F', `path=${watched}`, '-k', 'open'],
  ])
  if (auditd === undefined) return undefined
  const { pid, log } = auditd
  const kernel = readdirSync('/proc').find((one) => /^\d+$/.test(one) && nameOf(one) === 'kauditd')
  let read = 0
  return {
    cpuSeconds: () => cpuSecondsOf([pid, Number(kernel)]),
    told: async (act, expected) => {
      const recordsOf = () => readFileSync(log, 'latin1').slice(read).split(`key="${act}"`).length - 1
      const told = await settled(recordsOf, expected)
      read = statSync(log).size
      return told
    },
    [Symbol.asyncDispose]: auditd[Symbol.asyncDispose],
  }
}

type Auditd = { readonly pid: number; readonly log: string } & AsyncDisposable

/** The audit daemon with rules of auditctl(8), logging in a folder. Undefined: it is not installed here. */
export async function openAuditd(
  dir: string,
  rules: readonly (readonly string[])[],
  flush: 'NONE' | 'SYNC' = 'NONE',
): Promise<Auditd | undefined> {
  if (!existsSync('/usr/sbin/auditd')) return undefined
  mkdirSync(join(dir, 'plugins.d'))
  const log = join(dir, 'audit.log')
  const config = {
    ...{ local_events: 'yes', write_logs: 'yes', log_file: log, log_format: 'RAW', flush, freq: 0 },
    ...{ max_log_file: 2000, max_log_file_action: 'IGNORE', num_logs: 2, q_depth: 20_000 },
    ...{ space_left: 75, space_left_action: 'IGNORE', admin_space_left: 50, admin_space_left_action: 'IGNORE' },
    ...{ disk_full_action: 'IGNORE', disk_error_action: 'IGNORE' },
    plugin_dir: join(dir, 'plugins.d'),
  }
  const lines = Object.entries(config).map(([name, value]) => `${name} = ${value}\n`)
  writeFileSync(join(dir, 'auditd.conf'), lines.join(''), { mode: 0o640 })
  const child = spawn('/usr/sbin/auditd', ['-n', '-s', 'enable', '-c', dir], { stdio: 'ignore' })
  await settled(() => (existsSync(log) && statSync(log).size > 0 ? 1 : 0), 1)
  auditctl('-D')
  auditctl('-b', '65536')
  auditctl('--backlog_wait_time', '60000')
  for (const rule of rules) auditctl(...rule)
  return {
    pid: child.pid as number,
    log,
    [Symbol.asyncDispose]: async () => {
      auditctl('-D')
      await end(child)
      auditctl('-e', '0')
    },
  }
}

const nameOf = (pid: string): string => {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
  } catch {
    return ''
  }
}
