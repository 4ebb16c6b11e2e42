// SPDX-License-Identifier: Apache-2.0

import { spawn } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { systemClock as clock } from '@sealwatch/base'
import { parseRfc3339 } from '@sealwatch/base/time'
import type { GuardEvent } from '@sealwatch/contract'
import type { HostGuardConfig } from '@sealwatch/contract/guard-config'
import { withoutBpf } from '../../test/system/modes.ts'
import { eventually, type Platform, startPlatform, whyNot } from '../../test/system/platform.ts'
import { type Figure, figureOf, medianOf, quantileOf } from '../figure.ts'
import { temporary } from '../material.ts'
import { startEcho } from './echoes.ts'
import { peers } from './peers.ts'
import { type Appended, anotherNode, build, followAppends, type Programs, reach, startVictim } from './trial.ts'

/** What `reach` does, and what the guard calls it. */
const routes = {
  attach: 'ptrace_attach',
  seize: 'ptrace_seize',
  'seize-32': 'ptrace_seize',
  'mem-read': 'proc_mem_read',
  'mem-write': 'proc_mem_write',
  'task-mem': 'proc_mem_read',
  uring: 'proc_mem_read',
  passed: 'memory_descriptor_passed',
  'vm-read': 'vm_read',
  'vm-write': 'vm_write',
  getfd: 'fd_taken',
  'map-files': 'map_files',
  'core-limit': 'core_limit_raised',
  perf: 'perf',
  usr1: 'inspector_signal',
  stop: 'stopped',
} as const
type Route = keyof typeof routes

/** Of each route in a turn. */
const timesATurn = 10
/** An incident ends five seconds after whoever acted, and sixteen on one process are told apart. */
const victims = 8
const betweenMs = 90
const settleMs = 45_000
const idleSeconds = 20
const GiB = 1024 ** 3
const killsATurn = 10
const betweenKillsMs = 1_100
const holdsATurn = 8
/** Between two looks of a sensor without BPF. */
const pollMs = 2_000
const sliceMs = 500
const slicesATurn = 10

/**
 * The guard of the whole platform, as `sealwatch up` starts it: what it takes while nothing happens; from when somebody reaches for a
 * protected process, by the kernel's clock, to the line of it on the disk; how much of 1 GiB a process has read when the hands end it; what a
 * service pays for being protected.
 */
export async function* benchGuard(runs = 5): AsyncGenerator<Figure> {
  const why = whyNot()
  if (why !== undefined) return void console.error(`guard is skipped: ${why}`)
  await using dir = await temporary()
  const programs = await build(dir.path)
  const node = await anotherNode(join(dir.path, 'node'))
  const platform = await startPlatform(undefined, { NODE_COMPILE_CACHE: join(dir.path, 'compiled') })
  try {
    await begin(platform, [programs.victim, node], 'off')
    yield* idle(platform, runs)
    yield* told(platform, programs, node, runs)
    yield* echoed(dir.path, node, runs)
    await begin(platform, [programs.victim], 'on')
    yield* killed(platform, programs, dir.path, runs)
  } finally {
    await platform.down()
  }
  yield* polled(programs, runs)
  yield* peers(programs, dir.path, runs * timesATurn)
}

/** Without BPF: from before somebody opens the memory of a protected process, which he holds from then on, to the line of it on the disk. */
async function* polled(programs: Programs, runs: number): AsyncGenerator<Figure> {
  const platform = await startPlatform(undefined, withoutBpf.at(-1)?.env)
  try {
    await begin(platform, [programs.victim], 'off')
    await using appended = await followAppends(programs.appended, chainsOf(platform), '.ndjson')
    using victim = await startVictim(programs.victim, 4096)
    const isFollowed = () => eventsOf(appended).some(({ event }) => event.message.includes(`(pid ${victim.pid})`))
    await eventually('its protection to be told', async () => isFollowed() || undefined)
    const ms: number[] = []
    for (let i = 0; i < runs * holdsATurn; i += 1) {
      await clock.sleep(Math.random() * pollMs)
      const openedNs = BigInt(clock.nowMs()) * 1_000_000n
      using holder = hold(victim.pid)
      const tellsOf = ({ event }: { readonly event: GuardEvent }) =>
        'guard_incident' in event.unmapped &&
        event.unmapped.guard_incident.rows.some(({ by }) => by.startsWith(`${holder.pid}:`))
      const line = await eventually('it to be told', async () => eventsOf(appended).find(tellsOf))
      ms.push(Number(line.writtenNs - openedNs) / 1e6)
    }
    yield figureOf('guard.polling-told', 'ms', ms)
    yield { ...figureOf('guard.polling-told-p99', 'ms', [quantileOf(ms, 0.99)]), runs: ms.length }
  } finally {
    await platform.down()
  }
}

