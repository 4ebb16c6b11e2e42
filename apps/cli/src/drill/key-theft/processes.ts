// SPDX-License-Identifier: Apache-2.0
// The processes that the drill key-theft starts: each ends with it.

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '@sealwatch/base'
import { drillFailure } from '../failures.ts'
import type { AttackOrder, AttackSaid, ClientsOrder, ClientsTold, DecoyNews, DecoyOrder } from './protocol.ts'
import type { AttackWay } from './ways.ts'

/** A machine that is busy takes long to start one. */
const startMsMax = 60_000
const saidBytesMax = 64 * 1024

type Started = { readonly child: ChildProcess; readonly pid: number; readonly ended: Promise<unknown> }

/** What lets code into a program, as NODE_OPTIONS, is not handed on; where code is compiled already is. */
type Env = Readonly<Record<string, string | undefined>>

async function started(file: string, { NODE_COMPILE_CACHE }: Env): Promise<Started> {
  const env = NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE }
  const child = fork(join(import.meta.dirname, file), {
    env,
    execArgv: ['--disable-warning=ExperimentalWarning'],
    stdio: ['ignore', 'pipe', 'ignore', 'ipc'],
  })
  const ended = once(child, 'exit')
  await once(child, 'spawn')
  return { child, pid: child.pid as number, ended }
}

async function stop({ child, ended }: Started): Promise<void> {
  child.kill('SIGKILL')
  await ended
}

/** Resolves with what `is` makes of the first message of which it makes something. */
async function message<T>(of: Started, what: string, is: (said: unknown) => T | undefined): Promise<T> {
  const attempted = `waiting until ${what}`
  const stuck = (received: string) => drillFailure('DRILL_DECOY_STUCK', { attempted, received })
  const heard = Promise.withResolvers<T>()
  const patience = AbortSignal.timeout(startMsMax)
  // Two may come at once: none is missed.
  const take = (said: unknown) => {
    try {
      const found = is(said)
      if (found !== undefined) heard.resolve(found)
    } catch (error) {
      heard.reject(error)
    }
  }
  const onLate = () => heard.reject(stuck(`nothing in ${startMsMax / 1000} s`))
  of.child.on('message', take)
  patience.addEventListener('abort', onLate, { once: true })
  of.ended.then(
    () => heard.reject(stuck('it ended')),
    () => undefined,
  )
  try {
    return await heard.promise
  } finally {
    of.child.off('message', take)
    patience.removeEventListener('abort', onLate)
  }
}

/** When a process began: CLOCK_BOOTTIME in nanoseconds, to 10 ms; and whether it stands still though nobody traces it. */
export function lookAt(pid: number): { readonly start_ns: string; readonly isStopped: boolean } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const [state = '', ...fields] = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return { start_ns: String(BigInt(fields[18] as string) * 10_000_000n), isStopped: state === 'T' }
  } catch {
    return undefined
  }
}

export type Decoy = AsyncDisposable & {
  readonly pid: number
  readonly start_ns: string
  readonly mode: string
  readonly epoch: () => number
  /** What was wrong with it when it was registered. */
  readonly audit: readonly string[]
  readonly hasEnded: () => boolean
  /** Lets it go on where an attacker has stopped it: what its supervisor would do. Whether it had to. */
  letGoOn(): boolean
}

export async function startDecoy(order: DecoyOrder, env: Env): Promise<Decoy> {
  const of = await started('decoy.ts', env)
  try {
    let epoch = 0
    let isOver = false
    of.ended.then(
      () => {
        isOver = true
      },
      () => undefined,
    )
    of.child.on('message', (said: DecoyNews) => {
      if (said.news === 'rotated') epoch = said.after
      if (said.news === 'ready') epoch = said.epoch
    })
    of.child.send(order)
    const told = await message(of, 'the decoy is protected', (said) => {
      const news = said as DecoyNews
      if (news.news === 'failed')
        throw drillFailure('DRILL_DECOY_STUCK', { attempted: 'starting the decoy', received: news.detail })
      if (news.news === 'notice')
        throw drillFailure('DRILL_GUARD_IDLE', { attempted: 'protecting the decoy', received: news.text })
      return news.news === 'protected' ? news : undefined
    })
    // It may serve before the guard has answered, and after.
    while (epoch === 0) await message(of, 'the decoy serves', () => true)
    const { mode, audit } = told
    return {
      pid: of.pid,
      start_ns: lookAt(of.pid)?.start_ns ?? '0',
      ...{ mode, audit, epoch: () => epoch, hasEnded: () => isOver },
      letGoOn: () => {
        if (lookAt(of.pid)?.isStopped !== true) return false
        of.child.kill('SIGCONT')
        return true
      },
      [Symbol.asyncDispose]: () => stop(of),
    }
  } catch (error) {
    await stop(of)
    throw error
  }
}

