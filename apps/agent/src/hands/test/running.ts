// SPDX-License-Identifier: Apache-2.0
// Hands as a process of their own, without a network, whose guard is the test; and processes for them to end.

import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { createLog, openBootClock, rfc3339, systemClock } from '@sealwatch/base'
import { authorityFingerprint, generateSigner, type StandingOrder, signCommand } from '@sealwatch/keys'
import { foundAuthority } from '@sealwatch/keys/test/found-authority'
import { commandOf, orderOf, signedOrder } from '@sealwatch/keys/test/order-cases'
import { createHandsClient, type HandsClient } from '../../guard/hands-client.ts'
import type { Hello } from '../hands.ts'
import { readEveryStat, readStat } from '../proc-stat.ts'

const handsUid = 64_708
const patienceMs = 30_000
const main = join(import.meta.dirname, '../main.ts')

export type Running = {
  readonly dir: string
  readonly socket: string
  readonly pid: number
  readonly client: HandsClient
  /** What the hands have logged. */
  readonly said: () => string
  /** As the server would sign it now, and what it then is to the hands. */
  order(change?: Partial<StandingOrder>): Promise<string>
  /** Hands them an order and waits until they hold it. */
  take(change?: Partial<StandingOrder>): Promise<void>
  restart(): Promise<void>
  /** A command as the guard would sign it now. */
  commandFor(pid: number): Promise<string>
  /** The code of the refusal of a command that was signed before. */
  sayRaw(command: string): Promise<string>
  stop(): Promise<void>
}

/** `within`: more namespaces of its own besides that of the network. */
export async function startHands(...within: readonly string[]): Promise<Running> {
  const dir = mkdtempSync(join(tmpdir(), 'sealwatch-hands-'))
  chmodSync(dir, 0o711)
  for (const name of ['data', 'run']) {
    mkdirSync(join(dir, name))
    chmodSync(join(dir, name), name === 'data' ? 0o700 : 0o711)
    chownSync(join(dir, name), handsUid, handsUid)
  }
  const [authority, guard] = [foundAuthority('ec'), generateSigner()]
  writeFileSync(join(dir, 'trust.json'), JSON.stringify({ caFingerprint: authorityFingerprint(authority.chain) }))
  const socket = join(dir, 'run/hands.sock')
  const over = new AbortController()
  const log = createLog('guard', () => undefined, systemClock.nowMs)
  const bootNs = openBootClock()
  const client = createHandsClient({ path: socket, signer: guard, bootNs, clock: systemClock, log })
  const running = client.run(over.signal)
  let said = ''
  let child = start()
  await until(
    () => client.state.isConnected,
    () => said,
  )

  function start(): ChildProcess {
    const env = {
      PATH: process.env.PATH,
      SEALWATCH_HANDS_DATA_DIR: join(dir, 'data'),
      SEALWATCH_HANDS_RUN_DIR: join(dir, 'run'),
      SEALWATCH_HANDS_AUTHORITY_FILE: join(dir, 'trust.json'),
      SEALWATCH_HANDS_GUARD_UID: '0',
    }
    const node = [process.execPath, '--disable-warning=ExperimentalWarning', '--disable-sigusr1', main]
    const started = spawn('unshare', ['--net', ...within, ...node], { env, stdio: ['ignore', 'pipe', 'inherit'] })
    started.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text
    })
    return started
  }
  async function end(): Promise<void> {
    const ended = new Promise((resolve) => child.once('exit', resolve))
    // Who waits for the first process of another pid namespace passes no signal on.
    const inner = readEveryStat().find(({ parent }) => parent === child.pid)
    process.kill(inner?.pid ?? (child.pid as number), 'SIGTERM')
    await ended
  }
  let version = 0
  const order = (change: Partial<StandingOrder> = {}) => {
    version += 1
    const nowNs = systemClock.nowNs()
    const times = { issued_at: rfc3339(nowNs), expires_at: rfc3339(nowNs + 3_600_000_000_000n) }
    return signedOrder(orderOf(guard, { version, ...times, ...change }), authority)
  }
  return {
    dir,
    socket,
    get pid() {
      return child.pid as number
    },
    client,
    said: () => said,
    order,
    take: async (change) => {
      client.order(await order(change))
      await until(
        () => client.state.order?.version === version,
        () => `${said} ${JSON.stringify(client.state)}`,
      )
    },
    restart: async () => {
      await end()
      await until(
        () => !client.state.isConnected,
        () => said,
      )
      child = start()
      await until(
        () => client.state.isConnected,
        () => said,
      )
    },
    commandFor: async (pid) => {
      const { nonce, number, order: held } = await helloOf(socket)
      const ends = { pid, start_ns: String(startNsOf(pid)), signal: 'SIGKILL' } as const
      const until_ns = String(bootNs() + 20_000_000_000n)
      const own = { host: held?.host ?? '', nonce, number: number + 1, until_ns, act: { kill: ends } }
      return signCommand(commandOf(held?.digest ?? '', own), guard)
    },
    sayRaw: async (command) => {
      const line = connect(socket)
      try {
        line.write(`${JSON.stringify({ command })}\n`)
        for await (const text of createInterface(line)) {
          const { refused, done } = JSON.parse(text) as { refused?: { code: string } | null; done?: object }
          if (done !== undefined || refused) return refused?.code ?? 'done'
        }
        return 'nothing'
      } finally {
        line.destroy()
      }
    },
    stop: async () => {
      over.abort()
      await end()
      await running
      rmSync(dir, { recursive: true })
    },
  }
}

async function helloOf(path: string): Promise<Hello> {
  const line = connect(path)
  try {
    for await (const text of createInterface(line)) return JSON.parse(text) as Hello
    throw new Error('the hands said nothing')
  } finally {
    line.destroy()
  }
}

export async function until(isTrue: () => boolean, why: () => string): Promise<void> {
  const endMs = Date.now() + patienceMs
  while (!isTrue()) {
    if (Date.now() > endMs) throw new Error(`not within ${patienceMs} ms: ${why()}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** When a process that is there began, as the kernel's events say it, to a tick. */
export function startNsOf(pid: number): bigint {
  const stat = readStat(pid)
  if (stat === undefined) throw new Error(`no process ${pid}`)
  return stat.startTicks * 10_000_000n + 1_234_567n
}

export const isAlive = (pid: number): boolean => readStat(pid)?.isOver === false