function hold(pid: number): { readonly pid: number } & Disposable {
  const child = spawn('bash', ['-c', `exec 3</proc/${pid}/mem; exec sleep 60`], { stdio: 'ignore' })
  return { pid: child.pid as number, [Symbol.dispose]: () => void child.kill('SIGKILL') }
}

/** With a guard that has read what root says, and has settled. */
async function begin(platform: Platform, images: readonly string[], kill: 'on' | 'off'): Promise<void> {
  const config: HostGuardConfig = {
    responses: { kill, evict: 'off', rotate: 'off' },
    protect: images.map((exe, i) => ({ name: `bench-${i}`, exe })),
  }
  writeFileSync(join(platform.data, 'guard.json'), JSON.stringify(config), { mode: 0o644 })
  const before = (await platform.pidOf('guard')) as number
  process.kill(before, 'SIGKILL')
  await eventually('another guard', async () => ((await platform.pidOf('guard')) ?? before) !== before || undefined)
  const isWell = async () => (await platform.sealwatch('doctor')).code === 0 || undefined
  await eventually('doctor to be green', isWell, 120_000)
  await clock.sleep(settleMs)
}

async function* idle(platform: Platform, runs: number): AsyncGenerator<Figure> {
  const parts = ['guard', 'hands'] as const
  const pids = await Promise.all(parts.map(async (part) => (await platform.pidOf(part)) as number))
  const shares: number[][] = [[], []]
  for (let i = 0; i < runs; i += 1) {
    const before = pids.map(ranSeconds)
    await clock.sleep(1000 * idleSeconds)
    for (const [at, pid] of pids.entries())
      shares[at]?.push((100 * (ranSeconds(pid) - (before[at] as number))) / idleSeconds)
  }
  for (const [at, part] of parts.entries()) {
    yield figureOf(`guard.idle-cpu-${part}`, '% of a core', shares[at] as number[])
    yield figureOf(`guard.memory-${part}`, 'MB', [memoryMb(pids[at] as number, 'Rss')])
    yield figureOf(`guard.memory-${part}-own`, 'MB', [memoryMb(pids[at] as number, 'Anonymous')])
  }
}

async function* told(platform: Platform, programs: Programs, node: string, runs: number): AsyncGenerator<Figure> {
  await using stack = new AsyncDisposableStack()
  const plain = await Promise.all(Array.from({ length: victims }, () => startVictim(programs.victim, 4096)))
  for (const victim of plain) stack.use(victim)
  const services = await Promise.all(Array.from({ length: 2 }, () => startEcho(node)))
  for (const service of services) stack.use(service)
  const appended = stack.use(await followAppends(programs.appended, chainsOf(platform), '.ndjson'))
  const acts: { readonly route: Route; readonly pid: number; readonly calledNs: bigint }[] = []
  const names = Object.keys(routes) as Route[]
  // One after the other, and not ten of one: what a route costs when it is cold counts as often as it comes.
  for (let i = 0; i < runs * timesATurn; i += 1)
    for (const [at, route] of names.entries()) {
      const among = route === 'usr1' ? services : plain
      const victim = among[(i + at) % among.length] as (typeof among)[number]
      acts.push({ route, ...(await reach(programs.reach, route, victim)) })
      await clock.sleep(betweenMs + Math.random() * 20)
    }
  const found = await eventually('every act to be on the disk', async () => {
    const after = new Map(
      rowsOf(appended)
        .map(({ by, way, ms }) => [`${by} ${way}`, ms] as const)
        .reverse(),
    )
    const ms = acts.map(({ route, pid }) => ({ route, ms: after.get(`${pid} ${routes[route]}`) }))
    return ms.every((one) => one.ms !== undefined) ? (ms as { route: Route; ms: number }[]) : undefined
  })
  for (const route of names)
    yield figureOf(
      `guard.told-${route}`,
      'ms',
      found.flatMap((one) => (one.route === route ? [one.ms] : [])),
    )
  const all = found.map(({ ms }) => ms)
  for (const [name, quantile] of [
    ['p50', 0.5],
    ['p90', 0.9],
    ['p99', 0.99],
  ] as const)
    yield { ...figureOf(`guard.told-${name}`, 'ms', [quantileOf(all, quantile)]), runs: all.length }
}