export type Clients = AsyncDisposable & { go(): void; tell(): Promise<ClientsTold> }

/** From now on what is left of the drill's folder is removed when the drill is over, also where it is killed; they ask from `go` on. */
export async function startClients(order: Exclude<ClientsOrder, string>, env: Env): Promise<Clients> {
  const of = await started('clients.ts', env)
  try {
    of.child.send(order)
    await message(of, 'the clients are ready', (said) => (said === 'ready' ? true : undefined))
  } catch (error) {
    await stop(of)
    throw error
  }
  return {
    go: () => void of.child.send('go' satisfies ClientsOrder),
    tell: async () => {
      const told = message(of, 'the clients tell', (said) => said as ClientsTold)
      of.child.send('tell' satisfies ClientsOrder)
      return await told
    },
    [Symbol.asyncDispose]: async () => {
      if (of.child.connected) of.child.disconnect()
      await of.ended
    },
  }
}

export type Attacker = AsyncDisposable & {
  readonly pid: number
  readonly calls: string
  go(): void
  readonly said: () => AttackSaid
  /** When it was seen to have ended, by a signal that the drill did not send: CLOCK_BOOTTIME. Undefined: it has not. */
  readonly killedNs: () => bigint | undefined
}

export async function startAttacker(
  { way, calls }: AttackWay,
  order: Omit<AttackOrder, 'way' | 'calls'>,
  { bootNs, env }: { readonly bootNs: () => bigint; readonly env: Env },
): Promise<Attacker> {
  const of = await started('attacker.ts', env)
  let text = ''
  let killedNs: bigint | undefined
  let isStopping = false
  of.child.stdout?.setEncoding('utf8').on('data', (piece: string) => {
    // The first line, and the last.
    text = (text + piece).length > saidBytesMax ? `${text.slice(0, 64)}\n${piece.slice(-256)}` : text + piece
  })
  of.child.once('exit', (_code, signal) => {
    if (signal === 'SIGKILL' && !isStopping) killedNs = bootNs()
  })
  try {
    of.child.send({ ...order, way, calls })
    await message(of, `the attacker by ${way} is ready`, (said) => (said === 'ready' ? true : undefined))
  } catch (error) {
    isStopping = true
    await stop(of)
    throw error
  }
  return {
    pid: of.pid,
    calls,
    go: () => void of.child.send('go'),
    said: () => {
      const at = /^at (\d+)$/m.exec(text)?.[1]
      const reads = [...text.matchAll(/^bytes (\d+)$/gm)].at(-1)?.[1]
      const error = /^error (.+)$/m.exec(text)?.[1] ?? ''
      return { atNs: at === undefined ? undefined : BigInt(at), bytes: Number(reads ?? 0), error }
    },
    killedNs: () => killedNs,
    [Symbol.asyncDispose]: async () => {
      isStopping = true
      await stop(of)
    },
  }
}

/** Looks again and again, until it is so or the time is over; whether it became so. */
export async function until(isSo: () => boolean, msMax: number, { clock, stop }: { clock: Clock; stop: AbortSignal }) {
  const endNs = clock.monotonicNs() + BigInt(msMax) * 1_000_000n
  while (!isSo()) {
    if (stop.aborted || clock.monotonicNs() > endNs) return false
    await clock.sleep(2, stop)
  }
  return true
}
