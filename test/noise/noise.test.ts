// SPDX-License-Identifier: Apache-2.0
// Normal life beside a protected server under load: nobody is told of it.

import assert from 'node:assert/strict'
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { copyFile, mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { systemClock as clock } from '@sealwatch/base'
import { eventually, freePort, startPlatform, whyNot } from '../system/platform.ts'
import { alertsOf, eventsIn, type Told } from './alerts.ts'

const minutes = Number(process.env.NOISE_MINUTES ?? 10)
const platform = { skip: whyNot() ?? false, timeout: (minutes + 8) * 60_000 } as const

/** Compiles, collects and opens connections all the time. */
const shop = `
const { createServer } = require('node:http')
const { createHmac } = require('node:crypto')
const kept = []
createServer((request, response) => {
  kept.push(Array.from({ length: 200 }, (_, i) => ({ i, at: Date.now(), text: 'x'.repeat(i) })))
  if (kept.length > 400) kept.splice(0, 300)
  const total = new Function('a', 'return a.reduce((sum, one) => sum + one.i + ' + (Date.now() % 97) + ', 0)')
  response.end(createHmac('sha256', 'k').update(String(total(kept.at(-1)))).digest('hex'))
}).listen(Number(process.argv[1]), '127.0.0.1', () => console.log('ready'))`

const buyer = `
const { get, Agent } = require('node:http')
const agent = new Agent({ keepAlive: true, maxSockets: 4 })
setInterval(() => get({ port: Number(process.argv[1]), agent }, (r) => r.resume()).on('error', () => {}), 10)`

type Program = readonly [string, ...string[]]

/** One after the other, again and again. */
const life = (pid: number, dir: string): readonly Program[] => [
  ['ps', 'auxwwf'],
  ['ps', 'auxeww'],
  ['top', '-b', '-n', '1'],
  ['lsof', '-p', String(pid)],
  ['lsof', '-i', '-n', '-P'],
  ['ss', '-tanp'],
  ['pgrep', '-af', 'node'],
  ['pidof', 'node'],
  ['pstree', '-ap'],
  ['fuser', '-v', '-n', 'tcp', '80'],
  ['pidstat', '-rud', '-p', 'ALL', '1', '1'],
  ['vmstat', '1', '2'],
  ['free', '-m'],
  ['uptime'],
  ['pmap', '-x', String(pid)],
  ['logrotate', '-f', '-s', join(dir, 'logrotate.state'), join(dir, 'logrotate.conf')],
  [process.execPath, '-e', '0'],
  ['runc', '--root', join(dir, 'runc'), 'run', '--bundle', join(dir, 'bundle'), `quiet-${process.pid}`],
  ['kill', '-0', String(pid)],
  ['renice', '0', '-p', String(pid)],
]

/** For as long as the test goes on. */
const daemons = (dir: string, port: number): readonly Program[] => [
  ['top', '-b', '-d', '2'],
  ['script', '-qefc', 'htop -d 20', join(dir, 'htop')],
  [
    'prometheus-node-exporter',
    `--web.listen-address=127.0.0.1:${port}`,
    '--collector.processes',
    '--collector.systemd=false',
  ],
]

/** What systemd, and every agent of a monitoring, reads of each process. */
const readsOfAll = [
  'stat',
  'status',
  'cgroup',
  'comm',
  'cmdline',
  'loginuid',
  'sessionid',
  'oom_score_adj',
  'limits',
  'smaps_rollup',
  'io',
  'wchan',
  'schedstat',
]

const places = ['/usr/sbin', '/usr/bin', '/sbin', '/bin']
function isInstalled(program: string): boolean {
  if (program.startsWith('/')) return true
  return places.some((place) => {
    try {
      accessSync(join(place, program))
      return true
    } catch {
      return false
    }
  })
}

const ended = ({ file, args }: { file: string; args: readonly string[] }) =>
  new Promise<void>((resolve) => {
    execFile(file, args, { timeout: 20_000, maxBuffer: 2 ** 26, cwd: '/' }, () => resolve())
  })

test(
  `RIM-2: in ${minutes} minutes of normal life beside a protected server nobody opens an incident, and no rule alerts`,
  platform,
  async (t) => {
    await using dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-noise-'))
    chmodSync(dir.path, 0o755)
    const node = join(dir.path, 'node')
    await copyFile(process.execPath, node)
    prepareLogs(dir.path)
    prepareContainer(dir.path)
    const whole = await startPlatform()
    t.after(() => whole.down())
    writeFileSync(
      join(whole.data, 'guard.json'),
      JSON.stringify({ responses: { kill: 'on' }, protect: [{ name: 'shop', exe: node }] }),
    )
    const before = (await whole.pidOf('guard')) as number
    process.kill(before, 'SIGKILL')
    await eventually('another guard', async () => ((await whole.pidOf('guard')) ?? before) !== before || undefined)
    await eventually(
      'doctor to be green',
      async () => (await whole.sealwatch('doctor')).code === 0 || undefined,
      120_000,
    )

    // Its start is normal life, too.
    const sinceMs = clock.nowMs()
    const [port, exporter] = [await freePort(), await freePort()]
    const children: ChildProcess[] = []
    t.after(() => {
      for (const child of children) child.kill('SIGKILL')
    })
    // Without the flags that tests give to Node.js: a runtime that is given flags is told of.
    const { NODE_OPTIONS: _, ...env } = process.env
    const server = spawn(node, ['-e', shop, String(port)], { stdio: ['ignore', 'pipe', 'inherit'], env })
    children.push(server)
    await once(createInterface(server.stdout), 'line')
    const pid = server.pid as number
    children.push(spawn(process.execPath, ['-e', buyer, String(port)], { stdio: 'ignore' }))
    const missing = new Set<string>()
    const there = ([program]: Program) => isInstalled(program) || !missing.add(program)
    for (const [program, ...args] of daemons(dir.path, exporter).filter(there))
      children.push(spawn(program, args, { stdio: 'ignore', env: { ...process.env, TERM: 'xterm' } }))

    const lifeMs = clock.nowMs()
    let rounds = 0
    for (; clock.nowMs() - lifeMs < minutes * 60_000; rounds += 1) {
      for (const [file, ...args] of life(pid, dir.path).filter(there)) await ended({ file, args })
      await fetch(`http://127.0.0.1:${exporter}/metrics`).then(
        (response) => response.text(),
        () => '',
      )
      readAll()
    }
    assert.equal(server.exitCode, null)
    if (missing.size > 0) t.diagnostic(`not installed, and left out: ${[...missing].join(', ')}`)

    const parts = ['server', 'agent', 'guard', 'hands', 'sensor', 'supervisor', 'dev-login']
    const pids = new Set([pid, ...(await Promise.all(parts.map(whole.pidOf)))])
    // What others do on this machine meanwhile is theirs.
    const isOfUs = (event: Told) =>
      [event.actor?.process, ...(event.actor?.process?.ancestry ?? [])].some((one) => one?.pid === process.pid) ||
      [event.process, ...(event.evidences ?? []).map((one) => one.process)].some(
        (one) => one !== undefined && pids.has(one.pid),
      )
    const alerts = alertsOf(eventsIn(whole.data, sinceMs))
    const ours = alerts.filter(({ event }) => isOfUs(event))
    t.diagnostic(`${rounds} rounds; ${alerts.length - ours.length} alerts of what others did`)
    assert.deepEqual(
      ours.map(({ rule, event }) => `${rule.path}: ${event.message}`),
      [],
    )
  },
)

function prepareLogs(dir: string): void {
  const log = join(dir, 'logs', 'shop.log')
  mkdirSync(join(dir, 'logs'))
  writeFileSync(log, 'x')
  writeFileSync(join(dir, 'logrotate.conf'), `${log} {\n  su root root\n  rotate 3\n  copytruncate\n  missingok\n}\n`)
}

/** A bundle of runc whose one program is a static busybox, where there is one. */
function prepareContainer(dir: string): void {
  const bundle = join(dir, 'bundle')
  mkdirSync(join(bundle, 'rootfs', 'bin'), { recursive: true })
  for (const name of ['proc', 'dev', 'sys']) mkdirSync(join(bundle, 'rootfs', name))
  writeFileSync(
    join(bundle, 'config.json'),
    JSON.stringify({
      ociVersion: '1.0.2',
      process: { cwd: '/', args: ['/bin/busybox', 'true'], env: ['PATH=/bin'], user: { uid: 0, gid: 0 } },
      root: { path: 'rootfs' },
      mounts: [{ destination: '/proc', type: 'proc', source: 'proc' }],
      linux: { namespaces: ['pid', 'mount', 'ipc', 'uts'].map((type) => ({ type })) },
    }),
  )
  if (isInstalled('busybox')) execFile('cp', ['/bin/busybox', join(bundle, 'rootfs', 'bin')])
}

function readAll(): void {
  for (const name of readdirSync('/proc').filter((one) => /^\d+$/.test(one)))
    for (const file of readsOfAll)
      try {
        readFileSync(join('/proc', name, file))
      } catch {
        // It has ended, or has no such file.
      }
}