const chainsOf = (platform: Platform) => join(platform.data, 'guard', 'chains', 'default')

/** Each act that a line of an incident tells, by whom, and how long after it the line was durable. */
function rowsOf(appended: Appended): { readonly by: number; readonly way: string; readonly ms: number }[] {
  return eventsOf(appended).flatMap(({ event, writtenNs }) => {
    if (!('guard_incident' in event.unmapped)) return []
    return event.unmapped.guard_incident.rows.map(({ by, way, time }) => ({
      by: Number(by.split(':')[0]),
      way,
      ms: Number(writtenNs - (parseRfc3339(time) as bigint)) / 1e6,
    }))
  })
}

const eventsOf = (appended: Appended) =>
  appended.lines().flatMap(({ text, writtenNs }) => {
    const { event } = JSON.parse(text) as { readonly event?: GuardEvent }
    return event === undefined ? [] : [{ event, writtenNs }]
  })

/** One after the other, in turn: what else the machine does hits both. */
async function* echoed(dir: string, node: string, runs: number): AsyncGenerator<Figure> {
  await using guarded = await startEcho(node)
  await using plain = await startEcho(await anotherNode(join(dir, 'other-node')))
  const each = [guarded, plain].map((service) => ({ service, rates: [] as number[], cpu: [] as number[] }))
  for (let i = -2; i < runs * slicesATurn; i += 1)
    for (const { service, rates, cpu } of i % 2 === 0 ? each : each.toReversed()) {
      const before = ranSeconds(service.pid)
      const { count, seconds } = await service.echo(sliceMs)
      if (i < 0) continue
      rates.push(count / seconds)
      cpu.push((1e6 * (ranSeconds(service.pid) - before)) / count)
    }
  const [ours, theirs] = each as [(typeof each)[number], (typeof each)[number]]
  yield beside(figureOf('guard.tls-echo', 'echoes/s', ours.rates), medianOf(theirs.rates))
  yield beside(figureOf('guard.tls-echo-cpu', 'us', ours.cpu), medianOf(theirs.cpu))
}

const beside = (figure: Figure, median: number): Figure => ({
  ...figure,
  peer: 'the same, not protected',
  peer_median: Number(median.toPrecision(4)),
  ratio: Number((figure.median / median).toFixed(3)),
})

async function* killed(platform: Platform, programs: Programs, dir: string, runs: number): AsyncGenerator<Figure> {
  using victim = await startVictim(programs.victim, GiB)
  await using appended = await followAppends(programs.appended, chainsOf(platform), '.ndjson')
  const [ms, left]: [number[], number[]] = [[], []]
  const said = join(dir, 'read')
  for (let i = 0; i < runs * killsATurn; i += 1) {
    writeFileSync(said, Buffer.alloc(16))
    const { pid } = await reach(programs.reach, 'loop', victim, [String(GiB), said])
    await eventually('its end', async () => (isThere(pid) ? undefined : true))
    const numbers = readFileSync(said)
    ms.push(Number(numbers.readBigUInt64LE(0)) / 1e6)
    left.push((GiB - Number(numbers.readBigUInt64LE(8))) / 1e6)
    await clock.sleep(betweenKillsMs)
  }
  const told = () => eventsOf(appended).filter(({ event }) => isKillDone(event)).length
  await eventually('all kills to be told', async () => (told() >= ms.length ? true : undefined))
  yield figureOf('guard.killed', 'ms from the first byte to the last', ms)
  yield { ...figureOf('guard.killed-p99', 'ms', [quantileOf(ms, 0.99)]), runs: ms.length }
  yield figureOf('guard.killed-left', 'MB of 1,074', left)
}

const isKillDone = ({ unmapped }: GuardEvent): boolean =>
  'guard_response' in unmapped && unmapped.guard_response.step === 'kill' && unmapped.guard_response.state === 'done'

function isThere(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

/** All threads' time on a processor: ticks of a hundredth of a second are too coarse for what does little. */
function ranSeconds(pid: number): number {
  const tasks = readdirSync(`/proc/${pid}/task`)
  const ns = tasks.map((tid) => Number(readFileSync(`/proc/${pid}/task/${tid}/schedstat`, 'utf8').split(' ')[0]))
  return ns.reduce((sum, one) => sum + one, 0) / 1e9
}

function memoryMb(pid: number, field: string): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  return (Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]) * 1024) / 1e6
}
