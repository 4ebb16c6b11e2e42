// SPDX-License-Identifier: Apache-2.0
// Tests only: a sensor on the real kernel, and an agent that keeps what it says.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { release, tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { createFrameDecoder } from '../agent/src/sources/frame.ts'
import type { Observation, SensorHello, SensorMessage, SensorReport, Site } from '../agent/src/sources/observation.ts'

export const sensorDir = import.meta.dirname
export const binary = (name: string) => join(sensorDir, 'build', name)

export type Event = Observation & { readonly site: Site }
export const isHello = (message: SensorMessage): message is SensorHello => message.kind === 'hello'
export const isReport = (message: SensorMessage): message is SensorReport => message.kind === 'report'
export const isEvent = (message: SensorMessage): message is Event => !isHello(message) && !isReport(message)

const [major = 0, minor = 0] = release().split('.').map(Number)
/** Those of tracepoints, before which programs end with their sensor. */
export const linksArePinned = major > 5 || (major === 5 && minor >= 15)
/** What a ring completes is told with its request. */
export const requestsAreTold = major > 5 || (major === 5 && minor >= 19)

/** A processor that is computed (test/kernel) has other ideas of a minute. */
const isComputed = readFileSync('/proc/cmdline', 'utf8').includes(' sealwatch.guest=')
/** Until a test that waits for something is given up. */
export const patienceMs = isComputed ? 1_800_000 : 180_000

/** Why the kernel tests cannot run here; undefined when they can. */
export function whyNot(): string | undefined {
  if (process.getuid?.() !== 0) return 'the sensor needs root'
  if (!existsSync('/sys/kernel/btf/vmlinux')) return 'this kernel has no BTF'
  const made = spawnSync('make', ['-s', '-C', sensorDir, 'all'], { encoding: 'utf8' })
  if (made.status !== 0) throw new Error(`make all: ${made.stderr}`)
  return undefined
}

/** That whose end they end with: a test, or a whole file. */
export type Ending = { after(end: () => void): void }

/** Call it outside of any test: what several tests of a file share ends with the file. */
export function endingOfFile(): Ending {
  const ends: (() => void)[] = []
  after(() => {
    for (const end of ends) end()
  })
  return { after: (end) => void ends.push(end) }
}

export type TestAgent = {
  readonly socketPath: string
  readonly dir: string
  readonly messages: readonly SensorMessage[]
  /** The first message, old or new, for which this holds. */
  until<T extends SensorMessage>(holds: (message: SensorMessage) => message is T): Promise<T>
  until(holds: (message: SensorMessage) => boolean): Promise<SensorMessage>
  events(): readonly Event[]
  pause(): void
  resume(): void
  /** Cuts the connection without reading what is in it. */
  cut(): void
  say(bytes: Uint8Array): void
}

export async function startAgent(t: Ending): Promise<TestAgent> {
  const dir = mkdtempSync(join(tmpdir(), 'sw-'))
  chmodSync(dir, 0o755)
  const socketPath = join(dir, 's')
  const messages: SensorMessage[] = []
  const waiting = new Set<() => void>()
  let socket: Socket | undefined
  let isPaused = false

  const server = createServer((accepted) => {
    socket = accepted
    const decoder = createFrameDecoder((error) => {
      throw error
    })
    accepted.on('error', () => accepted.destroy())
    accepted.on('data', (chunk: Buffer) => {
      messages.push(...decoder.push(chunk))
      for (const wake of [...waiting]) wake()
    })
    if (isPaused) accepted.pause()
  })
  await new Promise<void>((resolve) => server.listen(socketPath, resolve))
  chmodSync(socketPath, 0o666)
  t.after(() => {
    socket?.destroy()
    server.close()
    rmSync(dir, { recursive: true, force: true })
  })

  function until(holds: (message: SensorMessage) => boolean): Promise<SensorMessage> {
    let seen = 0
    return new Promise((resolve) => {
      const look = () => {
        for (; seen < messages.length; seen++) {
          const message = messages[seen]
          if (message === undefined || !holds(message)) continue
          waiting.delete(look)
          resolve(message)
          return
        }
      }
      waiting.add(look)
      look()
    })
  }

  return {
    socketPath,
    dir,
    messages,
    until: until as TestAgent['until'],
    events: () => messages.filter(isEvent),
    pause: () => {
      isPaused = true
      socket?.pause()
    },
    resume: () => {
      isPaused = false
      socket?.resume()
    },
    cut: () => void socket?.destroy(),
    say: (bytes) => void socket?.write(bytes),
  }
}

export type TestSensor = {
  readonly child: ChildProcess
  readonly pid: number
  log(): string
  /** Sends a signal, if given, and waits for the end. */
  end(signal?: NodeJS.Signals): Promise<number | null>
}

let instances = 0
/** A name of its own for the counters of one test; they are removed after it. */
export function newInstance(t: Ending): string {
  const name = `test-${process.pid}-${instances++}`
  t.after(() => rmSync(`/sys/fs/bpf/sealwatch-${name}`, { recursive: true, force: true }))
  for (const kept of [name, `${name}.canary`]) t.after(() => rmSync(`/run/sealwatch-sensor/${kept}`, { force: true }))
  return name
}

export function startSensor(t: Ending, args: readonly string[], command: readonly string[] = []): TestSensor {
  // What it does by itself would be among what a test counts.
  const quiet = args.includes('--canary-seconds') ? [] : ['--canary-seconds', '0']
  const [file = '', ...rest] = [...command, binary('sensor'), ...args, ...quiet]
  const child = spawn(file, rest, { stdio: ['ignore', 'ignore', 'pipe'] })
  let log = ''
  child.stderr?.setEncoding('utf8').on('data', (text) => {
    log += text
  })
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve))
  t.after(() => {
    spawnSync('pkill', ['-KILL', '-P', String(child.pid)]) // the sensor itself, when a command was put before it
    child.kill('SIGKILL')
    child.stderr?.destroy()
  })
  return {
    child,
    pid: child.pid ?? 0,
    log: () => log,
    end: (signal) => {
      if (signal !== undefined) child.kill(signal)
      return closed
    },
  }
}

/** Runs a command; gives its pid and whether it ended with 0. */
export function run(file: string, ...args: readonly string[]): { pid: number; ok: boolean; stdout: string } {
  const { pid, status, stdout } = spawnSync(file, args, { encoding: 'utf8' })
  return { pid, ok: status === 0, stdout }
}

/** A process of the sensor's own, by its name. */
export function childOf(pid: number, name: string): number {
  const { stdout } = run('pgrep', '-P', String(pid), '-x', name)
  if (!/^\d+\n$/.test(stdout)) throw new Error(`${pid} has not one child ${name}: ${stdout}`)
  return Number(stdout)
}

/** Of a process: its capabilities, in hexadecimal, and what it may become. */
export function rightsOf(pid: number) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const of = (name: string) => new RegExp(`^${name}:\\s(.*)$`, 'm').exec(status)?.[1] ?? ''
  const [inherited, permitted, effective, bounds, ambient] = ['Inh', 'Prm', 'Eff', 'Bnd', 'Amb'].map((set) =>
    of(`Cap${set}`).replace(/^0+(?=.)/, ''),
  )
  if (inherited !== '0' || ambient !== '0' || permitted !== effective) throw new Error(status)
  return { kept: permitted, bounds, newPrivileges: of('NoNewPrivs') !== '1', uids: of('Uid').split('\t').map(Number) }
}
